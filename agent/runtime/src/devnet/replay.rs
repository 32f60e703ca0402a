//! Replays real prices: at each day's close every feed answers the new price and every pool stands at it.

use super::{
    ChainError, Devnet, DevnetError,
    dao::{DaoAsset, DaoPool},
    market::{self, Side, feed_answer},
};
use alloy::{
    primitives::{Address, U160, U256},
    rpc::types::TransactionRequest,
    sol_types::SolCall,
};
use quaestor_contracts::bindings::{ISwapRouter, IUniswapV3Pool, ReplayFeed, replay_feed::ReplayFeed::Round};
use quaestor_core::Price;

/// What a trade may give at most: no pool takes it, the price limit ends the trade before.
const TRADE_IN: u128 = u128::MAX >> 8;
/// Gas of a feed's round or a trade; a block holds those of a dozen assets.
const REPLAY_GAS: u64 = 1_000_000;

/// The closing prices of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayDay {
    /// When it closed, Unix seconds.
    pub timestamp: u64,
    /// Price of each asset by its symbol.
    pub prices: Vec<(String, Price)>,
}

/// What the feed of `symbol` answers on this day.
pub(super) fn answer_of(symbol: &str, day: &ReplayDay) -> Result<u128, DevnetError> {
    let price = day.prices.iter().find(|(name, _)| name == symbol).map(|(_, price)| feed_answer(*price));
    let missing = || DevnetError::NoPrice { symbol: symbol.to_owned(), timestamp: day.timestamp };
    price.filter(|answer| *answer > 0).ok_or_else(missing)
}

/// The rounds of the feed of `symbol`, which must rise in time.
pub(super) fn rounds_of(symbol: &str, days: &[ReplayDay]) -> Result<Vec<Round>, DevnetError> {
    let mut rounds = Vec::with_capacity(days.len());
    let mut now = 0;
    for day in days {
        if day.timestamp <= now {
            return Err(DevnetError::Past { timestamp: day.timestamp, now });
        }
        now = day.timestamp;
        rounds.push(round(answer_of(symbol, day)?, day.timestamp)?);
    }
    Ok(rounds)
}

fn round(answer: u128, timestamp: u64) -> Result<Round, DevnetError> {
    let answer = answer.try_into().map_err(|_| DevnetError::Options { reason: "a price does not fit into a feed" })?;
    Ok(Round { answer, updatedAt: timestamp })
}

impl Devnet {
    /// Replays days after the chain's time, oldest first: one block a day, at its time, with a round of every feed
    /// and a trade in every pool that ends at the feeds' price.
    ///
    /// # Errors
    /// If a day lacks a price or lies in the past, or the chain does not answer.
    pub async fn replay(&self, days: &[ReplayDay]) -> Result<(), DevnetError> {
        for day in days {
            let now = self.chain.now().await?;
            if day.timestamp <= now {
                return Err(DevnetError::Past { timestamp: day.timestamp, now });
            }
            self.set_prices(day).await?;
        }
        Ok(())
    }

    /// One block at this time in which feeds and pools take these prices.
    async fn set_prices(&self, day: &ReplayDay) -> Result<(), DevnetError> {
        let market = self.dao.people.market.address();
        let mut calls = Vec::new();
        for asset in &self.dao.assets {
            let Round { answer, updatedAt } = round(answer_of(&asset.symbol, day)?, day.timestamp)?;
            calls.push((asset.feed, ReplayFeed::pushCall { answer, updatedAt }.abi_encode()));
        }
        calls.extend(self.trades_to(day).await?);
        let txs = calls.into_iter().map(|(to, data)| {
            TransactionRequest::default().from(market).to(to).input(data.into()).gas_limit(REPLAY_GAS)
        });
        Ok(self.chain.one_block(Some(day.timestamp), "a day's prices", txs.collect()).await?)
    }

