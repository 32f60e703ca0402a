//! Value at risk and expected shortfall by filtered historical simulation.
//!
//! G. Barone-Adesi, K. Giannopoulos and L. Vosper, *VaR without correlations for portfolios of derivative securities*,
//! Journal of Futures Markets 19 (1999), 583–602; J. Hull and A. White, *Incorporating volatility updating into the
//! historical simulation method for value at risk*, Journal of Risk 1 (1998), 5–19. Past returns, each divided by the
//! volatility that was forecast for it, are draws from one distribution; its quantile times today's forecast is the
//! value at risk. Residuals are taken over the whole horizon at once rather than drawn day by day, so that a histogram
//! holds all that is needed.
//!
//! Histograms over fixed bins add up over members. Counts are whole numbers, so the sum is the pooled histogram exactly;
//! a quantile from it is right within the width of a bin, [`BIN_WIDTH`] of a standard deviation. Neither linfa nor smartcore
//! has it.

use super::{
    ModelError,
    error::{expect_finite, expect_length, expect_setting},
    har::{HarParameters, MONTH_DAYS},
};
use crate::{examples::ExamplesError, linalg};
use serde::{Deserialize, Serialize};

/// Bins of residuals below zero.
pub const BINS: usize = 2_048;
/// Width of a bin, in standard deviations (exactly representable).
pub const BIN_WIDTH: f64 = 1.0 / 128.0;
/// A residual beyond this counts as this; the first bin takes all beyond 16.
pub const RESIDUAL_MAX: f64 = 64.0;
/// Fewest residuals in the tail that a quantile may rest on.
pub const TAIL_RECORDS_MIN: usize = 5;
/// Least confidence of a loss, bps.
pub const CONFIDENCE_BPS_MIN: u16 = 5_000;
/// Greatest confidence of a loss, bps.
pub const CONFIDENCE_BPS_MAX: u16 = 9_990;

/// The share of outcomes worse than a loss of this confidence: 0.01 for 9,900 bps.
///
/// # Errors
/// If it is not from [`CONFIDENCE_BPS_MIN`] to [`CONFIDENCE_BPS_MAX`].
pub fn tail_share(confidence_bps: u16) -> Result<f64, ModelError> {
    let range = f64::from(CONFIDENCE_BPS_MIN)..=f64::from(CONFIDENCE_BPS_MAX);
    expect_setting("confidence_bps", f64::from(confidence_bps), range, "from 5000 to 9990, such as 9900")?;
    Ok((10_000.0 - f64::from(confidence_bps)) / 10_000.0)
}

/// Losses over a horizon as shares of what is held, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Exceeded only with the tail's probability.
    pub value_at_risk: f64,
    /// Mean of the losses in the tail; never below the value at risk.
    pub expected_shortfall: f64,
}

impl Losses {
    /// From log losses (above zero for a loss). A gain counts as no loss.
    pub(super) fn from_log(value_at_risk: f64, expected_shortfall: f64) -> Self {
        let share = |loss: f64| -libm::expm1(-loss.max(0.0));
        let value_at_risk = share(value_at_risk);
        Self { value_at_risk, expected_shortfall: share(expected_shortfall).max(value_at_risk) }
    }
}

/// Standardised log returns over the horizon of `model`, oldest first: the return of the days after each day with
/// enough history, over the volatility forecast on that day. They overlap, and the forecast of each knows nothing after
/// its own day. `returns` are daily log returns without gaps, oldest first.
///
/// # Errors
/// If there are not thirty returns and a horizon (with the counts), or one is not finite.
pub fn residuals(model: &HarParameters, returns: &[f64]) -> Result<Vec<f64>, ModelError> {
    expect_finite("daily returns", returns)?;
    let horizon = usize::from(model.target.horizon_days);
    let least = MONTH_DAYS + horizon;
    if returns.len() < least {
        return Err(ExamplesError::TooFewRecords { found: returns.len(), least }.into());
    }
    let residual = |window: &[f64]| {
        let (known, later) = window.split_at(MONTH_DAYS);
        let volatility = model.horizon_volatility(known)?;
        Some(later.iter().fold(0.0, |sum, found| sum + found) / volatility)
    };
    let found: Vec<f64> = returns.windows(least).filter_map(residual).collect();
    expect_finite("residuals", &found)?;
    Ok(found)
}

/// A histogram of residuals.
///
/// As a vector: the number of all residuals; counts of the bins from the worst to zero; sums of the residuals in each
/// bin.
#[derive(Debug, Clone, PartialEq)]
pub struct ResidualSums {
    values: Vec<f64>,
}

/// Numbers of [`ResidualSums`] as a vector.
pub const SUMS_LEN: usize = 1 + 2 * BINS;

impl ResidualSums {
    /// Of no residuals.
    pub fn none() -> Self {
        Self { values: vec![0.0; SUMS_LEN] }
    }

