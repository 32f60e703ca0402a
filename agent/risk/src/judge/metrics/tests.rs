use super::*;
use proptest::prelude::*;

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn scores_are_those_of_their_definitions() {
    near(qlike(&[1.0, 2.0], &[0.0, 4.0]).unwrap(), (0.0 + 2f64.ln() + 2.0) / 2.0);
    near(brier(&[0.0, 0.5, 1.0], &[0.0, 1.0, 0.0]).unwrap(), (0.25 + 1.0) / 3.0);
    near(log_loss(&[0.25, 0.5], &[0.0, 1.0]).unwrap(), -(0.75f64.ln() + 0.5f64.ln()) / 2.0);
    near(auc(&[0.1, 0.4, 0.35, 0.8], &[0.0, 0.0, 1.0, 1.0]).unwrap(), 0.75);
    near(pinball(&[-0.1, -0.1], &[-0.3, 0.1], 0.05).unwrap(), (0.95 * 0.2 + 0.05 * 0.2) / 2.0);
    // A breach by 0.03 costs 0.03 / (0.05 · 0.03) = 20; both days cost 2/3 + ln 0.03 − 1.
    let found = fissler_ziegel(&[-0.02, -0.02], &[-0.03, -0.03], &[-0.05, 0.01], 0.05).unwrap();
    near(found, 10.0 + 2.0 / 3.0 + 0.03f64.ln() - 1.0);
}

#[test]
fn a_certain_forecast_that_is_wrong_costs_a_finite_amount() {
    near(log_loss(&[0.0], &[1.0]).unwrap(), -PROBABILITY_MIN.ln());
    // A loss of 1 % where none was said: 0.01 / (0.05 · 0.0001) and the logarithm.
    near(fissler_ziegel(&[0.0], &[0.0], &[-0.01], 0.05).unwrap(), 2_000.0 + SHORTFALL_MIN.ln() - 1.0);
}

#[test]
fn what_cannot_be_scored_says_why() {
    let text = |result: Result<f64, MetricError>| result.unwrap_err().to_string();
    assert_eq!(text(brier(&[], &[])), "there is nothing to score; give at least one record");
    assert_eq!(text(brier(&[0.1], &[])), "1 forecasts for 0 outcomes; give one forecast an outcome");
    assert_eq!(text(brier(&[1.5], &[1.0])), "forecast 0 is 1.5; give a probability");
    assert_eq!(text(brier(&[f64::NAN], &[1.0])), "forecast 0 is NaN; give a probability");
    assert_eq!(text(brier(&[0.5], &[0.5])), "outcome 0 is 0.5; give 1 for an event and 0 for none");
    assert_eq!(text(qlike(&[0.0], &[1.0])), "forecast 0 is 0; give a finite number above zero");
    assert_eq!(text(qlike(&[1.0], &[-1.0])), "outcome 0 is -1; give a finite number from zero on");
    assert_eq!(text(pinball(&[1.0], &[f64::INFINITY], 0.05)), "outcome 0 is inf; give a finite number");
    let above = "shortfall 1 is -0.1; give a number no greater than its quantile";
    assert_eq!(text(fissler_ziegel(&[-0.1, -0.2], &[-0.1, -0.1], &[0.0, 0.0], 0.05)), above);
    assert_eq!(text(fissler_ziegel(&[0.0], &[f64::NAN], &[0.0], 0.05)), "forecast 0 is NaN; give a finite number");
    let tail = "a tail of probability 0; give a number between 0 and 1";
    assert_eq!(text(fissler_ziegel(&[0.0], &[0.0], &[0.0], 0.0)), tail);
    let one_class = "2 of 2 records are events; this score needs both kinds, so test on more days";
    assert_eq!(text(auc(&[0.1, 0.2], &[1.0, 1.0])), one_class);
}

proptest! {
    /// Ties included: forecasts come from five values only.
    #[test]
    fn auc_counts_pairs(records in proptest::collection::vec((0u8..5, any::<bool>()), 2..60)) {
        let scores: Vec<f64> = records.iter().map(|(score, _)| f64::from(*score) / 5.0).collect();
        let events: Vec<f64> = records.iter().map(|(_, event)| f64::from(u8::from(*event))).collect();
        let (mut won, mut pairs) = (0.0, 0.0);
        for (high, event) in scores.iter().zip(&events) {
            for (low, other) in scores.iter().zip(&events) {
                if *event == 1.0 && *other == 0.0 {
                    pairs += 1.0;
                    won += if high > low { 1.0 } else if high == low { 0.5 } else { 0.0 };
                }
            }
        }
        match auc(&scores, &events) {
            Ok(found) => prop_assert!((found - won / pairs).abs() < 1e-12),
            Err(error) => prop_assert!(pairs == 0.0, "{}", error),
        }
    }

    /// The true variance is the best constant forecast, and the mean the best constant probability.
    #[test]
    fn proper_scores_are_least_at_the_truth(outcomes in proptest::collection::vec(0.01f64..4.0, 2..40), off in 0.1f64..10.0) {
        let truth = outcomes.iter().sum::<f64>() / outcomes.len() as f64;
        let constant = |value: f64| vec![value; outcomes.len()];
        let (best, other) = (qlike(&constant(truth), &outcomes).unwrap(), qlike(&constant(truth * off), &outcomes).unwrap());
        prop_assert!(best <= other + 1e-12);
    }

    /// Of twenty outcomes, or a multiple, the worst of twenty are the tail: the greatest of them and their mean are the
    /// best constant pair, whatever else is said.
    #[test]
    fn the_tail_of_the_outcomes_is_the_best_forecast_of_it(
        outcomes in prop::collection::vec(-0.5f64..0.1, 60),
        (quantile, beyond) in (-0.6f64..0.1, 0.0f64..0.5),
    ) {
        let mut sorted = outcomes.clone();
        sorted.sort_by(f64::total_cmp);
        let (v, e) = (sorted[2], (sorted[0] + sorted[1] + sorted[2]) / 3.0);
        prop_assume!(e < -SHORTFALL_MIN);
        let score = |v: f64, e: f64| fissler_ziegel(&[v; 60], &[e; 60], &outcomes, 0.05).unwrap();
        let best = score(v, e);
        for (v, e) in [(quantile, quantile - beyond), (v, v - beyond), (quantile.max(e), e)] {
            prop_assert!(best <= score(v, e) + 1e-12, "{} {}", v, e);
        }
    }
}
