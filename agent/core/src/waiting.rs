//! What waits elsewhere withholds a new proposal: one at a time for each account, and caps that count what may still run.
//!
//! It is known to the proposer alone, may only withhold, and never enters the decision.

use crate::{Batch, History, Terms, Value, snapshot::WINDOW_SECS};
use alloy_primitives::{Address, B256};
use std::fmt;

/// A proposal that may still run, or is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Under which it enters the gate; of one that is to be made, whatever.
    pub decision: B256,
    /// Of which account. An address, for under another policy the same index may name another account.
    pub account: Address,
    /// What it moves.
    pub value: Value,
    /// Whether it waits on a Safe.
    pub on_safe: bool,
}

impl Waiting {
    /// Of a batch.
    pub fn of(decision: B256, batch: &Batch) -> Self {
        Self { decision, account: batch.address, value: batch.value(), on_safe: batch.safe_nonce.is_some() }
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
    let on_safes = waiting.filter(|it| it.on_safe).map(|it| it.value.0);
    let sum = on_safes.fold(next.value.0, u128::saturating_add);
    let exceeded = terms.limits.window_bps_max.iter().zip(WINDOW_SECS).find(|(bps, secs)| {
        **bps != u64::MAX && {
            let used = history.value_within(now, *secs).0.saturating_add(sum);
            nav.share(**bps).is_none_or(|cap| used > cap.0)
        }
    });
    exceeded.map(|(_, secs)| Withheld::WindowCap { secs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::terms;

    fn waiting(account: u8, value: u128, on_safe: bool) -> Waiting {
        let (decision, account) = (B256::repeat_byte(account), Address::repeat_byte(account));
        Waiting { decision, account, value: Value(value), on_safe }
    }

    fn held_back(waiting_now: &[Waiting], next: Waiting, day_bps_max: u64) -> Option<Withheld> {
        let mut terms = terms();
        terms.limits.window_bps_max = [u64::MAX, day_bps_max, u64::MAX, u64::MAX];
        withheld(&terms, &History::default(), 1_000_000, Value(10_000), waiting_now.iter().copied(), &next)
    }

    #[test]
    fn an_account_has_one_proposal_at_a_time_whatever_its_index() {
        let next = waiting(1, 10, true);
        assert_eq!(held_back(&[waiting(2, 10, true)], next, u64::MAX), None);
        let decision = B256::repeat_byte(1);
        assert_eq!(held_back(&[waiting(1, 10, true)], next, u64::MAX), Some(Withheld::OneAtATime { decision }));
    }

    #[test]
    fn what_waits_on_safes_counts_against_the_caps() {
        let next = waiting(1, 300, true);
        assert_eq!(held_back(&[waiting(2, 200, true)], next, 500), None);
        assert_eq!(held_back(&[waiting(2, 201, true)], next, 500), Some(Withheld::WindowCap { secs: 86_400 }));
        // What waits on a Governor is in the history already.
        assert_eq!(held_back(&[waiting(2, 201, false)], next, 500), None);
    }
}
