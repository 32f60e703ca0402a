//! Prices of a scenario: the last ones go on, and shocks change them. All of it in whole numbers.

use crate::{
    Panel, PanelError,
    assumptions::Checked,
    data::RAY,
    market::{BAR_WHOLE, ETHER, Market, Source},
};
use quaestor_core::{
    Price, Terms,
    amount::{WAD, mul_div},
};
use std::ops::Range;

/// Parts of one in which a change is counted.
const ONE: i128 = 1_000_000_000_000;
/// Parts of [`ONE`] in a basis point.
const BPS: i128 = 100_000_000;

/// A change of one asset, in bars of the market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Place of the asset in the policy.
    pub(super) asset: usize,
    pub(super) bps: i64,
    /// It is whole at the end of the last of these.
    pub(super) bars: Range<usize>,
    /// So much of it comes back in these bars.
    pub(super) recovery: Option<(i64, Range<usize>)>,
}

/// How many of `bars` are over at the end of `bar`.
fn over(bars: &Range<usize>, bar: usize) -> i128 {
    (bar + 1).clamp(bars.start, bars.end).saturating_sub(bars.start) as i128
}

impl Change {
    /// What is left of one at the end of `bar`, in parts of [`ONE`].
    fn factor(&self, bar: usize) -> u128 {
        let whole = i128::from(self.bps) * BPS;
        let length = self.bars.len().max(1) as i128;
        let mut change = whole * over(&self.bars, bar) / length;
        if let Some((bps, bars)) = &self.recovery {
            let back = whole * i128::from(*bps) / 10_000;
            change -= back * over(bars, bar) / bars.len().max(1) as i128;
        }
        (ONE + change).max(1).unsigned_abs()
    }
}

/// `value` after all `changes` of `asset` as they stand at the end of `bar`; never zero.
fn changed(value: u128, asset: usize, changes: &[Change], bar: Option<usize>) -> u128 {
    // Before the first bar nothing has changed.
    let Some(bar) = bar else { return value };
    let of_asset = changes.iter().filter(|change| change.asset == asset);
    of_asset.fold(value, |value, change| mul_div(value, change.factor(bar), ONE.unsigned_abs()).unwrap_or(value).max(1))
}

/// `panel` with so many bars more: prices, gas and liquidity stand still, indices go on to grow as they did over the bars there are.
pub(super) fn extended(panel: &Panel, bars: usize) -> Result<Panel, PanelError> {
    let (known, width) = (panel.len(), panel.symbols().len());
    let step = step(panel);
    let mut ends = panel.ends().to_vec();
    let last_end = ends.last().copied().unwrap_or_default();
    ends.extend((1..=bars as u64).map(|bar| last_end.saturating_add(step.saturating_mul(bar))));
    let prices = |of: fn(&Panel, usize, usize) -> Price| -> Vec<Price> {
        let row = |bar: usize| {
            (0..width)
                .map(move |column| if bar < known { of(panel, bar, column) } else { panel.close(known - 1, column) })
        };
        (0..known + bars).flat_map(row).collect()
    };
    let symbols = panel.symbols().to_vec();
    let mut found = Panel::new(symbols, panel.begins_at(0), ends, prices(Panel::open), prices(Panel::close))?;
    for (column, symbol) in panel.symbols().iter().enumerate() {
        if let Some((_, decimals)) = panel.liquidity(0, column) {
            let at = |bar: usize| panel.liquidity(bar.min(known - 1), column).map_or(0, |(found, _)| found);
            found = found.with_liquidity(symbol, (0..known + bars).map(at).collect(), decimals);
        }
    }
    if let Some(token) = panel.gas_token() {
        let at = |bar: usize| panel.gas(bar.min(known - 1)).unwrap_or_default();
        found = found.with_gas(token.to_owned(), (0..known + bars).map(at).collect());
    }
    for name in panel.indices() {
        let Some(index) = panel.index(name) else { continue };
        let (Some(first), Some(last)) = (index.first(), index.last()) else { continue };
        // So much a bar, on a straight line.
        let gain = last.saturating_sub(*first) / (known as u128 - 1).max(1);
        let later = (1..=bars as u128).map(|bar| last.saturating_add(gain.saturating_mul(bar)));
        found = found.with_index(name.to_owned(), index.iter().copied().chain(later).collect());
    }
    Ok(found)
}

