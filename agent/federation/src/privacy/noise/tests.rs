use super::*;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::ChaCha20Rng};

const GRID: FixedPoint = FixedPoint { fraction_bits: 32, clip: 2.0, noise_multiplier: 3.0, honest_min: 4 };

#[test]
fn a_members_share_of_the_variance_is_one_of_h() {
    // 3 · 2 · 2^32 / √4, and one step for rounding.
    assert_eq!(GRID.member_deviation_steps().unwrap(), 3 * (1 << 32) + 1);
    let alone = FixedPoint { honest_min: 1, ..GRID }.member_deviation_steps().unwrap();
    assert_eq!(alone, 6 * (1 << 32) + 1);
}

#[test]
fn the_noise_has_the_stated_deviation_and_no_mean() {
    // 4 members, 3,000 numbers each: the sum's variance is known to about 1/√1500 = 2.6 %.
    let (members, length) = (4, 3_000);
    let mut random = ChaCha20Rng::seed_from_u64(7);
    let mut total = vec![0.0; length];
    for _ in 0..members {
        for (total, value) in total.iter_mut().zip(GRID.sum(length).release(&mut random).unwrap()) {
            *total += value;
        }
    }
    let mean = total.iter().sum::<f64>() / length as f64;
    let deviation = (total.iter().map(|value| value * value).sum::<f64>() / length as f64).sqrt();
    assert!(mean.abs() < 4.0 * 6.0 / (length as f64).sqrt(), "mean {mean}");
    assert!((deviation / 6.0 - 1.0).abs() < 0.06, "deviation {deviation} instead of 6");
    let beyond = total.iter().filter(|value| value.abs() > 12.0).count() as f64 / length as f64;
    assert!((0.03..0.065).contains(&beyond), "{beyond} lie beyond two deviations, 0.0455 should");
}

#[test]
fn the_same_generator_gives_the_same_noise() {
    let release = |seed| GRID.sum(5).release(&mut ChaCha20Rng::seed_from_u64(seed)).unwrap();
    assert_eq!(release(1), release(1));
    assert_ne!(release(1), release(2));
}

#[test]
fn what_makes_no_sense_is_an_error() {
    let of = |grid: FixedPoint| grid.member_deviation_steps().unwrap_err();
    assert!(matches!(of(FixedPoint { fraction_bits: 8, ..GRID }), NoiseError::Coarse { .. }));
    assert!(matches!(of(FixedPoint { clip: f64::NAN, ..GRID }), NoiseError::NotPositive { name: "the clip", .. }));
    assert!(matches!(of(FixedPoint { noise_multiplier: 0.0, ..GRID }), NoiseError::NotPositive { .. }));
    assert_eq!(of(FixedPoint { honest_min: 0, ..GRID }), NoiseError::NoHonest);
    assert_eq!(of(FixedPoint { fraction_bits: 49, ..GRID }), NoiseError::FractionBits { found: 49 });
    assert!(matches!(of(FixedPoint { clip: 1e9, ..GRID }), NoiseError::Overflow { .. }));
    let mut sum = GRID.sum(2);
    assert_eq!(sum.add(&[2.0, 2.0]), Err(NoiseError::NotClipped { found: 8f64.sqrt(), most: 2.0 }));
    assert!(matches!(sum.add(&[f64::NAN, 0.0]), Err(NoiseError::NotClipped { .. })));
    assert_eq!(sum.add(&[1.0]), Err(NoiseError::Length { found: 1, expected: 2 }));
    assert_eq!(sum, GRID.sum(2), "nothing was added");
}

proptest! {
    /// A record on the grid is never longer than the clip, and each number is off by less than one step.
    #[test]
    fn rounding_never_lengthens(mut record in prop::collection::vec(-9.0f64..9.0, 1..20)) {
        crate::privacy::clip(&mut record, GRID.clip);
        let mut sum = GRID.sum(record.len());
        sum.add(&record).unwrap();
        let squares: u128 = sum.steps.iter().map(|steps| u128::from(steps.unsigned_abs()).pow(2)).sum();
        prop_assert!(squares <= (2u128 << 32).pow(2));
        for (steps, value) in sum.steps.iter().zip(&record) {
            prop_assert!((*steps as f64 * GRID.step() - value).abs() < GRID.step());
        }
    }

    /// Sums do not depend on the order of the records.
    #[test]
    fn sums_are_exact(records in prop::collection::vec(prop::array::uniform2(-1.0f64..1.0), 1..30)) {
        let sum = |records: &mut dyn Iterator<Item = &[f64; 2]>| {
            let mut sum = GRID.sum(2);
            records.for_each(|record| sum.add(record).unwrap());
            sum
        };
        prop_assert_eq!(sum(&mut records.iter()), sum(&mut records.iter().rev()));
    }
}
