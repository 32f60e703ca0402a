//! How each part of a training is added up.

pub(super) mod bounds;

use super::{
    members::{Learner, Summand, Veiled},
    rounds::{Federated, Tolerances, farthest, public_loss},
    tasks::{Descent, Limited, Sum},
};
use quaestor_federation::{
    Coordinator, Member, MemberId, Outcome, Settings, State, Task, checkpoint,
    privacy::FixedPoint,
    task::{Intercept, Newton},
};
use quaestor_risk::{
    Examples,
    data::FEATURES,
    models::{
        forest::{ForestParameters, ForestSettings},
        regime::{Point, RegimeParameters},
    },
    train::{BoundedShard, Contribution, GrownTrees, Loss, NewtonShard, Part, Rounds, RoundsError},
};

/// Rounds of Newton's method at most; it converges in about eight.
const NEWTON_ROUNDS_MAX: u32 = 30;
/// A step whose largest change of a parameter is shorter is the last.
const STEP_LEAST: f64 = 1e-9;
/// Sums are asked for again so often at most, each time without those who were excluded.
const SUM_ROUNDS_MAX: u32 = 4;
/// How much worse the mean loss on public records may get in a round. Members differ, so their sum is not exactly what
/// the public records would have.
const TOLERANCE: f64 = 1e-2;
/// Farther than this from the means of public records is no sum of honest members; zero is at 1.
const DISTANCE_MAX: f64 = 0.6;
/// What a sum without variances is farther away.
const NO_SPREAD: f64 = 1.0;
/// How far rounding may bring a variance below zero, of the mean square.
const ROUNDING: f64 = 1e-9;
/// A record of standardised features has no larger Hessian than this, for each parameter.
const TRACE_PER_PARAMETER: f64 = 400.0;

/// How far the means of `sums`, whose last number counts the records, are from those of public records, relative to them.
/// Public records know the scale of things and no more: a sum that is farther from them than nothing at all is none of
/// honest members.
fn distance(sums: &[f64], holdout: &[f64], records: f64) -> f64 {
    let of = |own: f64, public: f64| (own - public).abs() / (own.abs() + public.abs()).max(f64::MIN_POSITIVE);
    let Some(means) = means(sums) else { return before_first(sums) };
    let total: f64 = means.zip(holdout).map(|(own, public)| of(own, public / records)).sum();
    total / holdout.len().max(1) as f64
}

/// The same of all numbers together: where they stand around zero, one by itself is noise.
fn joint_distance(sums: &[f64], public: &[f64]) -> f64 {
    let Some(means) = means(sums) else { return before_first(sums) };
    let (mut apart, mut total) = (0.0, 0.0);
    for (own, public) in means.zip(public) {
        apart += (own - public).abs();
        total += own.abs() + public.abs();
    }
    apart / f64::max(total, f64::MIN_POSITIVE)
}

fn means(sums: &[f64]) -> Option<impl Iterator<Item = f64> + '_> {
    let (records, sums) = sums.split_last().filter(|(records, _)| **records > 0.0)?;
    Some(sums.iter().map(move |sum| sum / records))
}

/// Before the first round: what a sum must not be beyond. A sum of fewer records than none is no sum.
fn before_first(sums: &[f64]) -> f64 {
    if sums.iter().all(|sum| *sum == 0.0) { DISTANCE_MAX } else { f64::INFINITY }
}

/// Numbers whose moments a part sums, packed, before anything else that it sums.
fn moments(part: Part) -> usize {
    match part {
        // Three variances and what follows them.
        Part::Volatility => 4,
        // Features, and the return that follows them.
        Part::Scaling => FEATURES + 1,
        // Volatility and drawdown.
        Part::Regimes => 2,
        _ => 0,
    }
}

/// Whether each of so many numbers varies as numbers do: the mean of its squares is not below the square of its mean.
/// Sums that were turned in part may have means like any other, and none of this.
fn has_variances(sums: &[f64], numbers: usize) -> bool {
    let records = sums.first().copied().unwrap_or_default();
    let mut square = numbers + 1;
    (1..=numbers).all(|number| {
        let (mean, mean_square) = match (sums.get(number), sums.get(square)) {
            (Some(sum), Some(squares)) if records > 0.0 => (sum / records, squares / records),
            _ => return true,
        };
        // Each row of the triangle is shorter by one.
        square += numbers + 1 - number;
        mean_square - mean * mean >= -ROUNDING * mean_square.abs()
    })
}

/// Means of public rows, each shortened to its bound.
fn public_means(holdout: &BoundedShard) -> Vec<f64> {
    let mut means = vec![0.0; holdout.width()];
    let records = holdout.records().max(1) as f64;
    for row in holdout.rows() {
        let mut row = row.to_vec();
        quaestor_federation::privacy::clip(&mut row, holdout.bound());
        means.iter_mut().zip(&row).for_each(|(mean, value)| *mean += value / records);
    }
    means
}

