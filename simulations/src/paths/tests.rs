use super::*;
use crate::statistics::normal_quantile;
use proptest::prelude::*;
use quaestor_core::{Price, amount::WAD};

const DAY: u64 = 86_400;

/// Three assets that move together, the last one standing still; every twentieth day or so all fall.
fn panel(days: usize) -> Panel {
    let mut draw = Streams::new(77).stream(0);
    let (mut level, mut open, mut close) = ([100.0, 20.0, 1.0], Vec::new(), Vec::new());
    let price = |level: f64| Price((level * WAD as f64) as u128);
    for _ in 0..days {
        let common = normal_quantile(draw.unit());
        let own = normal_quantile(draw.unit());
        let fall = if draw.unit() < 0.05 { -0.2 } else { 0.0 };
        let logs = [0.001 + 0.02 * common + fall, 0.03 * (0.6 * common + 0.8 * own) + fall, 0.0];
        open.extend(level.map(price));
        level.iter_mut().zip(logs).for_each(|(level, log)| *level *= libm::exp(log));
        close.extend(level.map(price));
    }
    let ends = (1..=days as u64).map(|day| day * DAY).collect();
    Panel::new(["A", "B", "USD"].map(str::to_owned).to_vec(), 0, ends, open, close).unwrap()
}

fn terms(futures: Futures) -> PathTerms {
    PathTerms { futures, bars: 60, past: 5, block: 10.0, seed: 3 }
}

fn path(paths: &Paths, number: u64) -> Vec<f64> {
    let mut room = paths.panel();
    paths.fill(number, room.marks_mut());
    (0..room.len()).flat_map(|bar| room.marks(bar).to_vec()).collect()
}

const ALL: [Futures; 4] = [Futures::Bootstrap, Futures::Gbm, Futures::Jump, Futures::Regimes];

