//! One honest case; each test spoils one thing of it and names the rule that must refuse.

use super::*;
use crate::{
    Action, Amount, Value,
    action::encode_batch,
    fixture::{
        Judge, LaxCodec, MEMBER, NOW, NoModel, OPERATIONS, OPERATOR, POLICY, RESERVE, block, decide, deposit,
        outstanding, payment, sale, snapshot, spend, usd,
    },
    snapshot::Outstanding,
};
use alloy_primitives::Bytes;
use proptest::prelude::*;

struct Case {
    judge: Judge,
    snapshot: Snapshot,
    history: History,
    decision: Decision,
    batch: Batch,
    calls: Vec<Call>,
    dry_run: DryRun,
    anchor_finalised: Anchor,
    brake: BrakeReading,
}

fn ran(snapshot: &Snapshot, calls: &[Call]) -> DryRun {
    let balances = snapshot.accounts.iter().map(|account| account.balances.clone()).collect();
    DryRun { calls: calls.to_vec(), block: snapshot.block, outcome: DryRunOutcome::Ran { balances, gas_used: 1 } }
}

impl Case {
    fn of(wants: &[Intent]) -> Self {
        let (judge, snapshot, history) = (Judge::default(), snapshot(100), History::default());
        let decision = decide(&judge, &snapshot, &history, wants);
        judge.shown.lock().unwrap().clear();
        let batch = decision.batches[0].clone();
        let calls = encode_batch(&LaxCodec, &decision, &batch).unwrap();
        let dry_run = ran(&snapshot, &calls);
        let brake = BrakeReading { block: block(102), ..snapshot.brake };
        let anchor_finalised = snapshot.anchor;
        Self { judge, snapshot, history, decision, batch, calls, dry_run, anchor_finalised, brake }
    }

    /// A payment and a sale by the Safe.
    fn honest() -> Self {
        Self::of(&[payment(OPERATIONS, 4, 1_000), sale(OPERATIONS, 0, 2)])
    }

    /// A payment by the timelock.
    fn voted() -> Self {
        Self::of(&[payment(RESERVE, 4, 1_000)])
    }

    /// The same proposal, an hour later.
    fn later(mut self) -> Self {
        self.snapshot = snapshot(400);
        self.dry_run = ran(&self.snapshot, &self.calls);
        self.brake.block = block(402);
        self
    }

    /// Everything that follows from the batch, made anew: what a forger would do.
    fn forged(mut self, forge: impl FnOnce(&mut Decision, &mut Batch)) -> Self {
        forge(&mut self.decision, &mut self.batch);
        self.decision.batches = vec![self.batch.clone()];
        self.calls = encode_batch(&LaxCodec, &self.decision, &self.batch).unwrap();
        self.dry_run.calls.clone_from(&self.calls);
        self
    }

    fn id(&self) -> B256 {
        self.batch.entry(&self.decision, &self.calls[1..]).decision
    }

    fn clear(&self) -> Result<Cleared<Batch>, Refusal> {
        let (snapshot, history, policy) = (&self.snapshot, &self.history, &self.judge);
        let inputs = Inputs { snapshot, history, policy, strategies: &[], model: &NoModel };
        let evidence = Evidence {
            anchor_finalised: self.anchor_finalised,
            brake: self.brake,
            calls: &self.calls,
            dry_run: &self.dry_run,
            codec: &LaxCodec,
        };
        clear(&inputs, &self.decision, &self.batch, &evidence)
    }

    fn refused(&self) -> Rule {
        self.clear().unwrap_err().rule
    }
}

fn spoilt(spoil: impl FnOnce(&mut Case)) -> Rule {
    let mut case = Case::honest();
    spoil(&mut case);
    case.refused()
}

#[test]
fn the_honest_case_is_cleared_as_it_is() {
    let case = Case::honest();
    let cleared = case.clear().unwrap();
    assert_eq!(cleared.item(), &case.batch);
    assert_eq!(cleared.calls(), case.calls);
    assert_eq!(cleared.decision(), case.id());
    assert_eq!(case.judge.shown.lock().unwrap().len(), 2);
    assert!(Case::voted().clear().is_ok());
}

