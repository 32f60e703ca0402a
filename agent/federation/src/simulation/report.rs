use super::SimulationPlan;
use crate::{MemberId, RoundReport, Standing};
use serde::Serialize;

/// Scores on records that nobody trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scores {
    /// Area under the ROC curve.
    pub auc: f64,
    /// Mean negative log likelihood.
    pub loss: f64,
}

/// What the noise of a training costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PrivacyCost {
    /// How it was computed.
    pub method: &'static str,
    /// Releases.
    pub rounds: u32,
    /// Standard deviation of the whole noise, in clips.
    pub noise_multiplier: f64,
    /// δ of both figures.
    pub delta: f64,
    /// ε of one record, against whoever sees the sums.
    pub epsilon_record: f64,
    /// ε of one record, against whoever sees a single member's updates, such as the coordinator.
    pub epsilon_record_single_updates: f64,
    /// Records that one day's price enters.
    pub window: u32,
    /// ε of that many records together.
    pub epsilon_day: f64,
}

/// A member's reputation after the last round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reputation {
    /// Who.
    pub member: MemberId,
    /// Between 0 and 1; the weighted mean multiplies the member's weight by it.
    pub score: f64,
    /// Its contribution to the last round that it was judged in; `None` if it never was, or not by a finite loss.
    pub contribution: Option<f64>,
    /// Out for good.
    pub excluded: bool,
}

impl Reputation {
    /// Of a member with this standing after these rounds.
    pub(super) fn of(standing: &Standing, rounds: &[RoundReport]) -> Self {
        let Standing { member, score, excluded, .. } = standing;
        let judged = rounds.iter().rev().find_map(|round| round.contributions.iter().find(|one| one.member == *member));
        let contribution = judged.and_then(|one| one.gain);
        Self { member: member.clone(), score: *score, contribution, excluded: *excluded }
    }
}

/// What a simulation came to. Time is left to the caller, who has a clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimulationReport {
    /// The data are made up.
    pub synthetic: bool,
    /// What was simulated.
    pub plan: SimulationPlan,
    /// Members that lie.
    pub liars: usize,
    /// Liars that the rule tolerates when all members answer.
    pub breakdown: usize,
    /// Of the model before the first round.
    pub untrained: Scores,
    /// Of the trained model.
    pub trained: Scores,
    /// Of the fit on everybody's honest records.
    pub pooled: Scores,
    /// Of the same federation without liars, dropouts and stragglers.
    pub clean: Scores,
    /// Largest difference of a parameter between the trained model and the pooled one.
    pub distance_to_pooled: f64,
    /// Members by name, when the plan keeps reputations.
    pub reputations: Vec<Reputation>,
    /// The Herfindahl–Hirschman index of the weights in the last round.
    pub concentration: f64,
    /// What the noise costs, if there is any.
    pub privacy: Option<PrivacyCost>,
    /// The trained model, intercept last.
    pub parameters: Vec<f64>,
    /// Round by round.
    pub rounds: Vec<RoundReport>,
}
