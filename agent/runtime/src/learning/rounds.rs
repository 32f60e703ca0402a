//! [`Rounds`] of the models, held as rounds of a federation.

use super::{
    Class, LearningError, NoiseSettings, Price, Spent,
    account::{Account, sums_left},
    checkpoint::{self, Checkpoint, Found, Progress},
};
use alloy::primitives::Keccak256;
use quaestor_federation::{
    Aggregation, Coordinator, Excluded, Exclusion, Failure, Member, ReputationRule, RoundReport, Settings, Task, Ticks,
    privacy::{Budget, FixedPoint},
    round::OpenError,
};
use quaestor_risk::train::{NewtonShard, Part, RoundsError};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

/// Where public records refuse a round, one who turns its numbers is worth −0.12 and less, and honest members zero: without
/// them the round is refused as well. Where it is accepted, members differ: without the one that holds what the others do
/// not, public records may be met better by nearly a tenth, from the first round to the last: by 0.066 where there are four
/// members and by 0.119, which costs an eighth of a weight, where there are three (seeds 1 to 12, on days until March and
/// May 2021 and on all).
const NEWTON: Tolerances = Tolerances { refused: 5e-2, accepted: 0.25, weight_shared: 0.3 };
/// Of a round of Newton's method with noise, which moves an honest member's gain by some tenths; that of one who turns and
/// amplifies its numbers lies beyond one. Between them there is nothing to weigh by.
const NOISY: Tolerances = Tolerances { refused: 1.0, accepted: 1.0, weight_shared: NEVER };
/// Of a sum that was released with noise, by its distance from public records.
const NOISY_SUM: Tolerances = Tolerances { refused: 0.2, accepted: 0.2, weight_shared: NEVER };
/// Of a loss by which nobody is to lose weight without being out.
pub(super) const NEVER: f64 = 1e9;
/// What of a member's score is of the rounds before: a round without harm gives back half of what is missing.
const MEMORY_PERMILLE: u16 = 500;
/// Bits after the point of sums with noise.
const FRACTION_BITS: u8 = 24;
/// What a poisoning member multiplies its numbers with (Li et al., RSA, AAAI 2019).
const POISON: f64 = -4.0;
/// Most records of one member: a century of days of ten assets.
const RECORDS_MAX: u64 = 365_250;

/// How much worse the loss on public records may be with a member than without it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tolerances {
    /// Beyond this it is out, where the round is refused.
    pub(super) refused: f64,
    /// The same where it is accepted.
    pub(super) accepted: f64,
    /// From here on, divided by the number of members, it loses weight: what one of them is worth falls with their number.
    pub(super) weight_shared: f64,
}

/// How members are added up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundsSettings {
    /// How updates become one.
    pub aggregation: Aggregation,
    /// Share of members that must answer, bps.
    pub quorum_bps: u16,
    /// Noise on everything that leaves a member; parts that are no sums of bounded records are then not trained.
    pub noise: Option<NoiseSettings>,
    /// From which the members' noise keys are made; secret, and new for every process, but for members that are made up.
    pub noise_key: [u8; 32],
}

/// What is told while training goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Told {
    /// A new stage.
    Stage(&'static str),
    /// A training that was killed goes on; so many sums and fits were done.
    Resumed(usize),
    /// A checkpoint is of no use, and why; training begins anew.
    Unusable(String),
    /// What it is about to release.
    Price(Price),
    /// A closed round of a part.
    Round(Part, RoundReport),
    /// A member is out for good, and why.
    Excluded(String, Part, FoundOut),
}

/// Why a member is out for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundOut {
    /// Public records are met better without it.
    Worse,
    /// Clipped records and their noise are never so large.
    TooLarge,
    /// It is none of what is asked for.
    Malformed,
}

impl fmt::Display for FoundOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Worse => "what it sends makes the model worse on public records",
            Self::TooLarge => "what it sends exceeds the bound that clipped records and their noise keep",
            Self::Malformed => "what it sends is none of what it is asked for",
        })
    }
}

