//! `train`: a model that members train together, judged on later days, with its card.

use super::{
    Exit, Failure, Output,
    args::{Rule, TrainArgs},
};
use crate::learning::{
    Class, Federated, LearningError, Ledger, Lesson, ModelFiles, NoiseSettings, RoundsSettings, Sources, Told,
    TrainedFiles, learn,
};
use alloy::primitives::keccak256;
use chrono::{DateTime, Datelike};
use quaestor_federation::{Aggregation, Outcome, privacy::Budget};
use quaestor_risk::{
    data::{Shard, Target, date},
    judge::Plan,
    train::Settings,
};
use serde_json::json;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Share of members that must answer, bps.
const QUORUM_BPS: u16 = 5_000;
/// Of a rule that is made for a share of liars: one of five.
const LIARS_BPS: u16 = 2_000;
/// Rounds that are released with noise; Newton's method has then come near.
const NOISY_ROUNDS: u32 = 6;
/// Largest norm of a record's gradient and Hessian together, where noise is added.
const CLIP: f64 = 4.0;
/// Folds of the test.
const FOLDS: u32 = 3;
/// Name of the ledger in the folder of models.
const LEDGER: &str = "privacy-ledger.json";

impl From<LearningError> for Failure {
    fn from(error: LearningError) -> Self {
        let exit = match error {
            LearningError::Sources(_) | LearningError::Ledger { .. } => Exit::Configuration,
            _ => Exit::Failed,
        };
        Self::new(exit, error)
    }
}

pub(super) fn run(args: &TrainArgs, output: Output) -> Result<Exit, Failure> {
    let started = Instant::now();
    // A clock before 1970 reads as 1970: every row then lies in the future, and is refused.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let target = Target::default();
    let (shards, holdout) = shards(args, target, now)?;
    let end = shards.iter().map(|shard| shard.window().last).max().unwrap_or(0) + 1;
    let test_from = end.saturating_sub(args.test_days);
    let plan = Plan { test_from, fold_days: args.test_days.div_ceil(FOLDS), embargo_days: target.horizon_days };
    let settings = Settings { trees: args.trees, ..Settings::default() };
    output.progress(format_args!(
        "{} members, {} records, {} drawdowns; judged from {} on",
        shards.len(),
        shards.iter().map(|shard| shard.counts().records).sum::<usize>(),
        shards.iter().map(|shard| shard.counts().events).sum::<usize>(),
        date(test_from)
    ));
    let mut rounds = rounds(args, output)?;
    let ledger = Ledger::new(args.out.join(LEDGER));
    if let Some(epsilon) = args.epsilon_year_max {
        let year = year_of(now);
        let budget = match ledger.read()? {
            Some(budget) => budget.voted(epsilon, args.delta)?,
            None => Budget::new(epsilon, args.delta, 1, year)?,
        };
        rounds.charge(budget, year);
    }
    let class = Class { shards: &shards, holdout: &holdout, settings: &settings, plan };
    let learned = learn(&class, &mut rounds);
    // What was released cannot be called back, whatever came of it.
    if let Some(budget) = rounds.budget() {
        std::fs::create_dir_all(&args.out).map_err(|error| Failure::new(Exit::Failed, error))?;
        ledger.write(budget)?;
    }
    let lesson = learned?;
    let files = ModelFiles::new(&args.out).write(&lesson)?;
    tell(&lesson, &files, &rounds, started.elapsed().as_secs_f64(), output)?;
    Ok(Exit::Ok)
}

/// The year of Unix seconds, by which the ledger counts.
fn year_of(now: u64) -> u32 {
    let time = i64::try_from(now).ok().and_then(|secs| DateTime::from_timestamp(secs, 0));
    // Beyond the calendar no budget is left.
    time.and_then(|time| u32::try_from(time.year()).ok()).unwrap_or(u32::MAX)
}

fn shards(args: &TrainArgs, target: Target, now: u64) -> Result<(Vec<Shard>, Shard), LearningError> {
    let until = args.until.unwrap_or(u32::MAX);
    let mut sources = Sources::prices(&args.prices, &args.stable, until, now)?;
    for file in &args.records {
        sources.add_records(file, until)?;
    }
    if let Some(seed) = args.synthetic {
        sources.add_synthetic(seed)?;
    }
    Ok((sources.shards(target)?, sources.holdout(target)?))
}

