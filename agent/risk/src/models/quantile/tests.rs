use super::*;
use proptest::prelude::*;

const TARGET: QuantileTarget = QuantileTarget { confidence_bps: 9_500, bandwidth: 0.1 };

/// Returns whose spread grows with the first feature: y = (0.5 + 0.4 x₀)·e with e evenly spread over a logistic
/// distribution of variance one, in a fixed scrambled order.
fn shard(records: usize, member: usize) -> Examples {
    let scale = libm::sqrt(3.0) / std::f64::consts::PI;
    let (mut features, mut targets) = (Vec::new(), Vec::new());
    for record in 0..records {
        // 7919 is prime, so each share comes once.
        let share = ((record * 7_919 + member * 101) % records) as f64 + 0.5;
        let draw = scale * libm::log(share / (records as f64 - share));
        let t = (record + 31 * member) as f64;
        let row = [libm::sin(t * 0.61), libm::cos(t * 1.37)];
        targets.push(0.03 * (0.5 + 0.4 * row[0]) * draw);
        features.extend(row);
    }
    Examples::new(vec!["spread".into(), "other".into()], features, targets, (0..).take(records).collect()).unwrap()
}

fn scaling(shard: &Examples) -> QuantileScaling {
    QuantileScaling::from_moments(&Moments::of_regression(shard), shard.names()).unwrap()
}

fn furthest(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).fold(0.0, |most: f64, (l, r)| most.max((l - r).abs()))
}

#[test]
fn a_spread_that_grows_is_found() {
    let examples = shard(4_001, 0);
    let scaling = scaling(&examples);
    let scaled = scaling.apply(&examples).unwrap();
    for confidence_bps in [9_000, 9_500, 9_900] {
        let target = QuantileTarget::for_records(confidence_bps, 4_001, 2).unwrap();
        let theta = fit(&scaled, target, 1e-3).unwrap();
        let shortfall = shortfall_sums(&scaled, &theta).unwrap();
        let share = tail_share(confidence_bps).unwrap();
        let beyond = shortfall[0] / 4_001.0;
        assert!((beyond - share).abs() < 0.25 * share, "{beyond} beyond a quantile of {share}");
        let model =
            QuantileParameters::new(examples.names().to_vec(), scaling.clone(), theta, target, shortfall).unwrap();
        let [calm, stormy] = [-0.9, 0.9].map(|spread| model.losses(&[spread, 0.0]).unwrap());
        // The spreads are 0.14 and 0.86.
        assert!(stormy.value_at_risk > 3.0 * calm.value_at_risk, "{stormy:?} {calm:?}");
        assert!(stormy.expected_shortfall > stormy.value_at_risk);
        let scale = libm::sqrt(3.0) / std::f64::consts::PI;
        let exact = 1.0 - libm::exp(0.03 * 0.86 * scale * libm::log(share / (1.0 - share)));
        assert!((stormy.value_at_risk / exact - 1.0).abs() < 0.15, "{stormy:?} is not {exact}");
    }
}

/// θ after `rounds` of summed sums, no parameter changing by more than `change_max` in one.
fn rounds(members: &[Examples], target: QuantileTarget, rounds: usize, change_max: f64) -> Vec<f64> {
    let mut theta = target.start(2).unwrap();
    for _ in 0..rounds {
        let mut sums = NewtonSums::none(3);
        for member in members {
            sums.add(&newton_sums(member, &theta, target).unwrap()).unwrap();
        }
        // What went too far has no Hessian left to go on with.
        let Ok(next) = sums.step(&theta, 1.0) else { break };
        theta = limited(&theta, &next, change_max).unwrap();
    }
    theta
}

#[test]
fn ten_rounds_of_limited_steps_reach_the_pooled_fit() {
    let members: Vec<Examples> = [900, 700, 1_100, 500].into_iter().zip(0..).map(|(n, m)| shard(n, m)).collect();
    let pooled = Examples::joined(&members).unwrap();
    let scaling = scaling(&pooled);
    let members: Vec<Examples> = members.iter().map(|member| scaling.apply(member).unwrap()).collect();
    let pooled = scaling.apply(&pooled).unwrap();
    for (confidence_bps, bandwidth) in [(9_000, 0.05), (9_500, 0.1), (9_900, 0.05), (9_900, 0.5)] {
        let target = QuantileTarget { confidence_bps, bandwidth };
        let exact = fit(&pooled, target, 1.0).unwrap();
        let off = furthest(&rounds(&members, target, 10, CHANGE_MAX), &exact);
        assert!(off < 1e-6, "{target:?}: off by {off:e}");
        if bandwidth < 0.1 {
            let off = furthest(&rounds(&members, target, 60, f64::INFINITY), &exact);
            assert!(off > 1.0, "{target:?}: whole steps get lost, off by {off:e}");
        }
    }
}