/// Adds up through rounds: aggregation, checks, hold-out, reputations. Who is excluded once stays out.
pub struct Federated {
    pub(super) settings: RoundsSettings,
    poisoned: Option<String>,
    /// What the poisoning member multiplies its numbers with.
    pub(super) poison_factor: f64,
    pub(super) excluded: BTreeSet<String>,
    /// Of each of them.
    reasons: BTreeMap<String, FoundOut>,
    /// Of members that were judged; who was not has 1.
    scores: BTreeMap<String, f64>,
    /// How many were out when the training began that is under way.
    out_before: usize,
    account: Account,
    stop: Option<LearningError>,
    folder: Option<PathBuf>,
    checkpoint: Option<Checkpoint>,
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
        Self {
            settings,
            poisoned: None,
            poison_factor: POISON,
            excluded: BTreeSet::new(),
            reasons: BTreeMap::new(),
            scores: BTreeMap::new(),
            out_before: 0,
            account: Account::default(),
            stop: None,
            folder: None,
            checkpoint: None,
            tell,
        }
    }

    /// Charges noise to a budget, in this period (a year).
    pub fn charge(&mut self, budget: Budget, period: u32) {
        self.account.charge(budget, period);
    }

    /// Has `write` keep the budget whenever it was charged, before members are asked. Where it fails, nothing is released.
    pub fn keep(&mut self, write: impl FnMut(&Budget) -> Result<(), LearningError> + 'static) {
        self.account.keep(Box::new(write));
    }

    /// Keeps a checkpoint in this folder, from which a training that was killed goes on. [`Self::forget`] removes it once
    /// the model is written.
    pub fn checkpoint(&mut self, folder: &Path) {
        self.folder = Some(folder.to_owned());
    }

    /// Removes the checkpoint, if one is kept.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn forget(&mut self) -> Result<(), LearningError> {
        self.checkpoint.take().map_or(Ok(()), Checkpoint::remove)
    }

    /// The budget after what was charged.
    pub fn budget(&self) -> Option<&Budget> {
        self.account.ledger()
    }

    /// From now on this member sends its numbers turned and amplified, to see it found out.
    pub fn poison(&mut self, member: &str) {
        self.poisoned = Some(member.to_owned());
    }

    /// Members that are out for good.
    pub fn excluded(&self) -> impl Iterator<Item = &str> {
        self.excluded.iter().map(String::as_str)
    }

    /// The same, each with the reason.
    pub fn found_out(&self) -> impl Iterator<Item = (&str, FoundOut)> {
        self.reasons.iter().map(|(member, why)| (member.as_str(), *why))
    }

    /// What the noise cost so far; `None` without noise.
    pub fn privacy(&self) -> Option<Spent> {
        self.account.spent(&self.settings.noise?)
    }

    /// Tells what a whole training over so many stages (the folds of its test, and all days) is about to release, less what
    /// its checkpoint has.
    ///
    /// # Errors
    /// If the year's budget does not cover it.
    pub(super) fn price(&mut self, stages: usize) -> Result<(), LearningError> {
        let Some(noise) = self.settings.noise else { return Ok(()) };
        let (done, held) = self.checkpoint.as_ref().map_or((Vec::new(), 0), Checkpoint::released);
        let sums = sums_left(&noise, stages, done, held);
        if sums == 0 {
            return Ok(());
        }
        let price = self.account.price(&noise, sums)?;
        (self.tell)(&Told::Price(price));
        self.account.expect_covered(&noise, &price)
    }

    /// Finds out whether this training was begun before.
    pub(super) fn begin(&mut self, class: &Class<'_>) -> Result<bool, LearningError> {
        let Some(folder) = &self.folder else { return Ok(false) };
        let RoundsSettings { aggregation, quorum_bps, noise, noise_key: _ } = &self.settings;
        let poisoned = &self.poisoned;
        let key = checkpoint::key(format_args!("{aggregation:?} {quorum_bps} {noise:?} {poisoned:?} {class:?}"));
        let (checkpoint, found) = Checkpoint::open(folder, key)?;
        let begun = !checkpoint.is_empty();
        self.checkpoint = Some(checkpoint);
        match found {
            Found::Nothing => {}
            Found::Parts(parts) => (self.tell)(&Told::Resumed(parts)),
            Found::Unusable(why) => (self.tell)(&Told::Unusable(why)),
        }
        Ok(begun)
    }

    /// Why nothing more is released, if something stopped the training.
    pub(super) fn take_stop(&mut self) -> Option<LearningError> {
        self.stop.take()
    }

    pub(super) fn stage(&mut self, stage: &'static str) {
        (self.tell)(&Told::Stage(stage));
    }

    /// What was found for a part before the training was killed; else what `work` finds, written down. `work` is handed
    /// the coordinator's checkpoint where the training stopped inside of this part.
    pub(super) fn recorded(
        &mut self,
        part: Part,
        work: impl FnOnce(&mut Self, Option<String>) -> Result<Vec<f64>, RoundsError>,
    ) -> Result<Vec<f64>, RoundsError> {
        if let Some(stopped) = &self.stop {
            return Err(stopped.to_string().into());
        }
        let replayed = self.checkpoint.as_mut().map_or(Ok(None), |checkpoint| checkpoint.replay(part));
        if let Some((found, progress)) = replayed.map_err(|error| self.stopped(error))? {
            self.go_on_from(progress);
            return found;
        }
        let open = self.checkpoint.as_mut().and_then(Checkpoint::take_open);
        let state = open.and_then(|(state, progress)| {
            self.go_on_from(progress);
            state
        });
        let found = work(self, state);
        let progress = self.progress();
        if let Some(checkpoint) = self.checkpoint.as_mut().filter(|_| self.stop.is_none()) {
            checkpoint.done(part, &found, progress).map_err(|error| self.stopped(error))?;
        }
        found
    }

    /// Writes down where a part is that is not done yet.
    pub(super) fn note<T: Task>(
        &mut self,
        coordinator: Option<&Coordinator<T>>,
        released: bool,
    ) -> Result<(), RoundsError> {
        let progress = self.progress();
        let Some(checkpoint) = &mut self.checkpoint else { return Ok(()) };
        let state = coordinator.map(Coordinator::checkpoint).transpose()?;
        checkpoint.round(state, progress, released).map_err(|error| self.stopped(error))
    }

    fn stopped(&mut self, error: LearningError) -> RoundsError {
        let said = error.to_string();
        self.stop.get_or_insert(error);
        said.into()
    }

    fn progress(&self) -> Progress {
        let excluded = self.reasons.iter().map(|(member, why)| (member.clone(), *why)).collect();
        let lighter = self.scores.iter().filter(|(_, score)| **score != 1.0);
        let scores = lighter.map(|(member, score)| (member.clone(), score.to_bits())).collect();
        Progress { excluded, released: self.account.released, scores }
    }

    fn go_on_from(&mut self, progress: Progress) {
        self.reasons = progress.excluded.into_iter().collect();
        self.excluded = self.reasons.keys().cloned().collect();
        self.account.released = progress.released;
        self.scores = progress.scores.into_iter().map(|(member, score)| (member, f64::from_bits(score))).collect();
    }

    /// What a member's weight is multiplied with: its running score in the rounds before, of all parts.
    pub(super) fn score_of(&self, member: &str) -> f64 {
        self.scores.get(member).copied().unwrap_or(1.0)
    }

    /// Begins a training without those who are out by now. What others did beside them says little: all weigh the same.
    pub(super) fn begin_anew(&mut self) {
        self.scores.clear();
        self.out_before = self.excluded.len();
    }

    /// Whether nobody was found out since this training began: then no liar is in what it has found so far.
    pub(super) fn is_clean(&self) -> bool {
        self.excluded.len() == self.out_before
    }

    pub(super) fn factor_of(&self, member: &str) -> f64 {
        if self.poisoned.as_deref() == Some(member) { self.poison_factor } else { 1.0 }
    }

    /// A key that no other member and no other part has: noise that came twice could be taken away. Each part releases
    /// something, so the count tells them apart, also after a kill.
    pub(super) fn noise_key_of(&self, member: &str) -> [u8; 32] {
        let mut hasher = Keccak256::new();
        hasher.update(self.settings.noise_key);
        hasher.update(self.account.released.to_be_bytes());
        hasher.update(member);
        hasher.finalize().0
    }

    /// The grid of a release whose records have this bound.
    pub(super) fn grid(&self, clip: f64) -> Option<FixedPoint> {
        let noise_multiplier = self.settings.noise?.noise_multiplier;
        Some(FixedPoint { fraction_bits: FRACTION_BITS, clip, noise_multiplier, honest_min: 1 })
    }

    pub(super) fn budget_of(&self, grid: Option<FixedPoint>) -> Option<Budget> {
        self.budget().filter(|_| grid.is_some()).copied()
    }

    /// Of a sum or of Newton's method.
    pub(super) fn settings(&self, members: usize, tolerance: f64, noise: Option<FixedPoint>) -> Settings {
        let tolerances = match (self.settings.noise, noise) {
            (None, _) => NEWTON,
            (Some(_), None) => NOISY_SUM,
            (Some(_), Some(_)) => NOISY,
        };
        self.settings_of(members, tolerance, noise, tolerances)
    }

    /// Without a bound on norms: only a part knows how large its numbers are.
    pub(super) fn settings_of(
        &self,
        members: usize,
        tolerance: f64,
        noise: Option<FixedPoint>,
        tolerances: Tolerances,
    ) -> Settings {
        let quorum = (members * usize::from(self.settings.quorum_bps)).div_ceil(10_000).max(1);
        let Tolerances { refused, accepted, weight_shared } = tolerances;
        let reputation = ReputationRule {
            tolerance: refused,
            tolerance_accepted: accepted,
            tolerance_weight: weight_shared / members.max(1) as f64,
            memory_permille: MEMORY_PERMILLE,
            bad_rounds_max: 1,
        };
        // Looking at single updates costs nothing more where each has all of the noise.
        let seen = noise.is_none_or(|grid| grid.honest_min == 1);
        Settings {
            aggregation: self.settings.aggregation,
            quorum,
            wait_ticks_max: 0,
            tolerance,
            norm_max: f64::INFINITY,
            records_max: RECORDS_MAX,
            reputation: (members > 2 && seen).then_some(reputation),
            noise,
        }
    }

    /// One round, told; remembers who is out for good. With noise it is charged, and that is kept, before members are
    /// asked: what was released cannot be called back, whatever happens then.
    pub(super) fn round<T: Task, M: Member>(
        &mut self,
        part: Part,
        coordinator: &mut Coordinator<T>,
        members: &mut [M],
        loss: &dyn Fn(&[f64]) -> f64,
        resumable: bool,
    ) -> Result<RoundReport, RoundsError> {
        let opened = coordinator.open(0, self.account.year());
        let mut open = opened.map_err(|error| match error {
            OpenError::Budget(spent) => self.stopped(LearningError::Spent(spent)),
            other => other.into(),
        })?;
        let noisy = open.opened().noise.is_some();
        if noisy {
            self.account.release(coordinator.state().budget).map_err(|error| self.stopped(error))?;
            self.note(resumable.then_some(&*coordinator), true)?;
        }
        open.collect(members, &mut Still);
        let report = coordinator.close(open, &loss);
        if coordinator.state().settings.reputation.is_some() {
            for standing in &coordinator.state().standings {
                self.scores.insert(standing.member.to_string(), standing.score);
            }
        }
        let judged = coordinator.state().standings.iter().filter(|standing| standing.excluded);
        for member in judged.map(|standing| standing.member.to_string()).collect::<Vec<_>>() {
            self.exclude(member, part, FoundOut::Worse);
        }
        // No honest member sends more than its clipped records and their noise can be, nor what is none of what is asked for.
        let impossible = |one: &Excluded| match one.why {
            Exclusion::TooLarge { .. } => noisy.then_some(FoundOut::TooLarge),
            Exclusion::Failed { failure: Failure::Malformed { .. } } => Some(FoundOut::Malformed),
            _ => None,
        };
        for one in &report.excluded {
            if let Some(why) = impossible(one) {
                coordinator.exclude(&one.member);
                self.exclude(one.member.to_string(), part, why);
            }
        }
        (self.tell)(&Told::Round(part, report.clone()));
        Ok(report)
    }
}

impl Federated {
    fn exclude(&mut self, member: String, part: Part, why: FoundOut) {
        if self.excluded.insert(member.clone()) {
            self.reasons.insert(member.clone(), why);
            (self.tell)(&Told::Excluded(member, part, why));
        }
    }
}

/// Mean loss on public records; none of them judge nothing.
pub(super) fn public_loss(holdout: Option<&NewtonShard>, theta: &[f64]) -> f64 {
    let mean = |shard: &NewtonShard| Some(shard.sums(theta).ok()?.loss / shard.records().max(1) as f64);
    holdout.map_or(Some(0.0), mean).unwrap_or(f64::INFINITY)
}

/// How far the parameter moved that moved farthest.
pub(super) fn farthest(now: &[f64], then: &[f64]) -> f64 {
    now.iter().zip(then).map(|(now, then)| (now - then).abs()).fold(0.0, f64::max)
}

/// Members in this process answer at once.
struct Still;

impl Ticks for Still {
    fn next(&mut self) -> u64 {
        u64::MAX
    }
}
