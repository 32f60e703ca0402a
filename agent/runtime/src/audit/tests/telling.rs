//! What a person, a program and another DAO's tools read.

use super::*;
use crate::{
    audit::{Audit, CallTold, EpochTold, Hand, How, Judged, Moved, Origin, Unchecked, Verdict, Vote},
    cli::Exit,
};
use alloy::primitives::{B256, Bytes, U256};
use quaestor_core::{Amount, BlockRef, Value, amount::WAD};

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: B256::repeat_byte(1), timestamp: 1_584_057_600 + 12 * number }
}

fn judged(number: u64, position: usize, origin: Origin, verdict: Verdict) -> Judged {
    let words = format!("send 5 USDC ({TOKEN}) to AN ADDRESS THAT THE POLICY DOES NOT LIST ({STRANGER})");
    let call = CallTold { operation: "call", to: TOKEN, value: Amount::ZERO, data: Bytes::from_static(&[0xa9]), words };
    let is_gate = matches!(verdict, Verdict::Allowed { .. } | Verdict::NotAllowed { .. } | Verdict::Unjudged { .. });
    Judged {
        verdict,
        account: accounts().swap_remove(position),
        block: block(number),
        tx: B256::repeat_byte(u8::try_from(number).unwrap()),
        log_index: 4,
        sender: STRANGER,
        origin,
        vote: None,
        epoch: Some(2),
        decision: is_gate.then(|| B256::repeat_byte(0xdd)),
        value: is_gate.then_some(Value(1_234_567 * WAD)),
        calls: vec![call],
        out: vec![Moved { token: TOKEN, with: STRANGER, amount: U256::from(5_000_000) }],
        out_words: vec![format!("5 USDC went to {STRANGER}")],
    }
}

fn owners() -> Origin {
    Origin::Owners { safe_tx_hash: B256::repeat_byte(0x5a), signers: vec![GATE, STRANGER] }
}

fn full() -> Audit {
    let (operation, policy) = (B256::repeat_byte(0x0b), "epoch 2 would not have allowed it: because".to_owned());
    let by_hand = |hand| Verdict::ByHand { hand, policy: policy.clone() };
    let bundle = How::Bundle { name: "9-ab.json".into() };
    let unread =
        Some("what its bundle says of the chain could not be compared: an archive node may have it".to_owned());
    let mut vote = judged(16, 1, Origin::Vote { operation }, by_hand(Hand::Vote));
    let title = "A grant\u{1b}[31m".to_owned();
    vote.vote = Some(Vote { governor: GOVERNOR, proposal_id: U256::from(77), proposer: GATE, title });
    let mut taken = judged(17, 0, Origin::Allowance, by_hand(Hand::Allowance));
    taken.calls.clear();
    let mut rejection = judged(19, 0, owners(), Verdict::Rejection);
    rejection.calls.clear();
    rejection.out_words.clear();
    Audit {
        chain_id: 31_337,
        name: "Example".into(),
        first: 1,
        last: block(20),
        epochs: vec![
            EpochTold {
                epoch: 1,
                policy: B256::repeat_byte(0xe1),
                from: 1_584_000_000,
                until: Some(1_584_057_000),
                file: None,
                missing: Some("nobody has it".into()),
            },
            EpochTold {
                epoch: 2,
                policy: B256::repeat_byte(0xe2),
                from: 1_584_057_000,
                until: None,
                file: Some("policy.toml".into()),
                missing: None,
            },
        ],
        accounts: accounts(),
        judged: vec![
            judged(10, 0, owners(), Verdict::Allowed { how: bundle.clone(), caveat: None }),
            judged(11, 0, owners(), Verdict::Allowed { how: bundle, caveat: unread }),
            judged(12, 0, owners(), Verdict::Allowed { how: How::Recomputed { block: 9 }, caveat: None }),
            judged(13, 0, owners(), Verdict::NotAllowed { why: "limits.proposal_bps_max allows 15.00 %".into() }),
            judged(14, 0, owners(), by_hand(Hand::Owners)),
            judged(15, 0, Origin::Module { module: GATE }, by_hand(Hand::Module)),
            vote,
            taken,
            judged(18, 0, owners(), Verdict::Unjudged { why: "no bundle of it is at hand".into() }),
            rejection,
            judged(20, 1, Origin::Vote { operation }, Verdict::Governance),
        ],
        strangers: 1,
        unchecked: vec![Unchecked { what: "what only epoch 1 names".into(), why: "nobody has it".into() }],
    }
}

#[test]
fn a_person_reads_what_was_done_and_what_no_policy_allowed() {
    let found = full();
    assert_eq!((found.found(), found.unchecked(), found.exit()), (5, 3, Exit::Failed));
    insta::assert_snapshot!(found);
}

#[test]
fn how_it_ends_says_whether_it_is_clean_or_only_as_far_as_anybody_can_tell() {
    let mut found = full();
    found.judged.truncate(2);
    assert_eq!((found.found(), found.unchecked(), found.exit()), (0, 2, Exit::Unchecked));
    assert!(found.to_string().ends_with("nothing was found, but not everything could be checked"));
    found.unchecked.clear();
    found.judged.truncate(1);
    assert_eq!(found.exit(), Exit::Ok);
    assert!(
        found.to_string().ends_with("clean: everything that the treasury did was allowed by the policy of its time")
    );
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!((&json["ok"], &json["counts"]["allowed"]), (&true.into(), &1.into()));
    assert_eq!((&json["deeds"][0]["verdict"], &json["deeds"][0]["how"]), (&"allowed".into(), &"bundle".into()));
}

#[test]
fn activities_have_the_shape_of_erc_4824() {
    let log = full().activities();
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}