#[test]
fn the_policy_must_be_anchored_at_the_snapshot_and_at_the_finalised_block() {
    let other = B256::repeat_byte(0x11);
    assert_eq!(spoilt(|case| case.snapshot.anchor.policy_hash = other), Rule::PolicyAnchored);
    assert_eq!(spoilt(|case| case.anchor_finalised.policy_hash = other), Rule::PolicyAnchored);
    assert_eq!(spoilt(|case| case.snapshot.anchor.epoch = 0), Rule::PolicyAnchored);
    assert_eq!(spoilt(|case| case.anchor_finalised.epoch = 0), Rule::PolicyAnchored);
    let under_another = Case::honest().forged(|decision, _| decision.policy = other);
    assert_eq!(under_another.refused(), Rule::PolicyAnchored);
}

#[test]
fn nothing_passes_under_an_expired_policy_or_lives_beyond_it() {
    assert_eq!(spoilt(|case| case.judge.terms.expires_at = NOW), Rule::PolicyExpiresAt);
    let too_long = Case::honest().forged(|_, batch| batch.valid_until = NOW + 1_000_001);
    assert_eq!(too_long.refused(), Rule::PolicyExpiresAt);
    assert_eq!(Case::honest().forged(|_, batch| batch.valid_until = NOW).refused(), Rule::PolicyExpiresAt);
    assert!(Case::honest().forged(|_, batch| batch.valid_until = NOW + 1).clear().is_err_and(|receipt| {
        // Valid at the snapshot, over at the newest block.
        receipt.rule == Rule::ClearanceFresh
    }));
}

#[test]
fn a_proposal_lives_no_longer_than_the_policy_lets_it() {
    let longer = |_: &mut Decision, batch: &mut Batch| batch.valid_until += 1;
    assert_eq!(Case::honest().forged(longer).refused(), Rule::ValiditySecsMax);
    let mut case = Case::honest();
    case.judge.terms.limits.validity_secs_max = 86_399;
    assert_eq!(case.refused(), Rule::ValiditySecsMax);
}

#[test]
fn a_brake_pulled_or_not_read_at_the_snapshot_stops_everything() {
    assert_eq!(spoilt(|case| case.snapshot.brake.pulled = true), Rule::BrakePulled);
    assert_eq!(spoilt(|case| case.snapshot.brake = BrakeReading::unreadable(block(100))), Rule::BrakePulled);
    assert_eq!(spoilt(|case| case.snapshot.brake.block = block(99)), Rule::BrakePulled);
    assert_eq!(spoilt(|case| case.snapshot.brake.lease_until = NOW), Rule::LeaseLapsed);
    assert_eq!(spoilt(|case| case.snapshot.brake.pulls = 3), Rule::BrakePulled);
}

#[test]
fn a_brake_pulled_or_not_read_since_stops_everything() {
    assert_eq!(spoilt(|case| case.brake.pulled = true), Rule::BrakePulled);
    assert_eq!(spoilt(|case| case.brake.pulls = 3), Rule::BrakePulled);
    assert_eq!(spoilt(|case| case.brake = BrakeReading::unreadable(block(102))), Rule::BrakePulled);
    assert_eq!(spoilt(|case| case.brake.lease_until = case.brake.block.timestamp), Rule::LeaseLapsed);
    assert_eq!(spoilt(|case| case.brake.block = block(99)), Rule::ClearanceFresh);
}

#[test]
fn a_batch_cannot_claim_a_pull_that_its_snapshot_had_not_seen() {
    let mut case = Case::honest().forged(|_, batch| batch.pulls = 3);
    case.brake.pulls = 3;
    assert_eq!(case.refused(), Rule::BrakePulled);
}

