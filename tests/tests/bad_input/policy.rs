//! Policy files that are wrong, and votes that are: the agent runs under nothing but what was voted, byte for byte, and
//! takes the right file without a restart.

use super::CONFIGURATION;
use quaestor::{
    agent::Record,
    demo::{scene, stage::DemoError},
    devnet::{Anchored, demo_limits, policy_text},
};
use quaestor_core::{Envelope, Limits, Policy, Rule, lifecycle::Event};
use quaestor_policies::VotedPolicy;
use quaestor_tests::{Stage, WAIT, governed, stage};
use std::{
    fs,
    time::{Duration, Instant},
};

const TIGHTER: u64 = 1_000;

/// Anchors the hash of `text` with this envelope, whatever the files of the agent are, and waits its delay.
async fn vote_in(stage: &Stage, policy: &VotedPolicy, envelope: Envelope, title: &str) -> Anchored {
    let hashes = (policy.hash(), policy.rest_hash());
    let voted = stage.devnet.vote_policy(hashes.0, hashes.1, envelope, "ipfs://the-policy", title).await.unwrap();
    stage.devnet.warp_to(voted.active_at.max(stage.devnet.chain.now().await.unwrap())).await.unwrap();
    stage.devnet.mine(3).await.unwrap();
    voted
}

fn tighter(stage: &Stage) -> (String, VotedPolicy) {
    let text = policy_text(&stage.devnet.dao, Limits { proposal_bps_max: TIGHTER, ..demo_limits() });
    let policy = scene::parse(&text).unwrap();
    (text, policy)
}

async fn takes_epoch(stage: &mut Stage, wanted: u64) -> Result<Record, DemoError> {
    let taken = move |record: &Record| matches!(record, Record::PolicyInForce { epoch, .. } if *epoch == wanted);
    stage.mine_until("take the epoch into force", 0, taken).await
}

