//! The local chain, and a client for its unlocked accounts.

use super::{
    keeper::{Keeper, START_MAX},
    packages::{Packages, PackagesError},
};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::{DynProvider, Provider, ProviderBuilder, ext::AnvilApi},
    rpc::types::{BlockNumberOrTag, TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
    transports::{RpcError, TransportErrorKind, http::reqwest::Url},
};
use quaestor_core::Call;
use std::{ffi::OsString, fmt, io, path::Path};

/// States kept in memory: reads further back than this many blocks are refused by the node.
pub const HISTORY_BLOCKS: u64 = 1_200;
/// Seconds between two blocks. Fixed, so that the same calls give the same block hashes on every machine.
pub const BLOCK_SECS: u64 = 12;
/// Gas of every transaction sent for a person; estimating it would hide a revert from the chain.
const TX_GAS: u64 = 16_000_000;

/// Why the chain does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The packages are not there.
    #[error(transparent)]
    Packages(#[from] PackagesError),
    /// The keeper process cannot be started.
    #[error("cannot start anvil ({what})")]
    Spawn {
        /// What failed.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// anvil ended or was silent before it listened.
    #[error("anvil did not listen within {} s; its standard error:\n{stderr}", START_MAX.as_secs())]
    NotStarted {
        /// Its last lines.
        stderr: String,
    },
    /// A request failed.
    #[error("the local chain refused {what}")]
    Rpc {
        /// The method or what it was for.
        what: String,
        /// Why.
        #[source]
        source: Box<RpcError<TransportErrorKind>>,
    },
    /// A transaction was mined and reverted.
    #[error("{what} reverted on chain in {hash}: {data}")]
    Reverted {
        /// What it was for.
        what: String,
        /// The transaction.
        hash: B256,
        /// The revert data.
        data: Bytes,
    },
    /// The chain answers something else than the contract that was deployed would.
    #[error("{what} answered what it cannot: {reason}")]
    Answer {
        /// What was asked.
        what: String,
        /// The decoder's words.
        reason: String,
    },
}

impl ChainError {
    /// The revert data, if it is a revert.
    pub fn revert_data(&self) -> Option<&Bytes> {
        if let Self::Reverted { data, .. } = self { Some(data) } else { None }
    }
}

/// anvil, its accounts and a client. Ends with this value, with the process, and when the process is killed.
pub struct Chain {
    url: Url,
    provider: DynProvider,
    keys: Vec<PrivateKeySigner>,
    _keeper: Keeper,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("url", &self.url.as_str()).field("accounts", &self.keys.len()).finish()
    }
}

impl Chain {
    /// Starts anvil on a free port with `accounts` funded and unlocked development accounts; its first block has the
    /// time `genesis` (Unix seconds). A block is mined for every transaction, [`BLOCK_SECS`] after the one before.
    ///
    /// # Errors
    /// If anvil is not installed or does not start; its standard error is shown.
    pub async fn start(packages: &Packages, genesis: u64, accounts: u8) -> Result<Self, ChainError> {
        let flags = [
            ("--port", "0".to_owned()),
            ("--chain-id", "31337".to_owned()),
            ("--accounts", accounts.to_string()),
            ("--timestamp", genesis.to_string()),
            ("--slots-in-an-epoch", "1".to_owned()),
            ("--prune-history", HISTORY_BLOCKS.to_string()),
            ("--order", "fifo".to_owned()),
        ];
        let flags = flags.into_iter().flat_map(|(name, value)| [OsString::from(name), value.into()]);
        Self::start_with(&packages.anvil()?, flags.collect()).await
    }

