//! One intent, as the next of a decision.

use super::{
    Flow, Lookup, caps, parts, payments, refuse,
    shares::{compare_share, compare_shares},
};
use alloy_primitives::Address;
use quaestor_core::{
    Account, Action, Amount, Asset, AssetId, AssetKind, Exchange, Intent, Outlook, Price, Purpose, Route, Rule, Terms,
    Value, Venue, VenueId,
    amount::BPS_ONE,
    pipeline::Context,
    policy::{BudgetLine, OnBreach},
    snapshot::Tally,
    verdict::{InputName, Quantity},
};
use std::{
    cmp::Ordering,
    ops::ControlFlow::{self, Continue},
};

/// What an intent does, once its actions were found to agree with it.
#[derive(Clone, Copy)]
pub(super) enum Move {
    /// A transfer between two of the treasury's own accounts.
    Own,
    /// A transfer to somebody else.
    Payment,
    /// Votes go to somebody, and nothing is spent.
    Delegation,
    /// The coin of the chain, which is no asset, becomes one.
    Wrap {
        /// Base units that come in.
        amount: Amount,
    },
    /// A swap, or a deposit into a vault or a redemption from it.
    Exchange {
        /// Where.
        venue: VenueId,
        /// What is received.
        buy: AssetId,
        /// How much of it at least, base units.
        least: Amount,
    },
}

/// Judges `intent` after those of `tally`.
pub(crate) fn judge(terms: &Terms, lookup: &Lookup, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Flow {
    let judge = Judge { terms, lookup, cx, tally, intent };
    let account = judge.account()?;
    let asset = judge.asset(intent.asset)?;
    let budget = judge.line()?;
    let moved = judge.actions(account)?;
    if let Some(line) = budget {
        payments::check(line, cx, intent)?;
    }
    let spends = !matches!(moved, Move::Delegation | Move::Wrap { .. });
    let value = if spends { judge.value(asset)? } else { Value::ZERO };
    if spends {
        judge.balance()?;
    }
    judge.unused(account)?;
    if lookup.has_caps() {
        caps::check(&terms.limits, cx, tally, intent)?;
    }
    if let Move::Payment = moved
        && let Some(capped) = lookup.capped(intent.counterparty)
    {
        caps::of_counterparty(capped, cx, tally, intent)?;
    }
    if let Move::Exchange { venue, buy, least } = moved {
        judge.slippage(venue, buy, least, value)?;
        judge.bands(buy, value)?;
        parts::of_intent(&lookup.parts, cx, tally, intent, buy, value)?;
    }
    judge.stable_share(asset, moved, value)?;
    judge.risk(moved)
}

struct Judge<'a> {
    terms: &'a Terms,
    lookup: &'a Lookup,
    cx: &'a Context<'a>,
    tally: &'a Tally<'a>,
    intent: &'a Intent,
}