/// How a sum is formed.
pub(super) struct Summing {
    /// Numbers of a member.
    pub(super) width: usize,
    /// Where noise is added.
    pub(super) grid: Option<FixedPoint>,
    /// Longest mean of a member's records.
    pub(super) norm_max: f64,
    /// How much worse than nothing, or than what there was, public records may find the sum.
    pub(super) tolerance: f64,
    /// By what members are judged when it is refused; `None`: as in other sums.
    pub(super) tolerances: Option<Tolerances>,
}

impl Federated {
    /// What members give to a sum of these, with the count of records last, without those who are out.
    pub(super) fn summands(&self, contributions: &[Contribution]) -> Result<Vec<Summand>, RoundsError> {
        let mut members = Vec::with_capacity(contributions.len());
        for one in contributions.iter().filter(|one| !self.excluded.contains(&one.member)) {
            let mut contribution = one.clone();
            contribution.values.push(one.records as f64);
            let (id, factor) = (MemberId::new(one.member.clone())?, self.factor_of(&one.member));
            members.push(Summand { id, contribution, factor });
        }
        Ok(members)
    }

    /// Sums without those who are out. Members differ, so nobody is judged by a distance from public records while the sum
    /// of all is one of honest members; when it is not, whoever takes it away from them is found and is out.
    pub(super) fn summed<M: Member>(
        &mut self,
        part: Part,
        members: &mut [M],
        summing: &Summing,
        loss: &dyn Fn(&[f64]) -> f64,
    ) -> Result<Vec<f64>, RoundsError> {
        let &Summing { width, grid, norm_max, tolerance, tolerances } = summing;
        let mut why = String::new();
        for judged in [false, true] {
            // Members are asked once: whoever is judged is judged by what it said then, which releases nothing more.
            let grid = grid.filter(|_| !judged);
            for _ in 0..if judged { SUM_ROUNDS_MAX } else { 1 } {
                let ids = members.iter().map(|member| member.id().clone());
                let ids: Vec<MemberId> = ids.filter(|id| !self.excluded.contains(id.as_str())).collect();
                let mut settings = match tolerances {
                    Some(tolerances) => self.settings_of(ids.len(), tolerance, grid, tolerances),
                    None => self.settings(ids.len(), tolerance, grid),
                };
                settings.norm_max = norm_max;
                // Steps from where a liar has led say nothing of those who go on from there.
                let sound = tolerances.is_none() || self.is_clean();
                settings.reputation = settings.reputation.filter(|_| judged && sound);
                let (start, budget) = (vec![0.0; width], self.budget_of(settings.noise));
                let coordinator = Coordinator::new(Sum(width), settings, ids, start, budget)?;
                let mut coordinator = coordinator.with_scores(|member| self.score_of(member.as_str()));
                let before = self.excluded.len();
                let report = self.round(part, &mut coordinator, members, loss, false)?;
                match report.outcome {
                    // Who was found out in this round is still in its sum.
                    Outcome::Accepted if self.excluded.len() == before => return Ok(coordinator.parameters().to_vec()),
                    Outcome::Refused { why: refusal } => why = refusal.to_string(),
                    Outcome::Accepted => {}
                }
            }
        }
        Err(format!("no sum was accepted: {why}").into())
    }

