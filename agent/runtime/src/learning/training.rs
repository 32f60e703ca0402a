//! One training, from its settings to the files it leaves. `quaestor train` and the agent both run this.

use super::{
    Class, Federated, Grounds, LearningError, Ledger, Lesson, ModelFiles, NoiseSettings, RoundsSettings, Sources,
    Spent, Told, TrainedFiles, files::BUDGET_GROUP, learn,
};
use alloy::primitives::keccak256;
use chrono::{DateTime, Datelike};
use quaestor_federation::{
    Aggregation,
    privacy::{self, Budget},
};
use quaestor_risk::{
    data::{BURN_DAYS, Shard, Target},
    judge::{Basis, Plan},
    models::drawdown::DrawdownFit,
    train::Settings,
};
use std::path::PathBuf;

/// Share of members that must answer, bps.
const QUORUM_BPS: u16 = 5_000;
/// Of a rule that is made for a share of liars: one of five.
const LIARS_BPS: u16 = 2_000;
/// Rounds that are released with noise; Newton's method has then come near.
const NOISY_ROUNDS: u32 = 6;
/// Largest norm of a record's gradient, where noise is added.
const CLIP: f64 = 4.0;
/// More sums than a training releases in which every member is found out.
const SUMS_MOST: u32 = 100_000;
/// Folds of the test, where nothing is released by it.
const FOLDS: u32 = 3;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// How updates become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Rule {
    /// Equal to the pooled fit; broken by one liar
    WeightedMean,
    /// The median of each coordinate
    CoordinateMedian,
    /// The mean of each coordinate without its extremes; of fewer than five members nothing is cut off
    TrimmedMean,
    /// The point with the least sum of distances
    GeometricMedian,
    /// The update nearest to its neighbours; needs three members, and five to bear a liar
    Krum,
    /// The mean of the updates nearest to their neighbours; needs three members, and five to bear a liar
    MultiKrum,
    /// The median, moved by clipped differences
    CentredClipping,
}

impl Rule {
    /// The rule, where it is made for a share of liars for this one, bps.
    pub fn aggregation(self, liars_bps: u16) -> Aggregation {
        match self {
            Self::WeightedMean => Aggregation::WeightedMean,
            Self::CoordinateMedian => Aggregation::CoordinateMedian,
            Self::TrimmedMean => Aggregation::TrimmedMean { trim_bps: liars_bps },
            Self::GeometricMedian => Aggregation::GeometricMedian,
            Self::Krum => Aggregation::Krum { liars_bps },
            Self::MultiKrum => Aggregation::MultiKrum { liars_bps },
            Self::CentredClipping => Aggregation::CentredClipping,
        }
    }
}

/// How the drawdown probability is fitted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Fit {
    /// On sums of members' gradients and Hessians; equal to the pooled fit
    #[default]
    Newton,
    /// By averages of what members reach with steps of their own, for who sends no sums; never with noise
    #[value(name = "fedavg")]
    FedAvg,
}

impl Fit {
    fn of_model(self) -> DrawdownFit {
        match self {
            Self::Newton => DrawdownFit::Newton,
            Self::FedAvg => DrawdownFit::FedAvg,
        }
    }
}

/// What is trained, on what, and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Folder or file of daily prices, as [`quaestor_simulations::data`] reads them.
    pub prices: PathBuf,
    /// Files of members' records.
    pub records: Vec<PathBuf>,
    /// Seed of the four made-up members, if they take part.
    pub synthetic: Option<u64>,
    /// Assets that are meant to keep a dollar's worth.
    pub stable: Vec<String>,
    /// Days before this one are trained on, since 1970-01-01.
    pub until: u32,
    /// The present Unix time: a file with later prices is refused.
    pub now: u64,
    /// Days before the end on which the model is judged.
    pub test_days: u32,
    /// How members are added up.
    pub aggregation: Rule,
    /// How the drawdown probability is fitted.
    pub drawdown_fit: Fit,
    /// Trees of the second opinion.
    pub trees: u16,
    /// Standard deviation of the noise, in clips; `None`: there is none.
    pub noise_multiplier: Option<f64>,
    /// δ at which ε is stated.
    pub delta: f64,
    /// With noise, judges on members' own records all the same: exact scores, of which no ε speaks.
    pub exact_scores: bool,
    /// The year that noise is charged to.
    pub year: u32,
    /// ε that a record may cost in it; `None`: what is spent is written down, and no training refused for it.
    pub epsilon_year_max: Option<f64>,
    /// Where model, card and ledger are.
    pub folder: PathBuf,
    /// A member that poisons what it sends, to see it found out.
    pub poison: Option<String>,
}

