use super::*;
use crate::fixture::{OPERATIONS, RESERVE, outstanding, spend};
use proptest::prelude::*;

const NOW: u64 = 10_000_000;

fn key(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

fn spent(times: &[(u64, u8, u128)]) -> History {
    let one = |(time, decision, value): &(u64, u8, u128)| spend(*time, OPERATIONS, *decision, key(9), *value);
    History { spends: times.iter().map(one).collect(), ..History::default() }
}

#[test]
fn a_window_is_open_at_its_start_and_closed_at_its_end() {
    let history = spent(&[(NOW - 100, 1, 1), (NOW - 99, 2, 10), (NOW, 3, 100)]);
    assert_eq!(history.value_within(NOW, 100), Value(110));
    assert_eq!(history.value_within(NOW, 101), Value(111));
    assert_eq!(history.value_within(NOW, 0), Value(0));
    assert_eq!(history.value_within(NOW, u64::MAX), Value(111));
}

#[test]
fn what_may_still_run_is_spent_in_every_window() {
    let waiting = |until| outstanding(key(1), 5, until, 7);
    let history = History { outstanding: vec![waiting(NOW), waiting(NOW - 1), waiting(NOW + 1)], ..spent(&[]) };
    assert_eq!(history.value_within(NOW, 1), Value(14), "one is past its time");
    let full = History { outstanding: vec![waiting(NOW), outstanding(key(2), 5, NOW, u128::MAX)], ..spent(&[]) };
    assert_eq!(full.value_within(NOW, 1), Value(u128::MAX));
}

#[test]
fn batches_are_counted_and_not_their_items() {
    let mut history = spent(&[(NOW - 100, 1, 1), (NOW - 9, 2, 1), (NOW - 9, 2, 1), (NOW - 9, 3, 1), (NOW, 4, 1)]);
    assert_eq!(history.batches_within(NOW, 100), 3);
    assert_eq!(history.batches_within(NOW, 101), 4);
    assert_eq!(history.batches_within(NOW, 9), 1);
    history.outstanding = vec![outstanding(key(8), NOW - 100, NOW, 1), outstanding(key(9), NOW - 99, NOW, 1)];
    assert_eq!(history.batches_within(NOW, 100), 4);
    assert_eq!(History::default().batches_within(NOW, 100), 0);
    assert_eq!(spent(&[(NOW, 0, 1)]).batches_within(NOW, 100), 1, "a decision of zeros is one too");
}

#[test]
fn a_key_is_used_by_its_account_alone() {
    let mut history = spent(&[(1, 1, 1)]);
    assert!(history.is_used(OPERATIONS, key(9)));
    assert!(!history.is_used(RESERVE, key(9)));
    assert!(!history.is_used(OPERATIONS, key(8)));
    let bound = Outstanding { once_keys: vec![key(5), key(6)], ..outstanding(key(1), 5, NOW, 7) };
    history.outstanding.push(bound);
    assert!(history.is_used(RESERVE, key(6)));
    assert!(!history.is_used(OPERATIONS, key(6)));
    assert!(history.is_bound(RESERVE) && !history.is_bound(OPERATIONS));
    let without = history.without(key(1));
    assert!(!without.is_used(RESERVE, key(6)) && without.is_used(OPERATIONS, key(9)));
    assert_eq!(history.without(key(2)), history);
}

#[test]
fn a_paid_period_is_done_however_long_ago_and_whatever_its_key() {
    let payment = |period| Purpose::Payment { line: key(7), period };
    let (address, block) = (Address::repeat_byte(3), key(4));
    let mut history = History::default();
    let done = |history: &History, account, purpose| history.is_done(account, address, purpose, block);
    assert!(!done(&history, OPERATIONS, payment(5)));
    history.paid.push(Paid { account: OPERATIONS, line: key(7), period: 5 });
    assert!(done(&history, OPERATIONS, payment(5)) && done(&history.without(key(1)), OPERATIONS, payment(5)));
    assert!(!done(&history, OPERATIONS, payment(6)) && !done(&history, RESERVE, payment(5)));
    assert!(!done(&history, OPERATIONS, Purpose::Strategy { line: key(7), leg: 5 }));
    // What waits for a vote is bound by its key alone.
    let once_keys = vec![payment(6).once_key(address, block)];
    history.outstanding.push(Outstanding { once_keys, ..outstanding(key(1), 5, NOW, 7) });
    assert!(done(&history, RESERVE, payment(6)) && !done(&history, RESERVE, payment(5)));
}

#[test]
fn the_last_action_is_the_newest_batch_or_proposal() {
    assert_eq!(History::default().last_action_at(), None);
    let mut history = spent(&[(3, 1, 1), (5, 2, 1)]);
    assert_eq!(history.last_action_at(), Some(5));
    history.outstanding = vec![outstanding(key(1), 8, NOW, 1), outstanding(key(2), 7, NOW, 1)];
    assert_eq!(history.last_action_at(), Some(8));
    history.spends.clear();
    assert_eq!(history.last_action_at(), Some(8));
}

#[test]
fn a_brake_is_released_while_it_is_read_unpulled_and_leased() {
    let block = BlockRef { number: 1, hash: key(1), timestamp: NOW };
    let released = BrakeReading { pulled: false, pulls: 0, lease_until: NOW + 1, block };
    assert!(released.is_released());
    assert!(!BrakeReading { pulled: true, ..released }.is_released());
    assert!(!BrakeReading { lease_until: NOW, ..released }.is_released(), "the lease holds before its end, not at it");
    let unreadable = BrakeReading::unreadable(block);
    assert!(unreadable.pulled && !unreadable.is_released());
}

proptest! {
    #[test]
    fn one_walk_fills_all_windows(
        ages in prop::collection::vec((0u64..3_000_000, 0u8..4, prop_oneof![0u128..1_000, Just(u128::MAX / 2)]), 0..12),
        sorted: bool, open in 0u64..4,
    ) {
        let mut times: Vec<_> = ages.iter().map(|(age, decision, value)| (NOW - age, *decision, *value)).collect();
        if sorted {
            times.sort_unstable();
        }
        let waiting = (0..open).map(|after| outstanding(key(1), 5, NOW - 1 + after, 7)).collect();
        let history = History { outstanding: waiting, ..spent(&times) };
        prop_assert_eq!(history.windows(NOW), WINDOW_SECS.map(|secs| history.value_within(NOW, secs)));
    }

    #[test]
    fn what_was_paid_to_one_is_what_a_history_of_it_alone_has(
        ages in prop::collection::vec((0u64..3_000_000, any::<bool>(), 0u128..1_000), 0..12),
        dues in prop::collection::vec((any::<bool>(), 0u128..1_000, 0u64..3), 0..4),
    ) {
        let (to, other) = (crate::fixture::MEMBER, Address::repeat_byte(7));
        let who = |is_own| if is_own { to } else { other };
        let mut times = ages;
        times.sort_unstable_by_key(|(age, ..)| std::cmp::Reverse(*age));
        let spends = times.iter().map(|(age, own, value)| {
            Spend { counterparty: who(*own), ..spend(NOW - age, OPERATIONS, 1, key(9), *value) }
        });
        let bound = |(own, value, after): &(bool, u128, u64)| {
            let due = |to| Due { to, value: Value(*value) };
            Outstanding { dues: vec![due(who(*own)), due(other)], ..outstanding(key(1), 5, NOW - 1 + after, 5_000) }
        };
        let history = History { spends: spends.collect(), outstanding: dues.iter().map(bound).collect(), ..History::default() };
        let alone = History {
            spends: history.spends.iter().filter(|spend| spend.counterparty == to).copied().collect(),
            outstanding: dues.iter().map(|(own, value, after)| {
                outstanding(key(1), 5, NOW - 1 + after, if *own { *value } else { 0 })
            }).collect(),
            ..History::default()
        };
        prop_assert_eq!(history.paid_to(to, NOW), alone.windows(NOW));
    }

    #[test]
    fn windows_agree_with_looking_at_every_spend(
        mut times in prop::collection::vec((NOW - 500..NOW + 1, any::<u8>(), 0u128..1_000), 0..40),
        secs in 0u64..600,
    ) {
        times.sort_unstable();
        let history = spent(&times);
        let within = || times.iter().filter(|(time, ..)| time + secs > NOW);
        prop_assert_eq!(history.value_within(NOW, secs), Value(within().map(|(.., value)| value).sum()));
        let mut batches: Vec<_> = within().map(|(time, decision, _)| (time, decision)).collect();
        // A batch is in one block; what has the same decision at another time is another one.
        batches.dedup_by_key(|(_, decision)| *decision);
        prop_assert_eq!(history.batches_within(NOW, secs), batches.len() as u64);
    }
}

#[test]
fn growth_is_simple_yearly_and_rounded_down() {
    let week = 604_800;
    let growth = |earlier: u128, now: u128| {
        let block = BlockRef { timestamp: NOW - week, ..BlockRef::default() };
        let earlier = Some(EarlierRate { block, rate: Amount(earlier) });
        RateReading { asset: None, now: Some(Amount(now)), earlier }.growth_bps_yearly(NOW)
    };
    assert_eq!(growth(1_000_000, 1_000_000), Some(0));
    // A thousandth in a week is 52.14 thousandths in a year.
    assert_eq!(growth(1_000_000, 1_001_000), Some(521));
    assert_eq!(growth(1_000_000, 999_000), Some(-522));
    // 365 weeks in seven years: 7 / 365 of the rate, exactly 10000 bps.
    assert_eq!((growth(365, 372), growth(365, 358)), (Some(10_000), Some(-10_000)));
    assert_eq!(growth(1, u128::MAX), None, "it does not fit");
    let unread = RateReading { now: Some(Amount(1)), ..RateReading::default() };
    assert_eq!(unread.growth_bps_yearly(NOW), None);
    let block = BlockRef { timestamp: NOW, ..BlockRef::default() };
    let at_once = RateReading { earlier: Some(EarlierRate { block, rate: Amount(1) }), ..unread };
    assert_eq!((at_once.growth_bps_yearly(NOW), at_once.growth_bps_yearly(NOW - 1)), (None, None));
}
