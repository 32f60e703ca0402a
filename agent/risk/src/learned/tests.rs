use super::*;
use crate::{
    fixture::{self, parameters},
    model_file::{KIND, VERSION},
};
use proptest::prelude::*;
use quaestor_core::Value;

fn model() -> LearnedModel {
    LearnedModel::new(fixture::model_file(parameters())).unwrap()
}

/// ETH, BTC and USDC over their last 200 days, at the close of `day`, one whole token of each asset and as many USDC as
/// `usdc` says, in a treasury that pays `burn` in a month.
fn scene(day: &str, usdc: u64, burn: u128) -> (Terms, Snapshot, Prices) {
    fixture::scene(&["ETH", "BTC", "USDC"], &[1, 1, usdc], day, burn)
}

fn weights(terms: &Terms, snapshot: &Snapshot, prices: &Prices) -> Vec<u64> {
    let mut valuation = Valuation::default();
    valuation.fill(terms, snapshot, prices).unwrap();
    valuation.weights_bps()
}

fn assess(terms: &Terms, snapshot: &Snapshot, prices: &Prices) -> RiskReport {
    model().assess(terms, snapshot, prices, &weights(terms, snapshot, prices))
}

#[test]
fn a_report_says_everything_of_a_treasury_with_history() {
    let (terms, snapshot, prices) = scene("2021-05-01", 10_000, 1_000);
    let report = assess(&terms, &snapshot, &prices);
    assert_eq!(report.model, model().hash());
    assert!(report.volatility.iter().all(Option::is_some) && report.correlation.len() == 9);
    let [eth, btc, usdc] = [0, 1, 2].map(|asset| report.volatility[asset].unwrap());
    assert!(eth > btc && btc > 10.0 * usdc, "{eth} {btc} {usdc}");
    let treasury = report.treasury_volatility_bps.unwrap() as f64 / 10_000.0;
    assert!(usdc < treasury && treasury < eth);
    assert!(report.expected_shortfall_bps >= report.value_at_risk_bps && report.value_at_risk_bps > Some(0));
    assert!(report.drawdown_probability_bps.is_some_and(|bps| bps <= 10_000));
}

#[test]
fn more_cash_is_less_risk() {
    let of = |usdc| {
        let (terms, snapshot, prices) = scene("2021-05-01", usdc, 1_000);
        assess(&terms, &snapshot, &prices)
    };
    let (little, much) = (of(1_000), of(500_000));
    assert!(much.treasury_volatility_bps < little.treasury_volatility_bps);
    assert!(much.value_at_risk_bps < little.value_at_risk_bps);
    assert!(much.expected_shortfall_bps < little.expected_shortfall_bps);
}

#[test]
fn what_the_snapshot_lacks_is_unknown() {
    let (terms, mut snapshot, prices) = scene("2021-05-01", 10_000, 1_000);
    let weights = weights(&terms, &snapshot, &prices);
    // Forty days of BTC: a volatility, but no features.
    let rounds = &mut snapshot.assets[1].feeds[0].rounds;
    rounds.drain(..rounds.len() - 41);
    let report = model().assess(&terms, &snapshot, &prices, &weights);
    assert!(report.volatility[1].is_some() && report.value_at_risk_bps.is_some());
    assert_eq!(report.drawdown_probability_bps, None);
    let why = model().explain(&terms, &snapshot, &prices, &weights).unknown;
    let short = Unknown::History { asset: "BTC".into(), found: 40, least: 60 };
    assert_eq!(why, [short]);
    // Twenty days: nothing of the treasury.
    let rounds = &mut snapshot.assets[1].feeds[0].rounds;
    rounds.drain(..20);
    let report = model().assess(&terms, &snapshot, &prices, &weights);
    assert_eq!((report.volatility[1], report.treasury_volatility_bps), (None, None));
    assert_eq!((report.value_at_risk_bps, report.expected_shortfall_bps), (None, None));
    assert!(report.volatility[0].is_some());
    // Not held, it is not needed.
    let without = model().assess(&terms, &snapshot, &prices, &[9_000, 0, 1_000]);
    assert!(without.drawdown_probability_bps.is_some() && without.value_at_risk_bps.is_some());
    // Without a price there is no NAV, so no burn as a share of it.
    let unpriced = model().assess(&terms, &snapshot, &Prices::default(), &[9_000, 0, 1_000]);
    assert_eq!(unpriced.drawdown_probability_bps, None);
    // Weights of another treasury, of nothing, and a snapshot of nothing.
    for weights in [&[10_000][..], &[0, 0, 0]] {
        let report = model().assess(&terms, &snapshot, &prices, weights);
        assert_eq!((report.treasury_volatility_bps, report.drawdown_probability_bps), (None, None));
    }
    snapshot.assets.clear();
    let nothing = model().assess(&terms, &snapshot, &prices, &weights);
    assert_eq!((nothing.volatility, nothing.correlation), (vec![None; 3], vec![]));
}

