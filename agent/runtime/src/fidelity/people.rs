//! What people do on the local chain: owners confirm and execute, members vote, money comes and goes.

use super::{FidelityError, world::World};
use crate::{
    agent::{Path as Way, Plan},
    devnet::{Devnet, DevnetError, dao::DaoAsset, people::call},
};
use alloy::{
    primitives::{Address, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
};
use quaestor_contracts::{
    bindings::{IERC20, PolicyRegistry},
    governor::Proposal,
    safe::{SafeTx, approved_signatures},
};
use quaestor_core::{Amount, Policy, amount::WAD};
use quaestor_policies::VotedPolicy;

/// Owners who confirm beside the agent; three of four must.
const CONFIRMING: usize = 2;
/// Seconds between an owner's look and the next one's.
const BETWEEN_SECS: u64 = 12;

/// Members vote a policy in; it is active at once.
///
/// # Errors
/// If any step fails.
pub(super) async fn adopt(devnet: &Devnet, policy: &VotedPolicy) -> Result<(), FidelityError> {
    let words = format!("# Adopt the treasury policy\n\nPolicy {}.", policy.hash());
    let submitted =
        devnet.vote_policy(policy.hash(), policy.rest_hash(), policy.envelope(), "file:policy.toml", &words).await?;
    let active = devnet.chain.read(devnet.dao.controls.registry, &PolicyRegistry::activeCall {}).await?;
    if active.policyHash == policy.hash() {
        return Ok(());
    }
    let what = format!("epoch {} was voted and is not active; active is {}", submitted.epoch, active.policyHash);
    Err(FidelityError::Chain { what })
}

/// What `holder` holds.
///
/// # Errors
/// If the chain does not answer.
pub(super) async fn balance(devnet: &Devnet, asset: &DaoAsset, holder: Address) -> Result<Amount, FidelityError> {
    let found: U256 = devnet.chain.read(asset.address, &IERC20::balanceOfCall { account: holder }).await?;
    let what = || format!("{holder} holds more {} than can be counted", asset.symbol);
    Amount::from_u256(found).ok_or_else(|| FidelityError::Chain { what: what() })
}

/// The market gives.
///
/// # Errors
/// If the chain does not answer.
pub(super) async fn give(devnet: &Devnet, asset: &DaoAsset, to: Address, amount: Amount) -> Result<(), FidelityError> {
    send(devnet, asset, devnet.dao.people.market.address(), to, amount).await
}

/// `from` gives to somebody outside, without its owners: the local chain signs for whom it impersonates.
///
/// # Errors
/// If the chain does not answer.
pub(super) async fn take(
    devnet: &Devnet,
    asset: &DaoAsset,
    from: Address,
    amount: Amount,
) -> Result<(), FidelityError> {
    let provider = devnet.chain.provider();
    let refused = |what: &str, error: &dyn std::fmt::Display| FidelityError::Chain { what: format!("{what}: {error}") };
    provider.anvil_impersonate_account(from).await.map_err(|error| refused("anvil_impersonateAccount", &error))?;
    // Gas is paid in ether, which the policy does not know.
    devnet.chain.set_balance(from, U256::from(WAD)).await?;
    send(devnet, asset, from, devnet.dao.people.stranger.address(), amount).await?;
    let stopped = provider.anvil_stop_impersonating_account(from).await;
    stopped.map_err(|error| refused("anvil_stopImpersonatingAccount", &error))
}

async fn send(
    devnet: &Devnet,
    asset: &DaoAsset,
    from: Address,
    to: Address,
    amount: Amount,
) -> Result<(), FidelityError> {
    let transfer = call(asset.address, &IERC20::transferCall { to, value: amount.to_u256() });
    devnet.chain.send("a flow", from, &transfer).await?;
    Ok(())
}

/// The vote of a plan; `None` for one of a Safe.
pub(super) fn vote_of(plan: &Plan) -> Option<Proposal> {
    match &plan.route {
        Way::Governor { description, .. } => {
            Some(Proposal { calls: plan.calls.clone(), description: description.clone() })
        }
        Way::Safe { .. } => None,
    }
}

/// The Safe's transaction of a plan.
fn safe_tx(devnet: &Devnet, plan: &Plan) -> Result<SafeTx, FidelityError> {
    let Way::Safe { safe, nonce, .. } = plan.route else {
        return Err(FidelityError::Chain { what: format!("{} is no plan of the Safe", plan.id) });
    };
    let multisend = devnet.dao.safe.multi_send;
    SafeTx::for_batch(safe, multisend, &plan.calls, nonce)
        .map_err(|error| FidelityError::Chain { what: error.to_string() })
}

/// Owners confirm a plan shortly before `at`, unless they have.
///
/// # Errors
/// If the chain does not answer.
pub(super) async fn confirm(world: &World, plan: &Plan, at: u64) -> Result<(), FidelityError> {
    let devnet = &world.devnet;
    let hash = devnet.safe_tx_hash(&safe_tx(devnet, plan)?);
    let confirmed = devnet.approvers(hash).await?;
    let owners = devnet.dao.people.owners.iter().take(CONFIRMING).map(|owner| owner.address());
    let missing: Vec<Address> = owners.filter(|owner| !confirmed.contains(owner)).collect();
    for (owner, left) in missing.iter().zip((1..=missing.len()).rev()) {
        let before = BETWEEN_SECS.saturating_mul(u64::try_from(left + 1).unwrap_or(u64::MAX));
        world.stamp(at.saturating_sub(before)).await?;
        devnet.approve(*owner, hash).await?;
    }
    Ok(())
}

/// An owner looks whether the confirmed plan would run, and executes it at `at`, Unix seconds; whether it ran.
///
/// # Errors
/// If the chain does not answer, or it reverts although it would not.
pub(super) async fn execute(world: &World, plan: &Plan, at: u64) -> Result<bool, FidelityError> {
    let devnet = &world.devnet;
    let [owner, ..] = &devnet.dao.people.owners;
    let tx = safe_tx(devnet, plan)?;
    let signatures = approved_signatures(&devnet.approvers(devnet.safe_tx_hash(&tx)).await?);
    let run = tx.execute(devnet.dao.safe.account, signatures);
    let look = TransactionRequest::default().from(owner.address()).to(run.to).input(run.data.clone().into());
    match devnet.chain.provider().call(look).latest().await {
        Ok(_) => {}
        Err(error) if error.as_error_resp().is_some() => return Ok(false),
        Err(error) => return Err(FidelityError::Chain { what: format!("a look before execution: {error}") }),
    }
    world.stamp(at).await?;
    devnet.chain.send("execTransaction", owner.address(), &run).await?;
    Ok(true)
}

/// Members vote for a plan, if its vote can begin.
///
/// # Errors
/// If it was cancelled or is past its vote.
pub(super) async fn cast(world: &World, vote: &Proposal) -> Result<(), DevnetError> {
    world.devnet.cast(vote).await
}
