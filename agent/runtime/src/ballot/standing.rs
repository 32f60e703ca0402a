//! What the chain says before a vote: the registry, who owns it, what is in force, and whether the call would run.

use crate::{
    chain::{Chain, ChainError, Read, explain_revert},
    registry::{Epoch, active_at},
};
use alloy::{
    primitives::{Address, U256},
    rpc::types::BlockNumberOrTag,
    sol_types::{SolCall, SolInterface},
};
use quaestor_contracts::bindings::{IGovernor, ISafe, ITimelock, PolicyRegistry};
use quaestor_core::{BlockRef, Call};

/// Who may put a policy in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The timelock of a Governor: members vote.
    Governor {
        /// The Governor.
        governor: Address,
        /// Its timelock, which owns the registry.
        timelock: Address,
        /// From a proposal to its vote, in the unit of the Governor's clock.
        voting_delay: u64,
        /// How long is voted, in the same unit.
        voting_period: u64,
        /// Whether its clock counts seconds; blocks else (ERC-6372).
        counts_seconds: bool,
        /// Least time in the timelock, seconds.
        delay_secs: u64,
    },
    /// A Safe: owners confirm.
    Safe {
        /// The Safe.
        safe: Address,
        /// How many must.
        threshold: u64,
        /// Of how many.
        owners: usize,
    },
    /// Something else, which this program does not know how to move.
    Other(Address),
}

/// Who would make the proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposer {
    /// The account.
    pub address: Address,
    /// Its votes a block or a second ago, base units of the voting token.
    pub votes: U256,
    /// Votes that the Governor asks of a proposer.
    pub votes_min: U256,
}

/// What the call would do, if its owner made it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It would be this epoch.
    Epoch(u64),
    /// It would revert.
    Reverts(String),
}

/// What the chain says at one block.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The block.
    pub block: BlockRef,
    /// The registry.
    pub registry: Address,
    /// Who owns it.
    pub owner: Owner,
    /// What is in force; `None` before the first policy.
    pub active: Option<Epoch>,
    /// What waits already, and would be replaced.
    pub pending: Option<Epoch>,
    /// How long what widens waits, seconds.
    pub delay_secs: u64,
    /// Who would propose, if that is known.
    pub proposer: Option<Proposer>,
    /// What the call would do.
    pub trial: Trial,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The Governor does not drive the owner.
    #[error(
        "the registry {registry} is owned by {owner}, and the timelock of Governor {governor} is {timelock}; name the Governor whose \
         timelock owns the registry with --governor"
    )]
    OtherTimelock {
        /// The registry.
        registry: Address,
        /// Its owner.
        owner: Address,
        /// The Governor that was named.
        governor: Address,
        /// Its timelock.
        timelock: Address,
    },
}

/// Reads the registry at the newest block. `governors` are those that may drive its owner, the likeliest first; `is_named`:
/// there is one, and a person named it. `proposer` would send the proposal.
///
/// # Errors
/// If the chain cannot be read, or the Governor that was named is another's.
pub async fn standing(
    chain: &Chain,
    chain_id: u64,
    submission: &Call,
    governors: &[Address],
    is_named: bool,
    proposer: Option<Address>,
) -> Result<Standing, StandingError> {
    let registry = submission.to;
    let block = chain.block(BlockNumberOrTag::Latest).await?;
    let at = block.hash;
    let owner = chain.call_at(at, registry, "owner()", &PolicyRegistry::ownerCall {}).await?;
    let delay_secs = chain.call_at(at, registry, "delaySecs()", &PolicyRegistry::delaySecsCall {}).await?;
    let active = active_at(chain, registry, at).await?;
    let pending = chain.call_at(at, registry, "pendingEpoch()", &PolicyRegistry::pendingEpochCall {}).await?;
    let pending = (pending.number != 0).then_some(pending);
    let owner = find_owner(chain, &block, registry, owner, governors, is_named).await?;
    let proposer = match (&owner, proposer) {
        (Owner::Governor { governor, .. }, Some(address)) => Some(votes(chain, &block, *governor, address).await?),
        _ => None,
    };
    let trial = try_it(chain, &block, owner.address(), submission).await?;
    Ok(Standing { chain_id, block, registry, owner, active, pending, delay_secs, proposer, trial })
}

impl Owner {
    /// The account that owns the registry.
    pub fn address(&self) -> Address {
        match self {
            Self::Governor { timelock, .. } => *timelock,
            Self::Safe { safe, .. } => *safe,
            Self::Other(address) => *address,
        }
    }
}

