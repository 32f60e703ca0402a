//! From answers to a model, or to the reason why not.

use super::{Coordinator, Holdout, OpenRound, Outcome, RoundReport, State};
use crate::{
    Aggregate, Aggregation, Kind, Refusal, Task, Update, linear,
    reputation::{Contribution, concentration},
    update::not_finite_kind,
};

impl<T: Task> Coordinator<T> {
    /// Closes a round: aggregates, checks, and moves the parameters or leaves them. Who has not answered is late.
    ///
    /// A round that was opened before another one closed is closed against the parameters that it was opened with,
    /// and refused if they are no longer the model.
    pub fn close(&mut self, round: OpenRound, holdout: &dyn Holdout) -> RoundReport {
        let (opened, usable, excluded, waited_ticks) = round.into_parts();
        let (places, updates): (Vec<usize>, Vec<Update>) = usable.into_iter().unzip();
        let updates: Vec<&Update> = updates.iter().collect();
        let scores: Vec<f64> = places.iter().map(|place| self.state.standings[*place].score).collect();
        let stale = opened.round != self.state.round + 1;
        let before = holdout.loss(&self.state.parameters);
        let mut candidate = match stale {
            true => Err(Refusal::Stale { opened: opened.round, current: self.state.round + 1 }),
            false => self.candidate(&updates, &scores),
        };
        let mut after = candidate.as_ref().map_or(before, |parameters| holdout.loss(parameters));
        let tolerance = self.state.settings.tolerance;
        let mut accepted = candidate.is_ok() && better(before, after, tolerance);
        let mut contributions = match stale {
            true => Vec::new(),
            false => self.judge(&places, &updates, &scores, [before, after], accepted, holdout),
        };
        // Who was found to do harm loses weight in this round already, unless the model is the worse for it.
        let mut weights = self.weights(&updates, &scores);
        let found: Vec<f64> = places.iter().map(|place| self.state.standings[*place].score).collect();
        if self.state.settings.aggregation.weighs() && found != scores {
            let again = self.candidate(&updates, &found);
            let lighter = again.as_ref().map_or(f64::INFINITY, |parameters| holdout.loss(parameters));
            if again.is_ok() && better(before, lighter, tolerance) && (!accepted || lighter <= after) {
                (candidate, after, accepted) = (again, lighter, true);
                weights = self.weights(&updates, &found);
            }
        }
        let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
        for (contribution, weight) in contributions.iter_mut().zip(&weights) {
            contribution.weight = if total > 0.0 { weight / total } else { 0.0 };
        }
        let (outcome, loss) = match candidate {
            Err(why) => (Outcome::Refused { why }, before),
            Ok(parameters) if accepted => {
                self.state.parameters = parameters;
                (Outcome::Accepted, after)
            }
            Ok(_) => {
                let worse = Refusal::Worse { before: finite(before), after: finite(after), tolerance };
                (Outcome::Refused { why: worse }, before)
            }
        };
        if !stale {
            self.state.round += 1;
        }
        RoundReport {
            round: opened.round,
            outcome,
            loss: finite(loss),
            members: updates.len(),
            records: updates.iter().fold(0, |sum, update| sum.saturating_add(update.records)),
            concentration: concentration(&weights),
            waited_ticks,
            excluded,
            contributions,
        }
    }

    /// The next parameters, before the hold-out is asked.
    fn candidate(&self, updates: &[&Update], scores: &[f64]) -> Result<Vec<f64>, Refusal> {
        let State { settings, parameters, .. } = &self.state;
        if updates.len() < settings.quorum {
            return Err(Refusal::NoQuorum { found: updates.len(), least: settings.quorum });
        }
        self.step(parameters, updates, scores)
    }

    fn step(&self, parameters: &[f64], updates: &[&Update], scores: &[f64]) -> Result<Vec<f64>, Refusal> {
        let State { settings, shape, .. } = &self.state;
        let aggregate = combine(settings.aggregation, shape.kind, updates, &self.weights(updates, scores), scores)?;
        check(&aggregate, shape.kind, shape.update, settings.norm_max)?;
        let next = self.task.advance(parameters, &aggregate)?;
        match linear::first_not_finite(&next) {
            Some(index) => Err(Refusal::NotFinite { of: "parameters", index, kind: not_finite_kind(next[index]) }),
            None if next.len() != shape.parameters => {
                Err(Refusal::Length { found: next.len(), expected: shape.parameters })
            }
            None => Ok(next),
        }
    }

