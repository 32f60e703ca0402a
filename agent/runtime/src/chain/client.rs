//! One connection to an Ethereum node, with bounded waits and errors that say what to do.

use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::{
        client::{BatchRequest, RpcClient},
        types::{BlockNumberOrTag, Header, TransactionRequest},
    },
    transports::{RpcError, TransportErrorKind, http::Http},
};
use alloy::{
    primitives::{Address, B256, Bytes},
    sol_types::SolCall,
};
use quaestor_contracts::bindings::IMulticall3;
use quaestor_core::{BlockRef, Call};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Calls in one multicall request at most; more are split into several requests.
const CALLS_PER_REQUEST_MAX: usize = 2_000;

/// What went wrong between the agent and its node.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The HTTP client could not be made.
    #[error("no HTTP client could be made: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
    /// No answer, or not one of a node.
    #[error("the node at {host} did not answer {method}: {reason}; check `chain.rpc_url` and that the node runs")]
    Unreachable {
        /// Host and port; never the whole URL, which may hold a key.
        host: String,
        /// The method asked.
        method: &'static str,
        /// The transport's words.
        reason: String,
    },
    /// The node refused the request.
    #[error("the node at {host} refused {method}: {message} (code {code})")]
    Refused {
        /// Host and port.
        host: String,
        /// The method asked.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// The node serves another chain.
    #[error(
        "the node serves chain {found}, the configuration says {expected}; correct `chain.rpc_url` or `chain.chain_id`"
    )]
    WrongChain {
        /// Configured chain id.
        expected: u64,
        /// The node's chain id.
        found: u64,
    },
    /// No contract stands at an address.
    #[error("there is no code at {address}, which should be the {what}; correct the address or deploy it first")]
    NoCode {
        /// The address.
        address: Address,
        /// What should stand there.
        what: String,
    },
    /// A contract answered something else than its interface says.
    #[error("{what} at {address} did not answer as expected; check that the address is right")]
    Malformed {
        /// The contract.
        address: Address,
        /// Which answer.
        what: &'static str,
    },
    /// A search found more events than are kept at once.
    #[error("there are too many events from block {first} to {last}; begin later")]
    TooManyEvents {
        /// First block of the search.
        first: u64,
        /// Where it was given up.
        last: u64,
    },
    /// The node does not know a block.
    #[error("the node does not know block {block}; it may be behind or have pruned it")]
    NoBlock {
        /// The block asked for.
        block: String,
    },
}

/// The code of the JSON-RPC error that says that a call reverted.
const REVERTED: i64 = 3;

impl ChainError {
    /// Whether the node answers, but not what was asked for: another one may.
    pub fn is_of_this_node(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::NoBlock { .. } | Self::Malformed { .. } | Self::TooManyEvents { .. }
        )
    }

    /// Whether the node ran the call, and it reverted: asking again at the same state gives the same.
    pub fn is_revert(&self) -> bool {
        matches!(self, Self::Refused { code, message, .. }
            if *code == REVERTED || message.to_lowercase().contains("execution reverted"))
    }
}

/// How a node is reached.
#[derive(Clone)]
pub struct ChainSettings {
    /// Where the node answers; may hold a key and is never printed.
    pub rpc_url: Url,
    /// Longest wait for one answer.
    pub request_timeout: Duration,
    /// Multicall3.
    pub multicall: Address,
    /// Most blocks of one `eth_getLogs`.
    pub logs_range_blocks: u64,
}

impl std::fmt::Debug for ChainSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainSettings").field("multicall", &self.multicall).finish_non_exhaustive()
    }
}

/// One call of a pinned read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Read {
    /// The contract.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
}

impl Read {
    /// A typed call to `to`.
    pub fn new(to: Address, call: &impl SolCall) -> Self {
        Self { to, data: call.abi_encode().into() }
    }
}

/// Answers of pinned reads; `None` where the call failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readings(BTreeMap<Read, Option<Bytes>>);

impl Readings {
    /// The answer to a typed call; `None` when it failed, was not asked or does not decode.
    pub fn get<C: SolCall>(&self, to: Address, call: &C) -> Option<C::Return> {
        let bytes = self.0.get(&Read::new(to, call))?.as_ref()?;
        C::abi_decode_returns_validate(bytes).ok()
    }

    /// Whether it was asked, whatever was answered.
    pub fn was_asked(&self, read: &Read) -> bool {
        self.0.contains_key(read)
    }

    /// Adds answers.
    pub fn extend(&mut self, reads: impl IntoIterator<Item = (Read, Option<Bytes>)>) {
        self.0.extend(reads);
    }

    /// All calls and answers, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&Read, &Option<Bytes>)> {
        self.0.iter()
    }
}

/// A connection to a node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Chain {
    provider: DynProvider,
    host: String,
    multicall: Address,
    logs_range_blocks: u64,
}

