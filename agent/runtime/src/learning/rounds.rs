//! [`Rounds`] of the models, held as rounds of a federation.

use super::members::{Learner, Summand};
use alloy::primitives::Keccak256;
use quaestor_federation::{
    Aggregate, Aggregation, Coordinator, Member, MemberId, Outcome, Refusal, ReputationRule, RoundReport, Settings,
    Shape, Task, Ticks,
    privacy::{self, Budget, BudgetError, FixedPoint},
    round::OpenError,
    task::{Intercept, Newton},
};
use quaestor_risk::{
    models::quantile,
    train::{Contribution, Loss, NewtonShard, Part, Rounds, RoundsError},
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Rounds of Newton's method at most; it converges in about eight.
const NEWTON_ROUNDS_MAX: u32 = 30;
/// A step whose largest change of a parameter is shorter is the last.
const STEP_LEAST: f64 = 1e-9;
/// Sums are asked for again so often at most, each time without those who were excluded.
const SUM_ROUNDS_MAX: u32 = 4;
/// How much worse the mean loss on public records may get in a round. Members differ, so their sum is not exactly what
/// the public records would have.
const TOLERANCE: f64 = 1e-2;
/// A member without which the loss on public records, or the distance from them, would be lower by more than this is
/// out. Honest members differ by less.
const CONTRIBUTION_TOLERANCE: f64 = 5e-2;
/// Farther than this from the means of public records is no sum of honest members; zero is at 1.
const DISTANCE_MAX: f64 = 0.6;
/// A record of standardised features has no larger Hessian than this, for each parameter.
const TRACE_PER_PARAMETER: f64 = 400.0;
/// What a poisoning member multiplies its numbers with (Li et al., RSA, AAAI 2019).
const POISON: f64 = -4.0;
/// Most records of one member: a century of days of ten assets.
const RECORDS_MAX: u64 = 365_250;

/// How members are added up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundsSettings {
    /// How updates become one.
    pub aggregation: Aggregation,
    /// Share of members that must answer, bps.
    pub quorum_bps: u16,
    /// Noise of the drawdown's rounds, in clips; sums of the other parts are sent as they are.
    pub noise: Option<NoiseSettings>,
    /// From which the members' noise keys are made; secret, and new for every process.
    pub noise_key: [u8; 32],
}

/// Noise on records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NoiseSettings {
    /// Standard deviation of the whole noise, in clips.
    pub noise_multiplier: f64,
    /// Rounds that are released; each is noise anew, so there are few.
    pub rounds: u32,
    /// Largest norm of a record's gradient and Hessian together.
    pub clip: f64,
    /// δ at which ε is stated.
    pub delta: f64,
    /// Records that one day's price enters.
    pub window: u32,
}

/// What noise cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spent {
    /// Rounds released.
    pub rounds: u32,
    /// ε of one record.
    pub epsilon_record: f64,
    /// ε of one day.
    pub epsilon_day: f64,
    /// δ of both.
    pub delta: f64,
}

/// What is told while training goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Told {
    /// A new stage.
    Stage(&'static str),
    /// A closed round of a part.
    Round(Part, RoundReport),
    /// A member is out for good.
    Excluded(String, Part),
}

/// Adds up through rounds: aggregation, checks, hold-out, reputations. Who is excluded once stays out.
pub struct Federated {
    settings: RoundsSettings,
    poisoned: Option<String>,
    excluded: BTreeSet<String>,
    budget: Option<(Budget, u32)>,
    spent: Option<BudgetError>,
    /// Newton trainings so far: each has noise of its own.
    trainings: u64,
    released: u32,
    tell: Box<dyn FnMut(&Told)>,
}

impl std::fmt::Debug for Federated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Federated").field("excluded", &self.excluded).finish_non_exhaustive()
    }
}

impl Federated {
    /// Tells `tell` what happens.
    pub fn new(settings: RoundsSettings, tell: Box<dyn FnMut(&Told)>) -> Self {
        let excluded = BTreeSet::new();
        Self { settings, poisoned: None, excluded, budget: None, spent: None, trainings: 0, released: 0, tell }
    }

    /// Charges noise to a budget, in this period (a year).
    pub fn charge(&mut self, budget: Budget, period: u32) {
        self.budget = Some((budget, period));
    }

