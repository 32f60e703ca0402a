//! What a person should know of a model before trusting it.
//!
//! M. Mitchell et al., *Model cards for model reporting*, FAT* 2019. A card says what the model was trained on, how it
//! did on later days against its rivals, what privacy was spent, and when not to trust it.

mod markdown;

use crate::{
    data::Target,
    judge::{Basis, Judgement, Metric, Task, Way},
    model_file::{MemberData, ModelFile, ModelFileError},
    models::drawdown::DrawdownFit,
    train::Trained,
};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Below this p-value a test counts as failed.
const REJECTED_BELOW: f64 = 0.05;
/// Below this area under the ROC curve drawdowns are hardly told apart.
const AUC_WEAK: f64 = 0.6;
/// Where the test has one class.
const NO_AUC: &str = "The test had no drawdown, or nothing else: how well they are told apart is unknown, and a policy's \
                      least AUC is not met.";
/// Fewer drawdowns than this, over all members, are few.
const EVENTS_FEW: usize = 100;

/// Privacy spent in training, as its accountant says. Plain numbers: this crate knows nothing of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// ε of one record.
    pub epsilon_record: f64,
    /// ε of one day, which enters several overlapping records.
    pub epsilon_day: f64,
    /// δ of both.
    pub delta: f64,
    /// What the ledger says of the year; `None` where none is kept.
    #[serde(default)]
    pub year: Option<YearPrivacy>,
}

/// What all trainings of a year released, those included that gave no model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearPrivacy {
    /// The year.
    pub year: u32,
    /// ε of one record, when this model was written.
    pub epsilon_record: f64,
}

/// The part of a member that takes no part.
pub const EVERYTHING: &str = "everything";

/// A member that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The member.
    pub member: String,
    /// Of which part; [`EVERYTHING`] if it was not trained on at all.
    pub part: String,
    /// Why.
    pub reason: String,
}

/// A model's card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// keccak256 of the model file.
    pub hash: B256,
    /// What is forecast.
    pub target: Target,
    /// The last day that training knew, since 1970-01-01.
    pub trained_at_day: u32,
    /// How the drawdown probability was fitted; `None` where it is missing.
    pub drawdown_fit: Option<DrawdownFit>,
    /// What it was trained on.
    pub data: Vec<MemberData>,
    /// Who was left out.
    pub left_out: Vec<LeftOut>,
    /// Parts that could not be trained, and why.
    pub missing: Vec<String>,
    /// How it did on later days.
    pub judgement: Judgement,
    /// Privacy spent; `None` where no noise was added.
    pub privacy: Option<Privacy>,
    /// When not to trust it.
    pub warnings: Vec<String>,
    /// Versions of the crates that trained it.
    pub crates: BTreeMap<String, String>,
}

impl Card {
    /// Of what was trained and how it was judged.
    ///
    /// # Errors
    /// If the model has no file.
    pub fn new(trained: &Trained, judgement: Judgement, privacy: Option<Privacy>) -> Result<Self, ModelFileError> {
        let file = trained.file();
        let left_out = trained.excluded.iter().map(|one| LeftOut {
            member: one.member.clone(),
            part: one.part.map_or(EVERYTHING, crate::train::Part::name).to_owned(),
            reason: one.reason.to_string(),
        });
        let missing: Vec<String> = trained.missing.iter().map(ToString::to_string).collect();
        Ok(Self {
            hash: file.hash()?,
            warnings: warnings(&file, &judgement, privacy.is_some()),
            target: file.target,
            trained_at_day: file.trained_at_day,
            drawdown_fit: file.parameters.drawdown.as_ref().map(|part| part.fit),
            data: file.data,
            left_out: left_out.collect(),
            missing,
            judgement,
            privacy,
            crates: file.crates,
        })
    }

    /// For people.
    pub fn to_markdown(&self) -> String {
        markdown::write(self)
    }

    /// For programs: JSON over several lines.
    ///
    /// # Errors
    /// Never in practice; a serialiser may fail.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// Whether any member's records were made up.
    pub fn is_synthetic(&self) -> bool {
        self.data.iter().any(|member| member.origin.is_synthetic())
    }
}

fn warnings(file: &ModelFile, judgement: &Judgement, private: bool) -> Vec<String> {
    let mut found = Vec::new();
    let synthetic = file.data.iter().filter(|member| member.origin.is_synthetic()).count();
    if synthetic > 0 {
        found.push(format!(
            "Positions and flows of {synthetic} of {} members are *synthetic*: scores say how the method works on real \
             prices, and nothing of any DAO.",
            file.data.len()
        ));
    }
    for verdict in judgement.verdicts.iter().filter(|verdict| !verdict.pays()) {
        found.push(format!(
            "For {} training together does not pay: something that a member has by itself has a better {}.",
            verdict.subject(),
            verdict.metric
        ));
    }
    let used = judgement.row(Task::Drawdown.used(), Way::Together);
    match used.and_then(|row| row.score(Metric::Auc)) {
        None => found.push(NO_AUC.into()),
        Some(auc) if auc < AUC_WEAK => found.push(format!(
            "An AUC of {auc:.3} is near that of a coin (0.5): do not read the drawdown probability as a warning of its own."
        )),
        Some(_) => {}
    }
    // Hidden where one member's is.
    let events = file.data.iter().map(|member| member.events).sum::<Option<usize>>();
    if let Some(events) = events.filter(|events| *events < EVENTS_FEW) {
        found.push(format!("It knows {events} records before a drawdown, of windows that overlap: that is few."));
    }
    let is_used = |family, way| (family, way) == (Task::Tail.used(), Way::Together);
    let rows = || judgement.coverage.iter().filter(|row| is_used(row.family, row.way));
    for row in
        rows().filter(|row| row.coverage.conditional_p < REJECTED_BELOW || row.coverage.kupiec_p < REJECTED_BELOW)
    {
        found.push(format!(
            "The value at risk of `{}` was breached on {} of {} days where {:.1} were expected; the tests reject it.",
            row.member, row.coverage.breaches, row.coverage.days, row.coverage.expected
        ));
    }
    for row in rows().filter(|row| row.shortfall.p < REJECTED_BELOW) {
        found.push(format!(
            "Days beyond the value at risk cost `{}` {:.1} times what its expected shortfall says of {} days; the test rejects \
             it.",
            row.member,
            1.0 - row.shortfall.z2,
            row.coverage.days
        ));
    }
    let parts = &file.parameters;
    if parts.drawdown.is_some() && parts.forest.is_none() {
        found.push(
            "There is no second opinion: the drawdown probability is that of the logistic regression alone.".into(),
        );
    }
    if parts.drawdown.is_none() || parts.tail.is_none() {
        found.push("Parts are missing (above); what they would forecast is unknown, which a policy's ceilings count as breached.".into());
    }
    found.push(match (private, judgement.basis) {
        (true, Basis::Members) => {
            "The ε is that of all sums that training and its judging released, of every part; the scores on this card are \
             of members' own records and exact, so it is for members alone."
        }
        (true, Basis::Public) => {
            "The ε is that of all sums that training and its judging released, of every part; scores are of public records \
             alone. How well it does for a member, and whether one by itself would do better, they do not say."
        }
        (false, _) => "No noise was added: sums that members sent are as exact as their records.",
    }
    .to_owned());
    found.push(format!(
        "An asset with fewer than {} days of prices, a market unlike any before {}, a treasury whose assets no member \
         held: there it extrapolates.",
        crate::parameters::HISTORY_DAYS_MIN,
        crate::data::date(file.trained_at_day)
    ));
    found
}

#[cfg(test)]
mod tests;
