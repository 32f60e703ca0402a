//! What waits elsewhere withholds a new proposal: one at a time for each account, and caps that count what may still run.
//!
//! It is known to the proposer alone, may only withhold, and never enters the decision.

use crate::{
    Batch, History, Terms, Value,
    policy::{Counterparty, Due},
    snapshot::WINDOW_SECS,
};
use alloy_primitives::{Address, B256};
use std::fmt;

/// A proposal that may still run, or is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Under which it enters the gate; of one that is to be made, whatever.
    pub decision: B256,
    /// Of which account. An address, for under another policy the same index may name another account.
    pub account: Address,
    /// What it moves.
    pub value: Value,
    /// What of it is paid to counterparties that the policy caps ([`Terms::dues`]).
    pub dues: Vec<Due>,
    /// Whether it waits on a Safe.
    pub on_safe: bool,
}

impl Waiting {
    /// Of a batch.
    pub fn of(terms: &Terms, decision: B256, batch: &Batch) -> Self {
        let dues = terms.dues(batch.intents().map(|intent| (intent.counterparty, intent.value)));
        Self { decision, account: batch.address, value: batch.value(), dues, on_safe: batch.safe_nonce.is_some() }
    }
}

/// Why an allowed batch is not proposed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// Another proposal of the account may still run.
    OneAtATime {
        /// Which.
        decision: B256,
    },
    /// Together with what waits on Safes it would exceed a cap.
    WindowCap {
        /// Of this rolling window, seconds.
        secs: u64,
    },
    /// Together with what waits on Safes it would exceed what a counterparty may be paid.
    CounterpartyCap {
        /// Which.
        to: Address,
        /// In this rolling window, seconds.
        secs: u64,
    },
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneAtATime { decision } => {
                write!(f, "proposal {decision} of this account may still run; one at a time")
            }
            Self::WindowCap { secs } => {
                write!(f, "with what waits on a Safe it would exceed the cap of {secs} seconds")
            }
            Self::CounterpartyCap { to, secs } => {
                write!(f, "with what waits on a Safe it would exceed what {to} may be paid in {secs} seconds")
            }
        }
    }
}

/// Whether `next` must wait for what is `waiting`. What waits on a Governor is in `history` already; `now` is Unix time in
/// seconds.
pub fn withheld(
    terms: &Terms,
    history: &History,
    now: u64,
    nav: Value,
    waiting: impl Iterator<Item = Waiting> + Clone,
    next: &Waiting,
) -> Option<Withheld> {
    if let Some(live) = waiting.clone().find(|it| it.account == next.account) {
        return Some(Withheld::OneAtATime { decision: live.decision });
    }
    let on_safes = waiting.clone().filter(|it| it.on_safe).map(|it| it.value.0);
    let sum = on_safes.fold(next.value.0, u128::saturating_add);
    let exceeded = terms.limits.window_bps_max.iter().zip(WINDOW_SECS).find(|(bps, secs)| {
        **bps != u64::MAX && {
            let used = history.value_within(now, *secs).0.saturating_add(sum);
            nav.share(**bps).is_none_or(|cap| used > cap.0)
        }
    });
    if let Some((_, secs)) = exceeded {
        return Some(Withheld::WindowCap { secs });
    }
    let on_safes = waiting.filter(|it| it.on_safe).flat_map(|it| it.dues);
    next.dues.iter().find_map(|due| overpaid(terms, history, now, nav, on_safes.clone(), next, due.to))
}

/// Whether `next` would pay the counterparty at `to` too much, together with what waits `on_safes`.
fn overpaid(
    terms: &Terms,
    history: &History,
    now: u64,
    nav: Value,
    on_safes: impl Iterator<Item = Due>,
    next: &Waiting,
    to: Address,
) -> Option<Withheld> {
    let Counterparty { window_bps_max, .. } = terms.counterparty_at(to)?;
    let dues = next.dues.iter().copied().chain(on_safes).filter(|due| due.to == to);
    let waiting = dues.fold(Value::ZERO, |sum, due| sum.saturating_add(due.value));
    let caps = window_bps_max.iter().zip(WINDOW_SECS).zip(history.paid_to(to, now));
    let exceeded = caps.filter(|((bps, _), _)| **bps != u64::MAX).find(|((bps, _), paid)| {
        let total = paid.saturating_add(waiting);
        nav.share(**bps).is_none_or(|cap| total > cap)
    });
    exceeded.map(|((_, secs), _)| Withheld::CounterpartyCap { to, secs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::terms;

    fn waiting(account: u8, value: u128, on_safe: bool) -> Waiting {
        let (decision, account) = (B256::repeat_byte(account), Address::repeat_byte(account));
        Waiting { decision, account, value: Value(value), dues: Vec::new(), on_safe }
    }

    fn held_back(waiting_now: &[Waiting], next: Waiting, day_bps_max: u64) -> Option<Withheld> {
        let mut terms = terms();
        terms.limits.window_bps_max = [u64::MAX, day_bps_max, u64::MAX, u64::MAX];
        withheld(&terms, &History::default(), 1_000_000, Value(10_000), waiting_now.iter().cloned(), &next)
    }

    #[test]
    fn an_account_has_one_proposal_at_a_time_whatever_its_index() {
        let next = waiting(1, 10, true);
        assert_eq!(held_back(&[waiting(2, 10, true)], next.clone(), u64::MAX), None);
        let decision = B256::repeat_byte(1);
        assert_eq!(held_back(&[waiting(1, 10, true)], next, u64::MAX), Some(Withheld::OneAtATime { decision }));
    }

    #[test]
    fn what_waits_on_safes_counts_against_the_caps() {
        let next = waiting(1, 300, true);
        assert_eq!(held_back(&[waiting(2, 200, true)], next.clone(), 500), None);
        assert_eq!(held_back(&[waiting(2, 201, true)], next.clone(), 500), Some(Withheld::WindowCap { secs: 86_400 }));
        // What waits on a Governor is in the history already.
        assert_eq!(held_back(&[waiting(2, 201, false)], next, 500), None);
    }

    #[test]
    fn what_waits_on_safes_counts_against_what_a_counterparty_may_be_paid() {
        let mut terms = terms();
        let (to, other) = (terms.counterparties[0].address, Address::repeat_byte(7));
        terms.counterparties[0].window_bps_max = [u64::MAX, 500, u64::MAX, u64::MAX];
        let dues = |account, value: u128| {
            let items = [(other, Value(9_000)), (to, Value(value)), (to, Value(1))];
            Waiting { dues: terms.dues(items.into_iter()), ..waiting(account, 10, true) }
        };
        assert_eq!(dues(1, 300).dues.len(), 2, "nobody else is capped");
        let held_back = |already: &[Waiting], next: &Waiting| {
            withheld(&terms, &History::default(), 1_000_000, Value(10_000), already.iter().cloned(), next)
        };
        assert_eq!(held_back(&[dues(2, 198)], &dues(1, 300)), None);
        let exceeded = Some(Withheld::CounterpartyCap { to, secs: 86_400 });
        assert_eq!(held_back(&[dues(2, 199)], &dues(1, 300)), exceeded);
        assert_eq!(held_back(&[dues(2, 9_999)], &waiting(1, 10, true)), None, "which pays it nothing");
        terms.counterparties[0].window_bps_max = [u64::MAX; 4];
        assert_eq!(terms.dues([(to, Value(1))].into_iter()), [], "nothing is kept where nothing is capped");
    }
}
