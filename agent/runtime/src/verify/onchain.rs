//! What a node can confirm: that the bundle's inputs were the chain's.

use super::{
    Difference, Report,
    report::{AtGate, GateState},
};
use crate::{
    agent::{Bundle, BundleProposal, BundleRead, Rehearsal, rehearse},
    chain::{Chain, ChainError, HistoryReader, Read, Readings},
};
use alloy::{
    primitives::{Address, B256, Bytes, keccak256},
    rpc::types::BlockNumberOrTag,
};
use quaestor_contracts::{PolicyCodec, bindings::DecisionGate};
use quaestor_core::{
    Batch, Policy,
    gate::{DryRun, DryRunOutcome},
    snapshot::CodeReading,
};
use quaestor_policies::VotedPolicy;

/// Compares `bundle` with the chain of the node. `policy` is that of the bundle, if it could be read.
///
/// # Errors
/// If the node does not answer or serves another chain. What it refuses is reported as not checked.
pub(super) async fn compare(
    bundle: &Bundle,
    policy: Option<&VotedPolicy>,
    chain: &Chain,
    report: &mut Report,
) -> Result<(), ChainError> {
    chain.check_chain_id(bundle.snapshot.chain_id).await?;
    compare_gate(bundle, policy, chain, report).await?;
    let block = bundle.snapshot.block;
    let what = "the decision's block is in the canonical chain";
    match answered(chain.block(BlockNumberOrTag::Number(block.number)).await)? {
        Ok(found) => report.compared(what, Difference::first("/snapshot/block", &found, &block)),
        Err(why) => report.not_compared(what, why),
    }
    if report.compared.last().is_none_or(|check| check.finding != super::Finding::Ok) {
        report.not_compared("reads, code, history and dry runs", "they are compared at the decision's block alone");
        return Ok(());
    }
    compare_reads(bundle, chain, report).await?;
    compare_earlier(bundle, chain, report).await?;
    compare_code(bundle, chain, report).await?;
    let Some(policy) = policy else {
        report.not_checked("history and dry runs", "they cannot be compared without the policy");
        return Ok(());
    };
    compare_history(bundle, policy, chain, report).await?;
    for (index, proposal) in bundle.proposals.iter().enumerate() {
        compare_dry_run(bundle, policy, chain, index, proposal, report).await?;
    }
    Ok(())
}

/// A node that answers, but not what was asked for, leaves the rest to be checked.
pub(super) fn answered<T>(result: Result<T, ChainError>) -> Result<Result<T, String>, ChainError> {
    match result {
        Ok(found) => Ok(Ok(found)),
        Err(error) if error.is_of_this_node() => Ok(Err(format!("{error}; an archive node may have it"))),
        Err(error) => Err(error),
    }
}

async fn compare_reads(bundle: &Bundle, chain: &Chain, report: &mut Report) -> Result<(), ChainError> {
    let what = format!("{} reads give the same answers again", bundle.reads.len());
    compare_answers(what, "/reads", bundle.snapshot.block.hash, &bundle.reads, chain, report).await
}

/// The rates of the past, at the block that they are said to be of.
async fn compare_earlier(bundle: &Bundle, chain: &Chain, report: &mut Report) -> Result<(), ChainError> {
    let Some(earlier) = &bundle.earlier else { return Ok(()) };
    let what = "the earlier block is in the canonical chain";
    match answered(chain.block(BlockNumberOrTag::Number(earlier.block.number)).await)? {
        Ok(found) => report.compared(what, Difference::first("/earlier/block", &found, &earlier.block)),
        Err(why) => report.not_compared(what, why),
    }
    let what = format!("{} reads of the past give the same answers again", earlier.reads.len());
    compare_answers(what, "/earlier/reads", earlier.block.hash, &earlier.reads, chain, report).await
}

async fn compare_answers(
    what: String,
    at: &str,
    block: B256,
    reads: &[BundleRead],
    chain: &Chain,
    report: &mut Report,
) -> Result<(), ChainError> {
    match answered(chain.read_at(block, reads.iter().map(|it| it.read.clone()).collect()).await)? {
        Ok(answers) => {
            let expected: Vec<Option<Bytes>> = answers.into_iter().map(|(_, answer)| answer).collect();
            let differing = reads.iter().zip(&expected).position(|(found, expected)| found.answer != *expected);
            report.compared(
                what,
                differing.map(|index| {
                    let answers = (expected.get(index), reads.get(index).map(|it| &it.answer));
                    Difference::new(format!("{at}/{index}/answer"), answers.0, answers.1)
                }),
            );
        }
        Err(why) => report.not_compared(what, why),
    }
    Ok(())
}

