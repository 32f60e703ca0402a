//! What forecasts of risk may stop.

use super::{Section, Told, moments, pace};
use quaestor_core::{
    Rule, Value,
    policy::{FederationTerms, ModelFallback, ModelTerms, OnBreach, OnlyReduce, RiskTerms},
    words,
};
use std::str::FromStr;

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("What forecasts of risk may stop");
    let RiskTerms {
        history_rounds,
        history_step_secs,
        rate_lookback_blocks,
        volatility_bps_max,
        value_at_risk_bps_max,
        expected_shortfall_bps_max,
        drawdown_probability_bps_max,
        on_breach,
        model,
        fallback,
        burn_monthly,
        epsilon_permille_year_max,
        only_reduce,
        federation,
    } = &told.terms.risk;
    say_model(&mut section, model, *fallback);
    let ceilings = [
        ("volatility_bps_max", "the treasury's volatility of a year", Rule::VolatilityBpsMax, *volatility_bps_max),
        (
            "value_at_risk_bps_max",
            "the treasury's value at risk, a loss that is seldom exceeded,",
            Rule::ValueAtRiskBpsMax,
            *value_at_risk_bps_max,
        ),
        (
            "expected_shortfall_bps_max",
            "the treasury's expected shortfall, the mean of the losses beyond that,",
            Rule::ExpectedShortfallBpsMax,
            *expected_shortfall_bps_max,
        ),
        (
            "drawdown_probability_bps_max",
            "the probability of a drawdown of the treasury",
            Rule::DrawdownProbabilityBpsMax,
            *drawdown_probability_bps_max,
        ),
    ];
    for (key, what, rule, ceiling) in ceilings {
        say_ceiling(&mut section, model, &format!("risk.{key}"), what, (rule, ceiling));
    }
    let breach = match on_breach {
        OnBreach::OnlyReduce => format!("only what reduces risk is allowed: {}", only_reduce.in_words()),
        OnBreach::Hold => "nothing is allowed".to_owned(),
    };
    let text = match told.terms.risk.has_ceilings() {
        true => format!("Above a ceiling, or where its forecast is unknown, {breach}."),
        false => format!("So no forecast stops anything. Above a ceiling, if there were one, {breach}."),
    };
    section.say(text, &["risk.on_breach", "emergency.only_reduce"], &[]);
    if *on_breach == OnBreach::Hold && *only_reduce != OnlyReduce::default() {
        let text = format!("What reduces risk would be, if that were allowed: {}.", only_reduce.in_words());
        section.say(text, &["emergency.only_reduce"], &[]);
    }
    say_history(told, &mut section, (*history_rounds, *history_step_secs), *rate_lookback_blocks);
    match *burn_monthly {
        Value::ZERO => section.say("It is not said what the DAO pays in a month.", &["risk.burn_monthly"], &[]),
        burn => {
            let text =
                format!("The DAO pays {} in thirty days, by which months of runway are measured.", words::sum(burn));
            section.say(text, &["risk.burn_monthly"], &[]);
        }
    }
    say_privacy(&mut section, *epsilon_permille_year_max);
    if *model != ModelTerms::Ewma || *federation != FederationTerms::default() {
        say_federation(&mut section, federation);
    }
    section
}

