//! `[risk]`: ceilings on what is forecast, what a breach does, and which model forecasts.

use super::values::{self, SHARE_BPS_MAX};
use crate::document::{Field, Report, Section};
use quaestor_core::{
    Terms, Value,
    policy::{ModelFallback, ModelTerms, OnBreach, RiskTerms, Schedule},
};

/// Largest volatility ceiling: 1000 % a year.
const HISTORY_STEP_SECS_MIN: u64 = 3_600;
const HISTORY_STEP_SECS_MAX: u64 = 604_800;
const VOLATILITY_BPS_MAX: u64 = 100_000;
/// Largest yearly ε, thousandths. More protects nothing.
const EPSILON_PERMILLE_MAX: u64 = 1_000_000;
/// Rounds of each feed in a snapshot when the policy does not say.
pub(crate) const HISTORY_ROUNDS_DEFAULT: u16 = 128;
const HISTORY_ROUNDS_MIN: u64 = 2;
const HISTORY_ROUNDS_MAX: u64 = 512;

/// Blocks between the two readings of a vault's rate when a policy with vaults does not say: a week of blocks of twelve
/// seconds.
pub(super) const RATE_LOOKBACK_BLOCKS_DEFAULT: u64 = 50_400;
/// Most such blocks: a year of blocks of a quarter of a second, less would be missing on fast chains.
const RATE_LOOKBACK_BLOCKS_MAX: u64 = 126_144_000;

pub(super) const RISK_KEYS: [&str; 12] = [
    "volatility_bps_max",
    "value_at_risk_bps_max",
    "expected_shortfall_bps_max",
    "drawdown_probability_bps_max",
    "on_breach",
    "fallback",
    "history_rounds",
    "history_step",
    "rate_lookback_blocks",
    "burn_monthly",
    "epsilon_year_max",
    "model",
];

/// Keys of the model, of each kind: `ewma`, `file`, `trained`.
pub(super) const MODEL_KEYS: [&[&str]; 3] =
    [&["kind"], &["kind", "hash", "age_max"], &["kind", "schedule", "age_max", "auc_bps_min"]];

