//! Rounds in which members send parameters instead of sums.

use super::{
    members::Walker,
    rounds::{Federated, Tolerances, farthest, public_loss},
};
use quaestor_federation::{Aggregation, Coordinator, MemberId, Outcome, Settings, checkpoint, task::Average};
use quaestor_risk::train::{AVERAGING_ROUNDS, NewtonShard, Part, RoundsError, shared_ridge};

/// A round that moves no parameter farther is the last; members' solvers stop before that.
const MOVE_LEAST: f64 = 1e-6;
/// How much worse the mean loss on public records may get in a round. Averages do not go straight down as Newton's steps
/// on sums do: honest rounds of the demo's members lose up to 0.013.
const LOSS_TOLERANCE: f64 = 5e-2;
/// By that loss. Members that go their own way for some steps come farther apart than sums do: of the demo's four in their
/// last year the honest lose up to 0.07, one that turns and amplifies its parameters 0.13 to 0.89. On all their days, in
/// rounds that are accepted, the honest lose up to 0.149, and 0.187 where there are three (seeds 1 to 12).
const AVERAGES: Tolerances = Tolerances { refused: 0.1, accepted: 0.25, weight_shared: 0.65 };

impl Federated {
    fn averaging(&self, members: usize) -> Settings {
        let settings = self.settings_of(members, LOSS_TOLERANCE, None, AVERAGES);
        // The mean has no defence of its own. A robust rule has, and counts each member once however short its history:
        // without one it hands on quite other parameters, which says that its market differs and not that it lies.
        let reputation = settings.reputation.filter(|_| settings.aggregation == Aggregation::WeightedMean);
        Settings { reputation, ..settings }
    }

    /// Rounds of FedAvg from zero, without those who are out, until nothing moves or [`AVERAGING_ROUNDS`] are held.
    pub(super) fn averaged(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        if self.settings.noise.is_some() {
            return Err("with noise no parameters leave a member: they are no sum of bounded records".into());
        }
        let parameters = shards.first().ok_or("no member contributed")?.parameters();
        self.recorded(part, |rounds, state| {
            let present: Vec<_> = shards.iter().filter(|shard| !rounds.excluded.contains(shard.member())).collect();
            let all = present.iter().map(|shard| shard.records()).sum();
            let mut members = Vec::with_capacity(present.len());
            for shard in present {
                let (id, factor) = (MemberId::new(shard.member())?, rounds.factor_of(shard.member()));
                members.push(Walker { id, shard, factor, ridge: shared_ridge(ridge, shard.records(), all) });
            }
            let loss = |theta: &[f64]| public_loss(holdout, theta);
            let start = vec![0.0; parameters];
            let task = Average::new(parameters)?;
            let mut coordinator = match state {
                Some(text) => Coordinator::resume(task, checkpoint::unseal(text.as_bytes())?)?,
                None => {
                    let ids = members.iter().map(|member| member.id.clone()).collect();
                    let coordinator = Coordinator::new(task, rounds.averaging(members.len()), ids, start, None)?;
                    coordinator.with_scores(|member| rounds.score_of(member.as_str()))
                }
            };
            while coordinator.state().round < u64::from(AVERAGING_ROUNDS) {
                let (before, theta) = (rounds.excluded.len(), coordinator.parameters().to_vec());
                let report = rounds.round(part, &mut coordinator, &mut members, &loss, true)?;
                match report.outcome {
                    // Who was found out in this round is not in the next.
                    Outcome::Refused { .. } if rounds.excluded.len() > before => {}
                    Outcome::Refused { why } => return Err(why.to_string().into()),
                    Outcome::Accepted => {
                        let moved = farthest(coordinator.parameters(), &theta);
                        if moved < MOVE_LEAST {
                            break;
                        }
                    }
                }
                if coordinator.state().round < u64::from(AVERAGING_ROUNDS) {
                    rounds.note(Some(&coordinator), false)?;
                }
            }
            Ok(coordinator.parameters().to_vec())
        })
    }
}

#[cfg(test)]
mod tests;
