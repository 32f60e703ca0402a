//! The node takes a transaction and its answer is lost; the node refuses for reasons of its own. The agent asks for nonce
//! and receipt, and sends nothing twice.

use super::{
    audit::{audit, operator_nonce},
    stand::{self, Lives, demo_records},
};
use alloy::providers::ext::AnvilApi;
use quaestor::agent::{Path, Plan, Record};
use quaestor_core::lifecycle::{Errand, Event, Outcome};
use quaestor_tests::Stage;
use std::time::{Duration, Instant};

const SEND: &str = "eth_sendRawTransaction";

/// How often the agent signed for this purpose.
fn signed(stage: &Stage, plan: &Plan, wanted: Errand) -> usize {
    let of = |record: &&Record| matches!(record, Record::Signed { decision, errand, .. } if *decision == plan.id && *errand == wanted);
    demo_records(stage).iter().filter(of).count()
}

fn sent(stage: &Stage, plan: &Plan) -> bool {
    let id = plan.id;
    demo_records(stage)
        .iter()
        .any(|it| matches!(it, Record::Happened { decision, event: Event::Sent { .. } } if *decision == id))
}

/// Lets blocks pass until the node was offered a transaction so often since the counts began.
async fn offered(stage: &Stage, times: u64) {
    let begun = Instant::now();
    while stage.proxy.count(SEND) < times {
        assert!(begun.elapsed() < stand::WAIT, "the bytes are not offered again");
        stand::blocks(stage, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_never_comes_is_not_asked_for_by_sending_again() {
    let mut stage = stand::stand().await;
    let operator = stage.devnet.dao.people.operator.address();

    // The node took it, nobody answers, the agent is killed while it waits.
    stage.proxy.mute(SEND);
    let plan = stand::rebalance(&mut stage, 60).await;
    offered(&stage, 1).await;
    let nonce = operator_nonce(&stage, operator).await;
    stage.kill_agent().unwrap();
    assert!(!sent(&stage, &plan) && signed(&stage, &plan, Errand::Propose) == 1);
    assert!(stand::is_proposed(&stage, &plan).await, "it is on chain");
    stage.proxy.restore(SEND);
    stage.proxy.reset_counts();
    stage.start_agent().unwrap();
    stand::proposed(&mut stage, &plan).await;
    assert_eq!(stage.proxy.count(SEND), 0, "the restarted agent found it on chain");
    assert_eq!(operator_nonce(&stage, operator).await, nonce);
    stand::carry(&mut stage, &plan).await;
    let first = plan.id;

    // A gateway loses the answer; the agent lives on.
    stage.proxy.cut(SEND);
    stage.proxy.reset_counts();
    let plan = stand::rebalance(&mut stage, 100).await;
    offered(&stage, 1).await;
    stage.proxy.restore(SEND);
    stand::carry(&mut stage, &plan).await;
    assert_eq!(signed(&stage, &plan, Errand::Propose), 1);
    audit(&stage, &[first, plan.id].into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_understood_by_asking_for_nonce_and_receipt() {
    let mut stage = stand::stand().await;
    let operator = stage.devnet.dao.people.operator.address();
    let nonce = operator_nonce(&stage, operator).await;
    stage.proxy.fail(SEND, -32_000, "nonce too low: next nonce 9, tx nonce 1");
    let plan = stand::rebalance(&mut stage, 60).await;
    offered(&stage, 2).await;
    for message in ["replacement transaction underpriced", "transaction pool is full", "insufficient funds for gas"] {
        stage.proxy.fail(SEND, -32_000, message);
        let before = stage.proxy.count(SEND);
        offered(&stage, before + 1).await;
    }
    assert!(!sent(&stage, &plan), "none of these is an answer that it was taken");

    // The connection itself breaks.
    stage.proxy.set_down(true);
    tokio::time::sleep(Duration::from_millis(300)).await;
    stage.proxy.set_down(false);

    // Taken for sent, and yet never in a block: after some blocks the same bytes are offered again.
    stage.proxy.fail(SEND, -32_000, "already known");
    stand::until(&mut stage, "take it for sent", |it| matches!(it, Record::Happened { event: Event::Sent { .. }, .. }))
        .await;
    assert_eq!(operator_nonce(&stage, operator).await, nonce);
    stage.proxy.restore(SEND);
    stand::carry(&mut stage, &plan).await;
    assert_eq!(signed(&stage, &plan, Errand::Propose), 1, "the same bytes all the time");
    assert_eq!(operator_nonce(&stage, operator).await, nonce + 1);
    audit(&stage, &[plan.id].into()).await;
}

/// Blocks come on their own time, so that what is sent waits: two proposals of one decision must not take one nonce.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_proposals_of_one_decision_do_not_contend_for_a_nonce() {
    let mut stage = stand::stand().await;
    let dao = stage.devnet.dao.clone();
    let guardian = dao.people.guardians[0].address();
    // What WETH lost WBTC gained: both are traded against each other, and cash stays as low as it is.
    stand::drain(&stage).await;
    stand::prices(&stage, 140, 11_200).await;
    stage.devnet.chain.provider().anvil_set_auto_mine(false).await.unwrap();
    let reserve = stand::next_plan(&mut stage, dao.governance.timelock).await;
    let plans = stage.plans(0).unwrap();
    let operations = plans.iter().find(|plan| matches!(plan.route, Path::Safe { .. })).cloned();
    let operations = operations.unwrap_or_else(|| panic!("one decision has a proposal for either account"));
    assert_eq!(operations.decision, reserve.decision);
    stand::proposed(&mut stage, &operations).await;
    stand::proposed(&mut stage, &reserve).await;
    for plan in [&operations, &reserve] {
        assert_eq!(signed(&stage, plan, Errand::Propose), 1);
    }

    // Both are withdrawn at once, and neither revocation is signed twice.
    stage.devnet.chain.provider().anvil_set_auto_mine(true).await.unwrap();
    stage.devnet.pull(guardian).await.unwrap();
    stage.devnet.chain.provider().anvil_set_auto_mine(false).await.unwrap();
    for plan in [&operations, &reserve] {
        let outcome = stand::ended(&mut stage, plan).await;
        assert!(matches!(outcome, Outcome::Withdrawn { .. }), "{outcome:?}");
        assert!(stage.revoked(plan).await.unwrap());
        assert_eq!(signed(&stage, plan, Errand::Revoke), 1);
    }
    assert!(Lives::of(&demo_records(&stage)).book.entries.is_empty());
    stage.devnet.mine(2).await.unwrap();
    audit(&stage, &[].into()).await;
}
