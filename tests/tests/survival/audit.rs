//! What must be true of chain and journal whatever happened.

use super::stand::{Lives, demo_records};
use alloy::{
    consensus::Transaction,
    network::TransactionResponse,
    primitives::{Address, B256},
    providers::Provider,
    rpc::types::{BlockNumberOrTag, Filter, Log},
    sol_types::SolEvent,
};
use quaestor::agent::{Path, Plan, Record};
use quaestor_contracts::bindings::{DecisionGate, IGovernor, ISafe};
use quaestor_core::lifecycle::Errand;
use quaestor_tests::Stage;
use std::collections::{BTreeMap, BTreeSet};

/// What an audit counted, for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Audit {
    /// Transactions of the operator in blocks.
    pub(crate) transactions: usize,
    /// Plans in the journal.
    pub(crate) plans: usize,
    /// Batches that the gate let in.
    pub(crate) entered: usize,
    /// Proposals of the operator to the Governor.
    pub(crate) proposed: usize,
}

/// Checks chain and journal. `Entered` must be there for exactly the decisions in `executed`.
pub(crate) async fn audit(stage: &Stage, executed: &BTreeSet<B256>) -> Audit {
    let records = demo_records(stage);
    Lives::of(&records); // which finds two lives that must not be at once
    let plans: Vec<&Plan> =
        records.iter().filter_map(|it| if let Record::Planned(plan) = it { Some(&**plan) } else { None }).collect();
    decided_once(stage, &records, &plans);
    let transactions = one_success_each(stage, &records).await;
    no_jam(stage).await;
    one_approval_a_nonce(stage, &plans).await;
    let entered = entered_once(stage, executed).await;
    let proposed = proposed_once(stage, &plans).await;
    Audit { transactions, plans: plans.len(), entered, proposed }
}

/// No block was decided on twice, and each plan is in the bundle that people look at.
fn decided_once(stage: &Stage, records: &[Record], plans: &[&Plan]) {
    let mut blocks = BTreeSet::new();
    for record in records {
        if let Record::Decided { block, .. } = record {
            assert!(blocks.insert(block.hash), "block {} was decided on twice", block.number);
        }
    }
    for plan in plans {
        let published = stage.bundle(&plan.bundle).unwrap().proposals;
        assert!(published.iter().any(|proposal| proposal.decision == plan.id), "{} is not published", plan.id);
    }
}

/// Each transaction of the operator was written down before, and of one purpose at most one succeeded.
async fn one_success_each(stage: &Stage, records: &[Record]) -> usize {
    let signed: BTreeMap<B256, (B256, Errand)> = records
        .iter()
        .filter_map(|it| match it {
            Record::Signed { decision, errand, tx } => Some((tx.hash, (*decision, *errand))),
            _ => None,
        })
        .collect();
    let sent = operator_transactions(stage).await;
    let mut succeeded = BTreeSet::new();
    for (nonce, (hash, found)) in sent.iter().enumerate() {
        assert_eq!(u64::try_from(nonce).unwrap(), *found);
        // Before its first decision the operator only delegates its votes, as a member.
        let Some((decision, errand)) = signed.get(hash) else {
            assert_eq!(nonce, 0, "{hash} is not in the journal");
            continue;
        };
        let receipt = stage.devnet.chain.provider().get_transaction_receipt(*hash).await.unwrap().unwrap();
        let first = !receipt.status() || succeeded.insert((*decision, format!("{errand:?}")));
        assert!(first, "{errand:?} of {decision} succeeded twice");
    }
    sent.len()
}

/// Hash and nonce of the operator's transactions, in the order of the chain.
async fn operator_transactions(stage: &Stage) -> Vec<(B256, u64)> {
    let (provider, operator) = (stage.devnet.chain.provider(), stage.devnet.dao.people.operator.address());
    let mut found = Vec::new();
    for number in 0..=provider.get_block_number().await.unwrap() {
        let block = provider.get_block_by_number(BlockNumberOrTag::Number(number)).full().await.unwrap().unwrap();
        let own = block.transactions.txns().filter(|tx| tx.from() == operator);
        found.extend(own.map(|tx| (tx.tx_hash(), tx.nonce())));
    }
    found
}

