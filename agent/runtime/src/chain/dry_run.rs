//! The exact batch, executed without leaving the node: from the owners' place on a Safe, from the timelock otherwise.
//!
//! `eth_simulateV1` runs the very transaction that people will execute. For a Safe the confirmations that are still
//! missing are written over its `approvedHashes` as a state *difference* (a full replacement would wipe the singleton
//! and succeed with nothing done), so that `checkSignatures` really runs.

use super::{Chain, ChainError, Read};
use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes},
    providers::Provider,
    rpc::types::{
        TransactionRequest,
        simulate::{SimBlock, SimCallResult, SimulatePayload},
        state::{AccountOverride, StateOverride},
    },
    sol_types::{SolCall, SolEvent, SolInterface},
};
use quaestor_contracts::{
    bindings::{DecisionGate, IERC20, IMulticall3, ISafe},
    safe::{SafeTx, approved_hash_slot, approved_signatures},
};
use quaestor_core::{
    Amount, BlockRef, Call, Terms,
    gate::{DryRun, DryRunOutcome},
};

/// Gas that one simulated call may use.
const GAS_MAX: u64 = 15_000_000;

/// Executes `tx`, the transaction of `safe` that makes `calls`, as it would once `signers`, owners in the order of their
/// addresses, have confirmed it.
///
/// # Errors
/// If the node does not answer.
pub async fn dry_run_safe(
    chain: &Chain,
    terms: &Terms,
    block: BlockRef,
    safe: Address,
    tx: &SafeTx,
    signers: &[Address],
    calls: &[Call],
) -> Result<DryRun, ChainError> {
    let hash = tx.hash(terms.chain_id, safe);
    let one = B256::with_last_byte(1);
    let slots = signers.iter().map(|owner| (approved_hash_slot(*owner, hash), one)).collect();
    let mut overrides = StateOverride::default();
    overrides.insert(safe, AccountOverride { state_diff: Some(slots), ..Default::default() });
    let execute = tx.execute(safe, approved_signatures(signers));
    let from = signers.first().copied().unwrap_or_default();
    let requests = vec![request(from, &execute)];
    let ran = simulate(chain, terms, block, overrides, requests).await?;
    let outcome = match ran {
        Simulated::Ran { results, balances } => {
            let done = results.first().is_some_and(|result| is_success(result, safe));
            let gas_used = results.iter().map(|result| result.gas_used).sum();
            if done {
                DryRunOutcome::Ran { balances, gas_used }
            } else {
                DryRunOutcome::Reverted { reason: "the Safe reported no ExecutionSuccess".into() }
            }
        }
        // The Safe hides what failed inside; the calls one by one, from the Safe, say it.
        Simulated::Reverted { reason } => {
            let inner = calls.iter().map(|call| request(safe, call)).collect();
            match simulate(chain, terms, block, StateOverride::default(), inner).await? {
                Simulated::Reverted { reason } => DryRunOutcome::Reverted { reason },
                Simulated::Ran { .. } => DryRunOutcome::Reverted { reason },
            }
        }
    };
    Ok(DryRun { calls: calls.to_vec(), block, outcome })
}

/// As many owners as must confirm, in the order of their addresses. Which of them does not matter to a dry run.
pub fn any_signers(owners: &[Address], threshold: u64) -> Vec<Address> {
    let mut signers = owners.to_vec();
    signers.sort_unstable();
    signers.truncate(usize::try_from(threshold).unwrap_or(usize::MAX));
    signers
}

/// Executes `calls` one after the other from `timelock`.
///
/// # Errors
/// If the node does not answer.
pub async fn dry_run_timelock(
    chain: &Chain,
    terms: &Terms,
    block: BlockRef,
    timelock: Address,
    calls: &[Call],
) -> Result<DryRun, ChainError> {
    let requests = calls.iter().map(|call| request(timelock, call)).collect();
    let outcome = match simulate(chain, terms, block, StateOverride::default(), requests).await? {
        Simulated::Ran { results, balances } => {
            DryRunOutcome::Ran { balances, gas_used: results.iter().map(|result| result.gas_used).sum() }
        }
        Simulated::Reverted { reason } => DryRunOutcome::Reverted { reason },
    };
    Ok(DryRun { calls: calls.to_vec(), block, outcome })
}