/// An hour passes, after which nothing has been decided, planned or signed.
async fn does_nothing(stage: &mut Stage) {
    stage.next_hour().await.unwrap();
    // Nothing tells of a step in which nothing is done. A step asks for a few blocks and a look at the same head for
    // one, so after these the hour has been seen and its step is over.
    stage.proxy.reset_counts();
    let begun = Instant::now();
    while stage.proxy.count("eth_getBlockByNumber") < 12 {
        assert!(stage.agent_runs() && begun.elapsed() < WAIT, "the agent looks at no block");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let kinds: Vec<_> = stage.rows().unwrap().into_iter().map(|row| row.kind).collect();
    assert!(!kinds.iter().any(|kind| ["decided", "planned", "signed"].contains(&kind.as_str())), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_file_with_problems_is_told_with_its_places() {
    let stage = stage().await;
    let file = stage.site.policy.clone();
    let text = fs::read_to_string(&file).unwrap();
    let wrong = stage.site.folder.join("wrong.toml");
    let line = |words: &str| 1 + text.lines().position(|line| line.starts_with(words)).unwrap();
    let registry = stage.devnet.dao.controls.registry.to_string();
    let cases: [(&str, String, String, &[&str]); 6] = [
        (
            "proposal_bps_max",
            "proposal_bsp_max".into(),
            format!(":{}:1: ", line("proposal_bps_max")),
            &["proposal_bsp_max"],
        ),
        ("day_bps_max = 4000", "day_bps_max = \"4000\"".into(), format!(":{}:", line("day_bps_max")), &["day_bps_max"]),
        (&registry, registry.to_lowercase(), format!(":{}:", line("registry")), &["checksum", &registry]),
        ("kind = \"stable\"", "kind = \"stabel\"".into(), ":".into(), &["stabel", "stable"]),
        ("26h", "26 hours".into(), ":".into(), &["26 hours"]),
        ("[limits]", "[limits".into(), format!(":{}:", line("[limits]")), &["wrong.toml"]),
    ];
    let command = ["policy", "check", &wrong.display().to_string()].map(str::to_owned);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    for (right, bad, place, words) in &cases {
        let changed = text.replacen(right, bad, 1);
        assert_ne!(changed, text);
        fs::write(&wrong, changed).unwrap();
        let ended = stage.types(&command).await;
        ended.expect(CONFIGURATION, words);
        assert!(ended.stderr.contains(&format!("wrong.toml{place}")), "{place} is not in {}", ended.stderr);
    }
    fs::write(&wrong, [0xff, 0xfe, b'\n']).unwrap();
    stage.types(&command).await.expect(CONFIGURATION, &["UTF-8"]);
    fs::write(&wrong, "#".repeat(2 << 20)).unwrap();
    stage.types(&command).await.expect(CONFIGURATION, &["wrong.toml", "bytes"]);
    fs::write(&wrong, &text).unwrap();
    assert_eq!(stage.types(&command).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_other_line_ends_is_another_file() {
    let mut stage = stage().await;
    let (text, _) = scene::adopt_first_policy(&mut stage).await.unwrap();
    stage.next_day().await.unwrap().unwrap();
    let file = stage.site.policy.clone();
    fs::write(&file, text.replace('\n', "\r\n")).unwrap();
    stage.start_agent().unwrap();
    let policy = scene::parse(&text).unwrap();
    stage
        .alarmed(&format!("epoch 1 anchors policy {}, and no file in `files.policies` has that hash", policy.hash()))
        .await;
    stage.alarmed("fetch it from `file:policy.toml` and put it there unchanged").await;
    assert!(stage.log().contains("alarm=true"));
    does_nothing(&mut stage).await;
    assert_eq!(stage.alarms().len(), 1, "told once: {:?}", stage.alarms());
    fs::write(&file, &text).unwrap();
    takes_epoch(&mut stage, 1).await.unwrap();
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_whose_file_is_missing_or_damaged_stops_proposals_until_it_is_there() {
    let mut stage = governed().await;
    stage.decides().await;
    let (text, policy) = tighter(&stage);
    // It only narrows, so it is active at once.
    assert!(!vote_in(&stage, &policy, policy.envelope(), "# Narrow").await.vetoable);
    stage.alarmed(&format!("epoch 2 anchors policy {}", policy.hash())).await;
    stage.alarmed("fetch it from `ipfs://the-policy`").await;
    // The crash comes, and nothing is proposed under a policy that is no longer voted.
    stage.next_day().await.unwrap().unwrap();
    let old = stage.holds(Rule::PolicyAnchored).await.policy;
    assert_ne!(old, policy.hash());
    let damaged = text.replacen("Local DAO", "Local  DAO", 1);
    assert_ne!(damaged, text);
    fs::write(stage.site.policies.join("epoch-2.toml"), damaged).unwrap();
    assert_eq!(stage.holds(Rule::PolicyAnchored).await.policy, old);
    stage.journal_is_whole().await;
    let agent = stage.agent_id();
    fs::write(stage.site.policies.join("epoch-2.toml"), &text).unwrap();
    takes_epoch(&mut stage, 2).await.unwrap();
    let plan = scene::next_plan(&mut stage, false).await.unwrap();
    assert_eq!((plan.decision.policy, plan.decision.epoch), (policy.hash(), 2));
    assert!(plan.batch.value().bps_of_ceil(plan.decision.nav).unwrap() <= TIGHTER);
    assert_eq!(stage.agent_id(), agent);
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_that_differs_from_its_file_is_refused() {
    let mut stage = governed().await;
    stage.decides().await;
    let (text, policy) = tighter(&stage);
    fs::write(stage.site.policies.join("epoch-2.toml"), &text).unwrap();
    // The members were shown one file, and voted other numbers for its hash.
    let other = Limits { proposal_bps_max: TIGHTER / 2, ..demo_limits() }.envelope();
    vote_in(&stage, &policy, other, "# Narrow, with a slip").await;
    stage.alarmed("the numbers of the file of epoch 2 differ from what is anchored").await;
    stage.alarmed("submit it anew with what `quaestor policy hash` prints").await;
    stage.next_day().await.unwrap().unwrap();
    stage.holds(Rule::PolicyAnchored).await;
    // Likewise the hash of its words.
    let words = text.replacen("Local DAO", "Other DAO", 1);
    let rest = scene::parse(&words).unwrap().rest_hash();
    let narrowest = policy.envelope();
    let voted = stage.devnet.vote_policy(policy.hash(), rest, narrowest, "ipfs://the-policy", "# Another slip");
    let voted = voted.await.unwrap();
    stage.devnet.warp_to(voted.active_at).await.unwrap();
    stage.alarmed("the words of the file of epoch 3 differ from what is anchored").await;
    stage.next_day().await.unwrap().unwrap();
    stage.holds(Rule::PolicyAnchored).await;
    vote_in(&stage, &policy, policy.envelope(), "# As it should be").await;
    takes_epoch(&mut stage, 4).await.unwrap();
    stage.next_day().await.unwrap().unwrap();
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_policy_permits_nothing() {
    let mut stage = stage().await;
    let long = policy_text(&stage.devnet.dao, demo_limits());
    let expires = long.lines().find(|line| line.starts_with("expires = ")).unwrap();
    let text = long.replace(expires, "expires = \"2020-03-13T06:00:00Z\"");
    let policy = scene::parse(&text).unwrap();
    fs::write(stage.site.policies.join("short.toml"), &text).unwrap();
    vote_in(&stage, &policy, policy.envelope(), "# For a few days").await;
    stage.start().await;
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    assert_eq!(plan.batch.valid_until, policy.terms().expires_at);
    scene::propose_lands(&mut stage, &plan).await.unwrap();
    stage.devnet.warp_to(policy.terms().expires_at).await.unwrap();
    stage.holds(Rule::PolicyExpiresAt).await;
    // What waited is over too: its own time ends with the policy.
    let over = |record: &Record| match record {
        Record::Happened { decision, event: Event::Expired } => *decision == plan.id,
        _ => false,
    };
    assert!(stage.records(0).unwrap().iter().any(over), "{}", stage.log());
    assert!(scene::reverts(&stage, &plan).await.unwrap());
    stage.journal_is_whole().await;
}
