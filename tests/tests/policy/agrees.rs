//! `policy verify` and `policy fetch`: from a vote whose file nobody has to an agent that obeys it.

use super::{FAILED, UNCHECKED, types};
use quaestor::{
    agent::Record,
    demo::scene,
    devnet::{demo_limits, people::call, policy_text},
};
use quaestor_contracts::bindings::PolicyRegistry;
use quaestor_core::{Amount, Call, Limits, Policy};
use quaestor_tests::{governed, stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_any_vote_nothing_agrees_and_without_an_agent_nobody_can_say() {
    let mut stage = stage().await;
    types(&stage, &["verify"], FAILED, &["no epoch is in force, so nothing is permitted", "let the members vote one"])
        .await;
    scene::adopt_first_policy(&mut stage).await.unwrap();
    stage.devnet.mine(3).await.unwrap();
    let words =
        ["ok        file       ", "unchecked agent      none ran with this configuration yet", "to do: start it with"];
    types(&stage, &["verify"], UNCHECKED, &words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_is_followed_until_the_running_agent_obeys_it() {
    let mut stage = governed().await;
    stage.decides().await;
    let one = ["ok        agent      it obeys epoch 1", "names it", "chain, file and agent agree"];
    types(&stage, &["verify"], 0, &one).await;

    // The members vote a narrower policy, whose file lies in the calldata of a transaction and nowhere else.
    let text = policy_text(&stage.devnet.dao, Limits { proposal_bps_max: 1_000, ..demo_limits() });
    let policy = scene::parse(&text).unwrap();
    let stranger = stage.devnet.dao.people.stranger.address();
    let bytes = Call { to: stranger, value: Amount::ZERO, data: text.as_bytes().to_vec().into() };
    let published = stage.devnet.chain.send("the file", stranger, &bytes).await.unwrap().transaction_hash;
    let uri = format!("tx:{published}");
    let (hash, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
    stage.devnet.vote_policy(hash, rest, envelope, &uri, "# Narrow").await.unwrap();
    stage.alarmed("epoch 2 anchors policy").await;
    let (hash, at) = (hash.to_string(), format!("the registry says that it is at `{uri}`"));
    let words = [
        "epoch 2 is in force since ",
        &hash,
        "DIFFERS   file       no file of `files.policies` has that hash",
        "to do: run `quaestor policy fetch`",
        &at,
        "DIFFERS   agent      it obeys epoch 1",
        "to do: its last alarm",
        "2 things DIFFER",
    ];
    let ended = types(&stage, &["verify"], FAILED, &words).await;
    assert!(ended.stdout.contains("policy.toml has 0x"), "{}", ended.stdout);

    // As it says, and the agent takes it without a restart.
    types(&stage, &["fetch"], 0, &["epoch    2", &uri, "epoch-2.toml"]).await;
    let taken = |record: &Record| matches!(record, Record::PolicyInForce { epoch: 2, .. });
    stage.mine_until("take the file", 0, taken).await.unwrap();
    let two = ["ok        agent      it obeys epoch 2", "under epoch 1", "chain, file and agent agree"];
    types(&stage, &["verify"], 0, &two).await;

    // What the members have decided and what only waits is told with its time.
    let wider = scene::parse(&policy_text(&stage.devnet.dao, demo_limits())).unwrap();
    let (hash, rest, envelope) = (wider.hash(), wider.rest_hash(), wider.envelope());
    stage.devnet.vote_policy(hash, rest, envelope, "file:policy.toml", "# Wide again").await.unwrap();
    let registry = stage.devnet.dao.controls.registry;
    let delay = call(registry, &PolicyRegistry::scheduleDelayCall { delaySecs_: 86_400 });
    stage.devnet.vote_through(&[delay], "# A day is enough").await.unwrap();
    let words = [
        "pending   epoch      epoch 3 is active from 2020-",
        "guardians may veto it until then",
        "pending   delay      from 2020-",
        "on what widens waits 1 d instead of 2 d",
        "chain, file and agent agree",
    ];
    let ended = types(&stage, &["verify"], 0, &words).await;
    assert!(!ended.stdout.contains("to do:"), "its file is here already:\n{}", ended.stdout);
    stage.stop().await;
    types(&stage, &["verify"], 0, &["it obeys epoch 2", "it does not run, it was stopped"]).await;
    stage.journal_is_whole().await;
}