    /// A coordinator at its beginning, or where it was killed.
    fn coordinator<T: Task>(
        &self,
        task: T,
        members: &[Learner<'_>],
        start: Vec<f64>,
        (grid, norm_max): (Option<FixedPoint>, f64),
        state: Option<String>,
    ) -> Result<Coordinator<T>, RoundsError> {
        let budget = self.budget_of(grid);
        if let Some(text) = state {
            // What was charged since is in the ledger.
            return Ok(Coordinator::resume(task, State { budget, ..checkpoint::unseal(text.as_bytes())? })?);
        }
        let ids = members.iter().map(|member| member.id.clone()).collect();
        let settings = Settings { norm_max, ..self.settings(members.len(), TOLERANCE, grid) };
        let coordinator = Coordinator::new(task, settings, ids, start, budget)?;
        Ok(coordinator.with_scores(|member| self.score_of(member.as_str())))
    }

    /// Rounds until nothing moves any more; with noise, as many as are released.
    fn descend<T: Task>(
        &mut self,
        part: Part,
        coordinator: &mut Coordinator<T>,
        members: &mut [Learner<'_>],
        start: &[f64],
        loss: &dyn Fn(&[f64]) -> f64,
    ) -> Result<Vec<f64>, RoundsError> {
        let noise = self.settings.noise;
        let mut why = None;
        let most = u64::from(noise.map_or(NEWTON_ROUNDS_MAX, |noise| noise.rounds));
        while coordinator.state().round < most {
            let (before, theta) = (self.excluded.len(), coordinator.parameters().to_vec());
            let report = self.round(part, coordinator, members, loss, true)?;
            match report.outcome {
                Outcome::Refused { why } if self.excluded.len() == before && noise.is_none() => {
                    return Err(why.to_string().into());
                }
                Outcome::Refused { why: refusal } => why = Some(refusal),
                Outcome::Accepted => {
                    let moved = farthest(coordinator.parameters(), &theta);
                    if moved < STEP_LEAST && noise.is_none() {
                        break;
                    }
                }
            }
            if coordinator.state().round < most {
                self.note(Some(&*coordinator), false)?;
            }
        }
        match why {
            // Where it began is no model.
            Some(why) if coordinator.parameters() == start => Err(format!("no round was accepted: {why}").into()),
            _ => Ok(coordinator.parameters().to_vec()),
        }
    }
}

impl Rounds for Federated {
    fn noisy(&self) -> bool {
        self.settings.noise.is_some()
    }

    fn sum(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        holdout: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError> {
        if self.noisy() {
            return Err("with noise no sum leaves a member as it is".into());
        }
        let width = contributions.first().map_or(0, |one| one.values.len());
        self.recorded(part, |rounds, _| {
            let mut members = rounds.summands(contributions)?;
            let public = holdout.map(|one| (one.values.as_slice(), one.records as f64));
            let numbers = moments(part);
            let loss = |sums: &[f64]| {
                let spread = if has_variances(sums, numbers) { 0.0 } else { NO_SPREAD };
                public.map_or(0.0, |(values, records)| distance(sums, values, records)) + spread
            };
            let norm_max = bounds::of_sums(holdout);
            let summing = Summing { width: width + 1, grid: None, norm_max, tolerance: 0.0, tolerances: None };
            let mut sums = rounds.summed(part, &mut members, &summing, &loss)?;
            sums.truncate(width);
            Ok(sums)
        })
    }

    fn sum_bounded(
        &mut self,
        part: Part,
        shards: &[BoundedShard],
        holdout: Option<&BoundedShard>,
    ) -> Result<Vec<f64>, RoundsError> {
        let first = shards.first().ok_or("no member contributed")?;
        let (width, bound) = (first.width(), first.bound());
        self.recorded(part, |rounds, _| {
            let grid = rounds.grid(bound);
            let norm_max = grid.map_or(f64::INFINITY, |grid| bounds::of_clipped(grid, width, bounds::least_of(shards)));
            let mut members = Vec::with_capacity(shards.len());
            for shard in shards.iter().filter(|shard| !rounds.excluded.contains(shard.member())) {
                let (id, factor) = (MemberId::new(shard.member())?, rounds.factor_of(shard.member()));
                let noise_key = rounds.noise_key_of(shard.member());
                members.push(Veiled { id, shard, factor, noise_key, said: None });
            }
            let public = holdout.map(public_means);
            let loss = |sums: &[f64]| public.as_ref().map_or(0.0, |means| joint_distance(sums, means));
            let summing = Summing { width: width + 1, grid, norm_max, tolerance: 0.0, tolerances: None };
            let mut sums = rounds.summed(part, &mut members, &summing, &loss)?;
            sums.truncate(width);
            Ok(sums)
        })
    }

    fn newton(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        let first = shards.first().ok_or("no member contributed")?;
        let (parameters, loss_of) = (first.parameters(), first.loss());
        self.recorded(part, |rounds, state| {
            let (start, limited) = match loss_of {
                Loss::Logistic => (vec![0.0; parameters], false),
                Loss::Pinball(target) => (target.start(parameters - 1)?, true),
            };
            let mut members = Vec::with_capacity(shards.len());
            for shard in shards.iter().filter(|shard| !rounds.excluded.contains(shard.member())) {
                let member = shard.member();
                let (factor, noise_key) = (rounds.factor_of(member), rounds.noise_key_of(member));
                members.push(Learner { id: MemberId::new(member)?, shard, factor, noise_key });
            }
            let loss = |theta: &[f64]| public_loss(holdout, theta);
            match rounds.settings.noise {
                Some(noise) => {
                    let grid = rounds.grid(noise.clip);
                    let fewest = bounds::least(shards.iter().map(NewtonShard::records));
                    let norm_max = grid.map_or(f64::INFINITY, |grid| bounds::of_clipped(grid, parameters, fewest));
                    let task = Descent { parameters, ridge, loss: loss_of };
                    let mut coordinator = rounds.coordinator(task, &members, start.clone(), (grid, norm_max), state)?;
                    rounds.descend(part, &mut coordinator, &mut members, &start, &loss)
                }
                None => {
                    let trace = TRACE_PER_PARAMETER * parameters as f64;
                    let newton = Newton::new(parameters, ridge, Intercept::LastUnpenalised, trace)?;
                    let task = Limited { newton, limited };
                    let norm_max = bounds::of_newton(holdout, &start);
                    let mut coordinator = rounds.coordinator(task, &members, start.clone(), (None, norm_max), state)?;
                    rounds.descend(part, &mut coordinator, &mut members, &start, &loss)
                }
            }
        })
    }

    fn average(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        holdout: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        self.averaged(part, shards, holdout, ridge)
    }

    fn join(
        &mut self,
        part: Part,
        grown: &[GrownTrees],
        settings: ForestSettings,
        holdout: Option<&Examples>,
    ) -> Result<ForestParameters, RoundsError> {
        self.joined(part, grown, settings, holdout)
    }

    fn centres(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        from: &RegimeParameters,
        public: Option<&[Point]>,
    ) -> Result<Vec<f64>, RoundsError> {
        self.centred(part, contributions, from, public)
    }
}

#[cfg(test)]
mod tests;