#[test]
fn a_path_goes_on_from_real_bars() {
    let history = panel(400);
    for futures in ALL {
        let paths = Paths::fit(&history, 100, terms(futures)).unwrap();
        let room = paths.panel();
        assert_eq!((room.len(), paths.start(), paths.rows()), (65, 5, 300));
        assert_eq!(room.ends()[..5], history.ends()[395..]);
        assert!(room.ends().windows(2).all(|pair| pair[1] - pair[0] == DAY), "time goes on at the same step");
        let found = path(&paths, 9);
        let real: Vec<f64> = (395..400).flat_map(|bar| history.marks(bar).to_vec()).collect();
        assert_eq!(found[..15], real, "{futures:?}");
        assert!(found.iter().all(|mark| mark.is_finite() && *mark > 0.0));
        assert!(found.iter().skip(2).step_by(3).all(|mark| (mark - 1.0).abs() < 1e-12), "a dollar stays one");
        assert!(paths.said()[0].starts_with("SYNTHETIC"), "{:?}", paths.said());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever was made before, and wherever: the same seed and number give the same path, and others another one.
    #[test]
    fn a_path_is_its_seed_and_number(seed in any::<u64>(), number in any::<u64>(), other in any::<u64>(), kind in 0usize..4) {
        prop_assume!(number != other);
        let history = panel(200);
        let made = |seed: u64| Paths::fit(&history, 0, PathTerms { seed, ..terms(ALL[kind]) }).unwrap();
        let (one, two) = (made(seed), made(seed));
        let before = path(&two, other);
        prop_assert_eq!(path(&one, number), path(&two, number));
        prop_assert_ne!(&path(&one, number), &before);
        prop_assert_ne!(path(&one, number), path(&made(seed ^ 1), number));
    }

    /// A bootstrapped bar is a bar of history, of all assets at once, and mostly followed by the next one.
    #[test]
    fn a_bootstrap_has_rows_of_history_only(seed in any::<u64>(), number in any::<u64>(), start in 0usize..150, block in 1u32..60) {
        let history = panel(200);
        let terms = PathTerms { seed, block: f64::from(block), bars: 300, ..terms(Futures::Bootstrap) };
        let paths = Paths::fit(&history, start, terms).unwrap();
        let first = start.max(1);
        let growth = |marks: &[f64]| {
            let ratios = marks.windows(6).step_by(3).map(|pair| [pair[3] / pair[0], pair[4] / pair[1], pair[5] / pair[2]]);
            ratios.collect::<Vec<_>>()
        };
        let real: Vec<f64> = (first - 1..200).flat_map(|bar| history.marks(bar).to_vec()).collect();
        let rows = growth(&real);
        let same = |one: &[f64; 3], other: &[f64; 3]| one.iter().zip(other).all(|(one, other)| (one / other - 1.0).abs() < 1e-11);
        let mut places = Vec::new();
        for made in growth(&path(&paths, number)[12..]) {
            let place = rows.iter().position(|row| same(row, &made));
            prop_assert!(place.is_some(), "{made:?} is no bar of history");
            places.extend(place);
        }
        prop_assert_eq!(places.len(), 300);
        let breaks = places.windows(2).filter(|pair| pair[1] != (pair[0] + 1) % rows.len()).count() as f64;
        // Geometric lengths: 299 chances of one in `block`, six standard deviations.
        let expected = 299.0 / f64::from(block);
        prop_assert!((breaks - expected).abs() < 6.0 * expected.sqrt() + 6.0, "{breaks} breaks of {expected}");
    }
}

/// Mean and covariance of log returns of made-up bars.
fn moments(paths: &Paths, count: u64) -> ([f64; 2], [f64; 3]) {
    let (mut sum, mut squares, mut bars) = ([0.0; 2], [0.0; 3], 0.0);
    for number in 0..count {
        let found = path(paths, number);
        for pair in found[12..].windows(6).step_by(3) {
            let logs = [(pair[3] / pair[0]).ln(), (pair[4] / pair[1]).ln()];
            (0..2).for_each(|asset| sum[asset] += logs[asset]);
            [logs[0] * logs[0], logs[1] * logs[1], logs[0] * logs[1]]
                .iter()
                .zip(&mut squares)
                .for_each(|(found, sum)| *sum += found);
            bars += 1.0;
        }
    }
    let mean = sum.map(|sum| sum / bars);
    let product = [mean[0] * mean[0], mean[1] * mean[1], mean[0] * mean[1]];
    (mean, [0, 1, 2].map(|place| squares[place] / bars - product[place]))
}

/// Of 120,000 bars: a mean within five standard errors, variances within 2.5 % (six standard errors of a normal one's) for
/// what keeps history's, and within 10 % for what is fitted in parts.
#[test]
fn moments_of_history_come_back() {
    let history = panel(1_000);
    let fitted = Growth::of(&(0..1_000).flat_map(|bar| history.marks(bar).to_vec()).collect::<Vec<_>>(), 3).normal();
    for (futures, bound) in
        [(Futures::Bootstrap, 0.025), (Futures::Gbm, 0.025), (Futures::Jump, 0.1), (Futures::Regimes, 0.1)]
    {
        let paths = Paths::fit(&history, 0, terms(futures)).unwrap();
        let (mean, [first, second, both]) = moments(&paths, 2_000);
        for asset in 0..2 {
            let error = fitted.deviation(asset) / 120_000f64.sqrt();
            assert!((mean[asset] - fitted.mean[asset]).abs() < 5.0 * error, "{futures:?}: {mean:?} {:?}", fitted.mean);
        }
        for (found, expected) in
            [(first, fitted.covariance(0, 0)), (second, fitted.covariance(1, 1)), (both, fitted.covariance(0, 1))]
        {
            assert!((found / expected - 1.0).abs() < bound, "{futures:?}: {found} and not {expected}");
        }
    }
}

/// One day in twenty falls by a fifth, and calm days do not.
#[test]
fn jumps_are_told_from_calm_days() {
    let history = panel(1_000);
    let levels: Vec<f64> = (0..1_000).flat_map(|bar| history.marks(bar).to_vec()).collect();
    let found = Jumps::fit(&Growth::of(&levels, 3));
    assert!((found.rate - 0.05).abs() < 0.02, "{}", found.rate);
    // What lies beyond three deviations is cut off.
    assert!((found.calm.deviation(0) / 0.02 - 1.0).abs() < 0.08, "{}", found.calm.deviation(0));
    assert!((found.jump.mean[0] + 0.2).abs() < 0.03 && found.jump.mean[2] == 0.0, "{:?}", found.jump.mean);
    assert!(found.calm.covariance(0, 1) > 0.0);
}

#[test]
fn what_cannot_be_made_up_is_named() {
    let history = panel(60);
    let failed = |start: usize, terms: PathTerms| Paths::fit(&history, start, terms).unwrap_err();
    assert_eq!(failed(31, terms(Futures::Gbm)), PathsError::TooShort { found: 29 });
    assert_eq!(failed(0, PathTerms { bars: 0, ..terms(Futures::Gbm) }), PathsError::Bars { found: 5 });
    let still = Panel::new(vec!["USD".into()], 0, (1..=60).collect(), vec![Price(WAD); 60], vec![Price(WAD); 60]);
    assert_eq!(Paths::fit(&still.unwrap(), 0, terms(Futures::Regimes)).unwrap_err(), PathsError::Still);
}

/// The same bytes on every machine, for ever: whoever names a path by its seed and number gets it again.
#[test]
fn a_known_path_is_pinned() {
    let history = panel(200);
    let hash = |futures: Futures| {
        let found = path(&Paths::fit(&history, 0, terms(futures)).unwrap(), 7);
        let mut hasher = Keccak256::new();
        found.iter().for_each(|mark| hasher.update(mark.to_bits().to_le_bytes()));
        format!("{:#x}", hasher.finalize())[..18].to_owned()
    };
    assert_eq!(ALL.map(hash), ["0xe6f33a0e14e5b645", "0x722a18a3edc6d8c3", "0xb9f2cc5c1e73764f", "0x08a324a32422416f"]);
}
