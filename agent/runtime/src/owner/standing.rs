//! How a transaction stands on chain at one block, and whether an owner may act on it.

use super::{multisend::known_multisend, proposal::Proposed};
use crate::{
    chain::{Chain, ChainError, Read, Readings},
    config::profile,
};
use alloy::{
    primitives::{Address, B256, U256, keccak256},
    providers::Provider,
    rpc::types::BlockNumberOrTag,
    sol_types::SolCall,
};
use quaestor_contracts::{
    bindings::{DecisionGate, EmergencyBrake, ISafe, PolicyRegistry},
    deploy::{CodeError, Contract},
    utc::Utc,
};
use quaestor_core::{BlockRef, Policy};
use std::time::{SystemTime, UNIX_EPOCH};

/// Why an owner should not act on the transaction, as the chain says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainRefused {
    /// The node serves another chain.
    #[error("the node serves chain {found}, the transaction is for chain {expected}; name a node of that chain")]
    WrongChain {
        /// The policy's.
        expected: u64,
        /// The node's.
        found: u64,
    },
    /// The node's newest block is old.
    #[error("the node's newest block is {age_secs} s old; it is behind, name another node")]
    NodeBehind {
        /// Its age.
        age_secs: u64,
    },
    /// A delegatecall to code that is not known.
    #[error(
        "the code at {address} ({code_hash}) is no MultiSendCallOnly that Safe published, and could take the Safe over; \
         do not sign"
    )]
    UnknownMultiSend {
        /// What the transaction delegates to.
        address: Address,
        /// keccak256 of its code.
        code_hash: B256,
    },
    /// One of our contracts is not that.
    #[error("{address} is not the {contract:?} that it should be: {reason}; do not sign")]
    Contract {
        /// Where.
        address: Address,
        /// Which.
        contract: Contract,
        /// What differs.
        reason: CodeError,
    },
    /// The gate obeys another registry or brake.
    #[error("the gate obeys the {what} {found}, the policy names {expected}; do not sign")]
    GateObeysOther {
        /// registry or brake.
        what: &'static str,
        /// By the policy.
        expected: Address,
        /// By the gate.
        found: Address,
    },
    /// The Safe computes another hash.
    #[error("the Safe itself computes the hash {found}; it is of a version that is not supported, do not sign")]
    SafeHashes {
        /// By the Safe.
        found: B256,
    },
    /// The transaction's nonce has passed.
    #[error(
        "the Safe is at nonce {found}, the transaction was for {nonce}: it was executed or replaced; nothing is left to do"
    )]
    NoncePassed {
        /// The transaction's.
        nonce: u64,
        /// The Safe's.
        found: u64,
    },
    /// Other transactions come first.
    #[error("the Safe is at nonce {found}, the transaction is for {nonce}; the ones before it come first")]
    NonceAhead {
        /// The transaction's.
        nonce: u64,
        /// The Safe's.
        found: u64,
    },
    /// The signer is no owner.
    #[error("{signer} is no owner of the Safe {safe}; use an owner's key")]
    NotOwner {
        /// Who would sign.
        signer: Address,
        /// The Safe.
        safe: Address,
    },
    /// No operator that the brake lists approved it.
    #[error(
        "no listed operator has approved this hash on the Safe: it is not the agent's proposal, or the agent's approval is not \
         on chain yet; do not sign"
    )]
    NotTheAgents,
    /// The agent withdrew it.
    #[error("the agent withdrew this decision ({decision}); it can never execute, wait for its next proposal")]
    Revoked {
        /// The decision.
        decision: B256,
    },
    /// Something in it was done already.
    #[error("what it does was done already (key {once_key}); it can never execute")]
    Done {
        /// The key that was used.
        once_key: B256,
    },
    /// Its time is over.
    #[error("it could be executed until {until}, and the chain is at {now}; wait for the agent's next proposal")]
    Expired {
        /// Last second, as text.
        until: String,
        /// Time of the newest block, as text.
        now: String,
    },
    /// The brake is pulled.
    #[error("the brake is pulled until {until}; only the DAO releases it")]
    BrakePulled {
        /// First second after it, as text.
        until: String,
    },
    /// The brake was pulled since.
    #[error("the brake was pulled since it was decided ({found} pulls, then {entered}); it can never execute")]
    PulledSince {
        /// When it was decided.
        entered: u64,
        /// Now.
        found: u64,
    },
    /// The operators' lease has lapsed.
    #[error("the operators' lease lapsed at {until}; the DAO may renew it")]
    LeaseLapsed {
        /// First second without it, as text.
        until: String,
    },
    /// Another policy is in force.
    #[error(
        "the registry anchors policy {found} (epoch {epoch}), this was decided under {expected}; wait for the agent's next proposal"
    )]
    OtherPolicy {
        /// Of the transaction.
        expected: B256,
        /// In force.
        found: B256,
        /// Its epoch.
        epoch: u64,
    },
    /// Not enough owners confirmed.
    #[error(
        "{have} of {threshold} owners have confirmed, the sender included; {missing} more must `safe confirm` first"
    )]
    TooFew {
        /// Who confirmed, and the sender.
        have: usize,
        /// Confirmations needed.
        threshold: usize,
        /// How many are missing.
        missing: usize,
    },
}

