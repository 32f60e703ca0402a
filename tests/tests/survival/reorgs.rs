//! Blocks are replaced under the agent's feet.

use super::{
    audit::audit,
    stand::{self, Lives, demo_records},
};
use alloy::providers::Provider;
use quaestor::agent::{Plan, Record};
use quaestor_core::lifecycle::{Errand, Event, Outcome, State};
use quaestor_tests::Stage;

/// Replaces the newest blocks by empty ones; what was in them is gone.
async fn reorg(stage: &Stage, depth: u64) {
    let nothing: [(); 0] = [];
    let done: serde_json::Value =
        stage.devnet.chain.provider().raw_request("anvil_reorg".into(), (depth, nothing)).await.unwrap();
    assert!(done.is_null());
}

async fn happened(stage: &mut Stage, plan: &Plan, what: &'static str, wanted: impl Fn(&Event) -> bool) {
    let id = plan.id;
    stand::written(
        stage,
        what,
        |record| matches!(record, Record::Happened { decision, event } if *decision == id && wanted(event)),
    )
    .await;
}

fn count(stage: &Stage, wanted: impl Fn(&Event) -> bool) -> usize {
    demo_records(stage).iter().filter(|it| matches!(it, Record::Happened { event, .. } if wanted(event))).count()
}

fn hashes(stage: &Stage, plan: &Plan, wanted: Errand) -> usize {
    let of = |it: &&Record| matches!(it, Record::Signed { decision, errand, .. } if *decision == plan.id && *errand == wanted);
    demo_records(stage).iter().filter(of).count()
}

/// On this chain what has two blocks after it is final: depths 1 and 2 are what may happen to anything that is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_before_finality_takes_back_and_sends_again() {
    let mut stage = stand::stand().await;
    let mut executed = std::collections::BTreeSet::new();
    for (depth, percent) in [(1, 60), (2, 100)] {
        // The confirmation is in the newest blocks, which are replaced.
        let plan = stand::rebalance(&mut stage, percent).await;
        happened(&mut stage, &plan, "see it in a block", |it| matches!(it, Event::Included { .. })).await;
        if depth == 2 {
            stage.devnet.mine(1).await.unwrap();
        }
        let before = count(&stage, |it| matches!(it, Event::Reorged { .. }));
        reorg(&stage, depth).await;
        assert!(!stand::is_proposed(&stage, &plan).await);
        stand::holds("the reorg is seen", || count(&stage, |it| matches!(it, Event::Reorged { .. })) > before).await;
        stand::proposed(&mut stage, &plan).await;
        assert!(stand::is_proposed(&stage, &plan).await);
        assert_eq!(hashes(&stage, &plan, Errand::Propose), 1, "the same bytes");

        // It ran, and that block goes too.
        stand::people_execute(&stage, &plan).await;
        happened(&mut stage, &plan, "see it run", |it| matches!(it, Event::Executed { .. })).await;
        if depth == 2 {
            stage.devnet.mine(1).await.unwrap();
        }
        reorg(&stage, depth).await;
        assert!(!stage.entered(&plan).await.unwrap());
        happened(&mut stage, &plan, "see it taken back", |it| matches!(it, Event::ExecutionReorged)).await;
        assert!(matches!(Lives::of(&demo_records(&stage)).book.entries[&plan.id].proposal.state, State::Live { .. }));
        stand::people_execute(&stage, &plan).await;
        let outcome = stand::ended(&mut stage, &plan).await;
        assert!(matches!(outcome, Outcome::Executed { .. }), "{outcome:?}");
        executed.insert(plan.id);
    }
    audit(&stage, &executed).await;
}

/// Confirmed, executed and gone again before the confirmation was final: it is confirmed again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_of_confirmation_and_execution_together_takes_both_back() {
    let mut stage = stand::stand().await;
    let plan = stand::rebalance(&mut stage, 60).await;
    happened(&mut stage, &plan, "see it in a block", |it| matches!(it, Event::Included { .. })).await;
    stand::people_execute_at_once(&stage, &plan).await;
    happened(&mut stage, &plan, "see it run", |it| matches!(it, Event::Executed { .. })).await;
    reorg(&stage, 2).await;
    assert!(!stand::is_proposed(&stage, &plan).await);
    happened(&mut stage, &plan, "see it taken back", |it| matches!(it, Event::ExecutionReorged)).await;
    stand::proposed(&mut stage, &plan).await;
    assert_eq!(hashes(&stage, &plan, Errand::Propose), 1);
    stand::people_execute(&stage, &plan).await;
    let outcome = stand::ended(&mut stage, &plan).await;
    assert!(matches!(outcome, Outcome::Executed { .. }), "{outcome:?}");
    audit(&stage, &[plan.id].into()).await;
}

/// Deeper than finality, across the decision's own block: what the journal knows is no longer on chain. Nothing is
/// proposed beside it; it ends when its time is over, and then the agent proposes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_across_a_decision_leaves_one_proposal() {
    let mut stage = stand::stand().await;
    let plan = stand::rebalance(&mut stage, 60).await;
    stand::proposed(&mut stage, &plan).await;
    let head = stage.devnet.chain.provider().get_block_number().await.unwrap();
    reorg(&stage, head - plan.decision.block.number + 1).await;
    assert!(!stand::is_proposed(&stage, &plan).await);
    stand::price(&stage, 60).await;
    let skip = stage.rows().unwrap().len();
    stand::blocks(&stage, 3).await;
    stage.next_decision().await.unwrap();
    assert!(stage.plans(skip).unwrap().is_empty(), "nothing beside what may still run");
    assert!(stage.agent_runs());

    stage.devnet.warp_to(plan.batch.valid_until + 60).await.unwrap();
    let outcome = stand::ended(&mut stage, &plan).await;
    assert!(matches!(outcome, Outcome::Expired | Outcome::Withdrawn { .. }), "{outcome:?}");
    let next = stand::rebalance(&mut stage, 60).await;
    stand::carry(&mut stage, &next).await;
    audit(&stage, &[next.id].into()).await;
}

/// A decision that falls between an execution and its finality must not plan at the Safe's nonce that is just being
/// used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_binds_the_safe_until_it_is_final() {
    let mut stage = stand::stand().await;
    let plan = stand::rebalance(&mut stage, 60).await;
    stand::proposed(&mut stage, &plan).await;
    // The next hour's block, then the execution, then the second block of depth: the decision is taken before the
    // execution is final, on a state in which it has not happened.
    let skip = stage.rows().unwrap().len();
    let now = stage.devnet.chain.now().await.unwrap();
    stand::price(&stage, 59).await;
    let next_hour = (now / 3_600 + 1) * 3_600;
    let (owners, tx) = (stage.devnet.dao.people.owners.clone(), stand::safe_tx(&stage, &plan));
    for owner in &owners[..2] {
        stage.devnet.approve(owner.address(), tx.1).await.unwrap();
    }
    stage.devnet.warp_to(next_hour).await.unwrap();
    stage.devnet.execute(owners[0].address(), &tx.0).await.unwrap();
    happened(&mut stage, &plan, "see it run", |it| matches!(it, Event::Executed { .. })).await;
    stage.devnet.mine(1).await.unwrap();
    stage.wait_for("decide", skip, |record| matches!(record, Record::Decided { .. })).await.unwrap();
    stage.devnet.mine(1).await.unwrap();
    let outcome = stand::ended(&mut stage, &plan).await;
    assert!(matches!(outcome, Outcome::Executed { .. }), "{outcome:?}");
    assert!(stage.plans(skip).unwrap().is_empty(), "planned at a nonce that is taken");
    audit(&stage, &[plan.id].into()).await;
}
