//! `quaestor verify`: recomputes a published decision, and says of each part at which level it was checked.
//!
//! - *Recomputed offline*: from the answers that were read to the hashes that people approve, with the policy's own text.
//!   Nothing is believed but that those answers, the code hashes and the history are the chain's.
//! - *Compared with the chain*: exactly that, with a node that still has the state of the decision's block.
//! - *Not checkable*, and why.
//!
//! The receipt of a verdict, which `policy judge` writes, is judged again in the same way.

mod difference;
mod offline;
mod onchain;
mod receipt;
mod report;
#[cfg(test)]
pub(crate) mod tests;

pub use difference::Difference;
pub use receipt::{Forecast, INTENTS_MAX, RECEIPT_VERSION, Receipt, ReceiptError, ReceiptReport, verify_receipt};
pub use report::{AtGate, Check, Finding, GateState, INFORMATIONAL, Informational, ON_CHAIN_ONLY, Report, Unchecked};

use crate::{
    agent::{BUNDLE_BYTES_MAX, Bundle, BundleError, decision_hash},
    chain::{Chain, ChainError, ChainSettings},
    config::{MULTICALL3, read_bounded},
};
use quaestor_core::Catalog;
use reqwest::Url;
use serde::Deserialize;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest wait for one answer of a node.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Most blocks of one request for events; public nodes serve so many.
const LOGS_RANGE_BLOCKS: u64 = 1_000;

/// Why nothing was verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read.
    #[error("{path}: {source}; name a bundle that an agent published, or a receipt")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It is no bundle.
    #[error("{path}: {source}")]
    Bundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BundleError,
    },
    /// It is no receipt.
    #[error("{path}: {source}")]
    Receipt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReceiptError,
    },
    /// The node does not answer, or serves another chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What can be verified.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a run")]
pub enum Published {
    /// A decision.
    Bundle(Bundle),
    /// Verdicts on what somebody asked.
    Receipt(Receipt),
}

/// Reads the bundle or the receipt at `path`.
///
/// # Errors
/// If it cannot be read or is neither.
pub fn read_published(path: &Path) -> Result<Published, VerifyError> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(default)]
        quaestor_receipt: Option<u32>,
    }
    let file = |source| VerifyError::File { path: path.to_owned(), source };
    let bytes = read_bounded(path, BUNDLE_BYTES_MAX).map_err(file)?;
    if serde_json::from_slice::<Kind>(&bytes).is_ok_and(|kind| kind.quaestor_receipt.is_some()) {
        let receipt = |source| VerifyError::Receipt { path: path.to_owned(), source };
        return Receipt::parse(&bytes).map(Published::Receipt).map_err(receipt);
    }
    let bundle = |source| VerifyError::Bundle { path: path.to_owned(), source };
    Bundle::parse(&bytes).map(Published::Bundle).map_err(bundle)
}

/// A connection for verifying; nothing is asked yet.
///
/// # Errors
/// If no HTTP client can be made.
pub fn connect(rpc_url: Url) -> Result<Chain, ChainError> {
    Chain::new(&ChainSettings {
        rpc_url,
        request_timeout: REQUEST_TIMEOUT,
        multicall: MULTICALL3,
        logs_range_blocks: LOGS_RANGE_BLOCKS,
    })
}

/// Verifies `bundle`: offline with the strategies of `catalog`, and against `chain` if one is given.
///
/// # Errors
/// If the node does not answer or serves another chain. Whatever is wrong with the bundle is in the report.
pub async fn verify(bundle: &Bundle, catalog: &Catalog, chain: Option<&Chain>) -> Result<Report, ChainError> {
    let (mut report, policy) = begin(bundle, catalog);
    match chain {
        Some(chain) => onchain::compare(bundle, policy.as_ref(), chain, &mut report).await?,
        None => without_chain(bundle, &mut report),
    }
    Ok(report)
}

/// Verifies `bundle` without a node.
pub fn verify_offline(bundle: &Bundle, catalog: &Catalog) -> Report {
    let (mut report, _) = begin(bundle, catalog);
    without_chain(bundle, &mut report);
    report
}

fn begin(bundle: &Bundle, catalog: &Catalog) -> (Report, Option<quaestor_policies::VotedPolicy>) {
    let mut report = Report {
        decision: decision_hash(&bundle.decision),
        block: bundle.decision.block,
        epoch: bundle.decision.epoch,
        recomputed: Vec::new(),
        compared: Vec::new(),
        not_checked: Vec::new(),
        at_gate: Vec::new(),
        unread: None,
    };
    let policy = offline::recompute(bundle, catalog, &mut report);
    (report, policy)
}

fn without_chain(bundle: &Bundle, report: &mut Report) {
    let why = "no node was named; name one with --rpc-url";
    report.not_compared("the decision's block is in the canonical chain", why);
    report.not_compared(format!("{} reads give the same answers again", bundle.reads.len()), why);
    report.not_compared("the code of the policy's venues is that of the snapshot", why);
    report.not_compared("the history is what the gate's events and the Governor say", why);
    for index in 1..=bundle.proposals.len() {
        report.not_checked(format!("proposal {index}: its dry run ends the same again"), why);
    }
}
