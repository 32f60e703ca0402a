//! `quaestor policy audit`: everything that the treasury did on the chain, each judged under the policy that was in force
//! in its block, and what no policy allowed.
//!
//! - A batch that entered the gate is held against the decision behind it: that of the agent's bundle, recomputed and
//!   compared with the chain as `quaestor verify` does, or, without one, the decision taken again from the chain. The calls
//!   that ran must be the ones that were decided, and no more may have left than was entered.
//! - Where neither can be done, the rules of the policy are asked at the block before; what they allow is still unjudged,
//!   for no strategy may have wanted it.
//! - Whatever did not enter the gate was done by hand: by owners, modules, votes, or whoever had an allowance.
//!
//! Only tokens that a policy lists are looked at: anybody can write a token whose events say that a treasury sent it.

mod activities;
mod bundles;
mod deed;
mod judge;
mod print;
mod recompute;
mod report;
mod rules;
mod scan;
#[cfg(test)]
mod tests;
mod treasury;

pub use deed::{Moved, Origin};
pub use report::{Audit, CallTold, Counts, EpochTold, Hand, How, Judged, Unchecked, Verdict, Vote};
pub use treasury::{Account, Kind};

use crate::{
    agent::{StartError, connect},
    chain::{ChainError, Contracts},
    config::Config,
    registry::Timeline,
    risk::Models,
};
use alloy::{primitives::B256, rpc::types::BlockNumberOrTag};
use bundles::Bundles;
use deed::{Calls, Deed};
use judge::Judge;
use quaestor_contracts::explain::{explain_call, party, plain, whole_tokens};
use quaestor_core::{Amount, Call, Catalog, Policy, Terms, Value};
use recompute::Past;
use scan::{Voted, proposals, scan};
use std::{collections::BTreeSet, io, path::PathBuf};
use treasury::{Held, Treasury};

/// How many are done between two lines of progress.
const TOLD_EVERY: usize = 50;

/// Why nothing was audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no node to ask.
    #[error(transparent)]
    Connect(#[from] StartError),
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A folder cannot be looked through.
    #[error("{what}: {source}; correct it, or name another")]
    Folder {
        /// Which.
        what: String,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The audit would begin in the future.
    #[error("block {from} is not final yet, the newest final block is {last}; begin earlier")]
    Range {
        /// Where it should begin.
        from: u64,
        /// The newest final block.
        last: u64,
    },
    /// There is too much for one run.
    #[error("there are too many transactions from block {first} to {block}; begin later with --from")]
    TooMany {
        /// Where it begins.
        first: u64,
        /// Where it was given up.
        block: u64,
    },
}

/// What to audit.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// First block; `None`: the block in which the contracts were deployed.
    pub from: Option<u64>,
    /// Folders and files of policies beside those of the configuration.
    pub policies: Vec<PathBuf>,
}

/// Audits the DAO of `config` up to the newest final block; `tell` gets lines of progress.
///
/// # Errors
/// If the chain or a folder cannot be read. What is found, and what of it cannot be judged, is in the audit.
pub async fn audit(
    config: &Config,
    catalog: &Catalog,
    request: &Request,
    tell: &dyn Fn(&str),
) -> Result<Audit, AuditError> {
    let chain = connect(config)?;
    let contracts = config.contracts;
    chain.check_chain_id(config.chain.chain_id).await?;
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    let last = chain.block(config.chain.finality.tag(head.number)).await?;
    let deployed = contracts.deployed_block;
    let first = request.from.unwrap_or(deployed).max(deployed);
    if first > last.number {
        return Err(AuditError::Range { from: first, last: last.number });
    }
    tell("epochs of the registry");
    let timeline = Timeline::read(&chain, contracts.registry, deployed, last).await?;
    let since = chain.block(BlockNumberOrTag::Number(first)).await?.timestamp;
    let treasury = Treasury::gather(config, catalog, &chain, timeline, &request.policies, since).await;
    let policies = |source| AuditError::Folder { what: "the policies".to_owned(), source };
    let treasury = treasury.map_err(policies)?;
    tell("events of the treasury");
    let found = scan(&treasury, &chain, first, last.number, tell).await?;
    let operations: BTreeSet<_> = found.deeds.iter().filter_map(operation).collect();
    let votes = proposals(&treasury, &chain, deployed, last.number, &operations).await?;
    let folder = &config.files.bundles;
    let bundles = Bundles::open(folder);
    let bundles = bundles.map_err(|source| AuditError::Folder { what: folder.display().to_string(), source })?;
    let trusted = Contracts { registry: contracts.registry, brake: contracts.brake, gate: contracts.gate };
    let past = Past { chain: &chain, contracts: trusted, deployed_block: deployed };
    let models = Models::new(&config.files);
    let mut judge = Judge { chain: &chain, catalog, treasury: &treasury, past, bundles, models };
    let mut judged = Vec::with_capacity(found.deeds.len());
    for (position, deed) in found.deeds.iter().enumerate() {
        if position % TOLD_EVERY == 0 {
            tell(&format!("judging {} of {}", position + 1, found.deeds.len()));
        }
        let verdict = judge.judge(deed).await?;
        let vote = operation(deed).and_then(|id| votes.get(&id)).map(vote);
        judged.push(told(&treasury, deed, verdict, vote));
    }
    let mut unchecked = missing(&treasury);
    unchecked.extend(found.unknown.iter().map(|it| Unchecked {
        what: format!("a batch of {} at block {}, transaction {}", it.account, it.block, it.tx),
        why: format!(
            "whether that is an account of the treasury says the policy {}, whose file cannot be used",
            it.policy
        ),
    }));
    let name = treasury.newest().map_or_else(|| "DAO".to_owned(), |policy| policy.terms().name.clone());
    let (epochs, strangers) = (treasury.held.iter().map(epoch).collect(), found.strangers);
    let (chain_id, accounts) = (config.chain.chain_id, treasury.accounts.clone());
    Ok(Audit { chain_id, name, first, last, epochs, accounts, judged, strangers, unchecked })
}

