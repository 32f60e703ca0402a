//! A panel as a policy sees it: a column for each of its assets, rounds of feeds, rates of vaults.

use crate::{Panel, assumptions::Checked};
use quaestor_core::{
    Amount, AssetId, AssetKind, Price, Terms,
    amount::{WAD, mul_div},
    snapshot::Round,
};

/// Seconds of a year of 365 days.
const YEAR_SECS: f64 = 31_536_000.0;
/// A block each twelve seconds, as on Ethereum mainnet.
pub const BLOCK_SECS: u64 = 12;

/// Where the prices of an asset come from; told in every report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A column of the data.
    Data(usize),
    /// A constant that was assumed.
    Constant(Price),
    /// The shares of a vault: the asset at this place, at a rate that grows by so much a year.
    Shares {
        /// Place of the vault's asset in the policy.
        asset: usize,
        /// bps a year, compounded.
        yield_bps: i64,
    },
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
    #[error("what vault `{venue}` earns is not in the data; assume it (`yields.{venue} = 300`, bps a year)")]
    NoYield {
        /// The vault.
        venue: String,
    },
    /// Too few bars.
    #[error("there are {found} bars, and a run needs two: one to decide and one to act")]
    TooShort {
        /// Bars found.
        found: usize,
    },
}

/// Prices in the order of a policy's assets.
#[derive(Debug)]
pub struct Market<'a> {
    /// The data.
    pub panel: &'a Panel,
    /// Of each asset.
    pub sources: Vec<Source>,
    /// Of each asset the rounds that its feeds show, one a bar; empty for shares of a vault.
    pub rounds: Vec<Vec<Round>>,
    /// Of each asset that is the shares of a vault, base units of its asset for one whole share at the end of each bar.
    pub rates: Vec<Vec<Amount>>,
    /// Marks at the end of each bar, dollars, bar by bar.
    marks: Vec<f64>,
    units: Vec<u128>,
}

/// The name of a wrapped token without its `W`.
fn unwrapped(symbol: &str) -> Option<&str> {
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
                    let yield_bps = assumed.yields_bps[venue]
                        .ok_or_else(|| MarketError::NoYield { venue: terms.venues[venue].name.clone() })?;
                    Source::Shares { asset: vault.asset.index(), yield_bps }
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
        let units = terms.assets.iter().map(quaestor_core::Asset::unit).collect();
        let mut market = Self { panel, sources, rounds: Vec::new(), rates: Vec::new(), marks: Vec::new(), units };
        market.fill(terms);
        Ok(market)
    }

    fn fill(&mut self, terms: &Terms) {
        let ends = self.panel.ends();
        for (index, source) in self.sources.iter().enumerate() {
            let round = |(bar, at): (usize, &u64)| Round { price: self.close(bar, index), updated_at: *at };
            let (mut rounds, mut rates) = (Vec::new(), Vec::new());
            match source {
                Source::Data(_) | Source::Constant(_) => rounds = ends.iter().enumerate().map(round).collect(),
                Source::Shares { asset, yield_bps } => {
                    let whole = terms.assets[*asset].unit() as f64;
                    let yearly = libm::log1p(*yield_bps as f64 / 10_000.0);
                    let since = |at: u64| (at - ends[0]) as f64 / YEAR_SECS;
                    // Below 2^53 for every token of up to fifteen decimals; beyond, rounding is far below a price's own.
                    rates = ends.iter().map(|at| Amount((whole * libm::exp(yearly * since(*at))) as u128)).collect();
                }
            }
            self.rounds.push(rounds);
            self.rates.push(rates);
        }
        let width = self.sources.len();
        self.marks = vec![0.0; ends.len() * width];
        for bar in 0..ends.len() {
            for index in 0..width {
                let price = self.price(bar, index, BAR_WHOLE).map_or(0.0, |price| price.0 as f64 / WAD as f64);
                self.marks[bar * width + index] = price;
            }
        }
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

    /// Marks at the end of `bar`, dollars for a whole token of each asset.
    pub fn marks(&self, bar: usize) -> &[f64] {
        &self.marks[bar * self.width()..(bar + 1) * self.width()]
    }

    fn close(&self, bar: usize, asset: usize) -> Option<Price> {
        match self.sources[asset] {
            Source::Data(column) => Some(self.panel.close(bar, column)),
            Source::Constant(price) => Some(price),
            Source::Shares { .. } => None,
        }
    }

    /// The price of an asset when `through` millionths of `bar` have passed: on the straight line from open to close.
    /// Where the price went between the two nobody can say.
    pub fn price(&self, bar: usize, asset: usize, through: u64) -> Option<Price> {
        match self.sources[asset] {
            Source::Constant(price) => Some(price),
            Source::Data(column) => {
                let (open, close) = (self.panel.open(bar, column), self.panel.close(bar, column));
                let moved = mul_div(open.0.abs_diff(close.0), through.min(BAR_WHOLE).into(), BAR_WHOLE.into())?;
                Some(Price(if close >= open { open.0 + moved } else { open.0 - moved }))
            }
            Source::Shares { asset: of, .. } => {
                let rate = self.rates.get(asset)?.get(bar)?;
                mul_div(self.price(bar, of, through)?.0, rate.0, self.units[of]).map(Price)
            }
        }
    }
}

/// The whole of a bar, in millionths.
pub const BAR_WHOLE: u64 = 1_000_000;
