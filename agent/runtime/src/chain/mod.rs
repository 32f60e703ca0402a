//! The chain: reads pinned to one block hash, logs, dry runs and transactions.

mod client;
mod dry_run;
mod history;
mod logs;
mod observe;
mod transact;

pub use client::{Chain, ChainError, ChainSettings, Read, Readings};
pub(crate) use dry_run::explain_revert;
pub use dry_run::{any_signers, dry_run_safe, dry_run_timelock};
pub use history::HistoryReader;
pub(crate) use history::{first_block_at, proposal_number};
pub use logs::Times;
pub use observe::{
    Contracts, Earlier, Observation, ObserveError, assemble, earlier_number, observe, rate_reads, read_anchor,
    read_brake, reads_of,
};
pub use transact::{Receipt, SignedTx, TxFate, Unsigned};
pub(crate) use transact::{fate, gas_money, is_underpriced, prepare, send, sign};
