//! Deploys and funds the local DAO.

use super::{
    Chain, DevnetError, Issue, Options, Packages,
    dao::{Controls, Dao, DaoAsset, DaoPool, DaoVault, Governance, MULTICALL3, People, SafeContracts, Uniswap},
    market::{self, FEED_DECIMALS, Side},
    people,
    replay::{answer_of, rounds_of},
};
use alloy::{
    primitives::{Address, B256, Bytes, U256, aliases::U48, keccak256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
    sol_types::{SolCall, SolConstructor, SolEvent},
};
use quaestor_contracts::{
    bindings::{
        DecisionGate, DevnetAsset, DevnetGovernor, DevnetVault, DevnetVotes, EmergencyBrake, IERC20, IERC4626,
        INonfungiblePositionManager, ISafe, ISafeProxyFactory, ISwapRouter, ITimelock, IVotes, IWETH9, PolicyRegistry,
        ReplayFeed,
    },
    deploy as creation,
};
use quaestor_core::{Amount, Price, Value, amount::pow10};
use std::collections::BTreeMap;

/// Owners who must confirm, of four.
const SAFE_THRESHOLD: u64 = 3;
/// Whole votes: 33 % for each member, 1 % for the operator.
const VOTES_MEMBER: u128 = 3_300_000;
const VOTES_OPERATOR: u128 = 100_000;
/// Whole votes that a proposer needs; the operator has just enough.
const VOTES_TO_PROPOSE: u128 = VOTES_OPERATOR;
/// Rounds of a feed in one transaction, so that it fits into a block.
const ROUNDS_PER_CALL: usize = 200;
/// The market's means: more ether and tokens than any replay needs, and far below 2^128 base units.
const MARKET_ETHER: u128 = 2_000_000_000 * quaestor_core::amount::WAD;
const MARKET_WHOLE_TOKENS: u128 = 1_000_000_000_000;
/// Beyond every replay, Unix seconds.
const FAR_FUTURE: u64 = 1 << 40;

const SAFE: &str = "@safe-global/safe-smart-account/build/artifacts/contracts";
const UNISWAP_CORE: &str = "@uniswap/v3-core/artifacts/contracts";
const UNISWAP_PERIPHERY: &str = "@uniswap/v3-periphery/artifacts/contracts";

/// Deploys everything from fixed accounts in a fixed order, so that the addresses never change.
pub(super) async fn deploy(chain: &Chain, packages: &Packages, options: &Options) -> Result<Dao, DevnetError> {
    let people = People::new(chain.keys()).ok_or(DevnetError::Options { reason: "anvil gave too few accounts" })?;
    let site = Site { chain, packages, options, deployer: people.deployer.address(), market: people.market.address() };
    let chain_id = chain.rpc("eth_chainId", chain.provider().get_chain_id().await)?;
    site.multicall().await?;
    let safe = site.safe(&people).await?;
    let mut assets = site.assets().await?;
    let uniswap = site.uniswap(&assets).await?;
    let pools = site.pools(&uniswap, &assets).await?;
    let governance = site.governance(&people).await?;
    let controls = site.controls(&people, governance.timelock).await?;
    site.fund(&mut assets, safe.account, governance.timelock).await?;
    let vaults = site.vaults(&assets).await?;
    let mut dao = Dao {
        chain_id,
        people,
        safe,
        governance,
        controls,
        uniswap,
        multicall: MULTICALL3,
        assets,
        pools,
        vaults,
        code_hashes: BTreeMap::new(),
        block: chain.rpc("eth_blockNumber", chain.provider().get_block_number().await)?,
    };
    dao.code_hashes = code_hashes(chain, &dao).await?;
    Ok(dao)
}

/// What every step of the deployment needs.
struct Site<'a> {
    chain: &'a Chain,
    packages: &'a Packages,
    options: &'a Options,
    deployer: Address,
    market: Address,
}

