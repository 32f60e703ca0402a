//! For a human owner of the Safe: what the agent proposed, checked and in words, then confirmed or executed.
//!
//! The bundle is only a claim. The transaction is built anew from its calls and must have the hash that the owner
//! typed ([`proposal`]); the chain must say that a listed operator approved that hash and that it can still execute
//! ([`standing`]); and what is delegated to must be a published MultiSendCallOnly ([`multisend`]). Only then is anything
//! signed. What the owner alone can judge is printed: whose gate it is, and what the calls do.

pub mod fetch;
pub mod multisend;
pub mod proposal;
pub mod standing;
mod tell;
#[cfg(test)]
mod tests;

pub use fetch::{FetchError, Source};
pub use proposal::{BundleRefused, Pins, Proposed};
pub use standing::{ChainRefused, Standing, stand};

use crate::{
    agent::{Bundle, BundleError},
    chain::{Chain, ChainError, any_signers, dry_run_safe},
    sender::{Mined, SendError, Sender},
    verify::verify_offline,
};
use alloy::{
    primitives::{Address, B256},
    sol_types::SolEvent,
};
use quaestor_contracts::{
    bindings::ISafe,
    safe::{approve_hash, approved_signatures},
};
use quaestor_core::{Catalog, gate::DryRunOutcome};

/// What the owner wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// `approveHash`.
    Confirm,
    /// `execTransaction`.
    Execute,
}

/// Why nothing was confirmed or executed.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// There is no bundle to look at.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It is no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle does not stand for the transaction.
    #[error(transparent)]
    BundleRefused(#[from] BundleRefused),
    /// The chain says that it should or can not be.
    #[error(transparent)]
    ChainRefused(#[from] ChainRefused),
    /// The chain cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The transaction was not sent, or failed.
    #[error(transparent)]
    Send(#[from] SendError),
    /// It would revert; nothing was sent.
    #[error("the transaction would revert now: {reason}; nothing was sent")]
    WouldRevert {
        /// In words.
        reason: String,
    },
    /// The Safe does not say that it executed.
    #[error("transaction {tx} succeeded, but the Safe reports no execution of {hash}; look at it with an explorer")]
    NotExecuted {
        /// The transaction.
        tx: B256,
        /// The hash that should have been executed.
        hash: B256,
    },
}

/// A transaction that holds up to every check, as it stands now.
#[derive(Debug)]
pub struct Case {
    /// What it is.
    pub proposed: Proposed,
    /// How it stands.
    pub standing: Standing,
    /// Who would sign.
    pub signer: Address,
    /// The pins that it agreed with.
    pub pins: Pins,
    /// Why the decision in the bundle does not recompute, a line each. The calls are the approved ones all the same, but
    /// the reasons given for them are not to be relied on.
    pub doubts: Vec<String>,
}

/// What was done.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The signer has approved the hash.
    Confirmed(Mined),
    /// The signer had approved it before; nothing was sent.
    AlreadyConfirmed,
    /// The Safe executed it.
    Executed(Mined),
}

/// Checks the bundle in `bytes` against `asked` and the chain, for `signer`. Signs and sends nothing.
///
/// # Errors
/// The first thing that does not hold up, with what to do.
pub async fn examine(
    chain: &Chain,
    bytes: &[u8],
    asked: B256,
    pins: Pins,
    signer: Address,
    errand: Errand,
    catalog: &Catalog,
) -> Result<Case, OwnerError> {
    let bundle = Bundle::parse(bytes)?;
    let report = verify_offline(&bundle, catalog);
    let proposed = Proposed::find(bundle, asked, &pins, catalog)?;
    let standing = standing_for(chain, &proposed, signer, errand).await?;
    let doubts = if report.is_ok() { Vec::new() } else { tell::doubts(&report) };
    Ok(Case { proposed, standing, signer, pins, doubts })
}

async fn standing_for(
    chain: &Chain,
    proposed: &Proposed,
    signer: Address,
    errand: Errand,
) -> Result<Standing, OwnerError> {
    let standing = stand(chain, proposed, signer).await??;
    let missing = standing.missing(Some(signer));
    if errand == Errand::Execute && missing > 0 {
        let (have, threshold) = (standing.confirming(Some(signer)).len(), standing.threshold);
        return Err(ChainRefused::TooFew { have, threshold, missing }.into());
    }
    Ok(standing)
}

/// Confirms or executes `case` with the key of `sender`. The chain is read once more first: a person may have thought for
/// long.
///
/// # Errors
/// If it does not hold up any more, would revert, or is not included in time.
pub async fn act(sender: &Sender, case: &Case, errand: Errand) -> Result<Outcome, OwnerError> {
    let (proposed, signer) = (&case.proposed, sender.address());
    let standing = standing_for(sender.chain(), proposed, signer, errand).await?;
    match errand {
        Errand::Confirm if standing.approved.contains(&signer) => Ok(Outcome::AlreadyConfirmed),
        Errand::Confirm => {
            let mined = sender.call(&approve_hash(proposed.safe, proposed.hash)).await?;
            Ok(Outcome::Confirmed(mined))
        }
        Errand::Execute => execute(sender, proposed, &standing).await,
    }
}

async fn execute(sender: &Sender, proposed: &Proposed, standing: &Standing) -> Result<Outcome, OwnerError> {
    let (safe, hash) = (proposed.safe, proposed.hash);
    let signatures = approved_signatures(&standing.confirming(Some(sender.address())));
    let mined = match sender.call(&proposed.tx.execute(safe, signatures)).await {
        // The estimate reverted, and the Safe hides what failed inside.
        Err(SendError::Chain(ChainError::Refused { message, .. })) => {
            let reason = why(sender.chain(), proposed, standing).await.unwrap_or(message);
            return Err(OwnerError::WouldRevert { reason });
        }
        other => other?,
    };
    let executed = |log: &alloy::rpc::types::Log| {
        log.address() == safe
            && ISafe::ExecutionSuccess::decode_log(&log.inner).is_ok_and(|event| event.data.txHash == hash)
    };
    if mined.logs.iter().any(executed) {
        Ok(Outcome::Executed(mined))
    } else {
        Err(OwnerError::NotExecuted { tx: mined.tx, hash })
    }
}

/// What reverts inside; `None` if the node cannot say.
async fn why(chain: &Chain, proposed: &Proposed, standing: &Standing) -> Option<String> {
    let threshold = u64::try_from(standing.threshold).ok()?;
    let signers = any_signers(&standing.owners, threshold);
    let (safe, tx, calls) = (proposed.safe, &proposed.tx, &proposed.calls);
    let ran = dry_run_safe(chain, proposed.terms(), standing.block, safe, tx, &signers, calls).await.ok()?;
    match ran.outcome {
        DryRunOutcome::Reverted { reason } => Some(reason),
        DryRunOutcome::Ran { .. } => None,
    }
}
