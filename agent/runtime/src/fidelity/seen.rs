//! What the chain holds of a run: balances at the feeds' prices, approvals and votes of the agent, entries at the gate.

use super::{
    FidelityError, OnChain, Proposal,
    compare::deeds,
    days::{dollars, end_of},
    home, people,
    world::World,
};
use crate::{
    agent::{Path as Way, Plan},
    devnet::Devnet,
};
use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};
use quaestor_contracts::{
    PolicyCodec,
    bindings::{DecisionGate, IAggregatorV3, IGovernor, ISafe},
    safe::SafeTx,
};
use quaestor_core::{Amount, Codec, Intent, Price, Terms, amount::pow10};
use std::collections::BTreeMap;

/// Decimal places that a wad has more than a feed.
const PLACES: u8 = 18 - crate::devnet::market::FEED_DECIMALS;

/// Net asset value of the treasury, dollars: balances of all accounts at what the feeds answer.
///
/// # Errors
/// If the chain does not answer.
pub(super) async fn nav(devnet: &Devnet, terms: &Terms) -> Result<f64, FidelityError> {
    let mut sum = 0.0;
    for asset in &terms.assets {
        let local = home::asset(&devnet.dao, &asset.symbol)?;
        let answer = devnet.chain.read(local.feed, &IAggregatorV3::latestRoundDataCall {}).await?.answer;
        let price = u128::try_from(answer).unwrap_or_default().saturating_mul(pow10(PLACES));
        let mut held = 0u128;
        for account in &terms.accounts {
            held = held.saturating_add(people::balance(devnet, local, account.address).await?.0);
        }
        let value = Amount(held).value_at(Price(price), asset.unit());
        let what = || format!("the worth of {held} base units of {} cannot be counted", asset.symbol);
        sum += dollars(value.ok_or_else(|| FidelityError::Chain { what: what() })?.0);
    }
    Ok(sum)
}

/// The agent's proposals that stand on the chain, each with what its calldata does and how it ended.
///
/// # Errors
/// If the chain does not answer, or holds something of the agent that its journal does not know.
pub(super) async fn proposals(world: &World, terms: &Terms) -> Result<(Vec<Proposal>, OnChain), FidelityError> {
    let devnet = &world.devnet;
    let (operator, now) = (devnet.dao.people.operator.address(), world.now().await?);
    let approvals = Logs::<ISafe::ApproveHash>::of(devnet, devnet.dao.safe.account).await?;
    let votes = Logs::<IGovernor::ProposalCreated>::of(devnet, devnet.dao.governance.governor).await?;
    let entries = Logs::<DecisionGate::Entered>::of(devnet, devnet.dao.controls.gate).await?;
    let revoked = Logs::<DecisionGate::Revoked>::of(devnet, devnet.dao.controls.gate).await?;
    let mut approved: BTreeMap<B256, bool> =
        approvals.0.iter().filter(|(_, it)| it.owner == operator).map(|(_, it)| (it.approvedHash, false)).collect();
    let mut proposed: BTreeMap<U256, bool> =
        votes.0.iter().filter(|(_, it)| it.proposer == operator).map(|(_, it)| (it.proposalId, false)).collect();
    let (mut found, mut rejections) = (Vec::new(), 0usize);
    let mut plans: Vec<&Plan> = world.plans.values().collect();
    plans.sort_by_key(|plan| (plan.decision.block.number, plan.batch.account));
    for plan in plans {
        let stands = match &plan.route {
            Way::Safe { safe, nonce, rejection_hash, .. } => {
                if let Some(known) = approved.get_mut(rejection_hash) {
                    rejections += usize::from(!std::mem::replace(known, true));
                }
                let tx = SafeTx::for_batch(*safe, devnet.dao.safe.multi_send, &plan.calls, *nonce);
                let tx = tx.map_err(|error| FidelityError::Chain { what: error.to_string() })?;
                mark(approved.get_mut(&tx.hash(terms.chain_id, *safe)))
            }
            Way::Governor { .. } => {
                let id = people::vote_of(plan).map(|vote| U256::from_be_bytes(vote.id().0));
                id.is_some_and(|id| mark(proposed.get_mut(&id)))
            }
        };
        if !stands {
            continue;
        }
        let entry = entries.0.iter().find(|(_, it)| it.account == plan.batch.address && it.decision == plan.id);
        if let Some((_, entry)) = entry {
            check_entry(plan, entry)?;
        }
        let is_revoked = revoked.0.iter().any(|(_, it)| it.account == plan.batch.address && it.decision == plan.id);
        found.push(Proposal {
            decided_at: plan.decision.block.timestamp,
            account: terms.account(plan.batch.account).map(|it| it.name.clone()).unwrap_or_default(),
            deeds: deeds(terms, &intents(terms, plan)?),
            end: end_of(entry.map(|(at, _)| *at), is_revoked, plan.batch.valid_until, now),
        });
    }
    let unknown = approved.values().chain(proposed.values()).filter(|known| !**known).count();
    if unknown > 0 {
        let what =
            format!("the chain holds {unknown} approvals or proposals of the agent that its journal does not know");
        return Err(FidelityError::Chain { what });
    }
    let entered = entries.0.len();
    if entered != found.iter().filter(|it| it.end.ran_at().is_some()).count() {
        return Err(FidelityError::Chain {
            what: format!("{entered} batches entered the gate, not all of them proposed"),
        });
    }
    let blocks = devnet.chain.provider().get_block_number().await;
    let blocks = blocks.map_err(|error| FidelityError::Chain { what: format!("eth_blockNumber: {error}") })?;
    let approved = approved.len() - rejections;
    let chain = OnChain { blocks, approved, proposed: proposed.len(), entered, revoked: revoked.0.len(), reverts: 0 };
    Ok((found, chain))
}

