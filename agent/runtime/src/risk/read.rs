//! What is needed to forecast now, from the chain and the folder of models. No key is asked for, nothing is written.

use super::{Choice, Models, Scene};
use crate::{
    agent::{Expected, InForce, PolicyRefused, StartError, connect, in_force},
    chain::{ChainError, Contracts, ObserveError, observe},
    config::Config,
};
use alloy::rpc::types::BlockNumberOrTag;
use quaestor_core::{Catalog, Policy, Snapshot};

/// Why nothing can be said of the risk.
#[derive(Debug, thiserror::Error)]
pub enum RiskError {
    /// There is no node to ask.
    #[error(transparent)]
    Connect(#[from] StartError),
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A snapshot could not be taken.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// There is no policy to forecast under.
    #[error(transparent)]
    Policy(#[from] PolicyRefused),
}

/// The policy in force, the newest block that is deep enough, and the model.
#[derive(Debug)]
pub struct Seen {
    /// The policy.
    pub held: InForce,
    /// Everything read at the block.
    pub snapshot: Snapshot,
    /// The model.
    pub choice: Choice,
}

impl Seen {
    /// What a forecast is made of.
    pub fn scene(&self) -> Scene<'_> {
        let (terms, policy) = (self.held.policy.terms(), self.held.policy.hash());
        Scene { terms, policy, snapshot: &self.snapshot, choice: &self.choice }
    }
}

/// Reads at the newest block that has `chain.confirmations` after it, as decisions are taken, under the policy that is
/// anchored at the final block.
///
/// # Errors
/// If the chain does not answer or is another, or there is no policy in force.
pub async fn read(config: &Config, catalog: &Catalog) -> Result<Seen, RiskError> {
    let chain = connect(config)?;
    chain.check_chain_id(config.chain.chain_id).await?;
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    let finalised = chain.block(config.chain.finality.tag(head.number)).await?;
    let deep = head.number.saturating_sub(config.chain.confirmations);
    let block = chain.block(BlockNumberOrTag::Number(deep)).await?;
    let contracts = config.contracts;
    let (registry, brake, gate) = (contracts.registry, contracts.brake, contracts.gate);
    let expected = Expected::of(config);
    let held = in_force(&chain, &config.files, catalog, &expected, finalised, None).await??;
    let observation = observe(&chain, held.policy.terms(), &Contracts { registry, brake, gate }, block).await?;
    let choice = Models::new(&config.files).choose(&held.policy.terms().risk, block.timestamp);
    Ok(Seen { held, snapshot: observation.snapshot, choice })
}
