//! What the commands about market data take.

use super::{FetchCommand, JsonArg};
use std::path::PathBuf;

/// What is put where rows are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FillRule {
    /// The newest value until the next one
    Previous,
}

/// How data is read.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ReadArgs {
    /// Fill rows that are missing by this rule, and say how many; without it a gap is an error
    #[arg(long, value_name = "RULE")]
    pub fill_gaps: Option<FillRule>,
    /// Decimals of token0 and token1 in files with the minutes of a pool
    #[arg(long, value_name = "N,N", default_value = "6,18", value_parser = decimals)]
    pub pool_decimals: [u8; 2],
    /// Which token of a pool is taken as the dollar
    #[arg(long, value_name = "0|1", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    pub pool_dollar: u8,
}

fn decimals(text: &str) -> Result<[u8; 2], String> {
    let number = |text: &str| text.trim().parse().ok().filter(|decimals: &u8| *decimals <= 36);
    let read = |text: &str| {
        let (zero, one) = text.split_once(',')?;
        Some([number(zero)?, number(one)?])
    };
    read(text).ok_or_else(|| "write two whole numbers up to 36, such as 6,18".to_owned())
}

/// `data`
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum DataCommand {
    /// Name everything that is wrong with files of market data, by file and line; otherwise say what they hold
    #[command(
        after_help = "Examples:\n  quaestor data check simulations/data/daily\n  quaestor data check ETH.csv.gz --fill-gaps previous --json\n\n\
                      Files are CSV, gzipped or not, and Parquet. A file's name up to its first point names the series: \
                      WETH.2023.csv.gz is WETH. Columns, by their names:\n  timestamp|date   Unix seconds, 2020-03-12 or \
                      2020-03-12 14:05, of UTC: where the bar begins\n  open,high,low,close | close | price\n  volume_usd | volume   \
                      in dollars, or in tokens\n  index   Aave's liquidity_index, or assets_per_share of an ERC-4626 vault\n  gas_gwei   \
                      of the token that the file is named by\n  liquidity   of a pool"
    )]
    Check(DataCheckArgs),
    /// Make one canonical file of what is read; the same data gives the same bytes
    #[command(
        after_help = "Examples:\n  quaestor data import simulations/data/daily --out daily.parquet\n  quaestor data import minutes.csv.gz --name WETH \
                      --pool-decimals 6,18 --out WETH.parquet"
    )]
    Import(DataImportArgs),
    /// Load a history from CoinGecko, DefiLlama, a Chainlink feed or a Uniswap v3 pool into one canonical file
    #[command(
        subcommand,
        after_help = "Examples:\n  quaestor data fetch coingecko ethereum --from 2024-01-01 --out ETH.parquet --api-key env:COINGECKO_KEY\n  quaestor data \
                      fetch defillama coingecko:ethereum --from 2021-01-01 --step 1h --out ETH.csv.gz\n  quaestor data fetch chainlink 0x… --from \
                      2022-01-01 --rpc-url env:ARCHIVE_URL --out ETH.parquet\n  quaestor data fetch uniswap 0x… --dollar 0 --from 2023-01-01 \
                      --rpc-url env:ARCHIVE_URL --out WETH.parquet"
    )]
    Fetch(FetchCommand),
}

/// `data check`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DataCheckArgs {
    /// Files, or folders of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// How they are read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `data import`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DataImportArgs {
    /// Files, or folders of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// Where it is written, .parquet or .csv.gz; a file that exists is never replaced
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What the series is called, in place of its file's name; for one file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How they are read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}
