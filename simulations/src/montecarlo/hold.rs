//! A treasury that keeps what it holds at first, on the same path with the same flows.

use super::outcome::Figures;
use crate::{market::Market, run::Run};

/// Its figures. What flows is spread over what it holds, so that one scale says how much of it is left.
pub(super) fn hold(run: &Run, market: &Market<'_>, bar_secs: f64) -> Figures {
    let opening = &run.holdings[..run.width.min(run.holdings.len())];
    // Units of each asset that is held; one without a price at first is worth nothing.
    let units: Vec<(usize, f64)> = opening
        .iter()
        .enumerate()
        .filter(|(_, value)| **value > 0.0)
        .map(|(asset, value)| (asset, value / market.dollars(run.start, asset, 0)))
        .collect();
    let (mut scale, mut before) = (1.0, run.initial_value);
    let bars = run.inflows.iter().enumerate().map(|(offset, inflow)| {
        let bar = run.start + offset;
        let whole = units.iter().fold(0.0, |sum, (asset, units)| sum + units * market.mark(bar, *asset));
        let end = whole * scale;
        let left = (end + inflow).max(0.0);
        if *inflow != 0.0 && end > 0.0 {
            scale *= left / end;
        }
        let found = if before > 0.0 { end / before - 1.0 } else { 0.0 };
        before = left;
        (left, found)
    });
    Figures::of(bars, run.initial_value, bar_secs, |_, _, _| {})
}
