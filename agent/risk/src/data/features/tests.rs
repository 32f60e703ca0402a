use super::*;
use proptest::prelude::*;

/// Sixty days of ±1 %, and of two such series that agree on three days of four.
fn alternating(agree: bool) -> Vec<f64> {
    (0..LOOKBACK_DAYS)
        .map(|day| {
            let sign = if day % 2 == 0 { 0.01 } else { -0.01 };
            if !agree && day % 4 == 0 { -sign } else { sign }
        })
        .collect()
}

fn asset(weight: f64, stable: bool, returns: &[f64]) -> AssetView<'_> {
    AssetView { weight, stable, returns }
}

fn named(found: [f64; FEATURES], name: &str) -> f64 {
    found[FEATURE_NAMES.iter().position(|other| *other == name).unwrap()]
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn one_asset_alone_is_its_own_history() {
    let mut returns = vec![0.0; LOOKBACK_DAYS];
    returns[LOOKBACK_DAYS - 20] = 0.2;
    returns[LOOKBACK_DAYS - 5] = -0.5;
    returns[LOOKBACK_DAYS - 1] = 0.1;
    let assets = [asset(2.0, false, &returns)];
    let found = features(&TreasuryView { assets: &assets, burn_month: 0.0 }).unwrap();
    near(named(found, "return_day"), 0.1);
    near(named(found, "return_week"), -0.4);
    near(named(found, "return_month"), -0.2);
    near(named(found, "volatility_day"), 0.1 * 365f64.sqrt());
    near(named(found, "volatility_week"), ((0.25 + 0.01) / 7.0 * 365.0f64).sqrt());
    near(named(found, "volatility_month"), ((0.04 + 0.25 + 0.01) / 30.0 * 365.0f64).sqrt());
    near(named(found, "drawdown"), 1.0 - (-0.4f64).exp());
    near(named(found, "correlation"), 1.0);
    near(named(found, "concentration"), 1.0);
    near(named(found, "runway_months"), RUNWAY_MONTHS_MAX);
}

#[test]
fn shares_correlation_and_runway_are_those_of_the_holdings() {
    let (x, y, flat) = (alternating(true), alternating(false), vec![0.0; LOOKBACK_DAYS]);
    let assets = [asset(0.5, false, &x), asset(0.3, false, &y), asset(0.2, true, &flat)];
    let found = features(&TreasuryView { assets: &assets, burn_month: 0.05 }).unwrap();
    // Of sixty products fifteen are negative.
    near(named(found, "correlation"), 0.5);
    near(named(found, "concentration"), 0.25 + 0.09 + 0.04);
    near(named(found, "burn_month"), 0.05);
    near(named(found, "runway_months"), 4.0);
    // The last day is odd: both fall by 1 %.
    near(named(found, "return_day"), (0.8f64 * (-0.01f64).exp_m1()).ln_1p());
}

#[test]
fn what_is_not_known_gives_no_features() {
    let (long, short) = (alternating(true), alternating(true)[1..].to_vec());
    let nan = vec![f64::NAN; LOOKBACK_DAYS];
    let of = |assets: &[AssetView<'_>], burn_month| features(&TreasuryView { assets, burn_month });
    assert!(of(&[asset(1.0, false, &long)], 0.1).is_some());
    assert!(of(&[asset(1.0, false, &long), asset(0.0, false, &short)], 0.1).is_some(), "not held");
    assert_eq!(of(&[], 0.1), None);
    assert_eq!(of(&[asset(0.0, false, &long)], 0.1), None);
    assert_eq!(of(&[asset(1.0, false, &short)], 0.1), None);
    assert_eq!(of(&[asset(1.0, false, &nan)], 0.1), None);
    assert_eq!(of(&[asset(-1.0, false, &long), asset(3.0, false, &long)], 0.1), None);
    assert_eq!(of(&[asset(f64::NAN, false, &long)], 0.1), None);
    assert_eq!(of(&[asset(1.0, false, &long)], f64::INFINITY), None);
}

proptest! {
    /// The one pass over assets is the mean over pairs.
    #[test]
    fn correlation_is_the_weighted_mean_over_pairs(
        series in proptest::collection::vec(proptest::collection::vec(-0.3f64..0.3, LOOKBACK_DAYS), 2..6),
        weights in proptest::collection::vec(0.05f64..1.0, 6),
    ) {
        let assets: Vec<_> = series.iter().zip(&weights).map(|(returns, weight)| asset(*weight, false, returns)).collect();
        let found = named(features(&TreasuryView { assets: &assets, burn_month: 0.0 }).unwrap(), "correlation");
        let (mut sum, mut of) = (0.0, 0.0);
        for (i, x) in assets.iter().enumerate() {
            for y in &assets[..i] {
                let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let rho = dot(x.returns, y.returns) / (dot(x.returns, x.returns) * dot(y.returns, y.returns)).sqrt();
                sum += x.weight * y.weight * rho;
                of += x.weight * y.weight;
            }
        }
        prop_assert!((found - sum / of).abs() < 1e-9, "{} is not {}", found, sum / of);
    }

    /// Only the newest days count, whatever came before.
    #[test]
    fn older_days_change_nothing(older in proptest::collection::vec(-0.3f64..0.3, 0..50), burn_month in 0.0f64..1.0) {
        let newest = alternating(false);
        let longer: Vec<f64> = older.iter().chain(&newest).copied().collect();
        let (one, two) = ([asset(1.0, false, &newest)], [asset(1.0, false, &longer)]);
        let of = |assets: &[AssetView<'_>]| features(&TreasuryView { assets, burn_month });
        prop_assert_eq!(of(&one), of(&two));
    }
}