fn operation(deed: &Deed) -> Option<B256> {
    match deed.origin {
        Origin::Vote { operation } => Some(operation),
        _ => None,
    }
}

fn vote(it: &Voted) -> Vote {
    Vote { governor: it.governor, proposal_id: it.id, proposer: it.proposer, title: it.title.clone() }
}

fn epoch(held: &Held) -> EpochTold {
    EpochTold {
        epoch: held.epoch().number,
        policy: held.epoch().policyHash,
        from: held.reign.from,
        until: held.reign.until,
        file: held.from.clone(),
        missing: held.policy.as_ref().err().cloned(),
    }
}

/// Policies that cannot be had, and what therefore is not known.
fn missing(treasury: &Treasury) -> Vec<Unchecked> {
    if treasury.held.is_empty() {
        let (what, why) = ("the accounts of the treasury", "no policy was ever in force, and nothing else names them");
        return vec![Unchecked { what: what.to_owned(), why: why.to_owned() }];
    }
    let of = |held: &Held| {
        let number = held.epoch().number;
        let what = format!("what only epoch {number} names: its accounts and tokens");
        Some(Unchecked { what, why: held.policy.as_ref().err()?.clone() })
    };
    treasury.held.iter().filter_map(of).collect()
}

fn told(treasury: &Treasury, deed: &Deed, verdict: Verdict, vote: Option<Vote>) -> Judged {
    let held = treasury.in_force(deed.block.timestamp, (deed.block.number, deed.log_index));
    let policy = held.and_then(|held| held.policy.as_deref().ok()).or_else(|| treasury.newest());
    let terms = policy.map(|policy| policy.terms());
    let entered = deed.entered.first();
    let value = entered.map(|entered| {
        let values = entered.items.iter().map(|item| Value::from_u256(item.value).unwrap_or(Value(u128::MAX)));
        values.fold(Value::ZERO, Value::saturating_add)
    });
    Judged {
        verdict,
        account: deed.account.clone(),
        block: deed.block,
        tx: deed.tx,
        log_index: deed.log_index,
        sender: deed.sender,
        origin: deed.origin.clone(),
        vote,
        epoch: held.map(|held| held.epoch().number),
        decision: entered.map(|entered| entered.decision),
        value,
        calls: calls(deed, treasury, terms),
        out: deed.out.clone(),
        out_words: deed.out.iter().map(|moved| moved_words(moved, terms)).collect(),
    }
}

fn calls(deed: &Deed, treasury: &Treasury, terms: Option<&Terms>) -> Vec<CallTold> {
    let told = |call: &Call, operation, words| {
        let Call { to, value, data } = call.clone();
        CallTold { operation, to, value, data, words }
    };
    match &deed.calls {
        Calls::Known(calls) => {
            let is_entry = |call: &&Call| call.to == treasury.gate && !deed.entered.is_empty();
            let words = |call: &Call| match terms {
                Some(terms) => explain_call(terms, call),
                None => format!("call {} with the data {}", call.to, call.data),
            };
            calls.iter().filter(|call| !is_entry(call)).map(|call| told(call, "call", words(call))).collect()
        }
        Calls::Delegated { to, data } => {
            let call = Call { to: *to, value: Amount::ZERO, data: data.clone() };
            let words = format!("run the code of {to} in the account's place, with the data {data}");
            vec![told(&call, "delegatecall", words)]
        }
        Calls::Unknown(_) => Vec::new(),
    }
}

fn moved_words(moved: &Moved, terms: Option<&Terms>) -> String {
    let asset = terms.and_then(|terms| terms.assets.iter().find(|asset| asset.address == moved.token));
    let amount = match asset {
        Some(asset) => format!("{} {}", whole_tokens(moved.amount, asset.decimals), plain(&asset.symbol)),
        None => format!("{} base units of {}", moved.amount, moved.token),
    };
    let to = terms.map_or_else(|| moved.with.to_string(), |terms| party(terms, moved.with));
    format!("{amount} went to {to}")
}
