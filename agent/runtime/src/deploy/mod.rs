//! `quaestor contracts deploy`: our three contracts for a DAO that exists, owned by its timelock from their first block.
//!
//! Nothing is handed over afterwards: the owner is a constructor argument, so there is no moment in which the deployer
//! has a right. What was deployed is read back from the chain, code and settings, before it is called done. A run that
//! is interrupted is not taken up again; the next one deploys anew, and what the first left is of no use or harm.

mod plan;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use plan::SLOTS;
pub use plan::{CeilingError, Plan, PlanProblem, ceilings, parse_ceiling, parse_duration, parse_lease};
pub use report::{ContractRecord, ContractsFile, FILE_FORM};

use crate::{
    chain::{Chain, ChainError},
    owner::multisend::find_multisend,
    sender::{Mined, SendError, Sender},
};
use alloy::{
    primitives::{Address, Bytes, keccak256},
    rpc::types::BlockNumberOrTag,
    sol_types::SolCall,
};
use quaestor_contracts::{
    bindings::{DecisionGate, EmergencyBrake, ITimelock, PolicyRegistry},
    deploy::{self, CodeError, Contract},
};
use quaestor_core::BlockRef;

/// Why the contracts do not stand, or are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// What is asked for cannot be.
    #[error("{}", lines(.0))]
    Plan(Vec<PlanProblem>),
    /// The chain cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The owner-to-be is no timelock.
    #[error("{timelock} has code, but is no TimelockController (getMinDelay does not answer); name the DAO's timelock")]
    NoTimelock {
        /// As named.
        timelock: Address,
    },
    /// A transaction failed.
    #[error("{what} was not deployed from {from}: {source}")]
    Send {
        /// Which contract.
        what: &'static str,
        /// The deployer.
        from: Address,
        /// Why.
        #[source]
        source: SendError,
    },
    /// The receipt names no contract.
    #[error(
        "the node's receipt of {what} names no contract; look at the transaction with an explorer, then start again"
    )]
    NoAddress {
        /// Which contract.
        what: &'static str,
    },
    /// The code on chain is another.
    #[error("{address} is not the {contract:?} that was sent: {source}; do not use it, and use another node")]
    Code {
        /// Where.
        address: Address,
        /// Which contract.
        contract: Contract,
        /// What differs.
        #[source]
        source: CodeError,
    },
    /// A setting on chain is another.
    #[error("{what} at {address} is not what was asked for; do not use these contracts, deploy anew")]
    Setting {
        /// The contract.
        address: Address,
        /// Which setting.
        what: &'static str,
    },
}

fn lines(problems: &[PlanProblem]) -> String {
    problems.iter().map(PlanProblem::to_string).collect::<Vec<_>>().join("\n")
}

/// Deploys what `plan` says. `told` hears of each contract as soon as it stands, so that a caller can write it down.
///
/// # Errors
/// Before the first transaction: all that is wrong with the plan. Afterwards: whatever differs from it.
pub async fn deploy(
    sender: &Sender,
    plan: &Plan,
    mut told: impl FnMut(&ContractsFile),
) -> Result<ContractsFile, DeployError> {
    let chain = sender.chain();
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    let problems = plan.problems(sender.address(), head.timestamp);
    if !problems.is_empty() {
        return Err(DeployError::Plan(problems));
    }
    check_timelock(chain, head, plan.timelock).await?;
    let mut file = ContractsFile::begin(sender.chain_id(), plan, sender.address());
    file.multisend_call_only = find_multisend(chain, head).await?.map(|known| known.address);

    let (registry, mined) =
        create(sender, "PolicyRegistry", deploy::policy_registry(&plan.registry_arguments())).await?;
    file.deployed_block = mined.block.number;
    file.registry = Some(record(chain, Contract::PolicyRegistry, registry, &mined).await?);
    told(&file);
    let arguments = plan.brake_arguments(registry);
    let (brake, mined) = create(sender, "EmergencyBrake", deploy::emergency_brake(&arguments)).await?;
    file.brake = Some(record(chain, Contract::EmergencyBrake, brake, &mined).await?);
    told(&file);
    let arguments = DecisionGate::constructorCall { registry_: registry, brake_: brake };
    let (gate, mined) = create(sender, "DecisionGate", deploy::decision_gate(&arguments)).await?;
    file.gate = Some(record(chain, Contract::DecisionGate, gate, &mined).await?);
    told(&file);

    check_settings(chain, mined.block, plan, registry, brake, gate).await?;
    file.complete = true;
    told(&file);
    Ok(file)
}

