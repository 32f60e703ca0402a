//! Why nothing was fetched.

use crate::chain::ChainError;
use alloy::primitives::Address;
use quaestor_simulations::{
    DataError,
    data::{Moment, WriteError},
};
use std::{io, path::PathBuf};

/// Why nothing was fetched. What was fetched before it is kept, and the same command goes on from there, unless the error
/// says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file is there.
    #[error("{} exists, and no file is replaced; name another one", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// Another process writes the same file.
    #[error("another run is fetching into {}; wait for it or name another file", path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
    /// The partial file holds something else.
    #[error("{} holds parts of another request ({found}); remove it, or name another file", path.display())]
    OtherRequest {
        /// The partial file.
        path: PathBuf,
        /// What it asked for.
        found: String,
    },
    /// The partial file is none.
    #[error("{} is damaged in line {line}; remove it and fetch again", path.display())]
    Damaged {
        /// The partial file.
        path: PathBuf,
        /// Where.
        line: usize,
    },
    /// The time that is asked for.
    #[error("{reason}")]
    Span {
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// No HTTP client.
    #[error("no HTTP client could be made: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
    /// A key would be read by others on the way.
    #[error("the key would be sent to {host} in clear; name an https:// URL")]
    Clear {
        /// Host and port.
        host: String,
    },
    /// No good answer in all attempts.
    #[error("{host} gave no answer in {attempts} attempts: {reason}; run the same command again later to go on")]
    Unreachable {
        /// Host and port; never the whole URL, which may hold a key.
        host: String,
        /// How often it was asked.
        attempts: u32,
        /// The last reason.
        reason: String,
    },
    /// The server asks to wait for longer than a run does.
    #[error("{host} asks to wait {secs} s ({reason}); run the same command again after that to go on")]
    WaitTooLong {
        /// Host and port.
        host: String,
        /// For how long.
        secs: u64,
        /// Why.
        reason: String,
    },
    /// The key is wrong, or one is needed.
    #[error(
        "{host} lets nobody in without a key that it knows (HTTP status {status}{said}); check --api-key, its kind, and what its plan allows"
    )]
    Rejected {
        /// Host and port.
        host: String,
        /// HTTP status.
        status: u16,
        /// The server's words, in brackets or after a comma; may be empty.
        said: String,
    },
    /// The server will not answer this request.
    #[error("{host} refuses {what}: HTTP status {status}{said}")]
    Refused {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// The answer is something else than the interface says.
    #[error("{host} answered {what} with something else than prices: {reason}")]
    Malformed {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// Nothing is known of the asset.
    #[error("{host} has no price of `{id}` in this time; check how it is called there, and the time")]
    NoPrices {
        /// Host and port.
        host: String,
        /// The asset, feed or pool.
        id: String,
    },
    /// Prices do not reach to where they should.
    #[error(
        "there are prices from {first} to {last} only, and nothing is filled in before and after; ask for that time"
    )]
    Short {
        /// The first bar with a price.
        first: Moment,
        /// The last one.
        last: Moment,
    },
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A node that forgot.
    #[error("the node has no state of block {block} ({reason}); name an archive node")]
    NotArchive {
        /// The block.
        block: u64,
        /// The node's words.
        reason: String,
    },
    /// A contract does not answer as a feed or a pool does.
    #[error("{address} does not answer as {what} at block {block}; check the address, and that it stood there by then")]
    NoContract {
        /// The contract.
        address: Address,
        /// What it should be.
        what: &'static str,
        /// The block.
        block: u64,
    },
    /// An earlier phase of a feed cannot be read.
    #[error(
        "the rounds of phase {phase} of the feed {feed} cannot be read; those after it begin at {first}: ask from there on"
    )]
    Phase {
        /// The feed.
        feed: Address,
        /// Its phase.
        phase: u16,
        /// The oldest round that was read.
        first: Moment,
    },
    /// The chain is younger.
    #[error("the chain begins at {begins}, after {asked}; ask for later times")]
    BeforeChain {
        /// Its first block.
        begins: Moment,
        /// What was asked for.
        asked: Moment,
    },
    /// What was fetched does not pass the checks of market data.
    #[error("{0}")]
    Data(DataError),
    /// What was fetched cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
