//! All figures of a series in two passes and one selection, in the very order of sums of those that compute one each: the
//! same bits, several times as fast. Sweeps and paths live by it.

use super::{Figures, TAIL};

/// Of returns of which there are `periods` a year; `room` is used again. What [`Figures::of`] is.
pub(super) fn of(returns: &[f64], periods: f64, room: &mut Vec<f64>) -> Figures {
    let count = returns.len() as f64;
    let (mut sum, mut downside) = (0.0f64, 0.0f64);
    let (mut level, mut peak, mut deepest, mut under, mut longest) = (1.0f64, 1.0f64, 0.0f64, 0usize, 0usize);
    for found in returns {
        sum += found;
        downside += found.min(0.0) * found.min(0.0);
        level *= 1.0 + found;
        if level >= peak {
            (peak, under) = (level, 0);
        } else {
            under += 1;
        }
        deepest = deepest.min(level / peak - 1.0);
        longest = longest.max(under);
    }
    let mean = sum / count;
    let squares = returns.iter().fold(0.0, |sum, found| sum + (found - mean) * (found - mean));
    let deviation = (returns.len() > 1).then(|| libm::sqrt(squares / (count - 1.0)));
    let yearly = libm::sqrt(periods);
    let downside = libm::sqrt(downside / count);
    let years = count / periods;
    let cagr = (years > 0.0 && level > 0.0).then(|| libm::pow(level, 1.0 / years) - 1.0).filter(|it| it.is_finite());
    let tail = tail(returns, room);
    Figures {
        total_return: level - 1.0,
        cagr,
        volatility: deviation.map(|deviation| deviation * yearly),
        sharpe: deviation.filter(|deviation| *deviation > 0.0).map(|deviation| mean / deviation * yearly),
        sortino: (downside > 0.0).then(|| mean / downside * yearly),
        calmar: cagr.filter(|_| deepest < 0.0).map(|cagr| cagr / -deepest),
        max_drawdown: deepest,
        drawdown_periods_max: longest,
        var95: tail.map(|(edge, _)| edge),
        cvar95: tail.map(|(_, beyond)| beyond),
    }
}

/// [`super::tail`] without sorting all of it.
fn tail(returns: &[f64], room: &mut Vec<f64>) -> Option<(f64, f64)> {
    let place = TAIL * returns.len().checked_sub(1)? as f64;
    let (low, high) = (libm::floor(place) as usize, libm::ceil(place) as usize);
    room.clear();
    room.extend_from_slice(returns);
    let (_, low_value, above) = room.select_nth_unstable_by(low, f64::total_cmp);
    let low_value = *low_value;
    let high_value = match high > low {
        true => above.iter().copied().min_by(f64::total_cmp)?,
        false => low_value,
    };
    let edge = low_value + (place - low as f64) * (high_value - low_value);
    let (mut sum, mut beyond) = (0.0f64, 0usize);
    for found in returns.iter().filter(|found| **found <= edge) {
        sum += found;
        beyond += 1;
    }
    (beyond > 0).then(|| (edge, sum / beyond as f64))
}

#[cfg(test)]
mod tests {
    use super::super::{Figures, cagr, drawdown, growth, sharpe, sortino, tail, volatility};
    use proptest::prelude::*;

    proptest! {
        /// Each figure is that of its own definition, to the last bit.
        #[test]
        fn all_at_once_are_one_by_one(
            returns in prop::collection::vec(prop_oneof![4 => -0.3f64..0.3, 1 => Just(0.0), 1 => Just(-0.02)], 0..200),
            periods in 1.0f64..9_000.0,
        ) {
            let found = Figures::of(&returns, periods);
            let (deepest, longest) = drawdown(&returns);
            let grown = cagr(&returns, periods);
            let expected = Figures {
                total_return: growth(&returns) - 1.0,
                cagr: grown,
                volatility: volatility(&returns, periods),
                sharpe: sharpe(&returns, periods),
                sortino: sortino(&returns, periods),
                calmar: grown.filter(|_| deepest < 0.0).map(|grown| grown / -deepest),
                max_drawdown: deepest,
                drawdown_periods_max: longest,
                var95: tail(&returns).map(|(edge, _)| edge),
                cvar95: tail(&returns).map(|(_, beyond)| beyond),
            };
            prop_assert_eq!(found, expected);
        }
    }
}
