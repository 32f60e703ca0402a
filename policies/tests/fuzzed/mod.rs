//! What must hold whatever bytes come: the functions behind the fuzz targets of `policies/fuzz`, which `fuzzed.rs` here
//! replays on the kept corpus. Both include these files; a broken promise is a panic.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "the targets and the replay use their parts")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod bytes;
mod ledger;
mod scene;

use crate::fixture;
use alloy_primitives::keccak256;
use ledger::Ledger;
use quaestor_core::{Catalog, Intent, Policy, Verdict, pipeline::Context, snapshot::Tally};
use quaestor_policies::{FILE_BYTES_MAX, Problems, Told, VotedPolicy, intent_text};
use scene::Scene;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> = LazyLock::new(quaestor_strategies::catalog);

/// Most problems of a file, as `policies/README.md` says.
const PROBLEMS_MAX: usize = 100;

/// Reads a file: it is a policy or has problems in words, both times the same.
pub fn parse(file: &[u8]) {
    let (found, again) = (quaestor_policies::parse(file, &CATALOG), quaestor_policies::parse(file, &CATALOG));
    match (found, again) {
        (Err(problems), Err(same)) => {
            assert_eq!(problems, same);
            told(&problems);
        }
        (Ok(policy), Ok(same)) => {
            assert_eq!((policy.hash(), policy.rest(), policy.terms()), (same.hash(), same.rest(), same.terms()));
            read(file, &policy);
        }
        (found, again) => panic!("read differently: {found:?}\n{again:?}"),
    }
}

fn told(problems: &Problems) {
    assert!((1..=PROBLEMS_MAX).contains(&problems.problems.len()));
    assert!(problems.problems.is_sorted_by_key(|it| (it.line, it.column)));
    for problem in &problems.problems {
        assert!(problem.line > 0 && problem.column > 0 && !problem.message.is_empty(), "{problem:?}");
    }
    serde_json::to_string(problems).unwrap();
}

fn read(file: &[u8], policy: &VotedPolicy) {
    assert_eq!(policy.hash(), keccak256(file));
    assert_eq!(policy.rest_hash(), keccak256(policy.rest()));
    assert_eq!(policy.envelope(), policy.terms().limits.envelope());
    serde_json::from_str::<serde_json::Value>(policy.rest()).unwrap();
    let printed = policy.to_toml();
    let again = quaestor_policies::parse(printed.as_bytes(), &CATALOG).unwrap();
    assert_eq!((again.terms(), again.rest(), again.to_toml()), (policy.terms(), policy.rest(), printed));
    let explained = policy.explain(&CATALOG);
    assert!(!explained.to_text().is_empty() && !explained.to_markdown().is_empty());
    assert!(policy.warnings().iter().all(|warning| !warning.message.is_empty()));
    // Comments and line ends are another file that means the same.
    let commented = [b"# first\n", file, b"\n# last\n"].concat();
    if commented.len() <= FILE_BYTES_MAX {
        let same = quaestor_policies::parse(&commented, &CATALOG).unwrap();
        assert_eq!((policy.rest_hash(), policy.envelope()), (same.rest_hash(), same.envelope()));
        assert_ne!(policy.hash(), same.hash());
    }
    let now = fixture::NOW;
    policy.is_due(now, now + 86_400, 7_200);
    if let Some(ticks) = policy.ticks(now, now + 86_400) {
        assert!(ticks.take(5).collect::<Vec<_>>().is_sorted());
    }
    let plain = Scene::of(policy, &mut bytes::Bytes::of(&[]));
    judged(policy, &plain);
}

/// Judges what the bytes say under the policy that they make of one: whatever is allowed keeps to the caps and balances
/// by a reckoning of its own. The verdicts, none where the bytes make no policy or no prices.
pub fn judge(bytes: &[u8]) -> Vec<Verdict> {
    let mut bytes = bytes::Bytes::of(bytes);
    let text = scene::policy_text(&mut bytes);
    let Ok(policy) = quaestor_policies::parse(text.as_bytes(), &CATALOG) else { return Vec::new() };
    let scene = Scene::of(&policy, &mut bytes);
    judged(&policy, &scene)
}

fn judged(policy: &VotedPolicy, scene: &Scene) -> Vec<Verdict> {
    let Some(valued) = scene.valued(policy) else { return Vec::new() };
    let cx = valued.context(policy, scene);
    let mut ledger = Ledger::new(&cx);
    let mut verdicts: Vec<Verdict> = Vec::new();
    for (position, intent) in scene.intents.iter().enumerate() {
        let tally = Tally::before(intent.account, &scene.intents[..position], &verdicts);
        let verdict = policy.judge(&cx, &tally, intent);
        assert_eq!(verdict, policy.judge(&cx, &tally, intent));
        match &verdict {
            Verdict::Allowed => ledger.allow(intent),
            Verdict::Refused(receipt) => {
                assert_eq!((receipt.block, receipt.policy), (cx.snapshot.block, policy.hash()));
                let text = serde_json::to_string(receipt).unwrap();
                assert_eq!(serde_json::from_str::<quaestor_core::Refusal>(&text).unwrap(), *receipt);
                assert!(!Told::of(cx.terms, receipt).brief().is_empty() && !intent_text(cx.terms, intent).is_empty());
            }
        }
        verdicts.push(verdict);
    }
    outcome(policy, scene, &cx, &ledger.allowed);
    verdicts
}

/// Judges what the batch left behind, by balances that the scene says.
fn outcome(policy: &VotedPolicy, scene: &Scene, before: &Context<'_>, allowed: &[Intent]) {
    let left = scene.after(policy, allowed);
    let Some(valued) = left.valued(policy) else { return };
    let after = valued.context(policy, &left);
    let verdict = policy.judge_outcome(before, &after, allowed);
    assert_eq!(verdict, policy.judge_outcome(before, &after, allowed));
    if verdict.is_allowed() {
        ledger::nothing_is_missing(before, &after, allowed);
    }
}