impl Chain {
    /// Connects lazily: nothing is asked yet.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(settings: &ChainSettings) -> Result<Self, ChainError> {
        let http = reqwest::Client::builder()
            .timeout(settings.request_timeout)
            .connect_timeout(settings.request_timeout)
            .build()
            .map_err(|error| ChainError::Client { reason: without_urls(&error.to_string()) })?;
        Ok(Self::over(RpcClient::new(Http::with_client(http, settings.rpc_url.clone()), true), settings))
    }

    /// The same over a client of the caller's own, which waits as it likes.
    pub fn over(client: RpcClient, settings: &ChainSettings) -> Self {
        let url = &settings.rpc_url;
        let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", url.host_str().unwrap_or_default());
        let provider = ProviderBuilder::default().connect_client(client).erased();
        let (multicall, logs_range_blocks) = (settings.multicall, settings.logs_range_blocks.max(1));
        Self { provider, host, multicall, logs_range_blocks }
    }

    /// The provider, for calls that are not reads at one block.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Most blocks of one `eth_getLogs`.
    pub fn logs_range_blocks(&self) -> u64 {
        self.logs_range_blocks
    }

    /// Multicall3.
    pub fn multicall(&self) -> Address {
        self.multicall
    }

    /// Turns a transport error into one that says what was asked.
    pub fn failed(&self, method: &'static str) -> impl FnOnce(RpcError<TransportErrorKind>) -> ChainError {
        let host = self.host.clone();
        move |error| match error {
            RpcError::ErrorResp(payload) => {
                ChainError::Refused { host, method, code: payload.code, message: without_urls(&payload.message) }
            }
            // The body of an answer may quote the path, and the path may hold a key.
            RpcError::Transport(
                TransportErrorKind::HttpError(answer)
                | TransportErrorKind::HttpErrorWithRetryAfter { error: answer, .. },
            ) => ChainError::Unreachable { host, method, reason: format!("HTTP status {}", answer.status) },
            other => ChainError::Unreachable { host, method, reason: without_urls(&other.to_string()) },
        }
    }

    /// Checks that the node serves `expected`.
    ///
    /// # Errors
    /// If it does not, or does not answer.
    pub async fn check_chain_id(&self, expected: u64) -> Result<(), ChainError> {
        let found = self.provider.get_chain_id().await.map_err(self.failed("eth_chainId"))?;
        if found == expected { Ok(()) } else { Err(ChainError::WrongChain { expected, found }) }
    }

    /// The block at `tag`.
    ///
    /// # Errors
    /// If the node does not know it.
    pub async fn block(&self, tag: BlockNumberOrTag) -> Result<BlockRef, ChainError> {
        let method = "eth_getBlockByNumber";
        let found = self.provider.get_block_by_number(tag).await.map_err(self.failed(method))?;
        found.map(|block| block_ref(&block.header)).ok_or_else(|| ChainError::NoBlock { block: tag.to_string() })
    }

    /// The block of this hash, if it is known; a block that a reorganisation removed may still be.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn block_of_hash(&self, hash: B256) -> Result<Option<BlockRef>, ChainError> {
        let found = self.provider.get_block_by_hash(hash).await.map_err(self.failed("eth_getBlockByHash"))?;
        Ok(found.map(|block| block_ref(&block.header)))
    }

    /// Whether `block` is in the canonical chain now.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn is_canonical(&self, block: &BlockRef) -> Result<bool, ChainError> {
        match self.block(BlockNumberOrTag::Number(block.number)).await {
            Ok(found) => Ok(found.hash == block.hash),
            Err(ChainError::NoBlock { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Executes `reads` at the canonical block `hash`, in one request for up to two thousand of them.
    ///
    /// # Errors
    /// If the node does not answer, or the block left the canonical chain.
    pub async fn read_at(&self, hash: B256, reads: Vec<Read>) -> Result<Vec<(Read, Option<Bytes>)>, ChainError> {
        let mut answers = Vec::with_capacity(reads.len());
        for part in reads.chunks(CALLS_PER_REQUEST_MAX) {
            let call =
                |read: &Read| IMulticall3::Call3 { target: read.to, allowFailure: true, callData: read.data.clone() };
            let calls = IMulticall3::aggregate3Call { calls: part.iter().map(call).collect() };
            let request = TransactionRequest::default().with_to(self.multicall).with_input(calls.abi_encode());
            let pinned = self.provider.call(request).block(BlockId::hash_canonical(hash));
            let bytes = pinned.await.map_err(self.failed("eth_call"))?;
            let results = IMulticall3::aggregate3Call::abi_decode_returns_validate(&bytes).ok();
            let results = results
                .filter(|results| results.len() == part.len())
                .ok_or(ChainError::Malformed { address: self.multicall, what: "Multicall3" })?;
            let answer = |result: IMulticall3::Result| result.success.then_some(result.returnData);
            answers.extend(part.iter().cloned().zip(results.into_iter().map(answer)));
        }
        Ok(answers)
    }

    /// Executes `reads` at the canonical block `hash`, each by itself in one batched request: for blocks that are older
    /// than Multicall3.
    ///
    /// # Errors
    /// If the node does not answer, or refuses a call that did not revert.
    pub async fn read_each_at(&self, hash: B256, reads: Vec<Read>) -> Result<Readings, ChainError> {
        let mut batch = BatchRequest::new(self.provider.client());
        let mut waiters = Vec::with_capacity(reads.len());
        for read in reads {
            let request = TransactionRequest::default().with_to(read.to).with_input(read.data.clone());
            let params = (request, BlockId::hash_canonical(hash));
            let waiter = batch.add_call::<_, Bytes>("eth_call", &params).map_err(self.failed("eth_call"))?;
            waiters.push((read, waiter));
        }
        batch.send().await.map_err(self.failed("eth_call"))?;
        let mut readings = Readings::default();
        for (read, waiter) in waiters {
            match waiter.await.map_err(self.failed("eth_call")) {
                Ok(bytes) => readings.extend([(read, Some(bytes))]),
                Err(error) if error.is_revert() => readings.extend([(read, None)]),
                Err(error) => return Err(error),
            }
        }
        Ok(readings)
    }

    /// One typed call at `hash`.
    ///
    /// # Errors
    /// If the node does not answer or the contract answers something else.
    pub async fn call_at<C: SolCall>(
        &self,
        hash: B256,
        to: Address,
        what: &'static str,
        call: &C,
    ) -> Result<C::Return, ChainError> {
        let mut readings = Readings::default();
        readings.extend(self.read_at(hash, vec![Read::new(to, call)]).await?);
        readings.get(to, call).ok_or(ChainError::Malformed { address: to, what })
    }

    /// What `call` returns when `from` makes it at `hash`, or the data with which it reverts. Nothing is kept of it.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn try_call_at(
        &self,
        hash: B256,
        from: Address,
        call: &Call,
    ) -> Result<Result<Bytes, Bytes>, ChainError> {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(call.to)
            .with_value(call.value.to_u256())
            .with_input(call.data.clone());
        match self.provider.call(request).block(BlockId::hash_canonical(hash)).await {
            Ok(returned) => Ok(Ok(returned)),
            Err(error) => {
                let data = error.as_error_resp().and_then(|payload| payload.as_revert_data());
                let error = self.failed("eth_call")(error);
                // Some nodes say that it reverted and not with what.
                if error.is_revert() { Ok(Err(data.unwrap_or_default())) } else { Err(error) }
            }
        }
    }

    /// The runtime code of each address at `hash`, in one batched request.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn code_at(&self, hash: B256, addresses: &[Address]) -> Result<Vec<Bytes>, ChainError> {
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.provider.client();
        let mut batch = BatchRequest::new(client);
        let mut waiters = Vec::with_capacity(addresses.len());
        for address in addresses {
            let params = (*address, BlockId::hash_canonical(hash));
            waiters.push(batch.add_call::<_, Bytes>("eth_getCode", &params).map_err(self.failed("eth_getCode"))?);
        }
        batch.send().await.map_err(self.failed("eth_getCode"))?;
        let mut codes = Vec::with_capacity(addresses.len());
        for waiter in waiters {
            codes.push(waiter.await.map_err(self.failed("eth_getCode"))?);
        }
        Ok(codes)
    }

    /// Checks that a contract stands at each address now.
    ///
    /// # Errors
    /// Naming the first that has no code.
    pub async fn check_code(&self, contracts: &[(Address, &str)]) -> Result<(), ChainError> {
        let head = self.block(BlockNumberOrTag::Latest).await?;
        let addresses: Vec<Address> = contracts.iter().map(|(address, _)| *address).collect();
        let codes = self.code_at(head.hash, &addresses).await?;
        match contracts.iter().zip(codes).find(|(_, code)| code.is_empty()) {
            Some(((address, what), _)) => Err(ChainError::NoCode { address: *address, what: (*what).to_owned() }),
            None => Ok(()),
        }
    }
}

/// Number, hash and time of a header.
fn block_ref(header: &Header) -> BlockRef {
    BlockRef { number: header.number, hash: header.hash, timestamp: header.timestamp }
}

/// Transport errors quote the URL, and a URL may hold a key.
fn without_urls(text: &str) -> String {
    let word = |word: &str| if word.contains("://") { "(url)".to_owned() } else { word.to_owned() };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_names_the_host_and_hides_the_key() {
        let settings = ChainSettings {
            rpc_url: "http://127.0.0.1:9/v3/secret-key".parse().unwrap(),
            request_timeout: Duration::from_secs(2),
            multicall: Address::ZERO,
            logs_range_blocks: 1,
        };
        let error = Chain::new(&settings).unwrap().check_chain_id(1).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("127.0.0.1:9") && text.contains("chain.rpc_url"), "{text}");
        assert!(!text.contains("secret-key") && !format!("{error:?}").contains("secret-key"), "{error:?}");
    }
}
