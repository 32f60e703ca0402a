//! How a batch goes on chain, and its dry run. One function each, for the agent that proposes and for whoever verifies
//! what was proposed.

use super::{bundle::bundle_name, record::Path};
use crate::chain::{Chain, ChainError, any_signers, dry_run_safe, dry_run_timelock};
use alloy::primitives::Address;
use quaestor_contracts::{
    governor::{Proposal, Text, describe},
    safe::SafeTx,
};
use quaestor_core::{
    Batch, BlockRef, Call, Decision, Route, Terms,
    gate::{DryRun, DryRunOutcome},
    snapshot::Control,
};

/// The way of `batch` on chain: the hashes of its Safe transaction, or the id and text of its Governor proposal. `calls`
/// is its whole calldata, `enter` first. `None` when the batch does not fit the account's route, or its calls make no
/// Safe transaction.
pub fn route_of(terms: &Terms, multisend: Address, decision: &Decision, batch: &Batch, calls: &[Call]) -> Option<Path> {
    let chain_id = terms.chain_id;
    match (&terms.account(batch.account)?.route, batch.safe_nonce) {
        (Route::Safe, Some(nonce)) => {
            let safe = batch.address;
            let tx = SafeTx::for_batch(safe, multisend, calls, nonce).ok()?;
            let rejection_hash = SafeTx::rejection(safe, nonce).hash(chain_id, safe);
            Some(Path::Safe { safe, nonce, safe_tx_hash: tx.hash(chain_id, safe), rejection_hash })
        }
        (Route::Governor { governor, proposer }, None) => {
            let bundle = bundle_name(decision);
            let text = Text { terms, decision, batch, calls, bundle: &bundle, proposer: *proposer };
            let description = describe(&text);
            let proposal = Proposal { calls: calls.to_vec(), description: description.clone() };
            Some(Path::Governor { governor: *governor, proposal_id: proposal.id(), description })
        }
        _ => None,
    }
}

/// What a dry run needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Rehearsal<'a> {
    /// The policy's terms.
    pub terms: &'a Terms,
    /// `MultiSendCallOnly`.
    pub multisend: Address,
    /// The account of the batch.
    pub account: Address,
    /// Who may move it, as read at `block`.
    pub control: Option<&'a Control>,
    /// How it goes on chain.
    pub route: &'a Path,
    /// The whole calldata, `enter` first.
    pub calls: &'a [Call],
    /// The block on whose state it runs.
    pub block: BlockRef,
}

/// Executes the calls in a dry run from the real sender's place.
///
/// # Errors
/// If the node does not answer.
pub async fn rehearse(chain: &Chain, it: &Rehearsal<'_>) -> Result<DryRun, ChainError> {
    let Rehearsal { terms, multisend, account, control, route, calls, block } = *it;
    match (route, control) {
        (Path::Safe { safe, nonce, .. }, Some(Control::Safe { owners, threshold, .. })) => {
            match SafeTx::for_batch(*safe, multisend, calls, *nonce) {
                Ok(tx) => dry_run_safe(chain, terms, block, *safe, &tx, &any_signers(owners, *threshold), calls).await,
                Err(error) => {
                    let outcome = DryRunOutcome::Reverted { reason: error.to_string() };
                    Ok(DryRun { calls: calls.to_vec(), block, outcome })
                }
            }
        }
        _ => dry_run_timelock(chain, terms, block, account, calls).await,
    }
}
