//! `montecarlo`: a policy on made-up futures, through the pipeline that runs live.

use super::{
    Exit, Failure, Output,
    args::{FuturesArg, MontecarloArgs, ResultArgs},
    backtest::write,
    parts::Making,
    setup::{Setup, configuration},
    stated,
};
use quaestor_core::{Catalog, Policy};
use quaestor_simulations::{
    Day,
    market::{Market, history_bars},
    montecarlo::{self, About, Distribution, Outcome, Results, Scene, Side},
    paths::{Futures, PathTerms, Paths},
    report::{self, number, percent, usd},
};
use serde_json::{Value, json};

/// Seconds of a day.
const DAY_SECS: u64 = 86_400;

pub(super) fn run(args: &MontecarloArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let setup = Setup::read(&args.setup, catalog, output)?;
    let paths = fit(args, &setup)?;
    let scene = Scene { policy: &setup.policy, model: setup.model.as_ref(), assumed: &setup.assumed, paths: &paths };
    let about = about(args, &setup, &scene)?;
    let head = about.head(args.paths).map_err(|error| Failure::new(Exit::Internal, error))?;
    let mut outcomes = Vec::new();
    let making = Making { args: &args.parts, results: &args.results, run: "simulation", rows: "paths", output };
    let whole = making.run(head, |outcome| outcomes.push(outcome), |rows, take| scene.run(rows, take))?;
    if let Some(whole) = whole {
        let speed = format!("{} made in {:.2} s", whole.made, whole.secs);
        finish(&about, &outcomes, &args.results, &speed, output)?;
        whole.end();
    }
    Ok(Exit::Ok)
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
        past: history_bars(&setup.policy.terms().risk, setup.panel.step_secs()),
        block: bars(args.block) as f64,
        seed: args.setup.world.seed,
    };
    Paths::fit(&setup.panel, setup.start, terms).map_err(configuration)
}

/// What the simulation is, and what its report says.
fn about(args: &MontecarloArgs, setup: &Setup, scene: &Scene<'_>) -> Result<About, Failure> {
    let terms = setup.policy.terms();
    let (panel, initial_value) = (scene.paths.panel(), scene.initial_value().map_err(configuration)?);
    let market = Market::new(&panel, terms, &setup.assumed).map_err(configuration)?;
    let mut about = About::new(terms.name.clone(), scene, initial_value, setup.provenance()?);
    about.drawdown = args.drawdown as f64 / 100.0;
    about.runway_months = args.runway as f64;
    about.assumed = scene.paths.said();
    let (from, to) = (day(setup.panel.ends()[setup.start]), day(about.begin));
    about.assumed.push(format!("history is that from {from} to {to}"));
    if terms.expires_at < about.end {
        let at = day(terms.expires_at);
        about.assumed.push(format!("the policy expires on {at}: from then on nothing is permitted"));
    }
    about.assumed.extend(setup.stated(&market));
    Ok(about)
}

fn day(at: u64) -> String {
    Day::at(at).map_or_else(String::new, |day| day.to_string())
}

/// Writes and prints what all paths came to. `speed` is for people alone.
pub(super) fn finish(
    about: &About,
    outcomes: &[Outcome],
    args: &ResultArgs,
    speed: &str,
    output: Output,
) -> Result<(), Failure> {
    let results = &Results::of(about, outcomes);
    if args.csv.is_some() || args.parquet.is_some() {
        let table = montecarlo::table(outcomes);
        if let Some(path) = &args.csv {
            write(path, table.csv().as_bytes())?;
        }
        if let Some(path) = &args.parquet {
            let bytes = table.parquet().map_err(|error| Failure::new(Exit::Failed, error))?;
            write(path, &bytes)?;
        }
    }
    if let Some(path) = &args.out {
        write(path, report::montecarlo(about, results).as_bytes())?;
    }
    tell(about, results, speed, output)?;
    stated::tell_provenance(&about.provenance, output)?;
    let mut document = serde_json::to_value(results).map_err(|error| Failure::new(Exit::Internal, error))?;
    let said = serde_json::to_value(about).map_err(|error| Failure::new(Exit::Internal, error))?;
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
    output.document(&document)
}

fn tell(about: &About, results: &Results, speed: &str, output: Output) -> Result<(), Failure> {
    output.line(format_args!(
        "{}, {} SYNTHETIC paths of {} bars, {} to {}{}{speed}",
        about.title,
        usd(results.paths as f64),
        about.bars,
        day(about.begin),
        day(about.end),
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
    let fell = format!("fell by more than {:.0} %", about.drawdown * 100.0);
    odds(&fell, policy.drawdown_probability, Some(hold.drawdown_probability))?;
    if let Some(found) = results.odds.runway_probability {
        odds(&format!("runway fell under {} months", about.runway_months), found, None)?;
    }
    odds("something was refused", results.odds.refused_share, None)?;
    let (made, executed) = (plain(results.proposals_mean), plain(results.executed_mean));
    output.line(format_args!("proposals of a path, in the mean  {made}, executed {executed}"))?;
    for note in &about.assumed {
        output.line(format_args!("assumed     {note}"))?;
    }
    Ok(())
}