/// What is told while a training goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress<'a> {
    /// What there is to learn from.
    Gathered {
        /// Members.
        members: usize,
        /// Days with features and a target, of all members.
        records: usize,
        /// First day of the test, since 1970-01-01.
        test_from: u32,
    },
    /// Something of the rounds.
    Rounds(&'a Told),
}

/// What a training came to.
#[derive(Debug)]
pub struct Taught {
    /// The model and its card.
    pub lesson: Lesson,
    /// Where they are.
    pub files: TrainedFiles,
    /// What the noise cost; `None` without noise.
    pub privacy: Option<Spent>,
    /// Members that were found out.
    pub excluded: Vec<String>,
}

impl Training {
    /// Reads prices and records, trains together, judges on later days, charges the ledger, and writes model and card.
    ///
    /// # Errors
    /// If another training runs in the folder, prices or records are wrong or too few, the budget does not cover the
    /// training or has no noise to charge, averages are to be hidden by noise, or a file cannot be written. No model is
    /// written then.
    pub fn run(&self, mut tell: impl FnMut(&Progress<'_>) + 'static) -> Result<Taught, LearningError> {
        if let (Some(epsilon), None) = (self.epsilon_year_max, self.noise_multiplier) {
            return Err(LearningError::NoNoise { epsilon });
        }
        if let Some(noise_multiplier) = self.noise_multiplier {
            // A cost that cannot be said is not incurred.
            privacy::epsilon_of_group(noise_multiplier, SUMS_MOST, self.delta, day_window())?;
        }
        if self.drawdown_fit == Fit::FedAvg && self.noise_multiplier.is_some() {
            return Err(LearningError::NoisyAverages);
        }
        let target = Target::default();
        // Two at a time would each read the ledger before the other has written it. Who has nothing to learn from makes no
        // folder, and who cannot enter one does not read everything first.
        let entered = if self.folder.exists() { Some(Grounds::enter(&self.folder)?) } else { None };
        let (shards, holdout) = self.shards(target)?;
        let _alone = match entered {
            Some(grounds) => grounds,
            None => Grounds::enter(&self.folder)?,
        };
        let end = shards.iter().map(|shard| shard.window().last).max().unwrap_or(0).saturating_add(1);
        let test_from = end.saturating_sub(self.test_days);
        // Each fold is a training of its own, and releases as much.
        let folds = if self.noise_multiplier.is_some() { 1 } else { FOLDS };
        let fold_days = self.test_days.div_ceil(folds);
        let plan = Plan { test_from, fold_days, embargo_days: target.horizon_days };
        tell(&Progress::Gathered {
            members: shards.len(),
            records: shards.iter().map(|shard| shard.counts().records).sum(),
            test_from,
        });
        let mut rounds = Federated::new(self.rounds()?, Box::new(move |told| tell(&Progress::Rounds(told))));
        if let Some(member) = &self.poison {
            rounds.poison(made_up(&shards, member)?);
        }
        let drawdown_fit = self.drawdown_fit.of_model();
        let settings = Settings { trees: self.trees, drawdown_fit, ..Settings::default() };
        let basis = self.basis(&shards);
        let class = Class { shards: &shards, holdout: &holdout, settings: &settings, plan, basis };
        self.charge(&mut rounds)?;
        rounds.checkpoint(&self.folder);
        let lesson = learn(&class, &mut rounds)?;
        let files = ModelFiles::new(&self.folder).write(&lesson)?;
        rounds.forget()?;
        let excluded = rounds.excluded().map(str::to_owned).collect();
        Ok(Taught { lesson, files, privacy: rounds.privacy(), excluded })
    }

    /// Noise hides records, so scores that tell of them are asked for by name; made-up ones have nothing to hide.
    fn basis(&self, shards: &[Shard]) -> Basis {
        let hides = self.noise_multiplier.is_some() && shards.iter().any(|shard| !shard.origin().is_synthetic());
        if hides && !self.exact_scores { Basis::Public } else { Basis::Members }
    }

    /// Has the rounds charge the year's ledger, each before it is held. With noise there always is one: what was released
    /// counts against a budget that is voted later as well.
    fn charge(&self, rounds: &mut Federated) -> Result<(), LearningError> {
        if self.noise_multiplier.is_none() {
            return Ok(());
        }
        let ledger = Ledger::of_folder(&self.folder);
        let budget = match ledger.read()? {
            Some(budget) => budget,
            None => Budget::unlimited(self.delta, BUDGET_GROUP, self.year)?,
        };
        rounds.charge(budget.voted(self.epsilon_year_max, self.delta)?, self.year);
        rounds.keep(move |budget| ledger.write(budget));
        Ok(())
    }

    fn shards(&self, target: Target) -> Result<(Vec<Shard>, Shard), LearningError> {
        let mut sources = Sources::prices(&self.prices, &self.stable, self.until, self.now)?;
        for file in &self.records {
            sources.add_records(file, self.until)?;
        }
        if let Some(seed) = self.synthetic {
            sources.add_synthetic(seed)?;
        }
        Ok((sources.shards(target)?, sources.holdout(target)?))
    }

    fn rounds(&self) -> Result<RoundsSettings, LearningError> {
        let noise = self.noise_multiplier.map(|noise_multiplier| NoiseSettings {
            noise_multiplier,
            rounds: NOISY_ROUNDS,
            clip: CLIP,
            delta: self.delta,
            window: day_window(),
        });
        let noise_key = self.noise_key()?;
        let aggregation = self.aggregation.aggregation(LIARS_BPS);
        Ok(RoundsSettings { aggregation, quorum_bps: QUORUM_BPS, noise, noise_key })
    }

    /// Secret and new; but members that are all made up have nothing to hide, and what they show can be repeated.
    fn noise_key(&self) -> Result<[u8; 32], LearningError> {
        if let (Some(seed), []) = (self.synthetic, self.records.as_slice()) {
            return Ok(keccak256(seed.to_be_bytes()).0);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|source| LearningError::Random { reason: source.to_string() })?;
        Ok(key)
    }
}

/// Rows that one day's flows change, each counted twice: a row that is replaced is one that goes and one that comes.
fn day_window() -> u32 {
    day_rows(Target::default()).saturating_mul(2)
}

/// Rows that one day's flows of a member enter: those whose burn covers it, and those whose target does.
fn day_rows(target: Target) -> u32 {
    u32::try_from(BURN_DAYS).unwrap_or(u32::MAX).saturating_add(target.horizon_days)
}

/// This member, if it is made up.
fn made_up<'a>(shards: &[Shard], member: &'a str) -> Result<&'a str, LearningError> {
    let members = shards.iter().filter(|shard| shard.origin().is_synthetic()).map(Shard::member);
    if members.clone().any(|one| one == member) {
        return Ok(member);
    }
    let members = members.collect::<Vec<_>>().join(", ");
    Err(LearningError::NobodyToPoison { member: member.to_owned(), members })
}

/// The day of Unix seconds, since 1970-01-01.
pub fn day_of(unix_secs: u64) -> u32 {
    u32::try_from(unix_secs / DAY).unwrap_or(u32::MAX)
}

/// The year of Unix seconds, by which the ledger counts.
pub fn year_of(unix_secs: u64) -> u32 {
    let time = i64::try_from(unix_secs).ok().and_then(|secs| DateTime::from_timestamp(secs, 0));
    // Beyond the calendar no budget is left.
    time.and_then(|time| u32::try_from(time.year()).ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
