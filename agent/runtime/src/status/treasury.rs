//! What the treasury holds, and its shares against the bands.

use alloy::primitives::Address;
use quaestor_core::{
    Amount, Asset, Price, Snapshot, Terms, Value,
    policy::Band,
    valuation::{Prices, Valuation},
};
use serde::Serialize;

/// The treasury at one block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreasuryNow {
    /// Net asset value; `None` when a held asset has no usable price.
    pub nav: Option<Value>,
    /// Assets, in the policy's order.
    pub assets: Vec<AssetNow>,
    /// Accounts, in the policy's order.
    pub accounts: Vec<AccountNow>,
}

/// An asset, over all accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetNow {
    /// Its symbol.
    pub symbol: String,
    /// Its decimal places.
    pub decimals: u8,
    /// The price that the policy lets it have.
    pub price: Option<Price>,
    /// Total amount, base units; `None` beyond 128 bits.
    pub amount: Option<Amount>,
    /// Share of NAV, bps.
    pub weight_bps: Option<u64>,
    /// Its band.
    pub band: Option<Band>,
    /// Whether its share is within its band; `None` without a band or a share.
    pub is_in_band: Option<bool>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountNow {
    /// Its name in the policy.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// Balances in the order of the assets, base units.
    pub balances: Vec<Amount>,
}

impl TreasuryNow {
    /// The treasury of `snapshot` under `terms`.
    pub(super) fn of(terms: &Terms, snapshot: &Snapshot) -> Self {
        let prices = Prices::resolve(terms, snapshot);
        let mut valuation = Valuation::default();
        let valued = valuation.fill(terms, snapshot, &prices);
        let weights = valued.map(|()| valuation.weights_bps()).unwrap_or_default();
        let asset = |(position, asset): (usize, &Asset)| {
            let mut balances = snapshot.accounts.iter().filter_map(|account| account.balances.get(position));
            let band = terms.bands.iter().find(|band| band.asset.index() == position).copied();
            let weight_bps = weights.get(position).copied();
            AssetNow {
                symbol: asset.symbol.clone(),
                decimals: asset.decimals,
                price: prices.0.get(position).and_then(|price| price.price),
                amount: balances.try_fold(Amount::ZERO, |sum, balance| sum.checked_add(*balance)),
                weight_bps,
                band,
                is_in_band: band.zip(weight_bps).map(|(band, bps)| (band.min_bps..=band.max_bps).contains(&bps)),
            }
        };
        let accounts = terms.accounts.iter().zip(&snapshot.accounts).map(|(account, reading)| AccountNow {
            name: account.name.clone(),
            address: account.address,
            balances: reading.balances.clone(),
        });
        Self {
            nav: valued.map(|()| valuation.nav),
            assets: terms.assets.iter().enumerate().map(asset).collect(),
            accounts: accounts.collect(),
        }
    }
}