#[test]
fn the_chain_must_be_what_the_policy_says() {
    assert_eq!(spoilt(|case| case.snapshot.chain_id = 1), Rule::ChainId);
    assert_eq!(Case::honest().forged(|decision, _| decision.chain_id = 1).refused(), Rule::ChainId);
    assert_eq!(spoilt(|case| case.snapshot.code[0].code_hash = B256::ZERO), Rule::VenueCodeHash);
    assert_eq!(spoilt(|case| case.snapshot.code[1].code_hash = B256::ZERO), Rule::AssetCodeHash);
    assert_eq!(spoilt(|case| case.snapshot.code.truncate(1)), Rule::SnapshotComplete);
    assert_eq!(spoilt(|case| case.snapshot.assets[0].decimals = Some(18)), Rule::AssetDecimals);
    assert_eq!(spoilt(|case| case.snapshot.assets[0].decimals = None), Rule::AssetDecimals);
    assert_eq!(spoilt(|case| case.snapshot.assets[0].address = MEMBER), Rule::SnapshotComplete);
    assert_eq!(spoilt(|case| case.snapshot.assets[0].feeds[0].feed = MEMBER), Rule::SnapshotComplete);
    assert_eq!(spoilt(|case| case.snapshot.accounts[0].address = MEMBER), Rule::AccountListed);
    let timelock = Control::Timelock { delay_secs: 1, governor_schedules: true };
    assert_eq!(spoilt(|case| case.snapshot.accounts[0].control = timelock), Rule::AccountListed);
}

#[test]
fn operators_who_reach_a_threshold_could_move_money_alone() {
    let mut case = Case::honest();
    case.snapshot.operators = vec![OPERATOR, Address::repeat_byte(0xa1)];
    assert!(case.clear().is_ok());
    case.snapshot.operators.push(Address::repeat_byte(0xa2));
    assert_eq!(case.refused(), Rule::OperatorsBelowThreshold);
}

#[test]
fn the_judge_has_the_last_word_on_every_intent_and_on_what_is_left() {
    let refuses_sales = |intent: &Intent| (intent.actions.len() == 2).then_some(Rule::SlippageBpsMax);
    assert_eq!(spoilt(|case| case.judge.refuses = refuses_sales), Rule::SlippageBpsMax);
    assert_eq!(spoilt(|case| case.judge.outcome = Some(Rule::StableShareBpsMin)), Rule::StableShareBpsMin);
}

#[test]
fn the_outcome_is_judged_by_the_balances_of_the_dry_run() {
    let mut case = Case::honest();
    let left = [[Amount(11), Amount(5)], [Amount(22), Amount(6)]];
    let balances = left.iter().map(|account| account.to_vec()).collect();
    case.dry_run.outcome = DryRunOutcome::Ran { balances, gas_used: 1 };
    assert!(case.clear().is_ok());
    assert_eq!(*case.judge.left.lock().unwrap(), [Amount(33), Amount(11)]);
    case.dry_run.outcome = DryRunOutcome::Ran { balances: vec![left[0].to_vec()], gas_used: 1 };
    assert_eq!(case.refused(), Rule::SnapshotComplete);
    let balances = vec![vec![Amount(11)], left[1].to_vec()];
    case.dry_run.outcome = DryRunOutcome::Ran { balances, gas_used: 1 };
    assert_eq!(case.refused(), Rule::SnapshotComplete);
}

#[test]
fn what_did_not_run_here_and_now_does_not_pass() {
    let reverted = DryRunOutcome::Reverted { reason: "STF".into() };
    assert_eq!(spoilt(|case| case.dry_run.outcome = reverted), Rule::DryRun);
    assert_eq!(spoilt(|case| case.dry_run.block = block(99)), Rule::DryRun);
    let other = Call { to: MEMBER, value: Amount::ZERO, data: Bytes::new() };
    assert_eq!(spoilt(|case| case.dry_run.calls.push(other)), Rule::CalldataMatches);
    assert_eq!(spoilt(|case| case.dry_run.calls.clear()), Rule::CalldataMatches);
}

#[test]
fn calls_may_be_neither_dropped_nor_added_nor_swapped() {
    let change = |change: fn(&mut Vec<Call>)| {
        spoilt(|case| {
            change(&mut case.calls);
            case.dry_run.calls.clone_from(&case.calls);
        })
    };
    assert_eq!(change(Vec::clear), Rule::CalldataMatches);
    assert_eq!(change(|calls| drop(calls.remove(0))), Rule::CalldataMatches);
    assert_eq!(change(|calls| drop(calls.pop())), Rule::CalldataMatches);
    assert_eq!(change(|calls| calls.push(calls[1].clone())), Rule::CalldataMatches);
    assert_eq!(change(|calls| calls.swap(0, 1)), Rule::CalldataMatches);
    assert_eq!(change(|calls| calls.swap(1, 2)), Rule::CalldataMatches);
}

