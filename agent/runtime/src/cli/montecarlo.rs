//! `montecarlo`: a policy on made-up futures, through the pipeline that runs live.

use super::{
    Exit, Failure, Output,
    args::{FuturesArg, MontecarloArgs},
    backtest::write,
    interrupt::Interrupt,
    progress::Progress,
    setup::{Setup, configuration},
};
use crate::config::read_bounded;
use quaestor_core::{Catalog, Policy};
use quaestor_simulations::{
    Day,
    market::Market,
    montecarlo::{self, Distribution, Head, Outcome, Part, Results, Scene, Side, Span},
    paths::{Futures, PathTerms, Paths},
    report::{self, number, percent, usd},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// Seconds of a day.
const DAY_SECS: u64 = 86_400;
/// Most bytes of a part: ten million paths.
const PART_BYTES_MAX: u64 = 8 << 30;
/// Where what is finished goes when nothing else was said.
const PART: &str = "montecarlo.part";

pub(super) fn run(args: &MontecarloArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let setup = Setup::read(&args.setup, catalog, output)?;
    let paths = fit(args, &setup)?;
    let scene = Scene { policy: &setup.policy, model: setup.model.as_ref(), assumed: &setup.assumed, paths: &paths };
    let head = head(args, &setup, &scene)?;
    let (part, of) = args.shard.unwrap_or((1, 1));
    // Paths times parts stay far below the end of their range.
    let span = Span { first: args.paths * (part - 1) / of, end: args.paths * part / of };
    let before = match &args.resume {
        Some(path) => resume(path, &head, span)?,
        None => Vec::new(),
    };
    let (kept, total) = (before.len() as u64, span.end - span.first);
    let (interrupt, mut progress) = (Interrupt::listen(), Progress::new(output, "paths", kept, total));
    let started = Instant::now();
    let found = scene.run(span.first + kept..span.end, |done| {
        progress.at(kept + done);
        !interrupt.is_asked()
    });
    progress.end();
    let made = found.map_err(configuration)?;
    let (count, elapsed_secs) = (made.len(), started.elapsed().as_secs_f64());
    let part = Part { head, span, outcomes: [before, made].concat() };
    if args.shard.is_some() || !part.is_whole() {
        return keep(args, &part, output);
    }
    let results = Results::of(&part.head, &part.outcomes);
    let files = Files { out: args.out.as_deref(), csv: args.csv.as_deref(), parquet: args.parquet.as_deref() };
    let speed = format!("{count} made in {elapsed_secs:.2} s");
    finish(&part.head, &part.outcomes, &results, files, &speed, output)
}

fn fit(args: &MontecarloArgs, setup: &Setup) -> Result<Paths, Failure> {
    let ends = setup.panel.ends();
    let step = ends.windows(2).last().map_or(DAY_SECS, |pair| pair[1] - pair[0]).max(1);
    let bars = |days: u64| days.saturating_mul(DAY_SECS).div_ceil(step);
    let futures = match args.futures {
        FuturesArg::Bootstrap => Futures::Bootstrap,
        FuturesArg::Gbm => Futures::Gbm,
        FuturesArg::Jump => Futures::Jump,
        FuturesArg::Regimes => Futures::Regimes,
    };
    let terms = PathTerms {
        futures,
        bars: usize::try_from(bars(args.days)).unwrap_or(usize::MAX),
        past: usize::from(setup.policy.terms().risk.history_rounds),
        block: bars(args.block) as f64,
        seed: args.setup.seed,
    };
    Paths::fit(&setup.panel, setup.start, terms).map_err(configuration)
}

/// What the simulation is, and what its report says.
fn head(args: &MontecarloArgs, setup: &Setup, scene: &Scene<'_>) -> Result<Head, Failure> {
    let terms = setup.policy.terms();
    let (panel, initial_value) = (scene.paths.panel(), scene.initial_value().map_err(configuration)?);
    let market = Market::new(&panel, terms, &setup.assumed).map_err(configuration)?;
    let mut head = Head::new(terms.name.clone(), scene, args.paths, initial_value, setup.provenance()?);
    head.drawdown = args.drawdown as f64 / 100.0;
    head.runway_months = args.runway as f64;
    head.assumed = scene.paths.said();
    let (from, to) = (day(setup.panel.ends()[setup.start]), day(head.begin));
    head.assumed.push(format!("history is that from {from} to {to}"));
    if terms.expires_at < head.end {
        let at = day(terms.expires_at);
        head.assumed.push(format!("the policy expires on {at}: from then on nothing is permitted"));
    }
    head.assumed.extend(setup.stated(&market));
    Ok(head)
}

fn day(at: u64) -> String {
    Day::at(at).map_or_else(String::new, |day| day.to_string())
}

/// What an interrupted run of the same simulation kept.
fn resume(path: &Path, head: &Head, span: Span) -> Result<Vec<Outcome>, Failure> {
    let failed = |error: &dyn std::fmt::Display| configuration(format!("{}: {error}", path.display()));
    let bytes = read_bounded(path, PART_BYTES_MAX).map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| failed(&error))?;
    let part = Part::parse(&text).map_err(|error| failed(&error))?;
    part.head.expect_same(head).map_err(|error| failed(&error))?;
    if part.span != span {
        return Err(failed(&"it is another --shard of this simulation"));
    }
    Ok(part.outcomes)
}

