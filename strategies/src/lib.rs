//! Strategies: snapshot, history and risk in, intents out. One file a strategy; pure; nothing is allocated while
//! proposing.
//!
//! [`catalog`] has the kinds that come with Quaestor. [`swap`] and [`quaestor_core::Outlook`] are what a strategy is
//! built from, also one that a DAO writes in a crate of its own.
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::indexing_slicing))]

pub mod dca;
pub mod delegate;
pub mod depeg_exit;
pub mod derisk;
pub mod payments;
pub mod rebalance;
pub mod refill;
mod rooms;
pub mod runway;
pub mod swap;
pub mod wrap;
pub mod yield_allocation;

use quaestor_core::Catalog;

/// The kinds of strategy that come with Quaestor.
pub fn catalog() -> Catalog {
    Catalog::new([
        dca::SPEC,
        delegate::SPEC,
        depeg_exit::SPEC,
        derisk::SPEC,
        payments::SPEC,
        rebalance::SPEC,
        refill::SPEC,
        runway::SPEC,
        wrap::SPEC,
        yield_allocation::SPEC,
    ])
}
