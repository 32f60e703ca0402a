//! The seam to risk models. A model may only tighten what the policy allows.

use crate::{policy::Terms, snapshot::Snapshot, valuation::Prices};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// A forecast of a treasury's risk. Floats inform a decision and are never an amount.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RiskReport {
    /// Hash of the model that made it.
    pub model: B256,
    /// Yearly volatility of each asset in its quote currency, in the order of the assets; `None` where the history is
    /// too short.
    pub volatility: Vec<Option<f64>>,
    /// Correlations of daily log returns, row by row, `assets × assets`; empty where none could be formed.
    pub correlation: Vec<f64>,
    /// Yearly volatility of the whole treasury in bps, rounded up; `None` where it could not be formed.
    pub treasury_volatility_bps: Option<u64>,
    /// Loss of the whole treasury that is exceeded only with the probability that the model names, over its horizon, bps
    /// of NAV, rounded up; `None` where the model has none.
    pub value_at_risk_bps: Option<u64>,
    /// Mean loss beyond the value at risk, bps of NAV, rounded up.
    pub expected_shortfall_bps: Option<u64>,
    /// Probability that the treasury falls by what the model calls a drawdown within its horizon, bps, rounded up.
    pub drawdown_probability_bps: Option<u64>,
}

/// Forecasts risk from a snapshot. Pure: the same inputs give the same bytes on every machine.
pub trait RiskModel: Send + Sync {
    /// Hash of its parameters; named in every decision.
    fn hash(&self) -> B256;

    /// The forecast at the snapshot's block. `weights_bps` are the assets' shares of NAV.
    fn assess(&self, terms: &Terms, snapshot: &Snapshot, prices: &Prices, weights_bps: &[u64]) -> RiskReport;
}
