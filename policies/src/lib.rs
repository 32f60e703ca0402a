//! The policy language: what a DAO votes, parsed, checked, hashed and judged by.
//!
//! [`parse`] turns the exact bytes of a policy file into a [`VotedPolicy`], or into all [`Problems`] of the file at
//! once, each with line, column and what to write instead. A [`VotedPolicy`] is a [`quaestor_core::Policy`]: it judges
//! intents and outcomes, and says when a decision is due. [`VotedPolicy::explain`] says in plain English what it permits, and
//! [`VotedPolicy::warnings`] what looks like a slip. [`LIBRARY`] has policies to start from, [`starting_policy`] writes one,
//! [`VotedPolicy::rewritten`] puts other values into the text of a file, and [`Variations`] makes what a policy would be with
//! them.
//!
//! The language is described key by key in `policies/README.md`.
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::indexing_slicing))]

mod canonical;
pub mod diff;
mod document;
mod examples;
mod explain;
mod hearing;
mod judge;
mod library;
mod print;
mod problem;
mod read;
mod scheduled;
mod source;
mod starting;
mod variation;
mod voted;
mod warn;
mod words;
mod work;

pub use document::FILE_BYTES_MAX;
pub use examples::mark_examples;
pub use explain::{Explanation, Section, Sentence};
pub use hearing::{Hearing, Stated};
pub use library::{LIBRARY, Shipped};
pub use problem::{Problem, ProblemKind, Problems};
pub use read::federation::AGGREGATIONS;
pub use starting::{Facts, StrategyFacts, starting_policy};
pub use variation::Variations;
pub use voted::{VotedPolicy, parse};
pub use warn::stable_share_left;
pub use words::{Told, intent_text};