proptest! {
    #[test]
    fn no_changed_byte_of_any_call_passes(call in 0usize..4, part in 0usize..4, at: prop::sample::Index, flip in 1u8..) {
        let mut case = Case::honest();
        prop_assert_eq!(case.calls.len(), 4);
        let spoilt = &mut case.calls[call];
        match part {
            0 => spoilt.to.0[at.index(20)] ^= flip,
            1 => spoilt.value.0 ^= u128::from(flip) << (8 * at.index(16)),
            2 => spoilt.data = [&spoilt.data[..], &[flip]].concat().into(),
            _ => {
                let mut data = spoilt.data.to_vec();
                let at = at.index(data.len());
                data[at] ^= flip;
                spoilt.data = data.into();
            }
        }
        case.dry_run.calls.clone_from(&case.calls);
        prop_assert_eq!(case.refused(), Rule::CalldataMatches);
    }

    #[test]
    fn what_the_chain_is_told_of_an_intent_is_what_the_intent_is(item in 0usize..2, field in 0usize..6, byte in 1u8..) {
        let case = Case::honest().forged(|_, batch| {
            let entry = &mut batch.items[item].entry;
            match field {
                0 => entry.once_key.0[0] ^= byte,
                1 => entry.line.0[0] ^= byte,
                2 => entry.asset.0[0] ^= byte,
                3 => entry.counterparty.0[0] ^= byte,
                4 => entry.amount.0 ^= u128::from(byte),
                _ => entry.value.0 ^= u128::from(byte),
            }
        });
        prop_assert_eq!(case.refused(), Rule::CalldataMatches);
    }
}

#[test]
fn an_intent_cannot_belittle_its_value() {
    let case = Case::honest().forged(|_, batch| {
        batch.items[0].intent.value = Value(1);
        batch.items[0].entry.value = Value(1);
    });
    assert_eq!(case.refused(), Rule::IntentMatchesActions);
}

#[test]
fn a_batch_moves_one_account_only_and_at_its_address() {
    let elsewhere = Case::honest().forged(|_, batch| batch.address = MEMBER);
    assert_eq!(elsewhere.refused(), Rule::CalldataMatches);
    let mixed = Case::honest().forged(|_, batch| batch.items[1].intent.account = RESERVE);
    assert_eq!(mixed.refused(), Rule::CalldataMatches);
    let unlisted = Case::voted().forged(|_, batch| {
        batch.account = crate::AccountId(9);
        batch.items[0].intent.account = crate::AccountId(9);
    });
    assert_eq!(unlisted.refused(), Rule::CalldataMatches);
}

#[test]
fn a_batch_is_for_the_next_nonce_of_its_safe() {
    let other = |nonce| move |_: &mut Decision, batch: &mut Batch| batch.safe_nonce = nonce;
    let receipt = Case::honest().forged(other(Some(8))).clear().unwrap_err();
    assert_eq!(receipt.rule, Rule::CalldataMatches);
    assert_eq!((receipt.limit, receipt.found), (Quantity::Count(7), Quantity::Count(8)), "the receipt says which");
    assert_eq!(Case::honest().forged(other(None)).refused(), Rule::CalldataMatches);
    assert_eq!(Case::voted().forged(other(Some(7))).refused(), Rule::CalldataMatches);
}

#[test]
fn an_empty_batch_an_empty_intent_and_too_many_are_refused() {
    let empty = Case::honest().forged(|_, batch| batch.items.clear());
    assert_eq!(empty.refused(), Rule::CalldataMatches);
    let idle = Case::honest().forged(|_, batch| batch.items[1].intent.actions.clear());
    assert_eq!(idle.refused(), Rule::IntentMatchesActions);
    let many = Case::honest().forged(|_, batch| {
        let item = batch.items[0].clone();
        batch.items = vec![item; INTENTS_PER_DECISION_MAX + 1];
    });
    assert_eq!(many.refused(), Rule::IntentsMax);
}

#[test]
fn a_batch_must_be_one_that_its_decision_names() {
    assert_eq!(spoilt(|case| case.decision.batches.clear()), Rule::CalldataMatches);
    assert_eq!(spoilt(|case| case.decision.batches[0].safe_nonce = Some(8)), Rule::CalldataMatches);
    let another_model = Case::honest().forged(|decision, _| decision.model = B256::ZERO);
    assert_eq!(another_model.refused(), Rule::ModelInForce);
}

