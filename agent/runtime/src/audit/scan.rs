//! Which transactions an audit must look at, and what they did.

use super::{
    AuditError, TOLD_EVERY,
    deed::{Deed, Mined, deeds},
    treasury::{Account, Kind, Treasury},
};
use crate::chain::{Chain, ChainError, Times};
use alloy::{
    consensus::Transaction,
    network::TransactionResponse,
    primitives::{Address, B256, U256, keccak256},
    providers::Provider,
    rpc::types::{Filter, Log},
    sol_types::{SolEvent, SolValue},
};
use quaestor_contracts::{
    Proposal,
    bindings::{DecisionGate, IERC20, IGovernor, ISafe, ITimelock},
};
use quaestor_core::BlockRef;
use std::collections::{BTreeMap, BTreeSet};

/// Most transactions of one audit.
const TRANSACTIONS_MAX: usize = 20_000;
/// Most entries of accounts that no policy names of which the audit says each by itself.
const STRANGERS_MAX: usize = 100;

/// What was found on the chain.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What the accounts did, in the order of the chain.
    pub(super) deeds: Vec<Deed>,
    /// Entries of accounts that no policy names although its file is at hand: anybody may enter for himself.
    pub(super) strangers: usize,
    /// Entries under policies whose files are not at hand.
    pub(super) unknown: Vec<Unknown>,
}

/// An entry of an account of which nobody can tell whether it is the treasury's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) account: Address,
    pub(super) policy: B256,
    pub(super) tx: B256,
    pub(super) block: u64,
}

/// Reads everything that `treasury` did in the blocks from `first` to `last`.
pub(super) async fn scan(
    treasury: &Treasury,
    chain: &Chain,
    first: u64,
    last: u64,
    tell: &dyn Fn(&str),
) -> Result<Found, AuditError> {
    let (mut found, mut times) = (Found::default(), Times::default());
    let mut wanted: BTreeMap<(u64, u64), (B256, Log)> = BTreeMap::new();
    for log in events(treasury, chain, first, last).await? {
        if let Ok(entered) = DecisionGate::Entered::decode_log_validate(&log.inner)
            && log.address() == treasury.gate
            && !treasury.accounts.iter().any(|account| account.address == entered.account)
        {
            found.stranger(treasury, &entered, &log);
            continue;
        }
        let (Some(block), Some(index), Some(hash)) = (log.block_number, log.transaction_index, log.transaction_hash)
        else {
            let what = "a log without its transaction";
            return Err(ChainError::Malformed { address: log.address(), what }.into());
        };
        wanted.insert((block, index), (hash, log));
        if wanted.len() > TRANSACTIONS_MAX {
            return Err(AuditError::TooMany { first, block });
        }
    }
    let count = wanted.len();
    for (position, (hash, log)) in wanted.into_values().enumerate() {
        if position % TOLD_EVERY == 0 {
            tell(&format!("transaction {} of {count}", position + 1));
        }
        let block = times.block(chain, &log).await?;
        found.deeds.extend(deeds(treasury, &mined(chain, hash, block).await?));
    }
    Ok(found)
}

impl Found {
    fn stranger(&mut self, treasury: &Treasury, entered: &DecisionGate::Entered, log: &Log) {
        if treasury.knows(entered.policy) {
            self.strangers += 1;
        } else if self.unknown.len() < STRANGERS_MAX {
            let (account, policy) = (entered.account, entered.policy);
            let (tx, block) = (log.transaction_hash.unwrap_or_default(), log.block_number.unwrap_or_default());
            self.unknown.push(Unknown { account, policy, tx, block });
        }
    }
}

