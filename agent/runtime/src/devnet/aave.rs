//! A market of Aave v3 on the local chain, from the compiled contracts of `@aave/core-v3`: the real Pool behind its proxy,
//! with a borrower in it, so that what is supplied earns. Its oracle answers fixed prices; nobody is liquidated.

use super::{Chain, Devnet, DevnetError, Packages, dao::DaoAsset, people};
use alloy::{
    primitives::{Address, Bytes, I256, U256},
    sol_types::{SolCall, SolConstructor},
};
use quaestor_contracts::bindings::{
    IAaveACLManager, IAaveAggregator, IAaveConfigurator, IAaveInterestRate, IAaveOracle, IAavePart, IAavePool,
    IAaveProvider, IERC20,
};
use quaestor_core::amount::{BPS_ONE, pow10};
use std::collections::BTreeMap;

const AAVE: &str = "@aave/core-v3/artifacts/contracts";
/// Libraries of the Pool and its configurator, each after those that it calls.
const LIBRARIES: [&str; 8] = [
    "BorrowLogic",
    "BridgeLogic",
    "ConfiguratorLogic",
    "EModeLogic",
    "FlashLoanLogic",
    "LiquidationLogic",
    "PoolLogic",
    "SupplyLogic",
];
/// One in rays, of which Aave's rates and indices are.
const RAY: u128 = 1_000_000_000_000_000_000_000_000_000;
/// The interest mode of a loan with a variable rate.
const VARIABLE: u64 = 2;
/// What the market supplies and borrows, in whole tokens of the reserve.
const SUPPLIED_WHOLE: u128 = 5_000_000;
const BORROWED_WHOLE: u128 = 3_000_000;
/// What may be borrowed against the reserve, and when a loan is liquidated, in bps of its worth.
const LTV_BPS: u64 = 8_000;
const LIQUIDATION_BPS: u64 = 8_500;
const LIQUIDATION_BONUS_BPS: u64 = 10_500;
/// Dollars with eight decimals, as Aave's oracle counts.
const DOLLAR: u128 = 100_000_000;

/// A market of one reserve.
#[derive(Debug, Clone, Copy)]
pub struct AaveMarket {
    /// What is supplied and called.
    pub pool: Address,
    /// What sets a reserve up; the market account is its administrator.
    pub configurator: Address,
    /// The reserve's asset.
    pub asset: Address,
    /// What the Pool gives for it.
    pub atoken: Address,
}

impl Devnet {
    /// Deploys a market of Aave v3 with the DAO's first asset as its reserve, of which the market supplies five million
    /// and borrows three.
    ///
    /// # Errors
    /// If packages, chain or a contract refuse.
    pub async fn deploy_aave(&self) -> Result<AaveMarket, DevnetError> {
        let asset = self.dao.assets.first().ok_or(DevnetError::Options { reason: "there are no assets" })?;
        let packages = Packages::ensure(None)?;
        let mut works =
            Works { chain: &self.chain, packages, admin: self.dao.people.market.address(), libraries: BTreeMap::new() };
        works.libraries().await?;
        let provider = works.provider(asset.address).await?;
        let pool = self.chain.read(provider, &IAaveProvider::getPoolCall {}).await?;
        let configurator = self.chain.read(provider, &IAaveProvider::getPoolConfiguratorCall {}).await?;
        works.reserve(provider, pool, configurator, asset).await?;
        works.trade(pool, asset).await?;
        let reserve = self.chain.read(pool, &IAavePool::getReserveDataCall { asset: asset.address }).await?;
        Ok(AaveMarket { pool, configurator, asset: asset.address, atoken: reserve.aTokenAddress })
    }

    /// Freezes the reserve, or opens it again: what is frozen takes no more and still gives back.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn freeze_aave(&self, market: &AaveMarket, freeze: bool) -> Result<(), DevnetError> {
        let call = IAaveConfigurator::setReserveFreezeCall { asset: market.asset, freeze };
        let call = people::call(market.configurator, &call);
        self.chain.send("setReserveFreeze", self.dao.people.market.address(), &call).await?;
        Ok(())
    }
}

/// What every step of the deployment needs.
struct Works<'a> {
    chain: &'a Chain,
    packages: Packages,
    admin: Address,
    libraries: BTreeMap<&'static str, Address>,
}

