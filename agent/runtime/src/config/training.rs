//! `[training]`: what the agent trains models from.

use super::{
    TRAINING_RECORDS_MAX, TRAINING_STABLE_MAX, TrainingConfig,
    read::one_path,
    section::{Reader, Section},
};
use crate::learning::{Fit, Rule};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

const TEST_DAYS: (u64, u64) = (14, 3_650);
const TEST_DAYS_DEFAULT: u64 = 90;
const TREES: (u64, u64) = (1, 1_000);
const TREES_DEFAULT: u64 = 100;
const NOISE_MULTIPLIER: (f64, f64) = (0.1, 10_000.0);
/// A voted ε is at this δ or a smaller one: a larger one would stretch the budget.
const DELTA: (f64, f64) = (1e-12, 1e-5);
const DELTA_DEFAULT: f64 = 1e-5;

/// `None` if there is no such table, or it has problems; those are reported.
pub(super) fn training<'t>(reader: &mut Reader<'t>, root: &mut Section<'t>, base: &Path) -> Option<TrainingConfig> {
    let mut section = reader.section_if_given(root, "training")?;
    let here = &mut section;
    let prices = reader.text(here, "prices", "the path of a folder or file of daily prices");
    let prices = prices.and_then(|(text, span)| one_path(reader, base, &text, span));
    let records = records(reader, here, base);
    let stable = stable(reader, here);
    let test_days = reader.integer(here, "test_days", TEST_DAYS, Some(TEST_DAYS_DEFAULT));
    let aggregation = aggregation(reader, here);
    let drawdown_fit = drawdown_fit(reader, here);
    let trees = reader.integer(here, "trees", TREES, Some(TREES_DEFAULT));
    let with_noise = here.has("noise_multiplier");
    let noise_multiplier = reader.number(here, "noise_multiplier", NOISE_MULTIPLIER);
    if !with_noise && here.has("delta") {
        reader.problem(here.place(), "`training.delta` says nothing without noise; write `noise_multiplier` beside it");
    }
    let delta = if here.has("delta") { reader.number(here, "delta", DELTA) } else { Some(DELTA_DEFAULT) };
    if !with_noise && here.has("exact_scores") {
        let message = "`training.exact_scores` says nothing without noise; write `noise_multiplier` beside it";
        reader.problem(here.place(), message);
    }
    let exact_scores = reader.flag(here, "exact_scores");
    let keys = [
        "prices",
        "records",
        "stable",
        "test_days",
        "aggregation",
        "drawdown_fit",
        "trees",
        "noise_multiplier",
        "delta",
        "exact_scores",
    ];
    reader.close(section, &keys);
    Some(TrainingConfig {
        prices: prices?,
        records: records?,
        stable: stable?,
        // Within their ranges both fit.
        test_days: u32::try_from(test_days?).ok()?,
        aggregation: aggregation?,
        drawdown_fit: drawdown_fit?,
        trees: u16::try_from(trees?).ok()?,
        noise_multiplier,
        delta: delta?,
        exact_scores: exact_scores?,
    })
}

/// Files of members; each is known by its file's name, so no two may share it.
fn records<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, base: &Path) -> Option<Vec<PathBuf>> {
    let wanted = "paths of members' records, such as [\"records/own.csv\"]";
    if !section.has("records") {
        reader.problem(section.place(), format!("`training.records` is missing; write {wanted}"));
        return None;
    }
    let texts = reader.texts(section, "records", wanted)?;
    if let Some((_, span)) = texts.get(TRAINING_RECORDS_MAX) {
        reader.problem(span.clone(), format!("too many members; write at most {TRAINING_RECORDS_MAX}"));
    }
    let (mut names, mut paths) = (Vec::with_capacity(texts.len()), Vec::with_capacity(texts.len()));
    for (text, span) in texts {
        let path = one_path(reader, base, &text, span.clone())?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
        if names.contains(&name) {
            let message =
                format!("the member `{}` comes twice; give each file a name of its own", name.unwrap_or_default());
            reader.problem(span, message);
        } else {
            names.push(name);
        }
        paths.push(path);
    }
    Some(paths)
}

fn stable<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>) -> Option<Vec<String>> {
    if !section.has("stable") {
        return Some(vec!["USDC".to_owned()]);
    }
    let texts = reader.texts(section, "stable", "symbols of stable assets, such as [\"USDC\"]")?;
    if let Some((_, span)) = texts.get(TRAINING_STABLE_MAX) {
        reader.problem(span.clone(), format!("too many symbols; write at most {TRAINING_STABLE_MAX}"));
    }
    Some(texts.into_iter().map(|(text, _)| text).collect())
}

fn aggregation<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>) -> Option<Rule> {
    let (text, span) = reader.text_or(section, "aggregation", "weighted-mean")?;
    let found = Rule::from_str(&text, false).ok();
    if found.is_none() {
        let rules = Rule::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let rules: Vec<String> = rules.map(|rule| format!("\"{}\"", rule.get_name())).collect();
        reader.problem(span, format!("`{text}` is no way to add members up; write one of {}", rules.join(", ")));
    }
    found
}

fn drawdown_fit<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>) -> Option<Fit> {
    let (text, span) = reader.text_or(section, "drawdown_fit", "newton")?;
    let found = Fit::from_str(&text, false).ok();
    match found {
        None => {
            let message = format!("`{text}` is no way to fit a drawdown; write \"newton\" or \"fedavg\"");
            reader.problem(span, message);
        }
        Some(Fit::FedAvg) if section.has("noise_multiplier") => {
            let message = "`fedavg` averages parameters, in which no noise hides a record; write \"newton\", or leave \
                           `noise_multiplier` out";
            reader.problem(span, message);
        }
        Some(_) => {}
    }
    found
}
