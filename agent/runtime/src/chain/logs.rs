//! Events in ranges that a node serves, and when each came to be.

use super::{Chain, ChainError};
use alloy::{
    primitives::B256,
    providers::Provider,
    rpc::types::{Filter, Log},
};
use quaestor_core::BlockRef;
use std::collections::BTreeMap;

/// Most events of one search.
const LOGS_MAX: usize = 250_000;
/// Most blocks whose time is kept because a node leaves it out of its logs.
const TIMES_MAX: usize = 4_096;

impl Chain {
    /// The events of `filter` in the blocks from `first` to `last`, in the order of the chain.
    ///
    /// # Errors
    /// If the node does not serve a range, or there are more than a quarter of a million events.
    pub async fn logs(&self, filter: &Filter, first: u64, last: u64) -> Result<Vec<Log>, ChainError> {
        let (mut all, mut from) = (Vec::new(), first);
        while from <= last {
            let to = last.min(from.saturating_add(self.logs_range_blocks() - 1));
            let range = filter.clone().from_block(from).to_block(to);
            let mut logs = self.provider().get_logs(&range).await.map_err(self.failed("eth_getLogs"))?;
            logs.sort_by_key(|log| (log.block_number, log.log_index));
            all.extend(logs);
            if all.len() > LOGS_MAX {
                return Err(ChainError::TooManyEvents { first, last: to });
            }
            from = to + 1;
        }
        Ok(all)
    }
}

/// The blocks of events, with their times.
#[derive(Debug, Default)]
pub struct Times {
    /// By height and hash: another block may come to stand at a height.
    kept: BTreeMap<(u64, B256), u64>,
}

impl Times {
    /// The block of `log`.
    ///
    /// # Errors
    /// If the log names none, or the node does not know it.
    pub async fn block(&mut self, chain: &Chain, log: &Log) -> Result<BlockRef, ChainError> {
        let missing = ChainError::Malformed { address: log.address(), what: "a log without its block" };
        let (Some(number), Some(hash)) = (log.block_number, log.block_hash) else { return Err(missing) };
        if let Some(timestamp) = log.block_timestamp.or_else(|| self.kept.get(&(number, hash)).copied()) {
            return Ok(BlockRef { number, hash, timestamp });
        }
        let block = chain.block_of_hash(hash).await?;
        let block = block.ok_or_else(|| ChainError::NoBlock { block: hash.to_string() })?;
        if self.kept.len() >= TIMES_MAX {
            self.kept.pop_first();
        }
        self.kept.insert((number, hash), block.timestamp);
        Ok(BlockRef { number, hash, timestamp: block.timestamp })
    }
}
