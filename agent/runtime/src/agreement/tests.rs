//! What a person sees: agreement, and every way in which there is none.

use super::{
    judge::agreement,
    read::{Decided, File, Seen},
    *,
};
use crate::{
    agent::{Book, Expected},
    registry::{Change, Epoch, Scheduled},
    status::{Alarm, JournalNow, Lifetime, PendingNow, Reading, Written},
};
use alloy::primitives::{B256, keccak256};
use quaestor_core::Policy;
use quaestor_policies::VotedPolicy;

const TEXT: &str = include_str!("../../tests/policy.toml");
const NOW: u64 = 1_767_225_600;

fn policy(text: &str) -> VotedPolicy {
    quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap_or_else(|it| panic!("{it}"))
}

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: B256::repeat_byte(1), timestamp: NOW + number }
}

/// Chain, file and agent agree on epoch 2.
fn seen() -> Seen {
    let policy = policy(TEXT);
    let terms = policy.terms();
    let expected =
        Expected { chain_id: terms.chain_id, registry: terms.registry, brake: terms.brake, gate: terms.gate };
    let active = Epoch {
        policyHash: policy.hash(),
        restHash: policy.rest_hash(),
        envelope: policy.envelope(),
        uri: "https://dao.example/policy.toml".into(),
        activeAt: NOW - 86_400,
        number: 2,
    };
    let journal = JournalNow {
        rows: 9,
        head: B256::repeat_byte(9),
        last_unix_ms: Some(NOW * 1_000),
        lifetime: Some(Lifetime {
            started_unix_ms: (NOW - 3_600) * 1_000,
            version: "0.1.0".into(),
            stopped_unix_ms: None,
        }),
        alarm: None,
        training: None,
    };
    let book = Book { epoch: Some((2, policy.hash())), ..Book::default() };
    Seen {
        config: "dao/agent.toml".into(),
        expected,
        finalised: block(118),
        head: block(120),
        file: File::Here { path: "dao/policy.toml".into(), policy: Ok(Box::new(policy)) },
        written: Written {
            journal: Reading::Known(Some(journal)),
            decision: Reading::Known(None),
            book: Reading::Known(book),
        },
        decided: Some(Decided { block: block(117), epoch: 2, policy: active.policyHash }),
        coming: Some(2),
        active: Some(active),
        pending: None,
        has_pending: false,
        scheduled: Scheduled::default(),
    }
}

fn journal(seen: &mut Seen) -> &mut JournalNow {
    match &mut seen.written.journal {
        Reading::Known(Some(journal)) => journal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn agreement_is_read_line_by_line_with_what_will_change() {
    let mut seen = seen();
    seen.pending = Some(PendingNow {
        epoch: 3,
        hash: B256::repeat_byte(3),
        uri: "tx:0x03".into(),
        active_at: NOW + 172_800,
        is_vetoable: true,
    });
    let guardian = Address::repeat_byte;
    let mut ceilings = [u64::MAX; 32];
    ceilings[16..].fill(0);
    let mut then = ceilings;
    (then[0], then[16]) = (3_000, 500);
    seen.scheduled = Scheduled {
        delay: Some(Change { now: 172_800, then: 86_400, in_force_at: NOW + 172_800 }),
        guardians: Some(Change {
            now: vec![guardian(1), guardian(2)],
            then: vec![guardian(2), guardian(3)],
            in_force_at: NOW + 9,
        }),
        ceilings: Some(Change { now: ceilings, then, in_force_at: NOW + 172_800 }),
    };
    let found = agreement(&seen);
    insta::assert_snapshot!(found);
    assert_eq!((found.count(State::Differs), found.count(State::Unchecked)), (0, 0));
}

#[test]
fn every_difference_says_what_to_do() {
    let mut seen = seen();
    let file = policy(&TEXT.replacen("proposal_bps_max = 1000", "proposal_bps_max = 2000", 1));
    let active = seen.active.as_mut().unwrap();
    active.restHash = B256::repeat_byte(7);
    active.envelope[9] = u64::MAX;
    seen.expected.gate = Address::repeat_byte(0x99);
    seen.head.timestamp = file.terms().expires_at;
    seen.coming = Some(3);
    seen.file = File::Here { path: "dao/policy.toml".into(), policy: Ok(Box::new(file)) };
    let epoch_1 = B256::repeat_byte(4);
    seen.written.book = Reading::Known(Book { epoch: Some((1, epoch_1)), ..Book::default() });
    seen.decided = Some(Decided { block: block(80), epoch: 1, policy: epoch_1 });
    let message = "the words of the file of epoch 2 differ from what is anchored".to_owned();
    journal(&mut seen).alarm = Some(Alarm { unix_ms: NOW * 1_000, message });
    insta::assert_snapshot!(agreement(&seen));
}

#[test]
fn what_is_missing_is_named_with_what_is_there() {
    let mut seen = seen();
    seen.file = File::Others(vec![("dao/policy.toml".into(), B256::repeat_byte(5))]);
    journal(&mut seen).lifetime.as_mut().unwrap().stopped_unix_ms = Some(NOW * 1_000);
    let text = agreement(&seen).to_string();
    for words in [
        "no file of `files.policies` has that hash",
        &format!("dao/policy.toml has {}", B256::repeat_byte(5)),
        "run `quaestor policy fetch`; the registry says that it is at `https://dao.example/policy.toml`",
        "it obeys epoch 2; its last decision, at block 117, names it; it does not run, it was stopped 2026-01-01 00:00:00 UTC",
        "1 thing DIFFERS",
    ] {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
    seen.file = File::Here { path: "dao/policy.toml".into(), policy: Err("dao/policy.toml:1:1: unknown key".into()) };
    let text = agreement(&seen).to_string();
    assert!(text.contains("DIFFERS   language") && text.contains("dao/policy.toml:1:1: unknown key"), "{text}");
    seen.file = File::Unreadable("denied".into());
    assert!(agreement(&seen).to_string().contains("correct the list in dao/agent.toml"));
    seen.active = None;
    let text = agreement(&seen).to_string();
    assert!(text.contains("no epoch is in force") && text.contains("1 thing DIFFERS"), "{text}");
}

#[test]
fn an_agent_that_cannot_be_asked_is_no_agreement() {
    let mut seen = seen();
    seen.written.journal = Reading::Known(None);
    let found = agreement(&seen);
    let text = found.to_string();
    assert!(text.contains("unchecked agent      none ran with this configuration yet"), "{text}");
    assert!(text.ends_with("nothing differs, but 1 thing could not be checked"), "{text}");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!((&json["ok"], &json["differs"], &json["unchecked"]), (&false.into(), &0.into(), &1.into()));
    seen.written.journal = Reading::unknown("row 2\nwas changed", crate::cli::Exit::Journal);
    let text = agreement(&seen).to_string();
    assert!(text.contains("its journal cannot be read: row 2") && text.contains("quaestor journal verify"), "{text}");
}

#[test]
fn a_hash_is_shown_whole() {
    let text = agreement(&seen()).to_string();
    assert!(text.contains(&keccak256(TEXT).to_string()), "{text}");
}
