//! What a sweep came to: the best configurations, and how much of that is luck.

use super::{Forward, Metric, Outcome, Results};
use crate::statistics::{Overfitting, Shape, deflated_sharpe, expected_max_sharpe, overfitting};
use serde::Serialize;
use std::collections::BTreeMap;

/// Most configurations that are shown.
pub const BEST_MAX: usize = 10;
/// From this probability on that it beats luck a pick is taken seriously, as the paper has it.
const DEFLATED_GOOD: f64 = 0.95;
/// Below this it is as likely luck as not.
const DEFLATED_BAD: f64 = 0.5;
/// Up to this probability of overfitting a pick is taken seriously.
const OVERFITTING_GOOD: f64 = 0.2;
/// Above this the best of one half of the time was worse than most in the other half more often than not.
const OVERFITTING_BAD: f64 = 0.5;

/// One of the best configurations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Best {
    /// Its row.
    pub row: u64,
    /// Its values by key.
    pub values: BTreeMap<String, String>,
    /// What it came to.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The deflated Sharpe ratio of what was picked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Deflated {
    /// The pick's Sharpe ratio of a year.
    pub sharpe: f64,
    /// What the best of as many trials without any skill is expected to show, of a year.
    pub luck: f64,
    /// Probability that the pick's true ratio is above that.
    pub probability: f64,
    /// Trials; each configuration counts as one, although neighbours are alike, which is strict.
    pub trials: u64,
}

/// What it says together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing speaks for luck.
    Holds,
    /// Something does.
    Doubtful,
    /// It was picked for its noise.
    Overfitted,
    /// There is too little to judge by.
    Unknown,
}

/// What a sweep came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// Configurations.
    pub configurations: u64,
    /// Of these such that the language refuses.
    pub refused: u64,
    /// The first of them, and why.
    pub refused_first: Option<String>,
    /// By what they are compared.
    pub by: Metric,
    /// The best, the best first; of equally good ones the earlier row.
    pub best: Vec<Best>,
    /// Of the best.
    pub deflated_sharpe: Option<Deflated>,
    /// Of picking by Sharpe ratio.
    pub overfitting: Option<Overfitting>,
    /// What was best on each stretch of time, held in the next.
    pub walk_forward: Option<Forward>,
    /// What it says together.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub said: String,
}

impl Judged {
    /// Of all rows.
    pub fn of(results: &Results) -> Self {
        let about = results.about();
        let (by, points, keys) = (about.spec.by, about.points(), about.keys());
        let best = |row: usize| Best {
            row: row as u64,
            values: keys.iter().cloned().zip(about.values(&points.point(row as u64))).collect(),
            outcome: results.outcomes()[row],
        };
        let best: Vec<Best> = best_rows(results.outcomes(), by).into_iter().map(best).collect();
        let periods = results.span().periods();
        let deflated = best.first().and_then(|best| deflated(&best.outcome, results));
        let overfitting = results.sums.as_ref().and_then(|sums| overfitting(sums).ok());
        let walk_forward = about.spec.walk_forward.and_then(|lengths| results.walking.end(lengths, periods));
        let verdict = verdict(deflated, overfitting);
        Self {
            configurations: results.outcomes().len() as u64,
            refused: results.refused(),
            refused_first: results.first_refused().map(|(row, why)| format!("row {row}: {why}")),
            by,
            said: said(verdict, deflated, overfitting),
            best,
            deflated_sharpe: deflated,
            overfitting,
            walk_forward,
            verdict,
        }
    }
}

/// Numbers of the best rows, the best first.
fn best_rows(outcomes: &[Outcome], by: Metric) -> Vec<usize> {
    let mut best: Vec<(f64, usize)> = Vec::with_capacity(BEST_MAX + 1);
    for (row, outcome) in outcomes.iter().enumerate() {
        let Some(found) = by.of(outcome).filter(|_| outcome.is_some()) else { continue };
        let place = best.partition_point(|(known, _)| *known >= found);
        if place < BEST_MAX {
            best.insert(place, (found, row));
            best.truncate(BEST_MAX);
        }
    }
    best.into_iter().map(|(_, row)| row).collect()
}