/// Ceilings, from zero to the greatest that each may be, and where each stands.
pub(crate) type Ceiling = (&'static str, u64, fn(&mut RiskTerms) -> &mut Option<u64>);
pub(crate) const CEILINGS: [Ceiling; 4] = [
    ("volatility_bps_max", VOLATILITY_BPS_MAX, |risk| &mut risk.volatility_bps_max),
    ("value_at_risk_bps_max", SHARE_BPS_MAX, |risk| &mut risk.value_at_risk_bps_max),
    ("expected_shortfall_bps_max", SHARE_BPS_MAX, |risk| &mut risk.expected_shortfall_bps_max),
    ("drawdown_probability_bps_max", SHARE_BPS_MAX, |risk| &mut risk.drawdown_probability_bps_max),
];

/// What it says of risk.
pub(super) fn risk(root: &Section<'_>, report: &mut Report<'_>) -> RiskTerms {
    let unsaid = RiskTerms { history_rounds: HISTORY_ROUNDS_DEFAULT, ..RiskTerms::default() };
    let Some(section) = root.may("risk").and_then(|field| field.section(report)) else { return unsaid };
    section.only(report, &RISK_KEYS);
    let rounds = section.may("history_rounds");
    let rounds = rounds.and_then(|field| field.integer(report, HISTORY_ROUNDS_MIN, HISTORY_ROUNDS_MAX));
    let lookback = section.may("rate_lookback_blocks");
    let lookback = lookback.and_then(|field| field.integer(report, 1, RATE_LOOKBACK_BLOCKS_MAX));
    let mut ceilings = RiskTerms::default();
    for (key, most, place) in CEILINGS {
        *place(&mut ceilings) = section.may(key).and_then(|field| field.integer(report, 0, most));
    }
    let on_breach = [("only-reduce", OnBreach::OnlyReduce), ("hold", OnBreach::Hold)];
    let fallback = [("ewma", ModelFallback::Ewma), ("hold", ModelFallback::Hold)];
    RiskTerms {
        history_rounds: rounds.and_then(|number| u16::try_from(number).ok()).unwrap_or(HISTORY_ROUNDS_DEFAULT),
        history_step_secs: section.may("history_step").and_then(|field| step(report, &field)).unwrap_or_default(),
        rate_lookback_blocks: lookback.unwrap_or_default(),
        on_breach: section
            .may("on_breach")
            .and_then(|field| values::choice(report, &field, &on_breach))
            .unwrap_or_default(),
        fallback: section
            .may("fallback")
            .and_then(|field| values::choice(report, &field, &fallback))
            .unwrap_or_default(),
        burn_monthly: section.may("burn_monthly").and_then(|field| money(report, &field)).unwrap_or_default(),
        epsilon_permille_year_max: section.may("epsilon_year_max").and_then(|field| epsilon(report, &field)),
        model: section
            .may("model")
            .and_then(|field| field.section(report))
            .and_then(|section| model(&section, report))
            .unwrap_or_default(),
        ..ceilings
    }
}

/// What is paid in a month, from the budget lines: where the file does not say, and where it says less than they come to.
pub(super) fn burn(report: &mut Report<'_>, terms: &mut Terms) {
    let said = "risk.burn_monthly";
    let Some(budget) = terms.budget_monthly() else {
        report.conflict("payments", "come to more money than can be counted; lower an amount");
        return;
    };
    if !report.is_there(said) {
        terms.risk.burn_monthly = budget;
    } else if terms.risk.burn_monthly < budget && !report.has_problem_in(said) {
        // Up to the next cent, for whoever writes what is said here should be believed.
        let (found, least) = (terms.risk.burn_monthly.display(), values::up_to_cents(budget).display());
        let message =
            format!("is {found} USD, and the budget lines alone pay {least} in thirty days; write as much or more");
        report.conflict(said, message);
    }
}

fn model(section: &Section<'_>, report: &mut Report<'_>) -> Option<ModelTerms> {
    #[derive(Clone, Copy)]
    enum Kind {
        Ewma,
        File,
        Trained,
    }
    let kinds = [("ewma", Kind::Ewma), ("file", Kind::File), ("trained", Kind::Trained)];
    let kind = section.need(report, "kind", "\"file\"").and_then(|field| values::choice(report, &field, &kinds))?;
    let [ewma, file, trained] = MODEL_KEYS;
    let keys = match kind {
        Kind::Ewma => ewma,
        Kind::File => file,
        Kind::Trained => trained,
    };
    section.only(report, keys);
    let age = |report: &mut Report<'_>| {
        let field = section.need(report, "age_max", "\"90d\"")?;
        values::duration(report, &field)
    };
    match kind {
        Kind::Ewma => Some(ModelTerms::Ewma),
        Kind::File => {
            let hash = section.need(report, "hash", "\"0x…\"").and_then(|field| values::hash(report, &field));
            let age_secs_max = age(report);
            Some(ModelTerms::File { hash: hash?, age_secs_max: age_secs_max? })
        }
        Kind::Trained => {
            let line = section.need(report, "schedule", "\"0 0 3 * * Mon\"");
            let line = line.and_then(|field| values::cron(report, &field));
            let age_secs_max = age(report);
            let score = section.need(report, "auc_bps_min", "6000");
            let score = score.and_then(|field| field.integer(report, 0, SHARE_BPS_MAX));
            let Some(Schedule::Cron(schedule)) = line else { return None };
            Some(ModelTerms::Trained { schedule, age_secs_max: age_secs_max?, auc_bps_min: score? })
        }
    }
}

/// A sum in the quote currency, such as `120000 USD`.
fn money(report: &mut Report<'_>, field: &Field<'_>) -> Option<Value> {
    let text = field.text(report, "120000 USD")?;
    let value = text.strip_suffix(" USD").and_then(|number| Value::parse(number).ok());
    if value.is_none() {
        report.value(&field.path, format!("`{text}` is not a sum of money; write such as `\"120000 USD\"`"));
    }
    value
}

/// A decimal such as `8` or `2.5`, with three places at most, in thousandths.
fn step(report: &mut Report<'_>, field: &Field<'_>) -> Option<u64> {
    let found = values::duration(report, field)?;
    if !(HISTORY_STEP_SECS_MIN..=HISTORY_STEP_SECS_MAX).contains(&found) {
        report.value(&field.path, "is no distance between prices of the past; write `1h` to `7d`, such as `12h`");
        return None;
    }
    Some(found)
}

fn epsilon(report: &mut Report<'_>, field: &Field<'_>) -> Option<u64> {
    let text = field.text(report, "8")?;
    let found = epsilon_permille(text).filter(|permille| (1..=EPSILON_PERMILLE_MAX).contains(permille));
    if found.is_none() {
        let message = "is not a privacy budget; write a decimal above 0 with three places at most, such as `\"8\"`";
        report.value(&field.path, format!("`{text}` {message}"));
    }
    found
}

/// Thousandths of a decimal with three places at most.
pub(crate) fn epsilon_permille(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || fraction.len() > 3 {
        return None;
    }
    format!("{whole}{fraction:0<3}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::epsilon_permille;

    #[test]
    fn a_privacy_budget_is_read_exactly() {
        for (text, permille) in [("8", 8_000), ("2.5", 2_500), ("0.125", 125), ("10.0", 10_000)] {
            assert_eq!(epsilon_permille(text), Some(permille), "{text}");
        }
        for bad in ["", ".", "8.", ".5", "1e3", "-1", "0.0001", "8 ", "٨"] {
            assert_eq!(epsilon_permille(bad), None, "{bad}");
        }
    }
}
