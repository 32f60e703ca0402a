use super::*;
use crate::{
    data::{Closes, DayRecord, Market, MemberRecords, Origin},
    fixture::{day, shards, shards_until},
    models::{drawdown, regime::RegimeParameters},
    parameters::regime_point,
};

fn recent() -> Vec<Shard> {
    shards().iter().map(|shard| shard.within(day("2020-09-01")..day("2021-05-01")).unwrap()).collect()
}

fn settings() -> Settings {
    Settings { trees: 8, ..Settings::default() }
}

/// Writes down what was sent.
#[derive(Default)]
struct Overheard(Vec<(Part, usize, usize)>);

impl Rounds for Overheard {
    fn sum(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        _: Option<&Contribution>,
    ) -> Result<Vec<f64>, RoundsError> {
        self.0.push((part, contributions.len(), contributions[0].values.len()));
        PlainRounds.sum(part, contributions, None)
    }

    /// Newton's method as a federation does it: on summed gradients and Hessians alone, whole steps.
    fn newton(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        _: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        self.0.push((part, shards.len(), shards[0].parameters()));
        let mut theta = match shards[0].loss() {
            Loss::Logistic => vec![0.0; shards[0].parameters()],
            Loss::Pinball(target) => target.start(shards[0].parameters() - 1)?,
        };
        for _ in 0..200 {
            let mut sums = shards[0].sums(&theta)?;
            for shard in &shards[1..] {
                sums.add(&shard.sums(&theta)?)?;
            }
            let next = sums.step(&theta, ridge)?;
            theta = crate::models::quantile::limited(&theta, &next, 0.5)?;
        }
        Ok(theta)
    }
}

#[test]
fn sums_alone_give_the_pooled_model() {
    let mut overheard = Overheard::default();
    let together = train(&recent(), None, &settings(), &mut overheard).unwrap();
    let pooled = train(&recent(), None, &settings(), &mut PlainRounds).unwrap();
    assert!(together.missing.is_empty() && together.excluded.is_empty(), "{:?}", together.missing);
    let near = |left: &[f64], right: &[f64]| {
        let furthest = left.iter().zip(right).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        assert!(left.len() == right.len() && furthest < 1e-6, "{furthest}");
    };
    let [one, two] = [&together.parameters, &pooled.parameters];
    near(&one.drawdown.as_ref().unwrap().theta, &two.drawdown.as_ref().unwrap().theta);
    near(&one.quantile.as_ref().unwrap().theta, &two.quantile.as_ref().unwrap().theta);
    assert_eq!(
        (&one.volatility, &one.tail, &one.forest, &one.regimes),
        (&two.volatility, &two.tail, &two.forest, &two.regimes)
    );
    let sent: Vec<Part> = overheard.0.iter().map(|(part, ..)| *part).collect();
    let order = [
        Part::Volatility,
        Part::Correlation,
        Part::Scaling,
        Part::Drawdown,
        Part::Quantile,
        Part::Quantile,
        Part::Tail,
    ];
    assert_eq!(sent[..7], order);
    assert!(sent[7..].iter().all(|part| *part == Part::Regimes));
    assert!(overheard.0.iter().all(|(_, members, _)| *members == 4));
}

#[test]
fn the_order_of_members_changes_nothing_beyond_rounding() {
    let (mut turned, one) = (recent(), train(&recent(), None, &settings(), &mut PlainRounds).unwrap());
    turned.reverse();
    let two = train(&turned, None, &settings(), &mut PlainRounds).unwrap();
    let theta = |trained: &Trained| trained.parameters.drawdown.clone().unwrap().theta;
    let har = |trained: &Trained| trained.parameters.volatility.har.weights.to_vec();
    for (x, y) in theta(&one).iter().chain(&har(&one)).zip(theta(&two).iter().chain(&har(&two))) {
        assert!((x - y).abs() < 1e-9, "{x} {y}");
    }
}

#[test]
fn the_file_of_a_training_is_read_back_and_forecasts() {
    let trained = train(&recent(), None, &settings(), &mut PlainRounds).unwrap();
    let file = trained.file();
    // The last records are of 30 April and look a fortnight ahead.
    assert_eq!(file.trained_at_day, day("2021-04-30") + 14);
    let bytes = file.to_bytes().unwrap();
    let back = crate::model_file::ModelFile::parse(&bytes, file.hash().unwrap()).unwrap();
    assert_eq!(back, file);
    assert!(back.data.iter().all(|member| member.origin.is_synthetic() && member.records > 0));
    let shard = &recent()[0];
    let features = <[f64; crate::data::FEATURES]>::try_from(shard.drawdown().row(0)).unwrap();
    let probability = back.parameters.drawdown_probability(&features).unwrap();
    assert!((0.0..=1.0).contains(&probability));
    assert_eq!(back.parameters.regime(&features), trained.parameters.regime(&features));
}

