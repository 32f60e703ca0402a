//! Scores of every family and way on the same records.

use super::{
    MetricError, auc, brier,
    calibration::calibration,
    coverage::{Coverage, coverage},
    fissler_ziegel, log_loss, pinball, qlike,
    shortfall::{Shortfall, shortfall},
    walk::Collected,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Mean daily variance of an asset over the week to come.
    Volatility,
    /// Probability of a drawdown within the horizon.
    Drawdown,
    /// Quantile of the treasury's return of the next day, and the mean beyond.
    Tail,
}

/// How it is forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Variance of a day, a week and a month.
    Har,
    /// Exponentially weighted variance.
    Ewma,
    /// Logistic regression; together by Newton's method on sums.
    Logistic,
    /// The same by averaged parameters; only together.
    Averaged,
    /// Random forest.
    Forest,
    /// The greater of the model's logistic regression and forest: what the model says.
    Combined,
    /// Share of events in training.
    BaseRate,
    /// Filtered historical simulation: what the model says.
    FilteredHistory,
    /// Quantile regression.
    QuantileRegression,
    /// Normal law with exponentially weighted variance.
    EwmaNormal,
}

/// Who trained it, on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Members together, through rounds.
    Together,
    /// Someone who sees all records.
    Pooled,
    /// Each member on its own records, judged on its own.
    Alone,
    /// Nobody: it needs no training.
    Naive,
}

/// A family and a way.
pub(super) type Key = (Family, Way);

impl Task {
    /// All, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Volatility, Self::Drawdown, Self::Tail];

    /// What the model says of it.
    pub fn used(self) -> Family {
        match self {
            Self::Volatility => Family::Har,
            Self::Drawdown => Family::Combined,
            Self::Tail => Family::FilteredHistory,
        }
    }

    /// By what winners are named; lower is better. The first is of the main number, a later one of it with others.
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Volatility => &[Metric::Qlike],
            Self::Drawdown => &[Metric::Brier],
            Self::Tail => &[Metric::Pinball, Metric::FisslerZiegel],
        }
    }
}

/// Every task with each of its metrics, in the order of tables.
pub(super) fn judged() -> impl Iterator<Item = (Task, Metric)> {
    Task::ALL.into_iter().flat_map(|task| task.metrics().iter().map(move |metric| (task, *metric)))
}

impl Family {
    /// What it forecasts.
    pub fn task(self) -> Task {
        match self {
            Self::Har | Self::Ewma => Task::Volatility,
            Self::Logistic | Self::Averaged | Self::Forest | Self::Combined | Self::BaseRate => Task::Drawdown,
            Self::FilteredHistory | Self::QuantileRegression | Self::EwmaNormal => Task::Tail,
        }
    }
}

macro_rules! spoken {
    ($name:ty: $($variant:ident => $text:literal),+ $(,)?) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(match self { $(Self::$variant => $text),+ })
            }
        }
    };
}
spoken!(Task: Volatility => "volatility", Drawdown => "drawdown", Tail => "value at risk");
spoken!(Family:
    Har => "HAR", Ewma => "EWMA", Logistic => "logistic", Averaged => "averaged logistic", Forest => "forest", Combined => "logistic or forest",
    BaseRate => "base rate", FilteredHistory => "filtered history", QuantileRegression => "quantile regression",
    EwmaNormal => "EWMA, normal",
);
spoken!(Way: Together => "together", Pooled => "pooled", Alone => "alone", Naive => "naive");
spoken!(Metric:
    Qlike => "QLIKE", Brier => "Brier", LogLoss => "log loss", Auc => "AUC", Intercept => "calibration intercept",
    Slope => "calibration slope", Pinball => "pinball", FisslerZiegel => "FZ0", Breaches => "breaches",
);

/// A score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// See [`qlike`].
    Qlike,
    /// See [`brier`].
    Brier,
    /// See [`log_loss`].
    LogLoss,
    /// See [`auc`].
    Auc,
    /// See [`super::Calibration::intercept`].
    Intercept,
    /// See [`super::Calibration::slope`].
    Slope,
    /// Pinball loss in hundredths of a percent of NAV; see [`pinball`].
    Pinball,
    /// Of value at risk and expected shortfall together; see [`fissler_ziegel`].
    FisslerZiegel,
    /// Share of days on which the value at risk was breached.
    Breaches,
}

/// Forecasts and outcomes of one member, in the order of days.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Series {
    pub(super) forecasts: Vec<f64>,
    /// Means beyond the forecasts, where these are quantiles.
    pub(super) shortfalls: Vec<f64>,
    pub(super) outcomes: Vec<f64>,
    pub(super) fallbacks: usize,
}

impl Series {
    fn breaches(&self) -> Vec<bool> {
        self.forecasts.iter().zip(&self.outcomes).map(|(quantile, outcome)| outcome < quantile).collect()
    }

    /// Of all members, one after the other.
    fn joined(members: &[Self]) -> Self {
        let all = |of: fn(&Self) -> &Vec<f64>| members.iter().flat_map(|one| of(one).iter().copied()).collect();
        Self {
            forecasts: all(|one| &one.forecasts),
            shortfalls: all(|one| &one.shortfalls),
            outcomes: all(|one| &one.outcomes),
            fallbacks: members.iter().map(|one| one.fallbacks).sum(),
        }
    }

