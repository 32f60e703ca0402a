//! What a batch does to balances: the stand-in for the chain. Swaps pay the pool's fee and slippage, vaults give what their
//! rate says, and a batch runs whole or not at all.

use crate::{
    assumptions::{Costs, Targets},
    market::{Market, Source},
};
use quaestor_core::{
    AccountId, Action, Amount, AssetId, AssetKind, Intent, Price, Terms, VenueId,
    amount::{WAD, mul_div},
    snapshot::AccountReading,
};

/// Hundredths of a basis point in one.
const PIPS_ONE: u128 = 1_000_000;
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
    /// A number left its range, or something has no price.
    #[error("an amount cannot be formed")]
    Range,
}

/// What a batch that ran came to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Done {
    /// Value that swaps gave, dollars.
    pub(super) traded_usd: f64,
    /// Fees of pools, dollars.
    pub(super) fees_usd: f64,
    /// Slippage, dollars.
    pub(super) slippage_usd: f64,
    /// Gas, dollars.
    pub(super) gas_usd: f64,
    /// What left the treasury for others, dollars.
    pub(super) paid_usd: f64,
    /// Swaps, deposits and redemptions.
    pub(super) trades: u64,
}

/// Where a batch is carried out: the prices of a moment, and what acting costs.
pub(super) struct Venue<'a> {
    pub(super) terms: &'a Terms,
    pub(super) market: &'a Market<'a>,
    pub(super) costs: Costs,
    pub(super) bar: usize,
    pub(super) through: u64,
}

/// What is left of one without so many hundredths of a basis point.
fn less(pips: u64) -> u128 {
    PIPS_ONE.saturating_sub(u128::from(pips))
}

/// So many hundredths of a basis point of `whole`.
fn part(whole: u128, pips: u128) -> Result<u128, Reverted> {
    mul_div(whole, pips, PIPS_ONE).ok_or(Reverted::Range)
}

fn dollars(value: u128) -> f64 {
    value as f64 / WAD as f64
}

impl Venue<'_> {
    fn price(&self, asset: AssetId) -> Result<Price, Reverted> {
        self.market.price(self.bar, asset.index(), self.through).ok_or(Reverted::Range)
    }

    fn value(&self, asset: AssetId, amount: Amount) -> Result<u128, Reverted> {
        let unit = self.terms.asset(asset).ok_or(Reverted::Range)?.unit();
        Ok(amount.value_at(self.price(asset)?, unit).ok_or(Reverted::Range)?.0)
    }

    /// Changes balances by what `intents` of `account` do.
    pub(super) fn carry_out(
        &self,
        account: AccountId,
        intents: &[Intent],
        balances: &mut [AccountReading],
    ) -> Result<Done, Reverted> {
        let mut done = Done::default();
        for action in intents.iter().flat_map(|intent| &intent.actions) {
            self.carry_out_one(account, action, balances, &mut done)?;
        }
        Ok(done)
    }

    fn carry_out_one(
        &self,
        account: AccountId,
        action: &Action,
        balances: &mut [AccountReading],
        done: &mut Done,
    ) -> Result<(), Reverted> {
        let from = account.index();
        match *action {
            Action::Approve { .. } => Ok(()),
            Action::Transfer { asset, to, amount } => {
                take(balances, from, asset, amount)?;
                match self.terms.account_at(to) {
                    Some(receiver) => give(balances, receiver.index(), asset, amount),
                    None => {
                        done.paid_usd += dollars(self.value(asset, amount)?);
                        Ok(())
                    }
                }
            }
            Action::Swap { sell, buy, fee_pips, amount_in, amount_out_min, .. } => {
                let given = self.value(sell, amount_in)?;
                let (fee, slippage) = (self.costs.fee_pips(fee_pips), self.costs.slippage_pips());
                let unit = self.terms.asset(buy).ok_or(Reverted::Range)?.unit();
                let price = self.price(buy)?.0;
                let is_stable = |asset: AssetId| self.terms.asset(asset).is_some_and(|it| it.kind == AssetKind::Stable);
                let on_top = self.costs.targets == Targets::BeforeCosts && is_stable(sell) && !is_stable(buy);
                let (spent, kept) = if on_top {
                    let dearer = part(part(amount_in.0, PIPS_ONE + u128::from(slippage))?, PIPS_ONE + u128::from(fee))?;
                    // Where cash does not suffice, as much as it pays for.
                    let held = balances.get(from).and_then(|row| row.balances.get(sell.index())).map_or(0, |it| it.0);
                    match dearer <= held {
                        true => (Amount(dearer), given),
                        false => (Amount(held), mul_div(given, held, dearer).ok_or(Reverted::Range)?),
                    }
                } else {
                    (amount_in, part(part(given, less(slippage))?, less(fee))?)
                };
                take(balances, from, sell, spent)?;
                let out = mul_div(kept, unit, price).ok_or(Reverted::Range)?;
                if out < amount_out_min.0 {
                    return Err(Reverted::TooLittle { found: out, least: amount_out_min.0 });
                }
                give(balances, from, buy, Amount(out))?;
                let moved = if on_top { kept } else { given };
                let lost = dollars(self.value(sell, spent)?) - dollars(kept);
                let slipped = dollars(moved) * slippage as f64 / PIPS_ONE as f64;
                done.traded_usd += dollars(moved);
                done.slippage_usd += slipped;
                done.fees_usd += lost - slipped;
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
        let Some(ether) = self.ether() else { return };
        let actions = intents.iter().map(|intent| intent.actions.len()).sum();
        // From the data where it says so, or as assumed.
        let gwei = self.market.panel.gas(self.bar).unwrap_or_else(|| u128::from(self.costs.gas_gwei) * WAD);
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
        done.gas_usd += dollars(mul_div(paid, price.0, unit).unwrap_or_default());
    }

    /// The price of what gas is paid in; see [`Market::gas_column`].
    fn ether(&self) -> Option<Price> {
        let column = self.market.gas_column()?;
        let source = Source::Data(column);
        match self.market.sources.iter().position(|known| *known == source) {
            Some(asset) => self.market.price(self.bar, asset, self.through),
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
