//! `train`: a model that members train together, judged on later days, with its card. With `--config` it is the one that
//! the agent would train.

mod standings;

use super::{Exit, Failure, Output, args::TrainArgs, policy};
use crate::{
    agent::{Expected, When, connect, in_force, training_of},
    chain::Chain,
    config::Config,
    learning::{LearningError, Progress, Taught, Told, Training, newest_slot, year_of},
};
use alloy::rpc::types::BlockNumberOrTag;
use quaestor_core::{BlockRef, Catalog, Policy, policy::ModelTerms};
use quaestor_federation::Outcome;
use quaestor_policies::VotedPolicy;
use quaestor_risk::{data::date, judge::Basis};
use serde_json::json;
use standings::Standings;
use std::{
    cell::RefCell,
    path::Path,
    rc::Rc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

impl From<LearningError> for Failure {
    fn from(error: LearningError) -> Self {
        let exit = match error {
            LearningError::Privacy(error) => return error.into(),
            LearningError::Sources(_)
            | LearningError::NobodyToPoison { .. }
            | LearningError::Ledger { .. }
            | LearningError::NoLedger { .. }
            | LearningError::NoNoise { .. }
            | LearningError::NoisyAverages => Exit::Configuration,
            LearningError::Random { .. } => Exit::Internal,
            _ => Exit::Failed,
        };
        Self::new(exit, error)
    }
}

pub(super) async fn run(args: &TrainArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let started = Instant::now();
    // A clock before 1970 reads as 1970: every row then lies in the future, and is refused.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let training = match &args.config {
        Some(config) => of_agent(config, args.policy.as_deref(), catalog, now, output).await?,
        None => of_options(args, now)?,
    };
    let standings = Rc::new(RefCell::new(Standings::default()));
    let heard = Rc::clone(&standings);
    let taught = training.run(move |told| {
        heard.borrow_mut().hear(told);
        progress(told, output);
    })?;
    tell(&taught, &standings.borrow(), started.elapsed().as_secs_f64(), output)?;
    Ok(Exit::Ok)
}

fn of_options(args: &TrainArgs, now: u64) -> Result<Training, Failure> {
    let prices = args.prices.clone().ok_or_else(|| Failure::new(Exit::Usage, "write --prices or --config"))?;
    Ok(Training {
        prices,
        records: args.records.clone(),
        synthetic: args.synthetic,
        stable: args.stable.clone(),
        until: args.until.unwrap_or(u32::MAX),
        now,
        test_days: args.test_days,
        aggregation: args.aggregation,
        drawdown_fit: args.drawdown_fit,
        trees: args.trees,
        noise_multiplier: args.noise_multiplier,
        delta: args.delta,
        exact_scores: args.exact_scores,
        year: year_of(now),
        epsilon_year_max: args.epsilon_year_max,
        folder: args.out.clone(),
        poison: args.poison.clone(),
    })
}

/// What the agent of the configuration at `path` trains for the newest moment of its schedule.
async fn of_agent(
    path: &Path,
    policy: Option<&Path>,
    catalog: &Catalog,
    now: u64,
    output: Output,
) -> Result<Training, Failure> {
    let config = Config::load(path)?;
    let file = path.display();
    let chain = connect(&config)?;
    chain.check_chain_id(config.chain.chain_id).await?;
    let finalised = finalised(&config, &chain).await?;
    let policy = match policy {
        Some(path) => policy::read(path, catalog)?,
        None => policy_in_force(&config, &chain, finalised, catalog).await?,
    };
    let risk = &policy.terms().risk;
    let slot = match &risk.model {
        ModelTerms::Trained { schedule, .. } => newest_slot(schedule, finalised.timestamp),
        _ => {
            output.progress("the policy names no model that is trained here, so the agent itself would not train");
            None
        }
    };
    // Before the first moment of a schedule, or without one, it is now.
    let chain = finalised.timestamp;
    let when = When { slot: slot.unwrap_or(chain), chain, machine: now };
    training_of(&config, risk, when).ok_or_else(|| {
        let remedy =
            "add it with `prices` and `records`, or leave --config out and name them with --prices and --records";
        Failure::new(Exit::Configuration, format!("{file} has no table `[training]`; {remedy}"))
    })
}

