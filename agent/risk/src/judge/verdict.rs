//! Who wins.

use super::{
    Basis,
    table::{Family, Metric, Row, Task, Way},
};
use serde::{Deserialize, Serialize};

/// Scores that differ less, relative to the greater, are equal: the rest is rounding.
const EQUAL: f64 = 1e-6;

/// A rival and its score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// How it forecasts.
    pub family: Family,
    /// By whom it was trained.
    pub way: Way,
    /// Its score.
    pub score: f64,
}

/// How training together did at one task against every rival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The task.
    pub task: Task,
    /// By what it is judged; lower is better.
    pub metric: Metric,
    /// Score of the model trained together.
    pub score: f64,
    /// Rivals that it beats.
    pub beats: Vec<Rival>,
    /// Rivals that are as good.
    pub equals: Vec<Rival>,
    /// Rivals that beat it.
    pub loses_to: Vec<Rival>,
    /// The same as a sentence.
    pub sentence: String,
}

impl Verdict {
    /// `basis` says whether every rival is in `rows`.
    pub(super) fn of(task: Task, metric: Metric, rows: &[Row], basis: Basis) -> Option<Self> {
        let is_used = |row: &&Row| (row.family, row.way) == (task.used(), Way::Together);
        let score = rows.iter().find(is_used)?.score(metric)?;
        let (mut beats, mut equals, mut loses_to) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| row.task == task && !is_used(row)) {
            let Some(other) = row.score(metric) else { continue };
            let rival = Rival { family: row.family, way: row.way, score: other };
            if (score - other).abs() <= EQUAL * score.abs().max(other.abs()) {
                equals.push(rival);
            } else if score < other {
                beats.push(rival);
            } else {
                loses_to.push(rival);
            }
        }
        for list in [&mut beats, &mut equals, &mut loses_to] {
            list.sort_by(|left, right| left.score.total_cmp(&right.score));
        }
        let mut found = Self { task, metric, score, beats, equals, loses_to, sentence: String::new() };
        found.sentence = found.sentence(basis);
        Some(found)
    }

    /// What is judged, for people.
    pub fn subject(&self) -> String {
        match self.metric {
            Metric::FisslerZiegel => format!("{} with expected shortfall", self.task),
            _ => self.task.to_string(),
        }
    }

    /// Whether nothing beats it that a member could have without the others and that was compared: its own model, which is
    /// absent where only public records are judged on, and the naive one.
    pub fn pays(&self) -> bool {
        !self.loses_to.iter().any(|rival| matches!(rival.way, Way::Alone | Way::Naive))
    }

    fn sentence(&self, basis: Basis) -> String {
        let list = |rivals: &[Rival]| {
            let named = rivals.iter().map(|rival| match rival.way {
                Way::Naive => format!("{} ({}, {:.4})", rival.way, rival.family, rival.score),
                way => format!("{} {way} ({:.4})", rival.family, rival.score),
            });
            named.collect::<Vec<_>>().join(", ")
        };
        let Self { task, metric, score, beats, equals, loses_to, .. } = self;
        let mut text = format!("{}: {} together has {metric} {score:.4}", self.subject(), task.used());
        for (word, rivals) in [("beats", beats), ("equals", equals)] {
            if !rivals.is_empty() {
                text.push_str(&format!("; it {word} {}", list(rivals)));
            }
        }
        match (loses_to.is_empty(), basis) {
            (true, Basis::Members) => text.push_str("; nothing beats it."),
            // Of rivals that are absent nothing is known.
            (true, Basis::Public) => text.push_str("; nothing that was compared beats it."),
            (false, _) => text.push_str(&format!("; **it does not win**: better are {}.", list(loses_to))),
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(family: Family, way: Way, score: f64) -> Row {
        Row { task: Task::Volatility, family, way, records: 1, fallbacks: 0, scores: vec![(Metric::Qlike, score)] }
    }

    #[test]
    fn a_defeat_is_said_aloud() {
        let rows = [
            row(Family::Har, Way::Together, -5.0),
            row(Family::Har, Way::Pooled, -5.0 - 1e-9),
            row(Family::Har, Way::Alone, -4.5),
            row(Family::Ewma, Way::Naive, -5.1),
        ];
        let found = Verdict::of(Task::Volatility, Metric::Qlike, &rows, Basis::Members).unwrap();
        let text = "volatility: HAR together has QLIKE -5.0000; it beats HAR alone (-4.5000); it equals HAR pooled \
                    (-5.0000); **it does not win**: better are naive (EWMA, -5.1000).";
        assert_eq!(found.sentence, text);
        assert!(!found.pays());
        let won = Verdict::of(Task::Volatility, Metric::Qlike, &rows[..3], Basis::Members).unwrap();
        assert!(won.pays() && won.sentence.ends_with("; nothing beats it."));
        // Where rivals are absent, it speaks of the others.
        let rows = [row(Family::Har, Way::Together, -5.0), row(Family::Ewma, Way::Naive, -4.5)];
        let public = Verdict::of(Task::Volatility, Metric::Qlike, &rows, Basis::Public).unwrap();
        let text = "volatility: HAR together has QLIKE -5.0000; it beats naive (EWMA, -4.5000); nothing that was \
                    compared beats it.";
        assert_eq!(public.sentence, text);
        assert_eq!(Verdict::of(Task::Tail, Metric::Pinball, &rows, Basis::Members), None);
    }
}
