//! `quaestor data fetch`: histories from where they are, as one canonical file.
//!
//! A run asks a source page by page, keeps each page in `OUT.partial`, and goes on from there when it is run again. Out of
//! what came it makes bars by one rule: **a bar takes the last price at or before its last second, unless that is too old**.
//! They pass the checks of [`quaestor_simulations::data`] before they are written, so that nothing is filled in that is not
//! told. `OUT.source.json` says where they come from.

mod bars;
mod chainlink;
mod error;
mod http;
mod node;
mod partial;
mod retry;
mod uniswap;
mod web;
mod whole;

pub use bars::{Bars, Resampled, Sample, Span, resample};
pub use chainlink::Rounds;
pub use error::FetchError;
pub use http::ApiKey;
pub(crate) use http::{may_pass, words};
pub use retry::Retry;
pub(crate) use retry::retry_after;
pub use uniswap::PoolPrice;
pub use web::{Points, Service};
pub use whole::Fetched;

use alloy::primitives::Address;
use http::Http;
use node::Node;
use partial::Partial;
use quaestor_core::BlockRef;
use quaestor_simulations::data::Fill;
use reqwest::Url;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc, time::Duration};
use whole::Told;

/// Where lines of progress go.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Requests a minute of a node, where nothing else is said.
const NODE_PER_MINUTE: u32 = 600;

/// Prices of a price service.
#[derive(Debug)]
pub struct WebSource {
    /// Which.
    pub service: Service,
    /// Where it answers.
    pub base: Url,
    /// How it calls the asset: `ethereum`, or `coingecko:ethereum`.
    pub id: String,
    /// How far apart the prices are that it is asked for.
    pub points: Points,
    /// The key that it wants, if any.
    pub key: Option<ApiKey>,
    /// Requests a minute, where [`Settings`] say nothing else.
    pub per_minute: u32,
}

/// A contract that an archive node is asked about.
#[derive(Debug, Clone)]
pub struct ChainSource {
    /// The node; may hold a key and is never printed.
    pub rpc_url: Url,
    /// The feed, or the pool.
    pub address: Address,
    /// Multicall3.
    pub multicall: Address,
}

/// What is asked, and whom.
#[derive(Debug)]
pub enum Source {
    /// CoinGecko or DefiLlama.
    Web(WebSource),
    /// Rounds of a Chainlink feed.
    Chainlink(ChainSource),
    /// Prices and liquidity of a Uniswap v3 pool.
    Uniswap {
        /// The pool.
        at: ChainSource,
        /// Which of its tokens is taken as the dollar, 0 or 1.
        dollar: usize,
        /// Which price of a bar.
        price: PoolPrice,
    },
}

/// A history that is wanted.
#[derive(Debug)]
pub struct Request {
    /// From whom.
    pub source: Source,
    /// When.
    pub span: Span,
    /// What the series is called.
    pub name: String,
    /// Age in seconds at the end of a bar up to which a price stands for it; absent: as the source has them.
    pub age_secs_max: Option<u64>,
    /// What is done where bars have no price.
    pub fill: Fill,
    /// Where it is written.
    pub out: PathBuf,
}

/// How a run goes about it.
#[derive(Clone)]
pub struct Settings {
    /// The present Unix time in seconds.
    pub now: u64,
    /// When a request is sent again.
    pub retry: Retry,
    /// Most requests a minute; absent: as the source allows.
    pub per_minute: Option<u32>,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// Lines of progress.
    pub tell: Tell,
}

impl Settings {
    /// Patient ones, silent.
    pub fn new(now: u64) -> Self {
        let (retry, timeout) = (Retry::default(), Duration::from_secs(30));
        Self { now, retry, per_minute: None, timeout, tell: Arc::new(|_| {}) }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("now", &self.now).field("retry", &self.retry).finish_non_exhaustive()
    }
}

impl Source {
    /// As sidecars and people write it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Web(WebSource { service: Service::CoinGecko, .. }) => "coingecko",
            Self::Web(WebSource { service: Service::DefiLlama, .. }) => "defillama",
            Self::Chainlink(_) => "chainlink",
            Self::Uniswap { .. } => "uniswap-v3",
        }
    }
}

/// Fetches what is wanted and writes it.
///
/// # Errors
/// If the source does not give it, it does not pass the checks, or it cannot be written; nothing is written then but the
/// pages that came.
pub async fn run(request: Request, settings: &Settings) -> Result<Fetched, FetchError> {
    let Request { source, span, name, age_secs_max, fill, out } = request;
    if out.exists() {
        return Err(FetchError::Exists { path: out });
    }
    // What is wrong with the time is told before anything is asked.
    Bars::of(&span, settings.now)?;
    let plan = Plan { word: source.word(), span, age_secs_max, path: partial::path_of(&out), settings };
    let told = match source {
        Source::Web(web) => plan.web(web).await?,
        Source::Chainlink(at) => plan.feed(&at).await?,
        Source::Uniswap { at, dollar, price } => plan.pool(&at, dollar, price).await?,
    };
    whole::write(told, &name, fill, out)
}

