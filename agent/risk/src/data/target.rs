//! What is forecast, and how far ahead.

use serde::{Deserialize, Serialize};

/// Longest horizon: a quarter.
pub const HORIZON_DAYS_MAX: u32 = 92;

/// What is forecast. Volatility and tail look one day ahead, so that breaches of a value at risk can be tested without
/// overlapping windows; a drawdown looks `horizon_days` ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Days in which a drawdown may come, 1 to [`HORIZON_DAYS_MAX`].
    pub horizon_days: u32,
    /// What counts as one, bps of NAV, 1 to 9,999: positions kept, at market prices, net of what was paid and earned.
    pub loss_bps: u32,
    /// Probability with which a day's loss exceeds the value at risk, bps, 10 to 2,500.
    pub tail_bps: u32,
}

impl Default for Target {
    /// A fall of 15 % within a fortnight; value at risk at 95 %.
    fn default() -> Self {
        Self { horizon_days: 14, loss_bps: 1_500, tail_bps: 500 }
    }
}

/// Why a target cannot be forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {found}; write a number from {least} to {most}")]
pub struct TargetError {
    /// Which number.
    pub name: &'static str,
    /// What was given.
    pub found: u32,
    /// Least that is allowed.
    pub least: u32,
    /// Most that is allowed.
    pub most: u32,
}

impl Target {
    /// Fails if a number is out of range.
    ///
    /// # Errors
    /// With the first such number.
    pub fn check(self) -> Result<Self, TargetError> {
        let bounds = [
            ("horizon_days", self.horizon_days, 1, HORIZON_DAYS_MAX),
            ("loss_bps", self.loss_bps, 1, 9_999),
            ("tail_bps", self.tail_bps, 10, 2_500),
        ];
        for (name, found, least, most) in bounds {
            if !(least..=most).contains(&found) {
                return Err(TargetError { name, found, least, most });
            }
        }
        Ok(self)
    }

    /// What counts as a drawdown, as a share of NAV.
    pub fn loss(self) -> f64 {
        f64::from(self.loss_bps) / 10_000.0
    }

    /// Probability with which a day's loss exceeds the value at risk.
    pub fn tail(self) -> f64 {
        f64::from(self.tail_bps) / 10_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_named() {
        let text = |target: Target| target.check().unwrap_err().to_string();
        let default = Target::default();
        assert_eq!(default.check(), Ok(default));
        assert_eq!(text(Target { horizon_days: 0, ..default }), "horizon_days is 0; write a number from 1 to 92");
        assert_eq!(text(Target { loss_bps: 10_000, ..default }), "loss_bps is 10000; write a number from 1 to 9999");
        assert_eq!(text(Target { tail_bps: 9, ..default }), "tail_bps is 9; write a number from 10 to 2500");
    }
}
