use super::*;
use crate::{
    data::{MemberRecords, Origin, Shard, Target, demo_profiles, synthesise},
    fixture::{day, market, shards},
    judge::qlike,
    linalg,
    models::quantile::QuantileParameters,
    train::{Contribution, NewtonShard, PlainRounds, Rounds, RoundsError, Settings, train},
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

/// Sums of rows shortened to their bound, with or without noise of so many bounds for each member.
struct Clipped {
    noise: f64,
    generator: ChaCha20Rng,
    released: Vec<Part>,
}

impl Clipped {
    fn new(noise: f64, seed: u64) -> Self {
        Self { noise, generator: ChaCha20Rng::seed_from_u64(seed), released: Vec::new() }
    }

    fn normal(&mut self) -> f64 {
        let mut uniform = || ((self.generator.next_u64() >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
        libm::sqrt(-2.0 * libm::log(uniform())) * libm::cos(core::f64::consts::TAU * uniform())
    }
}

impl Rounds for Clipped {
    fn noisy(&self) -> bool {
        true
    }

    fn sum_bounded(
        &mut self,
        part: Part,
        shards: &[BoundedShard],
        _: Option<&BoundedShard>,
    ) -> Result<Vec<f64>, RoundsError> {
        self.released.push(part);
        let mut sum = vec![0.0; shards[0].width()];
        for shard in shards {
            for row in shard.rows() {
                let norm = libm::sqrt(linalg::dot(row, row));
                let factor = if norm > shard.bound() { shard.bound() / norm } else { 1.0 };
                linalg::add(&mut sum, &row.iter().map(|number| factor * number).collect::<Vec<_>>())?;
            }
            let noise: Vec<f64> = sum.iter().map(|_| self.noise * shard.bound() * self.normal()).collect();
            linalg::add(&mut sum, &noise)?;
        }
        Ok(sum)
    }

    fn sum(&mut self, part: Part, _: &[Contribution], _: Option<&Contribution>) -> Result<Vec<f64>, RoundsError> {
        panic!("{part} left as it is")
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
}

/// UNI's holder is the shortest of four, and here the public.
fn recent() -> (Vec<Shard>, Shard) {
    let all: Vec<Shard> = shards().iter().map(|shard| shard.within(0..day("2021-05-01")).unwrap()).collect();
    let public = all[0].within(day("2020-09-01")..day("2021-05-01")).unwrap();
    (all, public)
}

#[test]
fn with_noise_nothing_leaves_but_sums_of_bounded_rows() {
    let (shards, public) = recent();
    let mut rounds = Clipped::new(0.0, 1);
    let trained = train(&shards, Some(&public), &Settings::default(), &mut rounds).unwrap();
    assert_eq!(rounds.released, [Part::Volatility, Part::Scaling, Part::Quantile, Part::Tail]);
    let missing: Vec<String> = trained.missing.iter().map(ToString::to_string).collect();
    let without = "with noise a part without sums of bounded records is not trained";
    assert_eq!(missing, [format!("forest: {without}"), format!("regimes: {without}")]);
    assert!(trained.excluded.is_empty());
    // How many days came before a drawdown is no public number, and a file says so.
    assert!(trained.data.iter().all(|member| member.events.is_none()));
    let bytes = trained.file().to_bytes().unwrap();
    let back = crate::model_file::ModelFile::parse(&bytes, trained.file().hash().unwrap()).unwrap();
    assert_eq!(back.data, trained.data);
}

#[test]
fn rows_are_one_a_day_whatever_the_member_held() {
    let (shards, public) = recent();
    let scale = VarianceScale::of(&public).unwrap();
    for shard in &shards {
        let days = shard.days().len() as u64;
        let har = train(std::slice::from_ref(shard), None, &Settings::default(), &mut PlainRounds).unwrap();
        let (variances, tail) = (scale.rows(shard), tail_rows(shard, &har.parameters.volatility));
        assert_eq!([variances.records(), scaling_rows(shard).records(), tail.records()], [days; 3]);
        assert!(variances.rows().all(|row| row[0] == 1.0), "a day counts once, whatever it held");
        assert!(tail.rows().all(|row| row.iter().sum::<f64>() == 1.0), "one count a day");
        let long = variances.rows().filter(|row| libm::sqrt(linalg::dot(row, row)) > variances.bound()).count();
        assert!((long as f64) < 0.35 * days as f64, "{long} of {days} rows are shortened");
    }
}

/// Neighbours differ in one day; so may their rows, or the noise would not hide it.
#[test]
fn what_was_held_on_one_day_changes_the_row_of_that_day_alone() {
    const DAY: usize = 200;
    let market = market();
    let mut generator = ChaCha20Rng::seed_from_u64(5);
    let records = synthesise(&market, &demo_profiles()[0], &mut generator).unwrap();
    // ETH and stable tokens alone, and BTC on no day or on one.
    let shard = |with: bool| {
        let mut days = records.days().to_vec();
        for (place, day) in days.iter_mut().enumerate() {
            day.holdings[1] = if with && place == DAY { 50.0 } else { 0.0 };
        }
        let symbols = records.symbols().to_vec();
        let own = MemberRecords::new("own", Origin::Own, symbols, days).unwrap();
        Shard::new(&own, &market, Target::default()).unwrap()
    };
    let (without, with) = (shard(false), shard(true));
    let (others, public) = recent();
    let scale = VarianceScale::of(&public).unwrap();
    let har = train(&others[..1], None, &Settings::default(), &mut PlainRounds).unwrap();
    let volatility = har.parameters.volatility;
    let scaling = har.parameters.quantile.unwrap();
    type Rows = fn(&Shard, &VarianceScale, &VolatilityParameters, &QuantileParameters) -> BoundedShard;
    let all: [Rows; 4] = [
        |shard, scale, _, _| scale.rows(shard),
        |shard, _, _, _| scaling_rows(shard),
        |shard, _, volatility, _| tail_rows(shard, volatility),
        |shard, _, _, quantile| shortfall_rows(shard, &quantile.scaling, &quantile.theta).unwrap(),
    ];
    let changed = all.map(|rows| {
        let [one, two] = [&without, &with].map(|shard| rows(shard, &scale, &volatility, &scaling));
        assert_eq!(one.records(), two.records());
        one.rows().zip(two.rows()).filter(|(one, two)| one != two).count()
    });
    assert_eq!(changed[..2], [1, 1]);
    assert!(changed.iter().all(|rows| *rows <= 1), "{changed:?}");
}

/// QLIKE of a variance forecast over the last quarter of every asset that is not stable.
fn score(har: &HarParameters) -> f64 {
    let (mut forecasts, mut realised) = (Vec::new(), Vec::new());
    for asset in shards().iter().flat_map(Shard::assets).filter(|asset| !asset.is_stable()) {
        for last in day("2021-05-01")..asset.days().end - 8 {
            let later = asset.returns_to(last + 7, 7).unwrap();
            forecasts.push(har.daily_variance(asset.returns_before(last, 30)).unwrap());
            realised.push(linalg::dot(later, later) / 7.0);
        }
    }
    qlike(&forecasts, &realised).unwrap()
}

#[test]
fn a_noisy_volatility_is_near_the_exact_one() {
    let (shards, public) = recent();
    let exact = train(&shards, None, &Settings::default(), &mut PlainRounds).unwrap().parameters.volatility.har;
    let noisy = |noise, seed| {
        let mut rounds = Clipped::new(noise, seed);
        let trained = train(&shards, Some(&public), &Settings { trees: 1, ..Settings::default() }, &mut rounds);
        trained.map(|trained| score(&trained.parameters.volatility.har))
    };
    let without = noisy(0.0, 1).unwrap();
    assert!((without - score(&exact)).abs() < 0.1, "bounds alone: {without} against {}", score(&exact));
    for seed in 1..6 {
        let found = noisy(5.0, seed).unwrap();
        assert!(found < score(&exact) + 0.15, "{found} against {}", score(&exact));
    }
}

#[test]
fn noise_that_drowns_the_sums_is_refused_with_the_reason() {
    let (shards, public) = recent();
    for seed in 1..4 {
        let mut rounds = Clipped::new(500.0, seed);
        let error = train(&shards, Some(&public), &Settings::default(), &mut rounds).unwrap_err().to_string();
        assert!(error.starts_with("volatility: noise drowns the sums: "), "{error}");
        assert!(error.ends_with("use less noise, or train with more records"), "{error}");
    }
    let error = train(&shards, None, &Settings::default(), &mut Clipped::new(1.0, 1)).unwrap_err();
    assert!(matches!(error, TrainError::NoPublic { part: Part::Volatility }), "{error}");
    // Weights turned around: positive definite, and worse than a constant.
    let scale = VarianceScale::of(&public).unwrap();
    let mut turned = vec![0.0; packed_len(VARIANCES + 1)];
    add_products(&mut turned, &[0.0; VARIANCES]);
    turned.iter_mut().for_each(|number| *number *= 1e5);
    for z in [[1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 0.0, 0.0], [0.0, 1.0, -1.0, 0.0], [0.0, 0.0, 0.0, 1.0]] {
        let mut products = vec![0.0; packed_len(VARIANCES + 1)];
        add_products(&mut products, &z);
        products.iter_mut().take(VARIANCES + 1).for_each(|number| *number = 0.0);
        linalg::add(&mut turned, &products.iter().map(|number| number * 1e5).collect::<Vec<_>>()).unwrap();
    }
    let error = scale.fit(turned, 100.0).unwrap_err().to_string();
    assert!(error.contains("on public records its squared error is"), "{error}");
    // The moments of public prices themselves, and then with a target that spreads far more.
    let mut sums: Vec<f64> = scale.products.iter().map(|product| 1e5 * product).collect();
    assert!(scale.fit(sums.clone(), 0.0).is_ok());
    sums.last_mut().into_iter().for_each(|spread| *spread *= 3.0);
    let error = scale.fit(sums, 0.0).unwrap_err().to_string();
    assert!(error.contains("its residual variance is"), "{error}");
}

#[test]
fn scales_come_back_from_exact_sums() {
    let (shards, _) = recent();
    let rows = scaling_rows(&shards[0]);
    let mut sums = vec![0.0; rows.width()];
    rows.rows().for_each(|row| linalg::add(&mut sums, row).unwrap());
    let found = scales(&sums).unwrap();
    assert_eq!((found.records, found.events), (rows.records() as f64, shards[0].counts().events as f64));
    let moments = Moments::of_regression(shards[0].tail());
    let exact = QuantileScaling::from_moments(&moments, shards[0].tail().names()).unwrap();
    for (place, (own, theirs)) in found.scaling.features.means.iter().zip(&exact.features.means).enumerate() {
        // What lies beyond three spreads counts as three.
        assert!((own - theirs).abs() < 0.5 * exact.features.deviations[place], "feature {place}: {own} {theirs}");
    }
    assert!((found.scaling.target_deviation / exact.target_deviation - 1.0).abs() < 0.2);
    assert!(matches!(scales(&[-3.0, 1.0]), Err(TrainError::Drowned { part: Part::Scaling, .. })));
}

#[test]
fn coarse_counts_give_the_quantile_of_the_histogram() {
    // A hundred residuals, 1 % apart in rank: every count between its edges.
    let residuals: Vec<f64> = (0..2_000).map(|rank| -3.0 + f64::from(rank) * 0.003).collect();
    let exact = crate::models::tail::TailParameters::from_sums(&ResidualSums::of(&residuals).unwrap(), 9_500).unwrap();
    let mut counts = vec![0.0; EDGES.len() + 1];
    for residual in &residuals {
        let place = EDGES.iter().position(|edge| -residual > *edge).unwrap_or(EDGES.len());
        counts[place] += 1.0;
    }
    let of = |counts: &[f64]| crate::models::tail::TailParameters::from_sums(&tail_sums(counts).unwrap(), 9_500);
    let found = of(&counts).unwrap();
    assert!((found.value_at_risk - exact.value_at_risk).abs() < 0.02, "{found:?} {exact:?}");
    assert!((found.expected_shortfall - exact.expected_shortfall).abs() < 0.02, "{found:?} {exact:?}");
    // A count that noise made negative is none.
    counts[0] = -50.0;
    assert_eq!(of(&counts).unwrap(), found);
    counts[0] = 50.0;
    assert!(of(&counts).unwrap().expected_shortfall > found.expected_shortfall + 0.5);
    assert!(tail_sums(&counts[1..]).is_err());
}

#[test]
fn the_ratio_around_its_centre_is_the_ratio() {
    assert_eq!(shortfall_sums(&[10.0, -2.0]), [10.0, 13.0]);
    assert_eq!(shortfall_sums(&[]), [0.0, 0.0]);
}
