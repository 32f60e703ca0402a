//! A node that is away, refuses or is silent: the agent says so, waits, and goes on by itself; told to stop, it stops.

use super::CHAIN;
use quaestor::{
    agent::{Plan, Record},
    demo::scene,
};
use quaestor_core::lifecycle::{Errand, Event};
use quaestor_tests::{Stage, governed, stage};
use std::time::{Duration, Instant};

/// The bound for a clean stop.
const STOP_MAX: Duration = Duration::from_secs(5);
/// Longest wait for a request to reach the node.
const REQUEST_MAX: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_at_the_start_is_told() {
    let mut stage = governed().await;
    stage.decides().await;
    stage.stop().await;
    stage.journal_is_whole().await;
    let config = stage.site.config.clone();
    let host = stage.proxy.url().replace("http://", "");
    stage.proxy.set_down(true);
    let words = format!("the node at {host} did not answer eth_chainId");
    stage.run(&config).await.expect(CHAIN, &[&words, "check `chain.rpc_url` and that the node runs"]);
    stage.proxy.set_down(false);
    // Nobody listens on port 1, and the rest of the URL may be a secret.
    let url = stage.proxy.url();
    let nowhere = stage.config_as("wrong.toml", |text| text.replace(&url, "http://127.0.0.1:1/v3/key-of-somebody"));
    let ended = stage.run(&nowhere).await;
    ended.expect(CHAIN, &["the node at 127.0.0.1:1 did not answer eth_chainId"]);
    assert!(!ended.stderr.contains("key-of-somebody"), "{}", ended.stderr);
    stage.proxy.fail("eth_chainId", -32_005, "too many requests");
    stage.run(&config).await.expect(CHAIN, &["refused eth_chainId: too many requests (code -32005)"]);
    stage.proxy.restore("eth_chainId");
    stage.start().await;
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_goes_away_is_waited_for() {
    let mut stage = governed().await;
    stage.decides().await;
    let skip = stage.log().len();
    stage.proxy.set_down(true);
    // What happens meanwhile is seen afterwards: the crash, and the hour at which a decision is due.
    stage.next_day().await.unwrap().unwrap();
    stage.told(skip, "did not answer").await;
    stage.told(skip, "retry_in_ms").await;
    assert!(stage.agent_runs());
    stage.proxy.set_down(false);
    scene::next_plan(&mut stage, false).await.unwrap();
    stage.journal_is_whole().await;
}

/// Refuses each of these in turn, the next before the last is allowed again, and waits until the agent has told it.
async fn refuses_in_turn(stage: &mut Stage, methods: &[&str]) {
    let mut last = None;
    for method in methods {
        let skip = stage.log().len();
        stage.proxy.fail(method, -32_000, "not today");
        if let Some(last) = last.replace(*method) {
            stage.proxy.restore(last);
        } else {
            stage.next_hour().await.unwrap();
        }
        stage.told(skip, &format!("refused {method}: not today (code -32000)")).await;
        assert!(stage.agent_runs());
    }
    stage.proxy.restore(last.unwrap());
}

fn happened(stage: &Stage, plan: &Plan, wanted: impl Fn(&Event) -> bool) -> usize {
    let of = |record: &Record| matches!(record, Record::Happened { decision, event } if *decision == plan.id && wanted(event));
    stage.records(0).unwrap().iter().filter(|record| of(record)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_refuses_a_method_delays_and_changes_nothing() {
    let mut stage = governed().await;
    stage.decides().await;
    let rows = stage.rows().unwrap().len();
    refuses_in_turn(&mut stage, &["eth_getBlockByNumber", "eth_call", "eth_getCode", "eth_getLogs"]).await;
    stage.wait_for("decide after all", rows, |record| matches!(record, Record::Decided { .. })).await.unwrap();
    // The day of the crash: everything that a proposal needs of a node, refused once each.
    stage.next_day().await.unwrap().unwrap();
    let rows = stage.rows().unwrap().len();
    let needed = ["eth_simulateV1", "eth_estimateGas", "eth_feeHistory", "eth_sendRawTransaction"];
    refuses_in_turn(&mut stage, &needed).await;
    let planned = |record: &Record| matches!(record, Record::Planned(_));
    let Record::Planned(plan) = stage.wait_for("plan", rows, planned).await.unwrap() else { unreachable!() };
    scene::propose_lands(&mut stage, &plan).await.unwrap();
    assert_eq!(scene::confirmations(&stage, &plan).await.unwrap(), 1);
    assert_eq!(stage.plans(rows).unwrap().len(), 1);
    let signed = |record: &Record| matches!(record, Record::Signed { errand: Errand::Propose, .. });
    assert_eq!(stage.records(rows).unwrap().iter().filter(|record| signed(record)).count(), 1);
    assert_eq!(happened(&stage, &plan, |event| matches!(event, Event::Finalised { .. })), 1);
    stage.journal_is_whole().await;
}

/// Waits until the agent asks for this method again.
async fn asks(stage: &Stage, method: &str) {
    stage.proxy.reset_counts();
    let begun = Instant::now();
    while stage.proxy.count(method) == 0 {
        assert!(begun.elapsed() < REQUEST_MAX, "{method} is not asked for");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn stops_in_time(stage: &mut Stage, name: &str) {
    let begun = Instant::now();
    stage.signal(name);
    let (_, code) = stage.agent_ends().await.unwrap();
    assert_eq!(code, Some(0), "{name}: {}", stage.log());
    assert!(begun.elapsed() < STOP_MAX, "{name}: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_agent_cleanly() {
    let mut stage = governed().await;
    for name in ["TERM", "INT"] {
        stage.decides().await;
        stops_in_time(&mut stage, name).await;
        let last = stage.records(0).unwrap().pop();
        assert!(matches!(last, Some(Record::Stopped)), "{last:?}");
        stage.journal_is_whole().await;
        stage.start().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_agent_in_time_also_while_the_node_is_silent() {
    let mut stage = governed().await;
    stage.decides().await;
    stage.journal_is_whole().await;
    stage.proxy.hold("eth_call");
    stage.next_hour().await.unwrap();
    asks(&stage, "eth_call").await;
    stops_in_time(&mut stage, "TERM").await;
    stage.proxy.restore("eth_call");
    stage.journal_is_whole().await;
    let skip = stage.rows().unwrap().len();
    stage.start().await;
    stage.wait_for("take the decision", skip, |record| matches!(record, Record::Decided { .. })).await.unwrap();
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_an_agent_that_waits_for_its_node_to_start() {
    let mut stage = stage().await;
    stage.proxy.hold("eth_chainId");
    stage.start_agent().unwrap();
    asks(&stage, "eth_chainId").await;
    stops_in_time(&mut stage, "TERM").await;
}
