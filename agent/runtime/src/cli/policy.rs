//! `policy check`, `policy hash`, and what has a file of its own.

mod audit;
mod diff;
mod explain;
mod fetch;
mod impact;
mod judge;
pub(super) mod new;
mod propose;
mod verify;

use super::{
    Exit, Failure, Output,
    args::{PolicyArgs, PolicyCommand},
    block_on,
};
use crate::{config::read_bounded, deploy::SLOTS};
use chrono::{DateTime, SecondsFormat};
use quaestor_core::{Catalog, Envelope, Policy, words};
use quaestor_policies::{FILE_BYTES_MAX, Problems, VotedPolicy};
use serde_json::json;
use std::{io::ErrorKind, path::Path};

pub(super) fn run(command: &PolicyCommand, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Check(args) => check(args, &read(&args.file, catalog)?, output),
        PolicyCommand::Hash(args) => hash(&read(&args.file, catalog)?, output),
        PolicyCommand::Audit(args) => block_on(audit::run(args, catalog, output)),
        PolicyCommand::Impact(args) => impact::run(args, catalog, output),
        PolicyCommand::Fetch(args) => block_on(fetch::run(args, output)),
        PolicyCommand::Propose(args) => block_on(propose::run(args, catalog, output)),
        PolicyCommand::Verify(args) => block_on(verify::run(args, catalog, output)),
        PolicyCommand::Judge(args) => judge::run(args, catalog, output),
        PolicyCommand::Explain(args) => explain::run(args, catalog, output),
        PolicyCommand::New(args) => new::run(args, catalog, output),
        PolicyCommand::Diff(args) => diff::run(args, catalog, output),
    }
}

/// The policy in the file at `path`.
pub(super) fn read(path: &Path, catalog: &Catalog) -> Result<VotedPolicy, Failure> {
    read_with_text(path, catalog).map(|(policy, _)| policy)
}

/// The policy in the file at `path`, and its exact text.
fn read_with_text(path: &Path, catalog: &Catalog) -> Result<(VotedPolicy, String), Failure> {
    let file = path.display().to_string();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let failed = |problems: Problems| {
        let problems = problems.in_file(file.clone());
        Failure::new(Exit::Configuration, &problems).with_detail(json!(problems))
    };
    let bytes = match read_bounded(path, limit) {
        Ok(bytes) => bytes,
        // The language itself says that the file is too large.
        Err(error) if error.kind() == ErrorKind::FileTooLarge => return Err(failed(Problems::too_large())),
        Err(error) => return Err(Failure::new(Exit::Configuration, format!("{file}: {error}; name a policy file"))),
    };
    let policy = quaestor_policies::parse(&bytes, catalog).map_err(failed)?;
    // The language reads nothing but UTF-8.
    Ok((policy, String::from_utf8_lossy(&bytes).into_owned()))
}

fn check(args: &PolicyArgs, policy: &VotedPolicy, output: Output) -> Result<Exit, Failure> {
    let terms = policy.terms();
    let expires = i64::try_from(terms.expires_at).ok().and_then(|secs| DateTime::from_timestamp(secs, 0));
    let expires = expires
        .map_or_else(|| format!("at {} s", terms.expires_at), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    let strategies: Vec<_> = terms.strategies.iter().map(|strategy| strategy.name.as_str()).collect();
    let warnings = policy.warnings();
    let counted = match warnings.len() {
        0 => String::new(),
        many => format!(", {}", words::counted(u64::try_from(many).unwrap_or(u64::MAX), "warning")),
    };
    output.line(format_args!("{}: no problems{counted}", args.file.display()))?;
    output.line(format_args!("name        {}", terms.name))?;
    output.line(format_args!("chain       eip155:{}", terms.chain_id))?;
    output.line(format_args!("expires     {expires}"))?;
    output.line(format_args!("accounts    {}", names(terms.accounts.iter().map(|account| account.name.as_str()))))?;
    output.line(format_args!("assets      {}", names(terms.assets.iter().map(|asset| asset.symbol.as_str()))))?;
    output.line(format_args!("strategies  {}", names(strategies.iter().copied())))?;
    for warning in &warnings {
        output.line(format_args!("warning: {}:{warning}", args.file.display()))?;
    }
    output.document(&json!({
        "ok": true, "file": args.file, "hash": policy.hash(), "warnings": warnings, "name": terms.name, "chain_id": terms.chain_id,
        "expires_at": terms.expires_at,
        "accounts": terms.accounts.iter().map(|account| &account.name).collect::<Vec<_>>(),
        "assets": terms.assets.iter().map(|asset| &asset.symbol).collect::<Vec<_>>(),
        "strategies": strategies,
    }))?;
    Ok(Exit::Ok)
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn hash(policy: &VotedPolicy, output: Output) -> Result<Exit, Failure> {
    let envelope = policy.envelope();
    output.line(format_args!("hash       {}", policy.hash()))?;
    output.line(format_args!("rest hash  {}", policy.rest_hash()))?;
    let set: Vec<_> = SLOTS.iter().filter_map(|(key, slot)| Some((slot, key, number(&envelope, *slot)?))).collect();
    for (slot, key, number) in &set {
        output.line(format_args!("slot {slot:>2}    {key} = {number}"))?;
    }
    let slots = set.iter().map(|(slot, key, number)| json!({ "slot": slot, "key": key, "value": number }));
    output.document(&json!({
        "hash": policy.hash(), "rest_hash": policy.rest_hash(), "envelope": slots.collect::<Vec<_>>(),
    }))?;
    Ok(Exit::Ok)
}

/// The number of a slot; `None` at its widest, which is what an unset slot has.
fn number(envelope: &Envelope, slot: usize) -> Option<u64> {
    let widest = if slot < 16 { u64::MAX } else { 0 };
    envelope.get(slot).copied().filter(|number| *number != widest)
}
