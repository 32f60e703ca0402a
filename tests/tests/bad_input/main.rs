//! Everything that can be wrong from outside, against the real program and the real chain: each has its message and its
//! documented exit code, nothing leaves the agent, and the journal keeps every row.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chain;
mod feeds;
mod files;
mod journal;
mod node;
mod policy;

/// A configuration, policy or keystore file is wrong or missing.
const CONFIGURATION: i32 = 3;
/// The chain or the node.
const CHAIN: i32 = 4;
/// The journal cannot be opened or written.
const JOURNAL: i32 = 5;
