//! A panel as a policy sees it: a column for each of its assets, rounds of feeds, rates of vaults.

use crate::{Panel, assumptions::Checked, data::RAY, depth::Depth};
use quaestor_core::{
    Amount, AssetId, AssetKind, Price, Terms,
    amount::{WAD, mul_div},
    policy::RiskTerms,
    snapshot::Round,
};

/// Seconds of a year of 365 days.
const YEAR_SECS: f64 = 31_536_000.0;
/// A block each twelve seconds, as on Ethereum mainnet.
pub const BLOCK_SECS: u64 = 12;

/// Bars between two rounds that a snapshot shows, of bars of this length: to the nearest, as on chain.
pub fn round_bars(risk: &RiskTerms, step_secs: u64) -> usize {
    let step_secs = step_secs.max(1);
    usize::try_from((risk.history_step_secs + step_secs / 2) / step_secs).unwrap_or(usize::MAX).max(1)
}

/// Bars of the past that a snapshot's rounds reach back to.
pub fn history_bars(risk: &RiskTerms, step_secs: u64) -> usize {
    usize::from(risk.history_rounds).max(1).saturating_mul(round_bars(risk, step_secs))
}

/// Names of ether in the data.
pub const ETHER: [&str; 2] = ["ETH", "WETH"];

/// Where the prices of an asset come from; told in every report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A column of the data.
    Data(usize),
    /// A constant that was assumed.
    Constant(Price),
    /// The shares of a vault: the asset at this place, at a rate that grows.
    Shares {
        /// Place of the vault's asset in the policy.
        asset: usize,
        /// By what.
        earns: Earns,
    },
}

/// What the shares of a vault earn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earns {
    /// What an index of the data grew by; its name.
    Index(String),
    /// So many bps a year throughout, compounded, as was assumed.
    Yearly(i64),
}

/// An asset that nothing prices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    /// The data has no such column.
    #[error(
        "the data has no prices of `{symbol}`, only of {known}; say under which name it has them (`names.{symbol}`), or \
         assume a constant price (`prices.{symbol} = \"1\"`)"
    )]
    NoPrices {
        /// The asset.
        symbol: String,
        /// What the data has.
        known: String,
    },
    /// A vault without an assumed yield.
    #[error(
        "what vault `{venue}` earns is not in the data; give an index called `{shares}` that covers the whole run, or assume \
         it (`yields.{venue} = 300`, bps a year)"
    )]
    NoYield {
        /// The vault.
        venue: String,
        /// Its shares.
        shares: String,
    },
    /// Too few bars.
    #[error("there are {found} bars, and a run needs two: one to decide and one to act")]
    TooShort {
        /// Bars found.
        found: usize,
    },
}

/// By what a swap moves the price of an asset; told in every report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// By nothing: it is taken to be deep.
    Deep,
    /// By the liquidity of the data.
    Data {
        /// Its column.
        column: usize,
        /// What was assumed, for prices that have none beside them because they are made up.
        otherwise: Option<Depth>,
    },
    /// By a depth that was assumed.
    Assumed(Depth),
}

/// Prices in the order of a policy's assets. It borrows the panel, which many runs share.
#[derive(Debug)]
pub struct Market<'a> {
    /// The data.
    pub panel: &'a Panel,
    /// Of each asset.
    pub sources: Vec<Source>,
    /// Of each asset that is the shares of a vault, base units of its asset for one whole share at the end of each bar.
    pub rates: Vec<Vec<Amount>>,
    /// Of each asset.
    pub pools: Vec<Pool>,
    units: Vec<u128>,
    has_depths: bool,
}

/// What a market is beside its prices: the same for every panel with the same names and times.
#[derive(Debug, Clone)]
pub struct Listing {
    sources: Vec<Source>,
    rates: Vec<Vec<Amount>>,
    pools: Vec<Pool>,
    units: Vec<u128>,
    has_depths: bool,
}

impl Listing {
    /// With the prices of `panel`, which has the names and times of the panel that this comes from.
    pub fn on(self, panel: &Panel) -> Market<'_> {
        let Self { sources, rates, pools, units, has_depths } = self;
        Market { panel, sources, rates, pools, units, has_depths }
    }
}

