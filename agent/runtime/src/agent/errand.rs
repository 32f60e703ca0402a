//! The operator's transactions for a proposal, and what the chain says of them.

use super::record::{Path, Plan};
use crate::chain::{Chain, ChainError, Read, Readings};
use alloy::{
    primitives::{Address, B256},
    sol_types::SolCall,
};
use quaestor_contracts::{
    bindings::{DecisionGate, IGovernor, ISafe},
    governor::{Proposal, ProposalState},
    safe::{SafeTx, approve_hash},
};
use quaestor_core::{
    Amount, Batch, BlockRef, Call,
    gate::{Cleared, Withdrawal},
    lifecycle::{Errand, Stage},
};

/// What the route of a proposal says of it at one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteReading {
    /// Whether the batch ran: the gate knows its first key.
    pub(crate) entered: bool,
    /// Whether it was revoked at the gate.
    pub(crate) revoked: bool,
    /// What it waits for; `None` when it is no longer open.
    pub(crate) stage: Option<Stage>,
    /// Whether another transaction took its Safe nonce.
    pub(crate) nonce_taken: bool,
    /// Whether members voted it down or cancelled it.
    pub(crate) defeated: bool,
    /// Whether the proposer may still cancel it.
    pub(crate) can_cancel: bool,
}

/// Reads how the proposal of `plan` stands at `block`, in one request.
pub(crate) async fn read_route(
    chain: &Chain,
    gate: Address,
    plan: &Plan,
    block: BlockRef,
) -> Result<RouteReading, ChainError> {
    let account = plan.batch.address;
    let once_key = plan.batch.items.first().map(|item| item.entry.once_key).unwrap_or_default();
    let used = DecisionGate::usedCall { account, onceKey: once_key };
    let revoked = DecisionGate::revokedCall { account, decision: plan.id };
    let mut reads = vec![Read::new(gate, &used), Read::new(gate, &revoked)];
    reads.extend(route_reads(plan));
    let mut readings = Readings::default();
    readings.extend(chain.read_at(block.hash, reads).await?);
    let malformed = || ChainError::Malformed { address: gate, what: "DecisionGate.used" };
    let mut reading = RouteReading {
        entered: readings.get(gate, &used).ok_or_else(malformed)?,
        revoked: readings.get(gate, &revoked).ok_or_else(malformed)?,
        stage: None,
        nonce_taken: false,
        defeated: false,
        can_cancel: false,
    };
    match &plan.route {
        Path::Safe { safe, nonce, safe_tx_hash, .. } => {
            safe_reading(&readings, *safe, *nonce, *safe_tx_hash, chain, block, &mut reading).await?;
        }
        Path::Governor { governor, proposal_id, .. } => {
            governor_reading(&readings, *governor, *proposal_id, block, &mut reading);
        }
    }
    Ok(reading)
}

/// Whether what `operator` was to propose stands at `block`: its approval in the Safe, or the proposal at the Governor.
pub(super) async fn is_proposed(
    chain: &Chain,
    plan: &Plan,
    operator: Address,
    block: BlockRef,
) -> Result<bool, ChainError> {
    let mut readings = Readings::default();
    Ok(match &plan.route {
        Path::Safe { safe, safe_tx_hash, .. } => {
            let approved = ISafe::approvedHashesCall { owner: operator, messageHash: *safe_tx_hash };
            readings.extend(chain.read_at(block.hash, vec![Read::new(*safe, &approved)]).await?);
            let malformed = ChainError::Malformed { address: *safe, what: "Safe.approvedHashes" };
            !readings.get(*safe, &approved).ok_or(malformed)?.is_zero()
        }
        Path::Governor { governor, proposal_id, .. } => {
            let proposer = IGovernor::proposalProposerCall { proposalId: crate::chain::proposal_number(*proposal_id) };
            readings.extend(chain.read_at(block.hash, vec![Read::new(*governor, &proposer)]).await?);
            let malformed = ChainError::Malformed { address: *governor, what: "Governor.proposalProposer" };
            readings.get(*governor, &proposer).ok_or(malformed)? == operator
        }
    })
}

fn route_reads(plan: &Plan) -> Vec<Read> {
    match &plan.route {
        Path::Safe { safe, .. } => vec![
            Read::new(*safe, &ISafe::nonceCall {}),
            Read::new(*safe, &ISafe::getThresholdCall {}),
            Read::new(*safe, &ISafe::getOwnersCall {}),
        ],
        Path::Governor { governor, proposal_id, .. } => {
            let number = crate::chain::proposal_number(*proposal_id);
            vec![
                Read::new(*governor, &IGovernor::stateCall { proposalId: number }),
                Read::new(*governor, &IGovernor::proposalEtaCall { proposalId: number }),
            ]
        }
    }
}

