use super::*;
use crate::linear::packed_upper_index;
use proptest::prelude::*;

proptest! {
    /// Gradient and Hessian are the first and second differences of the loss.
    #[test]
    fn sums_are_derivatives_of_the_loss(
        records in prop::collection::vec((prop::array::uniform2(-2.0f64..2.0), prop::bool::ANY), 1..12),
        theta in prop::array::uniform3(-1.5f64..1.5),
        turned in prop::bool::ANY,
    ) {
        let shard = Shard {
            dimension: 3,
            features: records.iter().flat_map(|(record, _)| [record[0], record[1], 1.0]).collect(),
            labels: records.iter().map(|(_, label)| f64::from(u8::from(*label))).collect(),
        };
        let loss = |theta: &[f64]| *shard.sums(theta, turned).last().unwrap();
        let sums = shard.sums(&theta, turned);
        if !turned {
            prop_assert!((loss(&theta) / records.len() as f64 - shard.mean_loss(&theta)).abs() < 1e-12);
        }
        let moved = |by: &[(usize, f64)]| {
            let mut theta = theta.to_vec();
            by.iter().for_each(|(place, by)| theta[*place] += by);
            theta
        };
        let h = 1e-4;
        for i in 0..3 {
            let slope = (loss(&moved(&[(i, h)])) - loss(&moved(&[(i, -h)]))) / (2.0 * h);
            prop_assert!((slope - sums[i]).abs() < 1e-5, "gradient {i}: {slope} {}", sums[i]);
            for j in i..3 {
                let gradient = |theta: Vec<f64>| shard.sums(&theta, turned)[i];
                let bend = (gradient(moved(&[(j, h)])) - gradient(moved(&[(j, -h)]))) / (2.0 * h);
                let hessian = sums[3 + packed_upper_index(3, i, j)];
                prop_assert!((bend - hessian).abs() < 1e-5, "Hessian {i} {j}: {bend} {hessian}");
            }
        }
        // Record by record they add up to the same, but for the loss.
        let mut total = vec![0.0; sums.len()];
        shard.each_record::<()>(&theta, turned, |record| { linear::add_scaled(&mut total, 1.0, record); Ok(()) }).unwrap();
        prop_assert_eq!(total.pop(), Some(0.0));
        for (one, all) in total.iter().zip(&sums) {
            prop_assert!((one - all).abs() < 1e-12);
        }
    }

    /// The rank formula counts the pairs that are in order.
    #[test]
    fn the_area_is_the_share_of_ordered_pairs(
        records in prop::collection::vec((0i8..6, prop::bool::ANY), 0..25),
    ) {
        let scores: Vec<f64> = records.iter().map(|(score, _)| f64::from(*score)).collect();
        let labels: Vec<f64> = records.iter().map(|(_, label)| f64::from(u8::from(*label))).collect();
        let (mut pairs, mut ordered) = (0.0, 0.0);
        for (high, positive) in &records {
            for (low, other) in &records {
                if *positive && !other {
                    pairs += 1.0;
                    ordered += if high > low { 1.0 } else if high == low { 0.5 } else { 0.0 };
                }
            }
        }
        let expected = if pairs > 0.0 { ordered / pairs } else { 0.5 };
        prop_assert!((auc(&scores, &labels) - expected).abs() < 1e-12);
    }
}
