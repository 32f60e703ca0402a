//! Rounds of the past that lie apart, on the local chain: which are read follows from what the feeds say, and whoever verifies
//! a decision finds the same.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod local;

use local::{days, decide, fresh};
use quaestor::{
    devnet::{ReplayDay, demo_limits, policy_text},
    verify::{connect, verify},
};
use quaestor_core::Policy;
use quaestor_policies::parse;

const DAY_SECS: u64 = 86_400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rounds_are_read_as_far_apart_as_the_policy_says() {
    let devnet = fresh().await;
    let text = policy_text(&devnet.dao, demo_limits());
    let every = "history_rounds = 60\n";
    let text = text.replacen(every, "history_rounds = 20\nhistory_step = \"3d\"\n", 1);
    let policy = parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    assert_eq!(policy.terms().risk.history_step_secs, 3 * DAY_SECS);
    let (hash, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
    let voted = devnet.vote_policy(hash, rest, envelope, "epoch-1.toml", "# A policy").await.unwrap();
    devnet.warp_to(voted.active_at).await.unwrap();
    let now = devnet.chain.now().await.unwrap();
    let march: Vec<ReplayDay> =
        days("2020-03-01", "2020-03-12").into_iter().filter(|day| day.timestamp > now).collect();
    devnet.replay(&march).await.unwrap();
    let chain = connect(devnet.chain.url().clone()).unwrap();
    let bundle = decide(&devnet, &chain, &text).await;
    let report = verify(&bundle, &quaestor_strategies::catalog(), Some(&chain)).await.unwrap();
    assert!(report.is_ok() && report.not_checked.is_empty(), "{report}");
    for asset in bundle.snapshot.assets.iter().filter(|asset| !asset.feeds.is_empty()) {
        let times: Vec<u64> = asset.feeds[0].rounds.iter().map(|round| round.updated_at).collect();
        assert!(times.len() > 15, "{times:?}");
        assert_eq!(times.last(), march.last().map(|day| &day.timestamp), "the newest price is never left out");
        // Each third day, but where the vote took a day or two of the replay.
        let apart: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]) / DAY_SECS).collect();
        let usual = apart.iter().filter(|days| **days == 3).count();
        assert!(apart.iter().all(|days| (2..=8).contains(days)) && usual * 4 >= apart.len() * 3, "{apart:?}");
    }
    // Who leaves out the round that told the distance is found out.
    let mut forged = bundle.clone();
    forged.reads.remove(forged.reads.len() - 1);
    assert!(!verify(&forged, &quaestor_strategies::catalog(), None).await.unwrap().is_ok());
}
