//! Withdrawals leave whatever else waits or fails; alarms are raised once; errors tell nothing secret.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed, and says where")]

use alloy::{
    primitives::B256,
    providers::{Provider, ext::AnvilApi},
};
use quaestor::{
    agent::{Plan, Record},
    demo::{Scenery, Stage, scene},
};
use quaestor_contracts::bindings::{DecisionGate, IDecisionGate};
use quaestor_core::{
    Limits,
    lifecycle::{Errand, Event, Outcome},
};
use std::{path::PathBuf, time::Duration};
use tempfile::TempDir;

async fn stand(chain_keys: &str) -> (Stage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut stage =
        Stage::set(PathBuf::from(env!("CARGO_BIN_EXE_quaestor")), folder.path(), &Scenery::MARCH_2020).await.unwrap();
    let text = std::fs::read_to_string(&stage.site.config).unwrap();
    std::fs::write(&stage.site.config, text.replace("[contracts]", &format!("{chain_keys}\n[contracts]"))).unwrap();
    let limits = Limits { window_bps_max: [u64::MAX; 4], ..quaestor::devnet::demo_limits() };
    let (_, anchored) = scene::vote(&stage, "unhurried.toml", limits, "Adopt").await.unwrap();
    stage.devnet.warp_to(anchored.active_at).await.unwrap();
    stage.devnet.mine(80).await.unwrap();
    stage.start_agent().unwrap();
    stage.wait_for("take the policy", 0, |it| matches!(it, Record::PolicyInForce { .. })).await.unwrap();
    (stage, folder)
}

