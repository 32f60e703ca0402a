//! `policy judge`.

use super::{
    super::{Exit, Failure, Output, args::JudgeArgs},
    read_with_text,
};
use crate::{
    agent::BUNDLE_BYTES_MAX,
    config::read_bounded,
    risk::{Model, admit},
    verify::{Forecast, INTENTS_MAX, RECEIPT_VERSION, Receipt},
};
use alloy::primitives::keccak256;
use quaestor_core::{
    Catalog, History, Intent, Policy, RiskReport, Rule, Snapshot, Verdict,
    policy::{ModelTerms, RiskTerms},
};
use quaestor_policies::{Stated, VotedPolicy};
use quaestor_risk::{EwmaModel, learned::LearnedModel, model_file::FILE_BYTES_MAX};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fs, path::Path, sync::Arc};

pub(super) fn run(args: &JudgeArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let (policy, text) = read_with_text(&args.file, catalog)?;
    let snapshot: Snapshot = read(&args.snapshot, "a snapshot", "`snapshot` of a bundle")?;
    let history = match &args.history {
        Some(path) => read(path, "a history", "`history` of a bundle")?,
        None => History::default(),
    };
    let intents = intents(&args.intent)?;
    let forecast = forecast(args, &policy.terms().risk, snapshot.block.timestamp)?;
    let receipt = Receipt {
        quaestor_receipt: RECEIPT_VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        policy: text,
        anchor_assumed: args.assume_anchored,
        forecast: match &forecast {
            Judging::Model(model) => Forecast::Model(model.words()),
            Judging::Stated(stated) => Forecast::Stated(stated.0.clone()),
        },
        snapshot,
        history,
        intents,
        verdicts: Vec::new(),
    };
    let verdicts = match &forecast {
        Judging::Model(model) => receipt.judged(&policy, model),
        Judging::Stated(stated) => receipt.judged(&policy, stated),
    };
    let receipt = Receipt { verdicts, ..receipt };
    tell(args, &policy, &receipt, output)?;
    Ok(if receipt.is_allowed() { Exit::Ok } else { Exit::Failed })
}

fn tell(args: &JudgeArgs, policy: &VotedPolicy, receipt: &Receipt, output: Output) -> Result<(), Failure> {
    if let Some(path) = &args.out {
        let failed =
            |error| Failure::new(Exit::Failed, format!("{}: {error}; name a file that can be written", path.display()));
        fs::write(path, receipt.bytes()).map_err(failed)?;
    }
    let assumed = if args.assume_anchored { ", taken as the one in force" } else { "" };
    output.line(format_args!("policy    {}{assumed}", policy.hash()))?;
    output.line(format_args!("block     {} {}", receipt.block().number, receipt.block().hash))?;
    output.line(receipt.told(policy))?;
    let is_other = |verdict: &Verdict| matches!(verdict, Verdict::Refused(it) if it.rule == Rule::PolicyAnchored);
    if receipt.verdicts.iter().any(is_other) {
        output.line("to judge as if this file were the policy in force, add --assume-anchored")?;
    }
    if let Some(path) = &args.out {
        let path = path.display();
        output.line(format_args!("{path} says all of it; check it with `quaestor verify {path}`"))?;
    }
    output.document(receipt)
}

/// Where the forecast comes from.
enum Judging {
    Model(Model),
    Stated(Stated),
}

fn forecast(args: &JudgeArgs, risk: &RiskTerms, now: u64) -> Result<Judging, Failure> {
    if let Some(path) = &args.forecast {
        let form =
            "`{\"model\": \"0x…\", \"volatility\": [], \"correlation\": [], \"treasury_volatility_bps\": 3000, …}`";
        return read::<RiskReport>(path, "a forecast", form).map(|report| Judging::Stated(Stated(report)));
    }
    if let Some(path) = &args.model {
        let model = learned(path)?;
        let refused = |why| {
            let message =
                format!("{}: the policy does not let it forecast: {why}; name the model that it names", path.display());
            Failure::new(Exit::Configuration, message)
        };
        admit(risk, &model, now).map_err(refused)?;
        return Ok(Judging::Model(model));
    }
    match &risk.model {
        ModelTerms::Ewma => Ok(Judging::Model(Model::Ewma(EwmaModel::default()))),
        _ if !risk.has_ceilings() => Ok(Judging::Stated(Stated(RiskReport::default()))),
        named => {
            let which = match named {
                ModelTerms::File { hash, .. } => format!("the model file of hash {hash}"),
                _ => "a model that was trained here".to_owned(),
            };
            let message = format!(
                "the policy has ceilings on what {which} forecasts; name that file with --model, or state a forecast with \
                 --forecast"
            );
            Err(Failure::new(Exit::Configuration, message))
        }
    }
}