#[test]
fn a_member_alone_has_its_own_fit() {
    let shard = &recent()[2..3];
    let trained = train(shard, None, &settings(), &mut PlainRounds).unwrap();
    let part = trained.parameters.drawdown.unwrap();
    let scaled = part.scaling.apply(shard[0].drawdown()).unwrap();
    let theta = drawdown::fit(&scaled, settings().drawdown_ridge).unwrap();
    assert_eq!(part.theta, theta);
    let points: Vec<_> = shard[0].drawdown().rows().map(regime_point).collect();
    let (ours, linfas) = (trained.parameters.regimes.unwrap(), RegimeParameters::fit(&points, 3).unwrap());
    for (x, y) in ours.centres.iter().flatten().zip(linfas.centres.iter().flatten()) {
        assert!((x - y).abs() < 1e-3, "{ours:?} {linfas:?}");
    }
}

/// ETH that hardly moves: no drawdown ever.
fn calm(days: u32) -> Shard {
    let price = |day: u32| 100.0 + libm::sin(f64::from(day)) + 0.3 * libm::sin(0.7 * f64::from(day * day % 97));
    let eth: Vec<_> = (0..days).map(|day| (day, price(day))).collect();
    let usdc: Vec<_> = (0..days).map(|day| (day, 1.0)).collect();
    let closes = vec![Closes::new("ETH", false, &eth).unwrap(), Closes::new("USDC", true, &usdc).unwrap()];
    let record = |day: u32| DayRecord {
        day,
        holdings: vec![10.0 + f64::from(day % 3), 100.0],
        burn: f64::from(day % 5),
        revenue: 0.0,
    };
    let symbols = vec!["ETH".into(), "USDC".into()];
    let records = MemberRecords::new("calm", Origin::Own, symbols, (0..days).map(record).collect()).unwrap();
    Shard::new(&records, &Market::new(closes).unwrap(), Target::default()).unwrap()
}

#[test]
fn one_class_and_short_histories_are_named_with_their_counts() {
    let alone = train(&[calm(400)], None, &settings(), &mut PlainRounds).unwrap();
    assert_eq!(alone.parameters.drawdown, None);
    let missing: Vec<String> = alone.missing.iter().map(ToString::to_string).collect();
    // Correlation with one risky asset is one on every day: it is no obstacle, and has no weight.
    assert!(missing[0].starts_with("drawdown: 0 of 326 records are events"), "{missing:?}");
    let quantile = alone.parameters.quantile.as_ref().unwrap();
    let correlation = FEATURE_NAMES.iter().position(|name| *name == "correlation").unwrap();
    assert!(quantile.theta[correlation].abs() < 1e-12, "{:?}", quantile.theta);
    assert!(quantile.theta.iter().any(|weight| weight.abs() > 1e-6));
    let forest = "forest: no member can contribute; give longer histories; `calm`: 0 of 326 records are events";
    assert!(missing[1].starts_with(forest), "{missing:?}");
    assert!(alone.parameters.tail.is_some());
    // With others it takes part in sums, and is left out of the forest by name.
    let mut shards = recent();
    shards.push(calm(400));
    let together = train(&shards, None, &settings(), &mut PlainRounds).unwrap();
    assert!(together.missing.is_empty());
    let forest: Vec<_> = together.excluded.iter().filter(|one| one.part == Some(Part::Forest)).collect();
    assert_eq!((forest.len(), forest[0].member.as_str()), (1, "calm"));
    // Too short for anything.
    let short = train(&[calm(80)], None, &settings(), &mut PlainRounds).unwrap_err().to_string();
    let expected = "no member has enough records to train; give longer histories; `calm`: 6 records are fewer than the \
                    60 that are needed; give a longer history";
    assert_eq!(short, expected);
    let mut with_short = recent();
    with_short.push(calm(80));
    let excluded = train(&with_short, None, &settings(), &mut PlainRounds).unwrap().excluded;
    assert_eq!((excluded.len(), excluded[0].part), (1, None));
}

fn averaging() -> Settings {
    Settings { drawdown_fit: DrawdownFit::FedAvg, ..settings() }
}