    async fn start_with(anvil: &Path, flags: Vec<OsString>) -> Result<Self, ChainError> {
        let anvil = anvil.to_owned();
        let started = tokio::task::spawn_blocking(move || Keeper::start(&anvil, flags)).await;
        let (keeper, port, keys) =
            started.map_err(|source| ChainError::Spawn { what: "waiting for it", source: source.into() })??;
        let answer = |reason: String| ChainError::Answer { what: "anvil's first lines".to_owned(), reason };
        let url: Url = format!("http://127.0.0.1:{port}").parse().map_err(|error| answer(format!("{error}")))?;
        // No fillers: the node fills nonce and fees of its unlocked accounts.
        let provider = ProviderBuilder::default().connect_http(url.clone()).erased();
        let chain = Self { url, provider, keys, _keeper: keeper };
        chain.rpc("anvil_setLoggingEnabled", chain.provider.anvil_set_logging(false).await)?;
        let interval = chain.provider.anvil_set_block_timestamp_interval(BLOCK_SECS).await;
        chain.rpc("anvil_setBlockTimestampInterval", interval)?;
        Ok(chain)
    }

    /// Where it listens.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A client without fillers: the node fills what is missing.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// The development accounts, the same on every start.
    pub fn keys(&self) -> &[PrivateKeySigner] {
        &self.keys
    }

