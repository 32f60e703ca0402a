//! What the registry will hold by time alone: the next delay, guardians and ceilings.

use crate::chain::{Chain, ChainError, Read, Readings};
use alloy::primitives::{Address, B256};
use quaestor_contracts::bindings::PolicyRegistry;
use quaestor_core::Envelope;
use serde::Serialize;

/// A setting that changes by time alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    /// In force.
    pub now: T,
    /// What follows it.
    pub then: T,
    /// From when on, Unix seconds.
    pub in_force_at: u64,
}

/// What is scheduled beside epochs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Scheduled {
    /// How long what widens waits, seconds.
    pub delay: Option<Change<u64>>,
    /// Who may veto and pull.
    pub guardians: Option<Change<Vec<Address>>>,
    /// What no envelope may exceed, by slot.
    pub ceilings: Option<Change<Envelope>>,
}

/// What is scheduled at `block`.
///
/// # Errors
/// If the registry cannot be read.
pub async fn scheduled_at(chain: &Chain, registry: Address, block: B256) -> Result<Scheduled, ChainError> {
    let (delay, next_delay) = (PolicyRegistry::delaySecsCall {}, PolicyRegistry::scheduledDelayCall {});
    let (guardians, next_guardians) = (PolicyRegistry::guardiansCall {}, PolicyRegistry::scheduledGuardiansCall {});
    let (ceilings, next_ceilings) = (PolicyRegistry::ceilingsCall {}, PolicyRegistry::scheduledCeilingsCall {});
    let reads = vec![
        Read::new(registry, &delay),
        Read::new(registry, &next_delay),
        Read::new(registry, &guardians),
        Read::new(registry, &next_guardians),
        Read::new(registry, &ceilings),
        Read::new(registry, &next_ceilings),
    ];
    let mut readings = Readings::default();
    readings.extend(chain.read_at(block, reads).await?);
    let found = || {
        let (now, next) = (readings.get(registry, &delay)?, readings.get(registry, &next_delay)?);
        let delay = change(now, next.delaySecs_, next.inForceAt);
        let (now, next) = (readings.get(registry, &guardians)?, readings.get(registry, &next_guardians)?);
        let guardians = change(now, next.guardians_, next.inForceAt);
        let (now, next) = (readings.get(registry, &ceilings)?, readings.get(registry, &next_ceilings)?);
        let ceilings = change(now, next.ceilings_, next.inForceAt);
        Some(Scheduled { delay, guardians, ceilings })
    };
    found().ok_or(ChainError::Malformed { address: registry, what: "PolicyRegistry" })
}

/// The registry says zero where nothing waits.
fn change<T>(now: T, then: T, in_force_at: u64) -> Option<Change<T>> {
    (in_force_at != 0).then_some(Change { now, then, in_force_at })
}
