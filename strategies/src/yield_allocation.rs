//! `yield_allocation`: idle stable money over vaults and reserves of Aave, the best yearly rate first, each up to its cap.
//!
//! With yields that do not depend on the amount and caps as the only limits, filling the best first is optimal: it is
//! the continuous knapsack (G. B. Dantzig, *Discrete-Variable Extremum Problems*, Operations Research 5, 1957). A
//! deposit does lower the rate of what lends it out; caps and `move_bps_min` are what keeps that from mattering, as the
//! capped supply queue of MetaMorpho vaults does.
//!
//! A vault's rate is what a share gained between the snapshot's two readings of it, as simple growth in a year, less the
//! haircut that the policy gives the vault for its risk. What is unknown is left alone: a vault without an earlier
//! reading is given nothing, and loses what exceeds its cap or what the floor of liquid money needs.
//!
//! Money enters a vault from a net rate of `move_bps_min` on, leaves it for another that has as much more, and leaves it
//! for nothing once its net rate is below zero, so that it does not wander to and fro over small differences. In the
//! batch redemptions come before deposits, which spend no more than redemptions bring at the least.

use crate::{
    rooms::{Granted, part_room},
    swap::{is_bounded, least_at},
};
use alloy_primitives::B256;
use arrayvec::ArrayVec;
use quaestor_core::{
    AccountId, Action, Amount, AssetId, AssetKind, Intent, Outlook, Purpose, Route, Strategy, StrategySpec, Terms,
    Value, Vault,
    pipeline::Context,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
    words,
};
use std::cmp::Reverse;

/// Most vaults of one strategy; a policy has no more venues.
pub const VAULTS_MAX: usize = 16;

/// The kind `yield_allocation`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "yield_allocation",
    summary: "Keeps a floor of a stable asset liquid and deposits the rest in vaults, those with the best rate after a \
              haircut for their risk first, each up to its cap.",
    build,
};

/// See [`SPEC`]. Moves only what its account holds; a cap counts what the whole treasury has in a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YieldAllocation {
    line: B256,
    account: AccountId,
    asset: AssetId,
    keep: Amount,
    move_bps_min: i64,
    trade_min: Value,
    vaults: Vec<Listed>,
}

/// A vault that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listed {
    vault: Vault,
    /// Most of NAV in it.
    max_bps: u64,
    /// Taken off its yearly rate.
    risk_bps: i64,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, asset) = (params.account("account"), params.asset("asset"));
    let (keep, trade_min) = (params.amount("keep", asset), params.value("trade_min"));
    let move_bps_min = params.integer("move_bps_min", 0, 10_000);
    let vaults = params.tables("vaults", VAULTS_MAX, |entry| listed(entry, asset));
    let terms = params.terms();
    let governed = account.and_then(|id| terms.account(id)).is_some_and(|it| it.route != Route::Safe);
    let unstable = asset.and_then(|id| terms.asset(id)).is_some_and(|it| it.kind != AssetKind::Stable);
    let bounded = is_bounded(terms);
    if governed {
        let message = "is moved by a Governor, where a deposit executes long after its rate was read; name a Safe";
        params.problem("account", message);
    }
    if unstable {
        params.problem("asset", "is not stable, and a yield would not outweigh its price; name a stable asset");
    }
    if !bounded {
        params.problem("", "needs a bound on slippage; write `slippage_bps_max` below 10000 in the policy's limits");
    }
    if trade_min.is_some_and(|value| value.is_zero()) {
        params.problem("trade_min", "is zero, so that it would move dust; write such as `100 USD`");
    }
    let vaults = vaults?;
    for (position, it) in vaults.iter().enumerate() {
        if vaults.iter().take(position).any(|before| before.vault == it.vault) {
            params.problem(&format!("vaults[{position}].venue"), "is listed before it too; keep one of the two");
        }
    }
    Some(Box::new(YieldAllocation {
        line: params.line(),
        account: account?,
        asset: asset?,
        keep: keep?,
        move_bps_min: i64::try_from(move_bps_min?).ok()?,
        trade_min: trade_min?,
        vaults,
    }))
}

fn listed(entry: &mut Params<'_>, asset: Option<AssetId>) -> Option<Listed> {
    let (venue, max_bps) = (entry.venue("venue"), entry.integer("max_bps", 1, 10_000));
    let risk_bps = entry.integer("risk_bps", 0, 10_000);
    let vault = venue.and_then(|id| entry.terms().vault(id));
    if venue.is_some() && vault.is_none() {
        entry.problem("venue", "is no vault; name a venue of kind `erc-4626` or `aave-v3`");
    }
    if let (Some(vault), Some(asset)) = (vault, asset)
        && vault.asset != asset
    {
        entry.problem("venue", "is a vault for another asset; name one for the strategy's `asset`");
    }
    Some(Listed { vault: vault?, max_bps: max_bps?, risk_bps: i64::try_from(risk_bps?).ok()? })
}