/// How the transaction stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The block of every reading.
    pub block: BlockRef,
    /// Owners of the Safe, ascending.
    pub owners: Vec<Address>,
    /// Confirmations needed.
    pub threshold: usize,
    /// Owners who approved the hash on chain, ascending.
    pub approved: Vec<Address>,
    /// Operators that the brake lists.
    pub operators: Vec<Address>,
    /// Active epoch.
    pub epoch: u64,
    /// Who owns the registry: the DAO.
    pub dao: Address,
    /// Version of the MultiSendCallOnly.
    pub multisend: &'static str,
}

impl Standing {
    /// How many confirmations are missing, counting `sender` in if given.
    pub fn missing(&self, sender: Option<Address>) -> usize {
        self.threshold.saturating_sub(self.confirming(sender).len())
    }

    /// Who confirmed, and `sender`; ascending.
    pub fn confirming(&self, sender: Option<Address>) -> Vec<Address> {
        let mut all: Vec<Address> = self.approved.iter().copied().chain(sender).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Reads how `proposed` stands at the newest block; the inner error is a reason not to act.
///
/// # Errors
/// The outer error if the node does not answer.
pub async fn stand(
    chain: &Chain,
    proposed: &Proposed,
    signer: Address,
) -> Result<Result<Standing, ChainRefused>, ChainError> {
    let found = chain.provider().get_chain_id().await.map_err(chain.failed("eth_chainId"))?;
    let expected = proposed.terms().chain_id;
    if found != expected {
        return Ok(Err(ChainRefused::WrongChain { expected, found }));
    }
    let block = chain.block(BlockNumberOrTag::Latest).await?;
    if let Err(refused) = check_age(expected, block) {
        return Ok(Err(refused));
    }
    let multisend = match check_code(chain, proposed, block).await? {
        Ok(version) => version,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut readings = Readings::default();
    readings.extend(chain.read_at(block.hash, reads(proposed)).await?);
    let owners = get(&readings, proposed.safe, "Safe.getOwners", &ISafe::getOwnersCall {})?;
    let approvals = owners.iter().map(|owner| Read::new(proposed.safe, &approval(*owner, proposed.hash))).collect();
    readings.extend(chain.read_at(block.hash, approvals).await?);
    judge(proposed, &readings, block, multisend, signer)
}

/// A node that is behind would show a state that has passed. A chain that is not known has no measure.
fn check_age(chain_id: u64, block: BlockRef) -> Result<(), ChainRefused> {
    let most = profile(chain_id).map_or(0, |known| known.head_age_secs_max);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let age_secs = now.saturating_sub(block.timestamp);
    if most > 0 && age_secs > most { Err(ChainRefused::NodeBehind { age_secs }) } else { Ok(()) }
}

async fn check_code(
    chain: &Chain,
    proposed: &Proposed,
    block: BlockRef,
) -> Result<Result<&'static str, ChainRefused>, ChainError> {
    let terms = proposed.terms();
    let ours = [
        (terms.registry, Contract::PolicyRegistry),
        (terms.brake, Contract::EmergencyBrake),
        (terms.gate, Contract::DecisionGate),
    ];
    let addresses = [proposed.tx.to, terms.registry, terms.brake, terms.gate];
    let codes = chain.code_at(block.hash, &addresses).await?;
    let (multisend, rest) = codes.split_first().map_or((&[][..], &[][..]), |(first, rest)| (&first[..], rest));
    let Some(known) = known_multisend(multisend) else {
        let (address, code_hash) = (proposed.tx.to, keccak256(multisend));
        return Ok(Err(ChainRefused::UnknownMultiSend { address, code_hash }));
    };
    for ((address, contract), code) in ours.into_iter().zip(rest) {
        if let Err(reason) = contract.check_code(code) {
            return Ok(Err(ChainRefused::Contract { address, contract, reason }));
        }
    }
    Ok(Ok(known.version))
}

fn approval(owner: Address, hash: B256) -> ISafe::approvedHashesCall {
    ISafe::approvedHashesCall { owner, messageHash: hash }
}

fn safe_hash(proposed: &Proposed) -> ISafe::getTransactionHashCall {
    let tx = &proposed.tx;
    ISafe::getTransactionHashCall {
        to: tx.to,
        value: tx.value.to_u256(),
        data: tx.data.clone(),
        operation: tx.operation.number(),
        safeTxGas: U256::ZERO,
        baseGas: U256::ZERO,
        gasPrice: U256::ZERO,
        gasToken: Address::ZERO,
        refundReceiver: Address::ZERO,
        _nonce: U256::from(tx.nonce),
    }
}

fn reads(proposed: &Proposed) -> Vec<Read> {
    let (terms, safe) = (proposed.terms(), proposed.safe);
    let mut reads = vec![
        Read::new(safe, &ISafe::nonceCall {}),
        Read::new(safe, &ISafe::getThresholdCall {}),
        Read::new(safe, &ISafe::getOwnersCall {}),
        Read::new(safe, &safe_hash(proposed)),
        Read::new(terms.gate, &DecisionGate::registryCall {}),
        Read::new(terms.gate, &DecisionGate::brakeCall {}),
        Read::new(terms.gate, &DecisionGate::revokedCall { account: safe, decision: proposed.entry.decision }),
        Read::new(terms.brake, &EmergencyBrake::statusCall {}),
        Read::new(terms.brake, &EmergencyBrake::operatorsCall {}),
        Read::new(terms.registry, &PolicyRegistry::activeCall {}),
        Read::new(terms.registry, &PolicyRegistry::ownerCall {}),
    ];
    let used = |item: &quaestor_core::EntryItem| DecisionGate::usedCall { account: safe, onceKey: item.once_key };
    reads.extend(proposed.entry.items.iter().map(|item| Read::new(terms.gate, &used(item))));
    reads
}

fn get<C: SolCall>(
    readings: &Readings,
    address: Address,
    what: &'static str,
    call: &C,
) -> Result<C::Return, ChainError> {
    readings.get(address, call).ok_or(ChainError::Malformed { address, what })
}

/// The verdict on what was read. Pure. What can never execute is said before what may change.
fn judge(
    proposed: &Proposed,
    readings: &Readings,
    block: BlockRef,
    multisend: &'static str,
    signer: Address,
) -> Result<Result<Standing, ChainRefused>, ChainError> {
    let (terms, safe, entry) = (proposed.terms(), proposed.safe, &proposed.entry);
    let number = |wide: U256, what| u64::try_from(wide).map_err(|_| ChainError::Malformed { address: safe, what });
    let found = get(readings, safe, "Safe.getTransactionHash", &safe_hash(proposed))?;
    if found != proposed.hash {
        return Ok(Err(ChainRefused::SafeHashes { found }));
    }
    let found = get(readings, terms.gate, "DecisionGate.registry", &DecisionGate::registryCall {})?;
    if found != terms.registry {
        return Ok(Err(ChainRefused::GateObeysOther { what: "registry", expected: terms.registry, found }));
    }
    let found = get(readings, terms.gate, "DecisionGate.brake", &DecisionGate::brakeCall {})?;
    if found != terms.brake {
        return Ok(Err(ChainRefused::GateObeysOther { what: "brake", expected: terms.brake, found }));
    }
    for item in &entry.items {
        let used = DecisionGate::usedCall { account: safe, onceKey: item.once_key };
        if get(readings, terms.gate, "DecisionGate.used", &used)? {
            return Ok(Err(ChainRefused::Done { once_key: item.once_key }));
        }
    }
    let (nonce, found) = (proposed.tx.nonce, get(readings, safe, "Safe.nonce", &ISafe::nonceCall {})?);
    match number(found, "Safe.nonce")? {
        found if found > nonce => return Ok(Err(ChainRefused::NoncePassed { nonce, found })),
        found if found < nonce => return Ok(Err(ChainRefused::NonceAhead { nonce, found })),
        _ => {}
    }
    let mut owners = get(readings, safe, "Safe.getOwners", &ISafe::getOwnersCall {})?;
    owners.sort_unstable();
    if !owners.contains(&signer) {
        return Ok(Err(ChainRefused::NotOwner { signer, safe }));
    }
    let threshold = get(readings, safe, "Safe.getThreshold", &ISafe::getThresholdCall {})?;
    let threshold = usize::try_from(number(threshold, "Safe.getThreshold")?).unwrap_or(usize::MAX);
    let mut approved = Vec::with_capacity(owners.len());
    for owner in &owners {
        if !get(readings, safe, "Safe.approvedHashes", &approval(*owner, proposed.hash))?.is_zero() {
            approved.push(*owner);
        }
    }
    let operators = get(readings, terms.brake, "EmergencyBrake.operators", &EmergencyBrake::operatorsCall {})?;
    if !approved.iter().any(|owner| operators.contains(owner)) {
        return Ok(Err(ChainRefused::NotTheAgents));
    }
    let revoked = DecisionGate::revokedCall { account: safe, decision: entry.decision };
    if get(readings, terms.gate, "DecisionGate.revoked", &revoked)? {
        return Ok(Err(ChainRefused::Revoked { decision: entry.decision }));
    }
    if block.timestamp > entry.valid_until {
        let (until, now) = (Utc(entry.valid_until).to_string(), Utc(block.timestamp).to_string());
        return Ok(Err(ChainRefused::Expired { until, now }));
    }
    let brake = get(readings, terms.brake, "EmergencyBrake.status", &EmergencyBrake::statusCall {})?;
    if brake.pulled {
        return Ok(Err(ChainRefused::BrakePulled { until: Utc(brake.pulledUntil).to_string() }));
    }
    if brake.pulls != entry.pulls {
        return Ok(Err(ChainRefused::PulledSince { entered: entry.pulls, found: brake.pulls }));
    }
    if brake.leaseUntil <= block.timestamp {
        return Ok(Err(ChainRefused::LeaseLapsed { until: Utc(brake.leaseUntil).to_string() }));
    }
    let active = get(readings, terms.registry, "PolicyRegistry.active", &PolicyRegistry::activeCall {})?;
    if active.policyHash != proposed.policy.hash() {
        let (expected, found, epoch) = (proposed.policy.hash(), active.policyHash, active.number);
        return Ok(Err(ChainRefused::OtherPolicy { expected, found, epoch }));
    }
    let dao = get(readings, terms.registry, "PolicyRegistry.owner", &PolicyRegistry::ownerCall {})?;
    Ok(Ok(Standing { block, owners, threshold, approved, operators, epoch: active.number, dao, multisend }))
}
