//! Payments of budget lines: what the members have voted, and once a period.

use super::{Flow, refuse};
use quaestor_core::{
    Intent, Purpose, Rule,
    pipeline::Context,
    policy::BudgetLine,
    verdict::{InputName, Quantity},
};
use std::ops::ControlFlow::Continue;

/// What `intent` pays is what `line` says, at most its amount, for a period that can be paid now. That it is a transfer and
/// agrees with its calls was judged before; that the period was not paid is judged after it.
pub(super) fn check(line: &BudgetLine, cx: &Context<'_>, intent: &Intent) -> Flow {
    let Purpose::Payment { period, .. } = intent.purpose else {
        return differs(line, cx, intent, Quantity::None, Quantity::None);
    };
    if intent.account != line.account {
        return differs(line, cx, intent, Quantity::Account(line.account), Quantity::Account(intent.account));
    }
    if intent.counterparty != line.to {
        return differs(line, cx, intent, Quantity::Address(line.to), Quantity::Address(intent.counterparty));
    }
    if intent.asset != line.asset {
        return differs(line, cx, intent, Quantity::Asset(line.asset), Quantity::Asset(intent.asset));
    }
    if intent.amount > line.amount {
        return differs(line, cx, intent, Quantity::Amount(line.amount), Quantity::Amount(intent.amount));
    }
    let now = cx.snapshot.block.timestamp;
    if line.is_payable(period, now) {
        return Continue(());
    }
    let newest = line.payable(now).last().map_or(Quantity::None, Quantity::Count);
    let inputs = [(InputName::Line, Quantity::Hash(line.line)), (InputName::Now, Quantity::Secs(now))];
    refuse(cx, Rule::PaymentPeriod, newest, Quantity::Count(period), &inputs)
}

fn differs(line: &BudgetLine, cx: &Context<'_>, intent: &Intent, limit: Quantity, found: Quantity) -> Flow {
    let inputs = [(InputName::Line, Quantity::Hash(line.line)), (InputName::Asset, Quantity::Asset(intent.asset))];
    refuse(cx, Rule::PaymentMatchesLine, limit, found, &inputs)
}
