//! The vote that puts a policy in force: what its registry and its owner are, what the members read, and the call that they
//! vote.
//!
//! Who owns the registry decides how: the timelock of a Governor is moved by a proposal, a Safe by its owners, who load the
//! same call into Safe's Transaction Builder.

mod builder_file;
mod standing;
mod words;

pub use builder_file::builder_file;
pub use standing::{Owner, Proposer, Standing, StandingError, Trial, standing};
pub use words::{Parts, describe};

use alloy::sol_types::SolCall;
use quaestor_contracts::{bindings::PolicyRegistry, governor::Proposal};
use quaestor_core::{Amount, Call, Policy};
use quaestor_policies::VotedPolicy;

/// The call by which the registry's owner puts `policy` in force, its file being at `uri`.
pub fn submission(registry: alloy::primitives::Address, policy: &VotedPolicy, uri: &str) -> Call {
    let submit = PolicyRegistry::submitCall {
        policyHash: policy.hash(),
        restHash: policy.rest_hash(),
        envelope: policy.envelope(),
        uri: uri.to_owned(),
    };
    Call { to: registry, value: Amount::ZERO, data: submit.abi_encode().into() }
}

/// The Governor proposal of that call.
pub fn proposal(submission: Call, description: String) -> Proposal {
    Proposal { calls: vec![submission], description }
}

#[cfg(test)]
mod tests;
