//! `compare`: what two backtests have in common, and in which figures they differ.

use super::{
    Exit, Failure, Output,
    args::CompareArgs,
    differences::{Differences, GROUNDS},
};
use crate::config::read_bounded;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Most bytes of a result.
const RESULT_BYTES_MAX: u64 = 256 << 20;
/// What must be the same for figures to speak of the same time.
const SAME_TIME: [&str; 3] = ["data_hash", "from", "to"];

pub(super) fn run(args: &CompareArgs, output: Output) -> Result<Exit, Failure> {
    let [a, b] = [read(&args.a)?, read(&args.b)?];
    let grounds = grounds(&a, &b);
    let mut differs = Vec::new();
    for (key, name, is_same) in &grounds {
        output.line(format_args!("{name:<14}{}", if *is_same { "the same" } else { "differs" }))?;
        if !is_same {
            differs.push(*key);
        }
    }
    let is_same_time = !differs.iter().any(|key| SAME_TIME.contains(key));
    if !is_same_time {
        output.warn("these are not of the same data and time, so that their figures do not compare policies");
    }
    output.line("")?;
    let differences = Differences { a: &a, b: &b };
    differences.tell(["A", "B"], output)?;
    let mut document = differences.document();
    document["differs"] = json!(differs);
    document["is_same_time"] = json!(is_same_time);
    output.document(&document)?;
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let file = path.display();
    let failed = |why: &dyn std::fmt::Display| Failure::new(Exit::Configuration, format!("{file}: {why}"));
    let bytes = read_bounded(path, RESULT_BYTES_MAX).map_err(|error| failed(&error))?;
    let found: Value = serde_json::from_slice(&bytes).map_err(|error| failed(&error))?;
    match found {
        // Of one run, and not of many futures, scenarios or configurations.
        Value::Object(fields) if fields.contains_key("data_hash") && fields.contains_key("final_value") => Ok(fields),
        _ => Err(failed(&"is no result of a backtest; write one with `quaestor backtest … --json > a.json`")),
    }
}

/// Of each of [`GROUNDS`] that one of the two names: whether it is the same.
fn grounds(a: &Map<String, Value>, b: &Map<String, Value>) -> Vec<(&'static str, &'static str, bool)> {
    let is_named = |key: &str| a.contains_key(key) || b.contains_key(key);
    GROUNDS
        .iter()
        .filter(|(key, _)| is_named(key))
        .map(|(key, name)| (*key, *name, a.get(*key) == b.get(*key)))
        .collect()
}
