//! What `dca` trades, how often, and at which prices.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod world;

use proptest::prelude::*;
use quaestor_core::{AssetId, Purpose, amount::WAD, policy::StrategyTerms, strategy::StrategyHold};
use std::collections::BTreeMap;
use world::{CASH, NOW, USDC_ONE, World, named, usdc, volatile};

const ETH: AssetId = AssetId(1);
const WEEK: u64 = 604_800;

fn buys(extra: &[(&str, &str)]) -> StrategyTerms {
    let mut params = vec![("account", "operations"), ("sell", "USDC"), ("buy", "WETH"), ("every", "7d")];
    params.extend(extra);
    named("savings", "dca", &params)
}

fn treasury(cash: u128) -> World {
    let holdings = [usdc(None, cash * USDC_ONE, 0), volatile("WETH", 2_000, (0, 5_000, 10_000), WAD)];
    World::new(&holdings).with(buys(&[("amount", "500 USDC"), ("price_max", "2500 USD")]))
}

#[test]
fn it_buys_once_in_each_period() {
    let world = treasury(1_200).at(NOW - NOW % WEEK + WEEK - 10);
    let decided = world.decide();
    // A quarter of a token of 2,000 USD, less half a percent of slippage.
    let least = WAD / 4 * 9_950 / 10_000;
    assert_eq!(decided.swaps(), [(CASH, ETH, 500 * USDC_ONE, least)]);
    assert!(matches!(decided.intents[0].purpose, Purpose::Payment { period, .. } if period == NOW / WEEK));
    assert_eq!((decided.refused().len(), decided.holds.len()), (0, 0));

    let now = world.snapshot.block.timestamp;
    let done = world.done(&decided.intents);
    let again = done.clone().at(now + 9).decide();
    assert_eq!((again.intents.len(), again.holds.len()), (0, 0), "the last second of the period");
    let next = done.at(now + 10).decide();
    assert_eq!(next.swaps(), decided.swaps(), "the first second of the next");
}

#[test]
fn a_period_left_out_is_not_made_up_for() {
    let mut world = treasury(10_000);
    world = world.done(&world.decide().intents);
    let later = world.at(NOW + 4 * WEEK).decide();
    assert_eq!(later.value().0, 500 * WAD);
}

#[test]
fn a_price_beyond_its_limit_is_left_alone() {
    let dear = treasury(1_200).answering(ETH, &[2_500_000_001]).decide();
    assert_eq!((dear.intents.len(), dear.holds), (0, vec![StrategyHold::PriceLimit]));
    assert_eq!(treasury(1_200).answering(ETH, &[2_500_000_000]).decide().intents.len(), 1);

    let params =
        [("account", "operations"), ("sell", "WETH"), ("buy", "USDC"), ("every", "1d"), ("amount", "0.5 WETH")];
    let sells = |price: &str| {
        let mut params = params.to_vec();
        params.push(("price_min", price));
        let mut world = treasury(0);
        world.terms.strategies = vec![named("diversify", "dca", &params)];
        world.decide()
    };
    assert_eq!(sells("2000 USD").swaps(), [(ETH, CASH, WAD / 2, 995 * USDC_ONE)]);
    let cheap = sells("2000.01 USD");
    assert_eq!((cheap.intents.len(), cheap.holds), (0, vec![StrategyHold::PriceLimit]));
}

#[test]
fn all_of_it_or_nothing() {
    let poor = treasury(499).decide();
    assert_eq!((poor.intents.len(), poor.holds), (0, vec![StrategyHold::NoBalance]));
    let mut capped = treasury(3_000);
    capped.terms.limits.proposal_bps_max = 2_000;
    assert_eq!(capped.decide().intents.len(), 1);
    let held = |world: &World| {
        let decided = world.decide();
        (decided.intents.len(), decided.holds)
    };
    // Half of a fifth of 5,000 USD is what it needs.
    let half = capped.clone().strategy(|it| it.share_bps_max = Some(5_000));
    assert_eq!(half.decide().intents.len(), 1);
    assert_eq!(held(&half.strategy(|it| it.share_bps_max = Some(4_999))), (0, vec![StrategyHold::NoRoom]));
    let mut floor = treasury(3_000);
    floor.terms.limits.stable_share_bps_min = 5_500;
    assert_eq!(held(&floor), (0, vec![StrategyHold::NoRoom]));
    let mut band = treasury(3_000);
    band.terms.bands[0].max_bps = 4_999;
    assert_eq!(held(&band), (0, vec![StrategyHold::NoRoom]));
}

#[test]
fn what_an_earlier_strategy_sells_it_does_not_buy() {
    let mut world = treasury(1_200);
    world.terms.bands[0] = quaestor_core::policy::Band { asset: ETH, min_bps: 0, target_bps: 1_000, max_bps: 2_000 };
    world.terms.strategies.insert(0, world::rebalance("100 USD"));
    let decided = world.decide();
    assert_eq!(decided.swaps().iter().map(|swap| swap.0).collect::<Vec<_>>(), [ETH]);
    assert_eq!((decided.holds, decided.verdicts.len()), (vec![StrategyHold::Opposed], 1));
}

#[test]
fn wrong_parameters_say_what_to_write() {
    let problems = |extra: &[(&str, &str)]| {
        let mut world = treasury(0);
        world.terms.strategies = vec![buys(extra)];
        world.problems()
    };
    assert_eq!(
        problems(&[("amount", "0 USDC")]),
        [
            ": trades at any price; write `price_min`, the least price of what is sold, or `price_max`, the greatest of what \
             is bought, such as `2000 USD`",
            "amount: is zero; write how much to sell in each period",
        ]
    );
    assert_eq!(
        problems(&[("amount", "5 USDC"), ("price_max", "0 USD"), ("every", "59m")]),
        [
            "every: `59m` is not a duration from 3600s to 2592000s; write a whole number with s, m, h or d, such as `7d`",
            "price_max: is zero; write a price such as `1500 USD`",
        ]
    );
    let limit = ("price_max", "1 USD");
    assert_eq!(
        problems(&[("amount", "5 USDC"), limit, ("buy", "USDC")]),
        ["buy: is what is sold; write another asset"]
    );
    assert_eq!(problems(&[("amount", "5 USDC"), limit, ("every", "31d")]).len(), 1);
    let mut world = treasury(0);
    world.terms.venues.clear();
    assert_eq!(
        world.problems(),
        ["buy: no pool of this policy joins USDC and WETH; list one at a venue or write another asset"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn never_twice_a_period_never_beyond_its_price_and_always_the_same(
        days in prop::collection::vec((3_600u64..400_000, 1_500u128..3_500), 1..40),
    ) {
        let mut world = treasury(5_000);
        let mut periods: BTreeMap<u64, usize> = BTreeMap::new();
        for (wait, price) in days {
            let now = world.snapshot.block.timestamp + wait;
            world = world.answering(ETH, &[price * 1_000_000]).at(now);
            let spendable = world.snapshot.accounts[0].balances[0].0;
            let decided = world.decide();
            prop_assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
            let may = price <= 2_500 && spendable >= 500 * USDC_ONE && !periods.contains_key(&(now / WEEK));
            prop_assert_eq!(decided.intents.len(), usize::from(may));
            if may {
                *periods.entry(now / WEEK).or_default() += 1;
                prop_assert_eq!(decided.intents[0].amount.0, 500 * USDC_ONE);
            }
            world = world.done(&decided.intents);
        }
        prop_assert!(periods.values().all(|count| *count == 1));
    }
}