impl Strategy for YieldAllocation {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (account, asset) = (terms.name_of(self.account), terms.symbol_of(self.asset));
        // Both are at most 10000.
        let bps = |number: i64| words::share(u64::try_from(number).unwrap_or_default());
        let mut told = vec![format!(
            "It keeps {} of {account} out of the vaults and deposits the rest, the best yearly rate first.",
            words::amount(self.keep, terms.asset(self.asset))
        )];
        told.extend(self.vaults.iter().map(|listed| {
            format!(
                "In {}: at most {} of the treasury, and its yearly rate counts as {} less, for its risk.",
                terms.venue(listed.vault.venue).map_or("", |venue| venue.name.as_str()),
                words::share(listed.max_bps),
                bps(listed.risk_bps)
            )
        }));
        told.push(format!(
            "It deposits {asset} only at a rate of {} or more after that, moves it from one vault to another only for a \
             rate that is better by as much, leaves out moves worth less than {}, and withdraws from a vault whose rate \
             after that is below zero.",
            bps(self.move_bps_min.max(1)),
            words::sum(self.trade_min)
        ));
        told
    }

    fn reads_past(&self) -> bool {
        false
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let tally = Tally::before(self.account, out, &[]);
        let outlook = Outlook::new(cx, tally);
        let mut slots = self.slots(cx, &outlook)?;
        self.plan(cx, &outlook, &mut slots)?;
        let mut purse = Purse::new(self, cx, &outlook, cx.room_of(self.line, self.account, &tally))?;
        // Deposits are paid by what the account has and by what redemptions bring. A vault has one or the other.
        let mut wanted = Wanted::new();
        for slot in slots.iter().rev() {
            let redeemed = purse.redeem(slot, &wanted)?;
            push(&mut wanted, redeemed)?;
        }
        for slot in &slots {
            let deposited = purse.deposit(slot, &wanted)?;
            push(&mut wanted, deposited)?;
        }
        let short = purse.short;
        out.extend(wanted);
        let known = slots.iter().filter(|slot| slot.net_bps.is_some()).count();
        let unknown = (known < self.vaults.len()).then_some(StrategyHold::NoRate);
        short.or(unknown).map_or(Ok(()), Err)
    }
}

/// Redemptions, then deposits.
type Wanted = ArrayVec<Intent, VAULTS_MAX>;

fn push(wanted: &mut Wanted, intent: Option<Intent>) -> Result<(), StrategyHold> {
    intent.map_or(Ok(()), |intent| wanted.try_push(intent).map_err(|_| StrategyHold::OutOfRange))
}

/// A vault at this decision. Values are in the quote currency.
#[derive(Debug, Clone, Copy)]
struct Slot {
    vault: Vault,
    /// Its yearly rate less its haircut; `None` when it is unknown.
    net_bps: Option<i64>,
    /// Its shares that the account can spend.
    shares: Amount,
    /// What they are worth.
    held: Value,
    /// What the account may have in it at most.
    most: Value,
    /// What the account should have in it.
    want: Value,
}

/// Best net rate first, of equal ones the venue that the policy lists first; unknown rates last.
type Slots = ArrayVec<Slot, VAULTS_MAX>;

impl YieldAllocation {
    /// The vaults whose shares have a price; without one the treasury holds none of them.
    fn slots(&self, cx: &Context<'_>, outlook: &Outlook<'_>) -> Result<Slots, StrategyHold> {
        let range = StrategyHold::OutOfRange;
        let nav = outlook.nav().ok_or(range)?;
        let mut slots = Slots::new();
        for listed in &self.vaults {
            let vault = listed.vault;
            let reading = cx.snapshot.assets.get(vault.shares.index()).and_then(|reading| reading.rate);
            let growth = reading.and_then(|rate| rate.growth_bps_yearly(cx.snapshot.block.timestamp));
            let shares = outlook.spendable(self.account, vault.shares);
            let Some(held) = cx.value_of(vault.shares, shares) else { continue };
            let elsewhere = outlook.value_of(vault.shares).ok_or(range)?.saturating_sub(held);
            let share_bps = cx.terms.venue(vault.venue).and_then(|venue| venue.share_bps_max);
            let max_bps = share_bps.map_or(listed.max_bps, |most| most.min(listed.max_bps));
            let most = nav.share(max_bps).ok_or(range)?.saturating_sub(elsewhere);
            let net_bps = growth.and_then(|growth| growth.checked_sub(listed.risk_bps));
            let slot = Slot { vault, net_bps, shares, held, most, want: held };
            slots.try_push(slot).map_err(|_| range)?;
        }
        slots.sort_unstable_by_key(|slot| (Reverse(slot.net_bps), slot.vault.venue));
        Ok(slots)
    }

