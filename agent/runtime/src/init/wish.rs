//! What a person says of a DAO. The rest is read from the chain.

use crate::{deploy::ContractsFile, keys::KeySource};
use alloy::primitives::Address;
use quaestor_core::{AssetKind, Caip10, parse_address};

/// Everything that `init` is told.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// The node, as `agent.toml` will name it: a URL or `env:NAME`.
    pub rpc_url: String,
    /// Where our contracts are.
    pub contracts: ContractsWish,
    /// MultiSendCallOnly; `None`: the one of the Safe's version, at its usual address.
    pub multisend: Option<Address>,
    /// The Safe.
    pub safe: Option<Address>,
    /// The Governor.
    pub governor: Option<Address>,
    /// The assets; the first stable one is cash.
    pub assets: Vec<AssetWish>,
    /// Uniswap v3's SwapRouter.
    pub router: Option<Address>,
    /// Pools; empty: those that are found.
    pub pools: Vec<PoolWish>,
    /// The operator.
    pub operator: Address,
    /// Where its key is, as `agent.toml` will name it.
    pub key: KeySource,
    /// Name of the policy.
    pub name: String,
}

/// Where our contracts are.
#[derive(Debug, Clone)]
pub enum ContractsWish {
    /// As `contracts deploy` wrote it.
    File(Box<ContractsFile>),
    /// The gate, which names the others.
    Gate {
        /// The gate.
        gate: Address,
        /// A block no later than that of their deployment.
        deployed_block: u64,
    },
}

/// An asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetWish {
    /// What it is to the treasury.
    pub kind: AssetKind,
    /// The token.
    pub token: Address,
    /// Its feeds, in USD.
    pub feeds: Vec<Address>,
}

/// A pool, by the symbols of its assets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolWish {
    /// One side.
    pub a: String,
    /// The other side.
    pub b: String,
    /// Fee in hundredths of a basis point.
    pub fee_pips: u32,
}

/// An asset such as `stable:0x…:0x…,0x…`: kind, token, feeds. Addresses may be CAIP-10 accounts.
///
/// # Errors
/// What to write instead.
pub fn parse_asset(text: &str) -> Result<AssetWish, String> {
    let form = || format!("`{text}` is no asset; write KIND:TOKEN:FEED[,FEED], such as stable:0x…:0x…");
    let (kind, rest) = text.split_once(':').ok_or_else(form)?;
    let kind = parse_kind(kind)?;
    let (token, feeds) = rest.rsplit_once(":0x").ok_or_else(form)?;
    // A CAIP-10 feed has colons of its own: `…:eip155:1:0x…`.
    let (token, feeds) = match token.split_once(":eip155:") {
        Some((token, chain)) => (token, format!("eip155:{chain}:0x{feeds}")),
        None => (token, format!("0x{feeds}")),
    };
    let feeds = feeds.split(',').map(address).collect::<Result<_, _>>()?;
    Ok(AssetWish { kind, token: address(token)?, feeds })
}

/// The kind of an asset.
pub(super) fn parse_kind(text: &str) -> Result<AssetKind, String> {
    match text {
        "stable" => Ok(AssetKind::Stable),
        "native" => Ok(AssetKind::Native),
        "volatile" => Ok(AssetKind::Volatile),
        other => Err(format!("`{other}` is no kind of asset; write stable, native or volatile")),
    }
}

fn address(text: &str) -> Result<Address, String> {
    let account = text.parse::<Caip10>().map(|account| account.address);
    let found = if text.starts_with("eip155:") { account } else { parse_address(text) };
    found.map_err(|error| error.to_string())
}

/// A pool such as `WETH/USDC:3000`: two symbols, and the fee in hundredths of a basis point.
///
/// # Errors
/// What to write instead.
pub fn parse_pool(text: &str) -> Result<PoolWish, String> {
    let form = || format!("`{text}` is no pool; write SYMBOL/SYMBOL:FEE, such as WETH/USDC:3000");
    let (pair, fee) = text.split_once(':').ok_or_else(form)?;
    let (a, b) = pair.split_once('/').ok_or_else(form)?;
    let fee_pips = fee.parse().map_err(|_| form())?;
    if a.is_empty() || b.is_empty() || a == b {
        return Err(form());
    }
    Ok(PoolWish { a: a.to_owned(), b: b.to_owned(), fee_pips })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
    const B: &str = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";

    #[test]
    fn assets_and_pools_are_read_or_refused_with_their_form() {
        let (a, b): (Address, Address) = (A.parse().unwrap(), B.parse().unwrap());
        let asset = |feeds| AssetWish { kind: AssetKind::Stable, token: a, feeds };
        assert_eq!(parse_asset(&format!("stable:{A}:{B}")), Ok(asset(vec![b])));
        assert_eq!(parse_asset(&format!("stable:{A}:{B},{A}")), Ok(asset(vec![b, a])));
        assert_eq!(parse_asset(&format!("stable:eip155:1:{A}:eip155:1:{B}")), Ok(asset(vec![b])));
        let lower = A.to_lowercase();
        for bad in ["", "stable", &format!("stable:{A}"), &format!("cash:{A}:{B}"), &format!("stable:{lower}:{B}")] {
            assert!(parse_asset(bad).is_err(), "{bad}");
        }
        let pool = PoolWish { a: "WETH".into(), b: "USDC".into(), fee_pips: 3_000 };
        assert_eq!(parse_pool("WETH/USDC:3000"), Ok(pool));
        for bad in ["", "WETH", "WETH/USDC", "WETH/WETH:500", "/USDC:500", "WETH/USDC:x"] {
            assert!(parse_pool(bad).is_err(), "{bad}");
        }
    }
}
