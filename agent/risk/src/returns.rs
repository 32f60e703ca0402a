//! Daily log returns from the irregular rounds of a price feed.

use quaestor_core::snapshot::{AssetReading, Round};

/// Seconds from one day boundary to the one before.
pub const DAY_SECS: u64 = 86_400;
/// An observation stands for a boundary at most this many seconds after it. Heartbeats of feeds are a day at most, so
/// an older one means that the feed was down; what lies before such a gap is left out rather than joined to what
/// follows.
pub const CARRY_SECS_MAX: u64 = 2 * DAY_SECS;
/// Most returns of one series; a snapshot holds at most 512 rounds of a feed.
pub const RETURNS_MAX: usize = 511;

/// Log returns from day to day up to `now` (Unix seconds), oldest first, from the feed of `asset` with the most usable
/// rounds, of equal ones the first.
///
/// Day boundaries lie at `now`, a day before it, two days before it and so on; the price at a boundary is the last one
/// observed by then. Zero, negative and future rounds are no observations. The series goes back until there is no
/// observation within [`CARRY_SECS_MAX`] before a boundary, and to [`RETURNS_MAX`] returns at most.
pub fn daily_log_returns(asset: &AssetReading, now: u64) -> Vec<f64> {
    newest_daily_log_returns(asset, now, RETURNS_MAX)
}

/// The newest `most` of [`daily_log_returns`], for what looks no further back: logarithms are most of the work.
pub(crate) fn newest_daily_log_returns(asset: &AssetReading, now: u64, most: usize) -> Vec<f64> {
    let mut best: Vec<(u64, f64)> = Vec::new();
    for feed in &asset.feeds {
        let mut observed: Vec<_> = feed.rounds.iter().filter_map(|round| observation(round, now)).collect();
        if observed.len() > best.len() {
            // Stable: of two rounds of one second the later one counts.
            observed.sort_by_key(|(updated_at, _)| *updated_at);
            best = observed;
        }
    }
    let mut prices = closes(&best, now, most.min(RETURNS_MAX));
    prices.reverse();
    prices.iter().zip(prices.iter().skip(1)).map(|(before, after)| libm::log(after / before)).collect()
}

fn observation(round: &Round, now: u64) -> Option<(u64, f64)> {
    let price = round.price.filter(|price| !price.is_zero())?;
    // Rounds to the nearest float, the same on every machine. Only ratios of prices are used.
    (round.updated_at <= now).then_some((round.updated_at, price.0 as f64))
}

/// Prices at the boundaries, newest first, one more than `most` at most. `observed` is sorted by time.
fn closes(observed: &[(u64, f64)], now: u64, most: usize) -> Vec<f64> {
    let mut found = Vec::new();
    let mut left = observed;
    let mut boundary = Some(now);
    while let (Some(at), true) = (boundary, found.len() <= most) {
        while let [rest @ .., (updated_at, _)] = left
            && *updated_at > at
        {
            left = rest;
        }
        match left.last() {
            Some((updated_at, price)) if at - updated_at <= CARRY_SECS_MAX => found.push(*price),
            _ => break,
        }
        boundary = at.checked_sub(DAY_SECS);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use quaestor_core::{Price, snapshot::FeedReading};

    fn reading(feeds: &[&[(u64, Option<u128>)]]) -> AssetReading {
        let feed = |rounds: &&[(u64, Option<u128>)]| FeedReading {
            feed: Default::default(),
            rounds: rounds.iter().map(|&(updated_at, price)| Round { price: price.map(Price), updated_at }).collect(),
        };
        AssetReading {
            address: Default::default(),
            decimals: Some(18),
            feeds: feeds.iter().map(feed).collect(),
            rate: None,
        }
    }

    const NOW: u64 = 100 * DAY_SECS + 12_345;

    #[test]
    fn the_last_observation_by_each_boundary_counts() {
        let asset = reading(&[&[
            (NOW - 2 * DAY_SECS, Some(100)),
            (NOW - DAY_SECS - 1, Some(150)),
            (NOW - DAY_SECS, Some(200)),
            (NOW - DAY_SECS + 1, Some(250)),
            (NOW - 5, Some(400)),
        ]]);
        assert_eq!(daily_log_returns(&asset, NOW), [libm::log(2.0), libm::log(2.0)]);
    }

    #[test]
    fn zero_and_future_rounds_are_no_observations() {
        let asset = reading(&[&[
            (NOW - DAY_SECS, Some(100)),
            (NOW - 9, Some(300)),
            (NOW - 8, None),
            (NOW - 7, Some(0)),
            (NOW + 1, Some(900)),
        ]]);
        assert_eq!(daily_log_returns(&asset, NOW), [libm::log(3.0)]);
    }

    #[test]
    fn what_lies_before_a_gap_is_left_out() {
        let day = |back: u64| NOW - back * DAY_SECS;
        let held = reading(&[&[(day(4), Some(100)), (day(3), Some(110)), (day(1), Some(120)), (day(0), Some(130))]]);
        assert_eq!(daily_log_returns(&held, NOW).len(), 4, "one missed day carries the price of the day before");
        let gap = reading(&[&[(day(9), Some(100)), (day(8), Some(110)), (day(1), Some(120)), (day(0), Some(130))]]);
        assert_eq!(daily_log_returns(&gap, NOW), [libm::log(130.0 / 120.0)]);
    }

    #[test]
    fn the_feed_with_most_rounds_is_used() {
        let short: &[_] = &[(NOW - DAY_SECS, Some(100)), (NOW, Some(900))];
        let long: &[_] = &[(NOW - DAY_SECS, Some(100)), (NOW - 1, Some(150)), (NOW, Some(200))];
        assert_eq!(daily_log_returns(&reading(&[short, long]), NOW), [libm::log(2.0)]);
        assert_eq!(daily_log_returns(&reading(&[]), NOW), [0.0; 0]);
        assert_eq!(daily_log_returns(&reading(&[&[]]), NOW), [0.0; 0]);
    }

    #[test]
    fn the_newest_are_the_end_of_all() {
        let rounds: Vec<_> =
            (0..100).map(|day| (NOW - day * DAY_SECS, Some(100 + u128::from(day * day % 31)))).rev().collect();
        let asset = reading(&[&rounds]);
        let all = daily_log_returns(&asset, NOW);
        assert_eq!(all.len(), 99);
        assert_eq!(newest_daily_log_returns(&asset, NOW, 40), all[59..]);
        assert_eq!(newest_daily_log_returns(&asset, NOW, 0), [0.0; 0]);
        assert_eq!(newest_daily_log_returns(&asset, NOW, usize::MAX), all);
    }

    #[test]
    fn a_series_is_bounded_and_stops_at_the_beginning_of_time() {
        let rounds: Vec<_> = (0..2_000).map(|day| (day * DAY_SECS, Some(100))).collect();
        assert_eq!(daily_log_returns(&reading(&[&rounds]), 1_999 * DAY_SECS).len(), RETURNS_MAX);
        assert_eq!(daily_log_returns(&reading(&[&rounds]), 3 * DAY_SECS).len(), 3);
    }
}
