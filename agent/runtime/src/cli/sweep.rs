//! `sweep`: a policy in many configurations, through the pipeline that runs live.

mod tell;

use super::{
    Exit, Failure, Output,
    args::{ResultArgs, SweepArgs},
    backtest::write,
    memory,
    parts::Making,
    setup::Setup,
    stated,
};
use quaestor_core::Catalog;
use quaestor_simulations::{
    plain, report,
    sweep::{About, Design, Document, Ground, Judged, Results, Spec, Sweep, table},
};
use std::time::Instant;

pub(super) fn run(args: &SweepArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let plain = plain::catalog();
    let catalog = if args.setup.policy.is_some() { catalog } else { &plain };
    let setup = Setup::read(&args.setup, catalog, output)?;
    let market = setup.market()?;
    let Setup { policy: base, told, assumed, model, start, .. } = &setup;
    let ground = Ground { base, catalog, told, assumed, market: &market, model: model.as_ref(), start: *start };
    let sweep = Sweep::new(spec(args), ground).map_err(|error| Failure::new(Exit::Usage, error))?;
    let about = sweep.about(setup.provenance()?, setup.stated(&market));
    let heat = heat(&about, args.heat.heat.as_deref())?;
    let head = about.head(sweep.total()).map_err(internal)?;
    let mut results = Results::new(about);
    let making = Making { args: &args.parts, results: &args.results, run: "sweep", rows: "configurations", output };
    let whole = making.run(head, |row| results.push(row), |rows, take| sweep.run(rows, |_, made| take(made)))?;
    if let Some(whole) = whole {
        let speed = Speed { rows: whole.made, secs: whole.secs };
        Told { results: &results, heat, speed: Some(speed) }.finish(&args.results, output)?;
        whole.end();
    }
    Ok(Exit::Ok)
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Internal, error)
}

fn spec(args: &SweepArgs) -> Spec {
    let design = match (args.random, args.latin_hypercube, args.random_weights) {
        (Some(rows), ..) => Design::Random(rows),
        (_, Some(rows), _) => Design::LatinHypercube(rows),
        (.., Some(rows)) => Design::RandomWeights(rows),
        _ => Design::Grid,
    };
    Spec { axes: args.vary.clone(), design, by: args.by, walk_forward: args.walk_forward, seed: args.setup.world.seed }
}

/// The places of the two keys that a heat map shows.
pub(super) fn heat(about: &About, text: Option<&str>) -> Result<Option<[usize; 2]>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let keys = about.keys();
    let place = |name: &str| keys.iter().position(|key| key == name.trim());
    let places = text.split_once(',').and_then(|(across, down)| Some([place(across)?, place(down)?]));
    match places {
        Some([across, down]) if across != down => Ok(Some([across, down])),
        _ => {
            let text = format!("--heat {text}: write two of what is varied, with a comma between: {}", keys.join(", "));
            Err(Failure::new(Exit::Usage, text))
        }
    }
}

/// How fast it went, for people.
struct Speed {
    rows: u64,
    secs: f64,
}

/// A whole sweep that is told of.
pub(super) struct Told<'a> {
    pub(super) results: &'a Results,
    pub(super) heat: Option<[usize; 2]>,
    speed: Option<Speed>,
}

impl<'a> Told<'a> {
    /// Of rows that were made elsewhere.
    pub(super) fn merged(results: &'a Results, heat: Option<[usize; 2]>) -> Self {
        Self { results, heat, speed: None }
    }

    /// Writes and prints what all rows came to.
    pub(super) fn finish(self, args: &ResultArgs, output: Output) -> Result<(), Failure> {
        let Self { results, heat, speed } = self;
        let started = Instant::now();
        let judged = Judged::of(results);
        let judged_secs = started.elapsed().as_secs_f64();
        if judged.best.is_empty() {
            let why = judged.refused_first.as_deref().unwrap_or("none has the figure that is asked for");
            return Err(Failure::new(Exit::Failed, format!("no configuration came to anything; {why}")));
        }
        if args.csv.is_some() || args.parquet.is_some() {
            let table = table(results);
            if let Some(path) = &args.csv {
                write(path, table.csv().as_bytes())?;
            }
            if let Some(path) = &args.parquet {
                write(path, &table.parquet().map_err(|error| Failure::new(Exit::Failed, error))?)?;
            }
        }
        if let Some(path) = &args.out {
            write(path, report::sweep(results, &judged, heat).as_bytes())?;
        }
        let speed = speed.map(|Speed { rows, secs }| {
            let rate = report::usd(rows as f64 / secs.max(f64::MIN_POSITIVE));
            let memory =
                memory::peak_bytes().map_or_else(String::new, |peak| format!(", at most {} MB of memory", peak >> 20));
            format!(
                "{} made in {secs:.2} s, {rate} a second; judged in {judged_secs:.2} s{memory}",
                report::usd(rows as f64)
            )
        });
        tell::tell(results.about(), &judged, speed.as_deref(), output)?;
        stated::tell_provenance(&results.about().provenance, output)?;
        output.document(&Document { results, judged: &judged })
    }
}