async fn find_owner(
    chain: &Chain,
    block: &BlockRef,
    registry: Address,
    owner: Address,
    governors: &[Address],
    is_named: bool,
) -> Result<Owner, StandingError> {
    let at = block.hash;
    for governor in governors {
        let reads = vec![Read::new(*governor, &IGovernor::timelockCall {})];
        let found = chain.read_each_at(at, reads).await?.get(*governor, &IGovernor::timelockCall {});
        match found {
            Some(timelock) if timelock == owner => return governed(chain, block, *governor, owner).await,
            Some(timelock) if is_named => {
                return Err(StandingError::OtherTimelock { registry, owner, governor: *governor, timelock });
            }
            None if is_named => {
                return Err(ChainError::Malformed { address: *governor, what: "timelock() of a Governor" }.into());
            }
            _ => {}
        }
    }
    let (threshold, owners) = (ISafe::getThresholdCall {}, ISafe::getOwnersCall {});
    let found = chain.read_each_at(at, vec![Read::new(owner, &threshold), Read::new(owner, &owners)]).await?;
    Ok(match (found.get(owner, &threshold), found.get(owner, &owners)) {
        (Some(threshold), Some(owners)) => {
            Owner::Safe { safe: owner, threshold: u64::try_from(threshold).unwrap_or(u64::MAX), owners: owners.len() }
        }
        _ => Owner::Other(owner),
    })
}

async fn governed(
    chain: &Chain,
    block: &BlockRef,
    governor: Address,
    timelock: Address,
) -> Result<Owner, StandingError> {
    let at = block.hash;
    let small = |number: U256| u64::try_from(number).unwrap_or(u64::MAX);
    let voting_delay = chain.call_at(at, governor, "votingDelay()", &IGovernor::votingDelayCall {}).await?;
    let voting_period = chain.call_at(at, governor, "votingPeriod()", &IGovernor::votingPeriodCall {}).await?;
    let delay = chain.call_at(at, timelock, "getMinDelay()", &ITimelock::getMinDelayCall {}).await?;
    let mode = IGovernor::CLOCK_MODECall {};
    let mode = chain.read_each_at(at, vec![Read::new(governor, &mode)]).await?.get(governor, &mode);
    Ok(Owner::Governor {
        governor,
        timelock,
        voting_delay: small(voting_delay),
        voting_period: small(voting_period),
        // A Governor of before ERC-6372 counts blocks.
        counts_seconds: mode.is_some_and(|mode| mode.contains("mode=timestamp")),
        delay_secs: small(delay),
    })
}

async fn votes(
    chain: &Chain,
    block: &BlockRef,
    governor: Address,
    address: Address,
) -> Result<Proposer, StandingError> {
    let at = block.hash;
    let clock = IGovernor::clockCall {};
    let clock = chain.read_each_at(at, vec![Read::new(governor, &clock)]).await?.get(governor, &clock);
    let now = clock.map_or(U256::from(block.number), U256::from);
    // As `Governor.propose` asks: one before now.
    let asked = IGovernor::getVotesCall { account: address, timepoint: now.saturating_sub(U256::from(1)) };
    let votes = chain.call_at(at, governor, "getVotes()", &asked).await?;
    let least = chain.call_at(at, governor, "proposalThreshold()", &IGovernor::proposalThresholdCall {}).await?;
    Ok(Proposer { address, votes, votes_min: least })
}

async fn try_it(chain: &Chain, block: &BlockRef, owner: Address, call: &Call) -> Result<Trial, StandingError> {
    match chain.try_call_at(block.hash, owner, call).await? {
        Ok(returned) => match PolicyRegistry::submitCall::abi_decode_returns(&returned) {
            Ok(number) => Ok(Trial::Epoch(number)),
            Err(_) => Err(ChainError::Malformed { address: call.to, what: "submit()" }.into()),
        },
        Err(data) => Ok(Trial::Reverts(reason(&data))),
    }
}

/// Why the registry refuses, and what to do.
fn reason(data: &[u8]) -> String {
    use PolicyRegistry::PolicyRegistryErrors as E;
    match E::abi_decode(data) {
        Ok(E::BeyondCeilings(it)) => {
            let beyond: Vec<String> =
                (0..32).filter(|slot| it.slots >> slot & 1 == 1).map(|slot| slot.to_string()).collect();
            let slots = beyond.join(", ");
            format!(
                "numbers of the envelope lie beyond the registry's ceilings (slots {slots}); `quaestor policy verify` shows those"
            )
        }
        Ok(other) => format!("{other:?}"),
        Err(_) => explain_revert(data).unwrap_or_else(|| "the node does not say why".to_owned()),
    }
}
