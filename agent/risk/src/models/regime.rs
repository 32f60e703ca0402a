//! Market regimes: groups of days of like volatility and drawdown.
//!
//! J. MacQueen, *Some methods for classification and analysis of multivariate observations*, Berkeley Symposium 5
//! (1967); S. Lloyd, *Least squares quantization in PCM*, IEEE Transactions on Information Theory 28 (1982). A member's
//! own fit is linfa's. Training together repeats Lloyd's step on summed counts and sums, which equals the step on pooled
//! days; linfa's own step counts the old centre as one more day, so its centres are those of Lloyd only once it has
//! settled.
//!
//! Both start from centres spread evenly over the volatility, so that no generator is needed and everyone starts alike.

use super::{
    ModelError, Moments, Scaling,
    error::{expect_finite, expect_length, expect_setting},
};
use crate::{
    examples::{Examples, ExamplesError},
    linalg,
};
use linfa::{DatasetBase, traits::Fit};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Version of linfa-clustering that local fits come from; it belongs in a model's card.
pub const LINFA_VERSION: &str = "0.8.1";
/// Most regimes.
pub const REGIMES_MAX: usize = 8;
/// Most iterations of a local fit.
const ITERATIONS_MAX: u64 = 1_000;
/// Movement of the centres, in standard deviations, at which a local fit has settled.
const SETTLED: f64 = 1e-9;

/// How far from the mean the outermost centres start, standard deviations of volatility.
const START_REACH: f64 = 1.5;

/// A day: its volatility and its drawdown.
pub type Point = [f64; 2];

/// Centres of regimes, calmest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegimeParameters {
    /// Scaled volatility and drawdown of each centre, by rising volatility.
    pub centres: Vec<Point>,
    /// Scale of volatility and drawdown.
    pub scaling: Scaling,
}

/// Moments of days, to fix the scale from before the first round.
///
/// # Errors
/// If there is no day, or a number is not finite.
pub fn moments(points: &[Point]) -> Result<Moments, ModelError> {
    Ok(Moments::of_features(&examples(points)?))
}

/// The scale of all members' days.
///
/// # Errors
/// If volatility or drawdown never varies.
pub fn scaling(moments: &Moments) -> Result<Scaling, ModelError> {
    Scaling::from_moments(moments, &names())
}

fn names() -> Vec<String> {
    vec!["volatility".to_owned(), "drawdown".to_owned()]
}

fn examples(points: &[Point]) -> Result<Examples, ModelError> {
    let days = (0..).take(points.len()).collect();
    Ok(Examples::new(names(), points.iter().flatten().copied().collect(), vec![0.0; points.len()], days)?)
}

impl RegimeParameters {
    /// Before the first round: `regimes` centres spread over the volatility's range, drawdown at its mean.
    ///
    /// # Errors
    /// If there is none, or more than [`REGIMES_MAX`].
    pub fn start(regimes: usize, scaling: Scaling) -> Result<Self, ModelError> {
        scaling.check(2)?;
        expect_setting("regimes", regimes as f64, 1.0..=REGIMES_MAX as f64, "from 1 to 8 regimes")?;
        let spread = |place: usize| (2.0 * place as f64 + 1.0) / regimes as f64 - 1.0;
        Ok(Self { centres: (0..regimes).map(|place| [START_REACH * spread(place), 0.0]).collect(), scaling })
    }

    /// Centres of one member's days, by linfa's k-means.
    ///
    /// # Errors
    /// If there are fewer days than regimes, a number is not finite, volatility or drawdown never varies, or linfa fails.
    pub fn fit(points: &[Point], regimes: usize) -> Result<Self, ModelError> {
        let days = examples(points)?;
        if days.len() < regimes {
            return Err(ExamplesError::TooFewRecords { found: days.len(), least: regimes }.into());
        }
        let begun = Self::start(regimes, scaling(&Moments::of_features(&days))?)?;
        let scaled = begun.scaling.apply(&days)?;
        let failed =
            |reason: String| ModelError::Library { library: "linfa-clustering", version: LINFA_VERSION, reason };
        let shaped = |rows: usize, numbers: Vec<f64>| Array2::from_shape_vec((rows, 2), numbers);
        let x = shaped(days.len(), scaled.features().to_vec()).map_err(|shape| failed(shape.to_string()))?;
        let centres = shaped(regimes, begun.centres.iter().flatten().copied().collect());
        let centres = centres.map_err(|shape| failed(shape.to_string()))?;
        let fitted = KMeans::params(regimes)
            .init_method(KMeansInit::Precomputed(centres))
            .n_runs(1)
            .tolerance(SETTLED)
            .max_n_iterations(ITERATIONS_MAX)
            .fit(&DatasetBase::from(x))
            .map_err(|error| failed(error.to_string()))?;
        let centres = fitted.centroids().rows().into_iter().map(|row| [row[0], row[1]]).collect();
        let found = Self { centres, scaling: begun.scaling }.ordered();
        found.check()?;
        Ok(found)
    }