/// The name of what a wrapped token wraps, by its leading `W`: `ETH` of `WETH`.
pub fn unwrapped(symbol: &str) -> Option<&str> {
    symbol.strip_prefix('W').filter(|rest| rest.len() >= 2)
}

impl<'a> Market<'a> {
    /// Of a panel and the assets of a policy.
    ///
    /// # Errors
    /// If an asset has no prices or a vault no yield.
    pub fn new(panel: &'a Panel, terms: &Terms, assumed: &Checked) -> Result<Self, MarketError> {
        if panel.len() < 2 {
            return Err(MarketError::TooShort { found: panel.len() });
        }
        let mut sources = Vec::with_capacity(terms.assets.len());
        for (index, asset) in terms.assets.iter().enumerate() {
            let named = assumed.names[index].as_deref();
            let column = match named {
                Some(name) => panel.column(name),
                None => panel.column(&asset.symbol).or_else(|| panel.column(unwrapped(&asset.symbol)?)),
            };
            let vault = u16::try_from(index).ok().and_then(|index| terms.vault_of(AssetId(index)));
            sources.push(match (vault, assumed.prices[index], column) {
                (Some(vault), _, _) => {
                    let venue = vault.venue.index();
                    let (venue_name, shares) = (&terms.venues[venue].name, &asset.symbol);
                    let index = [named, Some(shares), Some(venue_name)].into_iter().flatten();
                    let earns =
                        match (index.clone().find(|name| panel.index(name).is_some()), assumed.yields_bps[venue]) {
                            (Some(name), _) => Earns::Index(name.to_owned()),
                            (None, Some(bps)) => Earns::Yearly(bps),
                            (None, None) => {
                                let (venue, shares) = (venue_name.clone(), shares.clone());
                                return Err(MarketError::NoYield { venue, shares });
                            }
                        };
                    Source::Shares { asset: vault.asset.index(), earns }
                }
                (None, Some(price), _) => Source::Constant(price),
                (None, None, Some(column)) => Source::Data(column),
                // What is meant to keep a dollar's worth is taken to, where the data says nothing; reports say so.
                (None, None, None) if asset.kind == AssetKind::Stable => Source::Constant(Price(WAD)),
                (None, None, None) => {
                    let known = panel.symbols().join(", ");
                    return Err(MarketError::NoPrices { symbol: asset.symbol.clone(), known });
                }
            });
        }
        let rates = sources.iter().map(|source| rates(panel, terms, source)).collect();
        let units = terms.assets.iter().map(quaestor_core::Asset::unit).collect();
        let pool = |(source, depth): (&Source, &Option<Depth>)| match (source, depth) {
            (Source::Data(column), depth) if panel.liquidity(0, *column).is_some() => {
                Pool::Data { column: *column, otherwise: *depth }
            }
            (_, Some(depth)) => Pool::Assumed(*depth),
            _ => Pool::Deep,
        };
        let pools: Vec<Pool> = sources.iter().zip(&assumed.depths).map(pool).collect();
        let has_depths = pools.iter().any(|pool| *pool != Pool::Deep);
        Ok(Self { panel, sources, rates, pools, units, has_depths })
    }

    /// Without its prices, to be used again with others.
    pub fn into_listing(self) -> Listing {
        let Self { sources, rates, pools, units, has_depths, .. } = self;
        Listing { sources, rates, pools, units, has_depths }
    }

    /// Assets.
    pub fn width(&self) -> usize {
        self.sources.len()
    }

    /// Bars.
    pub fn len(&self) -> usize {
        self.panel.len()
    }

    /// Whether there is no bar; there always are two.
    pub fn is_empty(&self) -> bool {
        self.panel.is_empty()
    }

    /// The mark of an asset at the end of `bar`, dollars for a whole token.
    #[inline]
    pub fn mark(&self, bar: usize, asset: usize) -> f64 {
        match self.sources[asset] {
            Source::Data(column) => self.panel.marks(bar)[column],
            _ => self.dollars(bar, asset, BAR_WHOLE),
        }
    }

