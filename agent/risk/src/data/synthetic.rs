//! Made-up position and flow histories on real prices, for the demo and tests. Every record says that it is synthetic.

use super::{
    closes::Market,
    error::DataError,
    records::{DayRecord, MemberRecords, Origin},
};
use alloy_primitives::B256;
use rand_chacha::{ChaCha20Rng, rand_core::Rng};

/// What kind of treasury is made up.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The member's name.
    pub name: String,
    /// Assets and the shares of NAV around which its holdings wander; shares sum to one.
    pub shares: Vec<(String, f64)>,
    /// Value on its first day, quote currency.
    pub value: f64,
    /// Paid in a month on the first day, as a share of value.
    pub burn_month: f64,
    /// Earned in a month on the first day, as a share of value.
    pub revenue_month: f64,
    /// Days between two rebalancings.
    pub rebalance_days: u32,
}

/// Four treasuries that hold ETH, BTC, UNI and AAVE, each with a burn and a revenue of its own.
pub fn demo_profiles() -> Vec<Profile> {
    let profile = |name: &str, shares: &[(&str, f64)], value, burn_month, revenue_month, rebalance_days| Profile {
        name: name.into(),
        shares: shares.iter().map(|(symbol, share)| ((*symbol).into(), *share)).collect(),
        value,
        burn_month,
        revenue_month,
        rebalance_days,
    };
    vec![
        profile("eth-holder", &[("ETH", 0.75), ("BTC", 0.05), ("USDC", 0.20)], 40e6, 0.020, 0.008, 45),
        profile("btc-holder", &[("BTC", 0.70), ("ETH", 0.10), ("USDC", 0.20)], 25e6, 0.010, 0.002, 60),
        profile("uni-holder", &[("UNI", 0.80), ("ETH", 0.05), ("USDC", 0.15)], 80e6, 0.015, 0.000, 30),
        profile("aave-holder", &[("AAVE", 0.65), ("ETH", 0.15), ("USDC", 0.20)], 60e6, 0.025, 0.010, 30),
    ]
}

/// The largest share of what a treasury holds of one asset that a day's payment may take.
const PAYMENT_SHARE_MAX: f64 = 0.5;
/// Standard deviation of the logarithm of a daily flow: some days nothing much, some days a grant.
const FLOW_SPREAD: f64 = 0.8;
/// Standard deviation of a share at a rebalancing, relative to the share.
const SHARE_SPREAD: f64 = 0.25;

/// Records of a treasury of this kind on every day for which all its assets have a close, from the generator's present
/// place on. Members get streams of their own (`set_stream`), so that none depends on how many come before it.
///
/// It begins at its shares, pays and earns in its stable assets (in the others where these are used up), and rebalances
/// to shares that wander. Burn and revenue stay as they are in the quote currency, as salaries do.
///
/// # Errors
/// If an asset has no closes, or they have no day in common.
pub fn synthesise(market: &Market, profile: &Profile, generator: &mut ChaCha20Rng) -> Result<MemberRecords, DataError> {
    let origin = Origin::Synthetic { seed: B256::from(generator.get_seed()), stream: generator.get_stream() };
    let name = profile.name.clone();
    let unknown = |symbol: &String| DataError::AssetUnknown { member: name.clone(), symbol: symbol.clone() };
    let series = profile.shares.iter().map(|(symbol, _)| market.of(symbol).ok_or_else(|| unknown(symbol)));
    let series = series.collect::<Result<Vec<_>, _>>()?;
    let first = series.iter().map(|closes| closes.days().start).max().unwrap_or(0);
    let end = series.iter().map(|closes| closes.days().end).min().unwrap_or(0);
    let shares: Vec<f64> = profile.shares.iter().map(|(_, share)| *share).collect();
    let [burn_daily, revenue_daily] = [profile.burn_month, profile.revenue_month].map(|of| profile.value * of / 30.0);
    let mut holdings: Vec<f64> = Vec::new();
    let mut days = Vec::new();
    for day in first..end {
        // Every day of the range has a close of every asset.
        let prices: Vec<f64> = series.iter().filter_map(|closes| closes.close(day)).collect();
        if holdings.is_empty() {
            holdings = shares.iter().zip(&prices).map(|(share, price)| profile.value * share / price).collect();
        }
        let burn = burn_daily * lognormal(generator);
        let revenue = revenue_daily * lognormal(generator);
        let stable = |position: usize| series[position].is_stable();
        let paid = pay(&mut holdings, &prices, stable, burn);
        let earned_in = (0..holdings.len()).find(|position| stable(*position)).unwrap_or(0);
        holdings[earned_in] += revenue / prices[earned_in];
        if (day - first) % profile.rebalance_days.max(1) == profile.rebalance_days.max(1) - 1 {
            rebalance(&mut holdings, &prices, &shares, generator);
        }
        days.push(DayRecord { day, holdings: holdings.clone(), burn: paid, revenue });
    }
    let symbols = profile.shares.iter().map(|(symbol, _)| symbol.clone()).collect();
    MemberRecords::new(name, origin, symbols, days)
}