fn mark(known: Option<&mut bool>) -> bool {
    known.map(|known| *known = true).is_some()
}

/// The intents of a plan, with the actions that its calldata says: these calls are what the approved hash is of.
fn intents(terms: &Terms, plan: &Plan) -> Result<Vec<Intent>, FidelityError> {
    let codec = PolicyCodec::new(terms);
    let calls = plan.calls.get(1..).unwrap_or_default();
    let actions = codec.decode(plan.batch.account, plan.batch.valid_until, calls);
    let mut actions = actions.map_err(|error| FidelityError::Chain { what: error.to_string() })?.into_iter();
    let mut found = Vec::with_capacity(plan.batch.items.len());
    for intent in plan.batch.intents() {
        let mut intent = intent.clone();
        for (place, action) in intent.actions.iter_mut().zip(&mut actions) {
            *place = action;
        }
        found.push(intent);
    }
    Ok(found)
}

/// What entered the gate is what was planned.
fn check_entry(plan: &Plan, entry: &DecisionGate::Entered) -> Result<(), FidelityError> {
    let told: Vec<_> = entry.items.iter().map(|it| (it.onceKey, it.asset, it.amount, it.value)).collect();
    let planned = plan.batch.items.iter().map(|it| it.entry);
    let planned: Vec<_> =
        planned.map(|it| (it.once_key, it.asset, it.amount.to_u256(), U256::from(it.value.0))).collect();
    if told == planned {
        return Ok(());
    }
    Err(FidelityError::Chain { what: format!("the gate let in something else than {} planned", plan.id) })
}

/// Events of one kind with the times of their blocks, oldest first.
struct Logs<E>(Vec<(u64, E)>);

impl<E: SolEvent> Logs<E> {
    async fn of(devnet: &Devnet, contract: Address) -> Result<Self, FidelityError> {
        let filter = Filter::new().address(contract).event_signature(E::SIGNATURE_HASH).from_block(0);
        let refused =
            |error: &dyn std::fmt::Display| FidelityError::Chain { what: format!("events of {contract}: {error}") };
        let logs: Vec<Log> = devnet.chain.provider().get_logs(&filter).await.map_err(|error| refused(&error))?;
        let mut found = Vec::with_capacity(logs.len());
        for log in logs {
            let event = E::decode_log(&log.inner).map_err(|error| refused(&error))?;
            let at = log.block_timestamp.ok_or_else(|| refused(&"a log without the time of its block"))?;
            found.push((at, event.data));
        }
        Ok(Self(found))
    }
}
