//! Nothing appears from nowhere, and nothing is lost that is not said.

use super::*;
use crate::{
    Panel,
    assumptions::{Assumptions, Fill},
    plain,
};
use alloy_primitives::{Address, B256};
use proptest::prelude::*;
use quaestor_core::{Policy, Purpose, snapshot::Control};

const ASSETS: usize = 4;

/// A swap of so many thousandths of what is held of one asset for another.
type Step = (usize, usize, u64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..ASSETS, 1..ASSETS, 1u64..=1_000);
    proptest::collection::vec(step.prop_map(|(sell, by, part)| (sell, (sell + by) % ASSETS, part)), 1..8)
}

fn swap(sell: usize, buy: usize, amount_in: Amount) -> Intent {
    let [sell, buy] = [sell, buy].map(|asset| AssetId(asset as u16));
    let action = Action::Swap { venue: VenueId(0), sell, buy, fee_pips: 500, amount_in, amount_out_min: Amount::ZERO };
    Intent {
        account: AccountId(0),
        purpose: Purpose::Strategy { line: B256::ZERO, leg: 0 },
        asset: sell,
        counterparty: Address::ZERO,
        amount: amount_in,
        value: Value::ZERO,
        actions: [action].into_iter().collect(),
    }
}

proptest! {
    /// Value before is value after, fees, slippage and impact, to the last unit: what is missing beside them is less than one base
    /// unit of each token that was bought, since tokens have no smaller one, and of each sum that was rounded.
    #[test]
    fn value_in_is_value_out_and_costs(
        held in proptest::array::uniform4(0u128..10u128.pow(27)),
        prices in proptest::array::uniform4(10u128.pow(12)..10u128.pow(23)),
        steps in steps(),
        (fee_bps, slippage_bps) in (0u64..300, 0u64..300),
        before_costs: bool,
        depth_usd in proptest::option::of(1u64..1_000_000),
    ) {
        let weights: Vec<(String, u64)> = (1..ASSETS).map(|index| (format!("A{index}"), 1_000)).collect();
        let policy = quaestor_policies::parse(plain::policy(&weights, 600, Fill::NextBar).as_bytes(), &plain::catalog()).unwrap();
        let symbols = weights.iter().map(|(name, _)| name.clone()).collect();
        let panel = Panel::synthetic(symbols, 0, vec![1, 2], B256::ZERO);
        let targets = if before_costs { Targets::BeforeCosts } else { Targets::AfterCosts };
        let costs = Costs { fee_bps: Some(fee_bps), slippage_bps, targets, ..Costs::default() };
        let depth_usd = depth_usd.map(|usd| ("A2".to_owned(), usd.to_string())).into_iter().collect();
        let assumed = Assumptions { costs, depth_usd, ..Assumptions::default() }.check(policy.terms()).unwrap();
        let market = Market::new(&panel, policy.terms(), &assumed).unwrap();
        let prices = prices.map(Price);
        let (terms, prices_now) = (policy.terms(), &prices);
        let venue =
            Venue { terms, market: &market, costs, prices: prices_now, bar: 0, pools_of: 0, says_value: false };
        let control = Control::Timelock { delay_secs: 0, governor_schedules: true };
        let mut rows = vec![AccountReading { address: Address::ZERO, balances: held.map(Amount).to_vec(), control }];
        let value = |rows: &[AccountReading]| -> u128 {
            rows[0].balances.iter().zip(&prices).map(|(held, price)| held.value_at(*price, WAD).unwrap().0).sum()
        };
        let (before, mut all, mut rounding) = (value(&rows), Done::default(), 0);
        for (sell, buy, part) in steps {
            let amount = Amount(rows[0].balances[sell].0 / 1_000 * u128::from(part));
            let done = venue.carry_out(AccountId(0), &[swap(sell, buy, amount)], &mut rows).unwrap();
            all.fees = all.fees.checked_add(done.fees).unwrap();
            all.slippage = all.slippage.checked_add(done.slippage).unwrap();
            all.impact = all.impact.checked_add(done.impact).unwrap();
            // A base unit of what is bought, and of what is sold on top; each value that was rounded down.
            rounding += prices[buy].0 / WAD + prices[sell].0 / WAD + 8;
        }
        let after = value(&rows) + all.fees.0 + all.slippage.0 + all.impact.0;
        prop_assert!(after <= before + rounding, "{} appeared from nowhere", after - before);
        prop_assert!(before <= after + rounding, "{} was lost", before - after);
    }
}

