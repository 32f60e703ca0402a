//! By what configurations are compared.

use super::Outcome;
use crate::metrics::{Figures, growth};
use serde::{Deserialize, Serialize};

/// The figure by which the best is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Sharpe ratio.
    #[default]
    Sharpe,
    /// Compound growth in a year.
    Cagr,
    /// CAGR / |deepest fall|.
    Calmar,
    /// Value at the end, dollars.
    FinalValue,
    /// The deepest fall, negative: the shallowest is the best.
    MaxDrawdown,
}

impl Metric {
    /// All, with the words that are typed for them.
    pub const ALL: [(&'static str, Self); 5] = [
        ("sharpe", Self::Sharpe),
        ("cagr", Self::Cagr),
        ("calmar", Self::Calmar),
        ("final_value", Self::FinalValue),
        ("max_drawdown", Self::MaxDrawdown),
    ];

    /// The metric that is typed so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, metric)| *metric)
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sharpe => "Sharpe",
            Self::Cagr => "CAGR",
            Self::Calmar => "Calmar",
            Self::FinalValue => "value at the end, USD",
            Self::MaxDrawdown => "deepest fall",
        }
    }

    /// A number of it, for people.
    pub fn told(self, value: Option<f64>) -> String {
        use crate::report::{number, percent, usd};
        match self {
            Self::Sharpe | Self::Calmar => number(value),
            Self::Cagr | Self::MaxDrawdown => percent(value),
            Self::FinalValue => value.map_or_else(|| number(None), usd),
        }
    }

    /// Of what a configuration came to: greater is better, and what does not exist is `None`.
    pub fn of(self, outcome: &Outcome) -> Option<f64> {
        let found = match self {
            Self::Sharpe => outcome.sharpe,
            Self::Cagr => outcome.cagr,
            Self::Calmar => outcome.calmar,
            Self::FinalValue => outcome.final_value,
            Self::MaxDrawdown => outcome.max_drawdown,
        };
        (!found.is_nan()).then_some(found)
    }

    /// Of a piece of the returns; the value at the end is growth there.
    pub(super) fn of_returns(self, returns: &[f64], periods: f64, room: &mut Vec<f64>) -> Option<f64> {
        if self == Self::FinalValue {
            return Some(growth(returns));
        }
        let figures = Figures::of_in(returns, periods, room);
        match self {
            Self::Sharpe => figures.sharpe,
            Self::Cagr => figures.cagr,
            Self::Calmar => figures.calmar,
            Self::FinalValue | Self::MaxDrawdown => Some(figures.max_drawdown),
        }
    }
}