impl Works<'_> {
    async fn create(&self, part: &str, arguments: &[u8]) -> Result<Address, DevnetError> {
        let name = part.rsplit('/').next().unwrap_or(part);
        let code = self.packages.linked(&format!("{AAVE}/{part}.sol/{name}.json"), &self.libraries)?;
        Ok(self.chain.deploy(name, self.admin, &code, arguments).await?)
    }

    /// A contract that is made with the address of the provider or of the Pool.
    async fn part(&self, part: &str, of: Address) -> Result<Address, DevnetError> {
        self.create(part, &IAavePart::constructorCall { of }.abi_encode()).await
    }

    async fn send<C: SolCall>(&self, to: Address, call: &C) -> Result<(), DevnetError> {
        self.chain.send(C::SIGNATURE, self.admin, &people::call(to, call)).await?;
        Ok(())
    }

    async fn libraries(&mut self) -> Result<(), DevnetError> {
        for name in LIBRARIES {
            let address = self.create(&format!("protocol/libraries/logic/{name}"), &[]).await?;
            self.libraries.insert(name, address);
        }
        Ok(())
    }

    /// The registry of the market's parts, with Pool and configurator behind their proxies.
    async fn provider(&self, asset: Address) -> Result<Address, DevnetError> {
        let arguments = IAaveProvider::constructorCall { marketId: "Local market".to_owned(), owner: self.admin };
        let provider = self.create("protocol/configuration/PoolAddressesProvider", &arguments.abi_encode()).await?;
        self.send(provider, &IAaveProvider::setACLAdminCall { newAclAdmin: self.admin }).await?;
        let roles = self.part("protocol/configuration/ACLManager", provider).await?;
        self.send(provider, &IAaveProvider::setACLManagerCall { newAclManager: roles }).await?;
        self.send(roles, &IAaveACLManager::addPoolAdminCall { admin: self.admin }).await?;

        let arguments = IAaveAggregator::constructorCall { initialAnswer: I256::from_raw(U256::from(DOLLAR)) };
        let source = self.create("mocks/oracle/CLAggregators/MockAggregator", &arguments.abi_encode()).await?;
        let arguments = IAaveOracle::constructorCall {
            provider,
            assets: vec![asset],
            sources: vec![source],
            fallbackOracle: Address::ZERO,
            baseCurrency: Address::ZERO,
            baseCurrencyUnit: U256::from(DOLLAR),
        };
        let oracle = self.create("misc/AaveOracle", &arguments.abi_encode()).await?;
        self.send(provider, &IAaveProvider::setPriceOracleCall { newPriceOracle: oracle }).await?;

        let pool = self.part("protocol/pool/Pool", provider).await?;
        self.send(provider, &IAaveProvider::setPoolImplCall { newPoolImpl: pool }).await?;
        let configurator = self.create("protocol/pool/PoolConfigurator", &[]).await?;
        let set = IAaveProvider::setPoolConfiguratorImplCall { newPoolConfiguratorImpl: configurator };
        self.send(provider, &set).await?;
        Ok(provider)
    }

    async fn reserve(
        &self,
        provider: Address,
        pool: Address,
        configurator: Address,
        asset: &DaoAsset,
    ) -> Result<(), DevnetError> {
        // Four per cent a year at the optimal use of nine tenths, and steep above it, as stable reserves have it.
        let rays = |bps: u128| U256::from(RAY / BPS_ONE * bps);
        let rates = IAaveInterestRate::constructorCall {
            provider,
            optimalUsageRatio: rays(9_000),
            baseVariableBorrowRate: U256::ZERO,
            variableRateSlope1: rays(400),
            variableRateSlope2: rays(6_000),
            stableRateSlope1: rays(50),
            stableRateSlope2: rays(6_000),
            baseStableRateOffset: rays(100),
            stableRateExcessOffset: rays(800),
            optimalStableToTotalDebtRatio: rays(2_000),
        };
        let rates = self.create("protocol/pool/DefaultReserveInterestRateStrategy", &rates.abi_encode()).await?;
        let symbol = &asset.symbol;
        let named = |kind: &str, prefix: &str| (format!("{kind} of {symbol}"), format!("{prefix}{symbol}"));
        let (atoken, variable, stable) = (named("aToken", "a"), named("Variable debt", "v"), named("Stable debt", "s"));
        let input = IAaveConfigurator::InitReserveInput {
            aTokenImpl: self.part("protocol/tokenization/AToken", pool).await?,
            stableDebtTokenImpl: self.part("protocol/tokenization/StableDebtToken", pool).await?,
            variableDebtTokenImpl: self.part("protocol/tokenization/VariableDebtToken", pool).await?,
            underlyingAssetDecimals: asset.decimals,
            interestRateStrategyAddress: rates,
            underlyingAsset: asset.address,
            treasury: self.admin,
            incentivesController: Address::ZERO,
            aTokenName: atoken.0,
            aTokenSymbol: atoken.1,
            variableDebtTokenName: variable.0,
            variableDebtTokenSymbol: variable.1,
            stableDebtTokenName: stable.0,
            stableDebtTokenSymbol: stable.1,
            params: Bytes::new(),
        };
        self.send(configurator, &IAaveConfigurator::initReservesCall { input: vec![input] }).await?;
        let collateral = IAaveConfigurator::configureReserveAsCollateralCall {
            asset: asset.address,
            ltv: U256::from(LTV_BPS),
            liquidationThreshold: U256::from(LIQUIDATION_BPS),
            liquidationBonus: U256::from(LIQUIDATION_BONUS_BPS),
        };
        self.send(configurator, &collateral).await?;
        let borrowing = IAaveConfigurator::setReserveBorrowingCall { asset: asset.address, enabled: true };
        self.send(configurator, &borrowing).await
    }

    /// The market supplies and borrows.
    async fn trade(&self, pool: Address, asset: &DaoAsset) -> Result<(), DevnetError> {
        let whole = |amount: u128| U256::from(amount) * U256::from(pow10(asset.decimals));
        self.send(asset.address, &IERC20::approveCall { spender: pool, value: U256::MAX }).await?;
        let (asset, admin) = (asset.address, self.admin);
        let supply = IAavePool::supplyCall { asset, amount: whole(SUPPLIED_WHOLE), onBehalfOf: admin, referralCode: 0 };
        self.send(pool, &supply).await?;
        let borrow = IAavePool::borrowCall {
            asset,
            amount: whole(BORROWED_WHOLE),
            interestRateMode: U256::from(VARIABLE),
            referralCode: 0,
            onBehalfOf: admin,
        };
        self.send(pool, &borrow).await
    }
}