/// A side of ETH's pool holds 200,498.756 dollars, one of BTC's ten times as much, one of the cash's as much as ETH's.
#[test]
fn a_swap_moves_the_price_of_what_is_no_stable_asset() {
    let weights = plain::weights("ETH=5000,BTC=1000").unwrap();
    let text = plain::policy(&weights, 0, Fill::NextBar);
    let text = text.replace("[venues.market]", "[assets.DAI]\nkind = \"stable\"\naddress = \"eip155:1:0x2000000000000000000000000000000000000001\"\ndecimals = 18\nfeeds = [\"eip155:1:0x2000000000000000000000000000000000000002\"]\nstaleness_max = \"1d\"\n\n[venues.market]");
    let policy = quaestor_policies::parse(text.as_bytes(), &plain::catalog()).unwrap();
    let terms = policy.terms();
    let depth_usd = [("ETH", "1000"), ("BTC", "10000"), (plain::CASH, "1000")];
    let depth_usd = depth_usd.map(|(symbol, usd)| (symbol.to_owned(), usd.to_owned())).into();
    let assumed = Assumptions { depth_usd, ..Assumptions::default() }.check(terms).unwrap();
    let symbols = vec!["ETH".to_owned(), "BTC".to_owned()];
    let prices = vec![Price(100 * WAD); 4];
    let panel = Panel::new(symbols, 0, vec![60, 120], prices.clone(), prices).unwrap();
    let market = Market::new(&panel, terms, &assumed).unwrap();
    let prices: Vec<Price> = (0..terms.assets.len()).map(|asset| market.price(0, asset, 0).unwrap()).collect();
    let costs = assumed.costs;
    let venue = Venue { terms, market: &market, costs, prices: &prices, bar: 0, pools_of: 0, says_value: false };
    let brought = |sell: &str, buy: &str| {
        let [sell, buy] = [sell, buy].map(|symbol| terms.asset_named(symbol).unwrap());
        venue.brought(sell, buy, Value(10_000 * WAD)).unwrap().0 as f64 / WAD as f64
    };
    // 10,000 · D / (D + 10,000), and for two after another 1 / (1/10,000 + 1/D + 1/D′).
    let (eth, both, cash) = (9_524.937_810_560, 9_479.902_378_763, 9_524.937_810_560);
    for (sell, buy, expected) in [
        (plain::CASH, "ETH", eth),
        ("ETH", plain::CASH, eth),
        ("ETH", "BTC", both),
        ("BTC", "ETH", both),
        ("DAI", plain::CASH, cash),
        ("DAI", "ETH", eth),
    ] {
        let found = brought(sell, buy);
        assert!((found - expected).abs() < 1e-6, "{sell} for {buy}: {found}");
    }
    // (D / (D + 10,000))² = 0.90724: the price of the pool ends 927.6 bps lower.
    let (kept, brought) = (Value(10_000 * WAD), Value(9_524_937_810_560_000_000_000));
    for (bound, too_far) in [(None, false), (Some(928), false), (Some(927), true), (Some(1), true)] {
        let mut terms = terms.clone();
        terms.venues[0].price_impact_bps_max = bound;
        let venue = Venue { terms: &terms, ..venue };
        assert_eq!(venue.is_pushed_too_far(VenueId(0), kept, brought), too_far, "{bound:?}");
    }
}