fn rounds(args: &TrainArgs, output: Output) -> Result<Federated, Failure> {
    let aggregation = match args.aggregation {
        Rule::WeightedMean => Aggregation::WeightedMean,
        Rule::CoordinateMedian => Aggregation::CoordinateMedian,
        Rule::TrimmedMean => Aggregation::TrimmedMean { trim_bps: LIARS_BPS },
        Rule::GeometricMedian => Aggregation::GeometricMedian,
        Rule::Krum => Aggregation::Krum { liars_bps: LIARS_BPS },
        Rule::MultiKrum => Aggregation::MultiKrum { liars_bps: LIARS_BPS },
        Rule::CentredClipping => Aggregation::CentredClipping,
    };
    let noise = args.noise_multiplier.map(|noise_multiplier| NoiseSettings {
        noise_multiplier,
        rounds: NOISY_ROUNDS,
        clip: CLIP,
        delta: args.delta,
        window: Target::default().horizon_days,
    });
    let noise_key = noise_key(args)?;
    let settings = RoundsSettings { aggregation, quorum_bps: QUORUM_BPS, noise, noise_key };
    let mut rounds = Federated::new(settings, Box::new(move |told| progress(told, output)));
    if let Some(member) = &args.poison {
        rounds.poison(member);
    }
    Ok(rounds)
}

/// Secret and new, but for made-up members: they have nothing to hide, and what they show can be repeated.
fn noise_key(args: &TrainArgs) -> Result<[u8; 32], Failure> {
    if let (Some(seed), []) = (args.synthetic, args.records.as_slice()) {
        return Ok(keccak256(seed.to_be_bytes()).0);
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| Failure::new(Exit::Internal, format!("the system gives no random numbers: {error}")))?;
    Ok(key)
}

fn progress(told: &Told, output: Output) {
    match told {
        Told::Stage(stage) => output.progress(format_args!("{stage}")),
        Told::Excluded(member, part) => {
            output.progress(format_args!("  {part}: `{member}` makes the model worse on public records and is out"));
        }
        Told::Round(part, round) => {
            let outcome = match &round.outcome {
                Outcome::Accepted => "accepted".to_owned(),
                Outcome::Refused { why } => format!("rolled back: {why}"),
            };
            output.progress(format_args!("  {part} round {}: {} members, {outcome}", round.round, round.members));
        }
    }
}

fn tell(
    lesson: &Lesson,
    files: &TrainedFiles,
    rounds: &Federated,
    elapsed_secs: f64,
    output: Output,
) -> Result<(), Failure> {
    let card = &lesson.card;
    output.line(format_args!("model     {}", files.model.display()))?;
    output.line(format_args!("hash      {}", files.hash))?;
    output.line(format_args!("card      {}", files.card.display()))?;
    for verdict in &card.judgement.verdicts {
        output.line(format_args!("judged    {}", verdict.sentence))?;
    }
    if let Some(auc_bps) = card.judgement.auc_bps() {
        output.line(format_args!("AUC       {auc_bps} bps on later days"))?;
    }
    for member in rounds.excluded() {
        output.line(format_args!("excluded  {member}: it makes the model worse on public records"))?;
    }
    if let Some(spent) = rounds.privacy() {
        output.line(format_args!(
            "epsilon   {:.4} for a record and {:.4} for a day, at delta {:e}: the drawdown's sums, {} releases",
            spent.epsilon_record, spent.epsilon_day, spent.delta, spent.rounds
        ))?;
    }
    for warning in &card.warnings {
        output.line(format_args!("warning   {warning}"))?;
    }
    output.document(&json!({
        "hash": files.hash, "model": files.model, "card": files.card, "card_json": files.card_json,
        "auc_bps": card.judgement.auc_bps(), "verdicts": card.judgement.verdicts,
        "excluded": rounds.excluded().collect::<Vec<_>>(), "privacy": rounds.privacy(),
        "warnings": card.warnings, "elapsed_secs": elapsed_secs,
    }))
}
