//! Lloyd's rounds, judged by how far public days are from the centres.

use super::{
    adding::{Summing, bounds},
    rounds::{Federated, NEVER, Tolerances},
};
use quaestor_risk::{
    models::regime::{Point, RegimeParameters},
    train::{Contribution, Part, RoundsError},
};

/// How much farther public days may be from their centres after a round, squared standard deviations. Members' days are
/// others, so that an honest round takes the centres away from public ones, by 0.31 at most (seeds 1 to 12, until March and
/// May 2021 and on all days).
const TOLERANCE: f64 = 0.4;
/// By that distance, in rounds that are refused; it says nothing of members in one that is accepted, where the honest are
/// worth anything between −0.9 and 0.5.
const CENTRES: Tolerances = Tolerances { refused: 0.2, accepted: 2.0, weight_shared: NEVER };

impl Federated {
    /// Sums around the centres of `from`, without those who are out.
    pub(super) fn centred(
        &mut self,
        part: Part,
        contributions: &[Contribution],
        from: &RegimeParameters,
        public: Option<&[Point]>,
    ) -> Result<Vec<f64>, RoundsError> {
        if self.settings.noise.is_some() {
            return Err("with noise no sum leaves a member as it is".into());
        }
        let width = 3 * from.centres.len();
        self.recorded(part, |rounds, _| {
            let mut members = rounds.summands(contributions)?;
            let loss = |sums: &[f64]| distance(sums.get(..width).unwrap_or_default(), from, public);
            let holdout = public.map(|points| from.sums(points)).transpose()?;
            let holdout = public.zip(holdout).map(|(points, values)| Contribution {
                member: String::new(),
                records: points.len() as u64,
                values,
            });
            let summing = Summing {
                width: width + 1,
                grid: None,
                norm_max: bounds::of_sums(holdout.as_ref()),
                tolerance: TOLERANCE,
                tolerances: Some(CENTRES),
            };
            let mut sums = rounds.summed(part, &mut members, &summing, &loss)?;
            sums.truncate(width);
            Ok(sums)
        })
    }
}

/// Mean squared distance of public days from the centres that sums lead to. Sums of nothing leave centres where they are;
/// a regime of fewer days than none is no regime.
fn distance(sums: &[f64], from: &RegimeParameters, public: Option<&[Point]>) -> f64 {
    if sums.iter().step_by(3).any(|days| *days < 0.0) {
        return f64::INFINITY;
    }
    let Ok(next) = from.step(sums) else { return f64::INFINITY };
    public.map_or(Some(0.0), |points| next.mean_square_distance(points)).unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests;
