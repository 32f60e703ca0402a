//! Caps on how much and how often: per proposal, in rolling windows, per day, and the time between.

use super::{Flow, refuse, shares::compare_share};
use quaestor_core::{
    AccountId, Intent, Rule, Value,
    pipeline::Context,
    policy::Limits,
    snapshot::{History, Tally, WINDOW_SECS},
    verdict::{InputName, Quantity},
};
use std::{cmp::Ordering, ops::ControlFlow};

const WINDOW_RULES: [Rule; 4] = [Rule::HourBpsMax, Rule::DayBpsMax, Rule::WeekBpsMax, Rule::MonthBpsMax];
const DAY_SECS: u64 = 86_400;

/// Every cap. A transfer between own accounts counts like any other: what is moved is exposed while it moves.
pub(super) fn check(limits: &Limits, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Flow {
    let batch = sum(tally.batch_value, intent.value);
    within(cx, Rule::ProposalBpsMax, limits.proposal_bps_max, batch, (InputName::BatchValue, batch), intent)?;
    let spent = windows(cx.history, cx.snapshot.block.timestamp);
    for ((rule, bps), spent) in WINDOW_RULES.into_iter().zip(limits.window_bps_max).zip(spent) {
        let before = sum(spent, tally.value);
        within(cx, rule, bps, sum(before, intent.value), (InputName::WindowValue, before), intent)?;
    }
    often(limits, cx, tally, intent)
}

fn within(cx: &Context<'_>, rule: Rule, bps: u64, total: Value, input: (InputName, Value), intent: &Intent) -> Flow {
    let nav = cx.valuation.nav;
    if bps == u64::MAX || compare_share(total, nav, bps) != Ordering::Greater {
        return ControlFlow::Continue(());
    }
    let found = Quantity::Bps(total.bps_of_ceil(nav).unwrap_or(u64::MAX));
    let inputs = [
        (InputName::Nav, Quantity::Value(nav)),
        (input.0, Quantity::Value(input.1)),
        (InputName::IntentValue, Quantity::Value(intent.value)),
        (InputName::Now, Quantity::Secs(cx.snapshot.block.timestamp)),
    ];
    refuse(cx, rule, Quantity::Bps(bps), found, &inputs)
}

/// What [`History::value_within`] says of each window, in one pass.
fn windows(history: &History, now: u64) -> [Value; 4] {
    let mut sums = [Value::ZERO; 4];
    let since = WINDOW_SECS.map(|secs| now.saturating_sub(secs));
    let [.., oldest] = since;
    for spend in history.spends.iter().rev().take_while(|spend| spend.timestamp > oldest) {
        for (window, since) in sums.iter_mut().zip(since) {
            if spend.timestamp > since {
                *window = sum(*window, spend.value);
            }
        }
    }
    for proposal in history.outstanding.iter().filter(|proposal| proposal.valid_until >= now) {
        sums = sums.map(|window| sum(window, proposal.value));
    }
    sums
}

/// Rules of pace, for new intents only: what waits was counted when it was proposed.
fn often(limits: &Limits, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Flow {
    if !cx.is_new {
        return ControlFlow::Continue(());
    }
    let now = cx.snapshot.block.timestamp;
    let when = [(InputName::Now, Quantity::Secs(now))];
    if limits.proposals_per_day_max != u64::MAX {
        let planned = other_accounts(tally, intent).saturating_add(1);
        let batches = cx.history.batches_within(now, DAY_SECS).saturating_add(planned);
        if batches > limits.proposals_per_day_max {
            let limit = Quantity::Count(limits.proposals_per_day_max);
            return refuse(cx, Rule::ProposalsPerDayMax, limit, Quantity::Count(batches), &when);
        }
    }
    if limits.cooldown_secs_min > 0
        && let Some(last) = cx.history.last_action_at()
    {
        let waited = now.saturating_sub(last);
        if waited < limits.cooldown_secs_min {
            let limit = Quantity::Secs(limits.cooldown_secs_min);
            return refuse(cx, Rule::CooldownSecsMin, limit, Quantity::Secs(waited), &when);
        }
    }
    ControlFlow::Continue(())
}

/// How many accounts beside that of `intent` have intents in this decision: each makes a batch of its own.
fn other_accounts(tally: &Tally<'_>, intent: &Intent) -> u64 {
    let others = || tally.allowed().map(|before| before.account).filter(|account| *account != intent.account);
    let first = |(position, account): &(usize, AccountId)| !others().take(*position).any(|other| other == *account);
    u64::try_from(others().enumerate().filter(first).count()).unwrap_or(u64::MAX)
}

fn sum(a: Value, b: Value) -> Value {
    Value(a.0.saturating_add(b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256};
    use proptest::prelude::*;
    use quaestor_core::snapshot::{Outstanding, Spend};

    fn spend(timestamp: u64, value: u128) -> Spend {
        let (decision, once_key, line) = (B256::ZERO, B256::ZERO, B256::ZERO);
        let (account, counterparty, value) = (AccountId(0), Address::ZERO, Value(value));
        Spend { timestamp, account, decision, once_key, line, asset: None, counterparty, value }
    }

    fn bound(valid_until: u64, value: u128) -> Outstanding {
        let (account, proposal_id, decision, value) = (AccountId(0), B256::ZERO, B256::ZERO, Value(value));
        Outstanding { account, proposal_id, decision, proposed_at: 0, valid_until, once_keys: Vec::new(), value }
    }

    proptest! {
        #[test]
        fn one_pass_over_the_history_says_what_each_window_says(
            mut times in prop::collection::vec((0u64..4_000_000, 0u128..1000), 0..40),
            waiting in prop::collection::vec((0u64..8_000_000, 0u128..1000), 0..5),
            now in 0u64..5_000_000,
        ) {
            times.sort_unstable();
            let spends = times.into_iter().map(|(time, value)| spend(time, value)).collect();
            let outstanding = waiting.into_iter().map(|(until, value)| bound(until, value)).collect();
            let history = History { spends, outstanding };
            prop_assert_eq!(windows(&history, now), WINDOW_SECS.map(|secs| history.value_within(now, secs)));
        }
    }
}