    /// [`Self::price`] in dollars; zero where there is none.
    pub fn dollars(&self, bar: usize, asset: usize, through: u64) -> f64 {
        self.price(bar, asset, through).map_or(0.0, |price| price.0 as f64 / WAD as f64)
    }

    /// What the feeds of an asset show at the end of `bar`; nothing of shares of a vault.
    #[inline]
    pub fn round(&self, bar: usize, asset: usize) -> Option<Round> {
        let price = match self.sources[asset] {
            Source::Data(column) => self.panel.close(bar, column),
            Source::Constant(price) => price,
            Source::Shares { .. } => return None,
        };
        Some(Round { price: Some(price), updated_at: self.panel.ends()[bar] })
    }

    /// The column of what gas is paid in: ether, unless the data says otherwise. Without it gas costs nothing.
    pub fn gas_column(&self) -> Option<usize> {
        let token = self.panel.gas_token().filter(|token| !ETHER.contains(token));
        token.into_iter().chain(ETHER).find_map(|name| self.panel.column(name))
    }

    /// Whether a swap of any asset moves its price.
    #[inline]
    pub fn has_depths(&self) -> bool {
        self.has_depths
    }

    /// How deep the pool of an asset is at this price, as it was at the end of `bar`; `None` where it is taken to be deep.
    pub fn depth(&self, bar: usize, asset: usize, price: Price) -> Option<Depth> {
        match *self.pools.get(asset)? {
            Pool::Deep => None,
            Pool::Assumed(depth) => Some(depth),
            Pool::Data { column, otherwise } => match self.panel.liquidity(bar, column) {
                None => otherwise,
                Some((liquidity, decimals)) => Depth::of_pool(liquidity, price, decimals),
            },
        }
    }

    /// Whether any asset is the shares of a vault.
    pub fn has_vaults(&self) -> bool {
        self.rates.iter().any(|rates| !rates.is_empty())
    }

    /// The price of an asset when `through` millionths of `bar` have passed: on the straight line from open to close.
    /// Where the price went between the two nobody can say.
    pub fn price(&self, bar: usize, asset: usize, through: u64) -> Option<Price> {
        match self.sources[asset] {
            Source::Constant(price) => Some(price),
            Source::Data(column) if through == 0 => Some(self.panel.open(bar, column)),
            Source::Data(column) if through >= BAR_WHOLE => Some(self.panel.close(bar, column)),
            Source::Data(column) => {
                let (open, close) = (self.panel.open(bar, column), self.panel.close(bar, column));
                let moved = mul_div(open.0.abs_diff(close.0), through.into(), BAR_WHOLE.into())?;
                Some(Price(if close >= open { open.0 + moved } else { open.0 - moved }))
            }
            Source::Shares { asset: of, .. } => {
                let rate = self.rates.get(asset)?.get(bar)?;
                mul_div(self.price(bar, of, through)?.0, rate.0, self.units[of]).map(Price)
            }
        }
    }
}

/// Rates of a vault at the end of each bar; nothing of what is no vault's shares.
fn rates(panel: &Panel, terms: &Terms, source: &Source) -> Vec<Amount> {
    let Source::Shares { asset, earns } = source else { return Vec::new() };
    let unit = terms.assets[*asset].unit();
    match earns {
        Earns::Index(name) => {
            // As a vault says it: what one whole share is worth, rounded down to base units.
            let rate = |index: &u128| Amount(mul_div(unit, *index, RAY).unwrap_or_default());
            panel.index(name).unwrap_or_default().iter().map(rate).collect()
        }
        Earns::Yearly(bps) => {
            let (ends, whole) = (panel.ends(), unit as f64);
            let yearly = libm::log1p(*bps as f64 / 10_000.0);
            let since = |at: u64| (at - ends[0]) as f64 / YEAR_SECS;
            // Below 2^53 for every token of up to fifteen decimals; beyond, rounding is far below a price's own.
            ends.iter().map(|at| Amount((whole * libm::exp(yearly * since(*at))) as u128)).collect()
        }
    }
}

/// The whole of a bar, in millionths.
pub const BAR_WHOLE: u64 = 1_000_000;
