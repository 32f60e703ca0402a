//! A coordinator that is stopped between rounds and resumed from its bytes.

use super::*;
use crate::simulation::Conduct;

fn members() -> Vec<ShardMember> {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    (0..4u64)
        .map(|place| {
            let mut uniform = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let features: Vec<f64> = (0..30).flat_map(|_| [uniform() - 0.5, 1.0]).collect();
            let labels =
                (0..30).map(|record| f64::from(u8::from(features[2 * record] + 0.4 * uniform() > 0.2))).collect();
            let shard = Shard { dimension: 2, features, labels };
            let mut member = ShardMember::new(id(&format!("m{place}")), place, 9, shard, Training::Sums);
            if place == 3 {
                member.conduct = Conduct::SignFlipped(4.0);
            }
            member.gone_bps = 1_000;
            member
        })
        .collect()
}

fn start() -> Coordinator<Newton> {
    let settings = Settings {
        quorum: 2,
        tolerance: 0.1,
        norm_max: f64::INFINITY,
        records_max: 30,
        reputation: Some(ReputationRule {
            tolerance: 1e-6,
            tolerance_accepted: 1e-6,
            tolerance_weight: 1e-6,
            memory_permille: 900,
            bad_rounds_max: 3,
        }),
        noise: Some(FixedPoint { fraction_bits: 32, clip: 2.0, noise_multiplier: 0.5, honest_min: 1 }),
        ..settings()
    };
    let budget = Budget::new(1_000.0, 1e-5, 1, 1).unwrap();
    let names = (0..4).map(|place| id(&format!("m{place}"))).collect();
    Coordinator::new(task(), settings, names, vec![0.0; 2], Some(budget)).unwrap()
}

fn task() -> Newton {
    Newton::new(2, 1.0, Intercept::LastUnpenalised, 100.0).unwrap()
}

fn go(coordinator: &mut Coordinator<Newton>, members: &mut [ShardMember]) -> RoundReport {
    let mut open = coordinator.open(0, 1).unwrap();
    open.collect(members, &mut Steps(0));
    let judge = members[0].shard().clone();
    coordinator.close(open, &|parameters: &[f64]| judge.mean_loss(parameters))
}

#[test]
fn resuming_gives_the_same_bytes_as_never_stopping() {
    const ROUNDS: usize = 8;
    let mut whole = start();
    let mut bytes = vec![whole.checkpoint().unwrap()];
    let mut reports = Vec::new();
    for _ in 0..ROUNDS {
        reports.push(go(&mut whole, &mut members()));
        bytes.push(whole.checkpoint().unwrap());
    }
    assert!(bytes.windows(2).all(|pair| pair[0] != pair[1]));
    for stopped in 0..ROUNDS {
        let state = checkpoint::unseal(&bytes[stopped]).unwrap();
        let mut resumed = Coordinator::resume(task(), state).unwrap();
        for round in stopped..ROUNDS {
            assert_eq!(go(&mut resumed, &mut members()), reports[round], "stopped after {stopped}");
            assert_eq!(resumed.checkpoint().unwrap(), bytes[round + 1], "stopped after {stopped}");
        }
    }
}

#[test]
fn a_round_that_was_open_at_the_kill_is_charged_and_opened_anew() {
    let mut killed = start();
    let first = killed.open(0, 1).unwrap();
    let mut resumed = Coordinator::resume(task(), checkpoint::unseal(&killed.checkpoint().unwrap()).unwrap()).unwrap();
    let second = resumed.open(0, 1).unwrap();
    assert_eq!((first.opened().round, second.opened().round), (1, 1));
    assert_eq!((first.opened().attempt, second.opened().attempt), (1, 2), "no randomness is used twice");
    let spent = |coordinator: &Coordinator<Newton>| coordinator.state().budget.unwrap().spent_epsilon().unwrap();
    assert!(spent(&resumed) > spent(&killed), "what may have been released stays charged");
}

#[test]
fn a_state_of_another_task_is_refused() {
    let other = Newton::new(3, 1.0, Intercept::LastUnpenalised, 100.0).unwrap();
    let refused = Coordinator::resume(other, start().state().clone()).unwrap_err();
    assert!(matches!(refused, CoordinatorError::Shape { .. }), "{refused}");
}