    /// Of these.
    ///
    /// # Errors
    /// If one is not finite.
    pub fn of(residuals: &[f64]) -> Result<Self, ModelError> {
        expect_finite("residuals", residuals)?;
        let mut sums = Self::none();
        for residual in residuals {
            let residual = residual.clamp(-RESIDUAL_MAX, RESIDUAL_MAX);
            sums.values[0] += 1.0;
            if residual < 0.0 {
                // Bin b holds what is at least (b − BINS) · BIN_WIDTH; saturates at the first and is below BINS.
                let bin = (libm::floor(residual / BIN_WIDTH) + BINS as f64).max(0.0) as usize;
                sums.values[1 + bin] += 1.0;
                sums.values[1 + BINS + bin] += residual;
            }
        }
        Ok(sums)
    }

    /// As numbers to add up.
    pub fn as_slice(&self) -> &[f64] {
        &self.values
    }

    /// From added numbers.
    ///
    /// # Errors
    /// If there are more or fewer than [`SUMS_LEN`], or one is not finite.
    pub fn from_vec(values: Vec<f64>) -> Result<Self, ModelError> {
        expect_length("residual sums", SUMS_LEN, values.len())?;
        expect_finite("residual sums", &values)?;
        Ok(Self { values })
    }

    /// Adds those of another shard.
    pub fn add(&mut self, other: &Self) {
        // Both have SUMS_LEN numbers.
        let _ = linalg::add(&mut self.values, &other.values);
    }

    /// All residuals, gains included.
    pub fn records(&self) -> f64 {
        self.values[0]
    }
}

/// Quantile and tail mean of the standardised residuals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TailParameters {
    /// Share of outcomes that are no worse than the value at risk, bps.
    pub confidence_bps: u16,
    /// Mean loss in the tail, standard deviations of the forecast.
    pub expected_shortfall: f64,
    /// Loss at the confidence, standard deviations of the forecast.
    pub value_at_risk: f64,
}

impl TailParameters {
    /// From summed histograms. Between the edges of its bin the quantile is interpolated.
    ///
    /// # Errors
    /// If the confidence is out of range, fewer than [`TAIL_RECORDS_MIN`] residuals lie in the tail (with the counts), or
    /// so few residuals are losses that the quantile is none.
    pub fn from_sums(sums: &ResidualSums, confidence_bps: u16) -> Result<Self, ModelError> {
        let share = tail_share(confidence_bps)?;
        let rank = share * sums.records();
        if rank < TAIL_RECORDS_MIN as f64 {
            let least = libm::ceil(TAIL_RECORDS_MIN as f64 / share);
            // Saturate; the counts are only shown.
            return Err(ExamplesError::TooFewRecords { found: sums.records() as usize, least: least as usize }.into());
        }
        let (counts, totals) = sums.values[1..].split_at(BINS);
        let (mut before, mut total) = (0.0, 0.0);
        for (bin, (count, sum)) in counts.iter().zip(totals).enumerate() {
            if *count <= 0.0 || before + count < rank {
                before += count.max(0.0);
                total += sum;
                continue;
            }
            let worst = (bin as f64 - BINS as f64) * BIN_WIDTH;
            let inside = rank - before;
            // The first bin has no lower edge; its mean stands for all of it.
            let quantile = if bin == 0 { sum / count } else { worst + inside / count * BIN_WIDTH };
            let mean_inside = if bin == 0 { quantile } else { 0.5 * (worst + quantile) };
            let shortfall = (total + inside * mean_inside) / rank;
            let found = Self { confidence_bps, expected_shortfall: -shortfall.min(quantile), value_at_risk: -quantile };
            found.check()?;
            return Ok(found);
        }
        let wanted = "more losses, or a higher confidence: the quantile is a gain";
        Err(ModelError::Number { what: "residual sums", position: 0, found: sums.records(), wanted })
    }

    /// Fails if the parameters are impossible.
    ///
    /// # Errors
    /// With the first one that is.
    pub fn check(&self) -> Result<(), ModelError> {
        tail_share(self.confidence_bps)?;
        expect_setting("value_at_risk", self.value_at_risk, 0.0..=RESIDUAL_MAX, "standard deviations from 0 to 64")?;
        let range = self.value_at_risk..=RESIDUAL_MAX;
        expect_setting("expected_shortfall", self.expected_shortfall, range, "at least the value at risk, at most 64")
    }

    /// Losses over the horizon whose volatility (standard deviation of the log return) is forecast. `None` if the
    /// volatility is negative or not finite.
    pub fn losses(&self, volatility: f64) -> Option<Losses> {
        let usable = volatility >= 0.0 && volatility.is_finite();
        usable.then(|| Losses::from_log(self.value_at_risk * volatility, self.expected_shortfall * volatility))
    }
}

#[cfg(test)]
mod tests;