    /// Time of the latest block, Unix seconds.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn now(&self) -> Result<u64, ChainError> {
        let latest = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
        let block = self.rpc("eth_getBlockByNumber", latest)?;
        let missing = || ChainError::Answer { what: "the latest block".to_owned(), reason: "there is none".to_owned() };
        Ok(block.ok_or_else(missing)?.header.timestamp)
    }

    /// Mines `count` blocks, [`BLOCK_SECS`] apart.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn mine(&self, count: u64) -> Result<(), ChainError> {
        self.rpc("anvil_mine", self.provider.anvil_mine(Some(count), None).await)
    }

    /// Mines a block with this time, which must lie after the latest block's; does nothing if it is the latest's.
    ///
    /// # Errors
    /// If the time has passed or the chain does not answer.
    pub async fn warp_to(&self, timestamp: u64) -> Result<(), ChainError> {
        if self.now().await? == timestamp {
            return Ok(());
        }
        self.next_block_at(timestamp).await?;
        self.mine(1).await
    }

    /// The next block, whoever causes it, will have this time.
    ///
    /// # Errors
    /// If the time has passed or the chain does not answer.
    pub async fn next_block_at(&self, timestamp: u64) -> Result<(), ChainError> {
        self.rpc("evm_setNextBlockTimestamp", self.provider.anvil_set_next_block_timestamp(timestamp).await)
    }

    /// Sends a call from an unlocked account and mines it. `what` is for the message.
    ///
    /// # Errors
    /// If it reverts, with the revert data, or the chain does not answer.
    pub async fn send(&self, what: &str, from: Address, call: &Call) -> Result<TransactionReceipt, ChainError> {
        let tx = TransactionRequest::default().from(from).to(call.to).value(call.value.to_u256());
        self.transact(what, tx.input(call.data.clone().into())).await
    }

    /// Sends a transaction from an unlocked account and mines it.
    ///
    /// # Errors
    /// If it reverts, with the revert data, or the chain does not answer.
    pub async fn transact(&self, what: &str, mut tx: TransactionRequest) -> Result<TransactionReceipt, ChainError> {
        tx.gas = tx.gas.or(Some(TX_GAS));
        let receipt = self.rpc(what, self.provider.eth_send_transaction_sync(tx).await)?;
        if receipt.status() {
            return Ok(receipt);
        }
        let hash = receipt.transaction_hash;
        Err(ChainError::Reverted { what: what.to_owned(), hash, data: self.revert_data(hash).await? })
    }

    /// Mines these transactions of unlocked accounts in one block, in this order, at this time if one is given. Each
    /// must name its gas, together no more than a block's.
    ///
    /// # Errors
    /// If one reverts, with the revert data, or the chain does not answer.
    pub async fn one_block(
        &self,
        timestamp: Option<u64>,
        what: &str,
        txs: Vec<TransactionRequest>,
    ) -> Result<(), ChainError> {
        self.rpc("evm_setAutomine", self.provider.anvil_set_auto_mine(false).await)?;
        let sent = self.mine_together(timestamp, what, txs).await;
        self.rpc("evm_setAutomine", self.provider.anvil_set_auto_mine(true).await)?;
        for hash in sent? {
            let receipt = self.rpc(what, self.provider.get_transaction_receipt(hash).await)?;
            let left =
                || ChainError::Answer { what: what.to_owned(), reason: format!("{hash} did not fit in the block") };
            if !receipt.ok_or_else(left)?.status() {
                return Err(ChainError::Reverted { what: what.to_owned(), hash, data: self.revert_data(hash).await? });
            }
        }
        // Whatever someone else sent between our block and the switch would wait for the next transaction.
        let pool = self.provider.raw_request::<_, serde_json::Value>("txpool_status".into(), ()).await;
        let pool = self.rpc("txpool_status", pool)?;
        if pool.get("pending").is_some_and(|pending| pending != "0x0") { self.mine(1).await } else { Ok(()) }
    }

    async fn mine_together(
        &self,
        timestamp: Option<u64>,
        what: &str,
        txs: Vec<TransactionRequest>,
    ) -> Result<Vec<B256>, ChainError> {
        let mut hashes = Vec::with_capacity(txs.len());
        for tx in txs {
            hashes.push(*self.rpc(what, self.provider.send_transaction(tx).await)?.tx_hash());
        }
        if let Some(timestamp) = timestamp {
            self.next_block_at(timestamp).await?;
        }
        self.mine(1).await?;
        Ok(hashes)
    }

    /// Deploys creation code with its ABI-encoded constructor arguments.
    ///
    /// # Errors
    /// If it reverts or the chain does not answer.
    pub async fn deploy(
        &self,
        what: &str,
        from: Address,
        bytecode: &[u8],
        arguments: &[u8],
    ) -> Result<Address, ChainError> {
        let code: Vec<u8> = [bytecode, arguments].concat();
        let tx = TransactionRequest { to: Some(alloy::primitives::TxKind::Create), ..TransactionRequest::default() };
        let receipt = self.transact(what, tx.from(from).input(Bytes::from(code).into())).await?;
        let missing = || ChainError::Answer { what: what.to_owned(), reason: "no contract address".to_owned() };
        receipt.contract_address.ok_or_else(missing)
    }

    /// Reads at the latest block.
    ///
    /// # Errors
    /// If it reverts or the chain does not answer.
    pub async fn read<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, ChainError> {
        let tx = TransactionRequest::default().to(to).input(call.abi_encode().into());
        let data = self.rpc(C::SIGNATURE, self.provider.call(tx).latest().await)?;
        C::abi_decode_returns(&data).map_err(|error| ChainError::Answer {
            what: format!("{} of {to}", C::SIGNATURE),
            reason: error.to_string(),
        })
    }

    /// Gives an account this much wei.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn set_balance(&self, account: Address, wei: U256) -> Result<(), ChainError> {
        self.rpc("anvil_setBalance", self.provider.anvil_set_balance(account, wei).await)
    }

    /// Names the request in its error.
    pub(super) fn rpc<T>(&self, what: &str, answer: Result<T, RpcError<TransportErrorKind>>) -> Result<T, ChainError> {
        answer.map_err(|source| ChainError::Rpc { what: what.to_owned(), source: Box::new(source) })
    }

    /// What a mined transaction reverted with: from its trace, since a call at another block may end otherwise.
    async fn revert_data(&self, hash: B256) -> Result<Bytes, ChainError> {
        let parameters = (hash, serde_json::json!({"tracer": "callTracer", "tracerConfig": {"onlyTopCall": true}}));
        let trace =
            self.provider.raw_request::<_, serde_json::Value>("debug_traceTransaction".into(), parameters).await;
        let trace = self.rpc("debug_traceTransaction", trace)?;
        let output = trace.get("output").and_then(serde_json::Value::as_str).unwrap_or("0x");
        output
            .parse()
            .map_err(|_| ChainError::Answer { what: "debug_traceTransaction".to_owned(), reason: output.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_to_start_shows_anvils_own_words() {
        let anvil = Packages::ensure(None).unwrap().anvil().unwrap();
        let error = Chain::start_with(&anvil, vec!["--no-such-flag".into()]).await.unwrap_err();
        assert!(error.to_string().contains("--no-such-flag"), "{error}");
    }
}
