//! Calldata by its selector, accepted only in the one canonical encoding.
//!
//! Solidity's decoder tolerates dirty padding, shared tails and bytes after the end, so two different calldatas can be
//! the same call. What is judged, hashed or shown to people must be the bytes that run, so anything but the canonical
//! encoding is refused: decode, encode again, compare.

use crate::bindings::{DecisionGate, IAavePool, IDecisionGate, IERC20, IERC4626, ISwapRouter, IVotes, IWETH9};
use alloy_sol_types::SolCall;

/// Calldata that Quaestor's batches consist of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exact {
    /// ERC-20 `transfer`.
    Transfer(IERC20::transferCall),
    /// ERC-20 `approve`.
    Approve(IERC20::approveCall),
    /// Uniswap v3 `exactInputSingle`.
    Swap(ISwapRouter::ExactInputSingleParams),
    /// ERC-4626 `deposit`.
    Deposit(IERC4626::depositCall),
    /// ERC-4626 `redeem`.
    Redeem(IERC4626::redeemCall),
    /// Aave v3 `supply`.
    Supply(IAavePool::supplyCall),
    /// Aave v3 `withdraw`.
    Withdraw(IAavePool::withdrawCall),
    /// WETH9 `deposit`, which has no arguments.
    Wrap,
    /// ERC-5805 `delegate`.
    Delegate(IVotes::delegateCall),
    /// `DecisionGate.enter`.
    Enter(IDecisionGate::Entry),
}

/// Why calldata is none of [`Exact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inexact {
    /// Another selector, or none.
    Selector,
    /// The selector is known, the rest is not its canonical encoding.
    Encoding(String),
}

impl Exact {
    pub(crate) fn read(data: &[u8]) -> Result<Self, Inexact> {
        let Some(selector) = data.first_chunk::<4>() else { return Err(Inexact::Selector) };
        match *selector {
            IERC20::transferCall::SELECTOR => canonical(data).map(Self::Transfer),
            IERC20::approveCall::SELECTOR => canonical(data).map(Self::Approve),
            ISwapRouter::exactInputSingleCall::SELECTOR => {
                canonical(data).map(|call: ISwapRouter::exactInputSingleCall| Self::Swap(call.params))
            }
            IERC4626::depositCall::SELECTOR => canonical(data).map(Self::Deposit),
            IERC4626::redeemCall::SELECTOR => canonical(data).map(Self::Redeem),
            IAavePool::supplyCall::SELECTOR => canonical(data).map(Self::Supply),
            IAavePool::withdrawCall::SELECTOR => canonical(data).map(Self::Withdraw),
            IWETH9::depositCall::SELECTOR => canonical(data).map(|_: IWETH9::depositCall| Self::Wrap),
            IVotes::delegateCall::SELECTOR => canonical(data).map(Self::Delegate),
            DecisionGate::enterCall::SELECTOR => {
                canonical(data).map(|call: DecisionGate::enterCall| Self::Enter(call.entry))
            }
            _ => return Err(Inexact::Selector),
        }
        .map_err(Inexact::Encoding)
    }
}

/// Decodes `data`, or says why it is not the canonical encoding of a `C`.
pub(crate) fn canonical<C: SolCall>(data: &[u8]) -> Result<C, String> {
    let call = C::abi_decode(data).map_err(|error| error.to_string())?;
    if call.abi_encode() == data {
        Ok(call)
    } else {
        Err(format!("it is not the canonical encoding of {}", C::SIGNATURE))
    }
}
