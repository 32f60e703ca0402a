//! `data check`, `data import` and `data fetch`: histories for backtests.

use super::{
    Exit, Failure, Output,
    args::{DataCheckArgs, DataCommand, DataImportArgs, FillRule, ReadArgs},
    fetch,
};
use quaestor_simulations::{
    DataError, Day,
    data::{self, DataSet, Fill, Format, Kind, Moment, Options, PoolTokens, Series},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

const DAY_SECS: u64 = 86_400;

pub(super) async fn run(command: &DataCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        DataCommand::Fetch(command) => fetch::run(command, output).await,
        DataCommand::Check(args) => check(args, output),
        DataCommand::Import(args) => import(args, output),
    }
}

/// How data is read now.
pub(super) fn options(args: &ReadArgs) -> Options {
    // A clock before 1970 reads as 1970: every row then lies in the future, and is refused.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let fill = match args.fill_gaps {
        None => Fill::Nothing,
        Some(FillRule::Previous) => Fill::Previous,
    };
    let tokens = PoolTokens { decimals: args.pool_decimals, dollar: usize::from(args.pool_dollar) };
    Options { now, fill, tokens, ..Options::default() }
}

/// What is wrong with data, as a failure that ends with `exit`.
pub(super) fn failure(exit: Exit, error: &DataError) -> Failure {
    let problem = |it: &quaestor_simulations::Problem| json!({ "file": it.file, "line": it.line, "message": it.kind.to_string() });
    let problems: Vec<Value> = error.problems.iter().map(problem).collect();
    Failure::new(exit, error).with_detail(json!({ "problems": problems, "more": error.more }))
}

/// Everything that `paths` hold; problems of all of them at once.
fn load(paths: &[PathBuf], options: &Options) -> Result<DataSet, Failure> {
    let (mut found, mut wrong) = (DataSet::default(), DataError::default());
    for path in paths {
        if let Err(error) = data::load(path, options).and_then(|read| found.extend(read)) {
            wrong.extend(error);
        }
    }
    if wrong.problems.is_empty() { Ok(found) } else { Err(failure(Exit::Failed, &wrong)) }
}

fn check(args: &DataCheckArgs, output: Output) -> Result<Exit, Failure> {
    let found = load(&args.paths, &options(&args.read))?;
    tell(&found, output)?;
    output.document(&document(&found))?;
    Ok(Exit::Ok)
}

fn import(args: &DataImportArgs, output: Output) -> Result<Exit, Failure> {
    let Some(format) = Format::of(&args.out) else { return Err(wrong_ending(&args.out)) };
    let mut found = load(&args.paths, &options(&args.read))?;
    if let Some(name) = &args.name
        && !found.rename(name)
    {
        let text = format!("--name {name}: there are several series of a kind; import them one by one");
        return Err(Failure::new(Exit::Usage, text));
    }
    let bytes = data::write(&found, format).map_err(|error| Failure::new(Exit::Failed, error))?;
    create(&args.out, &bytes)?;
    tell(&found, output)?;
    output.line(format_args!("written     {}, {} bytes", args.out.display(), bytes.len()))?;
    let mut document = document(&found);
    document["out"] = json!(args.out);
    document["bytes"] = json!(bytes.len());
    output.document(&document)?;
    Ok(Exit::Ok)
}

/// That the name of a file says nothing of what it should be.
pub(super) fn wrong_ending(out: &Path) -> Failure {
    let text = format!("--out {} ends neither in .parquet nor in .csv.gz; name it so", out.display());
    Failure::new(Exit::Usage, text)
}

/// Writes a file that is not there yet.
fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("{}: {error}", path.display()));
    let mut file = fs::File::create_new(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| {
        // Half of it is worse than nothing.
        let _ = fs::remove_file(path);
        failed(error)
    })
}

/// A step as people say it.
fn step(secs: u64) -> String {
    let unit = [(DAY_SECS, "d"), (3_600, "h"), (60, "min")].into_iter().find(|(unit, _)| secs.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{secs} s"), |(unit, name)| format!("{} {name}", secs / unit))
}

/// The time of a row: the day alone where a row is a day.
fn time(series: &Series, secs: u64) -> String {
    let is_daily = series.step == DAY_SECS && series.begin.is_multiple_of(DAY_SECS);
    let day = if is_daily { Day::at(secs) } else { None };
    day.map_or_else(|| Moment::at(secs).to_string(), |day| day.to_string())
}

fn last(series: &Series) -> u64 {
    series.time(series.len().saturating_sub(1))
}

pub(super) fn tell(found: &DataSet, output: Output) -> Result<(), Failure> {
    for (_, series) in found.iter() {
        let (from, to) = (time(series, series.begin), time(series, last(series)));
        output.line(format_args!(
            "{:<11} {:<8} {} rows of {}, {from} to {to}",
            series.kind.word(),
            series.name,
            series.len(),
            step(series.step)
        ))?;
        let Some(prices) = series.prices() else {
            tell_more(series, None, output)?;
            continue;
        };
        tell_more(series, prices.volume.as_ref().map(|_| "volumes"), output)?;
    }
    output.line(format_args!("data hash   {}", found.hash()))
}

fn tell_more(series: &Series, has: Option<&str>, output: Output) -> Result<(), Failure> {
    output.line(format_args!("            hash {}", series.hash()))?;
    if let Some(has) = has {
        output.line(format_args!("            with {has}"))?;
    }
    if series.filled.rows > 0 {
        let (rows, longest) = (series.filled.rows, series.filled.longest);
        output.line(format_args!(
            "            missing rows that repeat the one before: {rows}, at most {longest} in a row"
        ))?;
    }
    if let Some((line, column, text)) = &series.rounding.first {
        let count = series.rounding.count;
        output.line(format_args!(
            "            rounded: {count} numbers of more than {} decimal places, the first `{text}` ({column}, line {line})",
            series.kind.places()
        ))?;
    }
    series.notes.iter().try_for_each(|note| output.line(format_args!("            {note}")))?;
    if !series.ignored.is_empty() {
        output.line(format_args!("            columns that say nothing known: {}", series.ignored.join(", ")))?;
    }
    Ok(())
}

pub(super) fn document(found: &DataSet) -> Value {
    let series = found.iter().map(|(file, series)| {
        json!({
            "kind": series.kind.word(), "name": series.name, "file": file, "first": series.begin, "last": last(series),
            "bars": series.len(), "step_secs": series.step, "hash": series.hash(), "rounded": series.rounding.count,
            "filled": series.filled.rows, "filled_longest": series.filled.longest, "notes": series.notes, "ignored_columns": series.ignored,
            "has_volumes": series.prices().is_some_and(|prices| prices.volume.is_some()),
        })
    });
    json!({
        "ok": true, "hash": found.hash(), "series": series.collect::<Vec<Value>>(),
        "kinds": Kind::ALL.map(|kind| json!({ "kind": kind.word(), "count": found.of(kind).count() })),
    })
}
