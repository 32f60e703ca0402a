//! The same prices for both: what a feed can answer, at every bar and on the way.

use super::FidelityError;
use crate::devnet::{ReplayDay, market::feed_answer};
use quaestor_core::{Price, Terms, amount::WAD};
use quaestor_simulations::{Panel, assumptions::Checked, market::Market};

const DAY_SECS: u64 = 86_400;
/// Wad has ten decimal places more than a feed.
const WAD_PER_ANSWER: u128 = WAD / 100_000_000;

/// What a feed answers for a price, as a price again: eight decimal places, rounded down.
fn answered(price: Price) -> Price {
    Price(feed_answer(price).saturating_mul(WAD_PER_ANSWER))
}

/// The panel as feeds show it. What stands beside prices is left out: the local chain has none of it.
///
/// # Errors
/// If bars are not days, or a price is too small for a feed.
pub(super) fn as_feeds_answer(panel: &Panel) -> Result<Panel, FidelityError> {
    let is_day = |pair: &[u64]| matches!(pair, [before, end] if end - before == DAY_SECS);
    if !panel.ends().windows(2).all(is_day) {
        return Err(FidelityError::Unfit { what: "the bars of the data are not days; give daily prices".to_owned() });
    }
    let columns = 0..panel.symbols().len();
    let of = |price: fn(&Panel, usize, usize) -> Price| -> Vec<Price> {
        let bars = 0..panel.len();
        bars.flat_map(|bar| columns.clone().map(move |column| answered(price(panel, bar, column)))).collect()
    };
    let (open, close) = (of(Panel::open), of(Panel::close));
    Ok(Panel::new(panel.symbols().to_vec(), panel.begins_at(0), panel.ends().to_vec(), open, close)?)
}

/// Constants as feeds show them.
pub(super) fn constants_as_feeds_answer(assumed: &mut Checked) {
    for price in assumed.prices.iter_mut().flatten() {
        *price = answered(*price);
    }
}

/// Prices of all assets of a policy when `through` millionths of `bar` have passed, for a block of this time.
pub(super) fn at(market: &Market<'_>, terms: &Terms, bar: usize, through: u64, timestamp: u64) -> ReplayDay {
    let price = |(index, asset): (usize, &quaestor_core::Asset)| {
        Some((asset.symbol.clone(), market.price(bar, index, through)?))
    };
    ReplayDay { timestamp, prices: terms.assets.iter().enumerate().filter_map(price).collect() }
}
