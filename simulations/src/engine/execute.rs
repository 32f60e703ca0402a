//! What a batch does to balances: the stand-in for the chain. Swaps pay the pool's fee and slippage and move its price, vaults give what their
//! rate says, and a batch runs whole or not at all.

use crate::{
    assumptions::{Costs, Targets},
    market::{Market, Source},
};
use quaestor_core::{
    AccountId, Action, Amount, AssetId, AssetKind, Intent, Price, Terms, Value, VenueId,
    amount::{BPS_FACTOR, PIPS_ONE, WAD, mul_div},
    snapshot::AccountReading,
};

/// Gwei with eighteen places of one wei.
const WEI_IN_GWEI_WAD: u128 = 1_000_000_000;

/// Why a batch does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reverted {
    /// More is given than is there.
    #[error("the account holds too little of asset {asset}")]
    Balance {
        /// Of which.
        asset: usize,
    },
    /// The price moved away, or costs are too high.
    #[error("it brings {found} base units, less than the least output of {least}")]
    TooLittle {
        /// What it brings.
        found: u128,
        /// What it must.
        least: u128,
    },
    /// The pool's price would end beyond what the policy lets a swap push it to.
    #[error("it pushes the price of the pool too far")]
    Impact,
    /// The venue exchanges nothing at the moment.
    #[error("the venue stands still")]
    Frozen,
    /// A number left its range, or something has no price.
    #[error("an amount cannot be formed")]
    Range,
}

/// What a batch that ran came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Done {
    /// What swaps gave.
    pub(super) traded: Value,
    /// Fees of pools.
    pub(super) fees: Value,
    /// Slippage.
    pub(super) slippage: Value,
    /// What swaps lost by moving the price.
    pub(super) impact: Value,
    /// Gas.
    pub(super) gas: Value,
    /// What left the treasury for others.
    pub(super) paid: Value,
    /// Swaps, deposits and redemptions.
    pub(super) trades: u64,
}

/// What a swap comes to.
struct Swapped {
    /// Base units that it takes.
    spent: Amount,
    /// What these are worth.
    given: Value,
    /// What of it reaches the pool.
    kept: Value,
    /// What counts as traded.
    moved: Value,
    /// What of the difference is slippage.
    slipped: Value,
}

/// Where a batch is carried out: the prices of a moment, and what acting costs.
pub(super) struct Venue<'a> {
    pub(super) terms: &'a Terms,
    pub(super) market: &'a Market<'a>,
    pub(super) costs: Costs,
    /// Of the moment, in the order of the assets; zero of what has none.
    pub(super) prices: &'a [Price],
    pub(super) bar: usize,
    /// At whose end pools are as they are at the moment.
    pub(super) pools_of: usize,
    /// Whether intents say what they give at these very prices.
    pub(super) says_value: bool,
}

fn add(sum: &mut Value, more: Value) {
    *sum = sum.saturating_add(more);
}

/// `whole` and so many hundredths of a basis point of it on top.
fn on_top(whole: u128, pips: u64) -> Option<u128> {
    mul_div(whole, u128::from(PIPS_ONE.checked_add(pips)?), PIPS_ONE.into())
}

