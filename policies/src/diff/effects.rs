//! What a difference means that no judge sees: when the agent decides, how long things last, what is sought.

use super::changes::Difference;
use crate::{
    print::{epsilon_text, written},
    read::values::{duration_text, time_text},
    voted::VotedPolicy,
    words::value_text,
};
use quaestor_core::{
    Policy, Value,
    policy::{FederationTerms, ModelFallback, ModelTerms, RiskTerms, Schedule},
    words,
};

/// Ticks that are counted of a schedule; of what comes more often, how soon so many have come.
const TICKS_MAX: usize = 1_000;
/// For how long they are counted: 52 weeks before the earlier expiry.
const COUNTED_SECS: u64 = 364 * 86_400;

pub(super) fn time(secs: u64) -> String {
    time_text(secs).unwrap_or_else(|| format!("{secs} s"))
}

/// A length of time, or none.
pub(super) fn length(secs: u64) -> String {
    match secs {
        0 => "0s".to_owned(),
        u64::MAX => "no limit".to_owned(),
        _ => duration_text(secs),
    }
}

pub(super) fn expiry(old: u64, new: u64) -> String {
    let (longer, between) = (new > old, new.abs_diff(old));
    let how = if longer { "later" } else { "earlier" };
    format!("permits nothing from {} on, {} {how}", time(new), length(between))
}

pub(super) fn review(new: u64) -> String {
    match new {
        u64::MAX => "no time is set at which the members look at it again".to_owned(),
        at => format!("the members mean to look at it again by {}; it permits the same", time(at)),
    }
}

/// When a strategy acts; what it may do then no judge asks it about.
pub(super) fn own_schedule(name: &str, is_set: bool) -> String {
    match is_set {
        true => {
            format!("{name} acts in the first decision after each tick of another schedule; what it may do is the same")
        }
        false => format!("{name} acts in every decision; what it may do is the same"),
    }
}

/// How far a swap may push the price in its pool, which the pool itself holds it to.
pub(super) fn price_impact(new: u64) -> String {
    match new {
        u64::MAX => "a swap may push the price in its pool as far as its least output lets it".to_owned(),
        bps => format!("a swap stops where its pool's price would be more than {bps} bps worse than that of the feeds"),
    }
}

/// What it means that others are named who may act on chain.
pub(super) const ROLES: &str =
    "who may act is what the chain says; where it says otherwise than is named nothing is proposed";

/// What another [federation] means for the models that are accepted.
pub(super) fn federation(key: &str, difference: &Difference, new: &FederationTerms) -> String {
    match key {
        "members" => match (&difference.old, &difference.new) {
            (None, Some(_)) if new.members.len() > 1 => "a model may know this member's records too".to_owned(),
            (Some(_), None) if !new.members.is_empty() => "no model may know this member's records".to_owned(),
            _ if new.members.is_empty() => "a model may know anybody's records".to_owned(),
            _ => "a model may know the records of these members alone".to_owned(),
        },
        "present_min" => {
            format!("a model must know records of {} at least", words::counted(new.present_min, "member"))
        }
        _ => "what members send is made into one in another way, so that other models are trained".to_owned(),
    }
}

pub(super) fn validity(old: u64, new: u64) -> String {
    if old == new {
        return format!("a proposal may be executed for {}, as before", length(new));
    }
    format!("a proposal may be executed for {}, before for {}", length(new), length(old))
}

pub(super) fn contract(key: &str) -> &'static str {
    match key {
        "registry" => "other owners, guardians, delay and ceilings hold",
        "brake" => "other guardians may stop the agent, and other operators may act",
        _ => "what was done once is counted there alone, so that it may be done again",
    }
}

pub(super) fn target(symbol: &str, old: u64, new: u64) -> String {
    format!("strategies return {symbol} to {new} bps of the treasury, before to {old}; none may leave its band for it")
}

