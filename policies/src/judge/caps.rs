//! Caps on how much and how often: per proposal, in rolling windows, per day, and the time between.

use super::{Flow, refuse, shares::compare_share};
use quaestor_core::{
    AccountId, Intent, Rule, Value,
    pipeline::Context,
    policy::{Counterparty, Limits},
    snapshot::Tally,
    verdict::{InputName, Quantity},
};
use std::{cmp::Ordering, ops::ControlFlow};

const WINDOW_RULES: [Rule; 4] = [Rule::HourBpsMax, Rule::DayBpsMax, Rule::WeekBpsMax, Rule::MonthBpsMax];
const COUNTERPARTY_RULES: [Rule; 4] = [
    Rule::CounterpartyHourBpsMax,
    Rule::CounterpartyDayBpsMax,
    Rule::CounterpartyWeekBpsMax,
    Rule::CounterpartyMonthBpsMax,
];
const DAY_SECS: u64 = 86_400;

/// Every cap. A transfer between own accounts counts like any other: what is moved is exposed while it moves.
pub(super) fn check(limits: &Limits, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Flow {
    let now = (InputName::Now, Quantity::Secs(cx.snapshot.block.timestamp));
    let batch = sum(tally.batch_value, intent.value);
    let looked_at = [now, (InputName::BatchValue, Quantity::Value(batch))];
    within(cx, Rule::ProposalBpsMax, limits.proposal_bps_max, batch, looked_at, intent)?;
    share(cx, tally, intent)?;
    let windows = WINDOW_RULES.iter().zip(&limits.window_bps_max).zip(&cx.windows);
    for ((rule, bps), spent) in windows.filter(|((_, bps), _)| **bps != u64::MAX) {
        let before = sum(*spent, tally.value);
        let looked_at = [now, (InputName::WindowValue, Quantity::Value(before))];
        within(cx, *rule, *bps, sum(before, intent.value), looked_at, intent)?;
    }
    often(limits, cx, tally, intent)
}

/// Caps on what this counterparty is paid, in the proposal and in rolling windows.
pub(super) fn of_counterparty(capped: &Counterparty, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Flow {
    let to = (InputName::Counterparty, Quantity::Address(capped.address));
    let (own, all) = tally.paid_to(capped.address, intent.account);
    let batch = sum(own, intent.value);
    let looked_at = [to, (InputName::BatchValue, Quantity::Value(batch))];
    within(cx, Rule::CounterpartyProposalBpsMax, capped.proposal_bps_max, batch, looked_at, intent)?;
    if !capped.has_windows() {
        return ControlFlow::Continue(());
    }
    let paid = cx.history.paid_to(capped.address, cx.snapshot.block.timestamp);
    for ((rule, bps), paid) in COUNTERPARTY_RULES.iter().zip(&capped.window_bps_max).zip(paid) {
        let before = sum(paid, all);
        let looked_at = [to, (InputName::WindowValue, Quantity::Value(before))];
        within(cx, *rule, *bps, sum(before, intent.value), looked_at, intent)?;
    }
    ControlFlow::Continue(())
}

fn within(
    cx: &Context<'_>,
    rule: Rule,
    bps: u64,
    total: Value,
    looked_at: [(InputName, Quantity); 2],
    intent: &Intent,
) -> Flow {
    let nav = cx.valuation.nav;
    if bps == u64::MAX || compare_share(total, nav, bps) != Ordering::Greater {
        return ControlFlow::Continue(());
    }
    let found = Quantity::Bps(total.bps_of_ceil(nav).unwrap_or(u64::MAX));
    let [of, before] = looked_at;
    let inputs =
        [(InputName::Nav, Quantity::Value(nav)), before, (InputName::IntentValue, Quantity::Value(intent.value)), of];
    refuse(cx, rule, Quantity::Bps(bps), found, &inputs)
}

/// What the strategy's own share of a proposal leaves.
fn share(cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Flow {
    let line = intent.purpose.line();
    let Some(cap) = cx.share_cap(line) else { return ControlFlow::Continue(()) };
    let total = sum(tally.line_value(intent.account, line), intent.value);
    if total <= cap {
        return ControlFlow::Continue(());
    }
    let inputs =
        [(InputName::Nav, Quantity::Value(cx.valuation.nav)), (InputName::IntentValue, Quantity::Value(intent.value))];
    refuse(cx, Rule::ShareBpsMax, Quantity::Value(cap), Quantity::Value(total), &inputs)
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