    /// The budget after what was charged.
    pub fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref().map(|(budget, _)| budget)
    }

    /// Why the budget did not cover a round, if one was asked for that it does not cover.
    pub fn spent(&self) -> Option<&BudgetError> {
        self.spent.as_ref()
    }

    /// From now on this member sends its numbers turned and amplified, to see it found out.
    pub fn poison(&mut self, member: &str) {
        self.poisoned = Some(member.to_owned());
    }

    /// Members that are out for good.
    pub fn excluded(&self) -> impl Iterator<Item = &str> {
        self.excluded.iter().map(String::as_str)
    }

    /// What the noise cost so far; `None` without noise.
    pub fn privacy(&self) -> Option<Spent> {
        let noise = self.settings.noise?;
        let NoiseSettings { noise_multiplier, delta, window, .. } = noise;
        let rounds = self.released;
        Some(Spent {
            rounds,
            epsilon_record: privacy::epsilon(noise_multiplier, rounds, delta).ok()?,
            epsilon_day: privacy::epsilon_of_group(noise_multiplier, rounds, delta, window).ok()?,
            delta,
        })
    }

    pub(super) fn stage(&mut self, stage: &'static str) {
        (self.tell)(&Told::Stage(stage));
    }

    fn factor_of(&self, member: &str) -> f64 {
        if self.poisoned.as_deref() == Some(member) { POISON } else { 1.0 }
    }

    /// A key that no other member and no other training has: noise that came twice could be taken away.
    fn noise_key_of(&self, member: &str) -> [u8; 32] {
        let mut hasher = Keccak256::new();
        hasher.update(self.settings.noise_key);
        hasher.update(self.trainings.to_be_bytes());
        hasher.update(member);
        hasher.finalize().0
    }

    fn settings(&self, members: usize, tolerance: f64, noise: Option<FixedPoint>) -> Settings {
        let quorum = (members * usize::from(self.settings.quorum_bps)).div_ceil(10_000).max(1);
        let reputation = ReputationRule { tolerance: CONTRIBUTION_TOLERANCE, memory_permille: 0, bad_rounds_max: 1 };
        Settings {
            aggregation: self.settings.aggregation,
            quorum,
            wait_ticks_max: 0,
            tolerance,
            norm_max: f64::INFINITY,
            records_max: RECORDS_MAX,
            // Noise drowns what one member adds, and a coordinator that looked at it would see too much.
            reputation: (members > 2 && noise.is_none()).then_some(reputation),
            noise,
        }
    }

    /// Sums without those who are out. Members differ, so nobody is judged while the sum of all is one of honest members;
    /// when it is not, whoever takes it away from the public records is found and is out.
    fn summed(
        &mut self,
        part: Part,
        members: &mut [Summand],
        width: usize,
        loss: &dyn Fn(&[f64]) -> f64,
    ) -> Result<Vec<f64>, RoundsError> {
        let mut why = String::new();
        for judged in [false, true] {
            let ids = members.iter().map(|member| member.id.clone()).collect();
            let mut settings = self.settings(members.len(), 0.0, None);
            settings.reputation = settings.reputation.filter(|_| judged);
            let mut coordinator = Coordinator::new(Sum(width), settings, ids, vec![0.0; width], None)?;
            for _ in 0..if judged { SUM_ROUNDS_MAX } else { 1 } {
                let before = self.excluded.len();
                let report = self.round(part, &mut coordinator, members, loss)?;
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

    /// One round, told; remembers who is out for good.
    fn round<T: Task, M: Member>(
        &mut self,
        part: Part,
        coordinator: &mut Coordinator<T>,
        members: &mut [M],
        loss: &dyn Fn(&[f64]) -> f64,
    ) -> Result<RoundReport, RoundsError> {
        let opened = coordinator.open(0, self.budget.as_ref().map_or(0, |(_, period)| *period));
        let mut open = opened.inspect_err(|error| {
            if let OpenError::Budget(spent) = error {
                self.spent = Some(*spent);
            }
        })?;
        if let (Some((budget, _)), Some(charged)) = (&mut self.budget, &coordinator.state().budget) {
            *budget = *charged;
        }
        open.collect(members, &mut Still);
        let report = coordinator.close(open, &loss);
        for standing in coordinator.state().standings.iter().filter(|standing| standing.excluded) {
            if self.excluded.insert(standing.member.to_string()) {
                (self.tell)(&Told::Excluded(standing.member.to_string(), part));
            }
        }
        (self.tell)(&Told::Round(part, report.clone()));
        Ok(report)
    }
}

/// Members in this process answer at once.
struct Still;

impl Ticks for Still {
    fn next(&mut self) -> u64 {
        u64::MAX
    }
}

/// Sums as they are: the model is the aggregate.
struct Sum(usize);

impl Task for Sum {
    fn shape(&self) -> Shape {
        Shape { kind: quaestor_federation::Kind::Sums, parameters: self.0, update: self.0 }
    }

    fn advance(&self, _parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        // The last number carries the records, so that the hold-out can form means.
        Ok(aggregate.values.clone())
    }
}

/// Newton's method whose steps are not longer than the loss can bear.
struct Limited {
    newton: Newton,
    limited: bool,
}

impl Task for Limited {
    fn shape(&self) -> Shape {
        self.newton.shape()
    }

    fn advance(&self, parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        let next = self.newton.advance(parameters, aggregate)?;
        match self.limited {
            // Lengths agree; what cannot be limited is refused as it is.
            true => Ok(quantile::limited(parameters, &next, quantile::CHANGE_MAX).unwrap_or(next)),
            false => Ok(next),
        }
    }
}

/// How far the means of `sums` are from those of public records, relative to them. Public records know the scale of
/// things and no more: a sum that is farther from them than nothing at all is none of honest members.
fn distance(sums: &[f64], holdout: &[f64], records: f64) -> f64 {
    let Some((own_records, _)) = sums.split_last() else { return f64::INFINITY };
    if *own_records <= 0.0 {
        // Before the first round: what a sum must not be beyond.
        return DISTANCE_MAX;
    }
    let of = |sum: &f64, public: &f64| {
        let (own, public) = (sum / own_records, public / records);
        (own - public).abs() / (own.abs() + public.abs()).max(f64::MIN_POSITIVE)
    };
    let total: f64 = sums.iter().zip(holdout).map(|(sum, public)| of(sum, public)).sum();
    total / holdout.len().max(1) as f64
}

impl Rounds for Federated {
    fn sum(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        holdout: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError> {
        let width = contributions.first().map_or(0, |one| one.values.len());
        let mut members = Vec::with_capacity(contributions.len());
        for one in contributions.iter().filter(|one| !self.excluded.contains(&one.member)) {
            let mut contribution = one.clone();
            contribution.values.push(one.records as f64);
            let (id, factor) = (MemberId::new(one.member.clone())?, self.factor_of(&one.member));
            members.push(Summand { id, contribution, factor });
        }
        // Where regimes lie only names them; members' own may lie anywhere.
        let public = holdout.filter(|_| part != Part::Regimes).map(|one| (one.values.as_slice(), one.records as f64));
        let loss = |sums: &[f64]| public.map_or(0.0, |(values, records)| distance(sums, values, records));
        let mut sums = self.summed(part, &mut members, width + 1, &loss)?;
        sums.truncate(width);
        Ok(sums)
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
        let (start, limited) = match loss_of {
            Loss::Logistic => (vec![0.0; parameters], false),
            Loss::Pinball(target) => (target.start(parameters - 1)?, true),
        };
        let noise = self.settings.noise.filter(|_| part == Part::Drawdown);
        let grid = noise.map(|noise| FixedPoint {
            fraction_bits: 20,
            clip: noise.clip,
            noise_multiplier: noise.noise_multiplier,
            honest_min: 1,
        });
        let mut members = Vec::with_capacity(shards.len());
        self.trainings += 1;
        for shard in shards.iter().filter(|shard| !self.excluded.contains(shard.member())) {
            let member = shard.member();
            let (id, factor, noise_key) = (MemberId::new(member)?, self.factor_of(member), self.noise_key_of(member));
            members.push(Learner { id, shard, factor, noise_key });
        }
        let ids = members.iter().map(|member| member.id.clone()).collect();
        let newton =
            Newton::new(parameters, ridge, Intercept::LastUnpenalised, TRACE_PER_PARAMETER * parameters as f64)?;
        let budget = self.budget.as_ref().filter(|_| grid.is_some()).map(|(budget, _)| *budget);
        let settings = self.settings(members.len(), TOLERANCE, grid);
        let mut coordinator = Coordinator::new(Limited { newton, limited }, settings, ids, start, budget)?;
        let loss = |theta: &[f64]| {
            let mean = |shard: &NewtonShard| Some(shard.sums(theta).ok()?.loss / shard.records().max(1) as f64);
            holdout.map_or(Some(0.0), mean).unwrap_or(f64::INFINITY)
        };
        for _ in 0..noise.map_or(NEWTON_ROUNDS_MAX, |noise| noise.rounds) {
            let (before, theta) = (self.excluded.len(), coordinator.parameters().to_vec());
            let report = self.round(part, &mut coordinator, &mut members, &loss)?;
            self.released += u32::from(grid.is_some());
            match report.outcome {
                Outcome::Refused { why } if self.excluded.len() == before && grid.is_none() => {
                    return Err(why.to_string().into());
                }
                Outcome::Refused { .. } => {}
                Outcome::Accepted => {
                    let change = |(now, then): (&f64, &f64)| (now - then).abs();
                    let moved = coordinator.parameters().iter().zip(&theta).map(change).fold(0.0, f64::max);
                    if moved < STEP_LEAST && grid.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(coordinator.parameters().to_vec())
    }
}
