//! The bare loop: the same trades in floats, with no policy, no judge and no exact money. No engine can be quicker, and how
//! much slower one is says what it takes for all the rest, whatever the machine.

use quaestor_simulations::metrics::{drawdown, sharpe};

/// What is left of a trade after slippage and fee, ten basis points each.
const KEPT: f64 = 0.999 * 0.999;

/// Value at the end of each bar for who returns to `weights` every so many bars from the first one, for a million dollars.
/// Prices are those of the bar's assets; they open where they closed.
pub(crate) fn values<'a>(
    bars: impl Iterator<Item = &'a [f64]>,
    weights: &[f64],
    every: usize,
    held: &mut Vec<f64>,
    values: &mut Vec<f64>,
) {
    let mut cash = 1e6;
    held.clear();
    held.resize(weights.len(), 0.0);
    values.clear();
    for (bar, prices) in bars.enumerate() {
        let value = held.iter().zip(prices).fold(cash, |sum, (held, price)| sum + held * price);
        values.push(value);
        if bar % every != 0 {
            continue;
        }
        for ((held, price), weight) in held.iter_mut().zip(prices).zip(weights) {
            let surplus = *held * price - weight * value;
            if surplus > 0.0 {
                *held -= surplus / price;
                cash += surplus * KEPT;
            }
        }
        for ((held, price), weight) in held.iter_mut().zip(prices).zip(weights) {
            let spent = (weight * value - *held * price).max(0.0).min(cash);
            *held += spent * KEPT / price;
            cash -= spent;
        }
    }
}

/// Sharpe and drawdown of these values.
pub(crate) fn figures(values: &[f64], periods: f64, returns: &mut Vec<f64>) -> (f64, f64) {
    returns.clear();
    returns.extend(values.windows(2).map(|pair| pair[1] / pair[0] - 1.0));
    (sharpe(returns, periods).unwrap_or_default(), drawdown(returns).0)
}
