//! Prices that may be used, and what the treasury is worth at them.

mod twap;

pub use twap::{TICK_MAX, Twap, TwapReading, tick_of};

use crate::{
    Account, AccountId, Amount, Asset, AssetId, Price, Terms, Value, Vault,
    amount::mul_div,
    policy::OnDisagreement,
    snapshot::{FeedReading, Snapshot},
};
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// Why a feed's answer was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// It could not be read, or is not what the policy says that it is.
    Unread,
    /// What it is quoted in has no price.
    Unquoted,
    /// It was zero, negative or above 128 bits.
    NonPositive,
    /// Its time lies after the snapshot.
    Future,
    /// It is older than the policy allows.
    Stale,
    /// It differs from the median by more than the policy allows.
    Deviating,
}

/// The price of one asset, and what was left out of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AssetPrice {
    /// Median of the usable feeds and pools; `None` below the quorum.
    pub price: Option<Price>,
    /// How many of these were usable.
    pub usable: u64,
    /// What was left out, and why.
    pub dropped: Vec<(Address, Dropped)>,
}

/// Prices of all assets, in the policy's order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prices(pub Vec<AssetPrice>);

impl Prices {
    /// The prices that the policy lets a snapshot have.
    pub fn resolve(terms: &Terms, snapshot: &Snapshot) -> Self {
        let mut prices = Self::default();
        prices.resolve_again(terms, snapshot);
        prices
    }

    /// The same in the room of `self`.
    pub fn resolve_again(&mut self, terms: &Terms, snapshot: &Snapshot) {
        let now = snapshot.block.timestamp;
        let Self(prices) = self;
        prices.resize_with(terms.assets.len().min(snapshot.assets.len()), AssetPrice::default);
        let age_max = |asset: &Asset| asset.staleness_secs_max.min(terms.limits.price_age_secs_max);
        for ((asset, reading), found) in terms.assets.iter().zip(&snapshot.assets).zip(&mut *prices) {
            found.resolve(&reading.feeds, &[], now, age_max(asset), terms);
        }
        if !terms.twaps.is_empty() {
            resolve_pools(terms, snapshot, prices, age_max);
        }
        for vault in terms.vaults() {
            let share = share_price(terms, snapshot, prices, vault);
            if let Some(slot) = prices.get_mut(vault.shares.index()) {
                *slot = share.unwrap_or_default();
            }
        }
    }

    /// The price of `asset`, if it has one.
    #[inline]
    pub fn of(&self, asset: AssetId) -> Option<Price> {
        self.0.get(asset.index()).and_then(|found| found.price)
    }
}

/// Prices of the assets that have pools, for which feeds alone have priced what they are quoted in.
fn resolve_pools(terms: &Terms, snapshot: &Snapshot, prices: &mut [AssetPrice], age_max: impl Fn(&Asset) -> u64) {
    let answer = |(twap, reading): (&Twap, &TwapReading)| {
        let quote = prices.get(twap.quote.index()).and_then(|found| found.price);
        (twap.asset, (reading.pool, reading.price(terms, twap, quote)))
    };
    let answers: Vec<(AssetId, Answer)> = terms.twaps.iter().zip(&snapshot.twaps).map(answer).collect();
    let places = terms.assets.iter().zip(&snapshot.assets).zip(&mut *prices).enumerate();
    for (place, ((asset, reading), found)) in places {
        let own = answers.iter().filter(|(asset, _)| asset.index() == place);
        let pools: Vec<Answer> = own.map(|(_, answer)| *answer).collect();
        if !pools.is_empty() {
            found.resolve(&reading.feeds, &pools, snapshot.block.timestamp, age_max(asset), terms);
        }
    }
}

/// What a source says, or why it is not used.
type Answer = (Address, Result<Price, Dropped>);

/// One whole share at the price of the vault's asset, rounded down. It has as many sources as the asset has: the vault
/// itself is the authority on its rate. `None` without a rate, or where a share is worth less than can be said.
fn share_price(terms: &Terms, snapshot: &Snapshot, prices: &[AssetPrice], vault: Vault) -> Option<AssetPrice> {
    let rate = snapshot.assets.get(vault.shares.index())?.rate?.now?;
    let of_asset = prices.get(vault.asset.index())?;
    let price = mul_div(of_asset.price?.0, rate.0, terms.asset(vault.asset)?.unit())?;
    let price = Some(Price(price)).filter(|price| !price.is_zero())?;
    Some(AssetPrice { price: Some(price), usable: of_asset.usable, dropped: Vec::new() })
}

