//! Types for calls, answers, events and errors of every contract that the agent or the local DAO touches.
//!
//! A call is encoded with `alloy_sol_types::SolCall::abi_encode` and its answer decoded with
//! `SolCall::abi_decode_returns`; nothing here knows a provider. Our own contracts are read from the compiled
//! `contracts/abi/*.json` and carry their creation bytecode (`BYTECODE`); of the others only what is used is declared.
#![allow(missing_docs, reason = "the names are those of the contracts' own interfaces")]
#![allow(
    clippy::too_many_arguments,
    reason = "a generated constructor has as many as the contract's event or function"
)]

mod aave;
mod governor;
mod multicall;
mod ours;
mod safe;
mod token;
mod uniswap;

pub use aave::{
    IAaveACLManager, IAaveAggregator, IAaveConfigurator, IAaveInterestRate, IAaveOracle, IAavePart, IAavePool,
    IAaveProvider,
};
pub use governor::{IGovernor, ITimelock};
pub use multicall::IMulticall3;
pub use ours::*;
pub use safe::{IMultiSendCallOnly, ISafe, ISafeProxyFactory};
pub use token::{IAggregatorV3, IERC20, IERC4626, IFeedPhases, IVotes, IWETH9};
pub use uniswap::{INonfungiblePositionManager, ISwapRouter, IUniswapV3Factory, IUniswapV3Pool};

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;
    use alloy_sol_types::{SolCall, SolEventInterface, SolInterface};

    /// Every function of `declared` has its selector in `compiled`.
    fn is_part_of<Declared: SolInterface, Compiled: SolInterface>() {
        for selector in Declared::selectors() {
            assert!(Compiled::valid_selector(selector), "{} has no {}", Compiled::NAME, hex::encode(selector));
        }
    }

    #[test]
    fn what_is_declared_by_hand_is_what_is_compiled() {
        is_part_of::<IGovernor::IGovernorCalls, DevnetGovernor::DevnetGovernorCalls>();
        is_part_of::<IGovernor::IGovernorErrors, DevnetGovernor::DevnetGovernorErrors>();
        is_part_of::<IAggregatorV3::IAggregatorV3Calls, ReplayFeed::ReplayFeedCalls>();
        is_part_of::<IERC20::IERC20Calls, DevnetAsset::DevnetAssetCalls>();
        is_part_of::<IERC20::IERC20Calls, DevnetVault::DevnetVaultCalls>();
        is_part_of::<IERC4626::IERC4626Calls, DevnetVault::DevnetVaultCalls>();
        is_part_of::<IVotes::IVotesCalls, DevnetVotes::DevnetVotesCalls>();
        for topic in IGovernor::IGovernorEvents::SELECTORS {
            assert!(DevnetGovernor::DevnetGovernorEvents::SELECTORS.contains(topic), "{}", hex::encode(topic));
        }
        assert_eq!(IGovernor::IGovernorEvents::COUNT, 5);
    }

    #[test]
    fn selectors_are_those_of_the_deployed_contracts() {
        assert_eq!(ISafe::execTransactionCall::SELECTOR, hex!("6a761202"));
        assert_eq!(ISafe::approveHashCall::SELECTOR, hex!("d4d9bdcd"));
        assert_eq!(IMultiSendCallOnly::multiSendCall::SELECTOR, hex!("8d80ff0a"));
        assert_eq!(ISwapRouter::exactInputSingleCall::SELECTOR, hex!("414bf389"));
        assert_eq!(IUniswapV3Pool::observeCall::SELECTOR, hex!("883bdbfd"));
        assert_eq!(IFeedPhases::phaseAggregatorsCall::SELECTOR, hex!("c1597304"));
        assert_eq!(IFeedPhases::latestRoundCall::SELECTOR, hex!("668a0f02"));
        assert_eq!(IERC20::transferCall::SELECTOR, hex!("a9059cbb"));
        assert_eq!(IERC20::approveCall::SELECTOR, hex!("095ea7b3"));
        assert_eq!(IERC4626::depositCall::SELECTOR, hex!("6e553f65"));
        assert_eq!(IERC4626::redeemCall::SELECTOR, hex!("ba087652"));
        assert_eq!(IERC4626::convertToAssetsCall::SELECTOR, hex!("07a2d13a"));
        assert_eq!(IAavePool::supplyCall::SELECTOR, hex!("617ba037"));
        assert_eq!(IAavePool::withdrawCall::SELECTOR, hex!("69328dec"));
        assert_eq!(IAavePool::getReserveDataCall::SELECTOR, hex!("35ea6a75"));
        assert_eq!(IAavePool::getReserveNormalizedIncomeCall::SELECTOR, hex!("d15e0053"));
        assert_eq!(IMulticall3::aggregate3Call::SELECTOR, hex!("82ad56cb"));
        assert_eq!(IMulticall3::getCurrentBlockTimestampCall::SELECTOR, hex!("0f28c97d"));
        assert_eq!(IMulticall3::getBlockNumberCall::SELECTOR, hex!("42cbb15c"));
        assert_eq!(IMulticall3::getBlockHashCall::SELECTOR, hex!("ee82ac5e"));
        assert_eq!(IMulticall3::getChainIdCall::SELECTOR, hex!("3408e470"));
        assert_eq!(IMulticall3::getEthBalanceCall::SELECTOR, hex!("4d2301cc"));
    }

    #[test]
    fn our_contracts_carry_their_creation_code() {
        for code in [&PolicyRegistry::BYTECODE, &EmergencyBrake::BYTECODE, &DecisionGate::BYTECODE] {
            assert!(code.len() > 1_000);
        }
    }
}