/// Nothing of the operator waits in the node's pool, and nothing waits for a nonce that never comes.
async fn no_jam(stage: &Stage) {
    let (provider, operator) = (stage.devnet.chain.provider(), stage.devnet.dao.people.operator.address());
    let latest = provider.get_transaction_count(operator).latest().await.unwrap();
    assert_eq!(provider.get_transaction_count(operator).pending().await.unwrap(), latest);
    let pool: serde_json::Value = provider.raw_request("txpool_status".into(), ()).await.unwrap();
    assert_eq!((pool["pending"].as_str(), pool["queued"].as_str()), (Some("0x0"), Some("0x0")));
}

/// The operator confirms nothing that is not in the journal, nothing twice, and of the proposals at one Safe nonce that
/// are not revoked at most one.
async fn one_approval_a_nonce(stage: &Stage, plans: &[&Plan]) {
    let known: BTreeMap<B256, (u64, Option<B256>)> = plans
        .iter()
        .flat_map(|plan| match plan.route {
            Path::Safe { nonce, safe_tx_hash, rejection_hash, .. } => {
                vec![(safe_tx_hash, (nonce, Some(plan.id))), (rejection_hash, (nonce, None))]
            }
            Path::Governor { .. } => Vec::new(),
        })
        .collect();
    let dao = &stage.devnet.dao;
    let filter = Filter::new().address(dao.safe.account).event_signature(ISafe::ApproveHash::SIGNATURE_HASH);
    let by_operator = filter.topic2(dao.people.operator.address().into_word());
    let mut approved = BTreeSet::new();
    let mut live: BTreeMap<u64, B256> = BTreeMap::new();
    for log in logs(stage, by_operator).await {
        let hash = log.topics()[1];
        let (nonce, decision) = known.get(&hash).unwrap_or_else(|| panic!("{hash} is not in the journal"));
        // Two withdrawn proposals at one nonce share their rejection.
        let Some(decision) = decision else { continue };
        assert!(approved.insert(hash), "{hash} confirmed twice");
        let revoked = DecisionGate::revokedCall { account: dao.safe.account, decision: *decision };
        if !stage.devnet.chain.read(dao.controls.gate, &revoked).await.unwrap() {
            let other = live.insert(*nonce, *decision);
            assert_eq!(other, None, "two proposals at the Safe's nonce {nonce}, neither revoked");
        }
    }
}

/// The gate let exactly these in, each once and no key twice.
async fn entered_once(stage: &Stage, executed: &BTreeSet<B256>) -> usize {
    let filter = Filter::new().address(stage.devnet.dao.controls.gate);
    let found = logs(stage, filter.event_signature(DecisionGate::Entered::SIGNATURE_HASH)).await;
    let (mut decisions, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for log in &found {
        let event = DecisionGate::Entered::decode_log(&log.inner).unwrap().data;
        assert!(decisions.insert(event.decision), "{} entered twice", event.decision);
        for item in &event.items {
            assert!(keys.insert((event.account, item.onceKey)), "{} was used twice", item.onceKey);
        }
    }
    assert_eq!(&decisions, executed);
    found.len()
}

/// The operator made each of its proposals to the Governor once, and for a key only one that was not withdrawn.
async fn proposed_once(stage: &Stage, plans: &[&Plan]) -> usize {
    let created = IGovernor::ProposalCreated::SIGNATURE_HASH;
    let filter = Filter::new().address(stage.devnet.dao.governance.governor).event_signature(created);
    let operator = stage.devnet.dao.people.operator.address();
    let own = |log: &Log| {
        let event = IGovernor::ProposalCreated::decode_log(&log.inner).unwrap().data;
        (event.proposer == operator).then(|| B256::from(event.proposalId))
    };
    let found: Vec<B256> = logs(stage, filter).await.iter().filter_map(own).collect();
    let mut keys = BTreeSet::new();
    for id in &found {
        let planned = |plan: &&&Plan| matches!(plan.route, Path::Governor { proposal_id, .. } if proposal_id == *id);
        let plan = plans.iter().find(planned).unwrap_or_else(|| panic!("{id} is not in the journal"));
        for item in &plan.batch.items {
            assert!(keys.insert(item.entry.once_key), "two proposals for {}", item.entry.once_key);
        }
    }
    found.len()
}

async fn logs(stage: &Stage, filter: Filter) -> Vec<Log> {
    stage.devnet.chain.provider().get_logs(&filter.from_block(0)).await.unwrap()
}

/// How many transactions of the operator are in blocks.
pub(crate) async fn operator_nonce(stage: &Stage, operator: Address) -> u64 {
    stage.devnet.chain.provider().get_transaction_count(operator).latest().await.unwrap()
}
