use super::*;
use crate::{
    Purpose,
    fixture::{Judge, MEMBER, OPERATIONS, RESERVE, WETH, decide, payment, sale, snapshot, terms},
    snapshot::History,
};
use proptest::prelude::*;

fn honest() -> (Decision, Batch, Vec<Call>) {
    let wants = [payment(OPERATIONS, 4, 1_000), sale(OPERATIONS, 0, 2)];
    let decision = decide(&Judge::default(), &snapshot(100), &History::default(), &wants);
    let batch = decision.batches[0].clone();
    let call = |byte: u8| Call { to: MEMBER, value: Amount(0), data: vec![byte; 5].into() };
    (decision, batch, vec![call(1), call(2)])
}

#[test]
fn the_hash_of_a_batch_changes_with_everything_that_it_binds() {
    type Change = fn(&mut Decision, &mut Batch, &mut Vec<Call>);
    let (decision, batch, calls) = honest();
    let id = batch.entry(&decision, &calls).decision;
    let changes: [Change; 19] = [
        |decision, _, _| decision.chain_id += 1,
        |decision, _, _| decision.block.hash.0[0] ^= 1,
        |decision, _, _| decision.policy.0[0] ^= 1,
        |decision, _, _| decision.model.0[0] ^= 1,
        |_, batch, _| batch.address.0[0] ^= 1,
        |_, batch, _| batch.valid_until += 1,
        |_, batch, _| batch.pulls += 1,
        |_, batch, _| drop(batch.items.pop()),
        |_, batch, _| batch.items.swap(0, 1),
        |_, batch, _| batch.items[0].entry.once_key.0[0] ^= 1,
        |_, batch, _| batch.items[0].entry.line.0[0] ^= 1,
        |_, batch, _| batch.items[0].entry.asset.0[0] ^= 1,
        |_, batch, _| batch.items[0].entry.counterparty.0[0] ^= 1,
        |_, batch, _| batch.items[0].entry.amount.0 += 1,
        |_, batch, _| batch.items[0].entry.value.0 += 1,
        |_, _, calls| calls.swap(0, 1),
        |_, _, calls| calls[0].to.0[0] ^= 1,
        |_, _, calls| calls[0].value.0 += 1,
        |_, _, calls| calls[1].data = vec![2u8; 4].into(),
    ];
    let mut seen = vec![id];
    for (position, change) in changes.iter().enumerate() {
        let (mut decision, mut batch, mut calls) = honest();
        change(&mut decision, &mut batch, &mut calls);
        let changed = batch.entry(&decision, &calls).decision;
        assert!(!seen.contains(&changed), "change {position} leaves the hash as another");
        seen.push(changed);
    }
    assert_eq!(honest().1.entry(&decision, &calls).decision, id);
}

#[test]
fn an_entry_repeats_what_the_batch_says() {
    let (decision, batch, calls) = honest();
    let entry = batch.entry(&decision, &calls);
    assert_eq!((entry.policy, entry.model), (decision.policy, decision.model));
    assert_eq!((entry.valid_until, entry.pulls), (batch.valid_until, batch.pulls));
    assert_eq!(entry.items, batch.items.iter().map(|item| item.entry).collect::<Vec<_>>());
    let (intent, item) = (&batch.items[1].intent, entry.items[1]);
    assert_eq!(item.asset, terms().assets[WETH.index()].address);
    assert_eq!((item.line, item.counterparty), (intent.purpose.line(), intent.counterparty));
    assert_eq!((item.amount, item.value), (intent.amount, intent.value));
    assert_eq!(item.once_key, intent.purpose.once_key(batch.address, decision.block.hash));
    assert_eq!(batch.actions().len(), 3);
}

#[test]
fn there_is_no_batch_of_nothing_of_two_accounts_or_of_what_the_policy_lacks() {
    let head = BatchHead { block: B256::ZERO, safe_nonce: None, valid_until: 1, pulls: 0 };
    let new = |intents: &[Intent]| Batch::new(&terms(), &head, intents);
    assert!(new(&[payment(OPERATIONS, 1, 1), payment(OPERATIONS, 2, 1)]).is_some());
    assert!(new(&[]).is_none());
    assert!(new(&[payment(OPERATIONS, 1, 1), payment(RESERVE, 2, 1)]).is_none());
    assert!(new(&[payment(AccountId(9), 1, 1)]).is_none());
    assert!(new(&[Intent { asset: crate::AssetId(9), ..payment(OPERATIONS, 1, 1) }]).is_none());
}

#[test]
fn the_least_output_is_the_value_less_the_slippage() {
    let (dollar, unit) = (crate::fixture::usd(1), 1_000_000);
    let value = Value(crate::fixture::usd(2_000).0);
    assert_eq!(amount_out_min(value, dollar, unit, 50), Some(Amount(1_990_000_000)));
    assert_eq!(amount_out_min(value, dollar, unit, 0), Some(Amount(2_000_000_000)));
    assert_eq!(amount_out_min(value, dollar, unit, 10_000), Some(Amount(0)));
    assert_eq!(amount_out_min(value, dollar, unit, 10_001), None);
    assert_eq!(amount_out_min(value, crate::Price(0), unit, 50), None);
    assert_eq!(amount_out_min(Value(19), dollar, 1 << 60, 5_000), amount_out_min(Value(18), dollar, 1 << 60, 5_000));
}

fn purposes() -> impl Strategy<Value = Purpose> {
    // Few lines and numbers, so that different purposes share parts.
    let line = || (0u8..3).prop_map(B256::repeat_byte);
    prop_oneof![
        (line(), 0u64..3).prop_map(|(line, period)| Purpose::Payment { line, period }),
        (line(), 0u16..3).prop_map(|(line, leg)| Purpose::Strategy { line, leg }),
    ]
}

proptest! {
    #[test]
    fn keys_are_the_same_exactly_for_the_same_thing(
        a in (purposes(), 0u8..3, 0u8..3),
        b in (purposes(), 0u8..3, 0u8..3),
    ) {
        let key = |(purpose, account, block): (Purpose, u8, u8)| {
            purpose.once_key(Address::repeat_byte(account), B256::repeat_byte(block))
        };
        let is_payment = matches!(a.0, Purpose::Payment { .. });
        let same = a.0 == b.0 && a.1 == b.1 && (is_payment || a.2 == b.2);
        prop_assert_eq!(key(a) == key(b), same);
    }

    #[test]
    fn a_payment_is_the_same_whatever_the_block(line: [u8; 32], period: u64, account: [u8; 20], a: [u8; 32], b: [u8; 32]) {
        let purpose = Purpose::Payment { line: line.into(), period };
        prop_assert_eq!(purpose.once_key(account.into(), a.into()), purpose.once_key(account.into(), b.into()));
    }
}
