//! The MultiSendCallOnly contracts that Safe published, by the code that stands on chain.
//!
//! A Safe runs MultiSendCallOnly as a delegatecall, with its own storage: any other code there could take the Safe
//! over. So the address that a bundle names is never trusted, only its code.
//!
//! Source: `safe-global/safe-deployments`, `src/assets/v*/multi_send_call_only.json`, whose `codeHash` for 1.5.0 is that
//! of the artifact in `@safe-global/safe-smart-account` 1.5.0.

use crate::chain::{Chain, ChainError};
use alloy::primitives::{Address, B256, address, b256, keccak256};
use quaestor_core::BlockRef;

/// A published MultiSendCallOnly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultiSend {
    /// Version of the Safe contracts.
    pub version: &'static str,
    /// Where Safe deployed it on most chains.
    pub address: Address,
    /// keccak256 of its runtime code, wherever it stands.
    pub code_hash: B256,
}

/// All that are known, the newest first.
pub const MULTI_SENDS: [MultiSend; 3] = [
    MultiSend {
        version: "1.5.0",
        address: address!("A83c336B20401Af773B6219BA5027174338D1836"),
        code_hash: b256!("cdbdcec38d2f1c7d961b0029ff8416b7e86e9974d6f0e9c9580c7d17fcfb6663"),
    },
    MultiSend {
        version: "1.4.1",
        address: address!("9641d764fc13c8B624c04430C7356C1C7C8102e2"),
        code_hash: b256!("ecd5bd14a08c5d2122379900b2f272bdf107a7e92423c10dd5fe3254386c9939"),
    },
    MultiSend {
        version: "1.3.0",
        address: address!("40A2aCCbd92BCA938b02010E17A5b8929b49130D"),
        code_hash: b256!("a9865ac2d9c7a1591619b188c4d88167b50df6cc0c5327fcbd1c8c75f7c066ad"),
    },
];

/// The published MultiSendCallOnly whose runtime code `code` is.
pub fn known_multisend(code: &[u8]) -> Option<&'static MultiSend> {
    let code_hash = keccak256(code);
    MULTI_SENDS.iter().find(|known| known.code_hash == code_hash)
}

/// The newest MultiSendCallOnly that stands at its usual address at `block`; `None` if none does.
///
/// # Errors
/// If the node does not answer.
pub async fn find_multisend(chain: &Chain, block: BlockRef) -> Result<Option<&'static MultiSend>, ChainError> {
    let addresses = MULTI_SENDS.map(|known| known.address);
    let codes = chain.code_at(block.hash, &addresses).await?;
    let found = MULTI_SENDS.iter().zip(codes).find(|(known, code)| keccak256(code) == known.code_hash);
    Ok(found.map(|(known, _)| known))
}
