//! Aave v3 (`@aave/core-v3` 1.19.3). Later versions of the Pool answer `getReserveData` with the same words.

use alloy_sol_types::sol;

sol! {
    #[sol(all_derives)]
    interface IAavePool {
        /// A map of bits: 56 active, 57 frozen, 60 paused; the rest is not read.
        struct ReserveConfigurationMap {
            uint256 data;
        }

        struct ReserveData {
            ReserveConfigurationMap configuration;
            uint128 liquidityIndex;
            uint128 currentLiquidityRate;
            uint128 variableBorrowIndex;
            uint128 currentVariableBorrowRate;
            uint128 currentStableBorrowRate;
            uint40 lastUpdateTimestamp;
            uint16 id;
            address aTokenAddress;
            address stableDebtTokenAddress;
            address variableDebtTokenAddress;
            address interestRateStrategyAddress;
            uint128 accruedToTreasury;
            uint128 unbacked;
            uint128 isolationModeTotalDebt;
        }

        function supply(address asset, uint256 amount, address onBehalfOf, uint16 referralCode) external;
        function withdraw(address asset, uint256 amount, address to) external returns (uint256);
        function borrow(address asset, uint256 amount, uint256 interestRateMode, uint16 referralCode, address onBehalfOf) external;
        function getReserveData(address asset) external view returns (ReserveData memory);
        function getReserveNormalizedIncome(address asset) external view returns (uint256);
    }
}

// What the local market is made of.
sol! {
    interface IAaveProvider {
        constructor(string marketId, address owner);
        function setACLAdmin(address newAclAdmin) external;
        function setACLManager(address newAclManager) external;
        function setPriceOracle(address newPriceOracle) external;
        function setPoolImpl(address newPoolImpl) external;
        function setPoolConfiguratorImpl(address newPoolConfiguratorImpl) external;
        function getPool() external view returns (address);
        function getPoolConfigurator() external view returns (address);
    }

    interface IAaveACLManager {
        function addPoolAdmin(address admin) external;
    }

    /// Pool, ACL manager, aToken and the debt tokens are all made with one address: the provider or the Pool.
    interface IAavePart {
        constructor(address of);
    }

    interface IAaveAggregator {
        constructor(int256 initialAnswer);
    }

    interface IAaveOracle {
        constructor(
            address provider,
            address[] assets,
            address[] sources,
            address fallbackOracle,
            address baseCurrency,
            uint256 baseCurrencyUnit
        );
    }

    /// Ratios and yearly rates in rays.
    interface IAaveInterestRate {
        constructor(
            address provider,
            uint256 optimalUsageRatio,
            uint256 baseVariableBorrowRate,
            uint256 variableRateSlope1,
            uint256 variableRateSlope2,
            uint256 stableRateSlope1,
            uint256 stableRateSlope2,
            uint256 baseStableRateOffset,
            uint256 stableRateExcessOffset,
            uint256 optimalStableToTotalDebtRatio
        );
    }

    interface IAaveConfigurator {
        struct InitReserveInput {
            address aTokenImpl;
            address stableDebtTokenImpl;
            address variableDebtTokenImpl;
            uint8 underlyingAssetDecimals;
            address interestRateStrategyAddress;
            address underlyingAsset;
            address treasury;
            address incentivesController;
            string aTokenName;
            string aTokenSymbol;
            string variableDebtTokenName;
            string variableDebtTokenSymbol;
            string stableDebtTokenName;
            string stableDebtTokenSymbol;
            bytes params;
        }

        function initReserves(InitReserveInput[] calldata input) external;
        function setReserveBorrowing(address asset, bool enabled) external;
        /// Ratios in bps.
        function configureReserveAsCollateral(
            address asset,
            uint256 ltv,
            uint256 liquidationThreshold,
            uint256 liquidationBonus
        ) external;
        function setReserveFreeze(address asset, bool freeze) external;
    }
}