    /// One block at the time of `moment` in which the pools alone take its prices: between two answers of the feeds markets
    /// move too. No block if they stand there.
    ///
    /// # Errors
    /// If a price is missing, its time has passed, or the chain does not answer.
    pub async fn move_pools(&self, moment: &ReplayDay) -> Result<(), DevnetError> {
        let market = self.dao.people.market.address();
        let trades = self.trades_to(moment).await?.into_iter();
        let txs: Vec<_> = trades
            .map(|(to, data)| {
                TransactionRequest::default().from(market).to(to).input(data.into()).gas_limit(REPLAY_GAS)
            })
            .collect();
        if txs.is_empty() {
            return Ok(());
        }
        Ok(self.chain.one_block(Some(moment.timestamp), "pools at their prices", txs).await?)
    }

    /// The swaps that move all pools to these prices.
    async fn trades_to(&self, day: &ReplayDay) -> Result<Vec<(Address, Vec<u8>)>, DevnetError> {
        let mut trades = Vec::new();
        for pool in &self.dao.pools {
            if let Some(trade) = self.trade_to(pool, day).await? {
                trades.push((self.dao.uniswap.router, trade.abi_encode()));
            }
        }
        Ok(trades)
    }

    /// The swap that moves a pool to the day's price; `None` if it stands there.
    async fn trade_to(
        &self,
        pool: &DaoPool,
        day: &ReplayDay,
    ) -> Result<Option<ISwapRouter::exactInputSingleCall>, DevnetError> {
        let (token0, token1) = self.sides(pool)?;
        let side = |asset: &DaoAsset| {
            Ok::<_, DevnetError>(Side { answer: answer_of(&asset.symbol, day)?, decimals: asset.decimals })
        };
        let target = market::sqrt_price_x96(side(token0)?, side(token1)?)
            .ok_or(DevnetError::Options { reason: "a price does not fit into a pool" })?;
        let current = self.sqrt_price(pool).await?;
        if target == current {
            return Ok(None);
        }
        // Selling token0 lowers the price.
        let (token_in, token_out) = if target < current { (token0, token1) } else { (token1, token0) };
        let params = ISwapRouter::ExactInputSingleParams {
            tokenIn: token_in.address,
            tokenOut: token_out.address,
            fee: market::fee(self.dao.uniswap.fee_pips).unwrap_or_default(),
            recipient: self.dao.people.market.address(),
            deadline: U256::from(day.timestamp),
            amountIn: U256::from(TRADE_IN),
            amountOutMinimum: U256::ZERO,
            sqrtPriceLimitX96: target,
        };
        Ok(Some(ISwapRouter::exactInputSingleCall { params }))
    }

    /// Price of one whole base asset in whole quote assets in a pool, in wad.
    ///
    /// # Errors
    /// If the chain does not answer or the price does not fit.
    pub async fn pool_price(&self, pool: &DaoPool) -> Result<Price, DevnetError> {
        let (token0, token1) = self.sides(pool)?;
        let root = self.sqrt_price(pool).await?;
        let wrong = || ChainError::Answer { what: "slot0".to_owned(), reason: format!("sqrtPriceX96 {root}") };
        let price = market::pool_price(root, token0.decimals, token1.decimals).ok_or_else(wrong)?;
        let base = self.dao.assets.get(pool.base).map(|asset| asset.address);
        if base == Some(token0.address) {
            return Ok(price);
        }
        let inverse = (quaestor_core::amount::WAD * quaestor_core::amount::WAD).checked_div(price.0);
        Ok(Price(inverse.ok_or_else(wrong)?))
    }

    /// The assets of a pool in the order of their addresses, as Uniswap has them.
    fn sides(&self, pool: &DaoPool) -> Result<(&DaoAsset, &DaoAsset), DevnetError> {
        let find = |position: usize| {
            let missing = DevnetError::Missing { contract: pool.address, what: "asset of that position" };
            self.dao.assets.get(position).ok_or(missing)
        };
        let (base, quote) = (find(pool.base)?, find(pool.quote)?);
        Ok(if base.address < quote.address { (base, quote) } else { (quote, base) })
    }

    async fn sqrt_price(&self, pool: &DaoPool) -> Result<U160, DevnetError> {
        Ok(self.chain.read(pool.address, &IUniswapV3Pool::slot0Call {}).await?.sqrtPriceX96)
    }
}
