//! What the registry says of policies, and the files behind it: the epochs that were voted, where their files are, and
//! the bytes that come from there. Bytes count only if they have the hash that is anchored.

mod fetch;
mod keep;
mod scheduled;
#[cfg(test)]
mod tests;
mod timeline;
mod uri;

pub use fetch::{GetError, Sources};
pub use keep::{KeepError, Kept, keep, place_for};
pub use quaestor_contracts::bindings::policy_registry::IPolicyRegistry::Epoch;
pub use scheduled::{Change, Scheduled, scheduled_at};
pub use timeline::{Place, Reign, Timeline};
pub use uri::{PolicyUri, URI_BYTES_MAX, UriError, shown};

use crate::chain::{Chain, ChainError, Read, Readings};
use alloy::primitives::{Address, B256};
use quaestor_contracts::bindings::PolicyRegistry;

/// Most epochs that are looked up at once, the newest first.
const EPOCHS_MAX: u64 = 512;

/// The epoch of this number at `block`, those vetoed and replaced included; `None` if there is none yet.
///
/// # Errors
/// If the registry cannot be read.
pub async fn epoch_at(chain: &Chain, registry: Address, block: B256, number: u64) -> Result<Option<Epoch>, ChainError> {
    let call = PolicyRegistry::epochCall { number };
    let found = chain.call_at(block, registry, "PolicyRegistry.epoch", &call).await?;
    Ok((found.number != 0).then_some(found))
}

/// The epoch that is active at `block`; `None` before the first.
///
/// # Errors
/// If the registry cannot be read.
pub async fn active_at(chain: &Chain, registry: Address, block: B256) -> Result<Option<Epoch>, ChainError> {
    let call = PolicyRegistry::activeEpochCall {};
    let found = chain.call_at(block, registry, "PolicyRegistry.activeEpoch", &call).await?;
    Ok((found.number != 0).then_some(found))
}

/// Which of the epochs up to `newest` anchors the file of this hash; the newest of them, where several do.
///
/// # Errors
/// If the registry cannot be read.
pub async fn epoch_of(
    chain: &Chain,
    registry: Address,
    block: B256,
    newest: u64,
    policy: B256,
) -> Result<Option<u64>, ChainError> {
    let numbers = newest.saturating_sub(EPOCHS_MAX - 1).max(1)..=newest;
    let calls: Vec<_> = numbers.rev().map(|number| PolicyRegistry::epochCall { number }).collect();
    let mut readings = Readings::default();
    readings.extend(chain.read_at(block, calls.iter().map(|call| Read::new(registry, call)).collect()).await?);
    let found = calls.iter().filter_map(|call| readings.get(registry, call)).find(|it| it.policyHash == policy);
    Ok(found.map(|it| it.number))
}