impl AssetPrice {
    fn resolve(&mut self, feeds: &[FeedReading], pools: &[Answer], now: u64, age_secs_max: u64, terms: &Terms) {
        self.dropped.clear();
        // Of a single answer there is nothing to sort and nothing that it could deviate from.
        if let ([reading], []) = (feeds, pools)
            && let Ok(price) = usable_answer(reading, now, age_secs_max)
        {
            self.price = (terms.limits.price_quorum_min <= 1).then_some(price);
            self.usable = 1;
            return;
        }
        let mut usable: Vec<(Price, Address)> = Vec::with_capacity(feeds.len() + pools.len());
        let answers = feeds.iter().map(|reading| (reading.feed, usable_answer(reading, now, age_secs_max)));
        for (source, answer) in answers.chain(pools.iter().copied()) {
            match answer {
                Ok(price) => usable.push((price, source)),
                Err(reason) => self.dropped.push((source, reason)),
            }
        }
        if let Some(median) = median(&mut usable) {
            usable.retain(|(price, feed)| {
                let near = deviation_bps(*price, median) <= terms.limits.price_deviation_bps_max;
                if !near {
                    self.dropped.push((*feed, Dropped::Deviating));
                }
                near
            });
        }
        let is_split = self.dropped.iter().any(|(_, why)| *why == Dropped::Deviating);
        if is_split && terms.on_disagreement == OnDisagreement::Hold {
            (self.usable, self.price) = (0, None);
            return;
        }
        self.usable = u64::try_from(usable.len()).unwrap_or(u64::MAX);
        let has_quorum = self.usable >= terms.limits.price_quorum_min.max(1);
        self.price = if has_quorum { median(&mut usable) } else { None };
    }
}

fn usable_answer(reading: &FeedReading, now: u64, age_secs_max: u64) -> Result<Price, Dropped> {
    let latest = reading.rounds.last().ok_or(Dropped::Unread)?;
    let price = latest.price.filter(|price| !price.is_zero()).ok_or(Dropped::NonPositive)?;
    let age_secs = now.checked_sub(latest.updated_at).ok_or(Dropped::Future)?;
    if age_secs > age_secs_max { Err(Dropped::Stale) } else { Ok(price) }
}

/// The middle price, or the mean of the two middle ones rounded down.
fn median(prices: &mut [(Price, Address)]) -> Option<Price> {
    prices.sort_unstable();
    let middle = prices.len() / 2;
    let (upper, _) = prices.get(middle)?;
    if prices.len() % 2 == 1 {
        return Some(*upper);
    }
    let (lower, _) = prices.get(middle.checked_sub(1)?)?;
    Some(Price(lower.0 / 2 + upper.0 / 2 + (lower.0 % 2 + upper.0 % 2) / 2))
}

/// How far `price` lies from `median`, bps rounded up: a cap of 100 does not let 100.5 through.
fn deviation_bps(price: Price, median: Price) -> u64 {
    Value(price.0.abs_diff(median.0)).bps_of_ceil(Value(median.0)).unwrap_or(u64::MAX)
}

/// What the treasury holds and is worth, summed over its accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Valuation {
    /// Net asset value.
    pub nav: Value,
    /// Total amount of each asset.
    pub amounts: Vec<Amount>,
    /// Total value of each asset.
    pub values: Vec<Value>,
    /// Total value of the stable assets.
    pub stable: Value,
}

impl Valuation {
    /// Values `snapshot` at `prices`, reusing the room of `self`. `None` when a held asset has no price, a reading is
    /// missing, or a sum does not fit: unknown is unsafe.
    pub fn fill(&mut self, terms: &Terms, snapshot: &Snapshot, prices: &Prices) -> Option<()> {
        (self.nav, self.stable) = (Value::ZERO, Value::ZERO);
        let (mut nav, mut stable) = (Value::ZERO, Value::ZERO);
        let assets = &terms.assets;
        self.amounts.clear();
        self.amounts.resize(assets.len(), Amount::ZERO);
        self.values.resize(assets.len(), Value::ZERO);
        for account in &snapshot.accounts {
            let balances = account.balances.get(..assets.len())?;
            for (amount, balance) in self.amounts.iter_mut().zip(balances) {
                *amount = amount.checked_add(*balance)?;
            }
        }
        for (position, ((asset, amount), slot)) in assets.iter().zip(&self.amounts).zip(&mut self.values).enumerate() {
            let value = if amount.is_zero() {
                Value::ZERO
            } else {
                amount.value_at(prices.0.get(position)?.price?, asset.unit())?
            };
            nav = nav.checked_add(value)?;
            if asset.kind == crate::AssetKind::Stable {
                stable = stable.checked_add(value)?;
            }
            *slot = value;
        }
        (self.nav, self.stable) = (nav, stable);
        Some(())
    }

    /// Total value of `asset`.
    #[inline]
    pub fn value_of(&self, asset: AssetId) -> Value {
        self.values.get(asset.index()).copied().unwrap_or(Value::ZERO)
    }

    /// The share of NAV of each asset in bps, rounded down.
    pub fn weights_bps(&self) -> Vec<u64> {
        self.values.iter().map(|value| value.bps_of(self.nav).unwrap_or(0)).collect()
    }
}

/// What `account` holds of `asset`, as the snapshot says; zero when it does not say.
#[inline]
pub fn balance(snapshot: &Snapshot, account: AccountId, asset: AssetId) -> Amount {
    let reading = snapshot.accounts.get(account.index());
    reading.and_then(|found| found.balances.get(asset.index())).copied().unwrap_or(Amount::ZERO)
}

/// Whether `address` is one of the treasury's own accounts.
pub fn is_own(accounts: &[Account], address: Address) -> bool {
    accounts.iter().any(|account| account.address == address)
}

#[cfg(test)]
mod tests;
