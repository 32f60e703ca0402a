//! What a round costs in process, and a federation of 1,000 members.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use quaestor_federation::{
    Aggregation, Coordinator, Member, MemberId, Settings, Ticks,
    simulation::{Shard, ShardMember, SimulationPlan, Training, Trouble, simulate},
    task::{Intercept, Newton},
};
use std::{hint::black_box, time::Duration};

const PARAMETERS: usize = 31;
const MEMBERS: u64 = 5;
const RECORDS: usize = 100;

struct NoWait;

impl Ticks for NoWait {
    fn next(&mut self) -> u64 {
        0
    }
}

/// Records on a fixed pattern: what they say does not matter for the time.
fn shard(place: u64) -> Shard {
    let feature = |index: usize| match index % PARAMETERS == PARAMETERS - 1 {
        true => 1.0,
        false => ((index as u64 * 7_919 + place * 104_729) % 1_009) as f64 / 504.5 - 1.0,
    };
    let label = |record: usize| f64::from(u8::from((record as u64 * 31 + place).is_multiple_of(3)));
    Shard {
        dimension: PARAMETERS,
        features: (0..RECORDS * PARAMETERS).map(feature).collect(),
        labels: (0..RECORDS).map(label).collect(),
    }
}

fn round(c: &mut Criterion) {
    let member = |place| {
        ShardMember::new(MemberId::new(format!("member-{place}")).unwrap(), place, 0, shard(place), Training::Sums)
    };
    let mut members: Vec<ShardMember> = (0..MEMBERS).map(member).collect();
    let settings = Settings {
        aggregation: Aggregation::WeightedMean,
        quorum: 5,
        wait_ticks_max: 0,
        tolerance: 1.0,
        norm_max: 1e6,
        records_max: 1_000,
        reputation: None,
        noise: None,
    };
    let task = Newton::new(PARAMETERS, 1.0, Intercept::LastUnpenalised, 100.0).unwrap();
    let ids = members.iter().map(|member| member.id().clone()).collect();
    let start = Coordinator::new(task, settings, ids, vec![0.0; PARAMETERS], None).unwrap();
    let holdout = shard(99);
    c.bench_function("a Newton round, 31 parameters, 5 members of 100 records", |b| {
        b.iter_batched(
            || start.clone(),
            |mut coordinator| {
                let mut open = coordinator.open(0, 0).unwrap();
                open.collect(&mut members, &mut NoWait);
                black_box(coordinator.close(open, &|parameters: &[f64]| holdout.mean_loss(parameters)))
            },
            BatchSize::SmallInput,
        )
    });
}

fn thousand(c: &mut Criterion) {
    let mut group = c.benchmark_group("1,000 members, 20 rounds, 31 parameters, 30 % trouble");
    group.sample_size(10).measurement_time(Duration::from_secs(60));
    let trouble = Trouble {
        sign_flipped_bps: 2_000,
        gone_bps: 500,
        stragglers_bps: 500,
        straggler_ticks: 3,
        ..Trouble::default()
    };
    let plan = SimulationPlan {
        members: 1_000,
        records_per_member: 100,
        features: PARAMETERS - 1,
        rounds: 20,
        trouble,
        ..SimulationPlan::default()
    };
    for aggregation in [
        Aggregation::WeightedMean,
        Aggregation::CoordinateMedian,
        Aggregation::TrimmedMean { trim_bps: 3_000 },
        Aggregation::GeometricMedian,
        Aggregation::Krum { liars_bps: 3_000 },
        Aggregation::MultiKrum { liars_bps: 3_000 },
        Aggregation::CentredClipping,
    ] {
        let plan = SimulationPlan { aggregation, ..plan };
        group.bench_function(format!("{aggregation:?}"), |b| {
            b.iter(|| simulate(black_box(&plan), &mut |_| ()).unwrap())
        });
    }
}

criterion_group!(benches, round, thousand);
criterion_main!(benches);