#[test]
fn averages_make_a_model_that_says_so_and_name_who_has_nothing_to_average() {
    let alike = train(&recent(), None, &averaging(), &mut PlainRounds).unwrap();
    assert!(alike.missing.is_empty() && alike.excluded.is_empty());
    let text = String::from_utf8(alike.file().to_bytes().unwrap()).unwrap();
    assert!(text.contains(r#","fit":"fedavg","#));
    let by_sums = train(&recent(), None, &settings(), &mut PlainRounds).unwrap();
    assert!(String::from_utf8(by_sums.file().to_bytes().unwrap()).unwrap().contains(r#","fit":"newton","#));
    // Nothing else differs.
    let [mut one, two] = [alike.parameters, by_sums.parameters];
    assert_ne!(one.drawdown, two.drawdown);
    one.drawdown.clone_from(&two.drawdown);
    assert_eq!(one, two);
    // One that never fell is left out by name, with its counts.
    let mut shards = recent();
    shards.push(calm(400));
    let found = train(&shards, None, &averaging(), &mut PlainRounds).unwrap();
    assert!(found.missing.is_empty());
    let out: Vec<_> = found.excluded.iter().filter(|one| one.part == Some(Part::Drawdown)).collect();
    assert_eq!((out.len(), out[0].member.as_str()), (1, "calm"));
    assert!(out[0].reason.to_string().starts_with("0 of 326 records are events"), "{}", out[0].reason);
}

/// With noise there is no sum of bounded records to release, and rounds that do not average say so.
#[test]
fn where_parameters_cannot_be_averaged_the_part_is_missing_by_name() {
    struct Noisy;
    impl Rounds for Noisy {
        fn noisy(&self) -> bool {
            true
        }
        fn sum(&mut self, part: Part, _: &[Contribution], _: Option<&Contribution>) -> Result<Vec<f64>, RoundsError> {
            panic!("{part} as it is")
        }
        fn sum_bounded(
            &mut self,
            _: Part,
            shards: &[BoundedShard],
            _: Option<&BoundedShard>,
        ) -> Result<Vec<f64>, RoundsError> {
            let mut sum = vec![0.0; shards[0].width()];
            for row in shards.iter().flat_map(BoundedShard::rows) {
                crate::linalg::add(&mut sum, row)?;
            }
            Ok(sum)
        }
        fn newton(
            &mut self,
            part: Part,
            shards: &[NewtonShard],
            _: Option<&NewtonShard>,
            ridge: f64,
        ) -> Result<Vec<f64>, RoundsError> {
            PlainRounds.newton(part, shards, None, ridge)
        }
        fn average(
            &mut self,
            part: Part,
            _: &[NewtonShard],
            _: Option<&NewtonShard>,
            _: f64,
        ) -> Result<Vec<f64>, RoundsError> {
            panic!("{part} averaged")
        }
    }
    let missing = |rounds: &mut dyn Rounds| {
        let shards = recent();
        let found = train(&shards, Some(&shards[0]), &averaging(), rounds).unwrap();
        assert_eq!(found.parameters.drawdown, None);
        found.missing[0].to_string()
    };
    let noisy = "drawdown: with noise a part without sums of bounded records is not trained";
    assert_eq!(missing(&mut Noisy), noisy);
    let no_averages = "drawdown: the rounds failed: drawdown: these rounds do not average parameters";
    assert_eq!(missing(&mut Overheard::default()), no_averages);
}

#[test]
fn shards_of_different_targets_are_not_mixed() {
    let mut shards = recent();
    let eth: Vec<_> = (0..200).map(|day| (day, 100.0 + f64::from(day % 7))).collect();
    let market = Market::new(vec![Closes::new("ETH", false, &eth).unwrap()]).unwrap();
    let record = |day| DayRecord { day, holdings: vec![1.0], burn: 0.0, revenue: 0.0 };
    let records = MemberRecords::new("other", Origin::Own, vec!["ETH".into()], (0..200).map(record).collect()).unwrap();
    shards.push(Shard::new(&records, &market, Target { horizon_days: 7, ..Target::default() }).unwrap());
    let error = train(&shards, None, &settings(), &mut PlainRounds).unwrap_err();
    assert!(matches!(&error, TrainError::OtherTarget { member, .. } if member == "other"), "{error}");
}

/// What a fold trains on is what there was then: prices after its end change nothing, to the last bit.
#[test]
fn training_knows_nothing_of_the_days_after_its_end() {
    let end = day("2021-03-15");
    let horizon = Target::default().horizon_days;
    let later: Vec<Shard> = shards().iter().map(|shard| shard.within(0..end - horizon).unwrap()).collect();
    let then = shards_until(end);
    assert!(later.iter().zip(&then).all(|(later, then)| later.days() == then.days() && !then.days().is_empty()));
    let parameters = |shards: &[Shard]| train(shards, None, &settings(), &mut PlainRounds).unwrap().parameters;
    assert_eq!(parameters(&later), parameters(&then));
}
