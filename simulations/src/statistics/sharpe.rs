//! Sharpe ratios of what was picked among many.
//!
//! Bailey and López de Prado, "The deflated Sharpe ratio: correcting for selection bias, backtest overfitting and
//! non-normality", Journal of Portfolio Management 40 (2014). All ratios here are of one period, not of a year.

use super::{normal_cdf, normal_quantile};

/// Euler and Mascheroni's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// What of a series of returns a judgement of its Sharpe ratio needs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Shape {
    /// Returns.
    pub count: usize,
    /// Mean / standard deviation (n − 1) of one period.
    pub sharpe: f64,
    /// Third standardised moment, of the whole series.
    pub skewness: f64,
    /// Fourth standardised moment, 3 of a normal distribution.
    pub kurtosis: f64,
}

impl Shape {
    /// Of these returns; `None` of fewer than two, or where none differs.
    pub fn of(returns: &[f64]) -> Option<Self> {
        let count = returns.len() as f64;
        let mean = returns.iter().fold(0.0, |sum, found| sum + found) / count;
        let [mut second, mut third, mut fourth] = [0.0f64; 3];
        for found in returns {
            let off = found - mean;
            second += off * off;
            third += off * off * off;
            fourth += off * off * off * off;
        }
        if returns.len() < 2 || second <= 0.0 {
            return None;
        }
        let variance = second / count;
        Some(Self {
            count: returns.len(),
            sharpe: mean / libm::sqrt(second / (count - 1.0)),
            skewness: third / count / (variance * libm::sqrt(variance)),
            kurtosis: fourth / count / (variance * variance),
        })
    }
}

/// The greatest Sharpe ratio that `trials` independent trials without any skill are expected to show, where their ratios
/// have this `variance`. `None` of fewer than two trials or without a variance.
pub fn expected_max_sharpe(variance: f64, trials: f64) -> Option<f64> {
    let quantile = |share: f64| normal_quantile(1.0 - share / trials);
    (trials >= 2.0 && variance > 0.0)
        .then(|| libm::sqrt(variance) * ((1.0 - EULER) * quantile(1.0) + EULER * quantile(1.0 / std::f64::consts::E)))
}

/// The probability that the true ratio exceeds `benchmark`, for what was measured. `None` of fewer than two returns, or
/// where the formula's variance is none.
pub fn probabilistic_sharpe(shape: Shape, benchmark: f64) -> Option<f64> {
    let Shape { count, sharpe, skewness, kurtosis } = shape;
    let variance = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
    let freedom = count.checked_sub(1).filter(|freedom| *freedom > 0 && variance > 0.0)?;
    Some(normal_cdf((sharpe - benchmark) * libm::sqrt(freedom as f64) / libm::sqrt(variance)))
}

/// The deflated Sharpe ratio: the probability that the best of `trials` is better than luck, whose ratios had this
/// `variance` over the trials.
pub fn deflated_sharpe(shape: Shape, variance: f64, trials: f64) -> Option<f64> {
    probabilistic_sharpe(shape, expected_max_sharpe(variance, trials)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's own example: a hundred trials, five years of days, a yearly ratio of 2.5 with variance ½.
    #[test]
    fn the_example_of_the_paper() {
        let shape = Shape { count: 1_250, sharpe: 2.5 / 250f64.sqrt(), skewness: -3.0, kurtosis: 10.0 };
        let luck = expected_max_sharpe(0.5 / 250.0, 100.0).unwrap();
        assert!((luck - 0.1132).abs() < 5e-5, "{luck}");
        let deflated = deflated_sharpe(shape, 0.5 / 250.0, 100.0).unwrap();
        assert!((deflated - 0.9004).abs() < 5e-5, "{deflated}");
        // With 46 trials it says 0.9505.
        let fewer = deflated_sharpe(shape, 0.5 / 250.0, 46.0).unwrap();
        assert!((fewer - 0.9505).abs() < 5e-5, "{fewer}");
    }

    /// By hand: of 1, 1, 1, 5 the mean is 2, the squares sum to 12, the cubes to 24, the fourth powers to 84.
    #[test]
    fn shapes_are_moments() {
        let found = Shape::of(&[1.0, 1.0, 1.0, 5.0]).unwrap();
        assert_eq!(found.count, 4);
        assert!((found.sharpe - 1.0).abs() < 1e-15, "{found:?}");
        assert!((found.skewness - 6.0 / 27f64.sqrt()).abs() < 1e-15, "{found:?}");
        assert!((found.kurtosis - 21.0 / 9.0).abs() < 1e-15, "{found:?}");
        assert_eq!((Shape::of(&[1.0]), Shape::of(&[0.5; 9])), (None, None));
        assert_eq!((expected_max_sharpe(0.1, 1.0), expected_max_sharpe(0.0, 9.0)), (None, None));
    }
}
