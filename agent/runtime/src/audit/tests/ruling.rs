//! The rules of a policy on calls that nobody decided.

use super::*;
use crate::{
    agent::Bundle,
    audit::{
        deed::{Calls, Deed, Moved, Origin},
        rules::{Rules, Scene},
    },
    risk::Model,
    verify::tests::treasury,
};
use alloy::{
    primitives::{B256, U256},
    sol_types::SolCall,
};
use quaestor_contracts::bindings::IERC20;
use quaestor_core::{Amount, BlockRef, Call, EntryItem, History, Policy, Terms, decision::Batch};
use quaestor_policies::VotedPolicy;

/// A decision with a batch of each account.
struct Room {
    bundle: Bundle,
    policy: VotedPolicy,
    model: Model,
}

impl Room {
    fn new() -> Self {
        let bundle = treasury::bundle();
        let catalog = quaestor_strategies::catalog();
        let policy = quaestor_policies::parse(bundle.policy.as_bytes(), &catalog).unwrap();
        let model = Model::from_words(&bundle.model).unwrap();
        Self { bundle, policy, model }
    }

    fn terms(&self) -> &Terms {
        self.policy.terms()
    }

    /// The batch of the Safe, and its calls after `enter`.
    fn of_safe(&self) -> (&Batch, Vec<Call>) {
        let batch = self.bundle.decision.batches.iter().find(|batch| batch.safe_nonce.is_some()).unwrap();
        let is_its = |calls: &&[Call]| batch.entry(&self.bundle.decision, calls).decision;
        let proposal = self.bundle.proposals.iter().find(|it| is_its(&&it.calls[1..]) == it.decision).unwrap();
        (batch, proposal.calls[1..].to_vec())
    }

    fn judge(&self, calls: &[Call], items: &[EntryItem], until: u64) -> Rules {
        let (batch, _) = self.of_safe();
        let account = Account { address: batch.address, name: "operations".into(), kind: Kind::Safe };
        let deed = deed(account, calls);
        let history = History::default();
        let (snapshot, model) = (&self.bundle.snapshot, Some(&self.model));
        Scene { policy: &self.policy, snapshot, history: &history, model }.judge(&deed, calls, items, until)
    }
}

fn deed(account: Account, calls: &[Call]) -> Deed {
    Deed {
        account,
        tx: B256::ZERO,
        block: BlockRef::default(),
        log_index: 0,
        sender: STRANGER,
        origin: Origin::Allowance,
        calls: Calls::Known(calls.to_vec()),
        entered: vec![],
        out: vec![],
        came: vec![Moved { token: TOKEN, with: STRANGER, amount: U256::from(1) }],
    }
}

fn forbidden(rules: &Rules) -> &str {
    match rules {
        Rules::Forbid(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_decided_passes_with_its_own_items_and_with_any_strategy() {
    let room = Room::new();
    let (batch, calls) = room.of_safe();
    let items: Vec<EntryItem> = batch.items.iter().map(|item| item.entry).collect();
    assert_eq!(room.judge(&calls, &items, batch.valid_until), Rules::Allow);
    assert_eq!(room.judge(&calls, &[], 0), Rules::Allow, "its own deadline stands for what is not said");
}

#[test]
fn every_way_out_is_forbidden_with_its_reason() {
    let room = Room::new();
    let (batch, calls) = room.of_safe();
    let items: Vec<EntryItem> = batch.items.iter().map(|item| item.entry).collect();
    let until = batch.valid_until;
    let mut other = items.clone();
    other[0].amount = Amount(other[0].amount.0 - 1);
    let why = room.judge(&calls, &other, until);
    assert!(forbidden(&why).contains("number 1 of what is done is not what was entered"), "{why:?}");
    let why = room.judge(&calls, &[items.clone(), items.clone()].concat(), until);
    assert!(forbidden(&why).contains("1 things are done, entered at the gate were 2"), "{why:?}");
    let mut unknown = items;
    unknown[0].line = B256::repeat_byte(1);
    let why = room.judge(&calls, &unknown, until);
    assert!(forbidden(&why).contains("no strategy"), "{why:?}");

    let asset = &room.terms().assets[0];
    let transfer = IERC20::transferCall { to: STRANGER, value: U256::from(1_000_000) };
    let pay = Call { to: asset.address, value: Amount::ZERO, data: transfer.abi_encode().into() };
    let why = room.judge(std::slice::from_ref(&pay), &[], 0);
    assert!(forbidden(&why).contains(&STRANGER.to_string()), "{why:?}");
    let with_wei = Call { value: Amount(1), ..pay.clone() };
    assert!(forbidden(&room.judge(&[with_wei], &[], 0)).contains("value in wei"));
    let foreign = Call { to: STRANGER, ..pay };
    assert!(forbidden(&room.judge(&[foreign], &[], 0)).contains("no policy can allow it"));
    let alone = &calls[..1];
    assert!(forbidden(&room.judge(alone, &[], 0)).contains("not followed by the one call that uses it"));
}

#[test]
fn an_account_or_a_time_of_no_policy_is_forbidden_whole() {
    let mut room = Room::new();
    let (_, calls) = room.of_safe();
    let history = History::default();
    let stranger = deed(Account { address: STRANGER, name: "other".into(), kind: Kind::Safe }, &calls);
    let scene = Scene { policy: &room.policy, snapshot: &room.bundle.snapshot, history: &history, model: None };
    assert!(forbidden(&scene.judge(&stranger, &calls, &[], 0)).contains("does not list the account"));
    room.bundle.snapshot.block.timestamp = room.terms().expires_at;
    room.bundle.snapshot.brake.block = room.bundle.snapshot.block;
    assert!(forbidden(&room.judge(&calls, &[], 0)).contains("expire"));
}
