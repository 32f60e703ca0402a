//! Exponentially weighted volatility and correlation.
//!
//! J.P. Morgan/Reuters, *RiskMetrics – Technical Document*, 4th edition (1996), section 5.2: the daily variance is the
//! weighted mean of squared log returns (their mean taken as zero), each day weighing λ times the day after it, with
//! λ = 0.94 for daily data. Over a finite history the weights are divided by their sum.

use crate::returns::{RETURNS_MAX, daily_log_returns};
use alloy_primitives::{B256, keccak256};
use quaestor_core::{AssetId, RiskModel, RiskReport, Snapshot, Terms, valuation::Prices};
use serde::{Deserialize, Serialize};

/// Days of a year without holidays: variances add over them.
pub const PERIODS_PER_YEAR: f64 = 365.0;

/// Raised whenever the same parameters would give another forecast.
const VERSION: u32 = 1;

/// Parameters of [`EwmaModel`], unchecked. The default is that of RiskMetrics with four weeks of returns at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EwmaParams {
    /// λ in thousandths, 1 to 999: the weight of a day against the day after it.
    pub lambda_permille: u16,
    /// Fewest daily returns, 2 to 511; an asset with fewer has no forecast.
    pub min_returns: u16,
}

impl Default for EwmaParams {
    fn default() -> Self {
        Self { lambda_permille: 940, min_returns: 28 }
    }
}

/// Why parameters are no model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EwmaError {
    /// λ is not between zero and one.
    #[error("lambda_permille is {found}; write a number from 1 to 999, such as 940")]
    Lambda {
        /// What was given.
        found: u16,
    },
    /// Too few returns to speak of, or more than a snapshot can hold.
    #[error("min_returns is {found}; write a number from 2 to {}, such as 28", RETURNS_MAX)]
    MinReturns {
        /// What was given.
        found: u16,
    },
}

/// Forecasts with exponentially weighted daily returns of the snapshot's feeds; see [`daily_log_returns`].
///
/// The volatility of an asset is formed from all its returns, correlations from the newest returns that all assets
/// with a forecast have in common, so that their matrix is positive semidefinite. An asset without a forecast has
/// correlation zero with the others; one whose price never moved too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EwmaModel {
    params: EwmaParams,
}

#[derive(Serialize)]
struct HashedParams {
    lambda_permille: u16,
    min_returns: u16,
    name: &'static str,
    version: u32,
}

impl EwmaModel {
    /// Its parameters.
    pub fn params(&self) -> EwmaParams {
        self.params
    }

    /// With these parameters.
    ///
    /// # Errors
    /// If one is out of range.
    pub fn new(params: EwmaParams) -> Result<Self, EwmaError> {
        if !(1..1000).contains(&params.lambda_permille) {
            return Err(EwmaError::Lambda { found: params.lambda_permille });
        }
        if !(2..=RETURNS_MAX).contains(&usize::from(params.min_returns)) {
            return Err(EwmaError::MinReturns { found: params.min_returns });
        }
        Ok(Self { params })
    }

    fn lambda(&self) -> f64 {
        f64::from(self.params.lambda_permille) / 1000.0
    }

    /// Weighted mean of `x · y`, both oldest first and of one length.
    fn moment(&self, x: &[f64], y: &[f64]) -> f64 {
        let lambda = self.lambda();
        let (mut sum, mut weights) = (0.0, 0.0);
        for (x, y) in x.iter().zip(y) {
            sum = lambda * sum + x * y;
            weights = lambda * weights + 1.0;
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    }

    /// Row by row, `returns.len()²` numbers; empty when no asset has returns enough.
    fn correlation(&self, returns: &[Option<Vec<f64>>]) -> Vec<f64> {
        let Some(common) = returns.iter().flatten().map(Vec::len).min() else { return Vec::new() };
        let newest: Vec<&[f64]> = returns
            .iter()
            .map(|series| series.as_ref().map_or(&[][..], |series| &series[series.len() - common..]))
            .collect();
        let deviations: Vec<f64> = newest.iter().map(|series| libm::sqrt(self.moment(series, series))).collect();
        let mut matrix = Vec::with_capacity(newest.len() * newest.len());
        for (row, x) in newest.iter().enumerate() {
            for (column, y) in newest.iter().enumerate() {
                let scale = deviations[row] * deviations[column];
                matrix.push(match row == column {
                    true => 1.0,
                    false if scale > 0.0 => (self.moment(x, y) / scale).clamp(-1.0, 1.0),
                    false => 0.0,
                });
            }
        }
        matrix
    }
}

impl RiskModel for EwmaModel {
    /// keccak256 of `{"lambda_permille":…,"min_returns":…,"name":"ewma","version":…}`, keys in alphabetical order,
    /// without spaces.
    fn hash(&self) -> B256 {
        let EwmaParams { lambda_permille, min_returns } = self.params;
        let hashed = HashedParams { lambda_permille, min_returns, name: "ewma", version: VERSION };
        // Integers and texts only: serialising cannot fail.
        keccak256(serde_json::to_vec(&hashed).unwrap_or_default())
    }

    fn assess(&self, terms: &Terms, snapshot: &Snapshot, _prices: &Prices, weights_bps: &[u64]) -> RiskReport {
        let least = usize::from(self.params.min_returns);
        let of_asset = |index: usize| {
            // The shares of a vault move as its asset does.
            let priced_by = terms.priced_by(AssetId(u16::try_from(index).ok()?));
            let series = daily_log_returns(snapshot.assets.get(priced_by.index())?, snapshot.block.timestamp);
            (series.len() >= least).then_some(series)
        };
        let returns: Vec<Option<Vec<f64>>> = (0..terms.assets.len()).map(of_asset).collect();
        let yearly = |series: &Vec<f64>| libm::sqrt(self.moment(series, series) * PERIODS_PER_YEAR);
        let volatility: Vec<Option<f64>> = returns.iter().map(|series| series.as_ref().map(yearly)).collect();
        let correlation = self.correlation(&returns);
        let treasury_volatility_bps = treasury_volatility_bps(&volatility, &correlation, weights_bps);
        let model = self.hash();
        RiskReport { model, volatility, correlation, treasury_volatility_bps, ..RiskReport::default() }
    }
}

/// Yearly volatility of a treasury with these shares, in bps rounded up. Shares are scaled to sum to one. `None` when
/// an asset that it holds has no volatility, or it holds nothing.
fn treasury_volatility_bps(volatility: &[Option<f64>], correlation: &[f64], weights_bps: &[u64]) -> Option<u64> {
    if weights_bps.len() != volatility.len() {
        return None;
    }
    let total: u64 = weights_bps.iter().try_fold(0u64, |sum, bps| sum.checked_add(*bps)).filter(|sum| *sum > 0)?;
    let mut scaled = Vec::with_capacity(volatility.len());
    for (bps, deviation) in weights_bps.iter().zip(volatility) {
        scaled.push(match bps {
            0 => 0.0,
            _ => *bps as f64 / total as f64 * (*deviation)?,
        });
    }
    let mut variance = 0.0;
    for (x, row) in scaled.iter().zip(correlation.chunks_exact(scaled.len())) {
        for (y, correlation) in scaled.iter().zip(row) {
            variance += x * y * correlation;
        }
    }
    // Opposite movements may leave a rounding error below zero.
    let bps = libm::ceil(libm::sqrt(variance.max(0.0)) * 10_000.0);
    // The largest possible figure is far below 2^53; the conversion saturates.
    bps.is_finite().then_some(bps as u64)
}

#[cfg(test)]
mod tests;
