//! A treasury that keeps what it holds at first, on the same path with the same flows.

use super::outcome::Figures;
use crate::{
    market::{Market, Source},
    run::Run,
};

/// Its figures. What flows is spread over what it holds, so that one scale says how much of it is left.
pub(super) fn hold(run: &Run, market: &Market<'_>, bar_secs: f64) -> Figures {
    let opening = &run.holdings[..run.width.min(run.holdings.len())];
    // Units of each asset that is held, by where its price is; one without a price at first is worth nothing.
    let (mut columns, mut others, mut still) = (Vec::new(), Vec::new(), 0.0);
    for (asset, value) in opening.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        let units = value / market.dollars(run.start, asset, 0);
        match market.sources[asset] {
            Source::Data(column) => columns.push((column, units)),
            Source::Constant(_) => still += value,
            Source::Shares { .. } => others.push((asset, units)),
        }
    }
    let mut scale = 1.0;
    let bars = run.inflows.iter().enumerate().map(|(offset, inflow)| {
        let bar = run.start + offset;
        let marks = market.panel.marks(bar);
        let moving = columns.iter().fold(still, |sum, (column, units)| sum + units * marks[*column]);
        let whole = others.iter().fold(moving, |sum, (asset, units)| sum + units * market.mark(bar, *asset));
        let end = whole * scale;
        if *inflow == 0.0 {
            return (end, 0.0);
        }
        let left = (end + inflow).max(0.0);
        if end > 0.0 {
            scale *= left / end;
        }
        (left, left - end)
    });
    Figures::of(bars, run.initial_value, bar_secs, |_, _, _, _| {})
}
