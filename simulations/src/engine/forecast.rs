//! A model that is asked once for each block.

use alloy_primitives::B256;
use quaestor_core::{BlockRef, RiskModel, RiskReport, Snapshot, Terms, valuation::Prices};
use std::sync::Mutex;

/// What was forecast of the whole treasury, bps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Forecast {
    /// Bar at whose end it was made.
    pub bar: usize,
    /// Yearly volatility.
    pub volatility_bps: Option<u64>,
    /// Value at risk of a day.
    pub value_at_risk_bps: Option<u64>,
    /// Expected shortfall of a day.
    pub expected_shortfall_bps: Option<u64>,
    /// Probability of a drawdown.
    pub drawdown_probability_bps: Option<u64>,
}

/// Remembers its newest forecast: decision and gate ask for the same one. Where nobody looks at it, it forecasts nothing.
pub(super) struct Remembering<'a> {
    model: &'a dyn RiskModel,
    is_read: bool,
    hash: B256,
    last: Mutex<Option<(BlockRef, Vec<u64>, RiskReport)>>,
}

impl<'a> Remembering<'a> {
    pub(super) fn new(model: &'a dyn RiskModel, is_read: bool) -> Self {
        // Nor is it asked who made a forecast that nobody looks at.
        let hash = if is_read { model.hash() } else { B256::ZERO };
        Self { model, is_read, hash, last: Mutex::new(None) }
    }

    /// The forecast of this block, if there was one.
    pub(super) fn last(&self, block: BlockRef) -> Option<RiskReport> {
        // Whoever panicked with it has ended the run.
        let last = self.last.lock().ok()?;
        last.as_ref().filter(|(seen, _, _)| *seen == block).map(|(_, _, report)| report.clone())
    }
}

impl RiskModel for Remembering<'_> {
    fn hash(&self) -> B256 {
        self.hash
    }

    fn assess(&self, terms: &Terms, snapshot: &Snapshot, prices: &Prices, weights_bps: &[u64]) -> RiskReport {
        if !self.is_read {
            return RiskReport { model: self.hash, ..RiskReport::default() };
        }
        let asked = || self.model.assess(terms, snapshot, prices, weights_bps);
        let Ok(mut last) = self.last.lock() else { return asked() };
        if let Some((block, weights, report)) = last.as_ref()
            && *block == snapshot.block
            && weights == weights_bps
        {
            return report.clone();
        }
        let report = asked();
        *last = Some((snapshot.block, weights_bps.to_vec(), report.clone()));
        report
    }
}