fn learned(path: &Path) -> Result<Model, Failure> {
    let wrong =
        |why: String| Failure::new(Exit::Configuration, format!("{}: {why}; name a model file", path.display()));
    let most = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read_bounded(path, most).map_err(|error| wrong(error.to_string()))?;
    let model = LearnedModel::parse(&bytes, keccak256(&bytes)).map_err(|error| wrong(error.to_string()))?;
    Ok(Model::Learned(Arc::new(model)))
}

/// One intent, or a list of them.
fn intents(path: &Path) -> Result<Vec<Intent>, Failure> {
    let form = "`decision.judged[].intent` of a bundle";
    let bytes = bytes_of(path, "an intent", form)?;
    let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let intents: Vec<Intent> = if is_list {
        parse(&bytes, path, "a list of intents", form)?
    } else {
        vec![parse(&bytes, path, "an intent", form)?]
    };
    if (1..=INTENTS_MAX).contains(&intents.len()) {
        return Ok(intents);
    }
    let message = format!("{}: has {} intents; write 1 to {INTENTS_MAX}", path.display(), intents.len());
    Err(Failure::new(Exit::Configuration, message))
}

fn read<T: DeserializeOwned + Serialize>(path: &Path, what: &str, form: &str) -> Result<T, Failure> {
    parse(&bytes_of(path, what, form)?, path, what, form)
}

fn bytes_of(path: &Path, what: &str, form: &str) -> Result<Vec<u8>, Failure> {
    read_bounded(path, BUNDLE_BYTES_MAX).map_err(|error| {
        let message = format!("{}: {error}; name a file with {what} in the form of {form}", path.display());
        Failure::new(Exit::Configuration, message)
    })
}

/// What the file holds: JSON, whole, and with nothing in it that would be overlooked.
fn parse<T: DeserializeOwned + Serialize>(bytes: &[u8], path: &Path, what: &str, form: &str) -> Result<T, Failure> {
    let wrong = |message: String| Failure::new(Exit::Configuration, format!("{}:{message}", path.display()));
    let found: T = serde_json::from_slice(bytes).map_err(|error| {
        let (line, column, told) = (error.line(), error.column(), error.to_string());
        let told = told.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&told);
        wrong(format!("{line}:{column}: {told}; write {what} in the form of {form}"))
    })?;
    let (written, meant) = (serde_json::from_slice(bytes).unwrap_or_default(), serde_json::to_value(&found));
    match overlooked("", &written, &meant.unwrap_or_default()) {
        Some(place) => Err(wrong(format!(" {place} is no part of {what}; remove it, or write what is meant"))),
        None => Ok(found),
    }
}

/// JSON pointer of the first key that was read as nothing.
fn overlooked(at: &str, written: &Value, meant: &Value) -> Option<String> {
    match (written, meant) {
        (Value::Object(written), Value::Object(meant)) => written.iter().find_map(|(key, value)| {
            let at = format!("{at}/{key}");
            match meant.get(key) {
                Some(meant) => overlooked(&at, value, meant),
                // What may be left out may be `null` too.
                None => (!value.is_null()).then_some(at),
            }
        }),
        (Value::Array(written), Value::Array(meant)) => {
            let pairs = written.iter().zip(meant).enumerate();
            pairs.into_iter().find_map(|(index, (written, meant))| overlooked(&format!("{at}/{index}"), written, meant))
        }
        _ => None,
    }
}