#[test]
fn a_part_that_was_not_trained_is_unknown() {
    let (terms, snapshot, prices) = scene("2021-05-01", 10_000, 1_000);
    let bare = Parameters { drawdown: None, tail: None, quantile: None, regimes: None, ..parameters() };
    let model = LearnedModel::new(fixture::model_file(bare)).unwrap();
    let report = model.assess(&terms, &snapshot, &prices, &[5_000, 4_000, 1_000]);
    assert!(report.treasury_volatility_bps.is_some());
    assert_eq!((report.value_at_risk_bps, report.drawdown_probability_bps), (None, None));
    let found = model.explain(&terms, &snapshot, &prices, &[5_000, 4_000, 1_000]);
    assert_eq!(found.unknown, [Unknown::Part { part: Part::Drawdown }, Unknown::Part { part: Part::Tail }]);
    assert_eq!((found.logistic, found.filtered, found.regression, found.regime), (None, None, None, None));
}

#[test]
fn the_forest_only_raises() {
    let (terms, snapshot, prices) = scene("2021-05-01", 10_000, 1_000);
    let of = |parameters| {
        let model = LearnedModel::new(fixture::model_file(parameters)).unwrap();
        model.assess(&terms, &snapshot, &prices, &[5_000, 4_000, 1_000]).drawdown_probability_bps.unwrap()
    };
    let alone = of(Parameters { forest: None, ..parameters() });
    assert!(alone > 0 && alone < 10_000, "{alone}");
    assert_eq!(of(fixture::with_forest_that_says(false)), alone);
    assert_eq!(of(fixture::with_forest_that_says(true)), 10_000);
}

#[test]
fn drivers_sum_to_the_score() {
    let (terms, snapshot, prices) = scene("2021-05-20", 10_000, 1_000);
    let weights = weights(&terms, &snapshot, &prices);
    let found = model().explain(&terms, &snapshot, &prices, &weights);
    let theta = parameters().drawdown.unwrap().theta;
    let sum: f64 = found.drivers.iter().map(|driver| driver.log_odds).sum::<f64>() + theta[FEATURES];
    let logistic = found.logistic.unwrap();
    assert!((libm::log(logistic / (1.0 - logistic)) - sum).abs() < 1e-9);
    assert!(found.drivers.windows(2).all(|pair| pair[0].log_odds.abs() >= pair[1].log_odds.abs()));
    assert_eq!(found.features.len(), FEATURES);
    assert_eq!(found.regime.map(|(_, of)| of), Some(3));
    assert!(found.regression.is_some() && found.unknown.is_empty());
    let report = model().assess(&terms, &snapshot, &prices, &weights);
    assert_eq!(report.value_at_risk_bps, found.filtered.and_then(bps));
}

#[test]
fn the_shares_of_a_vault_move_as_its_asset() {
    let (terms, snapshot, prices) = fixture::with_vault(scene("2021-05-01", 10_000, 1_000));
    let report = model().assess(&terms, &snapshot, &prices, &[4_000, 4_000, 1_000, 1_000]);
    assert_eq!(report.volatility[3], report.volatility[2]);
    assert!(report.value_at_risk_bps.is_some());
}

/// Everything follows from what a snapshot and terms hold: the NAV that burn is divided by too.
#[test]
fn burn_is_a_share_of_nav() {
    let (mut terms, snapshot, prices) = scene("2021-05-01", 10_000, 0);
    let burn_of = |terms: &Terms| {
        let found = model().explain(terms, &snapshot, &prices, &[5_000, 4_000, 1_000]);
        found.features.iter().find(|(name, _)| *name == "burn_month").unwrap().1
    };
    assert_eq!(burn_of(&terms), 0.0);
    let mut valuation = Valuation::default();
    valuation.fill(&terms, &snapshot, &prices).unwrap();
    terms.risk.burn_monthly = Value(valuation.nav.0 / 4);
    assert!((burn_of(&terms) - 0.25).abs() < 1e-12);
}

/// The same bits on every machine: a change of `libm`, of the order of sums or of a feature shows here.
#[test]
fn its_bits_are_pinned() {
    assert_eq!((KIND, VERSION), ("quaestor-treasury-risk", 2));
    let (terms, snapshot, prices) = scene("2021-05-20", 10_000, 1_000);
    let report = model().assess(&terms, &snapshot, &prices, &[5_000, 4_000, 1_000]);
    let why = model().explain(&terms, &snapshot, &prices, &[5_000, 4_000, 1_000]);
    let mut bits: Vec<u64> = report.volatility.iter().map(|one| one.unwrap().to_bits()).collect();
    bits.extend(
        [report.correlation[1], why.logistic.unwrap(), why.filtered.unwrap(), why.regression.unwrap()]
            .map(f64::to_bits),
    );
    insta::assert_debug_snapshot!(bits);
}

proptest! {
    #[test]
    fn reports_are_pure_and_numbers_are_numbers(weights in proptest::collection::vec(0u64..=10_000, 3), burn in 0u128..10_000_000) {
        let (terms, snapshot, prices) = scene("2021-05-20", 10_000, burn);
        let report = model().assess(&terms, &snapshot, &prices, &weights);
        prop_assert_eq!(&model().assess(&terms, &snapshot, &prices, &weights), &report);
        prop_assert!(report.drawdown_probability_bps.is_none_or(|bps| bps <= 10_000));
        prop_assert!(report.value_at_risk_bps.is_none_or(|bps| bps <= 10_000));
        prop_assert_eq!(report.value_at_risk_bps.is_some(), weights.iter().sum::<u64>() > 0);
    }
}
