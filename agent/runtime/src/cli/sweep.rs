//! `sweep`: a policy in many configurations, through the pipeline that runs live.

mod keeping;
mod tell;

use super::{
    Exit, Failure, Output,
    args::{ResultArgs, SweepArgs},
    backtest::write,
    interrupt::Interrupt,
    memory,
    progress::Progress,
    setup::{Setup, configuration},
};
use keeping::Keeping;
use quaestor_core::Catalog;
use quaestor_simulations::{
    part::{Head, shard},
    plain, report,
    sweep::{About, Design, Document, Ground, Judged, Results, Row, Spec, Sweep, table},
};
use serde_json::json;
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
    let heat = heat(&about, args.results.heat.as_deref())?;
    let head = about.head(sweep.total()).map_err(internal)?;
    let head = match args.shard {
        Some((part, of)) => head.of(shard(sweep.total(), part, of)),
        None => head,
    };
    // Of a part alone nothing is said: its rows go to their file and are not kept in memory.
    let mut results = args.shard.is_none().then(|| Results::new(about));
    let (mut keeping, before) = keeping(args, head, &mut results)?;
    let speed = make(&sweep, &mut keeping, &mut results, before, output)?;
    match results {
        Some(results) if keeping.is_whole() => {
            let results = Told { results: &results, heat, speed: Some(speed) };
            results.finish(&args.results, output)?;
            keeping.end();
            Ok(Exit::Ok)
        }
        _ => kept(keeping, output),
    }
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
    Spec { axes: args.vary.clone(), design, by: args.by, walk_forward: args.walk_forward, seed: args.setup.seed }
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

/// Where rows are kept, and how many are there already.
fn keeping(args: &SweepArgs, head: Head, results: &mut Option<Results>) -> Result<(Keeping, u64), Failure> {
    let ResultArgs { out, csv, parquet, .. } = &args.results;
    if args.shard.is_some() {
        if args.part.is_none() && args.resume.is_none() {
            return Err(Failure::new(Exit::Usage, "--shard: say where its rows go with --part FILE"));
        }
        if out.is_some() || csv.is_some() || parquet.is_some() {
            let text = "--shard makes a part, and results are of the whole; give --out, --csv and --parquet to `merge`";
            return Err(Failure::new(Exit::Usage, text));
        }
    }
    let mut push = |row: Row| {
        if let Some(results) = results {
            results.push(row);
        }
    };
    match (&args.resume, &args.part) {
        (Some(path), _) => Keeping::resume(path, head, &mut push),
        (None, Some(path)) => Keeping::in_file(path, head).map(|keeping| (keeping, 0)),
        (None, None) => Keeping::in_case(head).map(|keeping| (keeping, 0)),
    }
}

/// How fast it went, for people.
struct Speed {
    rows: u64,
    secs: f64,
}

fn make(
    sweep: &Sweep<'_>,
    keeping: &mut Keeping,
    results: &mut Option<Results>,
    before: u64,
    output: Output,
) -> Result<Speed, Failure> {
    let rows = keeping.head().rows();
    let total = rows.end - rows.start;
    let (interrupt, mut progress) = (Interrupt::listen(), Progress::new(output, "configurations", before, total));
    let started = Instant::now();
    let made: Result<(), Failure> = sweep.run(rows.start + before..rows.end, |_, rows| {
        keeping.push(&rows)?;
        if let Some(results) = results {
            rows.into_iter().for_each(|row| results.push(row));
        }
        if !keeping.is_whole() {
            progress.at(keeping.made());
        }
        Ok(!interrupt.is_asked())
    });
    progress.end();
    made?;
    Ok(Speed { rows: keeping.made() - before, secs: started.elapsed().as_secs_f64() })
}

/// Says where the rows of a part are, or those that were finished.
fn kept(keeping: Keeping, output: Output) -> Result<Exit, Failure> {
    let rows = keeping.head().rows();
    let (made, all, is_whole) = (keeping.made(), rows.end - rows.start, keeping.is_whole());
    let file = keeping.keep()?.display().to_string();
    let detail = json!({ "file": file, "configurations": made, "of": all });
    if !is_whole {
        let text = format!(
            "stopped: {made} of {all} configurations are kept in {file}; the same command with --resume {file} goes on"
        );
        return Err(Failure::new(Exit::Failed, text).with_detail(detail));
    }
    output.line(format_args!("{made} configurations are in {file}; `quaestor merge` joins it with the other parts"))?;
    output.document(&detail)?;
    Ok(Exit::Ok)
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
        output.document(&Document { results, judged: &judged })
    }
}

/// What a part cannot be, as a failure.
pub(super) fn part_failure(error: impl std::fmt::Display) -> Failure {
    configuration(error)
}