    fn ordered(mut self) -> Self {
        self.centres.sort_by(|[left, _], [right, _]| left.total_cmp(right));
        self
    }

    /// Fails if the parameters are impossible.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        self.scaling.check(2)?;
        let range = 1.0..=REGIMES_MAX as f64;
        expect_setting("regimes", self.centres.len() as f64, range, "from 1 to 8 regimes")?;
        for (position, centre) in self.centres.iter().enumerate() {
            expect_finite("centres", centre)?;
            if self.centres.get(position + 1).is_some_and(|next| next[0] < centre[0]) {
                let wanted = "centres stand by rising volatility";
                return Err(ModelError::Number { what: "centres", position, found: centre[0], wanted });
            }
        }
        Ok(())
    }

    /// The regime of a day, zero being the calmest: the nearest centre, of equally near ones the calmer. `None` if a
    /// number is not finite.
    pub fn regime(&self, point: Point) -> Option<usize> {
        self.nearest(point).map(|(regime, _)| regime)
    }

    /// Mean of the squared distances of days to their nearest centres, in squared standard deviations: what Lloyd's steps
    /// lower on the days that they are made from. `None` without days, or if a number is not finite.
    pub fn mean_square_distance(&self, points: &[Point]) -> Option<f64> {
        let mut sum = 0.0;
        for point in points {
            sum += self.nearest(*point)?.1;
        }
        (!points.is_empty() && sum.is_finite()).then(|| sum / points.len() as f64)
    }

    /// The nearest centre, and the square of its distance.
    fn nearest(&self, point: Point) -> Option<(usize, f64)> {
        if !point.iter().all(|number| number.is_finite()) {
            return None;
        }
        let mut scaled = self.scaling.row(&point);
        let [volatility, drawdown] = [scaled.next()?, scaled.next()?];
        let mut nearest: Option<(usize, f64)> = None;
        for (regime, centre) in self.centres.iter().enumerate() {
            let [x, y] = [volatility - centre[0], drawdown - centre[1]];
            let distance = x * x + y * y;
            if nearest.is_none_or(|(_, least)| distance < least) {
                nearest = Some((regime, distance));
            }
        }
        nearest
    }

    /// Count, summed volatility and summed drawdown (scaled) of the days of each regime, regime by regime; to be added
    /// place by place.
    ///
    /// # Errors
    /// If a number is not finite.
    pub fn sums(&self, points: &[Point]) -> Result<Vec<f64>, ModelError> {
        self.check()?;
        let mut sums = vec![0.0; 3 * self.centres.len()];
        for (position, point) in points.iter().enumerate() {
            let wanted = "only finite numbers are usable";
            let bad = || ModelError::Number { what: "days", position, found: point[0] + point[1], wanted };
            let regime = self.regime(*point).ok_or_else(bad)?;
            let scaled: Vec<f64> = [1.0].into_iter().chain(self.scaling.row(point)).collect();
            let place = &mut sums[3 * regime..3 * regime + 3];
            linalg::add(place, &scaled).map_err(ModelError::linalg("regimes"))?;
        }
        Ok(sums)
    }

    /// Lloyd's step: the centres of summed [`Self::sums`]. A regime without days keeps its centre.
    ///
    /// # Errors
    /// If there are more or fewer numbers than regimes ask for, or one is not finite.
    pub fn step(&self, sums: &[f64]) -> Result<Self, ModelError> {
        expect_length("regime sums", 3 * self.centres.len(), sums.len())?;
        expect_finite("regime sums", sums)?;
        let moved = |(sums, centre): (&[f64], &Point)| match sums {
            [days, volatility, drawdown] if *days > 0.0 => [volatility / days, drawdown / days],
            _ => *centre,
        };
        let centres = sums.chunks_exact(3).zip(&self.centres).map(moved).collect();
        let next = Self { centres, scaling: self.scaling.clone() }.ordered();
        next.check()?;
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