    /// Weights of members: records times score where the rule weighs, else one.
    fn weights(&self, updates: &[&Update], scores: &[f64]) -> Vec<f64> {
        match self.state.settings.aggregation.weighs() {
            true => updates.iter().zip(scores).map(|(update, score)| update.records as f64 * score).collect(),
            false => vec![1.0; updates.len()],
        }
    }

    /// Leave-one-out contributions, and what they do to standings. An aggregate that is refused leaves the model where
    /// it is, so it counts with the loss before the round.
    fn judge(
        &mut self,
        places: &[usize],
        updates: &[&Update],
        scores: &[f64],
        [before, after]: [f64; 2],
        accepted: bool,
        holdout: &dyn Holdout,
    ) -> Vec<Contribution> {
        let Some(rule) = self.state.settings.reputation else { return Vec::new() };
        // Without the only member there is nothing to compare with.
        if updates.len() < 2 {
            return Vec::new();
        }
        let mut contributions = Vec::with_capacity(updates.len());
        for (own, place) in places.iter().enumerate() {
            let others = |of: usize| of != own;
            let rest: Vec<&Update> = (0..updates.len()).filter(|of| others(*of)).map(|of| updates[of]).collect();
            let rest_scores: Vec<f64> = (0..scores.len()).filter(|of| others(*of)).map(|of| scores[of]).collect();
            let without = self
                .step(&self.state.parameters, &rest, &rest_scores)
                .map_or(before, |parameters| holdout.loss(&parameters));
            let gain = orderly(without) - orderly(after);
            let standing = &mut self.state.standings[*place];
            if !gain.is_nan() {
                standing.judge(rule, accepted, gain);
            }
            contributions.push(Contribution {
                member: standing.member.clone(),
                gain: finite(gain),
                // Known when the round has ended.
                weight: 0.0,
                score: standing.score,
                excluded: standing.excluded,
            });
        }
        contributions
    }
}

/// A loss that is NaN is as bad as an infinite one.
fn orderly(loss: f64) -> f64 {
    if loss.is_nan() { f64::INFINITY } else { loss }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Whether the hold-out accepts. Where the loss before is not finite, any finite one is better.
fn better(before: f64, after: f64, tolerance: f64) -> bool {
    after.is_finite() && (!before.is_finite() || after <= before + tolerance)
}

/// Updates made into one. Sums under the weighted mean add up exactly as they are, so that the result is the sum over
/// everybody's records; robust rules see means per record.
fn combine(
    rule: Aggregation,
    kind: Kind,
    updates: &[&Update],
    weights: &[f64],
    scores: &[f64],
) -> Result<Aggregate, Refusal> {
    let records = updates.iter().fold(0u64, |sum, update| sum.saturating_add(update.records));
    let failed = |error| Refusal::Aggregation { error };
    let values = match (kind, rule) {
        (Kind::Sums, Aggregation::WeightedMean) => {
            let mut sums = vec![0.0; updates.first().map_or(0, |update| update.values.len())];
            for (update, score) in updates.iter().zip(scores) {
                linear::add_scaled(&mut sums, *score, &update.values);
            }
            sums
        }
        (Kind::Mean, _) => {
            let vectors: Vec<&[f64]> = updates.iter().map(|update| update.values.as_slice()).collect();
            rule.aggregate(&vectors, weights).map_err(failed)?
        }
        (Kind::Sums, _) => {
            let per_record = |update: &&Update| -> Vec<f64> {
                update.values.iter().map(|value| value / update.records as f64).collect()
            };
            let means: Vec<Vec<f64>> = updates.iter().map(per_record).collect();
            let vectors: Vec<&[f64]> = means.iter().map(Vec::as_slice).collect();
            let mut values = rule.aggregate(&vectors, weights).map_err(failed)?;
            values.iter_mut().for_each(|value| *value *= records as f64);
            values
        }
    };
    Ok(Aggregate { values, records, members: updates.len() })
}

/// What every aggregate must pass, whatever the task.
fn check(aggregate: &Aggregate, kind: Kind, expected: usize, norm_max: f64) -> Result<(), Refusal> {
    if aggregate.values.len() != expected {
        return Err(Refusal::Length { found: aggregate.values.len(), expected });
    }
    if let Some(index) = linear::first_not_finite(&aggregate.values) {
        return Err(Refusal::NotFinite { of: "aggregate", index, kind: not_finite_kind(aggregate.values[index]) });
    }
    let scale = match kind {
        Kind::Mean => 1.0,
        Kind::Sums => aggregate.records as f64,
    };
    let found = linear::norm(&aggregate.values) / scale;
    match found <= norm_max {
        true => Ok(()),
        false => Err(Refusal::Norm { found: finite(found), most: norm_max }),
    }
}
