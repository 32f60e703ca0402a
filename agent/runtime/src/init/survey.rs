//! What the chain says of a DAO: all that need not be asked.

use super::{
    InitError,
    wish::{AssetWish, ContractsWish, PoolWish, Wishes},
};
use crate::{
    chain::{Chain, ChainError, Contracts, Read, Readings},
    config::MULTICALL3,
    owner::multisend::{MULTI_SENDS, find_multisend, known_multisend},
};
use alloy::{
    primitives::{Address, B256, aliases::U24, keccak256},
    sol_types::SolCall,
};
use quaestor_contracts::{
    bindings::{
        DecisionGate, EmergencyBrake, IAggregatorV3, IERC20, IGovernor, ISafe, ISwapRouter, IUniswapV3Factory,
        IUniswapV3Pool, PolicyRegistry,
    },
    deploy::Contract,
};
use quaestor_core::{Asset, AssetId, BlockRef, Envelope, Pool};

/// Without knowing a feed's own rhythm: a day and two hours, since most feeds speak at least daily.
const STALENESS_SECS: u64 = 26 * 3_600;
/// The fees of Uniswap v3's pools, hundredths of a basis point.
const FEES_PIPS: [u32; 4] = [100, 500, 3_000, 10_000];

/// What stands on the chain.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    pub(super) head: BlockRef,
    pub(super) contracts: Contracts,
    pub(super) deployed_block: u64,
    pub(super) ceilings: Envelope,
    pub(super) multisend: Address,
    pub(super) timelock: Option<Address>,
    pub(super) assets: Vec<Asset>,
    pub(super) venue: Option<(Address, B256, Vec<Pool>)>,
    /// What is not yet as an agent needs it; no reason not to write the files.
    pub(super) notes: Vec<String>,
}

/// Looks at everything that `wishes` name, at `head`.
pub(super) async fn survey(chain: &Chain, chain_id: u64, wishes: &Wishes, head: BlockRef) -> Result<Survey, InitError> {
    let look = Look { chain, head };
    let mut notes = Vec::new();
    look.chain.check_code(&[(MULTICALL3, "Multicall3")]).await?;
    let (contracts, deployed_block) = look.contracts(chain_id, &wishes.contracts).await?;
    let owner = look.ask(contracts.registry, &PolicyRegistry::ownerCall {}).await?;
    let ceilings = look.ask(contracts.registry, &PolicyRegistry::ceilingsCall {}).await?;
    let operators = look.ask(contracts.brake, &EmergencyBrake::operatorsCall {}).await?;
    if !operators.contains(&wishes.operator) {
        notes.push(format!("the brake lists no operator {0}; vote setOperator({0}, true) on it", wishes.operator));
    }
    let version = match wishes.safe {
        Some(safe) => Some(look.safe(safe, wishes.operator, &operators, &mut notes).await?),
        None => None,
    };
    let timelock = match wishes.governor {
        Some(governor) => {
            look.code(governor, "Governor").await?;
            let timelock = look.ask(governor, &IGovernor::timelockCall {}).await?;
            look.code(timelock, "timelock").await?;
            Some(timelock)
        }
        None => None,
    };
    if let Some(timelock) = timelock.filter(|timelock| *timelock != owner) {
        notes.push(format!(
            "the registry is owned by {owner}, the Governor's timelock is {timelock}; only the owner votes policies"
        ));
    }
    let multisend = look.multisend(wishes.multisend, version.as_deref()).await?;
    let assets = look.assets(&wishes.assets).await?;
    let venue = match wishes.router {
        Some(router) => Some(look.venue(router, &assets, &wishes.pools).await?),
        None => None,
    };
    Ok(Survey { head, contracts, deployed_block, ceilings, multisend, timelock, assets, venue, notes })
}

struct Look<'a> {
    chain: &'a Chain,
    head: BlockRef,
}