/// Events of the gate, of the accounts, and of tokens that leave them.
async fn events(treasury: &Treasury, chain: &Chain, first: u64, last: u64) -> Result<Vec<Log>, ChainError> {
    let addresses = |wanted: fn(&Kind) -> bool| {
        let of = treasury.accounts.iter().filter(move |account| wanted(&account.kind));
        of.map(|account: &Account| account.address).collect::<Vec<_>>()
    };
    let (safes, timelocks) = (addresses(|kind| *kind == Kind::Safe), addresses(|kind| *kind != Kind::Safe));
    let of = |addresses: Vec<Address>, signatures: Vec<B256>| {
        (!addresses.is_empty()).then(|| Filter::new().address(addresses).event_signature(signatures))
    };
    let executed = vec![ISafe::ExecutionSuccess::SIGNATURE_HASH, ISafe::ExecutionFromModuleSuccess::SIGNATURE_HASH];
    let accounts: Vec<B256> = treasury.accounts.iter().map(|account| account.address.into_word()).collect();
    let transfers = of(treasury.tokens.iter().copied().collect(), vec![IERC20::Transfer::SIGNATURE_HASH]);
    let filters = [
        of(vec![treasury.gate], vec![DecisionGate::Entered::SIGNATURE_HASH]),
        of(safes, executed),
        of(timelocks, vec![ITimelock::CallExecuted::SIGNATURE_HASH]),
        transfers.filter(|_| !accounts.is_empty()).map(|filter| filter.topic1(accounts)),
    ];
    let mut all = Vec::new();
    for filter in filters.into_iter().flatten() {
        all.extend(chain.logs(&filter, first, last).await?);
    }
    Ok(all)
}

async fn mined(chain: &Chain, hash: B256, block: BlockRef) -> Result<Mined, ChainError> {
    let unknown = || ChainError::NoBlock { block: format!("{} of transaction {hash}", block.number) };
    let method = "eth_getTransactionReceipt";
    let receipt = chain.provider().get_transaction_receipt(hash).await.map_err(chain.failed(method))?;
    let receipt = receipt.ok_or_else(unknown)?;
    let method = "eth_getTransactionByHash";
    let transaction = chain.provider().get_transaction_by_hash(hash).await.map_err(chain.failed(method))?;
    let transaction = transaction.ok_or_else(unknown)?;
    Ok(Mined {
        hash,
        block,
        from: transaction.from(),
        to: transaction.to(),
        input: transaction.input().clone(),
        logs: receipt.logs().to_vec(),
    })
}

/// A proposal as a member knows it.
#[derive(Debug, Clone)]
pub(super) struct Voted {
    pub(super) governor: Address,
    pub(super) id: U256,
    pub(super) proposer: Address,
    pub(super) title: String,
}

/// The proposals behind these operations of timelocks, by operation.
pub(super) async fn proposals(
    treasury: &Treasury,
    chain: &Chain,
    first: u64,
    last: u64,
    operations: &BTreeSet<B256>,
) -> Result<BTreeMap<B256, Voted>, ChainError> {
    let (governors, mut found) = (treasury.governors(), BTreeMap::new());
    if operations.is_empty() || governors.is_empty() {
        return Ok(found);
    }
    let created = IGovernor::ProposalCreated::SIGNATURE_HASH;
    let filter = Filter::new().address(governors).event_signature(created);
    for log in chain.logs(&filter, first, last).await? {
        let Ok(event) = IGovernor::ProposalCreated::decode_log_validate(&log.inner) else { continue };
        let governor = log.address();
        let operation = operation(governor, &event);
        if operations.contains(&operation) {
            let title = event.description.lines().next().unwrap_or_default().trim_start_matches('#').trim();
            let (id, proposer, title) = (event.proposalId, event.proposer, title.to_owned());
            found.insert(operation, Voted { governor, id, proposer, title });
        }
    }
    Ok(found)
}

/// The id of a proposal's operation on the timelock, whatever its calls send.
fn operation(governor: Address, event: &IGovernor::ProposalCreated) -> B256 {
    let salt = Proposal { calls: Vec::new(), description: event.description.clone() }.timelock_salt(governor);
    let parts = (event.targets.clone(), event.values.clone(), event.calldatas.clone(), B256::ZERO, salt);
    keccak256(parts.abi_encode_params())
}