    /// Fills in what the account should have in each vault. Three passes over at most [`VAULTS_MAX`] vaults, the last one
    /// over pairs of them.
    fn plan(&self, cx: &Context<'_>, outlook: &Outlook<'_>, slots: &mut Slots) -> Result<(), StrategyHold> {
        let (no_price, range) = (StrategyHold::NoPrice, StrategyHold::OutOfRange);
        let add = |sum: Value, more: Value| sum.checked_add(more).ok_or(range);
        let keep = cx.value_of(self.asset, self.keep).ok_or(no_price)?;
        let mut liquid = cx.value_of(self.asset, outlook.spendable(self.account, self.asset)).ok_or(no_price)?;
        // Above a cap, or at a loss, it leaves.
        for slot in slots.iter_mut() {
            let loses = slot.net_bps.is_some_and(|net| net < 0);
            slot.want = if loses { Value::ZERO } else { slot.held.min(slot.most) };
            liquid = add(liquid, slot.held.saturating_sub(slot.want))?;
        }
        // The worst gives first what the floor needs.
        for slot in slots.iter_mut().rev() {
            let given = keep.saturating_sub(liquid).min(slot.want);
            slot.want = slot.want.saturating_sub(given);
            liquid = add(liquid, given)?;
        }
        let gain_min = self.move_bps_min.max(1);
        let mut idle = liquid.saturating_sub(keep);
        for better in 0..slots.len() {
            let Some((head, worse)) = slots.split_at_mut_checked(better + 1) else { break };
            let Some(slot) = head.last_mut() else { break };
            let Some(net) = slot.net_bps.filter(|net| *net >= gain_min) else { break };
            let taken = idle.min(slot.most.saturating_sub(slot.want));
            idle = idle.saturating_sub(taken);
            slot.want = add(slot.want, taken)?;
            for from in worse.iter_mut().rev() {
                let gains = from.net_bps.and_then(|other| net.checked_sub(other)).is_some_and(|gain| gain >= gain_min);
                if gains {
                    let moved = from.want.min(slot.most.saturating_sub(slot.want));
                    from.want = from.want.saturating_sub(moved);
                    slot.want = add(slot.want, moved)?;
                }
            }
        }
        Ok(())
    }
}

/// What is left for intents.
struct Purse<'a> {
    by: &'a YieldAllocation,
    cx: &'a Context<'a>,
    outlook: &'a Outlook<'a>,
    nav: Value,
    /// What the caps leave.
    room: Value,
    /// What the account can spend of the asset, redemptions counted at their least.
    liquid: Amount,
    /// Value of the treasury's liquid asset, redemptions counted at their least, and at the rate.
    held_low: Value,
    held_high: Value,
    /// The first reason for which less is done than planned.
    short: Option<StrategyHold>,
}

impl<'a> Purse<'a> {
    fn new(
        by: &'a YieldAllocation,
        cx: &'a Context<'a>,
        outlook: &'a Outlook<'a>,
        room: Value,
    ) -> Result<Self, StrategyHold> {
        let range = StrategyHold::OutOfRange;
        let held = outlook.value_of(by.asset).ok_or(range)?;
        let liquid = outlook.spendable(by.account, by.asset);
        let nav = outlook.nav().ok_or(range)?;
        Ok(Self { by, cx, outlook, nav, room, liquid, held_low: held, held_high: held, short: None })
    }

    fn redeem(&mut self, slot: &Slot, wanted: &Wanted) -> Result<Option<Intent>, StrategyHold> {
        let (cx, asset, range) = (self.cx, self.by.asset, StrategyHold::OutOfRange);
        let Vault { venue, shares, .. } = slot.vault;
        let planned = slot.held.saturating_sub(slot.want);
        let in_vault = self.outlook.value_of(shares).ok_or(range)?;
        let banded = self.above_floor(shares, in_vault)?.min(self.below_ceiling(asset, self.held_high)?);
        let banded = banded.min(self.parts(wanted, (shares, asset))?);
        let Some(limit) = self.granted(planned, banded, (shares, asset)) else { return Ok(None) };
        let all = limit == slot.held;
        let amount = if all { slot.shares } else { cx.amount_of(shares, limit).ok_or(range)?.min(slot.shares) };
        let value = cx.value_of(shares, amount).ok_or(range)?;
        let assets_min = least_at(cx, venue, value, asset).ok_or(StrategyHold::NoPrice)?;
        if value < self.by.trade_min || assets_min.is_zero() {
            return Ok(None);
        }
        let brought = cx.value_of(asset, assets_min).ok_or(range)?;
        self.room = self.room.saturating_sub(value);
        self.liquid = self.liquid.checked_add(assets_min).ok_or(range)?;
        self.held_low = self.held_low.checked_add(brought).ok_or(range)?;
        self.held_high = self.held_high.checked_add(value).ok_or(range)?;
        let redeem = Action::Redeem { venue, shares, asset, amount, assets_min };
        Ok(Some(self.intent(slot.vault, (shares, amount, value), [redeem].into_iter().collect())))
    }

