use super::*;
use crate::{draw::Streams, statistics::normal_quantile};

fn sums(blocks: usize, configurations: &[Vec<f64>]) -> BlockSums {
    let mut found = BlockSums::new(blocks, configurations[0].len()).unwrap();
    for returns in configurations {
        let row = found.of(returns.iter().copied()).unwrap();
        found.push(&row).unwrap();
    }
    found
}

/// By hand: two blocks, so two ways. What is best in one block is worst in the other, or best in both. Of two, the worse
/// has the rank 1/3 and the better 2/3.
#[test]
fn two_blocks_by_hand() {
    let (good, bad) = ([0.02, 0.01], [-0.01, -0.02]);
    let row = |first: [f64; 2], second: [f64; 2]| [first, second].concat().repeat(1);
    let turned = [[good, good].concat(), [bad, bad].concat()];
    let lasting = sums(2, &turned);
    let found = overfitting(&lasting).unwrap();
    assert_eq!((found.splits, found.probability, found.loss_probability), (2, 0.0, 0.0));
    assert!((found.rank_median - 2.0 / 3.0).abs() < 1e-15);
    let swapped = [[row(good, good), row(bad, bad)].concat(), [row(bad, bad), row(good, good)].concat()];
    let found = overfitting(&sums(2, &swapped)).unwrap();
    assert_eq!((found.probability, found.loss_probability), (1.0, 1.0));
    assert!((found.rank_median - 1.0 / 3.0).abs() < 1e-15);
}

/// The same computed from the returns themselves, way by way, as the paper says it.
fn plainly(blocks: usize, configurations: &[Vec<f64>]) -> (f64, usize) {
    let size = configurations[0].len() / blocks;
    let sharpe = |returns: &[f64]| {
        let mean = returns.iter().sum::<f64>() / returns.len() as f64;
        let squares: f64 = returns.iter().map(|found| (found - mean).powi(2)).sum();
        mean / (squares / (returns.len() - 1) as f64).sqrt()
    };
    let (mut overfit, mut ways) = (0, 0);
    for way in 0u32..1 << blocks {
        if way.count_ones() as usize != blocks / 2 {
            continue;
        }
        let half = |returns: &Vec<f64>, inside: bool| {
            let own = returns.chunks(size).enumerate().filter(|(block, _)| (way >> block & 1 == 1) == inside);
            sharpe(&own.flat_map(|(_, block)| block.to_vec()).collect::<Vec<f64>>())
        };
        let [inside, outside] =
            [true, false].map(|inside| configurations.iter().map(|it| half(it, inside)).collect::<Vec<f64>>());
        let best = (0..inside.len()).max_by(|a, b| inside[*a].total_cmp(&inside[*b])).unwrap();
        let rank = outside.iter().filter(|other| **other <= outside[best]).count() as f64;
        let omega = rank / (outside.len() as f64 + 1.0);
        overfit += usize::from((omega / (1.0 - omega)).ln() <= 0.0);
        ways += 1;
    }
    (overfit as f64 / ways as f64, ways)
}

fn noise(configurations: usize, bars: usize, skill: impl Fn(usize) -> f64) -> Vec<Vec<f64>> {
    let mut draw = Streams::new(11).stream(0);
    let mut one = |mean: f64| (0..bars).map(|_| mean + 0.01 * normal_quantile(draw.unit())).collect();
    (0..configurations).map(|place| one(skill(place))).collect()
}

#[test]
fn sums_of_blocks_say_what_returns_say() {
    for (blocks, ways) in [(4, 6), (8, 70)] {
        let configurations = noise(12, 24 * blocks, |_| 0.0);
        let found = overfitting(&sums(blocks, &configurations)).unwrap();
        assert_eq!((found.probability, found.splits), plainly(blocks, &configurations));
        assert_eq!(found.splits, ways);
    }
}

#[test]
fn noise_is_overfit_and_skill_is_not() {
    let lucky = overfitting(&sums(10, &noise(200, 500, |_| 0.0))).unwrap();
    assert!((0.3..0.9).contains(&lucky.probability), "picked among noise: {lucky:?}");
    let able = overfitting(&sums(10, &noise(200, 500, |place| if place == 7 { 0.004 } else { 0.0 }))).unwrap();
    assert!(able.probability < 0.01 && able.loss_probability < 0.01, "{able:?}");
    assert!(able.rank_median > 0.99);
}

#[test]
fn equals_share_their_rank_and_threads_change_nothing() {
    let same = vec![vec![0.01, -0.02, 0.03, 0.01, 0.02, -0.01, 0.0, 0.02]; 9];
    let found = overfitting(&sums(4, &same)).unwrap();
    assert_eq!((found.rank_median, found.probability), (0.5, 1.0), "the middle is no skill");
    let flat = vec![vec![0.001; 8]; 3];
    assert_eq!(overfitting(&sums(4, &flat)).unwrap().rank_median, 0.5, "without variance none is better");
    let some = sums(8, &noise(50, 100, |_| 0.0));
    let on = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| overfitting(&some))
    };
    assert_eq!(on(1), on(16));
}

#[test]
fn what_cannot_be_halved_is_named() {
    assert_eq!(BlockSums::new(5, 100).unwrap_err(), OverfittingError::Blocks { found: 5 });
    assert_eq!(BlockSums::new(18, 100).unwrap_err(), OverfittingError::Blocks { found: 18 });
    assert_eq!(BlockSums::new(8, 15).unwrap_err(), OverfittingError::Bars { bars: 15, blocks: 8 });
    let mut one = BlockSums::new(2, 5).unwrap();
    let row = one.of([1.0, 1.0, 1.0, 2.0, 2.0].into_iter()).unwrap();
    assert_eq!(row, [[3.0, 3.0], [4.0, 8.0]], "the first block is one longer");
    assert_eq!(one.of([1.0].into_iter()).unwrap_err(), OverfittingError::Length { found: 1, expected: 5 });
    one.push(&row).unwrap();
    assert_eq!(overfitting(&one).unwrap_err(), OverfittingError::Configurations { found: 1 });
}