#[test]
fn a_long_step_keeps_its_direction() {
    assert_eq!(limited(&[0.0, 1.0], &[2.0, 0.0], 0.5).unwrap(), [0.5, 0.75]);
    assert_eq!(limited(&[0.0, 1.0], &[0.2, 1.1], 0.5).unwrap(), [0.2, 1.1]);
    assert!(limited(&[0.0], &[0.0, 1.0], 0.5).is_err());
}

#[test]
fn bad_input_is_refused() {
    let examples = shard(200, 0);
    let scaled = scaling(&examples).apply(&examples).unwrap();
    let few = fit(&scaled, QuantileTarget { confidence_bps: 9_900, ..TARGET }, 1.0).unwrap_err();
    assert_eq!(few, ExamplesError::TooFewRecords { found: 200, least: 500 }.into());
    for bandwidth in [0.0, 0.049, 2.1, f64::NAN] {
        let target = QuantileTarget { bandwidth, ..TARGET };
        assert!(matches!(newton_sums(&scaled, &[0.0; 3], target), Err(ModelError::Setting { name: "bandwidth", .. })));
    }
    let target = QuantileTarget { confidence_bps: 10_000, ..TARGET };
    assert!(matches!(newton_sums(&scaled, &[0.0; 3], target), Err(ModelError::Setting { .. })));
    assert!(matches!(newton_sums(&scaled, &[0.0; 4], TARGET), Err(ModelError::Length { .. })));
    let make = |shortfall| {
        QuantileParameters::new(examples.names().to_vec(), scaling(&examples), vec![0.0; 3], TARGET, shortfall)
    };
    assert_eq!(make([4.0, 5.0]), Err(ExamplesError::TooFewRecords { found: 4, least: 5 }.into()));
    assert!(make([5.0, f64::NAN]).is_err());
    assert_eq!(make([5.0, 1e9]).unwrap().shortfall_ratio, RATIO_MAX);
    let model = make([5.0, 7.0]).unwrap();
    assert_eq!(model.losses(&[1.0, 1.0]), Ok(Losses { value_at_risk: 0.0, expected_shortfall: 0.0 }));
    assert!(model.losses(&[1.0]).is_err());
    assert!(model.losses(&[f64::NAN, 1.0]).is_err());
}

proptest! {
    #[test]
    fn slopes_and_bends_are_derivatives(score in -6.0..6.0f64, target in -6.0..6.0f64, bandwidth in 0.05..2.0f64) {
        let curve = QuantileTarget { confidence_bps: 9_900, bandwidth }.curve().unwrap();
        let h = 1e-5;
        let [below, at, above] = [score - h, score, score + h].map(|score| curve(score, target));
        prop_assert!(((above.loss - below.loss) / (2.0 * h) - at.slope).abs() < 1e-6);
        prop_assert!(((above.slope - below.slope) / (2.0 * h) - at.bend).abs() < 1e-6);
        let pinball = (0.01f64 * (target - score)).max(-0.99 * (target - score));
        // The smoothed loss lies above the kinked one, by h·ln 2 at most.
        prop_assert!(at.loss >= pinball - 1e-12 && at.loss <= pinball + bandwidth * std::f64::consts::LN_2 + 1e-12);
    }

    #[test]
    fn any_split_has_the_sums_of_the_whole(cut in 1..119u32, theta in prop::collection::vec(-3.0..3.0f64, 3)) {
        let whole = shard(120, 0);
        let whole = scaling(&whole).apply(&whole).unwrap();
        let parts = [whole.within(0..cut).unwrap(), whole.within(cut..u32::MAX).unwrap()];
        let expected = newton_sums(&whole, &theta, TARGET).unwrap();
        let mut sums = NewtonSums::none(3);
        for part in &parts {
            sums.add(&newton_sums(part, &theta, TARGET).unwrap()).unwrap();
        }
        prop_assert!(furthest(&sums.to_vec(), &expected.to_vec()) < 1e-9);
        let mut added = vec![0.0; newton::sums_len(3)];
        contributions(&whole, &theta, TARGET, |part| crate::linalg::add(&mut added, part).unwrap()).unwrap();
        prop_assert!(furthest(&added, &expected.to_vec()) < 1e-9);
    }
}