#[test]
fn what_was_done_or_is_bound_cannot_be_done_again() {
    let mut case = Case::honest();
    let key = case.batch.items[1].entry.once_key;
    case.history.spends = [spend(NOW - 9, RESERVE, 1, key, 5)].into();
    assert!(case.clear().is_ok(), "a key belongs to its account");
    case.history.spends = [spend(NOW - 9, OPERATIONS, 1, key, 5)].into();
    assert_eq!(case.refused(), Rule::OnceKeyUnused);

    let mut case = Case::voted();
    let bound = outstanding(B256::repeat_byte(1), NOW - 9, NOW + 9, 5);
    let once_keys = vec![case.batch.items[0].entry.once_key];
    case.history.outstanding = vec![Outstanding { once_keys, ..bound }];
    assert_eq!(case.refused(), Rule::OnceKeyUnused);

    let twice = Case::honest().forged(|_, batch| batch.items[1] = batch.items[0].clone());
    assert_eq!(twice.refused(), Rule::OnceKeyUnused);
}

#[test]
fn a_strategy_that_ran_is_noticed_at_a_later_block_too() {
    let mut case = Case::of(&[sale(OPERATIONS, 0, 2)]).later();
    assert!(case.clear().is_ok());
    let key = case.batch.items[0].entry.once_key;
    case.history.spends = [spend(NOW + 9, OPERATIONS, 1, key, 5)].into();
    assert_eq!(case.refused(), Rule::OnceKeyUnused);
}

#[test]
fn a_minimum_that_calldata_cannot_say_is_judged_and_bound_by_the_decision() {
    let case = Case::of(&[deposit(OPERATIONS, 0, 2)]);
    assert!(case.clear().is_ok());
    let shown = case.judge.shown.lock().unwrap();
    let minimum = |action: &Action| action.exchange().map(|it| it.amount_out_min);
    assert_eq!(shown[0].intent.actions.last().and_then(minimum), Some(Amount(1_999_999)));
    drop(shown);
    // Calls are the same without it; the batch is then none of the decision's.
    let mut lower = Case::of(&[deposit(OPERATIONS, 0, 2)]);
    if let Some(Action::Deposit { shares_min, .. }) = lower.batch.items[0].intent.actions.last_mut() {
        *shares_min = Amount(1);
    }
    assert_eq!(encode_batch(&LaxCodec, &lower.decision, &lower.batch).unwrap(), lower.calls);
    assert_eq!(lower.refused(), Rule::CalldataMatches);
}

#[test]
fn votes_take_too_long_for_a_swap() {
    assert_eq!(Case::of(&[sale(RESERVE, 0, 2)]).refused(), Rule::GovernorSwapBound);
    assert_eq!(Case::of(&[deposit(RESERVE, 0, 2)]).refused(), Rule::GovernorSwapBound);
}

#[test]
fn a_price_that_went_missing_is_no_price() {
    assert_eq!(spoilt(|case| case.snapshot.assets[1].feeds[0].rounds.clear()), Rule::PriceQuorumMin);
}

#[test]
fn what_waits_is_judged_at_new_prices_and_not_as_new() {
    let mut case = Case::honest().later();
    case.snapshot.assets[1].feeds[0].rounds[0].price = Some(usd(1_500));
    let cleared = case.clear().unwrap();
    assert_eq!(cleared.decision(), case.id());
    let shown = case.judge.shown.lock().unwrap();
    let values: Vec<Value> = shown.iter().map(|shown| shown.intent.value).collect();
    assert_eq!(values, [Value(usd(1_000).0), Value(usd(3_000).0)]);
    assert!(shown.iter().all(|shown| !shown.is_new));
    assert_eq!(shown[1].batch_tally, values[0]);
    drop(shown);
    let anew = Case::honest();
    assert!(anew.clear().is_ok());
    assert!(anew.judge.shown.lock().unwrap().iter().all(|shown| shown.is_new));
}

#[test]
fn what_waits_does_not_count_against_itself_but_others_do() {
    let mut case = Case::voted().later();
    let once_keys = vec![case.batch.items[0].entry.once_key];
    let own = Outstanding { once_keys, ..outstanding(case.id(), NOW, NOW + 9_999, 1_000) };
    case.history.outstanding = vec![own, outstanding(B256::repeat_byte(7), NOW, NOW + 9_999, 1)];
    assert!(case.clear().is_ok());
    assert_eq!(case.judge.shown.lock().unwrap()[0].outstanding, 1);
}

