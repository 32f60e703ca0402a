//! Which configurations are run: row by row, each a pure function of the seed and its number.

use super::axis::Axis;
use crate::draw::{Draw, Streams};
use serde::{Deserialize, Serialize};

/// Most rows of a sweep.
pub const ROWS_MAX: u64 = 10_000_000;

/// How configurations are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// Each value of each axis with each of the others; the last axis is the fastest.
    Grid,
    /// So many, each value drawn on its own.
    Random(u64),
    /// So many, each axis cut into as many even pieces, of which each comes once (McKay, Beckman and Conover 1979).
    LatinHypercube(u64),
    /// So many sets of random weights; the grid of the axes is gone through in turn, so that each of its points has an even
    /// part of them.
    RandomWeights(u64),
}

/// Weights that are drawn: of these assets, together so many basis points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// The strategy whose shares they are.
    pub strategy: String,
    /// The assets, in the order of its shares.
    pub assets: Vec<String>,
    /// What the weights come to, basis points: what the shares of the policy do.
    pub total_bps: u64,
}

/// What one configuration is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Point {
    /// Of each axis the place of its value.
    pub places: Vec<usize>,
    /// Drawn weights, basis points; empty where none are drawn.
    pub weights: Vec<u64>,
}

/// The configurations of a sweep.
#[derive(Debug)]
pub struct Points {
    sizes: Vec<usize>,
    design: Design,
    weights: Option<(usize, u64)>,
    streams: Streams,
    /// Of a Latin hypercube, for each axis in which piece each row lies.
    pieces: Vec<Vec<u32>>,
    total: u64,
}

impl Points {
    /// Of a design. The number of rows is what [`Self::total`] says.
    pub(super) fn new(axes: &[Axis], design: Design, weights: Option<&Weights>, seed: u64) -> Self {
        let sizes: Vec<usize> = axes.iter().map(|axis| axis.values.len()).collect();
        let grid = grid(&sizes);
        let total = match design {
            Design::Grid => grid,
            Design::Random(rows) | Design::LatinHypercube(rows) | Design::RandomWeights(rows) => rows,
        };
        let streams = Streams::new(seed);
        let pieces = match design {
            // Streams of axes are counted from the end, those of rows from the beginning.
            Design::LatinHypercube(rows) if rows <= ROWS_MAX => {
                let shuffled = |axis: usize| shuffled(rows, &mut streams.stream(u64::MAX - axis as u64));
                (0..sizes.len()).map(shuffled).collect()
            }
            _ => Vec::new(),
        };
        let weights = weights.map(|weights| (weights.assets.len(), weights.total_bps));
        Self { sizes, design, weights, streams, pieces, total }
    }

    /// Rows.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The configuration of this row.
    pub fn point(&self, row: u64) -> Point {
        let mut places = vec![0; self.sizes.len()];
        let mut weights = Vec::new();
        match self.design {
            Design::Grid => self.turn(row, &mut places),
            Design::Random(_) => {
                let mut draw = self.streams.stream(row);
                places.iter_mut().zip(&self.sizes).for_each(|(place, size)| *place = draw.below(*size));
            }
            Design::LatinHypercube(rows) => {
                let mut draw = self.streams.stream(row);
                for ((place, size), pieces) in places.iter_mut().zip(&self.sizes).zip(&self.pieces) {
                    let piece = pieces.get(row as usize).copied().unwrap_or_default();
                    let through = (f64::from(piece) + draw.unit()) / rows.max(1) as f64;
                    *place = ((through * *size as f64) as usize).min(size - 1);
                }
            }
            Design::RandomWeights(_) => {
                self.turn(row % grid(&self.sizes).max(1), &mut places);
                if let Some((assets, total_bps)) = self.weights {
                    weights = divided(assets, total_bps, &mut self.streams.stream(row));
                }
            }
        }
        Point { places, weights }
    }

    /// The point of the grid with this number.
    fn turn(&self, number: u64, places: &mut [usize]) {
        let mut rest = number;
        for (place, size) in places.iter_mut().zip(&self.sizes).rev() {
            *place = (rest % *size as u64) as usize;
            rest /= *size as u64;
        }
    }
}

/// Points of a grid; at most one more than there may be rows.
fn grid(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1u64, |product, size| product.saturating_mul(*size as u64)).min(ROWS_MAX + 1)
}

/// The numbers below `rows` in a random order (Fisher and Yates, as Durstenfeld has it).
fn shuffled(rows: u64, draw: &mut Draw) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect();
    for place in (1..order.len()).rev() {
        order.swap(place, draw.below(place + 1));
    }
    order
}

