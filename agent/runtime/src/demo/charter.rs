//! The policies that the members of the demo vote: those of the local DAO, with a model that is trained together, a
//! runway, and later a ceiling on risk.

use crate::devnet::{Dao, policy_facts};
use quaestor_core::{
    AssetKind, Limits, Value,
    amount::WAD,
    policy::{Band, ModelTerms, RiskTerms},
    strategy::ParamValue,
};
use quaestor_policies::{Facts, StrategyFacts, starting_policy};

const DAY: u64 = 86_400;
/// How far a share may be from its target, bps; the stable one downward: a small fall is seen soon.
const BAND_BPS: u64 = 400;
const STABLE_BAND_BPS: u64 = 100;
/// With a ceiling on risk the bands only bound what may be sold.
const WIDE_BAND_BPS: u64 = 2_000;
/// What the DAO pays in thirty days.
pub(super) const BURN_MONTHLY: Value = Value(100_000 * WAD);
/// The model asks for more than sixty daily rounds.
const HISTORY_ROUNDS: u16 = 90;
/// Least area under the curve with which a model is used: no worse than a coin on days that it did not know.
const AUC_BPS_MIN: u64 = 5_000;
/// Months of burn under which the Safe is refilled, and to how many.
pub(super) const MONTHS: (u64, u64) = (2, 6);

/// The first policy: bands, a model that is trained here, and two to six months of burn in the Safe.
pub(super) fn first(dao: &Dao, limits: Limits) -> String {
    starting_policy(&facts(dao, limits, MONTHS))
}

/// The same with a ceiling on the value at risk, a strategy that sells above it, and bands wide enough for that; and with
/// these months of burn.
pub(super) fn guarded(dao: &Dao, limits: Limits, value_at_risk_bps_max: u64, months: (u64, u64)) -> String {
    let mut facts = facts(dao, limits, months);
    facts.risk.value_at_risk_bps_max = Some(value_at_risk_bps_max);
    for band in &mut facts.bands {
        band.min_bps = band.target_bps.saturating_sub(WIDE_BAND_BPS);
        band.max_bps = band.target_bps + WIDE_BAND_BPS;
    }
    let cash = facts.assets.first().map(|asset| asset.symbol.clone()).unwrap_or_default();
    let derisk = StrategyFacts {
        name: "derisk".into(),
        kind: "derisk".into(),
        about: "When the forecast loss of a day rises, sell volatile assets in steps.".into(),
        params: vec![
            ("account".into(), text("operations")),
            ("cash".into(), text(&cash)),
            ("signal".into(), text("value-at-risk")),
            ("start_bps".into(), whole(value_at_risk_bps_max)),
            ("full_bps".into(), whole(value_at_risk_bps_max * 2)),
            ("risky_share_bps_max".into(), whole(5_500)),
            ("risky_share_bps_min".into(), whole(4_000)),
            ("step_bps_max".into(), whole(1_000)),
            ("move_bps_min".into(), whole(100)),
            ("trade_min".into(), text("1000 USD")),
        ],
    };
    facts.strategies.insert(0, derisk);
    starting_policy(&facts)
}

fn facts(dao: &Dao, limits: Limits, (months_min, months_target): (u64, u64)) -> Facts {
    let mut facts = policy_facts(dao, limits);
    for band in &mut facts.bands {
        let stable = facts.assets.get(band.asset.index()).is_some_and(|asset| asset.kind == AssetKind::Stable);
        let Band { target_bps, .. } = *band;
        band.min_bps = target_bps.saturating_sub(if stable { STABLE_BAND_BPS } else { BAND_BPS });
        band.max_bps = target_bps + BAND_BPS;
    }
    facts.risk = RiskTerms {
        model: ModelTerms::Trained {
            schedule: "0 0 3 * * Mon".into(),
            age_secs_max: 90 * DAY,
            auc_bps_min: AUC_BPS_MIN,
        },
        burn_monthly: BURN_MONTHLY,
        history_rounds: HISTORY_ROUNDS,
        ..facts.risk
    };
    let cash = facts.assets.first().map(|asset| asset.symbol.clone()).unwrap_or_default();
    facts.strategies.retain(|strategy| strategy.kind != "refill");
    facts.strategies.push(StrategyFacts {
        name: "runway".into(),
        kind: "runway".into(),
        about: format!(
            "When operations hold less than {months_min} months of burn, ask the members to refill them to {months_target}."
        ),
        params: vec![
            ("account".into(), text("operations")),
            ("cash".into(), text(&cash)),
            ("months_min".into(), whole(months_min)),
            ("months_target".into(), whole(months_target)),
            ("sources".into(), ParamValue::List(vec![ParamValue::List(vec![text("reserve"), text(&cash)])])),
        ],
    });
    facts
}

fn whole(number: u64) -> ParamValue {
    ParamValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: &str) -> ParamValue {
    ParamValue::Text(text.to_owned())
}