async fn check_timelock(chain: &Chain, head: BlockRef, timelock: Address) -> Result<(), DeployError> {
    chain.check_code(&[(timelock, "DAO's timelock")]).await?;
    let answered = chain.call_at(head.hash, timelock, "TimelockController", &ITimelock::getMinDelayCall {}).await;
    match answered {
        Ok(_) => Ok(()),
        Err(ChainError::Malformed { .. }) => Err(DeployError::NoTimelock { timelock }),
        Err(error) => Err(error.into()),
    }
}

async fn create(sender: &Sender, what: &'static str, code: Bytes) -> Result<(Address, Mined), DeployError> {
    let mined =
        sender.create(code).await.map_err(|source| DeployError::Send { what, from: sender.address(), source })?;
    let address = mined.contract.ok_or(DeployError::NoAddress { what })?;
    Ok((address, mined))
}

async fn record(
    chain: &Chain,
    contract: Contract,
    address: Address,
    mined: &Mined,
) -> Result<ContractRecord, DeployError> {
    let code = chain.code_at(mined.block.hash, &[address]).await?.pop().unwrap_or_default();
    contract.check_code(&code).map_err(|source| DeployError::Code { address, contract, source })?;
    Ok(ContractRecord::new(address, keccak256(&code), mined))
}

/// Whether `found` is `expected` in any order.
fn same_set(found: &[Address], expected: &[Address]) -> bool {
    let sorted = |list: &[Address]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    sorted(found) == sorted(expected)
}

/// Reads back every setting: that the DAO owns what has an owner, and that nobody has a right who was not named.
async fn check_settings(
    chain: &Chain,
    block: BlockRef,
    plan: &Plan,
    registry: Address,
    brake: Address,
    gate: Address,
) -> Result<(), DeployError> {
    let hash = block.hash;
    let must = |holds: bool, address: Address, what: &'static str| {
        if holds { Ok(()) } else { Err(DeployError::Setting { address, what }) }
    };
    let owner = ask(chain, block, registry, &PolicyRegistry::ownerCall {}).await?;
    must(owner == plan.timelock, registry, "the registry's owner")?;
    let guardians = ask(chain, block, registry, &PolicyRegistry::guardiansCall {}).await?;
    must(same_set(&guardians, &plan.guardians), registry, "the list of guardians")?;
    let delay_secs = ask(chain, block, registry, &PolicyRegistry::delaySecsCall {}).await?;
    must(delay_secs == plan.delay_secs, registry, "the delay")?;
    let ceilings = ask(chain, block, registry, &PolicyRegistry::ceilingsCall {}).await?;
    must(ceilings == plan.ceilings, registry, "the ceilings")?;
    let owner = ask(chain, block, brake, &EmergencyBrake::ownerCall {}).await?;
    must(owner == plan.timelock, brake, "the brake's owner")?;
    let operators = ask(chain, block, brake, &EmergencyBrake::operatorsCall {}).await?;
    must(same_set(&operators, &plan.operators), brake, "the list of operators")?;
    let status = chain.call_at(hash, brake, "EmergencyBrake.status", &EmergencyBrake::statusCall {}).await?;
    must(
        status.leaseUntil == plan.lease_until && !status.pulled && status.pulls == 0,
        brake,
        "the lease or the state",
    )?;
    let pull_secs = ask(chain, block, brake, &EmergencyBrake::pullSecsCall {}).await?;
    must(pull_secs == plan.pull_secs, brake, "the length of a pull")?;
    for guardian in &plan.guardians {
        let armed = ask(chain, block, brake, &EmergencyBrake::isArmedCall { guardian: *guardian }).await?;
        must(armed, brake, "the arming of a guardian")?;
    }
    let of_brake = ask(chain, block, brake, &EmergencyBrake::registryCall {}).await?;
    must(of_brake == registry, brake, "the brake's registry")?;
    let of_gate = ask(chain, block, gate, &DecisionGate::registryCall {}).await?;
    must(of_gate == registry, gate, "the gate's registry")?;
    let of_gate = ask(chain, block, gate, &DecisionGate::brakeCall {}).await?;
    must(of_gate == brake, gate, "the gate's brake")
}

async fn ask<C: SolCall>(chain: &Chain, block: BlockRef, to: Address, call: &C) -> Result<C::Return, ChainError> {
    chain.call_at(block.hash, to, C::SIGNATURE, call).await
}
