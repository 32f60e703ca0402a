//! The brake and the lease at the worst moments.

use super::{
    audit::{audit, operator_nonce},
    stand::{self, demo_records},
};
use alloy::{
    primitives::{Bytes, U256},
    providers::{Provider, ext::AnvilApi},
    sol_types::SolCall,
};
use quaestor::agent::Record;
use quaestor_contracts::bindings::EmergencyBrake;
use quaestor_core::{
    Amount, Call, Rule,
    lifecycle::{Errand, Event, Outcome, Reason},
};
use quaestor_tests::Stage;
use std::time::Duration;

const SEND: &str = "eth_sendRawTransaction";
/// Code that reverts at once.
const BROKEN: &[u8] = &[0x60, 0, 0x60, 0, 0xfd];

/// Rows in which something leaves the agent or is given up.
fn left(stage: &Stage, skip: usize) -> usize {
    let leaves = |record: &&Record| {
        matches!(record, Record::Prepared { .. } | Record::Signed { .. })
            || matches!(record, Record::Happened { event: Event::Withdraw { .. }, .. })
    };
    demo_records(stage).iter().skip(skip).filter(leaves).count()
}

/// An hour and some blocks pass in which the agent tries to decide.
async fn next_hour(stage: &Stage) {
    let now = stage.devnet.chain.now().await.unwrap();
    stage.devnet.warp_to((now / 3_600 + 1) * 3_600).await.unwrap();
    stage.devnet.mine(3).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pulled_between_signature_and_send_the_revocation_takes_the_nonce() {
    let mut stage = stand::stand().await;
    let operator = stage.devnet.dao.people.operator.address();
    stage.proxy.hold(SEND);
    let plan = stand::rebalance(&mut stage, 60).await;
    let id = plan.id;
    let signed = stand::written(&mut stage, "sign", |it| matches!(it, Record::Signed { .. })).await;
    let Record::Signed { tx: proposing, errand: Errand::Propose, .. } = signed else { panic!("{signed:?}") };
    stand::holds("the send", || stage.proxy.count(SEND) > 0).await;
    let guardian = stage.devnet.dao.people.guardians[0].address();
    stage.devnet.pull(guardian).await.unwrap();
    stage.proxy.restore(SEND);
    let outcome = stand::ended(&mut stage, &plan).await;
    assert!(matches!(outcome, Outcome::Withdrawn { reason: Reason::BrakePulled }), "{outcome:?}");
    assert!(stage.revoked(&plan).await.unwrap());
    let revoking = demo_records(&stage).into_iter().find_map(|it| match it {
        Record::Signed { decision, errand: Errand::Revoke, tx } if decision == id => Some(tx),
        _ => None,
    });
    assert_eq!(revoking.unwrap().nonce, proposing.nonce);

    // Whoever still holds the bytes cannot use them.
    let late = stage.devnet.chain.provider().send_raw_transaction(&proposing.raw).await;
    assert!(late.unwrap_err().to_string().contains("nonce too low"));
    assert!(!stand::is_proposed(&stage, &plan).await);
    let after = operator_nonce(&stage, operator).await;
    stage.next_decision().await.unwrap();
    assert_eq!(operator_nonce(&stage, operator).await, after, "while it is pulled nothing else leaves");
    audit(&stage, &[].into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_it_holds_everything_and_gives_nothing_up() {
    let mut stage = stand::stand().await;
    let brake = stage.devnet.dao.controls.brake;

    // The node does not answer for it: no decision, nothing leaves.
    stage.proxy.set_unreadable(brake, true);
    stand::price(&stage, 60).await;
    let skip = stage.rows().unwrap().len();
    next_hour(&stage).await;
    assert_eq!((left(&stage, skip), stage.proxy.count(SEND)), (0, 0));
    assert!(stage.agent_runs());
    stage.proxy.set_unreadable(brake, false);
    let planned = stage.wait_for("plan", skip, |it| matches!(it, Record::Planned(_))).await.unwrap();
    let Record::Planned(plan) = planned else { panic!("{planned:?}") };
    stand::proposed(&mut stage, &plan).await;

    // It answers what no brake answers, while a proposal waits: that one is neither revoked nor forgotten.
    let provider = stage.devnet.chain.provider().clone();
    let code = provider.get_code_at(brake).await.unwrap();
    provider.anvil_set_code(brake, Bytes::from_static(BROKEN)).await.unwrap();
    let (skip, sends) = (stage.rows().unwrap().len(), stage.proxy.count(SEND));
    next_hour(&stage).await;
    assert_eq!((left(&stage, skip), stage.proxy.count(SEND) - sends), (0, 0));
    provider.anvil_set_code(brake, code).await.unwrap();
    stand::carry(&mut stage, &plan).await;
    audit(&stage, &[plan.id].into()).await;
}

/// Nobody has confirmed yet, the bytes are signed, and the brake cannot be read: they go out when it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_bytes_wait_until_the_brake_is_read() {
    let mut stage = stand::stand().await;
    let provider = stage.devnet.chain.provider().clone();
    let brake = stage.devnet.dao.controls.brake;
    let code = provider.get_code_at(brake).await.unwrap();
    stage.proxy.fail(SEND, -32_000, "not now");
    let plan = stand::rebalance(&mut stage, 60).await;
    stand::holds("an offer", || stage.proxy.count(SEND) > 0).await;
    provider.anvil_set_code(brake, Bytes::from_static(BROKEN)).await.unwrap();
    let skip = stage.rows().unwrap().len();
    // A look that began before may still end with an offer.
    tokio::time::sleep(Duration::from_millis(500)).await;
    stage.proxy.restore(SEND);
    stand::blocks(&stage, 8).await;
    next_hour(&stage).await;
    assert_eq!(left(&stage, skip), 0);
    assert!(!stand::is_proposed(&stage, &plan).await);
    provider.anvil_set_code(brake, code).await.unwrap();
    stand::carry(&mut stage, &plan).await;
    audit(&stage, &[plan.id].into()).await;
}

/// A treasury that cannot be read keeps the agent from deciding, and not from revoking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_cannot_be_taken_keeps_no_withdrawal_back() {
    let mut stage = stand::stand().await;
    let plan = stand::rebalance(&mut stage, 60).await;
    stand::proposed(&mut stage, &plan).await;
    let provider = stage.devnet.chain.provider().clone();
    let weth = stage.devnet.dao.assets[1].address;
    provider.anvil_set_code(weth, Bytes::from_static(BROKEN)).await.unwrap();
    let skip = stage.log().len();
    let now = stage.devnet.chain.now().await.unwrap();
    stage.devnet.warp_to((now / 3_600 + 1) * 3_600).await.unwrap();
    stage.devnet.mine(3).await.unwrap();
    stage.told(skip, "WETH balance").await;
    let guardian = stage.devnet.dao.people.guardians[0].address();
    stage.devnet.pull(guardian).await.unwrap();
    // So few that the decision is still due, and cannot be taken, all the while.
    let (skip, mut passed) = (stage.log().len(), 0);
    while !stage.revoked(&plan).await.unwrap() {
        assert!(passed < 40, "the revocation waits for the decision: {}", &stage.log()[skip..]);
        stand::blocks(&stage, 1).await;
        passed += 1;
    }
    stage.told(skip, "WETH balance").await;
    let outcome = stand::ended(&mut stage, &plan).await;
    assert!(matches!(outcome, Outcome::Withdrawn { reason: Reason::BrakePulled }), "{outcome:?}");
    assert!(stage.revoked(&plan).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lapsed_lease_holds_and_a_renewed_one_goes_on() {
    let mut stage = stand::stand().await;
    let lease_until = stage.devnet.dao.controls.lease_until;
    let ends = stage.devnet.chain.now().await.unwrap() + 4 * 3_600;
    stage.devnet.vote_lease(ends, "Let the operators' lease end this evening").await.unwrap();
    let plan = stand::rebalance(&mut stage, 60).await;
    stand::proposed(&mut stage, &plan).await;
    stage.devnet.warp_to(ends).await.unwrap();
    let skip = stage.rows().unwrap().len();
    stage.holds(Rule::LeaseLapsed).await;
    stand::blocks(&stage, 4).await;
    assert_eq!(left(&stage, skip), 0, "a lease that lapsed is no reason to give a proposal up");
    stage.devnet.vote_lease(lease_until, "Renew the operators' lease").await.unwrap();
    let status =
        stage.devnet.chain.read(stage.devnet.dao.controls.brake, &EmergencyBrake::statusCall {}).await.unwrap();
    assert_eq!(status.leaseUntil, lease_until);
    stage.decides().await;
    stand::carry(&mut stage, &plan).await;
    audit(&stage, &[plan.id].into()).await;
}

/// From the renewal on people can execute what waits; so it is judged then, and not at the next decision point.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_unfit_while_the_lease_had_lapsed_is_withdrawn_at_its_renewal() {
    let mut stage = stand::stand().await;
    let lease_until = stage.devnet.dao.controls.lease_until;
    let ends = stage.devnet.chain.now().await.unwrap() + 4 * 3_600;
    stage.devnet.vote_lease(ends, "Let the operators' lease end this evening").await.unwrap();
    let plan = stand::rebalance(&mut stage, 60).await;
    stand::proposed(&mut stage, &plan).await;
    stage.devnet.warp_to(ends).await.unwrap();
    stage.holds(Rule::LeaseLapsed).await;
    stand::price(&stage, 100).await;
    // As if the vote had ended now, so that no decision point lies between the renewal and what follows.
    let (timelock, brake) = (stage.devnet.dao.governance.timelock, stage.devnet.dao.controls.brake);
    stage.devnet.chain.provider().anvil_impersonate_account(timelock).await.unwrap();
    stage.devnet.chain.set_balance(timelock, U256::from(10).pow(U256::from(18))).await.unwrap();
    let data = EmergencyBrake::renewLeaseCall { until: lease_until }.abi_encode().into();
    let renew = Call { to: brake, value: Amount::ZERO, data };
    stage.devnet.chain.send("renewing the lease", timelock, &renew).await.unwrap();
    let (skip, decided) = (stage.rows().unwrap().len(), |it: &Record| matches!(it, Record::Decided { .. }));
    stand::blocks(&stage, 8).await;
    let outcome = stand::ended(&mut stage, &plan).await;
    assert!(matches!(outcome, Outcome::Withdrawn { reason: Reason::Unfit { .. } }), "{outcome:?}");
    let decisions = demo_records(&stage).iter().skip(skip).filter(|it| decided(it)).count();
    assert_eq!(decisions, 0, "a decision point came before");
    assert!(stage.revoked(&plan).await.unwrap());
}