fn say_model(section: &mut Section, model: &ModelTerms, fallback: ModelFallback) {
    let without = match fallback {
        ModelFallback::Ewma => {
            "Without such a model it forecasts from past changes of prices alone, and what cannot be forecast so is unknown."
        }
        ModelFallback::Hold => "Without such a model nothing is proposed.",
    };
    match model {
        ModelTerms::Ewma => {
            let text = "Risk is forecast from past changes of prices alone, the newest of which weigh most (EWMA). That needs \
                        no training, and forecasts volatility and nothing else.";
            section.say(text, &["risk.model.kind"], &[Rule::ModelInForce]);
            if fallback == ModelFallback::Hold {
                let text = "If it could not forecast so, nothing would be proposed.";
                section.say(text, &["risk.fallback"], &[]);
            }
            return;
        }
        ModelTerms::File { hash, age_secs_max } => {
            let text = format!(
                "Risk is forecast by the model whose file has the hash {hash}, until its last training day is {} past.",
                words::duration(*age_secs_max)
            );
            section.say(text, &["risk.model.kind", "risk.model.hash", "risk.model.age_max"], &[Rule::ModelInForce]);
        }
        ModelTerms::Trained { schedule, age_secs_max, auc_bps_min } => {
            let when =
                cron::Schedule::from_str(schedule).map_or_else(|_| schedule.clone(), |it| moments::in_words(&it));
            let text = format!(
                "Risk is forecast by the newest model that the operators trained, {when}: until its last training day is {} \
                 past, and only if, of a day before a drawdown and one before none, it tells in {} of all pairs which is \
                 which (AUC, on later days than it was trained on).",
                words::duration(*age_secs_max),
                words::share(*auc_bps_min)
            );
            let keys = ["kind", "schedule", "age_max", "auc_bps_min"].map(|key| format!("risk.model.{key}"));
            section.say(text, &keys.each_ref().map(String::as_str), &[Rule::ModelInForce]);
        }
    }
    section.say(without, &["risk.fallback"], &[]);
}

fn say_ceiling(section: &mut Section, model: &ModelTerms, key: &str, what: &str, (rule, ceiling): (Rule, Option<u64>)) {
    let Some(bps) = ceiling else {
        section.say(format!("No ceiling on {}.", what.trim_end_matches(',')), &[key], &[]);
        return;
    };
    let unknown = if *model == ModelTerms::Ewma && rule != Rule::VolatilityBpsMax {
        " This model does not forecast it, so that the ceiling always counts as exceeded."
    } else {
        ""
    };
    section.say(format!("A ceiling on {what} of {}.{unknown}", words::share(bps)), &[key], &[rule]);
}

fn say_history(told: &Told<'_>, section: &mut Section, (rounds, step_secs): (u16, u64), lookback_blocks: u64) {
    match step_secs {
        0 => section.say(format!("It looks at the last {rounds} prices of each feed."), &["risk.history_rounds"], &[]),
        secs => {
            let text = format!(
                "It looks at {rounds} prices of each feed, {} apart in the mean, and at all where a feed posts less often.",
                words::duration(secs)
            );
            section.say(text, &["risk.history_rounds", "risk.history_step"], &[]);
        }
    }
    let key = "risk.rate_lookback_blocks";
    let blocks = format!("{}, {}", words::counted(lookback_blocks, "block"), pace::about(lookback_blocks));
    match told.terms.vaults().next() {
        Some(_) => section.say(format!("What a vault earns is measured over the last {blocks}."), &[key], &[]),
        // Without a vault the key may stand in the file and does nothing.
        None if lookback_blocks > 0 => {
            section.say(
                format!("What a vault earns would be measured over the last {blocks}; none is listed."),
                &[key],
                &[],
            );
        }
        None => {}
    }
}

fn say_privacy(section: &mut Section, permille: Option<u64>) {
    let key = "risk.epsilon_year_max";
    match permille {
        Some(permille) => {
            let text = format!(
                "Training a model may tell of each record at most ε = {} in a year (differential privacy); a training that \
                 would tell more is refused.",
                words::thousandths(permille)
            );
            section.say(text, &[key], &[]);
        }
        None => section.say("No bound on what training a model tells of the records of members.", &[key], &[]),
    }
}

/// Whose records a model may know, and how members are made into one.
fn say_federation(section: &mut Section, federation: &FederationTerms) {
    let FederationTerms { members, present_min, aggregation } = federation;
    let whose = match members.as_slice() {
        [] => "A model may know records of anybody".to_owned(),
        named => format!("A model may know records of {}, and of nobody else", words::list(named, "and")),
    };
    let least = match present_min {
        0 => "of any number of members".to_owned(),
        1 => "of one member at least".to_owned(),
        least => format!("of {least} members at least"),
    };
    section.say(format!("{whose}, {least}."), &["federation.members", "federation.present_min"], &[]);
    let text = match aggregation {
        None => "How what members send is made into one is for the operators to choose.".to_owned(),
        Some(rule) => format!("What members send is made into one by {}.", rule.replace('-', " ")),
    };
    section.say(text, &["federation.aggregation"], &[]);
}