    /// By one of [`Task::metrics`]. `None` for another.
    fn score(&self, metric: Metric, tail: f64) -> Option<Result<f64, MetricError>> {
        let Self { forecasts, shortfalls, outcomes, .. } = self;
        Some(match metric {
            Metric::Qlike => qlike(forecasts, outcomes),
            Metric::Brier => brier(forecasts, outcomes),
            Metric::Pinball => pinball(forecasts, outcomes, tail).map(|loss| loss * BPS),
            Metric::FisslerZiegel => fissler_ziegel(forecasts, shortfalls, outcomes, tail),
            _ => return None,
        })
    }
}

/// Scores of one family and way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What is forecast.
    pub task: Task,
    /// How.
    pub family: Family,
    /// By whom it was trained.
    pub way: Way,
    /// Records judged.
    pub records: usize,
    /// Of these, those where the way had no forecast and the naive one stood in.
    pub fallbacks: usize,
    /// Scores; one that is not defined on these records is left out.
    pub scores: Vec<(Metric, f64)>,
}

impl Row {
    /// A score of it.
    pub fn score(&self, metric: Metric) -> Option<f64> {
        self.scores.iter().find(|(found, _)| *found == metric).map(|(_, value)| *value)
    }
}

/// Score of one member's records by one of [`Task::metrics`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberRow {
    /// The member.
    pub member: String,
    /// What is forecast.
    pub task: Task,
    /// By what it is judged.
    pub metric: Metric,
    /// Records judged.
    pub records: usize,
    /// Of the model trained together.
    pub together: f64,
    /// Of its own.
    pub alone: f64,
    /// Of the naive forecast.
    pub naive: f64,
}

/// Breaches of one member's value at risk, and what was lost in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoverageRow {
    /// The member.
    pub member: String,
    /// How it was forecast.
    pub family: Family,
    /// By whom it was trained.
    pub way: Way,
    /// Tests of the breaches.
    pub coverage: Coverage,
    /// Test of the expected shortfall.
    pub shortfall: Shortfall,
}

/// Basis points of one.
const BPS: f64 = 10_000.0;

/// All families and ways over all members' records.
pub(super) fn rows(collected: &Collected, tail: f64) -> Result<Vec<Row>, MetricError> {
    let mut found = Vec::with_capacity(collected.len());
    for (&(family, way), series) in collected {
        let task = family.task();
        let all = Series::joined(series);
        let mut scores = Vec::new();
        for metric in task.metrics() {
            if let Some(score) = all.score(*metric, tail) {
                scores.push((*metric, score?));
            }
        }
        let Series { forecasts, outcomes, fallbacks, .. } = all;
        match task {
            Task::Volatility => {}
            Task::Drawdown => {
                let calibrated = calibration(&forecasts, &outcomes)?;
                let more = [
                    (Metric::LogLoss, log_loss(&forecasts, &outcomes).ok()),
                    (Metric::Auc, auc(&forecasts, &outcomes).ok()),
                    (Metric::Intercept, calibrated.intercept),
                    (Metric::Slope, calibrated.slope),
                ];
                scores.extend(more.into_iter().filter_map(|(metric, value)| Some((metric, value?))));
            }
            Task::Tail => {
                let breaches = series.iter().flat_map(Series::breaches).filter(|breached| *breached).count();
                scores.push((Metric::Breaches, breaches as f64 / outcomes.len() as f64));
            }
        }
        found.push(Row { task, family, way, records: outcomes.len(), fallbacks, scores });
    }
    found.sort_by_key(|row| (row.task, row.family, row.way));
    Ok(found)
}

/// What training together gives each member.
pub(super) fn member_rows(collected: &Collected, members: &[&str], tail: f64) -> Vec<MemberRow> {
    let mut found = Vec::new();
    for (task, metric) in judged() {
        let naive = match task {
            Task::Volatility => Family::Ewma,
            Task::Drawdown => Family::BaseRate,
            Task::Tail => Family::EwmaNormal,
        };
        for (position, member) in members.iter().enumerate() {
            let score = |family, way| {
                let series: &Series = collected.get(&(family, way))?.get(position)?;
                Some((series.outcomes.len(), series.score(metric, tail)?.ok()?))
            };
            let own = [score(task.used(), Way::Together), score(task.used(), Way::Alone), score(naive, Way::Naive)];
            if let [Some((records, together)), Some((_, alone)), Some((_, naive))] = own {
                found.push(MemberRow { member: (*member).to_owned(), task, metric, records, together, alone, naive });
            }
        }
    }
    found
}

/// Tests of every value at risk and expected shortfall, member by member: breaches of different members on one day are no independent ones.
pub(super) fn coverage_rows(collected: &Collected, members: &[&str], tail: f64) -> Vec<CoverageRow> {
    let mut found = Vec::new();
    for (&(family, way), series) in collected.iter().filter(|((family, _), _)| family.task() == Task::Tail) {
        for (member, one) in members.iter().zip(series) {
            let of_breaches = coverage(&one.breaches(), tail);
            let of_losses = shortfall(&one.forecasts, &one.shortfalls, &one.outcomes, tail);
            if let (Ok(coverage), Ok(shortfall)) = (of_breaches, of_losses) {
                found.push(CoverageRow { member: (*member).to_owned(), family, way, coverage, shortfall });
            }
        }
    }
    found
}
