//! Training together equals training on everybody's records.

use super::*;

/// Five shards of different sizes with 30 features and an intercept, from one stream of uniform numbers.
fn shards(parameters: usize) -> Vec<Shard> {
    let mut random = ChaCha8Rng::seed_from_u64(20_270_101);
    let mut uniform = move || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let truth: Vec<f64> = (0..parameters).map(|_| uniform() - 0.5).collect();
    [120, 80, 200, 50, 150]
        .map(|records| {
            let (mut features, mut labels) = (Vec::new(), Vec::new());
            for _ in 0..records {
                let mut record: Vec<f64> = (1..parameters).map(|_| 4.0 * uniform() - 2.0).collect();
                record.push(1.0);
                let score = linear::dot(&record, &truth);
                labels.push(f64::from(u8::from(uniform() * (1.0 + (-score).exp()) < 1.0)));
                features.extend(record);
            }
            Shard { dimension: parameters, features, labels }
        })
        .into()
}

/// The fit on all records in one shard, to the end: the gradient of what is minimised is zero there.
fn pooled(shards: &[Shard], ridge: f64) -> Vec<f64> {
    let dimension = shards[0].dimension;
    let all = Shard {
        dimension,
        features: shards.iter().flat_map(|shard| shard.features.clone()).collect(),
        labels: shards.iter().flat_map(|shard| shard.labels.clone()).collect(),
    };
    let task = Newton::new(dimension, ridge, Intercept::LastUnpenalised, 100.0).unwrap();
    let mut theta = vec![0.0; dimension];
    for _ in 0..40 {
        let aggregate = crate::Aggregate { values: all.sums(&theta, false), records: all.records(), members: 1 };
        theta = task.advance(&theta, &aggregate).unwrap();
    }
    let gradient = all.sums(&theta, false);
    for (place, (gradient, theta)) in gradient.iter().zip(&theta).enumerate() {
        let penalty = if place + 1 < dimension { ridge * theta } else { 0.0 };
        assert!((gradient + penalty).abs() < 1e-9, "the pooled fit is no minimum");
    }
    theta
}

#[test]
fn ten_rounds_of_newton_reach_the_pooled_solution() {
    const PARAMETERS: usize = 31;
    let shards = shards(PARAMETERS);
    let expected = pooled(&shards, 1.0);
    let names = ["a", "b", "c", "d", "e"];
    let mut members: Vec<ShardMember> = shards
        .iter()
        .zip(names)
        .enumerate()
        .map(|(place, (shard, name))| ShardMember::new(id(name), place as u64, 0, shard.clone(), Training::Sums))
        .collect();
    let task = Newton::new(PARAMETERS, 1.0, Intercept::LastUnpenalised, 100.0).unwrap();
    let settings = Settings { quorum: 5, tolerance: 0.05, ..settings() };
    let members_of = names.iter().map(|name| id(name)).collect();
    let mut coordinator = Coordinator::new(task, settings, members_of, vec![0.0; PARAMETERS], None).unwrap();
    let holdout = |parameters: &[f64]| shards[2].mean_loss(parameters);
    let mut needed = 0;
    for round in 1..=10 {
        let mut open = coordinator.open(0, 0).unwrap();
        open.collect(&mut members, &mut Steps(0));
        assert_eq!(coordinator.close(open, &holdout).outcome, Outcome::Accepted);
        let away = coordinator.parameters().iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if away < 1e-6 {
            needed = round;
            break;
        }
    }
    assert!((2..=10).contains(&needed), "not within 1e-6 after ten rounds");
}