impl<'a> Judge<'a> {
    /// The treasury after the intents before this one.
    fn outlook(&self) -> Outlook<'a> {
        Outlook::new(self.cx, *self.tally)
    }

    fn account(&self) -> Flow<&'a Account> {
        let id = self.intent.account;
        match self.terms.account(id) {
            Some(account) => Continue(account),
            None => {
                let known = Quantity::Count(u64::try_from(self.terms.accounts.len()).unwrap_or(u64::MAX));
                refuse(self.cx, Rule::AccountListed, known, Quantity::Account(id), &[])
            }
        }
    }

    fn asset(&self, id: AssetId) -> Flow<&'a Asset> {
        match self.terms.asset(id) {
            Some(asset) => Continue(asset),
            None => {
                let known = Quantity::Count(u64::try_from(self.terms.assets.len()).unwrap_or(u64::MAX));
                refuse(self.cx, Rule::AssetListed, known, Quantity::Asset(id), &[])
            }
        }
    }

    /// It is of a strategy or of a budget line; which of these.
    fn line(&self) -> Flow<Option<&'a BudgetLine>> {
        let line = self.intent.purpose.line();
        if self.lookup.has_line(line) {
            return Continue(None);
        }
        if let Some(found) = self.lookup.budget_line(line) {
            return Continue(Some(found));
        }
        refuse(self.cx, Rule::LineListed, Quantity::None, Quantity::Hash(line), &[self.input_account()])
    }

    /// An intent is one transfer, one redemption, or one exact approval and the swap or deposit that uses it; nothing else
    /// can be checked whole.
    fn actions(&self, account: &Account) -> Flow<Move> {
        match self.intent.actions.as_slice() {
            [Action::Transfer { asset, to, amount }] => {
                self.agrees(*asset, *amount, *to)?;
                self.transfer(*to)
            }
            [approve @ Action::Approve { .. }, used @ (Action::Swap { .. } | Action::Deposit { .. })] => {
                self.exchange(account, Some(approve), used)
            }
            [redeem @ Action::Redeem { .. }] => self.exchange(account, None, redeem),
            [Action::Delegate { asset, to }] => self.delegation(*asset, *to),
            [Action::Wrap { asset, amount }] => self.wrap(*asset, *amount),
            [Action::Approve { amount, .. }, ..]
            | [Action::Swap { amount_in: amount, .. }, ..]
            | [Action::Deposit { amount, .. }, ..] => {
                let (limit, found) = (Quantity::Amount(self.intent.amount), Quantity::Amount(*amount));
                refuse(self.cx, Rule::ApprovalExact, limit, found, &[self.input_asset()])
            }
            others => {
                let found = Quantity::Count(u64::try_from(others.len()).unwrap_or(u64::MAX));
                refuse(self.cx, Rule::IntentMatchesActions, Quantity::Count(1), found, &[self.input_asset()])
            }
        }
    }

    /// It spends nothing, says so, and is to somebody whom the policy lists for the token.
    fn delegation(&self, asset: AssetId, to: Address) -> Flow<Move> {
        self.spends_nothing(asset, to)?;
        if !self.terms.delegates_of(asset).contains(&to) {
            let inputs = [self.input_account(), self.input_asset()];
            return refuse(self.cx, Rule::DelegateListed, Quantity::None, Quantity::Address(to), &inputs);
        }
        Continue(Move::Delegation)
    }

    /// Nothing that is valued is spent, the asset is the wrapped coin, and the account has as much of the coin.
    fn wrap(&self, asset: AssetId, amount: Amount) -> Flow<Move> {
        self.spends_nothing(asset, self.asset(asset)?.address)?;
        let inputs = [self.input_account(), self.input_asset()];
        if self.terms.wrapped_coin != Some(asset) {
            return refuse(self.cx, Rule::WrapListed, Quantity::None, Quantity::Asset(asset), &inputs);
        }
        let account = self.intent.account;
        let reading = self.cx.snapshot.coins.iter().find(|it| it.account == account).and_then(|it| it.balance);
        let held = reading.unwrap_or(Amount::ZERO).saturating_sub(self.tally.wrapped(account));
        if amount.is_zero() || amount > held {
            return refuse(self.cx, Rule::BalanceSufficient, Quantity::Amount(held), Quantity::Amount(amount), &inputs);
        }
        Continue(Move::Wrap { amount })
    }

    /// An intent that spends nothing says so, names the asset and the party of its call, and is for no budget line.
    fn spends_nothing(&self, asset: AssetId, to: Address) -> Flow {
        let intent = self.intent;
        let inputs = [self.input_account(), self.input_asset()];
        let differs = |limit, found| refuse(self.cx, Rule::IntentMatchesActions, limit, found, &inputs);
        if asset != intent.asset {
            return differs(Quantity::Asset(asset), Quantity::Asset(intent.asset));
        }
        if to != intent.counterparty {
            return differs(Quantity::Address(to), Quantity::Address(intent.counterparty));
        }
        if !intent.amount.is_zero() || !intent.value.is_zero() {
            return differs(Quantity::Amount(Amount::ZERO), Quantity::Amount(intent.amount));
        }
        if let Purpose::Payment { .. } = intent.purpose {
            return differs(Quantity::None, Quantity::Hash(intent.purpose.line()));
        }
        Continue(())
    }

    fn transfer(&self, to: Address) -> Flow<Move> {
        if self.lookup.is_own(to) {
            return Continue(Move::Own);
        }
        if self.lookup.is_receiver(to) {
            return Continue(Move::Payment);
        }
        refuse(self.cx, Rule::CounterpartyListed, Quantity::None, Quantity::Address(to), &[self.input_account()])
    }

    fn exchange(&self, account: &Account, approve: Option<&Action>, action: &Action) -> Flow<Move> {
        let Some(Exchange { venue, give, take, amount_in, amount_out_min }) = action.exchange() else {
            return refuse(self.cx, Rule::ApprovalExact, Quantity::None, Quantity::None, &[]);
        };
        let Some(listed) = self.terms.venue(venue) else {
            let found = Quantity::Count(u64::from(venue.0));
            return refuse(self.cx, Rule::VenueListed, Quantity::None, found, &[self.input_asset()]);
        };
        self.asset(take)?;
        if !trades(listed, action) {
            let inputs = [self.input_asset(), (InputName::Counterparty, Quantity::Address(listed.address))];
            return refuse(self.cx, Rule::VenueListed, Quantity::None, Quantity::Asset(take), &inputs);
        }
        self.agrees(give, amount_in, listed.address)?;
        let exact = Action::Approve { asset: give, spender: venue, amount: amount_in };
        if approve.is_some_and(|approve| *approve != exact) {
            let found = match approve {
                Some(Action::Approve { amount, .. }) => Quantity::Amount(*amount),
                _ => Quantity::None,
            };
            let limit = Quantity::Amount(amount_in);
            return refuse(self.cx, Rule::ApprovalExact, limit, found, &[self.input_asset()]);
        }
        if account.route != Route::Safe {
            // Votes take days; a least output fixed today is an offer to whoever watches.
            let found = Quantity::Account(self.intent.account);
            return refuse(self.cx, Rule::GovernorSwapBound, Quantity::None, found, &[self.input_asset()]);
        }
        Continue(Move::Exchange { venue, buy: take, least: amount_out_min })
    }

    /// Asset, amount and counterparty of the intent are those of the call that spends.
    fn agrees(&self, asset: AssetId, amount: Amount, counterparty: Address) -> Flow {
        let intent = self.intent;
        let rule = Rule::IntentMatchesActions;
        let inputs = || [self.input_account(), self.input_asset()];
        if asset != intent.asset {
            return refuse(self.cx, rule, Quantity::Asset(asset), Quantity::Asset(intent.asset), &inputs());
        }
        if amount != intent.amount || amount.is_zero() {
            return refuse(self.cx, rule, Quantity::Amount(amount), Quantity::Amount(intent.amount), &inputs());
        }
        if counterparty != intent.counterparty {
            let (limit, found) = (Quantity::Address(counterparty), Quantity::Address(intent.counterparty));
            return refuse(self.cx, rule, limit, found, &inputs());
        }
        Continue(())
    }

    /// The value at the snapshot's price, which the intent says too.
    fn value(&self, asset: &Asset) -> Flow<Value> {
        let Some(price) = self.price(self.intent.asset) else {
            return self.unpriced(self.intent.asset);
        };
        let (amount, stated) = (self.intent.amount, self.intent.value);
        if amount.is_worth(stated, price, asset.unit()) {
            return Continue(stated);
        }
        let Some(value) = amount.value_at(price, asset.unit()) else {
            return self.unpriced(self.intent.asset);
        };
        let (limit, found) = (Quantity::Value(value), Quantity::Value(stated));
        refuse(self.cx, Rule::IntentMatchesActions, limit, found, &[self.input_account(), self.input_asset()])
    }

    fn price(&self, asset: AssetId) -> Option<Price> {
        self.cx.prices.of(asset)
    }

    fn unpriced<T>(&self, asset: AssetId) -> Flow<T> {
        let usable = self.cx.prices.0.get(asset.index()).map_or(0, |found| found.usable);
        let limit = Quantity::Count(self.terms.limits.price_quorum_min.max(1));
        let inputs = [(InputName::Asset, Quantity::Asset(asset))];
        refuse(self.cx, Rule::PriceQuorumMin, limit, Quantity::Count(usable), &inputs)
    }

    fn balance(&self) -> Flow {
        let held = self.outlook().spendable(self.intent.account, self.intent.asset);
        if self.intent.amount <= held {
            return Continue(());
        }
        let (limit, found) = (Quantity::Amount(held), Quantity::Amount(self.intent.amount));
        refuse(self.cx, Rule::BalanceSufficient, limit, found, &[self.input_account(), self.input_asset()])
    }

    /// What it is for was neither done nor bound, nor is it wanted twice. Nothing is hashed while the account has no
    /// history that could have its key: that of a leg holds the block of its decision, which nothing before has.
    fn unused(&self, account: &Account) -> Flow {
        let (history, intent) = (self.cx.history, self.intent);
        let same = |before: &Intent| before.account == intent.account && before.purpose == intent.purpose;
        let twice = self.tally.may_have(intent.purpose) && self.tally.allowed().any(same);
        let may_be_used = match intent.purpose {
            Purpose::Payment { .. } => {
                history.concerns(intent.account) || history.is_paid(intent.account, intent.purpose)
            }
            Purpose::Strategy { .. } => history.last_action_at() >= Some(self.cx.snapshot.block.timestamp),
        };
        if !twice && !may_be_used {
            return Continue(());
        }
        let once_key = intent.purpose.once_key(account.address, self.cx.snapshot.block.hash);
        let is_done = history.is_used(intent.account, once_key) || history.is_paid(intent.account, intent.purpose);
        if !twice && !is_done {
            return Continue(());
        }
        refuse(self.cx, Rule::OnceKeyUnused, Quantity::None, Quantity::Hash(once_key), &[self.input_account()])
    }

    /// The least output is worth what is given, less the slippage that is allowed there.
    fn slippage(&self, venue: VenueId, buy: AssetId, least: Amount, value: Value) -> Flow {
        let asset = self.asset(buy)?;
        let Some(price) = self.price(buy) else {
            return self.unpriced(buy);
        };
        let (bps, rounding) = self.terms.loss_max(venue);
        let kept = BPS_ONE.checked_sub(u128::from(bps));
        let Some(kept) = kept.and_then(|kept| u64::try_from(kept).ok()).and_then(|kept| value.share(kept)) else {
            return self.unpriced(buy);
        };
        // A least output of nothing is no bound, whatever rounding says.
        if least.saturating_add(rounding).covers(kept, price, asset.unit()) && !least.is_zero() {
            return Continue(());
        }
        let worth = least.value_at(price, asset.unit()).unwrap_or(Value::ZERO);
        let lost = Value(value.0.saturating_sub(worth.0)).bps_of_ceil(value).unwrap_or(u64::MAX);
        let inputs = [
            (InputName::Asset, Quantity::Asset(buy)),
            (InputName::IntentValue, Quantity::Value(value)),
            (InputName::Counterparty, Quantity::Address(self.intent.counterparty)),
        ];
        refuse(self.cx, Rule::SlippageBpsMax, Quantity::Bps(bps), Quantity::Bps(lost), &inputs)
    }

    /// What is sold stays above the floor of its band and what is bought below its ceiling. A sale only lowers and a
    /// purchase only raises a share, so what leads back towards a band is never refused here.
    fn bands(&self, buy: AssetId, value: Value) -> Flow {
        if !self.lookup.has_bands() {
            return Continue(());
        }
        let (sell_band, buy_band) = (self.lookup.band(self.intent.asset), self.lookup.band(buy));
        if sell_band.is_none() && buy_band.is_none() {
            return Continue(());
        }
        let outlook = self.outlook();
        let nav = self.known(outlook.nav())?;
        if let Some(band) = sell_band {
            let left = self.known(outlook.value_of(band.asset))?.saturating_sub(value);
            if compare_share(left, nav, band.min_bps) == Ordering::Less {
                return self.outside(Rule::AllocationMin, band.asset, nav, band.min_bps, left.bps_of(nav));
            }
        }
        if let Some(band) = buy_band {
            let grown = self.known(outlook.value_of(band.asset))?.saturating_add(value);
            if compare_share(grown, nav, band.max_bps) == Ordering::Greater {
                return self.outside(Rule::AllocationMax, band.asset, nav, band.max_bps, grown.bps_of_ceil(nav));
            }
        }
        Continue(())
    }

    /// A sum of the outlook; one that left its range is an unknown one.
    fn known(&self, sum: Option<Value>) -> Flow<Value> {
        match sum {
            Some(sum) => Continue(sum),
            None => self.unpriced(self.intent.asset),
        }
    }

    fn outside(&self, rule: Rule, asset: AssetId, nav: Value, limit: u64, found: Option<u64>) -> Flow {
        let inputs = [
            (InputName::Asset, Quantity::Asset(asset)),
            (InputName::Nav, Quantity::Value(nav)),
            (InputName::IntentValue, Quantity::Value(self.intent.value)),
        ];
        refuse(self.cx, rule, Quantity::Bps(limit), Quantity::Bps(found.unwrap_or(u64::MAX)), &inputs)
    }

    /// The stable share stays above its floor, or does not fall.
    fn stable_share(&self, asset: &Asset, moved: Move, value: Value) -> Flow {
        let floor = self.terms.limits.stable_share_bps_min;
        if floor == 0 {
            return Continue(());
        }
        let given = if asset.kind == AssetKind::Stable { value } else { Value::ZERO };
        let (gained, left) = match moved {
            Move::Own | Move::Delegation | Move::Wrap { .. } => return Continue(()),
            Move::Payment => (Value::ZERO, value),
            Move::Exchange { buy, .. } if self.lookup.is_stable(buy) => (value, Value::ZERO),
            Move::Exchange { .. } => (Value::ZERO, Value::ZERO),
        };
        // What takes nothing from the stable assets cannot lower their share.
        if given <= gained {
            return Continue(());
        }
        let (nav, stable) = (self.known(self.outlook().nav())?, self.known(self.outlook().stable())?);
        let nav_after = nav.saturating_sub(left);
        let stable_after = Value(stable.0.saturating_add(gained.0).saturating_sub(given.0));
        let below = compare_share(stable_after, nav_after, floor) == Ordering::Less;
        if below && compare_shares(stable_after, nav_after, stable, nav) == Ordering::Less {
            let found = stable_after.bps_of(nav_after);
            return self.outside(Rule::StableShareBpsMin, self.intent.asset, nav, floor, found);
        }
        Continue(())
    }

    /// Above a ceiling, or where the forecast is unknown, only what reduces risk is allowed, or nothing.
    fn risk(&self, moved: Move) -> Flow {
        let (risk, forecast) = (&self.terms.risk, self.cx.risk);
        if !risk.has_ceilings() {
            return Continue(());
        }
        let may = risk.only_reduce;
        let reduces = match moved {
            Move::Own => may.transfers,
            Move::Payment | Move::Delegation | Move::Wrap { .. } => false,
            Move::Exchange { buy, .. } => {
                let is_redemption = matches!(self.intent.actions.last(), Some(Action::Redeem { .. }));
                (if is_redemption { may.redemptions } else { may.swaps }) && self.lookup.is_haven(buy)
            }
        };
        if reduces && risk.on_breach == OnBreach::OnlyReduce {
            return Continue(());
        }
        let ceilings = [
            (Rule::VolatilityBpsMax, risk.volatility_bps_max, forecast.treasury_volatility_bps),
            (Rule::ValueAtRiskBpsMax, risk.value_at_risk_bps_max, forecast.value_at_risk_bps),
            (Rule::ExpectedShortfallBpsMax, risk.expected_shortfall_bps_max, forecast.expected_shortfall_bps),
            (Rule::DrawdownProbabilityBpsMax, risk.drawdown_probability_bps_max, forecast.drawdown_probability_bps),
        ];
        for (rule, ceiling, forecast) in ceilings {
            let Some(ceiling) = ceiling else { continue };
            if forecast.is_none_or(|bps| bps > ceiling) {
                let found = forecast.map_or(Quantity::None, Quantity::Bps);
                let inputs = [self.input_asset(), (InputName::IntentValue, Quantity::Value(self.intent.value))];
                return refuse(self.cx, rule, Quantity::Bps(ceiling), found, &inputs);
            }
        }
        Continue(())
    }

    fn input_account(&self) -> (InputName, Quantity) {
        (InputName::Account, Quantity::Account(self.intent.account))
    }

    fn input_asset(&self) -> (InputName, Quantity) {
        (InputName::Asset, Quantity::Asset(self.intent.asset))
    }
}

