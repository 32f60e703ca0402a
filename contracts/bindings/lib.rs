//! Bindings of the contracts, and what an agent sends to them: actions as calldata and back, Safe transactions and
//! their hashes, Governor proposals and their texts, and every call in words for the person who confirms it.
//!
//! Pure: no socket, no clock, no disk. A caller encodes with [`alloy_sol_types::SolCall`] and sends the bytes itself.
//!
//! - [`codec::PolicyCodec`] is core's [`Codec`](quaestor_core::Codec): the gate judges what it reads back from calldata.
//! - [`safe::SafeTx`] and [`multisend`]: a batch as a Safe transaction, its EIP-712 hash and its signatures.
//! - [`governor::Proposal`]: a batch as a Governor proposal, its id, its timelock operation, its description.
//! - [`explain`]: calls in words. It shows what the calldata says, not what it should say.
//! - [`deploy`]: creation code of our contracts, and whether code on a chain is theirs.
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::indexing_slicing))]

pub mod bindings;
pub mod codec;
pub mod deploy;
mod exact;
pub mod explain;
#[cfg(test)]
mod fixture;
pub mod governor;
pub mod multisend;
mod price_limit;
pub mod safe;
pub mod utc;

pub use codec::PolicyCodec;
pub use governor::Proposal;
pub use safe::SafeTx;
