//! `data fetch`: histories from price services and archive nodes.

use super::{
    Exit, Failure, Output,
    args::{CoinGeckoArgs, DefiLlamaArgs, FetchCommand, FillRule, KeyKind, NodeArgs, WantedArgs},
    data,
    setup::moment,
};
use crate::{
    config::{MULTICALL3, RpcUrl},
    fetch::{
        self, ApiKey, ChainSource, FetchError, Fetched, Points, Request, Service, Settings, Source, Span, WebSource,
    },
    keys::env_name,
};
use alloy::primitives::Address;
use quaestor_simulations::data::{Fill, Format};
use reqwest::{Url, header::HeaderName};
use serde_json::json;
use std::{sync::Arc, time::SystemTime};
use zeroize::Zeroizing;

const DAY_SECS: u64 = 86_400;
/// Where the services answer, and how often a minute they may be asked: what their plans allow at least.
const COINGECKO: (&str, u32) = ("https://api.coingecko.com/api/v3", 6);
const COINGECKO_DEMO_PER_MINUTE: u32 = 30;
const COINGECKO_PRO: (&str, u32) = ("https://pro-api.coingecko.com/api/v3", 250);
const DEFILLAMA: (&str, u32) = ("https://coins.llama.fi", 120);

pub(super) async fn run(command: &FetchCommand, output: Output) -> Result<Exit, Failure> {
    let wanted = command.wanted();
    if Format::of(&wanted.out).is_none() {
        return Err(data::wrong_ending(&wanted.out));
    }
    let source = match command {
        FetchCommand::Coingecko(args) => coingecko(args)?,
        FetchCommand::Defillama(args) => defillama(args)?,
        FetchCommand::Chainlink(args) => Source::Chainlink(node(&args.node, args.feed)?),
        FetchCommand::Uniswap(args) => {
            Source::Uniswap { at: node(&args.node, args.pool)?, dollar: usize::from(args.dollar), price: args.price }
        }
    };
    // A clock before 1970 reads as 1970: every bar then lies in the future, and is refused.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let tell = Arc::new(move |line: &str| output.progress(line));
    let settings = Settings { per_minute: wanted.requests_per_minute, tell, ..Settings::new(now) };
    let request = Request {
        source,
        span: span(wanted)?,
        name: name(wanted)?,
        age_secs_max: wanted.age_secs_max,
        fill: match wanted.fill_gaps {
            None => Fill::Nothing,
            Some(FillRule::Previous) => Fill::Previous,
        },
        out: wanted.out.clone(),
    };
    let found = fetch::run(request, &settings).await?;
    tell_of(&found, output)?;
    Ok(Exit::Ok)
}

fn coingecko(args: &CoinGeckoArgs) -> Result<Source, Failure> {
    let (usual, per_minute, header) = match (&args.api_key, args.key_kind) {
        (None, _) => (COINGECKO.0, COINGECKO.1, "x-cg-demo-api-key"),
        (Some(_), KeyKind::Demo) => (COINGECKO.0, COINGECKO_DEMO_PER_MINUTE, "x-cg-demo-api-key"),
        (Some(_), KeyKind::Pro) => (COINGECKO_PRO.0, COINGECKO_PRO.1, "x-cg-pro-api-key"),
    };
    let key = args.api_key.as_deref().map(|text| key(text, HeaderName::from_static(header))).transpose()?;
    Ok(Source::Web(WebSource {
        service: Service::CoinGecko,
        base: base(args.base_url.as_deref(), usual)?,
        id: args.id.clone(),
        points: points(args.points, &args.wanted),
        key,
        per_minute,
    }))
}

fn defillama(args: &DefiLlamaArgs) -> Result<Source, Failure> {
    Ok(Source::Web(WebSource {
        service: Service::DefiLlama,
        base: base(args.base_url.as_deref(), DEFILLAMA.0)?,
        id: args.id.clone(),
        points: points(args.points, &args.wanted),
        key: None,
        per_minute: DEFILLAMA.1,
    }))
}

fn points(named: Option<Points>, wanted: &WantedArgs) -> Points {
    named.unwrap_or(if wanted.step == DAY_SECS { Points::Daily } else { Points::Hourly })
}