/// Writes a part: one that was asked for, or what there is of one.
fn keep(args: &MontecarloArgs, part: &Part, output: Output) -> Result<Exit, Failure> {
    let path = args.part.clone().or_else(|| args.resume.clone()).unwrap_or_else(|| PathBuf::from(PART));
    let text = part.text().map_err(|error| Failure::new(Exit::Internal, error))?;
    // Whole or not at all: what it replaces may be all that there is.
    let mut new = path.clone().into_os_string();
    new.push(".new");
    write(Path::new(&new), text.as_bytes())?;
    std::fs::rename(&new, &path).map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))?;
    let (found, all, file) = (part.outcomes.len(), part.span.end - part.span.first, path.display().to_string());
    let detail = json!({ "file": file, "paths": found, "of": all });
    if !part.is_whole() {
        let text = format!(
            "stopped: {found} of {all} paths are kept in {file}; the same command with --resume {file} goes on"
        );
        return Err(Failure::new(Exit::Failed, text).with_detail(detail));
    }
    output.line(format_args!("{found} paths are in {file}; `quaestor merge` joins it with the other parts"))?;
    output.document(&detail)?;
    Ok(Exit::Ok)
}

/// Where results go.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Files<'a> {
    pub(super) out: Option<&'a Path>,
    pub(super) csv: Option<&'a Path>,
    pub(super) parquet: Option<&'a Path>,
}

/// Writes and prints what all paths came to. `speed` is for people alone.
pub(super) fn finish(
    head: &Head,
    outcomes: &[Outcome],
    results: &Results,
    files: Files<'_>,
    speed: &str,
    output: Output,
) -> Result<Exit, Failure> {
    if files.csv.is_some() || files.parquet.is_some() {
        let table = montecarlo::table(outcomes);
        if let Some(path) = files.csv {
            write(path, table.csv().as_bytes())?;
        }
        if let Some(path) = files.parquet {
            let bytes = table.parquet().map_err(|error| Failure::new(Exit::Failed, error))?;
            write(path, &bytes)?;
        }
    }
    if let Some(path) = files.out {
        write(path, report::montecarlo(head, results).as_bytes())?;
    }
    tell(head, results, speed, output)?;
    let mut document = serde_json::to_value(results).map_err(|error| Failure::new(Exit::Internal, error))?;
    let said = serde_json::to_value(head).map_err(|error| Failure::new(Exit::Internal, error))?;
    if let (Value::Object(fields), Value::Object(said)) = (&mut document, said) {
        fields.insert("synthetic".into(), json!(true));
        for key in ["title", "futures", "bars", "block", "begin", "end", "initial_value"] {
            fields.insert(key.into(), said[key].clone());
        }
        fields.insert("drawdown_asked".into(), said["drawdown"].clone());
        fields.insert("runway_months_asked".into(), said["runway_months"].clone());
        fields.insert("assumptions".into(), said["assumed"].clone());
        fields.extend(said["provenance"].as_object().cloned().unwrap_or_default());
    }
    output.document(&document)?;
    Ok(Exit::Ok)
}

fn tell(head: &Head, results: &Results, speed: &str, output: Output) -> Result<(), Failure> {
    output.line(format_args!(
        "{}, {} SYNTHETIC paths of {} bars, {} to {}{}{speed}",
        head.title,
        usd(results.paths as f64),
        head.bars,
        day(head.begin),
        day(head.end),
        if speed.is_empty() { "" } else { ": " },
    ))?;
    output.line("")?;
    output.line(format_args!(
        "{:<22}{:>14}{:>14}{:>14}{:>14}{:>14}{:>14}",
        "", "5 %", "25 %", "median", "75 %", "95 %", "mean"
    ))?;
    let row = |name: &str, found: Option<Distribution>, text: fn(f64) -> String| {
        let Some(found) = found else { return Ok(()) };
        let cells: String = found.quantiles().iter().map(|value| format!("{:>14}", text(*value))).collect();
        output.line(format_args!("{name:<22}{cells}{:>14}", text(found.mean)))
    };
    let share: fn(f64) -> String = |value| percent(Some(value));
    let plain: fn(f64) -> String = |value| number(Some(value));
    let side = |name: &str, side: &Side| {
        row(&format!("value USD{name}"), side.final_value, usd)?;
        row(&format!("CAGR{name}"), side.cagr, share)?;
        row(&format!("max drawdown{name}"), side.max_drawdown, share)?;
        row(&format!("Sharpe{name}"), side.sharpe, plain)
    };
    side("", &results.policy)?;
    row("runway months, least", results.runway_months_min, plain)?;
    side(", hold", &results.hold)?;
    output.line("")?;
    let odds = |what: &str, own: f64, hold: Option<f64>| {
        let hold = hold.map_or_else(String::new, |hold| format!(", hold {}", share(hold)));
        output.line(format_args!("{what:<34}{}{hold}", share(own)))
    };
    let (policy, hold) = (&results.policy, &results.hold);
    odds("lost", policy.loss_probability, Some(hold.loss_probability))?;
    let fell = format!("fell by more than {:.0} %", head.drawdown * 100.0);
    odds(&fell, policy.drawdown_probability, Some(hold.drawdown_probability))?;
    if let Some(found) = results.odds.runway_probability {
        odds(&format!("runway fell under {} months", head.runway_months), found, None)?;
    }
    odds("something was refused", results.odds.refused_share, None)?;
    let (made, executed) = (plain(results.proposals_mean), plain(results.executed_mean));
    output.line(format_args!("proposals of a path, in the mean  {made}, executed {executed}"))?;
    for note in &head.assumed {
        output.line(format_args!("assumed     {note}"))?;
    }
    Ok(())
}
