//! Drawdown by averaged parameters: what training together gives where members may not send sums.
//!
//! McMahan et al., *Communication-efficient learning of deep networks from decentralized data* (AISTATS 2017): in each
//! round a member goes a few steps of linfa's solver from the common θ, and the results are averaged by records. It is
//! judged beside Newton's method on sums so that a card says what it would cost to have no sums. It is never the model.

use crate::{
    data::Shard,
    models::{
        ModelError,
        drawdown::{LogisticParameters, local_steps},
    },
};

/// Rounds. Newton's method needs about eight, each with a gradient and a Hessian instead of parameters.
const ROUNDS: usize = 20;
/// Steps of a member in a round.
const LOCAL_STEPS: u64 = 5;

/// θ of these members, from zero, in the scale of `newton`, which all know before the first round. A member with events
/// only or without one has no steps to go and is left out, as is one whose steps linfa cannot go in that round. The
/// ridge is shared out by records, so that the members' objectives add up to the pooled one. `None` when nobody has
/// anything to average.
pub(super) fn averaged(shards: &[&Shard], newton: &LogisticParameters, ridge: f64) -> Option<LogisticParameters> {
    let scaled = |shard: &&Shard| newton.scaling.apply(shard.drawdown());
    let members: Vec<_> = shards.iter().map(scaled).collect::<Result<_, ModelError>>().ok()?;
    let usable: Vec<_> = members.iter().filter(|member| member.expect_both_classes(1).is_ok()).collect();
    let all = usable.iter().map(|member| member.len()).sum::<usize>() as f64;
    let mut theta = vec![0.0; newton.theta.len()];
    let mut moved = false;
    for _ in 0..ROUNDS {
        let (mut sum, mut weight) = (vec![0.0; theta.len()], 0.0);
        for member in &usable {
            let records = member.len() as f64;
            let Ok(own) = local_steps(member, &theta, ridge * records / all, LOCAL_STEPS) else { continue };
            weight += records;
            for (sum, own) in sum.iter_mut().zip(&own) {
                *sum += records * own;
            }
        }
        if weight == 0.0 {
            break;
        }
        moved = true;
        theta = sum.iter().map(|sum| sum / weight).collect();
    }
    moved.then(|| LogisticParameters { theta, ..newton.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{day, shards},
        train::{PlainRounds, Settings, train},
    };

    fn recent() -> Vec<Shard> {
        shards().iter().map(|shard| shard.within(day("2020-09-01")..u32::MAX).unwrap()).collect()
    }

    fn newton(shards: &[Shard], ridge: f64) -> LogisticParameters {
        let settings = Settings { trees: 4, drawdown_ridge: ridge, ..Settings::default() };
        train(shards, None, &settings, &mut PlainRounds).unwrap().parameters.drawdown.unwrap()
    }

    fn apart(left: &LogisticParameters, right: &LogisticParameters) -> f64 {
        left.theta.iter().zip(&right.theta).map(|(left, right)| (left - right).abs()).fold(0.0, f64::max)
    }

    /// Of one member there is nothing to average: it is that member's own fit.
    #[test]
    fn alone_it_is_newtons_fit_and_together_it_only_comes_near() {
        let shards = recent();
        let alone = newton(&shards[..1], 1.0);
        let off = apart(&averaged(&[&shards[0]], &alone, 1.0).unwrap(), &alone);
        assert!(off < 1e-3, "{off}");
        let together = newton(&shards, 100.0);
        let found = averaged(&shards.iter().collect::<Vec<_>>(), &together, 100.0).unwrap();
        let off = apart(&found, &together);
        let nothing = LogisticParameters { theta: vec![0.0; together.theta.len()], ..together.clone() };
        assert!(off > 1e-3 && off < 0.5 * apart(&nothing, &together), "{off}");
    }

    #[test]
    fn without_both_classes_there_is_nothing_to_average() {
        let shards = recent();
        let together = newton(&shards, 100.0);
        // Days of rising prices.
        let calm = shards[0].within(day("2021-02-01")..day("2021-02-05")).unwrap();
        assert_eq!(calm.counts().events, 0);
        assert_eq!(averaged(&[&calm], &together, 100.0), None);
        assert_eq!(averaged(&[], &together, 100.0), None);
    }
}