async fn compare_code(bundle: &Bundle, chain: &Chain, report: &mut Report) -> Result<(), ChainError> {
    let what = "the code of the contracts that the policy pins is that of the snapshot";
    let addresses: Vec<Address> = bundle.snapshot.code.iter().map(|it| it.address).collect();
    match answered(chain.code_at(bundle.snapshot.block.hash, &addresses).await)? {
        Ok(codes) => {
            let hash = |code: &Bytes| if code.is_empty() { B256::ZERO } else { keccak256(code) };
            let reading =
                |(address, code): (&Address, &Bytes)| CodeReading { address: *address, code_hash: hash(code) };
            let expected: Vec<CodeReading> = addresses.iter().zip(&codes).map(reading).collect();
            report.compared(what, Difference::first("/snapshot/code", &expected, &bundle.snapshot.code));
        }
        Err(why) => report.not_compared(what, why),
    }
    Ok(())
}

async fn compare_history(
    bundle: &Bundle,
    policy: &VotedPolicy,
    chain: &Chain,
    report: &mut Report,
) -> Result<(), ChainError> {
    let what = "the history is what the gate's events and the Governor say";
    let (terms, block) = (policy.terms(), bundle.snapshot.block);
    // From block 0: the bundle does not say when the gate was deployed, and the search begins at the oldest window.
    let mut reader = HistoryReader::new(0);
    match answered(reader.read(chain, terms, &PolicyCodec::new(terms), block, block.number).await)? {
        Ok(history) => report.compared(what, Difference::first("/history", &history, &bundle.history)),
        Err(why) => report.not_compared(what, format!("it depends on events that the node must serve: {why}")),
    }
    Ok(())
}

async fn compare_dry_run(
    bundle: &Bundle,
    policy: &VotedPolicy,
    chain: &Chain,
    index: usize,
    proposal: &BundleProposal,
    report: &mut Report,
) -> Result<(), ChainError> {
    let what = format!("proposal {}: its dry run ends the same again", index + 1);
    let Some(batch) = batch_of(bundle, proposal) else {
        report.not_checked(what, "it is of no batch of the decision");
        return Ok(());
    };
    let accounts = &bundle.snapshot.accounts;
    let rehearsal = Rehearsal {
        terms: policy.terms(),
        multisend: bundle.contracts.multisend,
        account: batch.address,
        control: accounts.get(batch.account.index()).map(|account| &account.control),
        route: &proposal.route,
        calls: &proposal.calls,
        block: bundle.snapshot.block,
    };
    match answered(rehearse(chain, &rehearsal).await)? {
        Ok(ran) => {
            let at = format!("/proposals/{index}/dry_run/outcome");
            report.compared(what, Difference::first(&at, &without_gas(&ran), &without_gas(&proposal.dry_run)));
        }
        Err(why) => report.not_checked(what, why),
    }
    Ok(())
}

/// What a dry run did, but for its gas.
fn without_gas(dry_run: &DryRun) -> DryRunOutcome {
    match dry_run.outcome.clone() {
        DryRunOutcome::Ran { balances, .. } => DryRunOutcome::Ran { balances, gas_used: 0 },
        reverted @ DryRunOutcome::Reverted { .. } => reverted,
    }
}

fn batch_of<'a>(bundle: &'a Bundle, proposal: &BundleProposal) -> Option<&'a Batch> {
    let calls = proposal.calls.get(1..)?;
    bundle.decision.batches.iter().find(|batch| batch.entry(&bundle.decision, calls).decision == proposal.decision)
}

/// What became of the batches, now.
async fn compare_gate(
    bundle: &Bundle,
    policy: Option<&VotedPolicy>,
    chain: &Chain,
    report: &mut Report,
) -> Result<(), ChainError> {
    let gate = policy.map_or(bundle.contracts.gate, |policy| policy.terms().gate);
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    for proposal in &bundle.proposals {
        let Some(batch) = batch_of(bundle, proposal) else { continue };
        let (account, decision) = (batch.address, proposal.decision);
        let once_key = batch.items.first().map(|item| item.entry.once_key).unwrap_or_default();
        let used = DecisionGate::usedCall { account, onceKey: once_key };
        let revoked = DecisionGate::revokedCall { account, decision };
        let what = || format!("what became of batch {decision}");
        let reads = vec![Read::new(gate, &used), Read::new(gate, &revoked)];
        let answers = match answered(chain.read_at(head.hash, reads).await)? {
            Ok(answers) => answers,
            Err(why) => {
                report.not_checked(what(), why);
                continue;
            }
        };
        let mut readings = Readings::default();
        readings.extend(answers);
        let state = match (readings.get(gate, &used), readings.get(gate, &revoked)) {
            (Some(true), _) => GateState::Entered,
            (_, Some(true)) => GateState::Revoked,
            (Some(false), Some(false)) => GateState::Open,
            _ => {
                report.not_checked(what(), format!("{gate} does not answer as a DecisionGate"));
                continue;
            }
        };
        report.at_gate.push(AtGate { account, decision, state, block: head });
    }
    Ok(())
}