/// Takes `due` from stable assets first, then from the others, and says how much there was.
fn pay(holdings: &mut [f64], prices: &[f64], stable: impl Fn(usize) -> bool, due: f64) -> f64 {
    let mut left = due;
    for wanted in [true, false] {
        for position in (0..holdings.len()).filter(|position| stable(*position) == wanted) {
            let taken = left.min(holdings[position] * prices[position] * PAYMENT_SHARE_MAX);
            holdings[position] -= taken / prices[position];
            left -= taken;
        }
    }
    due - left
}

fn rebalance(holdings: &mut [f64], prices: &[f64], shares: &[f64], generator: &mut ChaCha20Rng) {
    let value: f64 = holdings.iter().zip(prices).map(|(held, price)| held * price).sum();
    let wander = |share: &f64| share * libm::exp(SHARE_SPREAD * normal(generator));
    let wanted: Vec<f64> = shares.iter().map(wander).collect();
    let total: f64 = wanted.iter().sum();
    for ((held, price), share) in holdings.iter_mut().zip(prices).zip(&wanted) {
        *held = value * share / total / price;
    }
}

/// Mean one.
fn lognormal(generator: &mut ChaCha20Rng) -> f64 {
    libm::exp(FLOW_SPREAD * normal(generator) - FLOW_SPREAD * FLOW_SPREAD / 2.0)
}

/// Box and Muller (1958), the cosine alone: two uniform numbers of 53 bits each, the first above zero.
fn normal(generator: &mut ChaCha20Rng) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    let [first, second] = [generator.next_u64(), generator.next_u64()].map(|bits| (bits >> 11) as f64);
    libm::sqrt(-2.0 * libm::log((first + 1.0) * STEP)) * libm::cos(std::f64::consts::TAU * second * STEP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::closes::Closes;
    use rand_chacha::rand_core::SeedableRng;

    fn market(days: u32) -> Market {
        let series = |symbol: &str, stable, first: u32, price: fn(u32) -> f64| {
            let rows: Vec<_> = (first..first + days).map(|day| (day, price(day))).collect();
            Closes::new(symbol, stable, &rows).unwrap()
        };
        let risky = |day: u32| 100.0 + f64::from(day % 17);
        Market::new(vec![series("ETH", false, 100, risky), series("USDC", true, 110, |_| 1.0)]).unwrap()
    }

    fn profile() -> Profile {
        Profile {
            name: "a".into(),
            shares: vec![("ETH".into(), 0.8), ("USDC".into(), 0.2)],
            value: 1e6,
            burn_month: 0.05,
            revenue_month: 0.01,
            rebalance_days: 30,
        }
    }

    fn generator(stream: u64) -> ChaCha20Rng {
        let mut generator = ChaCha20Rng::seed_from_u64(7);
        generator.set_stream(stream);
        generator
    }

    #[test]
    fn the_same_seed_and_stream_give_the_same_records_and_others_do_not() {
        let of = |stream| synthesise(&market(200), &profile(), &mut generator(stream)).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1).days(), of(2).days());
        assert_eq!(of(2).origin(), Origin::Synthetic { seed: B256::from(generator(2).get_seed()), stream: 2 });
        assert_eq!(of(1).origin().label(), "synthetic");
    }

    #[test]
    fn records_begin_where_all_assets_have_prices_and_flows_add_up() {
        let market = market(200);
        let found = synthesise(&market, &profile(), &mut generator(3)).unwrap();
        let days = found.days();
        assert_eq!((days[0].day, days.last().unwrap().day), (110, 299));
        let worth = |record: &DayRecord| {
            let prices = [market.of("ETH").unwrap().close(record.day).unwrap(), 1.0];
            record.holdings.iter().zip(prices).map(|(held, price)| held * price).sum::<f64>()
        };
        for (before, after) in days.iter().zip(&days[1..]) {
            // Yesterday's holdings at today's prices, less paid, plus earned.
            let carried = worth(&DayRecord { day: after.day, ..before.clone() });
            let expected = carried - after.burn + after.revenue;
            assert!((worth(after) - expected).abs() < 1e-6 * expected, "day {}", after.day);
        }
        let paid: f64 = days.iter().map(|record| record.burn).sum();
        let monthly = paid / days.len() as f64 * 30.0 / 1e6;
        assert!((0.035..0.065).contains(&monthly), "{monthly}");
    }

    #[test]
    fn an_asset_without_prices_is_named() {
        let other = Profile { shares: vec![("DOGE".into(), 1.0)], ..profile() };
        let error = synthesise(&market(10), &other, &mut generator(0)).unwrap_err();
        assert_eq!(error, DataError::AssetUnknown { member: "a".into(), symbol: "DOGE".into() });
    }
}