impl Venue<'_> {
    #[inline]
    fn price(&self, asset: AssetId) -> Result<Price, Reverted> {
        self.prices.get(asset.index()).copied().filter(|price| !price.is_zero()).ok_or(Reverted::Range)
    }

    #[inline]
    fn unit(&self, asset: AssetId) -> Result<u128, Reverted> {
        self.terms.asset(asset).map(quaestor_core::Asset::unit).ok_or(Reverted::Range)
    }

    #[inline]
    fn value(&self, asset: AssetId, amount: Amount) -> Result<Value, Reverted> {
        amount.value_at(self.price(asset)?, self.unit(asset)?).ok_or(Reverted::Range)
    }

    /// What is left of `value` without so many hundredths of a basis point.
    #[inline]
    fn without(value: Value, pips: u64) -> Result<Value, Reverted> {
        value.share_pips(PIPS_ONE.saturating_sub(pips)).ok_or(Reverted::Range)
    }

    /// Changes balances by what `intents` of `account` do.
    pub(super) fn carry_out(
        &self,
        account: AccountId,
        intents: &[Intent],
        balances: &mut [AccountReading],
    ) -> Result<Done, Reverted> {
        let mut done = Done::default();
        for intent in intents {
            for action in &intent.actions {
                self.carry_out_one(account, intent, action, balances, &mut done)?;
            }
        }
        Ok(done)
    }

    fn carry_out_one(
        &self,
        account: AccountId,
        intent: &Intent,
        action: &Action,
        balances: &mut [AccountReading],
        done: &mut Done,
    ) -> Result<(), Reverted> {
        let from = account.index();
        match *action {
            Action::Approve { .. } | Action::Delegate { .. } => Ok(()),
            Action::Wrap { asset, amount } => give(balances, from, asset, amount),
            Action::Transfer { asset, to, amount } => {
                take(balances, from, asset, amount)?;
                match self.terms.account_at(to) {
                    Some(receiver) => give(balances, receiver.index(), asset, amount),
                    None => {
                        add(&mut done.paid, self.value(asset, amount)?);
                        Ok(())
                    }
                }
            }
            Action::Swap { venue, sell, buy, fee_pips, amount_in, amount_out_min } => {
                let is_said = self.says_value && (intent.asset, intent.amount) == (sell, amount_in);
                let given = if is_said { intent.value } else { self.value(sell, amount_in)? };
                let row = balances.get_mut(from).map(|row| row.balances.as_mut_slice()).unwrap_or_default();
                let Swapped { spent, given, kept, moved, slipped } =
                    self.swap(sell, buy, fee_pips, (amount_in, given), row)?;
                let missing = Reverted::Balance { asset: sell.index() };
                let balance = row.get_mut(sell.index()).ok_or(missing)?;
                balance.0 = balance.0.checked_sub(spent.0).ok_or(missing)?;
                let brought = if self.market.has_depths() { self.brought(sell, buy, kept)? } else { kept };
                let out = brought.amount_at(self.price(buy)?, self.unit(buy)?).ok_or(Reverted::Range)?;
                if out < amount_out_min {
                    return Err(Reverted::TooLittle { found: out.0, least: amount_out_min.0 });
                }
                if brought < kept && self.is_pushed_too_far(venue, kept, brought) {
                    return Err(Reverted::Impact);
                }
                let balance = row.get_mut(buy.index()).ok_or(Reverted::Range)?;
                *balance = balance.checked_add(out).ok_or(Reverted::Range)?;
                add(&mut done.traded, moved);
                add(&mut done.slippage, slipped);
                add(&mut done.fees, given.saturating_sub(kept).saturating_sub(slipped));
                if brought < kept {
                    add(&mut done.impact, kept.saturating_sub(brought));
                }
                done.trades += 1;
                Ok(())
            }
            Action::Deposit { venue, asset, shares, amount, shares_min } => {
                take(balances, from, asset, amount)?;
                let (rate, unit) = self.rate(venue, shares)?;
                let out = mul_div(amount.0, unit, rate).ok_or(Reverted::Range)?;
                if out < shares_min.0 {
                    return Err(Reverted::TooLittle { found: out, least: shares_min.0 });
                }
                done.trades += 1;
                give(balances, from, shares, Amount(out))
            }
            Action::Redeem { venue, shares, asset, amount, assets_min } => {
                take(balances, from, shares, amount)?;
                let (rate, unit) = self.rate(venue, shares)?;
                let out = mul_div(amount.0, rate, unit).ok_or(Reverted::Range)?;
                if out < assets_min.0 {
                    return Err(Reverted::TooLittle { found: out, least: assets_min.0 });
                }
                done.trades += 1;
                give(balances, from, asset, Amount(out))
            }
        }
    }

    /// What a swap of so many base units, worth `given`, comes to, for who has these `balances`.
    #[inline]
    fn swap(
        &self,
        sell: AssetId,
        buy: AssetId,
        fee_pips: u32,
        (amount_in, given): (Amount, Value),
        balances: &[Amount],
    ) -> Result<Swapped, Reverted> {
        let (fee, slippage) = (self.costs.fee_pips(fee_pips), self.costs.slippage_pips());
        let slipped = |moved: Value| moved.share_pips(slippage).ok_or(Reverted::Range);
        if self.costs.targets == Targets::AfterCosts || !self.is_stable(sell) || self.is_stable(buy) {
            let slipped = slipped(given)?;
            let kept = Self::without(given.saturating_sub(slipped), fee)?;
            return Ok(Swapped { spent: amount_in, given, kept, moved: given, slipped });
        }
        // What is bought is the target, and costs come on top; where cash does not suffice, as much as it pays for.
        let dearer = on_top(amount_in.0, slippage).and_then(|it| on_top(it, fee)).ok_or(Reverted::Range)?;
        let held = balances.get(sell.index()).map_or(0, |it| it.0);
        let (spent, kept) = match dearer <= held {
            true => (Amount(dearer), given),
            false => (Amount(held), Value(mul_div(given.0, held, dearer).ok_or(Reverted::Range)?)),
        };
        Ok(Swapped { spent, given: self.value(sell, spent)?, kept, moved: kept, slipped: slipped(kept)? })
    }

    fn is_stable(&self, asset: AssetId) -> bool {
        self.terms.asset(asset).is_some_and(|it| it.kind == AssetKind::Stable)
    }

    /// What a value brings that has reached the pool: it moves the price of what is no stable asset, of both where neither
    /// is one, and where both are of whichever has a depth.
    fn brought(&self, sell: AssetId, buy: AssetId, value: Value) -> Result<Value, Reverted> {
        let between_stables = self.is_stable(sell) && self.is_stable(buy);
        let mut brought = value.0;
        for asset in [sell, buy].into_iter().filter(|asset| between_stables || !self.is_stable(*asset)) {
            if let Some(depth) = self.market.depth(self.pools_of, asset.index(), self.price(asset)?) {
                brought = depth.brought_by(brought).ok_or(Reverted::Range)?;
            }
        }
        Ok(Value(brought))
    }

    /// Whether a swap that brings `brought` for what is worth `kept` leaves the price further away than the policy allows: at
    /// constant product the price has fallen by the square of what the swap brings on the whole.
    fn is_pushed_too_far(&self, venue: VenueId, kept: Value, brought: Value) -> bool {
        let bound = self.terms.venue(venue).and_then(|venue| venue.price_impact_bps_max);
        let Some(left) = bound.map(|bps| BPS_FACTOR.saturating_sub(bps)) else {
            return false;
        };
        mul_div(brought.0, brought.0, kept.0).map(Value) < kept.share(left)
    }

    /// Base units of the vault's asset for one whole share, and base units of a whole share.
    fn rate(&self, venue: VenueId, shares: AssetId) -> Result<(u128, u128), Reverted> {
        self.terms.vault(venue).ok_or(Reverted::Range)?;
        let rate =
            self.market.rates.get(shares.index()).and_then(|rates| rates.get(self.bar)).ok_or(Reverted::Range)?;
        let unit = self.terms.asset(shares).ok_or(Reverted::Range)?.unit();
        if rate.is_zero() { Err(Reverted::Range) } else { Ok((rate.0, unit)) }
    }

    /// The account gives back the gas to who executed, in its first stable asset, as far as it has some.
    pub(super) fn pay_gas(
        &self,
        account: AccountId,
        intents: &[Intent],
        balances: &mut [AccountReading],
        done: &mut Done,
    ) {
        // From the data where it says so, or as assumed.
        let gwei = self.market.panel.gas(self.bar).unwrap_or_else(|| u128::from(self.costs.gas_gwei) * WAD);
        if gwei == 0 {
            return;
        }
        let Some(ether) = self.ether() else { return };
        let actions = intents.iter().map(|intent| intent.actions.len()).sum();
        let Some(wei) = mul_div(u128::from(Costs::gas_of(actions)), gwei, WEI_IN_GWEI_WAD) else { return };
        let stable = |asset: &quaestor_core::Asset| asset.kind == AssetKind::Stable && !asset.feeds.is_empty();
        let cash = self.terms.assets.iter().position(stable).and_then(|index| u16::try_from(index).ok()).map(AssetId);
        let (Some(value), Some(cash)) = (mul_div(wei, ether.0, WAD), cash) else { return };
        let unit = self.terms.assets[cash.index()].unit();
        let Ok(price) = self.price(cash) else { return };
        let Some(amount) = mul_div(value, unit, price.0) else { return };
        let balance = &mut balances[account.index()].balances[cash.index()];
        let paid = amount.min(balance.0);
        balance.0 -= paid;
        done.gas = Value(mul_div(paid, price.0, unit).unwrap_or_default());
    }

    /// The price of what gas is paid in; see [`Market::gas_column`].
    fn ether(&self) -> Option<Price> {
        let column = self.market.gas_column()?;
        let source = Source::Data(column);
        match self.market.sources.iter().position(|known| *known == source) {
            Some(asset) => self.prices.get(asset).copied(),
            None => Some(self.market.panel.close(self.bar.saturating_sub(1), column)),
        }
    }
}

fn take(balances: &mut [AccountReading], account: usize, asset: AssetId, amount: Amount) -> Result<(), Reverted> {
    let missing = Reverted::Balance { asset: asset.index() };
    let balance = balances.get_mut(account).and_then(|row| row.balances.get_mut(asset.index())).ok_or(missing)?;
    *balance = Amount(balance.0.checked_sub(amount.0).ok_or(missing)?);
    Ok(())
}

fn give(balances: &mut [AccountReading], account: usize, asset: AssetId, amount: Amount) -> Result<(), Reverted> {
    let balance =
        balances.get_mut(account).and_then(|row| row.balances.get_mut(asset.index())).ok_or(Reverted::Range)?;
    *balance = balance.checked_add(amount).ok_or(Reverted::Range)?;
    Ok(())
}

#[cfg(test)]
mod tests;
