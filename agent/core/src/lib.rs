//! Vocabulary, seams, decision pipeline, gate and intent lifecycle of Quaestor.
//!
//! Nothing here opens a socket, touches a disk, reads a clock or awaits: the same inputs give the same bytes on every
//! machine. Amounts are exact integers ([`Amount`], [`Value`]); refusals are values ([`Refusal`]).
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::indexing_slicing))]
#![expect(
    clippy::result_large_err,
    clippy::large_enum_variant,
    reason = "a refusal carries its receipt in place: a decision must not allocate"
)]

mod account_id;
pub mod action;
pub mod amount;
mod asset;
mod calendar;
pub mod decision;
#[cfg(test)]
mod fixture;
pub mod gate;
pub mod lifecycle;
mod netting;
pub mod outlook;
pub mod pipeline;
pub mod policy;
pub mod risk;
pub mod snapshot;
pub mod strategy;
pub mod valuation;
pub mod verdict;
pub mod waiting;
pub mod words;

pub use account_id::{AccountIdError, Caip10, parse_address, parse_caip2};
pub use action::{Action, Call, Codec, CodecError, Entry, EntryItem, Exchange, Intent, Purpose};
pub use amount::{Amount, AmountError, Price, Value};
pub use asset::{
    ATOKEN_ROUNDING, Account, AccountId, Asset, AssetId, AssetKind, Pool, Route, Vault, Venue, VenueId, VenueKind,
};
pub use decision::{Batch, BatchItem, Decision, Hold, Judged};
pub use outlook::Outlook;
pub use pipeline::{Context, Inputs};
pub use policy::{Envelope, Limits, Policy, Terms};
pub use risk::{RiskModel, RiskReport};
pub use snapshot::{BlockRef, BrakeReading, History, Snapshot};
pub use strategy::{Catalog, Strategy, StrategySpec};
pub use verdict::{Refusal, Rule, Verdict};
