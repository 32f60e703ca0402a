//! What is said of a treasury on real prices.

use super::{
    super::*,
    fixture::{day, trained},
};
use crate::verify::tests::treasury;
use alloy::primitives::B256;
use quaestor_core::{
    Policy, Price, Snapshot, Terms, Value,
    policy::{ModelTerms, OnBreach},
    snapshot::Round,
};
use quaestor_risk::{EwmaModel, learned::LearnedModel};

const DAY: u64 = 86_400;

/// The treasury of half USDC and half WETH on 12 March 2020, with this many days of prices.
fn scene(days: u64) -> (Terms, Snapshot) {
    let bundle = treasury::bundle();
    let policy = quaestor_policies::parse(bundle.policy.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    let mut snapshot = bundle.snapshot;
    snapshot.block.timestamp = u64::from(day("2020-03-13")) * DAY;
    let now = snapshot.block.timestamp;
    for (reading, symbol) in snapshot.assets.iter_mut().zip(["USDC", "ETH"]) {
        let path = format!("{}/../../simulations/data/daily/{symbol}.csv", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        let rounds = rows.map(|row| {
            let price = Price(Value::parse(row[4]).unwrap().0);
            Round { price: Some(price), updated_at: (u64::from(day(row[0])) + 1) * DAY }
        });
        let rounds = rounds.filter(|round| round.updated_at <= now && round.updated_at + days * DAY >= now);
        reading.feeds[0].rounds = rounds.collect();
    }
    (policy.terms().clone(), snapshot)
}

fn learned() -> Choice {
    Choice::Named(Model::Learned(LearnedModel::new(trained("2020-02-25").file()).unwrap().into()))
}

fn explained(terms: &Terms, snapshot: &Snapshot, choice: &Choice) -> Explained {
    Explained::of(&Scene { terms, policy: B256::repeat_byte(9), snapshot, choice })
}

/// Training may differ between processors in its last digits, which what is shown does not tell; the hash does.
fn shown(text: impl ToString, choice: &Choice) -> String {
    let hash = quaestor_core::RiskModel::hash(choice.model().unwrap());
    text.to_string().replace(&hash.to_string(), "0x…")
}

#[test]
fn a_person_reads_forecast_and_reasons() {
    let (mut terms, snapshot) = scene(200);
    let choice = learned();
    terms.risk.model =
        ModelTerms::Trained { schedule: "0 0 3 * * Mon".into(), age_secs_max: 30 * DAY, auc_bps_min: 6_000 };
    terms.risk.volatility_bps_max = Some(20_000);
    terms.risk.value_at_risk_bps_max = Some(200);
    terms.risk.drawdown_probability_bps_max = Some(1_000);
    terms.risk.burn_monthly = Value(20_000 * quaestor_core::amount::WAD);
    let found = explained(&terms, &snapshot, &choice);
    assert_eq!(
        found.forecast,
        Forecast::of(&Scene { terms: &terms, policy: B256::repeat_byte(9), snapshot: &snapshot, choice: &choice })
    );
    insta::assert_snapshot!(format!("{}\n\n{}", shown(&found.forecast, &choice), shown(&found, &choice)));

    // After the crash of the day before.
    let breached: Vec<Subject> =
        found.forecast.ceilings.iter().filter(|it| it.is_breached).map(|it| it.subject).collect();
    assert!(
        breached.contains(&Subject::ValueAtRisk) && !breached.contains(&Subject::ExpectedShortfall),
        "{breached:?}"
    );
    assert_eq!(found.forecast.permitted, Permitted::OnlyReduce);
    assert!(found.drivers.is_sorted_by(|one, next| one.log_odds.abs() >= next.log_odds.abs()));
    assert_eq!(found.drivers.len(), quaestor_risk::data::FEATURES);
    let said = found.forecast.ceilings[3].forecast_bps.unwrap() as f64 / 10_000.0;
    assert!(said >= found.logistic.unwrap() && said >= found.forest.unwrap());
    terms.risk.on_breach = OnBreach::Hold;
    assert_eq!(explained(&terms, &snapshot, &choice).forecast.permitted, Permitted::Nothing);

    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["model"]["kind"], "learned");
    assert_eq!(json["model"]["members"], serde_json::json!({ "count": 2, "synthetic": 2 }));
    assert_eq!(json["ceilings"][1]["subject"], "value-at-risk");
    assert_eq!(json["ceilings"][1]["is_breached"], true);
    assert_eq!(json["permitted"], "only-reduce");
    assert!(json["drivers"][0]["words"].as_str().is_some_and(|words| !words.is_empty()));
}

#[test]
fn the_fallback_says_what_it_cannot_forecast() {
    let (mut terms, snapshot) = scene(200);
    let hash = B256::repeat_byte(3);
    terms.risk.model = ModelTerms::File { hash, age_secs_max: 30 * DAY };
    terms.risk.volatility_bps_max = Some(20_000);
    let refused = || ModelRefused::Missing { hash, folder: "models".into() };
    let choice = Choice::Fallback { model: Model::Ewma(EwmaModel::default()), refused: refused() };
    let within = explained(&terms, &snapshot, &choice);
    assert_eq!(within.forecast.permitted, Permitted::Everything);
    terms.risk.expected_shortfall_bps_max = Some(9_000);
    let found = explained(&terms, &snapshot, &choice);
    // Unknown is unsafe, however high the ceiling.
    assert_eq!(found.forecast.permitted, Permitted::OnlyReduce);
    assert!(found.forecast.assets.iter().all(|asset| asset.volatility.is_some()));
    insta::assert_snapshot!(format!("{}\n\n{}", found.forecast, found));

    let hold = Choice::Hold { refused: refused() };
    let none = explained(&terms, &snapshot, &hold);
    assert_eq!((none.forecast.permitted, none.forecast.model.kind), (Permitted::Nothing, None));
    let text = none.to_string();
    assert!(
        text.contains("model      NONE: nothing is proposed") && text.contains("no file in models hashes"),
        "{text}"
    );
}

#[test]
fn a_short_history_leaves_forecasts_unknown_and_says_why() {
    let (mut terms, snapshot) = scene(40);
    terms.risk.drawdown_probability_bps_max = Some(10_000);
    let choice = learned();
    let found = explained(&terms, &snapshot, &choice);
    assert!(found.drivers.is_empty() && found.logistic.is_none());
    assert_eq!(found.forecast.ceilings[3].forecast_bps, None);
    assert!(found.forecast.ceilings[3].is_breached);
    let text = shown(&found, &choice);
    assert!(text.contains("`WETH` has 40 daily returns; 60 are needed"), "{text}");
    assert!(text.contains("the forecast is unknown: BREACHED"), "{text}");
    // The plain estimate needs fewer, and counts those it has.
    let (terms, snapshot) = scene(20);
    let plain = Choice::Named(Model::Ewma(EwmaModel::default()));
    let text = explained(&terms, &snapshot, &plain).to_string();
    assert!(text.contains("`WETH` has 20 daily returns; 28 are needed"), "{text}");
}