fn deflated(best: &Outcome, results: &Results) -> Option<Deflated> {
    let span = results.span();
    let yearly = libm::sqrt(span.periods());
    let ratios = || results.outcomes().iter().map(|outcome| outcome.sharpe / yearly).filter(|ratio| !ratio.is_nan());
    let trials = ratios().count();
    let mean = ratios().fold(0.0, |sum, ratio| sum + ratio) / trials as f64;
    let squares = ratios().fold(0.0, |sum, ratio| sum + (ratio - mean) * (ratio - mean));
    let variance = squares / trials.checked_sub(1).filter(|freedom| *freedom > 0)? as f64;
    let Outcome { sharpe, skewness, kurtosis, .. } = *best;
    let shape = Shape { count: span.bars, sharpe: sharpe / yearly, skewness, kurtosis };
    let probability = deflated_sharpe(shape, variance, trials as f64).filter(|found| !found.is_nan())?;
    let luck = expected_max_sharpe(variance, trials as f64)? * yearly;
    Some(Deflated { sharpe, luck, probability, trials: trials as u64 })
}

fn verdict(deflated: Option<Deflated>, overfitting: Option<Overfitting>) -> Verdict {
    let luck = deflated.map(|found| found.probability);
    let fitted = overfitting.map(|found| found.probability);
    match (luck, fitted) {
        (None, None) => Verdict::Unknown,
        _ if luck.is_some_and(|it| it < DEFLATED_BAD) || fitted.is_some_and(|it| it > OVERFITTING_BAD) => {
            Verdict::Overfitted
        }
        _ if luck.is_none_or(|it| it >= DEFLATED_GOOD) && fitted.is_none_or(|it| it <= OVERFITTING_GOOD) => {
            Verdict::Holds
        }
        _ => Verdict::Doubtful,
    }
}

fn said(verdict: Verdict, deflated: Option<Deflated>, overfitting: Option<Overfitting>) -> String {
    let share = |found: f64| format!("{:.0} %", found * 100.0);
    let is_luck = deflated.is_some_and(|found| found.probability < DEFLATED_BAD);
    let head = match verdict {
        Verdict::Holds => "What is best here is probably more than luck.",
        Verdict::Doubtful => "What is best here may well be luck: treat it as one candidate among others.",
        Verdict::Overfitted if is_luck => "Do not trust the best: luck among so many explains what it shows.",
        Verdict::Overfitted => "Do not trust the choice: what was best at one time says nothing of another.",
        Verdict::Unknown => "Too little was run to tell skill from luck.",
    };
    let mut said = head.to_owned();
    if let Some(found) = deflated {
        said.push_str(&format!(
            " Its Sharpe ratio is {:.2}, and the luckiest of {} without any skill would show about {:.2}; that it is truly better than \
             that has a probability of {}.",
            found.sharpe,
            found.trials,
            found.luck,
            share(found.probability)
        ));
    }
    if let Some(found) = overfitting {
        said.push_str(&format!(
            " What was best in one half of the time was no better than the middle in the other half in {} of {} ways to halve it.",
            share(found.probability),
            found.splits
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(sharpe: f64) -> Outcome {
        Outcome { sharpe, final_value: 1.0, ..Outcome::NONE }
    }

    #[test]
    fn the_best_come_first_and_of_equals_the_earlier() {
        let outcomes: Vec<Outcome> = [0.5, 2.0, f64::NAN, 1.0, 2.0, -1.0].into_iter().map(with).collect();
        assert_eq!(best_rows(&outcomes, Metric::Sharpe), [1, 4, 3, 0, 5]);
        let many: Vec<Outcome> = (0..1_000u32).map(|row| with(f64::from(row * 7 % 1_000))).collect();
        let best = best_rows(&many, Metric::Sharpe);
        assert_eq!(best.len(), BEST_MAX);
        assert!(best.iter().enumerate().all(|(place, row)| many[*row].sharpe == 999.0 - place as f64));
        assert!(best_rows(&[Outcome::NONE], Metric::FinalValue).is_empty());
    }

    #[test]
    fn a_verdict_needs_both_to_hold_and_one_to_fall() {
        let luck = |probability| Some(Deflated { sharpe: 1.0, luck: 0.5, probability, trials: 9 });
        let fitted = |probability| {
            Some(Overfitting {
                configurations: 9,
                blocks: 16,
                splits: 12_870,
                probability,
                loss_probability: 0.0,
                rank_median: 0.5,
            })
        };
        assert_eq!(verdict(luck(0.97), fitted(0.1)), Verdict::Holds);
        assert_eq!(verdict(luck(0.97), fitted(0.3)), Verdict::Doubtful);
        assert_eq!(verdict(luck(0.7), fitted(0.1)), Verdict::Doubtful);
        assert_eq!(verdict(luck(0.97), fitted(0.6)), Verdict::Overfitted);
        assert_eq!(verdict(luck(0.2), None), Verdict::Overfitted);
        assert_eq!(verdict(None, None), Verdict::Unknown);
        assert!(said(Verdict::Overfitted, luck(0.2), fitted(0.6)).contains("60 % of 12870 ways"));
    }
}