/// Whether the new schedule comes more often, whether less often, and that in words.
pub(super) fn schedule(old: &VotedPolicy, new: &VotedPolicy) -> (bool, bool, String) {
    match (&old.terms().schedule, &new.terms().schedule) {
        (Schedule::EveryBlocks(before), Schedule::EveryBlocks(after)) => {
            let effect = format!("decides at every {after} blocks, before at every {before}");
            (after < before, after > before, effect)
        }
        (Schedule::Cron(_), Schedule::Cron(_)) => {
            let until = old.terms().expires_at.min(new.terms().expires_at);
            let (before, after) = (ticks(old, until), ticks(new, until));
            if before == after {
                return (false, false, "decides at the same times".to_owned());
            }
            let often = |ticks: &[u64]| match ticks {
                [first, .., last] if ticks.len() == TICKS_MAX => {
                    format!("{TICKS_MAX} times in {}", duration_text(last.saturating_sub(*first).max(1)))
                }
                ticks => format!("{} times in 52 weeks", ticks.len()),
            };
            // More ticks, or as many in less time.
            let pace = |ticks: &[u64]| (ticks.len(), std::cmp::Reverse(ticks.last().copied()));
            let (opens, closes) = match (before.len() == TICKS_MAX, after.len() == TICKS_MAX) {
                (true, true) => (pace(&after) > pace(&before), pace(&after) < pace(&before)),
                _ => (after.len() > before.len(), after.len() < before.len()),
            };
            let effect = format!("decides {}, before {}", often(&after), often(&before));
            (opens, closes, effect)
        }
        (before, after) => {
            let told = |schedule: &Schedule| match schedule {
                Schedule::Cron(line) => format!("at the ticks of `{line}`"),
                Schedule::EveryBlocks(blocks) => format!("at every {blocks} blocks"),
            };
            let effect = format!(
                "decides {}, before {}; which comes more often depends on the chain",
                told(after),
                told(before)
            );
            (true, true, effect)
        }
    }
}

fn ticks(policy: &VotedPolicy, until: u64) -> Vec<u64> {
    let ticks = policy.ticks(until.saturating_sub(COUNTED_SECS), until);
    ticks.map(|ticks| ticks.take(TICKS_MAX).collect()).unwrap_or_default()
}

pub(super) fn forecast(key: &str, old: &RiskTerms, new: &RiskTerms, ceilings: bool) -> String {
    let what = match key {
        "model" => format!("{} forecasts, before {}", model(&new.model), model(&old.model)),
        "fallback" => {
            let told = |fallback: ModelFallback| match fallback {
                ModelFallback::Ewma => "the plain estimate of volatility forecasts",
                ModelFallback::Hold => "nothing is proposed",
            };
            format!("without the model {}, before {}", told(new.fallback), told(old.fallback))
        }
        "history_step" => {
            let told = |secs: u64| if secs == 0 { "every one".to_owned() } else { format!("one in {}", length(secs)) };
            format!(
                "of a feed's rounds forecasts see {}, before {}",
                told(new.history_step_secs),
                told(old.history_step_secs)
            )
        }
        _ => format!("forecasts see {} rounds of each feed, before {}", new.history_rounds, old.history_rounds),
    };
    let bearing = if ceilings {
        "other forecasts are held against the ceilings, and nobody can say beforehand which"
    } else {
        "no ceiling looks at forecasts; strategies may"
    };
    format!("{what}; {bearing}")
}

/// What decides about models, where another one than before may forecast.
pub(super) fn other_model(what: String, other: bool) -> String {
    if !other {
        return what;
    }
    format!("{what}; a model that may not be used leaves its place to another forecast, which may be lower")
}

fn model(terms: &ModelTerms) -> String {
    match terms {
        ModelTerms::Ewma => "the plain estimate of volatility".to_owned(),
        ModelTerms::File { hash, age_secs_max } => {
            format!("the model file {hash} (at most {} old)", length(*age_secs_max))
        }
        ModelTerms::Trained { schedule, age_secs_max, auc_bps_min } => format!(
            "the newest model trained at `{schedule}` (at most {} old, area at least {auc_bps_min} bps)",
            length(*age_secs_max)
        ),
    }
}

pub(super) fn privacy(old: Option<u64>, new: Option<u64>) -> String {
    let told = |budget: Option<u64>| budget.map_or_else(|| "as much as it likes".to_owned(), epsilon_text);
    format!("training may spend ε {} on a record in a year, before {}", told(new), told(old))
}

pub(super) fn burn(old: Value, new: Value) -> String {
    format!("strategies reckon with {} a month, before {}", value_text(new), value_text(old))
}

pub(super) fn lookback(old: &RiskTerms, new: &RiskTerms) -> String {
    let (old, new) = (old.rate_lookback_blocks, new.rate_lookback_blocks);
    if old == new {
        return "what holds anyway".to_owned();
    }
    format!("strategies see what vaults earned over {new} blocks, before over {old}")
}

pub(super) fn parameter(name: &str, key: &str, difference: &Difference) -> String {
    if key == "kind" {
        return format!("{name} is another strategy: it wants other things, within what is permitted");
    }
    let told = |value: &Option<quaestor_core::strategy::ParamValue>| {
        value.as_ref().map_or_else(|| "nothing".to_owned(), written)
    };
    format!(
        "{name} wants by {key} = {}, before {}; it gets what is permitted",
        told(&difference.new),
        told(&difference.old)
    )
}
