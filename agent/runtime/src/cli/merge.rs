//! `merge`: parts of a sweep or of a Monte-Carlo simulation become what it would have been whole.

use super::{
    Exit, Failure, Output,
    args::MergeArgs,
    montecarlo::{self, Files},
    setup::configuration,
    sweep,
};
use crate::config::read_bounded;
use quaestor_simulations::{
    montecarlo as futures,
    part::{Found, Reader, join},
    sweep::{About, PART_KIND, Results, Row},
};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

/// Most bytes of a part that is read whole.
const PART_BYTES_MAX: u64 = 8 << 30;
/// Bytes of a first line that say of what it is.
const PEEK_BYTES: u64 = 1 << 16;

pub(super) fn run(args: &MergeArgs, output: Output) -> Result<Exit, Failure> {
    let is_futures = args.parts.iter().map(|path| is_futures(path)).collect::<Result<Vec<_>, _>>()?;
    if is_futures.iter().all(|is| *is) {
        return merge_futures(args, output);
    }
    if is_futures.iter().any(|is| *is) {
        return Err(configuration("these are parts of a sweep and of a Monte-Carlo simulation; name those of one run"));
    }
    merge_sweep(args, output)
}

fn opened(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path).map(BufReader::new).map_err(|error| configuration(format!("{}: {error}", path.display())))
}

/// Whether a part is of a Monte-Carlo simulation.
fn is_futures(path: &Path) -> Result<bool, Failure> {
    let mut line = Vec::new();
    let read = opened(path)?.take(PEEK_BYTES).read_until(b'\n', &mut line);
    read.map_err(|error| configuration(format!("{}: {error}", path.display())))?;
    let key = b"\"quaestor_part\"";
    Ok(line.windows(key.len()).any(|found| found == key))
}

fn merge_futures(args: &MergeArgs, output: Output) -> Result<Exit, Failure> {
    let read = |path: &PathBuf| {
        let failed = |error: &dyn std::fmt::Display| configuration(format!("{}: {error}", path.display()));
        let bytes = read_bounded(path, PART_BYTES_MAX).map_err(|error| failed(&error))?;
        let text = String::from_utf8(bytes).map_err(|error| failed(&error))?;
        futures::Part::parse(&text).map_err(|error| failed(&error))
    };
    let parts = args.parts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let (head, outcomes) = futures::join(parts).map_err(configuration)?;
    let results = futures::Results::of(&head, &outcomes);
    let (out, csv, parquet) =
        (args.results.out.as_deref(), args.results.csv.as_deref(), args.results.parquet.as_deref());
    montecarlo::finish(&head, &outcomes, &results, Files { out, csv, parquet }, "", output)
}

fn reader(path: &Path) -> Result<Reader<BufReader<File>, Row>, Failure> {
    Reader::open(&path.display().to_string(), PART_KIND, opened(path)?).map_err(configuration)
}

fn merge_sweep(args: &MergeArgs, output: Output) -> Result<Exit, Failure> {
    // Read twice: first to see whether they make a whole, so that one row at a time is enough memory.
    let survey = |path: &PathBuf| {
        let mut reader = reader(path)?;
        let head = reader.head().clone();
        reader.by_ref().try_for_each(|row| row.map(drop)).map_err(configuration)?;
        Ok(Found { name: path.display().to_string(), end: reader.at(), head })
    };
    let parts = args.parts.iter().map(survey).collect::<Result<Vec<Found>, Failure>>()?;
    let order = join(&parts).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        configuration(lines.join("\n"))
    })?;
    let about = About::of(&parts[0].head).map_err(|error| configuration(format!("{}: {error}", parts[0].name)))?;
    let heat = sweep::heat(&about, args.results.heat.as_deref())?;
    let mut results = Results::new(about);
    for place in order {
        for row in reader(&args.parts[place])? {
            results.push(row.map_err(configuration)?);
        }
    }
    sweep::Told::merged(&results, heat).finish(&args.results, output)?;
    Ok(Exit::Ok)
}