    fn deposit(&mut self, slot: &Slot, wanted: &Wanted) -> Result<Option<Intent>, StrategyHold> {
        let (cx, asset, range) = (self.cx, self.by.asset, StrategyHold::OutOfRange);
        let Vault { venue, shares, .. } = slot.vault;
        let planned = slot.want.saturating_sub(slot.held);
        let in_vault = self.outlook.value_of(shares).ok_or(range)?;
        let banded = self.above_floor(asset, self.held_low)?.min(self.below_ceiling(shares, in_vault)?);
        let banded = banded.min(self.parts(wanted, (asset, shares))?);
        let Some(limit) = self.granted(planned, banded, (asset, shares)) else { return Ok(None) };
        let payable = self.liquid.saturating_sub(self.by.keep);
        let amount = cx.amount_of(asset, limit).ok_or(range)?.min(payable);
        let value = cx.value_of(asset, amount).ok_or(range)?;
        let shares_min = least_at(cx, venue, value, shares).ok_or(StrategyHold::NoPrice)?;
        if value < self.by.trade_min || shares_min.is_zero() {
            return Ok(None);
        }
        self.room = self.room.saturating_sub(value);
        self.liquid = self.liquid.saturating_sub(amount);
        self.held_low = self.held_low.saturating_sub(value);
        self.held_high = self.held_high.saturating_sub(value);
        let approve = Action::Approve { asset, spender: venue, amount };
        let deposit = Action::Deposit { venue, asset, shares, amount, shares_min };
        Ok(Some(self.intent(slot.vault, (asset, amount, value), [approve, deposit].into_iter().collect())))
    }

    /// What of `planned` may be moved from `give` to `take`; `None` when it is too little. Says why it is less.
    fn granted(&mut self, planned: Value, banded: Value, (give, take): (AssetId, AssetId)) -> Option<Value> {
        if planned < self.by.trade_min {
            return None;
        }
        if self.outlook.opposed_exchange(self.by.line, give, take).is_some() {
            self.short.get_or_insert(StrategyHold::Opposed);
            return None;
        }
        let limit = planned.min(self.room).min(banded);
        if limit < planned {
            self.short.get_or_insert(StrategyHold::NoRoom);
        }
        (limit >= self.by.trade_min).then_some(limit)
    }

    /// What of `held` lies above the floor of its band. One unit more stays: a share of NAV is rounded down.
    fn above_floor(&self, asset: AssetId, held: Value) -> Result<Value, StrategyHold> {
        let Some(band) = self.cx.terms.bands.iter().find(|band| band.asset == asset) else { return Ok(held) };
        let floor = self.nav.share(band.min_bps).ok_or(StrategyHold::OutOfRange)?;
        Ok(held.saturating_sub(floor).saturating_sub(Value(1)))
    }

    /// What is missing from `held` to the ceiling of its band.
    fn below_ceiling(&self, asset: AssetId, held: Value) -> Result<Value, StrategyHold> {
        let Some(band) = self.cx.terms.bands.iter().find(|band| band.asset == asset) else { return Ok(self.nav) };
        let ceiling = self.nav.share(band.max_bps).ok_or(StrategyHold::OutOfRange)?;
        Ok(ceiling.saturating_sub(held))
    }

    /// What the bounded parts of the treasury leave, after what is wanted already.
    fn parts(&self, wanted: &Wanted, sides: (AssetId, AssetId)) -> Result<Value, StrategyHold> {
        let exchanges = wanted.iter().filter_map(|intent| Some((intent, intent.actions.last()?.exchange()?)));
        let granted = exchanges.map(|(intent, it)| {
            let brought = self.cx.value_of(it.take, it.amount_out_min).unwrap_or(Value::ZERO);
            Granted { sell: it.give, buy: it.take, value: intent.value, brought }
        });
        part_room(self.cx, self.outlook, granted, self.by.asset, sides).ok_or(StrategyHold::OutOfRange)
    }

    fn intent(
        &self,
        vault: Vault,
        (asset, amount, value): (AssetId, Amount, Value),
        actions: ArrayVec<Action, { quaestor_core::action::ACTIONS_PER_INTENT_MAX }>,
    ) -> Intent {
        let purpose = Purpose::Strategy { line: self.by.line, leg: vault.venue.0 };
        Intent { account: self.by.account, purpose, asset, counterparty: vault.address, amount, value, actions }
    }
}