/// The secret that `env:NAME` names. What was typed is never repeated: it may be the secret itself.
fn key(text: &str, header: HeaderName) -> Result<ApiKey, Failure> {
    let wrong = || {
        Failure::new(Exit::Usage, "--api-key names no environment variable, and a key is never typed; write env:NAME")
    };
    let name = text.strip_prefix("env:").and_then(env_name).ok_or_else(wrong)?;
    let unset =
        || Failure::new(Exit::Configuration, format!("the environment variable {name} is not set; set it to the key"));
    let value = Zeroizing::new(std::env::var(&name).map_err(|_| unset())?);
    let no_key = || Failure::new(Exit::Configuration, format!("the environment variable {name} holds no key"));
    ApiKey::new(header, value.trim()).ok_or_else(no_key)
}

/// A URL that is not repeated either.
fn url(option: &str, text: &str) -> Result<Url, Failure> {
    let wrong = || Failure::new(Exit::Usage, format!("{option} is no http(s):// URL and no env:NAME; write the URL"));
    let unset = |_| {
        let text =
            format!("the variable that {option} names is not set, or holds no http(s):// URL; set it to the URL");
        Failure::new(Exit::Configuration, text)
    };
    RpcUrl::parse(text).ok_or_else(wrong)?.resolve().map_err(unset)
}

fn base(named: Option<&str>, usual: &str) -> Result<Url, Failure> {
    url("--base-url", named.unwrap_or(usual))
}

fn node(args: &NodeArgs, address: Address) -> Result<ChainSource, Failure> {
    let rpc_url = url("--rpc-url", &args.rpc_url)?;
    Ok(ChainSource { rpc_url, address, multicall: args.multicall.unwrap_or(MULTICALL3) })
}

fn span(wanted: &WantedArgs) -> Result<Span, Failure> {
    let (from, _) = moment("--from", &wanted.from)?;
    let to = wanted.to.as_deref().map(|text| moment("--to", text)).transpose()?;
    // A day is taken to its end.
    let to = to.map(|(at, is_day)| if is_day { at + DAY_SECS - 1 } else { at });
    Ok(Span { from, to, step: wanted.step })
}

/// As typed, or as the file up to its first point.
fn name(wanted: &WantedArgs) -> Result<String, Failure> {
    let file = wanted.out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default().to_owned();
    let name = wanted.name.clone().unwrap_or(stem);
    let is_plain = !name.is_empty() && !name.contains([',', '"', '\n', '\r']);
    let wrong = || Failure::new(Exit::Usage, format!("`{name}` is no name of a series; write --name such as ETH"));
    if is_plain { Ok(name) } else { Err(wrong()) }
}

fn tell_of(found: &Fetched, output: Output) -> Result<(), Failure> {
    data::tell(&found.data, output)?;
    let carried = &found.resampled;
    output.line(format_args!(
        "bars        {} of {} take a price from before they began; the oldest was {} s old at a bar's end",
        carried.carried_bars,
        carried.rows.len(),
        carried.oldest_secs
    ))?;
    output.line(format_args!("written     {}, {} bytes", found.out.display(), found.bytes))?;
    output.line(format_args!("            {} says where it comes from", found.source_file.display()))?;
    let mut document = data::document(&found.data);
    document["out"] = json!(found.out);
    document["bytes"] = json!(found.bytes);
    document["source_file"] = json!(found.source_file);
    document["source"] = found.source.clone();
    output.document(&document)
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let exit = match &error {
            FetchError::Span { .. } => Exit::Usage,
            FetchError::Rejected { .. } | FetchError::Clear { .. } => Exit::Configuration,
            FetchError::Exists { .. }
            | FetchError::File { .. }
            | FetchError::Busy { .. }
            | FetchError::OtherRequest { .. }
            | FetchError::Damaged { .. }
            | FetchError::Short { .. }
            | FetchError::Write(_) => Exit::Failed,
            FetchError::Data(problems) => return data::failure(Exit::Failed, problems),
            FetchError::Client { .. }
            | FetchError::Unreachable { .. }
            | FetchError::WaitTooLong { .. }
            | FetchError::Refused { .. }
            | FetchError::Malformed { .. }
            | FetchError::NoPrices { .. }
            | FetchError::Chain(_)
            | FetchError::NotArchive { .. }
            | FetchError::NoContract { .. }
            | FetchError::Phase { .. }
            | FetchError::BeforeChain { .. } => Exit::Chain,
        };
        Self::new(exit, error)
    }
}