async fn finalised(config: &Config, chain: &Chain) -> Result<BlockRef, Failure> {
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    Ok(chain.block(config.chain.finality.tag(head.number)).await?)
}

async fn policy_in_force(
    config: &Config,
    chain: &Chain,
    finalised: BlockRef,
    catalog: &Catalog,
) -> Result<VotedPolicy, Failure> {
    let expected = Expected::of(config);
    let held = in_force(chain, &config.files, catalog, &expected, finalised, None).await?;
    held.map(|held| held.policy).map_err(|refused| Failure::new(Exit::Configuration, refused))
}

fn progress(told: &Progress<'_>, output: Output) {
    match told {
        Progress::Gathered { members, records, test_from } => {
            output.progress(format_args!("{members} members, {records} records; judged from {} on", date(*test_from)))
        }
        Progress::Rounds(Told::Stage(stage)) => output.progress(format_args!("{stage}")),
        Progress::Rounds(Told::Resumed(parts)) => {
            output.progress(format_args!("goes on where it was killed: {parts} sums and fits are done"));
        }
        Progress::Rounds(Told::Unusable(why)) => {
            output.progress(format_args!("the checkpoint is of no use ({why}); training begins anew"));
        }
        Progress::Rounds(Told::Excluded(member, part, why)) => {
            output.progress(format_args!("  {part}: `{member}` is found out, and is out for good: {why}"));
        }
        Progress::Rounds(Told::Price(price)) => output.progress(format_args!("{price}")),
        Progress::Rounds(Told::Round(part, round)) => {
            let outcome = match &round.outcome {
                Outcome::Accepted => "accepted".to_owned(),
                Outcome::Refused { why } => format!("rolled back: {why}"),
            };
            output.progress(format_args!("  {part} round {}: {} members, {outcome}", round.round, round.members));
            for one in &round.excluded {
                output.progress(format_args!(
                    "  {part} round {}: `{}` is left out: {}",
                    round.round, one.member, one.why
                ));
            }
        }
    }
}

fn tell(taught: &Taught, standings: &Standings, elapsed_secs: f64, output: Output) -> Result<(), Failure> {
    let Taught { lesson, files, privacy, excluded } = taught;
    let card = &lesson.card;
    output.line(format_args!("model     {}", files.model.display()))?;
    output.line(format_args!("hash      {}", files.hash))?;
    output.line(format_args!("card      {}", files.card.display()))?;
    for verdict in &card.judgement.verdicts {
        output.line(format_args!("judged    {}", verdict.sentence))?;
    }
    match (card.judgement.auc_bps(), card.judgement.basis) {
        (Some(auc_bps), Basis::Members) => output.line(format_args!("AUC       {auc_bps} bps on later days"))?,
        (Some(auc_bps), Basis::Public) => {
            output.line(format_args!("AUC       {auc_bps} bps on later days of public records"))?;
        }
        (None, _) => {
            output.line("AUC       unknown: the test had no drawdown, or nothing else; no policy's least AUC is met")?
        }
    }
    for absent in &card.judgement.absent {
        output.line(format_args!("absent    {}: {}", absent.rival, absent.reason))?;
    }
    for member in excluded {
        output.line(format_args!("excluded  {member}: {}", standings.words_of(member)))?;
    }
    for line in standings.lines() {
        output.line(line)?;
    }
    if let Some(spent) = privacy {
        output.line(format_args!(
            "epsilon   {:.4} for a record and {:.4} for a day, at delta {:e}: all sums that left a member, {} releases{}",
            spent.epsilon_record,
            spent.epsilon_day,
            spent.delta,
            spent.rounds,
            if card.judgement.basis == Basis::Members { "; not the scores" } else { "; scores are of public records" }
        ))?;
        if let Some(year) = spent.year {
            output.line(format_args!("ledger    {year}, every training of this folder counted"))?;
        }
    }
    for warning in &card.warnings {
        output.line(format_args!("warning   {warning}"))?;
    }
    output.document(&json!({
        "hash": files.hash, "model": files.model, "card": files.card, "card_json": files.card_json,
        "auc_bps": card.judgement.auc_bps(), "verdicts": card.judgement.verdicts,
        "excluded": excluded, "reputations": standings.document(), "privacy": privacy,
        "warnings": card.warnings, "elapsed_secs": elapsed_secs,
    }))
}