async fn safe_reading(
    readings: &Readings,
    safe: Address,
    nonce: u64,
    safe_tx_hash: B256,
    chain: &Chain,
    block: BlockRef,
    reading: &mut RouteReading,
) -> Result<(), ChainError> {
    let malformed = || ChainError::Malformed { address: safe, what: "the Safe" };
    let found = readings.get(safe, &ISafe::nonceCall {}).and_then(|wide| u64::try_from(wide).ok());
    reading.nonce_taken = found.ok_or_else(malformed)? > nonce;
    let threshold = readings.get(safe, &ISafe::getThresholdCall {}).and_then(|wide| u64::try_from(wide).ok());
    let owners = readings.get(safe, &ISafe::getOwnersCall {}).ok_or_else(malformed)?;
    let approved = |owner: &Address| ISafe::approvedHashesCall { owner: *owner, messageHash: safe_tx_hash };
    let reads = owners.iter().map(|owner| Read::new(safe, &approved(owner))).collect();
    let mut approvals = Readings::default();
    approvals.extend(chain.read_at(block.hash, reads).await?);
    let confirmed = owners.iter().filter(|owner| approvals.get(safe, &approved(owner)).is_some_and(|it| !it.is_zero()));
    let confirmations = u64::try_from(confirmed.count()).unwrap_or(u64::MAX);
    if !reading.nonce_taken {
        reading.stage = Some(Stage::Confirming { confirmations, threshold: threshold.ok_or_else(malformed)? });
    }
    Ok(())
}

fn governor_reading(
    readings: &Readings,
    governor: Address,
    proposal_id: B256,
    block: BlockRef,
    reading: &mut RouteReading,
) {
    let number = crate::chain::proposal_number(proposal_id);
    let state =
        readings.get(governor, &IGovernor::stateCall { proposalId: number }).and_then(ProposalState::from_number);
    let ready_at = readings.get(governor, &IGovernor::proposalEtaCall { proposalId: number });
    let ready_at = ready_at.and_then(|wide| u64::try_from(wide).ok()).unwrap_or(u64::MAX);
    reading.can_cancel = state == Some(ProposalState::Pending);
    reading.stage = match state {
        Some(ProposalState::Pending) => Some(Stage::Pending),
        Some(ProposalState::Active) => Some(Stage::Active),
        Some(ProposalState::Succeeded) => Some(Stage::Succeeded),
        Some(ProposalState::Queued) => Some(Stage::Queued { ready_at, is_ready: block.timestamp >= ready_at }),
        Some(ProposalState::Canceled | ProposalState::Defeated | ProposalState::Expired) => {
            reading.defeated = true;
            None
        }
        Some(ProposalState::Executed) | None => None,
    };
}

/// The call that proposes, queues or executes what was cleared. `route` says how it goes on chain; what it does is the
/// cleared calldata alone.
pub(super) fn batch_call(
    cleared: &Cleared<Batch>,
    route: &Path,
    errand: Errand,
    multisend: Address,
    chain_id: u64,
) -> Option<Call> {
    let (batch, calls) = (cleared.item(), cleared.calls());
    match route {
        Path::Safe { .. } if errand == Errand::Propose => {
            let tx = SafeTx::for_batch(batch.address, multisend, calls, batch.safe_nonce?).ok()?;
            Some(approve_hash(batch.address, tx.hash(chain_id, batch.address)))
        }
        Path::Safe { .. } => None,
        Path::Governor { governor, description, .. } => {
            let proposal = Proposal { calls: calls.to_vec(), description: description.clone() };
            match errand {
                Errand::Propose => Some(proposal.propose(*governor)),
                Errand::Queue => Some(proposal.queue(*governor)),
                Errand::Execute => Some(proposal.execute(*governor)),
                Errand::Revoke | Errand::Tidy => None,
            }
        }
    }
}

/// The revocation of `plan` at the gate.
pub(super) fn revocation(plan: &Plan) -> Withdrawal {
    Withdrawal::Revoke { account: plan.batch.address, decision: plan.id }
}

/// What tidies up after the revocation, if anything can.
pub(super) fn tidying(plan: &Plan, reading: &RouteReading) -> Option<Withdrawal> {
    match &plan.route {
        Path::Safe { safe, nonce, .. } if !reading.nonce_taken => {
            Some(Withdrawal::RejectSafeNonce { safe: *safe, nonce: *nonce })
        }
        Path::Governor { governor, description, .. } if reading.can_cancel => {
            let (calls, description) = (plan.calls.clone(), description.clone());
            Some(Withdrawal::CancelProposal { governor: *governor, calls, description })
        }
        _ => None,
    }
}

/// The call of a withdrawal.
pub(super) fn withdrawal_call(withdrawal: &Withdrawal, gate: Address, chain_id: u64) -> Call {
    match withdrawal {
        Withdrawal::Revoke { account, decision } => {
            let data = DecisionGate::revokeCall { account: *account, decision: *decision }.abi_encode();
            Call { to: gate, value: Amount::ZERO, data: data.into() }
        }
        Withdrawal::CancelProposal { governor, calls, description } => {
            Proposal { calls: calls.clone(), description: description.clone() }.cancel(*governor)
        }
        Withdrawal::RejectSafeNonce { safe, nonce } => {
            approve_hash(*safe, SafeTx::rejection(*safe, *nonce).hash(chain_id, *safe))
        }
    }
}
