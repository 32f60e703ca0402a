//! `policy diff`.

use super::{
    super::{Exit, Failure, Output, args::DiffArgs},
    read_with_text,
};
use crate::verify::{Forecast, RECEIPT_VERSION, Receipt};
use quaestor_core::{Catalog, Policy, Terms};
use quaestor_policies::diff::{Activation, Change, Diff, Effort, Evidence, Judged, Mark, Overall, Under, Witness};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Version of the shape that follows governance-seatbelt's structured report.
const SEATBELT_SCHEMA_VERSION: u32 = 1;

pub(super) fn run(args: &DiffArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let (old, old_text) = read_with_text(&args.old, catalog)?;
    let (new, new_text) = read_with_text(&args.new, catalog)?;
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    output.progress("looking for witnesses …");
    let effort = Effort { trials: count(args.trials), random: count(args.random) };
    let diff = Diff::between(&old, &new, &effort);
    if let Some(folder) = &args.out {
        let written = write(folder, &diff, [&old_text, &new_text], catalog)?;
        output.progress(format_args!("{written} receipts in {}", folder.display()));
    }
    output.line(if args.md { diff.markdown() } else { diff.text() }.trim_end())?;
    let mut document = json!(diff);
    if let Value::Object(fields) = &mut document {
        fields.insert("warning".to_owned(), json!(diff.warning()));
        fields.insert("report".to_owned(), seatbelt(&diff, new.terms()));
    }
    output.document(&document)?;
    Ok(Exit::Ok)
}

/// Writes each witness as a receipt of who refuses and one of who allows; how many. A policy with one difference alone may
/// be no file by itself, such as one whose targets no longer sum up: of that there is no receipt.
fn write(folder: &Path, diff: &Diff, texts: [&str; 2], catalog: &Catalog) -> Result<usize, Failure> {
    let failed = |path: &Path, error| {
        let message = format!("{}: {error}; name a folder that can be written", path.display());
        Failure::new(Exit::Failed, message)
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut written = 0;
    for (place, change) in diff.changes.iter().enumerate() {
        for (direction, evidence) in [("widens", &change.opens), ("narrows", &change.closes)] {
            let Some(witness) = evidence.witness() else { continue };
            for (verdict, judged) in [("refused", &witness.refused), ("allowed", &witness.allowed)] {
                let path = folder.join(format!("{}-{direction}-{verdict}.json", place + 1));
                let receipt = receipt(judged, texts);
                if quaestor_policies::parse(receipt.policy.as_bytes(), catalog).is_err() {
                    continue;
                }
                fs::write(&path, receipt.bytes()).map_err(|error| failed(&path, error))?;
                written += 1;
            }
        }
    }
    Ok(written)
}

fn receipt(judged: &Judged, [old, new]: [&str; 2]) -> Receipt {
    Receipt {
        quaestor_receipt: RECEIPT_VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        policy: match judged.under {
            Under::Old => old.to_owned(),
            Under::New => new.to_owned(),
            Under::OldChanged | Under::NewUnchanged => judged.text.text.clone(),
        },
        anchor_assumed: true,
        forecast: Forecast::Stated(judged.forecast.clone()),
        snapshot: judged.snapshot.clone(),
        history: judged.history.clone(),
        intents: judged.intents.clone(),
        verdicts: judged.verdicts.clone(),
    }
}

/// The diff in the shape of governance-seatbelt's report: `structuredReport` with `checks`, `permissionsDiff` and
/// `metadata.schemaVersion`, as its `simulation-results.json` has it, so that what shows one shows the other. What it
/// simulates (calls, state, events) is not what this is about, and is empty.
fn seatbelt(diff: &Diff, terms: &Terms) -> Value {
    let checks: Vec<Value> = diff.changes.iter().map(check).chain([activation(diff)]).collect();
    let status = match diff.verdict {
        Overall::Same | Overall::Neutral | Overall::Narrows => "success",
        Overall::Widens | Overall::WidensAndNarrows => "warning",
        Overall::Unproven => "inconclusive",
    };
    let permissions: Vec<Value> = diff
        .changes
        .iter()
        .filter(|it| it.mark != Mark::Neutral)
        .map(|change| {
            json!({
                "kind": "policy_changed",
                "contractAddress": terms.registry.to_checksum(None),
                "contractName": "PolicyRegistry",
                "path": change.path,
                "previous": change.old,
                "next": change.new,
                "effect": change.mark,
                "witness": sentences(change),
            })
        })
        .collect();
    json!({
        "status": status,
        "structuredReport": {
            "title": format!("Policy change: {}", diff.new.name),
            "proposalText": "",
            "status": status,
            "summary": format!("{}: {}", diff.verdict.word(), diff.verdict.about()),
            "checks": checks,
            "permissionsDiff": permissions,
            "stateChanges": [],
            "events": [],
            "metadata": {
                "schemaVersion": SEATBELT_SCHEMA_VERSION,
                "chainId": terms.chain_id,
                "simulationType": "new",
                "policyHashOld": diff.old.hash,
                "policyHashNew": diff.new.hash,
            },
        },
    })
}

fn check(change: &Change) -> Value {
    let widens = change.opens.may_be();
    let open = matches!(change.opens, Evidence::NotFound { .. }) || matches!(change.closes, Evidence::NotFound { .. });
    let mut info: Vec<String> = change.effect.iter().cloned().collect();
    info.extend(sentences(change));
    json!({
        "checkId": format!("policy-diff:{}", change.path),
        "title": format!("{} {}", change.path, change.mark.word()),
        "status": if widens { "warning" } else { "passed" },
        "warningCount": u8::from(widens),
        "errorCount": 0,
        "details": format!("{} -> {}", named(change.old.as_deref()), named(change.new.as_deref())),
        "info": info,
        "data": { "mark": change.mark, "witnessMissing": open },
    })
}

fn named(value: Option<&str>) -> &str {
    value.unwrap_or("nothing")
}

fn sentences(change: &Change) -> Vec<String> {
    let witnesses: [Option<&Witness>; 2] = [change.opens.witness(), change.closes.witness()];
    witnesses.into_iter().flatten().map(|witness| witness.sentence.clone()).collect()
}

fn activation(diff: &Diff) -> Value {
    let warns = diff.warning();
    json!({
        "checkId": "policy-activation",
        "title": "When it would be in force",
        "status": if warns.is_some() { "warning" } else { "passed" },
        "warningCount": u8::from(warns.is_some()),
        "errorCount": 0,
        "details": diff.activation.sentence(),
        "info": warns.into_iter().collect::<Vec<_>>(),
        "data": { "delayed": matches!(diff.activation, Activation::Delayed { .. }) },
    })
}