/// What a run needs of its request while pages come.
struct Plan<'a> {
    word: &'static str,
    span: Span,
    age_secs_max: Option<u64>,
    path: PathBuf,
    settings: &'a Settings,
}

impl Plan<'_> {
    async fn web(self, mut web: WebSource) -> Result<Told, FetchError> {
        let http = Http::new(web.base.clone(), web.per_minute, self.settings, web.key.take())?;
        let WebSource { service, id, points, .. } = web;
        let mut partial = self.open(&http.origin(), json!({ "id": id, "points": points }))?;
        let bars: Bars = match settled(&partial)? {
            Some(bars) => bars,
            None => self.begin(&mut partial, Bars::of(&self.span, self.settings.now)?)?,
        };
        let samples = web::samples(service, &id, points, &bars, &http, &mut partial, &self.settings.tell).await?;
        let details = json!({ "asset": id, "currency": "usd", "points": points });
        let age = points.age_secs_max();
        Ok(self.told(http.origin(), details, bars, samples, age, partial))
    }

    async fn feed(self, at: &ChainSource) -> Result<Told, FetchError> {
        let (node, mut partial) = self.node(at)?;
        let settled: chainlink::Settled = match settled(&partial)? {
            Some(settled) => settled,
            None => {
                let (bars, block) = self.bars(&node).await?;
                self.begin(&mut partial, chainlink::settle(&node, at.address, bars, block).await?)?
            }
        };
        let tell = &self.settings.tell;
        let (samples, rounds) = chainlink::samples(&node, at.address, &settled, &mut partial, tell).await?;
        let details = json!({
            "feed": at.address, "chain_id": settled.chain_id, "description": settled.description,
            "decimals": settled.decimals, "block": settled.block, "rounds": rounds,
        });
        Ok(self.told(node.origin, details, settled.bars, samples, chainlink::AGE_SECS_MAX, partial))
    }

    async fn pool(self, at: &ChainSource, dollar: usize, price: PoolPrice) -> Result<Told, FetchError> {
        let (node, mut partial) = self.node(at)?;
        let settled: uniswap::Settled = match settled(&partial)? {
            Some(settled) => settled,
            None => {
                let (bars, block) = self.bars(&node).await?;
                self.begin(&mut partial, uniswap::settle(&node, at.address, bars, block).await?)?
            }
        };
        let marks = uniswap::marks(&node, at.address, &settled, &mut partial, &self.settings.tell).await?;
        let details = json!({
            "pool": at.address, "chain_id": settled.chain_id, "tokens": settled.tokens,
            "decimals": settled.decimals, "fee_pips": settled.fee_pips, "dollar": format!("token{dollar}"),
            "price": price, "blocks": {
                "first": marks.first().map(|mark| mark.block), "last": marks.last().map(|mark| mark.block),
                "head": settled.block,
            },
        });
        let (bars, samples) = (settled.bars, uniswap::prices(&marks, &settled, dollar, price));
        // Every bar has a price of its own.
        let told = self.told(node.origin, details, bars, samples, bars.step, partial);
        Ok(Told { liquidity: uniswap::liquidity(&marks), ..told })
    }

    fn node(&self, at: &ChainSource) -> Result<(Node, Partial), FetchError> {
        let http = Http::new(at.rpc_url.clone(), NODE_PER_MINUTE, self.settings, None)?;
        let partial = self.open(&http.origin(), json!({ "address": at.address }))?;
        Ok((Node::new(http, at.rpc_url.clone(), at.multicall), partial))
    }

    /// Bars are over when the chain's own time says so.
    async fn bars(&self, node: &Node) -> Result<(Bars, BlockRef), FetchError> {
        let block = node.head().await?;
        Ok((Bars::of(&self.span, block.timestamp)?, block))
    }

    /// The partial file of this request, which never names a secret.
    fn open(&self, origin: &str, what: Value) -> Result<Partial, FetchError> {
        let Span { from, to, step } = self.span;
        let request = json!({
            "source": self.word, "url": origin, "what": what, "from": from, "to": to, "step_secs": step,
        });
        Partial::open(self.path.clone(), request)
    }

    /// Keeps what this run settles for those that go on.
    fn begin<S: Serialize>(&self, partial: &mut Partial, found: S) -> Result<S, FetchError> {
        partial.begin(self.settings.now, &found)?;
        Ok(found)
    }

    fn told(&self, url: String, details: Value, bars: Bars, samples: Vec<Sample>, age: u64, partial: Partial) -> Told {
        let (source, age_secs_max) = (self.word, self.age_secs_max.unwrap_or(age));
        Told { source, url, details, bars, samples, age_secs_max, liquidity: Vec::new(), partial }
    }
}

/// What the first run settled, if this one goes on.
fn settled<S: DeserializeOwned>(partial: &Partial) -> Result<Option<S>, FetchError> {
    let Some(head) = partial.head() else { return Ok(None) };
    let found = serde_json::from_value(head.settled.clone());
    found.map(Some).map_err(|_| FetchError::Damaged { path: partial.path().to_owned(), line: 1 })
}
