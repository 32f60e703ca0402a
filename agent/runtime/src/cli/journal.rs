//! `journal show` and `journal verify`.

use super::{
    Exit, Failure, Output,
    args::{JournalArg, JournalCommand, JournalShowArgs},
};
use crate::{
    config::Config,
    journal::{JournalError, JournalReader, Row},
};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use std::path::PathBuf;

pub(super) fn run(command: &JournalCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        JournalCommand::Show(args) => show(args, output),
        JournalCommand::Verify(args) => verify(&args.journal, output),
    }
}

fn show(args: &JournalShowArgs, output: Output) -> Result<Exit, Failure> {
    let reader = JournalReader::open(&path(&args.journal)?)?;
    let from = match args.from {
        Some(from) => from,
        None => reader.head()?.0.saturating_sub(u64::from(args.limit)) + 1,
    };
    let rows = reader.rows(from, usize::from(args.limit))?;
    for row in &rows {
        output.line(format_args!("{}  {}  {}  {}", row.seq, time(row.unix_ms), row.kind, row.payload))?;
    }
    let documents = rows.iter().map(document).collect::<Result<Vec<_>, _>>()?;
    output.document(&json!({ "rows": documents }))?;
    Ok(Exit::Ok)
}

fn document(row: &Row) -> Result<Value, JournalError> {
    let payload: Value = row.decode()?;
    Ok(json!({
        "seq": row.seq, "unix_ms": row.unix_ms, "kind": row.kind, "payload": payload,
        "prev_hash": row.prev_hash, "row_hash": row.row_hash,
    }))
}

fn verify(journal: &JournalArg, output: Output) -> Result<Exit, Failure> {
    let path = path(journal)?;
    let verified = JournalReader::open(&path).and_then(|reader| reader.verify());
    let summary = verified.map_err(|error| match &error {
        // To find damage is what this command is for; elsewhere it is a journal that cannot be used.
        JournalError::Damaged { damage, .. } => {
            Failure::new(Exit::Failed, &error).with_detail(json!({ "damage": damage.to_string() }))
        }
        _ => Failure::from(error),
    })?;
    output.line(format_args!("{}: whole, {} rows, head {}", path.display(), summary.rows, summary.head))?;
    if let (Some(first), Some(last)) = (summary.first_unix_ms, summary.last_unix_ms) {
        output.line(format_args!("written from {} to {}", time(first), time(last)))?;
    }
    output.document(&json!({
        "ok": true, "rows": summary.rows, "head": summary.head,
        "first_unix_ms": summary.first_unix_ms, "last_unix_ms": summary.last_unix_ms,
    }))?;
    Ok(Exit::Ok)
}

fn path(journal: &JournalArg) -> Result<PathBuf, Failure> {
    match &journal.journal {
        Some(path) => Ok(path.clone()),
        None => Ok(Config::load(&journal.config.config)?.files.journal),
    }
}

fn time(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(DateTime::from_timestamp_millis);
    time.map_or_else(|| format!("{unix_ms} ms"), |time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