enum Simulated {
    Ran { results: Vec<SimCallResult>, balances: Vec<Vec<Amount>> },
    Reverted { reason: String },
}

fn request(from: Address, call: &Call) -> TransactionRequest {
    TransactionRequest::default()
        .with_from(from)
        .with_to(call.to)
        .with_value(call.value.to_u256())
        .with_input(call.data.clone())
        .with_gas_limit(GAS_MAX)
}

async fn simulate(
    chain: &Chain,
    terms: &Terms,
    block: BlockRef,
    overrides: StateOverride,
    mut requests: Vec<TransactionRequest>,
) -> Result<Simulated, ChainError> {
    let count = requests.len();
    let reads = balance_reads(terms);
    let call = |read: &Read| IMulticall3::Call3 { target: read.to, allowFailure: false, callData: read.data.clone() };
    let aggregate = IMulticall3::aggregate3Call { calls: reads.iter().map(call).collect() };
    let to_multicall = TransactionRequest::default().with_to(chain.multicall()).with_input(aggregate.abi_encode());
    requests.push(to_multicall.with_from(Address::ZERO).with_gas_limit(GAS_MAX));
    let sim_block = SimBlock { block_overrides: None, state_overrides: Some(overrides), calls: requests };
    let payload = SimulatePayload { block_state_calls: vec![sim_block], ..Default::default() };
    let pinned = chain.provider().simulate(&payload).block_id(BlockId::hash_canonical(block.hash));
    let blocks = pinned.await.map_err(chain.failed("eth_simulateV1"))?;
    let malformed = || ChainError::Malformed { address: chain.multicall(), what: "the dry run" };
    let mut results = blocks.into_iter().next().map(|block| block.calls).ok_or_else(malformed)?;
    if results.len() != count + 1 {
        return Err(malformed());
    }
    let balances = results.pop().ok_or_else(malformed)?;
    if let Some((position, failed)) = results.iter().enumerate().find(|(_, result)| !result.status) {
        let reason = format!("call {} of {count} reverts: {}", position + 1, revert_reason(failed));
        return Ok(Simulated::Reverted { reason });
    }
    let returned = IMulticall3::aggregate3Call::abi_decode_returns_validate(&balances.return_data);
    let returned = returned.map_err(|_| malformed())?;
    let amount = |result: &IMulticall3::Result| {
        let balance = IERC20::balanceOfCall::abi_decode_returns_validate(&result.returnData).ok();
        balance.and_then(Amount::from_u256).ok_or_else(malformed)
    };
    let amounts: Vec<Amount> = returned.iter().map(amount).collect::<Result<_, _>>()?;
    let width = terms.assets.len().max(1);
    Ok(Simulated::Ran { results, balances: amounts.chunks(width).map(<[Amount]>::to_vec).collect() })
}

fn balance_reads(terms: &Terms) -> Vec<Read> {
    let of_account = |account: &quaestor_core::Account| {
        let address = account.address;
        let balance =
            move |asset: &quaestor_core::Asset| Read::new(asset.address, &IERC20::balanceOfCall { account: address });
        terms.assets.iter().map(balance)
    };
    terms.accounts.iter().flat_map(of_account).collect()
}

fn is_success(result: &SimCallResult, safe: Address) -> bool {
    let returned = ISafe::execTransactionCall::abi_decode_returns_validate(&result.return_data);
    let logged = result
        .logs
        .iter()
        .any(|log| log.address() == safe && log.topics().first() == Some(&ISafe::ExecutionSuccess::SIGNATURE_HASH));
    returned == Ok(true) && logged
}

fn revert_reason(result: &SimCallResult) -> String {
    let data = result.error.as_ref().and_then(|error| error.data.clone()).filter(|data| !data.is_empty());
    let data: Bytes = data.unwrap_or_else(|| result.return_data.clone());
    explain_revert(&data)
        .or_else(|| result.error.as_ref().map(|error| error.message.clone()))
        .unwrap_or_else(|| format!("data {data}"))
}

/// A revert in words: a text, a panic, or an error of the gate.
pub(crate) fn explain_revert(data: &[u8]) -> Option<String> {
    if let Some(reason) = alloy::sol_types::decode_revert_reason(data) {
        return Some(reason);
    }
    let error = DecisionGate::DecisionGateErrors::abi_decode(data).ok()?;
    Some(format!("DecisionGate: {error:?}"))
}
