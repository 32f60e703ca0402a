//! Drawdown by the fit that the model does not have: what it costs to have no sums, or what sums would give.
//!
//! A model by Newton's method is judged beside averaged parameters, and the other way round, on the same records and in
//! the same scale. It is fitted without rounds, by someone who sees all records, and is never the model.

use crate::{
    data::Shard,
    models::drawdown::LogisticParameters,
    train::{PlainRounds, logistic, logistic_shard},
};

/// The other fit of these members, in the scale of `model`, which all know before the first round. Who cannot be fitted
/// that way is left out. `None` when nobody can.
pub(super) fn other_fit(shards: &[&Shard], model: &LogisticParameters, ridge: f64) -> Option<LogisticParameters> {
    let fit = model.fit.other();
    let usable: Vec<_> = shards.iter().filter_map(|shard| logistic_shard(shard, &model.scaling, fit).ok()).collect();
    let theta = logistic(&mut PlainRounds, fit, &usable, None, ridge).ok()?;
    Some(LogisticParameters { fit, theta, ..model.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{day, shards},
        models::drawdown::DrawdownFit,
        train::{Settings, train},
    };

    fn recent() -> Vec<Shard> {
        shards().iter().map(|shard| shard.within(day("2020-09-01")..u32::MAX).unwrap()).collect()
    }

    fn fitted(shards: &[Shard], drawdown_ridge: f64, drawdown_fit: DrawdownFit) -> LogisticParameters {
        let settings = Settings { trees: 4, drawdown_ridge, drawdown_fit, ..Settings::default() };
        train(shards, None, &settings, &mut PlainRounds).unwrap().parameters.drawdown.unwrap()
    }

    fn newton(shards: &[Shard], ridge: f64) -> LogisticParameters {
        fitted(shards, ridge, DrawdownFit::Newton)
    }

    fn apart(left: &LogisticParameters, right: &LogisticParameters) -> f64 {
        left.theta.iter().zip(&right.theta).map(|(left, right)| (left - right).abs()).fold(0.0, f64::max)
    }

    /// Of one member there is nothing to average: it is that member's own fit.
    #[test]
    fn alone_it_is_newtons_fit_and_together_it_only_comes_near() {
        let shards = recent();
        let alone = newton(&shards[..1], 1.0);
        let off = apart(&other_fit(&[&shards[0]], &alone, 1.0).unwrap(), &alone);
        assert!(off < 1e-3, "{off}");
        let together = newton(&shards, 100.0);
        let found = other_fit(&shards.iter().collect::<Vec<_>>(), &together, 100.0).unwrap();
        let off = apart(&found, &together);
        let nothing = LogisticParameters { theta: vec![0.0; together.theta.len()], ..together.clone() };
        assert!(off > 1e-3 && off < 0.5 * apart(&nothing, &together), "{off}");
    }

    #[test]
    fn each_fit_is_the_others_rival() {
        let shards = recent();
        let all: Vec<&Shard> = shards.iter().collect();
        let [newton, averaged] = [DrawdownFit::Newton, DrawdownFit::FedAvg].map(|fit| fitted(&shards, 100.0, fit));
        assert_ne!(newton.theta, averaged.theta);
        assert_eq!(other_fit(&all, &newton, 100.0), Some(averaged.clone()));
        assert_eq!(other_fit(&all, &averaged, 100.0), Some(newton));
    }

    #[test]
    fn without_both_classes_there_is_nothing_to_average() {
        let shards = recent();
        let together = newton(&shards, 100.0);
        // Days of rising prices.
        let calm = shards[0].within(day("2021-02-01")..day("2021-02-05")).unwrap();
        assert_eq!(calm.counts().events, 0);
        assert_eq!(other_fit(&[&calm], &together, 100.0), None);
        assert_eq!(other_fit(&[], &together, 100.0), None);
    }
}
