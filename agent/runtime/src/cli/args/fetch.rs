//! What `data fetch` takes.

use super::{FillRule, JsonArg};
use crate::{
    cli::person::address,
    fetch::{Points, PoolPrice},
};
use alloy::primitives::Address;
use std::path::PathBuf;

/// What follows the options of a source: its examples, and what is the same for all.
macro_rules! after {
    ($examples:literal) => {
        concat!(
            $examples,
            "\n\nEach page that comes is kept in FILE.partial: a run that ended early, however it did, goes on when the same \
             command is run again, and FILE then has the bytes that one run would have written. FILE.source.json says where \
             FILE comes from.\n\nA bar takes the last price at or before its last second. If bars have none they are named \
             and nothing is written, unless --fill-gaps says how.\n\nExit codes: 1 what came is not whole or not right, 2 the \
             command line, 3 a variable is not set or a key is not known, 4 the source or the node does not answer or refuses."
        )
    };
}

/// `data fetch`
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum FetchCommand {
    /// Prices of CoinGecko
    #[command(
        after_help = after!(
            "Examples:\n  quaestor data fetch coingecko ethereum --from 2024-01-01 --to 2024-12-31 --out ETH.parquet \\\n    \
                       --api-key env:COINGECKO_KEY\n  quaestor data fetch coingecko uniswap --from 2025-06-01 --step 1h --out UNI.csv.gz"
        )
    )]
    Coingecko(CoinGeckoArgs),
    /// Prices of DefiLlama
    #[command(
        after_help = after!(
            "Examples:\n  quaestor data fetch defillama coingecko:ethereum --from 2021-01-01 --out ETH.parquet\n  quaestor data fetch defillama \
                       ethereum:0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984 --from 2023-01-01 \\\n    --step 1h --out UNI.parquet"
        )
    )]
    Defillama(DefiLlamaArgs),
    /// Prices of the rounds of a Chainlink feed, from an archive node
    #[command(
        after_help = after!(
            "Example:\n  quaestor data fetch chainlink 0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419 --from 2022-01-01 --step 1h \\\n    \
                       --rpc-url env:ARCHIVE_URL --out ETH.parquet"
        )
    )]
    Chainlink(ChainlinkArgs),
    /// Prices and liquidity of a Uniswap v3 pool, from an archive node
    #[command(
        after_help = after!(
            "Example:\n  quaestor data fetch uniswap 0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640 --dollar 0 --from 2023-01-01 \\\n    \
                       --step 1h --rpc-url env:ARCHIVE_URL --out WETH.parquet"
        )
    )]
    Uniswap(UniswapArgs),
}

impl FetchCommand {
    /// What all have.
    pub fn wanted(&self) -> &WantedArgs {
        match self {
            Self::Coingecko(args) => &args.wanted,
            Self::Defillama(args) => &args.wanted,
            Self::Chainlink(args) => &args.wanted,
            Self::Uniswap(args) => &args.wanted,
        }
    }
}

/// Seconds of a step: `1h`, `15min`, `1d`.
fn step(text: &str) -> Result<u64, String> {
    let units = [("min", 60), ("h", 3_600), ("d", 86_400), ("s", 1), ("", 1)];
    let read = || {
        let (unit, secs) = units.into_iter().find(|(unit, _)| text.ends_with(unit))?;
        text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(secs)
    };
    read().filter(|secs| *secs > 0).ok_or_else(|| "write such as 1d, 1h or 15min".to_owned())
}

/// What is wanted, of whatever source.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct WantedArgs {
    /// Where it is written, .parquet or .csv.gz; a file that exists is never replaced
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The first day or time, of UTC
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// The last day or time; without it, the last bar that is over
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Length of a bar, of which a day is a whole number, such as 1d, 1h or 15min
    #[arg(long, value_name = "LENGTH", default_value = "1d", value_parser = step)]
    pub step: u64,
    /// What the series is called; without it, as the file up to its first point
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Age in seconds at the end of a bar up to which a price stands for it
    ///
    /// Without it: one and a half times the distance of prices of CoinGecko and DefiLlama, 25 hours of Chainlink, whose
    /// slowest feeds speak once a day.
    #[arg(long, value_name = "SECS")]
    pub age_secs_max: Option<u64>,
    /// Fill bars that have no price by this rule, and say how many; without it they are an error
    #[arg(long, value_name = "RULE")]
    pub fill_gaps: Option<FillRule>,
    /// Most requests a minute; without it, what the source allows
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=600_000))]
    pub requests_per_minute: Option<u32>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// Which plan a key of CoinGecko is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyKind {
    /// Of the demo plan, which is free
    Demo,
    /// Of a paid plan, at another address
    Pro,
}

/// `data fetch coingecko`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct CoinGeckoArgs {
    /// How CoinGecko calls the asset: its API id, such as `ethereum`
    #[arg(value_name = "ID")]
    pub id: String,
    /// What is wanted.
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// How far apart prices are asked for; without it daily for a step of a day, else hourly
    ///
    /// Daily prices are those of midnight, so that each is the close of the day that begins then: never known too early,
    /// and a day late. Hourly ones make a day's close at its last hour, with four times the requests.
    #[arg(long, value_name = "DISTANCE")]
    pub points: Option<Points>,
    /// Where the key stands, `env:NAME`; a key itself is never typed
    #[arg(long, value_name = "env:NAME")]
    pub api_key: Option<String>,
    /// The plan that the key is of
    #[arg(long, value_name = "PLAN", default_value = "demo", requires = "api_key")]
    pub key_kind: KeyKind,
    /// Another address of the interface, a URL or `env:NAME`
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

/// `data fetch defillama`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DefiLlamaArgs {
    /// How DefiLlama calls the asset: `CHAIN:ADDRESS`, or `coingecko:ID`
    #[arg(value_name = "COIN")]
    pub id: String,
    /// What is wanted.
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// How far apart prices are asked for; without it daily for a step of a day, else hourly
    #[arg(long, value_name = "DISTANCE")]
    pub points: Option<Points>,
    /// Another address of the interface, a URL or `env:NAME`; one of a paid plan holds its key
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

/// The node that is asked.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct NodeArgs {
    /// An archive node's URL, or `env:NAME`
    #[arg(long, visible_alias = "rpc", value_name = "URL")]
    pub rpc_url: String,
    /// Multicall3, where it is not at its usual address
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub multicall: Option<Address>,
}

/// `data fetch chainlink`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ChainlinkArgs {
    /// The feed's proxy; its answers are taken as dollars
    #[arg(value_name = "FEED", value_parser = address)]
    pub feed: Address,
    /// What is wanted.
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// The node.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// `data fetch uniswap`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct UniswapArgs {
    /// The pool
    #[arg(value_name = "POOL", value_parser = address)]
    pub pool: Address,
    /// Which of the pool's tokens is taken as the dollar; the other one is priced
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u8).range(0..=1))]
    pub dollar: u8,
    /// Which price of a bar
    #[arg(long, value_name = "PRICE", default_value = "time-weighted")]
    pub price: PoolPrice,
    /// What is wanted.
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// The node.
    #[command(flatten)]
    pub node: NodeArgs,
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn a_step_is_typed_as_people_say_it() {
        for (text, secs) in [("1d", 86_400), ("4h", 14_400), ("15min", 900), ("60s", 60), ("3600", 3_600)] {
            assert_eq!(step(text), Ok(secs));
        }
        for text in ["", "d", "0h", "1 h", "-1h", "1w", "99999999999999999d"] {
            assert!(step(text).is_err(), "{text}");
        }
    }
}
