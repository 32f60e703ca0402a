//! Ceilings that always count as exceeded, and words on risk that say nothing here.

use super::Eye;
use quaestor_core::policy::{ModelTerms, OnBreach};

pub(super) fn look(eye: &mut Eye<'_, '_>) {
    let risk = &eye.terms.risk;
    let ceilings = [
        ("risk.volatility_bps_max", risk.volatility_bps_max),
        ("risk.value_at_risk_bps_max", risk.value_at_risk_bps_max),
        ("risk.expected_shortfall_bps_max", risk.expected_shortfall_bps_max),
        ("risk.drawdown_probability_bps_max", risk.drawdown_probability_bps_max),
    ];
    let is_ewma = risk.model == ModelTerms::Ewma;
    for (place, (key, ceiling)) in ceilings.into_iter().enumerate() {
        if is_ewma && place > 0 && ceiling.is_some() {
            let message = "always counts as exceeded, for the model `ewma` does not forecast it; name another model in \
                           `[risk.model]`, or leave it out";
            eye.blocked(key, message);
        } else if ceiling == Some(0) && risk.on_breach == OnBreach::Hold {
            let message = "is 0, which every forecast exceeds, and then nothing is allowed; write a greater one, or \
                           `on_breach = \"only-reduce\"`";
            eye.blocked(key, message);
        }
    }
    let is_hold = risk.on_breach == OnBreach::Hold || !risk.has_ceilings();
    let idle = [
        (
            "emergency.only_reduce",
            is_hold,
            "says what goes on while only what reduces risk does, and that never is; write a ceiling and \
             `on_breach = \"only-reduce\"` in [risk], or leave it out",
        ),
        ("federation.members", is_ewma, "says who may train the model, and `ewma` is not trained; leave it out"),
        ("federation.present_min", is_ewma, "says how many train the model, and `ewma` is not trained; leave it out"),
        (
            "federation.aggregation",
            !matches!(risk.model, ModelTerms::Trained { .. }),
            "says how a model is trained, and the policy has none trained; write `kind = \"trained\"` in [risk.model], or \
             leave it out",
        ),
        (
            "risk.on_breach",
            !risk.has_ceilings(),
            "says what happens above a ceiling, and there is none; write one, or leave it out",
        ),
        ("risk.fallback", is_ewma, "stands in for a model that cannot be used, and `ewma` always can; leave it out"),
        (
            "risk.rate_lookback_blocks",
            eye.terms.vaults().next().is_none(),
            "says over how many blocks the rate of a vault is measured, and no vault is listed; leave it out",
        ),
    ];
    for (key, is_idle, message) in idle {
        if is_idle && eye.report.is_there(key) {
            eye.idle(key, message);
        }
    }
}