/// Seconds of the last bar, which stand for all.
pub(super) fn step(panel: &Panel) -> u64 {
    match panel.ends() {
        [.., before, last] => last - before,
        _ => 1,
    }
}

/// The prices of `market` as a policy's own columns, with `changes`, and the liquidity of its pools; of vaults an index called
/// as their shares. Gas is
/// `times` as dear in each of these bars.
pub(super) fn shocked(
    market: &Market<'_>,
    terms: &Terms,
    assumed: &Checked,
    changes: &[Change],
    gas_times: &[(u64, Range<usize>)],
) -> Result<Panel, PanelError> {
    let panel = market.panel;
    let bars = panel.len();
    let priced: Vec<usize> =
        (0..terms.assets.len()).filter(|asset| !matches!(market.sources[*asset], Source::Shares { .. })).collect();
    let mut symbols: Vec<String> = priced.iter().map(|asset| terms.assets[*asset].symbol.clone()).collect();
    let gas_token = panel.gas_token().unwrap_or(ETHER[0]).to_owned();
    // What gas is paid in, where no asset of the policy is it.
    let is_gas = |symbol: &String| *symbol == gas_token || ETHER.contains(&symbol.as_str());
    let gas_column = market.gas_column().filter(|_| !symbols.iter().any(is_gas));
    symbols.extend(gas_column.map(|column| panel.symbols()[column].clone()));
    let (mut open, mut close) = (Vec::with_capacity(bars * symbols.len()), Vec::with_capacity(bars * symbols.len()));
    for bar in 0..bars {
        for asset in &priced {
            let at = |through: u64| market.price(bar, *asset, through).unwrap_or_default().0;
            open.push(Price(changed(at(0), *asset, changes, bar.checked_sub(1))));
            close.push(Price(changed(at(BAR_WHOLE), *asset, changes, Some(bar))));
        }
        if let Some(column) = gas_column {
            open.push(panel.open(bar, column));
            close.push(panel.close(bar, column));
        }
    }
    let mut found = Panel::new(symbols, panel.begins_at(0), panel.ends().to_vec(), open, close)?;
    for asset in &priced {
        let Source::Data(column) = market.sources[*asset] else { continue };
        if let Some((_, decimals)) = panel.liquidity(0, column) {
            let at = |bar: usize| panel.liquidity(bar, column).map_or(0, |(found, _)| found);
            found = found.with_liquidity(&terms.assets[*asset].symbol, (0..bars).map(at).collect(), decimals);
        }
    }
    let gwei = |bar: usize| {
        let now = panel.gas(bar).unwrap_or_else(|| u128::from(assumed.costs.gas_gwei) * WAD);
        let here = gas_times.iter().filter(|(_, bars)| bars.contains(&bar));
        here.fold(now, |gwei, (times, _)| gwei.saturating_mul(u128::from(*times)))
    };
    found = found.with_gas(gas_token, (0..bars).map(gwei).collect());
    for (asset, rates) in market.rates.iter().enumerate().filter(|(_, rates)| !rates.is_empty()) {
        let Source::Shares { asset: of, .. } = market.sources[asset] else { continue };
        let unit = terms.assets[of].unit();
        // Rounded up, so that the rate that a market reads from it is this one again.
        let ray = |(bar, rate): (usize, &quaestor_core::Amount)| {
            let rate = changed(rate.0.max(1), asset, changes, Some(bar));
            mul_div(rate, RAY, unit)
                .map_or(RAY, |floor| if mul_div(unit, floor, RAY) == Some(rate) { floor } else { floor + 1 })
        };
        found = found.with_index(terms.assets[asset].symbol.clone(), rates.iter().enumerate().map(ray).collect());
    }
    Ok(found)
}