impl Look<'_> {
    async fn ask<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, InitError> {
        match self.chain.call_at(self.head.hash, to, C::SIGNATURE, call).await {
            Err(ChainError::Malformed { address, what }) => Err(InitError::Unreadable { address, what }),
            other => Ok(other?),
        }
    }

    async fn code(&self, address: Address, what: &str) -> Result<B256, InitError> {
        let code = self.chain.code_at(self.head.hash, &[address]).await?.pop().unwrap_or_default();
        if code.is_empty() {
            return Err(ChainError::NoCode { address, what: what.to_owned() }.into());
        }
        Ok(keccak256(code))
    }

    async fn contracts(&self, chain_id: u64, wish: &ContractsWish) -> Result<(Contracts, u64), InitError> {
        let (gate, deployed_block) = match wish {
            ContractsWish::Gate { gate, deployed_block } => (*gate, *deployed_block),
            ContractsWish::File(file) => {
                let gate = file.gate.as_ref().filter(|_| file.complete).ok_or(InitError::Incomplete)?;
                let gate: quaestor_core::Caip10 = gate.account.parse().map_err(|_| InitError::Incomplete)?;
                if gate.chain_id != chain_id {
                    return Err(InitError::WrongChain { expected: gate.chain_id, found: chain_id });
                }
                (gate.address, file.deployed_block)
            }
        };
        self.code(gate, "DecisionGate").await?;
        let registry = self.ask(gate, &DecisionGate::registryCall {}).await?;
        let brake = self.ask(gate, &DecisionGate::brakeCall {}).await?;
        let ours =
            [(registry, Contract::PolicyRegistry), (brake, Contract::EmergencyBrake), (gate, Contract::DecisionGate)];
        let codes = self.chain.code_at(self.head.hash, &ours.map(|(address, _)| address)).await?;
        for ((address, contract), code) in ours.into_iter().zip(codes) {
            contract.check_code(&code).map_err(|source| InitError::Code { address, contract, source })?;
        }
        Ok((Contracts { registry, brake, gate }, deployed_block))
    }

    /// The Safe's version.
    async fn safe(
        &self,
        safe: Address,
        operator: Address,
        operators: &[Address],
        notes: &mut Vec<String>,
    ) -> Result<String, InitError> {
        self.code(safe, "Safe").await?;
        let owners = self.ask(safe, &ISafe::getOwnersCall {}).await?;
        let threshold = self.ask(safe, &ISafe::getThresholdCall {}).await?;
        let threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
        let mut theirs: Vec<Address> =
            operators.iter().copied().chain([operator]).filter(|it| owners.contains(it)).collect();
        theirs.sort_unstable();
        theirs.dedup();
        if theirs.len() >= threshold {
            return Err(InitError::OperatorsReachThreshold { safe, operators: theirs.len(), threshold });
        }
        if !owners.contains(&operator) {
            notes.push(format!(
                "{operator} is no owner of the Safe; let its owners add it, with a threshold that people alone reach"
            ));
        }
        self.ask(safe, &ISafe::VERSIONCall {}).await
    }

    async fn multisend(&self, wish: Option<Address>, version: Option<&str>) -> Result<Address, InitError> {
        let of_version =
            MULTI_SENDS.iter().find(|known| Some(known.version) == version.map(|it| it.trim_end_matches("+L2")));
        let address = match (wish, of_version) {
            (Some(address), _) => address,
            (None, Some(known)) if self.code(known.address, "MultiSendCallOnly").await.is_ok() => known.address,
            _ => find_multisend(self.chain, self.head).await?.ok_or(InitError::NoMultiSend)?.address,
        };
        let code = self.chain.code_at(self.head.hash, &[address]).await?.pop().unwrap_or_default();
        known_multisend(&code).map(|_| address).ok_or(InitError::UnknownMultiSend { address })
    }

    async fn assets(&self, wishes: &[AssetWish]) -> Result<Vec<Asset>, InitError> {
        let mut reads = Vec::new();
        for wish in wishes {
            reads.push(Read::new(wish.token, &IERC20::symbolCall {}));
            reads.push(Read::new(wish.token, &IERC20::decimalsCall {}));
            reads.extend(wish.feeds.iter().map(|feed| Read::new(*feed, &IAggregatorV3::latestRoundDataCall {})));
        }
        let mut readings = Readings::default();
        readings.extend(self.chain.read_at(self.head.hash, reads).await?);
        let mut assets: Vec<Asset> = Vec::new();
        for wish in wishes {
            let unreadable = |address, what| InitError::Unreadable { address, what };
            let symbol = readings.get(wish.token, &IERC20::symbolCall {});
            let symbol = symbol.ok_or_else(|| unreadable(wish.token, "symbol()"))?;
            let decimals = readings.get(wish.token, &IERC20::decimalsCall {});
            let decimals = decimals.ok_or_else(|| unreadable(wish.token, "decimals()"))?;
            for feed in &wish.feeds {
                let round = readings.get(*feed, &IAggregatorV3::latestRoundDataCall {});
                round.ok_or_else(|| unreadable(*feed, "latestRoundData()"))?;
            }
            let symbol = name_of(&symbol, assets.iter().map(|asset| asset.symbol.as_str()));
            assets.push(Asset {
                symbol,
                address: wish.token,
                decimals,
                kind: wish.kind,
                feeds: wish.feeds.clone(),
                staleness_secs_max: STALENESS_SECS,
                code_hash: Some(self.code(wish.token, "token").await?),
            });
        }
        Ok(assets)
    }

    async fn venue(
        &self,
        router: Address,
        assets: &[Asset],
        wishes: &[PoolWish],
    ) -> Result<(Address, B256, Vec<Pool>), InitError> {
        let code_hash = self.code(router, "SwapRouter").await?;
        let factory = self.ask(router, &ISwapRouter::factoryCall {}).await?;
        let pools = if wishes.is_empty() {
            self.deepest_pools(factory, assets).await?
        } else {
            let named = |symbol: &str| {
                let position =
                    assets.iter().position(|asset| asset.symbol == symbol).and_then(|it| u16::try_from(it).ok());
                position.map(AssetId).ok_or_else(|| InitError::PoolAsset { symbol: symbol.to_owned() })
            };
            let pool = |wish: &PoolWish| {
                Ok::<_, InitError>(Pool { a: named(&wish.a)?, b: named(&wish.b)?, fee_pips: wish.fee_pips })
            };
            wishes.iter().map(pool).collect::<Result<_, _>>()?
        };
        if pools.is_empty() { Err(InitError::NoPool { router }) } else { Ok((router, code_hash, pools)) }
    }

    /// For each asset but cash, its pool with cash that has the most liquidity.
    async fn deepest_pools(&self, factory: Address, assets: &[Asset]) -> Result<Vec<Pool>, InitError> {
        let Some(cash) = super::cash(assets) else { return Ok(Vec::new()) };
        let Some(cash_token) = assets.get(cash.index()).map(|asset| asset.address) else { return Ok(Vec::new()) };
        let mut pools = Vec::new();
        for (position, asset) in assets.iter().enumerate().filter(|(position, _)| *position != cash.index()) {
            let mut best = None;
            for fee_pips in FEES_PIPS {
                let fee = U24::from(fee_pips);
                let call = IUniswapV3Factory::getPoolCall { tokenA: asset.address, tokenB: cash_token, fee };
                let pool = self.ask(factory, &call).await?;
                if pool.is_zero() {
                    continue;
                }
                let liquidity = self.ask(pool, &IUniswapV3Pool::liquidityCall {}).await?;
                if liquidity > best.map_or(0, |(most, _)| most) {
                    best = Some((liquidity, fee_pips));
                }
            }
            if let (Some((_, fee_pips)), Ok(index)) = (best, u16::try_from(position)) {
                pools.push(Pool { a: AssetId(index), b: cash, fee_pips });
            }
        }
        Ok(pools)
    }
}

/// A name of the policy language for a token's symbol, different from those `taken`: a token may call itself anything.
fn name_of<'a>(symbol: &str, taken: impl Iterator<Item = &'a str>) -> String {
    let kept = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let mut name: String = symbol.chars().filter(kept).take(20).collect();
    if name == "USD" || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert(0, 'T');
    }
    let taken: Vec<&str> = taken.collect();
    while taken.contains(&name.as_str()) {
        // Each turn makes it longer than one name more, so it ends.
        name.push('2');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_calls_itself_anything_gets_a_name() {
        let name = |symbol| name_of(symbol, ["WETH"].into_iter());
        assert_eq!(name("USDC"), "USDC");
        assert_eq!(name("USD₮0"), "USD0");
        assert_eq!(name("USD"), "TUSD");
        assert_eq!(name("1INCH"), "T1INCH");
        assert_eq!(name("WETH"), "WETH2");
        assert_eq!(name("\"]\n[policy]"), "policy");
        assert_eq!(name("\u{202e}"), "T");
    }
}
