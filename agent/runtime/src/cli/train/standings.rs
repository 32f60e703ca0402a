//! What rounds found out about members, for people and programs.

use crate::learning::{Progress, Told};
use quaestor_contracts::explain::plain;
use quaestor_federation::{Excluded, Exclusion, Failure, RoundReport};
use quaestor_risk::train::Part;
use serde::Serialize;
use std::collections::BTreeMap;

/// Members told of for each part, the lowest contributions first.
const TOLD_MAX: usize = 8;

/// A member in the last round of a part.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Member {
    member: String,
    /// Share of the weights; `None`: it is not in the sum.
    weight: Option<f64>,
    /// Loss on public records without it, less the loss with it; `None`: not judged, or without a finite loss.
    contribution: Option<f64>,
    /// What its weight is multiplied with: its running score, of the parts before too; `None`: it was not judged.
    score: Option<f64>,
    /// Whether it is out for good.
    excluded: bool,
    /// Why it is not in the sum.
    left_out: Option<String>,
}

/// The last round of a part.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct PartStandings {
    part: Part,
    round: u64,
    concentration: f64,
    members: Vec<Member>,
}

/// Where a member was found out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FoundOut {
    part: Part,
    round: u64,
    contribution: Option<f64>,
    /// Why its update was not taken at all, if it was not.
    refused: Option<String>,
}

/// What this process heard of rounds: of a training that goes on after a kill, only those that were held since.
#[derive(Debug, Default)]
pub(super) struct Standings {
    parts: BTreeMap<Part, PartStandings>,
    found_out: BTreeMap<String, FoundOut>,
    /// Whose updates were too large or malformed, the first of each.
    refused: BTreeMap<String, FoundOut>,
}

impl Standings {
    pub(super) fn hear(&mut self, told: &Progress<'_>) {
        let Progress::Rounds(Told::Round(part, report)) = told else { return };
        for one in report.contributions.iter().filter(|one| one.excluded) {
            let found = FoundOut { part: *part, round: report.round, contribution: one.gain, refused: None };
            self.found_out.entry(one.member.to_string()).or_insert(found);
        }
        let unusable = |one: &&Excluded| match &one.why {
            Exclusion::TooLarge { .. } => true,
            Exclusion::Failed { failure } => matches!(failure, Failure::Malformed { .. }),
            _ => false,
        };
        for one in report.excluded.iter().filter(unusable) {
            let refused = Some(one.why.to_string());
            let found = FoundOut { part: *part, round: report.round, contribution: None, refused };
            self.refused.entry(one.member.to_string()).or_insert(found);
        }
        // A round in which nobody could be judged says nothing of reputations.
        if !report.contributions.is_empty() {
            self.parts.insert(*part, PartStandings::of(*part, report));
        }
    }

    /// How this member was found out, in words.
    pub(super) fn words_of(&self, member: &str) -> String {
        let Some(found) = self.found_out.get(member).or_else(|| self.refused.get(member)) else {
            return "found out before this run".to_owned();
        };
        let FoundOut { part, round, contribution, refused } = found;
        let why = match (refused, contribution) {
            (Some(refused), _) => refused.clone(),
            (None, Some(gain)) => format!("it makes the model worse on public records, by {:.4}", -gain),
            (None, None) => "it makes the model worse on public records".to_owned(),
        };
        format!("{why} (round {round} of {part})")
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.parts.values().flat_map(PartStandings::lines).collect()
    }

    pub(super) fn document(&self) -> serde_json::Value {
        serde_json::json!({ "parts": self.parts.values().collect::<Vec<_>>(), "found_out": self.found_out, "refused": self.refused })
    }
}

impl PartStandings {
    fn of(part: Part, report: &RoundReport) -> Self {
        let judged = report.contributions.iter().map(|one| Member {
            member: one.member.to_string(),
            weight: Some(one.weight),
            contribution: one.gain,
            score: Some(one.score),
            excluded: one.excluded,
            left_out: None,
        });
        let out = report.excluded.iter().map(|one| Member {
            member: one.member.to_string(),
            weight: None,
            contribution: None,
            score: None,
            excluded: matches!(one.why, Exclusion::Reputation { .. } | Exclusion::Earlier),
            left_out: Some(one.why.to_string()),
        });
        let mut members: Vec<Member> = judged.chain(out).collect();
        let order = |one: &Member| (!one.excluded, one.contribution.unwrap_or(f64::NEG_INFINITY));
        members.sort_by(|one, other| {
            let ((first, gain), (second, another)) = (order(one), order(other));
            first.cmp(&second).then(gain.total_cmp(&another)).then_with(|| one.member.cmp(&other.member))
        });
        Self { part, round: report.round, concentration: report.concentration, members }
    }

    fn lines(&self) -> Vec<String> {
        let Self { part, round, concentration, members } = self;
        let weighing = members.iter().filter(|one| one.weight.is_some()).count();
        let equal = 1.0 / weighing.max(1) as f64;
        let mut lines = vec![format!(
            "standing  {part}, round {round}: concentration {concentration:.4} (Herfindahl–Hirschman; {equal:.4} if \
             {weighing} weighed the same)"
        )];
        for one in members.iter().take(TOLD_MAX) {
            let name = plain(&one.member);
            lines.push(match (one.weight, &one.left_out) {
                (Some(weight), _) => {
                    let out = if one.excluded { "excluded" } else { "in" };
                    let gain = one.contribution.map_or_else(|| "unknown".to_owned(), |gain| format!("{gain:+.4}"));
                    let score = one.score.unwrap_or(1.0);
                    let weight = weight * 100.0;
                    format!(
                        "          {name:20}  weight {weight:5.1} %  score {score:.3}  contribution {gain:>8}  {out}"
                    )
                }
                (None, why) => {
                    let why = why.as_deref().unwrap_or_default();
                    format!("          {name:20}  left out: {why}")
                }
            });
        }
        if let Some(more) = members.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            let excluded = members.iter().skip(TOLD_MAX).filter(|one| one.excluded).count();
            lines.push(format!("          and {more} more, {excluded} of them excluded"));
        }
        lines
    }
}

#[cfg(test)]
mod tests;