/// Whether `venue` offers what `action` does: the pool of a swap, or the vault's own asset and shares.
fn trades(venue: &Venue, action: &Action) -> bool {
    match (venue.kind.vault(), *action) {
        (None, Action::Swap { sell, buy, fee_pips, .. }) => venue.pools.iter().any(|pool| {
            pool.fee_pips == fee_pips && ((pool.a, pool.b) == (sell, buy) || (pool.b, pool.a) == (sell, buy))
        }),
        (Some((asset, shares)), Action::Deposit { asset: give, shares: take, .. }) => (asset, shares) == (give, take),
        (Some((asset, shares)), Action::Redeem { shares: give, asset: take, .. }) => (asset, shares) == (take, give),
        _ => false,
    }
}

/// What the actions of an intent that was allowed do.
pub(super) fn moved(lookup: &Lookup, intent: &Intent) -> ControlFlow<(), Move> {
    match intent.actions.as_slice() {
        [Action::Transfer { to, .. }] if lookup.is_own(*to) => Continue(Move::Own),
        [Action::Transfer { .. }] => Continue(Move::Payment),
        [Action::Delegate { .. }] => Continue(Move::Delegation),
        [Action::Wrap { amount, .. }] => Continue(Move::Wrap { amount: *amount }),
        [Action::Approve { .. }, used @ (Action::Swap { .. } | Action::Deposit { .. })]
        | [used @ Action::Redeem { .. }] => match used.exchange() {
            Some(it) => Continue(Move::Exchange { venue: it.venue, buy: it.take, least: it.amount_out_min }),
            None => ControlFlow::Break(()),
        },
        _ => ControlFlow::Break(()),
    }
}
