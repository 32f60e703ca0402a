//! What the agent knows of chains. A configuration may say otherwise, and must say it for a chain that is not here.

use alloy::rpc::types::BlockNumberOrTag;

/// When a block counts as final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finality {
    /// The node's `finalized` block.
    Tag,
    /// A block with this many blocks after it, on a chain without a `finalized` block of its own.
    Depth(u64),
}

impl Finality {
    /// The newest final block, by how a node is asked for it while `head` is its newest.
    pub fn tag(self, head: u64) -> BlockNumberOrTag {
        match self {
            Self::Tag => BlockNumberOrTag::Finalized,
            Self::Depth(blocks) => BlockNumberOrTag::Number(head.saturating_sub(blocks)),
        }
    }
}

/// One chain's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainProfile {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Its name.
    pub name: &'static str,
    /// Usual time between two blocks, milliseconds.
    pub block_time_ms: u64,
    /// Blocks that must stand after a decision block before the decision is taken.
    pub confirmations: u64,
    /// When a block counts as final.
    pub finality: Finality,
    /// The node is behind when its newest block is older, seconds; 0: not checked.
    pub head_age_secs_max: u64,
}

/// The chains that need no numbers in the configuration. Depths cover what those chains reorganise in ordinary times;
/// what is irreversible waits for finality whatever the depth. Head ages allow a run of missed slots.
pub const CHAINS: [ChainProfile; 8] = [
    chain(1, "Ethereum", 12_000, 4, 120),
    chain(10, "OP Mainnet", 2_000, 10, 30),
    chain(100, "Gnosis", 5_000, 6, 90),
    chain(137, "Polygon PoS", 2_000, 16, 30),
    chain(8_453, "Base", 2_000, 10, 30),
    // A development chain: its clock is set by tests and its `finalized` block lies where its flags put it.
    ChainProfile {
        chain_id: 31_337,
        name: "local chain",
        block_time_ms: 1_000,
        confirmations: 2,
        finality: Finality::Depth(2),
        head_age_secs_max: 0,
    },
    chain(42_161, "Arbitrum One", 250, 40, 30),
    chain(11_155_111, "Sepolia", 12_000, 4, 240),
];

const fn chain(
    chain_id: u64,
    name: &'static str,
    block_time_ms: u64,
    confirmations: u64,
    head_age_secs_max: u64,
) -> ChainProfile {
    ChainProfile { chain_id, name, block_time_ms, confirmations, finality: Finality::Tag, head_age_secs_max }
}

/// The profile of a chain.
pub fn profile(chain_id: u64) -> Option<&'static ChainProfile> {
    CHAINS.iter().find(|known| known.chain_id == chain_id)
}
