//! `refill`: keeps an account supplied from another account of the treasury.
//!
//! Idea: the two marks of inventory theory (Arrow, Harris and Marschak, "Optimal Inventory Policy", Econometrica 19,
//! 1951): where every order has a price of its own, here a vote, order rarely and then up to a target.

use alloy_primitives::B256;
use quaestor_core::{
    AccountId, Action, Amount, AssetId, Intent, Outlook, Purpose, Strategy, StrategySpec, Terms,
    amount::BPS_ONE,
    amount::mul_div,
    pipeline::Context,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
    words,
};

/// A part smaller than this share of what is missing is not worth a vote, and would bind the account until it lapses.
pub const PART_BPS_MIN: u128 = 1_000;

/// The kind `refill`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "refill",
    summary: "When an account holds less of an asset than a low mark, brings it back to a target from another account \
              of the treasury.",
    build,
};

/// See [`SPEC`]. At most one transfer a decision, and none while a Governor proposal binds the giving account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    line: B256,
    from: AccountId,
    to: AccountId,
    asset: AssetId,
    low: Amount,
    target: Amount,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (from, to, asset) = (params.account("from"), params.account("to"), params.asset("asset"));
    let (low, target) = (params.amount("low", asset), params.amount("target", asset));
    let (from, to, asset, low, target) = (from?, to?, asset?, low?, target?);
    if from == to {
        params.problem("to", "is the account that gives; write another account of the treasury");
    }
    if low.is_zero() {
        params.problem("low", "is zero, so nothing would ever be sent; write the least that `to` should hold");
    }
    if target < low {
        params.problem("target", "is less than `low`; write the amount to refill to, `low` or more");
    }
    Some(Box::new(Refill { line: params.line(), from, to, asset, low, target }))
}

impl Strategy for Refill {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (from, to) = (terms.name_of(self.from), terms.name_of(self.to));
        let tokens = |amount| words::amount(amount, terms.asset(self.asset));
        vec![
            format!(
                "When {to} holds less than {}, it asks for a transfer from {from} that brings it to {}.",
                tokens(self.low),
                tokens(self.target)
            ),
            format!(
                "Where balance or caps allow less, it asks for less, but for no less than a tenth of what is missing; and \
                 for nothing while a proposal binds {from}."
            ),
        ]
    }

    fn reads_past(&self) -> bool {
        false
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let tally = Tally::before(self.from, out, &[]);
        let outlook = Outlook::new(cx, tally);
        let to = cx.terms.account(self.to).ok_or(StrategyHold::OutOfRange)?.address;
        let coming = tally.incoming(to, self.asset);
        let held = outlook.spendable(self.to, self.asset).checked_add(coming).ok_or(StrategyHold::OutOfRange)?;
        if held >= self.low || cx.history.is_bound(self.from) {
            return Ok(());
        }
        if outlook.is_opposed_transfer(self.line, self.from, to, self.asset) {
            return Err(StrategyHold::Opposed);
        }
        let missing = self.target.saturating_sub(held);
        let part_min = mul_div(missing.0, PART_BPS_MIN, BPS_ONE).map(|part| Amount(part.max(1)));
        let part_min = part_min.ok_or(StrategyHold::OutOfRange)?;
        let affordable = missing.min(outlook.spendable(self.from, self.asset));
        if affordable < part_min {
            return Err(StrategyHold::NoBalance);
        }
        // `None` says that the room's worth does not fit in an amount: it is wide enough.
        let within_caps = cx.amount_of(self.asset, cx.room_of(self.line, self.from, &tally)).unwrap_or(affordable);
        let amount = affordable.min(within_caps);
        if amount < part_min {
            return Err(StrategyHold::NoRoom);
        }
        let purpose = Purpose::Strategy { line: self.line, leg: 0 };
        let intent = transfer(cx, purpose, (self.from, self.to), self.asset, amount).ok_or(StrategyHold::OutOfRange)?;
        out.push(intent);
        Ok(())
    }
}

/// A transfer of `amount` from the first account to the second. `None` when the asset has no price or a number leaves
/// its range.
pub(crate) fn transfer(
    cx: &Context<'_>,
    purpose: Purpose,
    (from, to): (AccountId, AccountId),
    asset: AssetId,
    amount: Amount,
) -> Option<Intent> {
    let to = cx.terms.account(to)?.address;
    let (value, action) = (cx.value_of(asset, amount)?, Action::Transfer { asset, to, amount });
    Some(Intent {
        account: from,
        purpose,
        asset,
        counterparty: to,
        amount,
        value,
        actions: [action].into_iter().collect(),
    })
}
