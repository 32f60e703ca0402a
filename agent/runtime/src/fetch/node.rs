//! An Ethereum node, asked at the pace and with the patience of [`Http`].

use super::{FetchError, http::Http};
use crate::chain::{Chain, ChainError, ChainSettings};
use alloy::{
    primitives::Address,
    providers::Provider,
    rpc::{
        client::RpcClient,
        json_rpc::{ErrorPayload, RequestPacket, ResponsePacket},
        types::BlockNumberOrTag,
    },
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use quaestor_core::BlockRef;
use quaestor_simulations::data::Moment;
use reqwest::Url;
use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower_service::Service;

/// Most blocks that are looked at for one time; halving alone takes 64.
const LOOKS_MAX: usize = 200;

/// What carries requests of alloy over [`Http`].
#[derive(Clone)]
struct Wire(Arc<Http>);

impl Service<RequestPacket> for Wire {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        let http = self.0.clone();
        Box::pin(async move {
            let body = request.serialize().map_err(TransportError::ser_err)?.get().to_owned();
            let answer = http.post(body, is_busy).await.map_err(TransportErrorKind::custom)?;
            serde_json::from_slice(&answer)
                .map_err(|error| TransportErrorKind::custom_str(&format!("the answer is none of a node: {error}")))
        })
    }
}

/// Why a node's answer only says that it is asked too often.
fn is_busy(answer: &[u8]) -> Option<String> {
    let answer: ResponsePacket = serde_json::from_slice(answer).ok()?;
    let responses = match &answer {
        ResponsePacket::Single(one) => std::slice::from_ref(one),
        ResponsePacket::Batch(many) => many.as_slice(),
    };
    let mut errors = responses.iter().filter_map(|response| response.payload.as_error());
    let error: &ErrorPayload = errors.find(|error| error.is_retry_err())?;
    Some(format!("the node asks for fewer requests (code {})", error.code))
}

/// A node that keeps its past.
pub(super) struct Node {
    pub(super) chain: Chain,
    pub(super) origin: String,
}

impl Node {
    /// The node behind `http`, with Multicall3 at `multicall`.
    pub(super) fn new(http: Http, url: Url, multicall: Address) -> Self {
        let origin = http.origin();
        // The wait is that of `http`; no events are read.
        let settings = ChainSettings { rpc_url: url, request_timeout: Duration::MAX, multicall, logs_range_blocks: 1 };
        let chain = Chain::over(RpcClient::new(Wire(Arc::new(http)), false), &settings);
        Self { chain, origin }
    }

    pub(super) async fn chain_id(&self) -> Result<u64, FetchError> {
        Ok(self.chain.provider().get_chain_id().await.map_err(self.chain.failed("eth_chainId"))?)
    }

    pub(super) async fn head(&self) -> Result<BlockRef, FetchError> {
        Ok(self.chain.block(BlockNumberOrTag::Latest).await?)
    }

    async fn block(&self, number: u64) -> Result<BlockRef, FetchError> {
        Ok(self.chain.block(BlockNumberOrTag::Number(number)).await?)
    }

    /// The last block before Unix time `time`. `after` is one that is known not to come after it, and `head` one that does
    /// not come before it.
    ///
    /// # Errors
    /// If the chain begins later, or the node does not answer.
    pub(super) async fn last_before(
        &self,
        time: u64,
        after: Option<BlockRef>,
        head: BlockRef,
    ) -> Result<BlockRef, FetchError> {
        if head.timestamp < time {
            return Ok(head);
        }
        let mut low = match after {
            Some(after) => after,
            None => self.block(0).await?,
        };
        if low.timestamp >= time {
            return Err(FetchError::BeforeChain { begins: Moment::at(low.timestamp), asked: Moment::at(time) });
        }
        let (mut high, mut is_even) = (head, true);
        for _ in 0..LOOKS_MAX {
            let between = high.number - low.number;
            if between <= 1 {
                return Ok(low);
            }
            // Where it would be if blocks came evenly; every other time half-way, so that uneven ones end too.
            let (passed, whole) = (time - low.timestamp, high.timestamp - low.timestamp);
            let guess = if is_even { share(between, passed, whole) } else { between / 2 };
            let found = self.block(low.number + guess.clamp(1, between - 1)).await?;
            // A guess that is right or one off is followed by its neighbour.
            if found.timestamp < time {
                low = found;
            } else {
                high = found;
            }
            let left = high.number - low.number;
            is_even = left <= between / 2 || !is_even;
        }
        let reason = format!("no block before {} was found in {LOOKS_MAX} looks", Moment::at(time));
        Err(FetchError::Malformed { host: self.origin.clone(), what: "blocks".to_owned(), reason })
    }
}

/// `whole · part / of` without overflow, rounded down.
fn share(whole: u64, part: u64, of: u64) -> u64 {
    u64::try_from(u128::from(whole) * u128::from(part) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

/// A refusal at a block of the past as what it most often is.
pub(super) fn of_past(error: ChainError, block: u64) -> FetchError {
    let forgot =
        ["missing trie", "historical state", "pruned", "header not found", "state is not available", "archive"];
    match error {
        ChainError::Refused { message, .. } if forgot.iter().any(|word| message.to_lowercase().contains(word)) => {
            FetchError::NotArchive { block, reason: message }
        }
        other => other.into(),
    }
}