/// `total` divided into so many parts at random, each division as likely as any other (Dirichlet's distribution with all
/// parameters one: exponential numbers over their sum), in whole basis points: what rounding down leaves goes to the
/// greatest remainders.
fn divided(parts: usize, total: u64, draw: &mut Draw) -> Vec<u64> {
    let drawn: Vec<f64> = (0..parts).map(|_| -libm::log(draw.unit())).collect();
    let sum = drawn.iter().fold(0.0, |sum, found| sum + found).max(f64::MIN_POSITIVE);
    let exact: Vec<f64> = drawn.iter().map(|found| found / sum * total as f64).collect();
    let mut whole: Vec<u64> = exact.iter().map(|found| libm::floor(*found) as u64).collect();
    let left = total.saturating_sub(whole.iter().sum());
    let mut order: Vec<usize> = (0..parts).collect();
    let remainder = |place: &usize| exact[*place] - libm::floor(exact[*place]);
    order.sort_by(|one, other| remainder(other).total_cmp(&remainder(one)).then(one.cmp(other)));
    order.into_iter().take(left as usize).for_each(|place| whole[place] += 1);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(sizes: &[i64]) -> Vec<Axis> {
        let axis = |(at, size): (usize, &i64)| Axis::parse(&format!("a{at}=1..{size}")).unwrap();
        sizes.iter().enumerate().map(axis).collect()
    }

    #[test]
    fn a_grid_has_each_point_once_the_last_axis_first() {
        let points = Points::new(&axes(&[2, 3]), Design::Grid, None, 1);
        let all: Vec<Vec<usize>> = (0..points.total()).map(|row| points.point(row).places).collect();
        assert_eq!(all, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
        assert_eq!(Points::new(&axes(&[100_000, 100_000]), Design::Grid, None, 1).total(), ROWS_MAX + 1);
    }

    #[test]
    fn a_latin_hypercube_has_each_piece_of_each_axis_once() {
        let points = Points::new(&axes(&[40, 40]), Design::LatinHypercube(40), None, 7);
        for axis in 0..2 {
            let mut places: Vec<usize> = (0..40).map(|row| points.point(row).places[axis]).collect();
            assert_ne!(places, (0..40).collect::<Vec<_>>(), "in another order");
            places.sort_unstable();
            assert_eq!(places, (0..40).collect::<Vec<_>>());
        }
        // Of four values each has a quarter of the pieces.
        let coarse = Points::new(&axes(&[4]), Design::LatinHypercube(40), None, 7);
        let mut counts = [0; 4];
        (0..40).for_each(|row| counts[coarse.point(row).places[0]] += 1);
        assert_eq!(counts, [10; 4]);
    }

    #[test]
    fn a_row_is_its_seed_and_number() {
        for design in [Design::Random(50), Design::LatinHypercube(50), Design::RandomWeights(50)] {
            let weights =
                Weights { strategy: "w".into(), assets: vec!["A".into(), "B".into(), "C".into()], total_bps: 9_000 };
            let of = |seed| Points::new(&axes(&[5, 9]), design, Some(&weights), seed);
            let rows = |points: &Points, order: &[u64]| order.iter().map(|row| points.point(*row)).collect::<Vec<_>>();
            assert_eq!(rows(&of(1), &[3, 40, 7]), {
                let points = of(1);
                let _others = rows(&points, &[1, 2, 49]);
                rows(&points, &[3, 40, 7])
            });
            assert_ne!(rows(&of(1), &[3, 40, 7]), rows(&of(2), &[3, 40, 7]), "{design:?}");
        }
    }

    /// Of a uniform division into three the mean part is a third, and its variance (k − 1) / (k² (k + 1)) = 1/18.
    #[test]
    fn random_weights_come_to_the_total_and_are_uniform() {
        let weights =
            Weights { strategy: "w".into(), assets: vec!["A".into(), "B".into(), "C".into()], total_bps: 10_000 };
        let points = Points::new(&axes(&[4]), Design::RandomWeights(40_000), Some(&weights), 3);
        let (mut sum, mut squares, mut turns) = (0.0, 0.0, [0; 4]);
        for row in 0..40_000 {
            let point = points.point(row);
            assert_eq!(point.weights.iter().sum::<u64>(), 10_000);
            turns[point.places[0]] += 1;
            let share = point.weights[1] as f64 / 10_000.0;
            sum += share;
            squares += share * share;
        }
        let (mean, variance) = (sum / 40_000.0, squares / 40_000.0 - (sum / 40_000.0).powi(2));
        assert!((mean - 1.0 / 3.0).abs() < 0.006, "{mean}");
        assert!((variance - 1.0 / 18.0).abs() < 0.002, "{variance}");
        assert_eq!(turns, [10_000; 4]);
    }
}
