//! `payments`: pays the budget lines of the policy, each once a period.
//!
//! What is paid to whom, how often and how much the policy says itself, in `[[payments]]`; the strategy only sees to it. A
//! period is paid whole or not at all, as soon as a decision finds that it can be: account, line and period are the identity of
//! the payment ([`Purpose::Payment`]), so that `DecisionGate` itself lets it pass once, whatever restarts. Lines are gone
//! through in the order of the policy, the oldest unpaid period of each first, so that what is written first is paid first
//! where caps or money are short.

use crate::swap::is_stable;
use quaestor_core::{
    Action, Intent, Outlook, Purpose, Strategy, StrategySpec, Terms, Value,
    amount::BPS_FACTOR,
    pipeline::Context,
    policy::BudgetLine,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
};

/// The kind `payments`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "payments",
    summary: "Pays the budget lines of the policy, such as payroll, grants and streams, each once in every period.",
    build,
};

/// See [`SPEC`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payments;

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (line, terms) = (params.line(), params.terms());
    let (has_lines, has_share) =
        (!terms.payments.is_empty(), terms.strategy(line).is_some_and(|strategy| strategy.share_bps_max.is_some()));
    if !has_lines {
        params.problem("", "finds nothing to pay; write a budget line, `[[payments]]`, or remove the strategy");
    }
    if has_share {
        // Payments are of their budget lines, so that no judge could hold them to it.
        let message = "does not bind what budget lines pay; remove it, and cap the receiver in [counterparties.NAME]";
        params.problem("share_bps_max", message);
    }
    Some(Box::new(Payments))
}

impl Strategy for Payments {
    fn reads_past(&self) -> bool {
        false
    }

    fn explain(&self, _terms: &Terms) -> Vec<String> {
        let order = "It pays each line whole or not at all, in the order of the policy, the oldest period first.";
        vec![order.to_owned()]
    }

    fn pays_budget_lines(&self) -> bool {
        true
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let now = cx.snapshot.block.timestamp;
        let mut short = None;
        for line in &cx.terms.payments {
            // At most one period more than may be made up for.
            for period in line.payable(now) {
                match due(cx, out, line, period) {
                    Ok(Some(intent)) => out.push(intent),
                    Ok(None) => {}
                    // The next period of the same line would be short of the same.
                    Err(reason) => {
                        short.get_or_insert(reason);
                        break;
                    }
                }
            }
        }
        short.map_or(Ok(()), Err)
    }
}

/// The payment of a period; `None` when it was done, is bound, or is wanted already.
fn due(cx: &Context<'_>, out: &[Intent], line: &BudgetLine, period: u64) -> Result<Option<Intent>, StrategyHold> {
    let BudgetLine { account, to, asset, amount, .. } = *line;
    let purpose = Purpose::Payment { line: line.line, period };
    let address = cx.terms.account(account).ok_or(StrategyHold::OutOfRange)?.address;
    let is_wanted = out.iter().any(|intent| intent.account == account && intent.purpose == purpose);
    if is_wanted || cx.history.is_done(account, address, purpose, cx.snapshot.block.hash) {
        return Ok(None);
    }
    cx.prices.of(asset).ok_or(StrategyHold::NoPrice)?;
    let value = cx.value_of(asset, amount).ok_or(StrategyHold::OutOfRange)?;
    let tally = Tally::before(account, out, &[]);
    let outlook = Outlook::new(cx, tally);
    if amount > outlook.spendable(account, asset) {
        return Err(StrategyHold::NoBalance);
    }
    let room = cx.room_of(line.line, account, &tally).min(cx.room_to(to, account, &tally));
    let keeps =
        !is_stable(cx.terms, asset) || keeps_stable_share(cx, &outlook, value).ok_or(StrategyHold::OutOfRange)?;
    if value > room || !keeps {
        return Err(StrategyHold::NoRoom);
    }
    let actions = [Action::Transfer { asset, to, amount }].into_iter().collect();
    Ok(Some(Intent { account, purpose, asset, counterparty: to, amount, value, actions }))
}

/// Whether the stable share keeps its least when so much of a stable asset leaves the treasury. `None` when a number leaves its
/// range.
fn keeps_stable_share(cx: &Context<'_>, outlook: &Outlook<'_>, value: Value) -> Option<bool> {
    let floor = cx.terms.limits.stable_share_bps_min;
    if floor == 0 {
        return Some(true);
    }
    let (stable, nav) = (outlook.stable()?, outlook.nav()?);
    let [stable_left, left] = [stable, nav].map(|sum| sum.saturating_sub(value));
    // Of a treasury that is all stable the share stays what it is.
    Some(stable == nav || stable_left.times(BPS_FACTOR)? >= left.times(floor)?)
}