async fn blocks(stage: &Stage, count: u32) {
    for _ in 0..count {
        stage.devnet.mine(1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn labels(stage: &Stage, plan: &Plan) -> Vec<String> {
    let records = stage.records(0).unwrap();
    let about = |it: &Record| match it {
        Record::Happened { decision, event } if *decision == plan.id => Some(format!("{event:?}")),
        Record::Signed { decision, errand, .. } if *decision == plan.id => Some(format!("signed {errand:?}")),
        Record::Alarm { message } => Some(format!("alarm {message}")),
        _ => None,
    };
    records.iter().filter_map(about).map(|text| text.chars().take(90).collect()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_does_not_wait_for_finality() {
    let (mut stage, _folder) = stand("finality = 60\n").await;
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    let id = plan.id;
    let included =
        |it: &Record| matches!(it, Record::Happened { decision, event: Event::Included { .. } } if *decision == id);
    stage.wait_for("see it in a block", 0, included).await.unwrap();
    let guardian = stage.devnet.dao.people.guardians[0].address();
    stage.devnet.pull(guardian).await.unwrap();
    blocks(&stage, 20).await;
    assert!(stage.revoked(&plan).await.unwrap(), "not revoked 20 blocks after the pull: {:#?}", labels(&stage, &plan));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_pays_what_gas_costs_now() {
    let (mut stage, _folder) = stand("").await;
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    scene::propose_lands(&mut stage, &plan).await.unwrap();
    stage.proxy.fail("eth_sendRawTransaction", -32_000, "transaction pool is full");
    let guardian = stage.devnet.dao.people.guardians[0].address();
    stage.devnet.pull(guardian).await.unwrap();
    let id = plan.id;
    let wanted = |it: &Record| matches!(it, Record::Signed { decision, errand: Errand::Revoke, .. } if *decision == id);
    stage.wait_for("sign the revocation", 0, wanted).await.unwrap();
    stage.devnet.chain.provider().anvil_set_next_block_base_fee_per_gas(2_000_000_000_000).await.unwrap();
    stage.devnet.mine(1).await.unwrap();
    stage.proxy.restore("eth_sendRawTransaction");
    for _ in 0..60 {
        stage.devnet.chain.provider().anvil_set_next_block_base_fee_per_gas(2_000_000_000_000).await.unwrap();
        blocks(&stage, 1).await;
    }
    println!(
        "log: {}",
        std::fs::read_to_string(&stage.site.log).unwrap().lines().rev().take(4).collect::<Vec<_>>().join("\n")
    );
    assert!(stage.revoked(&plan).await.unwrap(), "not revoked 60 blocks after the pull: {:#?}", labels(&stage, &plan));
}

/// Behind a load balancer a node may not know a receipt for ever; what the Safe says counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposal_whose_receipt_is_lost_lives_on() {
    let (mut stage, _folder) = stand("").await;
    stage.proxy.forget("eth_getTransactionReceipt");
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    blocks(&stage, 20).await;
    let said = labels(&stage, &plan);
    assert!(said.iter().any(|label| label.starts_with("Finalised")), "{said:#?}");
    assert!(!said.iter().any(|label| label.starts_with("Failed")), "{said:#?}");
    stage.proxy.restore("eth_getTransactionReceipt");
    scene::propose_lands(&mut stage, &plan).await.unwrap();
    scene::carry(&mut stage, &plan).await.unwrap();
    assert!(stage.entered(&plan).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposal_pays_what_gas_costs_now() {
    let (mut stage, _folder) = stand("").await;
    stage.proxy.fail("eth_sendRawTransaction", -32_000, "transaction pool is full");
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    let id = plan.id;
    let signed =
        |it: &Record| matches!(it, Record::Signed { decision, errand: Errand::Propose, .. } if *decision == id);
    stage.wait_for("sign the proposal", 0, signed).await.unwrap();
    stage.proxy.restore("eth_sendRawTransaction");
    for _ in 0..40 {
        stage.devnet.chain.provider().anvil_set_next_block_base_fee_per_gas(200_000_000_000).await.unwrap();
        blocks(&stage, 1).await;
    }
    assert!(scene::confirmations(&stage, &plan).await.unwrap() > 0, "never in a block: {:#?}", labels(&stage, &plan));
    let times = stage.records(0).unwrap().iter().filter(|it| signed(it)).count();
    assert!(times > 1, "signed {times} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_used_by_another_batch_do_not_bind_the_account_for_ever() {
    let (mut stage, _folder) = stand("").await;
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    scene::propose_lands(&mut stage, &plan).await.unwrap();
    let item = |it: &quaestor_core::decision::BatchItem| IDecisionGate::Item {
        onceKey: it.entry.once_key,
        line: it.entry.line,
        asset: it.entry.asset,
        counterparty: it.entry.counterparty,
        amount: it.entry.amount.to_u256(),
        value: it.entry.value.to_u256(),
    };
    let entry = IDecisionGate::Entry {
        decision: B256::repeat_byte(7),
        policy: plan.decision.policy,
        model: plan.decision.model,
        validUntil: plan.batch.valid_until,
        pulls: plan.batch.pulls,
        items: plan.batch.items.iter().map(item).collect(),
    };
    let gate = stage.devnet.dao.controls.gate;
    scene::call_by_hand(&stage, gate, &DecisionGate::enterCall { entry }).await.unwrap();
    blocks(&stage, 10).await;
    stage.devnet.warp_to(plan.batch.valid_until + 86_400).await.unwrap();
    blocks(&stage, 20).await;
    scene::ended(&mut stage, &plan, |it| !matches!(it, Outcome::Executed { .. })).await.unwrap();
}

/// The node took the proposal although it said no; so the revocation at the same nonce comes too late, and another must
/// follow at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_lost_its_nonce_is_made_anew_at_once() {
    let (mut stage, _folder) = stand("finality = 60\n").await;
    stage.proxy.fail("eth_sendRawTransaction", -32_000, "transaction pool is full");
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    let id = plan.id;
    let of = move |it: &Record, wanted: Errand| matches!(it, Record::Signed { decision, errand, .. } if *decision == id && *errand == wanted);
    let proposing = stage.wait_for("sign", 0, |it| of(it, Errand::Propose)).await.unwrap();
    let guardian = stage.devnet.dao.people.guardians[0].address();
    stage.devnet.pull(guardian).await.unwrap();
    stage.wait_for("sign the revocation", 0, |it| of(it, Errand::Revoke)).await.unwrap();
    let Record::Signed { tx, .. } = proposing else { panic!() };
    let _ = stage.devnet.chain.provider().send_raw_transaction(&tx.raw).await.unwrap();
    stage.proxy.restore("eth_sendRawTransaction");
    blocks(&stage, 30).await;
    assert!(stage.revoked(&plan).await.unwrap(), "not revoked 30 blocks after the pull: {:#?}", labels(&stage, &plan));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_leaves_while_the_registry_cannot_be_read() {
    let (mut stage, _folder) = stand("").await;
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    scene::propose_lands(&mut stage, &plan).await.unwrap();
    stage.proxy.set_unreadable(stage.devnet.dao.controls.registry, true);
    let guardian = stage.devnet.dao.people.guardians[0].address();
    stage.devnet.pull(guardian).await.unwrap();
    blocks(&stage, 30).await;
    println!(
        "log: {}",
        std::fs::read_to_string(&stage.site.log).unwrap().lines().rev().take(3).collect::<Vec<_>>().join("\n")
    );
    assert!(stage.revoked(&plan).await.unwrap(), "not revoked 30 blocks after the pull: {:#?}", labels(&stage, &plan));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_that_lasts_is_written_once() {
    let (stage, _folder) = stand("head_age_secs_max = 60\n").await;
    let alarms = || stage.records(0).unwrap().iter().filter(|it| matches!(it, Record::Alarm { .. })).count();
    blocks(&stage, 5).await;
    let before = alarms();
    for _ in 0..20 {
        stage.devnet.mine(1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_050)).await;
    }
    assert!(alarms() <= before + 2, "{} alarms in 20 blocks", alarms() - before);
}

#[tokio::test]
async fn an_answer_that_quotes_the_path_does_not_tell_the_key() {
    use quaestor::chain::{Chain, ChainSettings};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = [0u8; 4096];
        let _ = socket.read(&mut seen).await.unwrap();
        let body = "Cannot POST /v3/secret-key";
        let answer =
            format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        socket.write_all(answer.as_bytes()).await.unwrap();
    });
    let settings = ChainSettings {
        rpc_url: format!("http://127.0.0.1:{port}/v3/secret-key").parse().unwrap(),
        request_timeout: Duration::from_secs(5),
        multicall: Default::default(),
        logs_range_blocks: 1,
    };
    let error = Chain::new(&settings).unwrap().check_chain_id(1).await.unwrap_err();
    served.await.unwrap();
    assert!(!error.to_string().contains("secret-key"), "{error}");
}

/// An execution that a reorganisation took back leaves the proposal to be withdrawn, as it was before.
#[test]
fn a_reorg_does_not_forget_a_withdrawal() {
    use quaestor_core::lifecycle::{Proposal, Reason, State, step};
    let tx = B256::repeat_byte;
    let block = |number| quaestor_core::BlockRef { number, ..Default::default() };
    let events = [
        Event::Signed { errand: Errand::Propose, tx: tx(1) },
        Event::Finalised { tx: tx(1) },
        Event::Withdraw { reason: Reason::Replaced },
        Event::Signed { errand: Errand::Revoke, tx: tx(2) },
        Event::Sent { tx: tx(2) },
        Event::Executed { block: block(9) },
        Event::ExecutionReorged,
    ];
    let state = events.iter().fold(Proposal::default(), |it, event| step(it, event).0).state;
    assert!(matches!(state, State::Withdrawing { .. }), "{state:?}");
}