#[test]
fn a_decision_from_the_future_or_from_another_chain_of_blocks_is_refused() {
    let mut case = Case::honest();
    case.snapshot = snapshot(99);
    case.dry_run.block = block(99);
    assert_eq!(case.refused(), Rule::ClearanceFresh);
    let sibling = Case::honest().forged(|decision, _| decision.block.hash = B256::repeat_byte(1));
    assert_eq!(sibling.refused(), Rule::ClearanceFresh);
    let postdated = Case::honest().later().forged(|decision, _| decision.block.timestamp = NOW + 999_999);
    assert_eq!(postdated.refused(), Rule::ClearanceFresh);
}

#[test]
fn a_clearance_goes_stale() {
    let case = Case::honest();
    let (cleared, at) = (case.clear().unwrap(), case.brake.block.timestamp);
    let look = |change: fn(&mut BrakeReading)| {
        let mut brake = case.brake;
        change(&mut brake);
        cleared.still_holds(&brake).map_err(|receipt| receipt.rule)
    };
    assert_eq!(look(|_| {}), Ok(()));
    assert_eq!(look(|brake| brake.pulled = true), Err(Rule::BrakePulled));
    assert_eq!(look(|brake| brake.pulls += 1), Err(Rule::BrakePulled));
    assert_eq!(look(|brake| *brake = BrakeReading::unreadable(brake.block)), Err(Rule::BrakePulled));
    assert_eq!(look(|brake| brake.lease_until = brake.block.timestamp), Err(Rule::LeaseLapsed));
    assert_eq!(look(|brake| brake.block = block(101)), Err(Rule::ClearanceFresh), "older than the reading at the gate");
    assert_eq!(look(|brake| brake.block.hash = B256::ZERO), Err(Rule::ClearanceFresh));
    let after = |secs| {
        let block = BlockRef { timestamp: at + secs, ..block(103) };
        cleared.still_holds(&BrakeReading { block, ..case.brake }).map_err(|receipt| receipt.rule)
    };
    assert_eq!(after(CLEARANCE_SECS_MAX), Ok(()));
    assert_eq!(after(CLEARANCE_SECS_MAX + 1), Err(Rule::ClearanceFresh));
}

#[test]
fn a_clearance_never_outlives_its_batch() {
    let case = Case::honest().forged(|_, batch| batch.valid_until = NOW + 60);
    let cleared = case.clear().unwrap();
    let at = |timestamp| BrakeReading { block: BlockRef { timestamp, ..block(103) }, ..case.brake };
    assert!(cleared.still_holds(&at(NOW + 60)).is_ok());
    assert_eq!(cleared.still_holds(&at(NOW + 61)).unwrap_err().rule, Rule::ClearanceFresh);
}

#[test]
fn a_receipt_names_policy_and_block() {
    let mut case = Case::honest();
    case.judge.terms.expires_at = NOW - 1;
    let receipt = case.clear().unwrap_err();
    assert_eq!((receipt.policy, receipt.block), (POLICY, block(100)));
    assert_eq!((receipt.limit, receipt.found), (Quantity::Secs(NOW - 1), Quantity::Secs(NOW)));
}

#[test]
fn withdrawals_clear_whatever_the_brake_says() {
    let decision = B256::repeat_byte(3);
    let call = Call { to: MEMBER, value: Amount::ZERO, data: Bytes::new() };
    let all = [
        Withdrawal::Revoke { account: MEMBER, decision },
        Withdrawal::CancelProposal { governor: MEMBER, calls: vec![call], description: String::new() },
        Withdrawal::RejectSafeNonce { safe: MEMBER, nonce: 7 },
    ];
    for withdrawal in all {
        let cleared = clear_withdrawal(withdrawal.clone(), &BrakeReading::unreadable(block(5)));
        assert_eq!(cleared.item(), &withdrawal);
        let named = matches!(withdrawal, Withdrawal::Revoke { .. });
        assert_eq!(cleared.decision(), if named { decision } else { B256::ZERO });
    }
}