impl Site<'_> {
    async fn create(&self, artifact: &str, arguments: &[u8]) -> Result<Address, DevnetError> {
        let code = self.packages.bytecode(artifact)?;
        Ok(self.chain.deploy(artifact, self.deployer, &code, arguments).await?)
    }

    async fn create_ours(
        &self,
        what: &str,
        code: &Bytes,
        arguments: impl SolConstructor,
    ) -> Result<Address, DevnetError> {
        Ok(self.chain.deploy(what, self.deployer, code, &arguments.abi_encode()).await?)
    }

    /// A call of the market account.
    async fn trade<C: SolCall>(&self, to: Address, call: &C) -> Result<(), DevnetError> {
        self.chain.send(C::SIGNATURE, self.market, &people::call(to, call)).await?;
        Ok(())
    }

    async fn multicall(&self) -> Result<(), DevnetError> {
        // alloy carries the creation code; the runtime code begins after its 32 bytes of constructor.
        let creation = &alloy::providers::bindings::IMulticall3::BYTECODE;
        let runtime = creation.slice(32.min(creation.len())..);
        self.chain.rpc("anvil_setCode", self.chain.provider().anvil_set_code(MULTICALL3, runtime).await)?;
        self.chain.set_balance(self.market, U256::from(2 * MARKET_ETHER)).await?;
        Ok(())
    }

    async fn safe(&self, people: &People) -> Result<SafeContracts, DevnetError> {
        let singleton = self.create(&format!("{SAFE}/Safe.sol/Safe.json"), &[]).await?;
        let proxy_factory =
            self.create(&format!("{SAFE}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json"), &[]).await?;
        let multi_send =
            self.create(&format!("{SAFE}/libraries/MultiSendCallOnly.sol/MultiSendCallOnly.json"), &[]).await?;
        let handler = "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json";
        let fallback_handler = self.create(&format!("{SAFE}/{handler}"), &[]).await?;

        let owners = std::iter::once(&people.operator).chain(&people.owners).map(|owner| owner.address());
        let setup = ISafe::setupCall {
            owners: owners.collect(),
            threshold: U256::from(SAFE_THRESHOLD),
            to: Address::ZERO,
            data: Bytes::new(),
            fallbackHandler: fallback_handler,
            paymentToken: Address::ZERO,
            payment: U256::ZERO,
            paymentReceiver: Address::ZERO,
        };
        let create = ISafeProxyFactory::createProxyWithNonceCall {
            singleton,
            initializer: setup.abi_encode().into(),
            saltNonce: U256::ZERO,
        };
        let receipt =
            self.chain.send("createProxyWithNonce", self.deployer, &people::call(proxy_factory, &create)).await?;
        let created = receipt.logs().iter().find_map(|log| {
            ISafeProxyFactory::ProxyCreation::decode_log(&log.inner).ok().map(|event| event.data.proxy)
        });
        let account = created.ok_or(DevnetError::Missing { contract: proxy_factory, what: "ProxyCreation event" })?;
        Ok(SafeContracts { account, singleton, proxy_factory, multi_send, fallback_handler })
    }

    async fn assets(&self) -> Result<Vec<DaoAsset>, DevnetError> {
        let mut assets = Vec::new();
        for plan in &self.options.assets {
            let address = match plan.issue {
                Issue::WrappedEther => self.create("canonical-weth/build/contracts/WETH9.json", &[]).await?,
                Issue::Minted => {
                    let arguments = DevnetAsset::constructorCall {
                        name_: plan.name.clone(),
                        symbol_: plan.symbol.clone(),
                        decimals_: plan.decimals,
                        owner_: self.market,
                    };
                    self.create_ours(&plan.symbol, &DevnetAsset::BYTECODE, arguments).await?
                }
            };
            match plan.issue {
                Issue::WrappedEther => {
                    let tx =
                        TransactionRequest::default().from(self.market).to(address).value(U256::from(MARKET_ETHER));
                    let tx = tx.input(IWETH9::depositCall {}.abi_encode().into());
                    self.chain.transact("deposit", tx).await?;
                }
                Issue::Minted => {
                    let amount = U256::from(MARKET_WHOLE_TOKENS) * U256::from(pow10(plan.decimals));
                    self.trade(address, &DevnetAsset::mintCall { to: self.market, amount }).await?;
                }
            }
            let feed = self.feed(&plan.symbol).await?;
            assets.push(DaoAsset {
                symbol: plan.symbol.clone(),
                address,
                decimals: plan.decimals,
                kind: plan.kind,
                share_bps: plan.share_bps,
                feed,
                in_safe: Amount::ZERO,
                in_timelock: Amount::ZERO,
            });
        }
        Ok(assets)
    }

    /// A feed with the whole history in its rounds.
    async fn feed(&self, symbol: &str) -> Result<Address, DevnetError> {
        let arguments = ReplayFeed::constructorCall {
            owner_: self.market,
            decimals_: FEED_DECIMALS,
            description_: format!("{symbol} / USD"),
        };
        let feed = self.create_ours(&format!("{symbol} feed"), &ReplayFeed::BYTECODE, arguments).await?;
        for rounds in rounds_of(symbol, &self.options.history)?.chunks(ROUNDS_PER_CALL) {
            self.trade(feed, &ReplayFeed::pushManyCall { rounds: rounds.to_vec() }).await?;
        }
        Ok(feed)
    }

    async fn uniswap(&self, assets: &[DaoAsset]) -> Result<Uniswap, DevnetError> {
        let wrapped = self.options.assets.iter().position(|plan| plan.issue == Issue::WrappedEther);
        let weth9 = wrapped.and_then(|position| assets.get(position)).map(|asset| asset.address);
        let weth9 =
            weth9.ok_or(DevnetError::Options { reason: "no asset is wrapped ether, which the router needs" })?;
        let factory = self.create(&format!("{UNISWAP_CORE}/UniswapV3Factory.sol/UniswapV3Factory.json"), &[]).await?;
        let arguments = ISwapRouter::constructorCall { factory, weth9 }.abi_encode();
        let router = self.create(&format!("{UNISWAP_PERIPHERY}/SwapRouter.sol/SwapRouter.json"), &arguments).await?;
        let arguments = INonfungiblePositionManager::constructorCall { factory, weth9, tokenDescriptor: Address::ZERO };
        let manager = "NonfungiblePositionManager.sol/NonfungiblePositionManager.json";
        let positions = self.create(&format!("{UNISWAP_PERIPHERY}/{manager}"), &arguments.abi_encode()).await?;
        for asset in assets {
            for spender in [router, positions] {
                self.trade(asset.address, &IERC20::approveCall { spender, value: U256::MAX }).await?;
            }
        }
        Ok(Uniswap { factory, router, positions, fee_pips: self.options.pool_fee_pips })
    }

    async fn pools(&self, uniswap: &Uniswap, assets: &[DaoAsset]) -> Result<Vec<DaoPool>, DevnetError> {
        let unknown = DevnetError::Options { reason: "the pools' fee must be 500, 3000 or 10000" };
        let (Some(range), Some(fee)) = (market::full_range(uniswap.fee_pips), market::fee(uniswap.fee_pips)) else {
            return Err(unknown);
        };
        let (quote, bases) = assets.split_first().ok_or(DevnetError::Options { reason: "there are no assets" })?;
        let mut pools = Vec::new();
        for (position, base) in bases.iter().enumerate() {
            let (side0, side1) = if base.address < quote.address { (base, quote) } else { (quote, base) };
            let side = |asset: &DaoAsset| {
                Ok::<_, DevnetError>(Side { answer: self.answer(&asset.symbol)?, decimals: asset.decimals })
            };
            let root = market::sqrt_price_x96(side(side0)?, side(side1)?)
                .ok_or(DevnetError::Options { reason: "a price does not fit into a pool" })?;
            let create = INonfungiblePositionManager::createAndInitializePoolIfNecessaryCall {
                token0: side0.address,
                token1: side1.address,
                fee,
                sqrtPriceX96: root,
            };
            let amount = |asset: &DaoAsset| self.worth(asset, self.options.pool_side).map(|amount| amount.to_u256());
            let mint = INonfungiblePositionManager::MintParams {
                token0: side0.address,
                token1: side1.address,
                fee,
                tickLower: range.0,
                tickUpper: range.1,
                amount0Desired: amount(side0)?,
                amount1Desired: amount(side1)?,
                amount0Min: U256::ZERO,
                amount1Min: U256::ZERO,
                recipient: self.market,
                deadline: U256::from(FAR_FUTURE),
            };
            self.trade(uniswap.positions, &create).await?;
            self.trade(uniswap.positions, &INonfungiblePositionManager::mintCall { params: mint }).await?;
            let address = self.pool_address(uniswap.factory, side0.address, side1.address, uniswap.fee_pips).await?;
            pools.push(DaoPool { base: position + 1, quote: 0, address });
        }
        Ok(pools)
    }

    async fn pool_address(&self, factory: Address, a: Address, b: Address, fee: u32) -> Result<Address, DevnetError> {
        use quaestor_contracts::bindings::IUniswapV3Factory::getPoolCall;
        let fee = market::fee(fee).unwrap_or_default();
        Ok(self.chain.read(factory, &getPoolCall { tokenA: a, tokenB: b, fee }).await?)
    }

    async fn governance(&self, people: &People) -> Result<Governance, DevnetError> {
        let options = self.options;
        let members = people.members.each_ref().map(|member| (member.address(), VOTES_MEMBER));
        let holders: Vec<_> = members.into_iter().chain([(people.operator.address(), VOTES_OPERATOR)]).collect();
        let whole = |votes: u128| U256::from(votes) * U256::from(pow10(18));
        let arguments = DevnetVotes::constructorCall {
            name_: "Local DAO".to_owned(),
            symbol_: "VOTE".to_owned(),
            holders: holders.iter().map(|(holder, _)| *holder).collect(),
            amounts: holders.iter().map(|(_, votes)| whole(*votes)).collect(),
        };
        let votes = self.create_ours("DevnetVotes", &DevnetVotes::BYTECODE, arguments).await?;
        for (holder, _) in holders {
            let delegate = people::call(votes, &IVotes::delegateCall { delegatee: holder });
            self.chain.send("delegate", holder, &delegate).await?;
        }

        // Timelock and Governor name each other; the Governor's address is known before it is there. So the timelock
        // never needs an administrator besides itself.
        let nonce = self.chain.rpc("nonce", self.chain.provider().get_transaction_count(self.deployer).await)?;
        let governor = self.deployer.create(nonce + 1);
        let arguments = ITimelock::constructorCall {
            minDelay: U256::from(options.timelock_delay_secs),
            proposers: vec![governor],
            executors: vec![Address::ZERO],
            admin: Address::ZERO,
        };
        let timelock = "@openzeppelin/contracts/build/contracts/TimelockController.json";
        let timelock = self.create(timelock, &arguments.abi_encode()).await?;
        let arguments = DevnetGovernor::constructorCall {
            name_: "Local DAO".to_owned(),
            token_: votes,
            timelock_: timelock,
            delay_: U48::from(options.voting_delay_blocks),
            period_: options.voting_period_blocks,
            threshold_: whole(VOTES_TO_PROPOSE),
            quorumPercent_: U256::from(options.quorum_percent),
        };
        let deployed = self.create_ours("DevnetGovernor", &DevnetGovernor::BYTECODE, arguments).await?;
        if deployed != governor {
            return Err(DevnetError::Missing { contract: governor, what: "code; another address was deployed to" });
        }
        Ok(Governance {
            votes,
            governor,
            timelock,
            voting_delay_blocks: options.voting_delay_blocks,
            voting_period_blocks: options.voting_period_blocks,
            timelock_delay_secs: options.timelock_delay_secs,
        })
    }

    async fn controls(&self, people: &People, timelock: Address) -> Result<Controls, DevnetError> {
        let options = self.options;
        let guardians: Vec<_> = people.guardians.iter().map(|guardian| guardian.address()).collect();
        let arguments = PolicyRegistry::constructorCall {
            owner_: timelock,
            delaySecs_: options.registry_delay_secs,
            guardians_: guardians.clone(),
            ceilings_: options.ceilings,
        };
        let registry =
            self.chain.deploy("PolicyRegistry", self.deployer, &creation::policy_registry(&arguments), &[]).await?;
        let genesis = options.history.last().ok_or(DevnetError::NoHistory)?.timestamp;
        let lease_until = genesis + options.lease_secs;
        let arguments = EmergencyBrake::constructorCall {
            owner_: timelock,
            registry_: registry,
            pullSecs_: options.pull_secs,
            operators_: vec![people.operator.address()],
            leaseUntil_: lease_until,
            armedGuardians_: guardians,
        };
        let brake =
            self.chain.deploy("EmergencyBrake", self.deployer, &creation::emergency_brake(&arguments), &[]).await?;
        let arguments = DecisionGate::constructorCall { registry_: registry, brake_: brake };
        let gate = self.chain.deploy("DecisionGate", self.deployer, &creation::decision_gate(&arguments), &[]).await?;
        let (registry_delay_secs, pull_secs) = (options.registry_delay_secs, options.pull_secs);
        Ok(Controls { registry, brake, gate, registry_delay_secs, pull_secs, lease_until })
    }

    /// Gives Safe and timelock what they begin with.
    async fn fund(&self, assets: &mut [DaoAsset], safe: Address, timelock: Address) -> Result<(), DevnetError> {
        let too_much = || DevnetError::Options { reason: "the first asset's share is smaller than the reserve" };
        for (position, asset) in assets.iter_mut().enumerate() {
            let share = self.options.nav.share(asset.share_bps);
            let mut share = share.ok_or(DevnetError::Options { reason: "the treasury is worth too much" })?;
            if position == 0 {
                share = Value(share.0.checked_sub(self.options.reserve.0).ok_or_else(too_much)?);
                asset.in_timelock = self.worth(asset, self.options.reserve)?;
            }
            asset.in_safe = self.worth(asset, share)?;
            for (to, amount) in [(safe, asset.in_safe), (timelock, asset.in_timelock)] {
                if !amount.is_zero() {
                    self.trade(asset.address, &IERC20::transferCall { to, value: amount.to_u256() }).await?;
                }
            }
        }
        Ok(())
    }

    /// Vaults that the market uses too, so that the treasury is not alone in them.
    async fn vaults(&self, assets: &[DaoAsset]) -> Result<Vec<DaoVault>, DevnetError> {
        let asset = assets.first().ok_or(DevnetError::Options { reason: "there are no assets" })?;
        let mut vaults = Vec::new();
        for plan in &self.options.vaults {
            let arguments = DevnetVault::constructorCall {
                asset_: asset.address,
                name_: format!("{} of {}", asset.symbol, plan.name),
                symbol_: plan.symbol.clone(),
            };
            let address = self.create_ours(&plan.symbol, &DevnetVault::BYTECODE, arguments).await?;
            self.trade(asset.address, &IERC20::approveCall { spender: address, value: U256::MAX }).await?;
            let assets = self.worth(asset, plan.seed)?.to_u256();
            self.trade(address, &IERC4626::depositCall { assets, receiver: self.market }).await?;
            vaults.push(DaoVault { name: plan.name.clone(), symbol: plan.symbol.clone(), address });
        }
        Ok(vaults)
    }

    /// The feed's answer at the start.
    fn answer(&self, symbol: &str) -> Result<u128, DevnetError> {
        answer_of(symbol, self.options.history.last().ok_or(DevnetError::NoHistory)?)
    }

    /// How much of an asset has this worth at the start.
    fn worth(&self, asset: &DaoAsset, value: Value) -> Result<Amount, DevnetError> {
        let price = Price(self.answer(&asset.symbol)? * pow10(18 - FEED_DECIMALS));
        value
            .amount_at(price, pow10(asset.decimals))
            .ok_or(DevnetError::Options { reason: "an amount of the treasury or of a pool does not fit in 128 bits" })
    }
}

async fn code_hashes(chain: &Chain, dao: &Dao) -> Result<BTreeMap<Address, B256>, DevnetError> {
    let SafeContracts { account, singleton, proxy_factory, multi_send, fallback_handler } = dao.safe;
    let Governance { votes, governor, timelock, .. } = dao.governance;
    let Controls { registry, brake, gate, .. } = dao.controls;
    let Uniswap { factory, router, positions, .. } = dao.uniswap;
    let mut contracts =
        vec![account, singleton, proxy_factory, multi_send, fallback_handler, votes, governor, timelock];
    contracts.extend([registry, brake, gate, factory, router, positions, dao.multicall]);
    contracts.extend(dao.assets.iter().flat_map(|asset| [asset.address, asset.feed]));
    contracts.extend(dao.pools.iter().map(|pool| pool.address));
    contracts.extend(dao.vaults.iter().map(|vault| vault.address));
    let mut hashes = BTreeMap::new();
    for contract in contracts {
        let code = chain.rpc("eth_getCode", chain.provider().get_code_at(contract).latest().await)?;
        if code.is_empty() {
            return Err(DevnetError::Missing { contract, what: "code" });
        }
        hashes.insert(contract, keccak256(&code));
    }
    Ok(hashes)
}
