//! Creating our contracts, and knowing their code again.
//!
//! The bytecode is that of the committed `contracts/abi/*.json`. The typed constructor arguments are the bindings'
//! `constructorCall`s; `contracts/src` says what each means and which bounds it has.

use crate::bindings::{DecisionGate, EmergencyBrake, PolicyRegistry};
use alloy_primitives::Bytes;
use alloy_sol_types::SolConstructor;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Creation code of a `PolicyRegistry`.
pub fn policy_registry(arguments: &PolicyRegistry::constructorCall) -> Bytes {
    creation_code(&PolicyRegistry::BYTECODE, arguments)
}

/// Creation code of an `EmergencyBrake`. Its registry must have code already.
pub fn emergency_brake(arguments: &EmergencyBrake::constructorCall) -> Bytes {
    creation_code(&EmergencyBrake::BYTECODE, arguments)
}

/// Creation code of a `DecisionGate`. Its brake must read the same registry.
pub fn decision_gate(arguments: &DecisionGate::constructorCall) -> Bytes {
    creation_code(&DecisionGate::BYTECODE, arguments)
}

fn creation_code<C: SolConstructor>(bytecode: &Bytes, arguments: &C) -> Bytes {
    [&bytecode[..], &arguments.abi_encode()].concat().into()
}

/// One of our contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// The epochs.
    PolicyRegistry,
    /// The brake and the lease.
    EmergencyBrake,
    /// What every batch enters.
    DecisionGate,
}

/// Why code on a chain is not that of a contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Another length.
    #[error("the code has {found} bytes, {contract:?} has {expected}; check the address, or the version of the agent")]
    Length {
        /// Which contract was expected.
        contract: Contract,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// Another byte, outside of what the constructor fills in.
    #[error("the code differs from {contract:?} at byte {at}; check the address, or the version of the agent")]
    Differs {
        /// Which contract was expected.
        contract: Contract,
        /// The first byte that differs.
        at: usize,
    },
    /// The artifact that was built in cannot be read.
    #[error("the built-in artifact of {contract:?} is unreadable: {reason}")]
    Artifact {
        /// Which contract.
        contract: Contract,
        /// The reader's words.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "deployedBytecode")]
    deployed: Deployed,
}

#[derive(Deserialize)]
struct Deployed {
    object: Bytes,
    #[serde(rename = "immutableReferences")]
    immutables: BTreeMap<String, Vec<Place>>,
}

#[derive(Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

impl Contract {
    fn artifact(self) -> Result<Deployed, CodeError> {
        let text = match self {
            Self::PolicyRegistry => include_str!("../abi/PolicyRegistry.json"),
            Self::EmergencyBrake => include_str!("../abi/EmergencyBrake.json"),
            Self::DecisionGate => include_str!("../abi/DecisionGate.json"),
        };
        let read: Result<Artifact, _> = serde_json::from_str(text);
        read.map(|artifact| artifact.deployed)
            .map_err(|error| CodeError::Artifact { contract: self, reason: error.to_string() })
    }

    /// Whether `code`, as `eth_getCode` answers, is this contract's. What the constructor fills in (immutables such as
    /// the gate's registry) may be anything: read it from the contract.
    ///
    /// # Errors
    /// If it is not.
    pub fn check_code(self, code: &[u8]) -> Result<(), CodeError> {
        let expected = self.artifact()?;
        if code.len() != expected.object.len() {
            return Err(CodeError::Length { contract: self, expected: expected.object.len(), found: code.len() });
        }
        let places: Vec<&Place> = expected.immutables.values().flatten().collect();
        let filled = |at: usize| places.iter().any(|it| it.start <= at && at - it.start < it.length);
        let differs =
            code.iter().zip(expected.object.iter()).enumerate().position(|(at, (a, b))| a != b && !filled(at));
        match differs {
            Some(at) => Err(CodeError::Differs { contract: self, at }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;

    const ALL: [Contract; 3] = [Contract::PolicyRegistry, Contract::EmergencyBrake, Contract::DecisionGate];

    #[test]
    fn creation_code_is_bytecode_and_arguments() {
        let arguments =
            DecisionGate::constructorCall { registry_: Address::repeat_byte(0x51), brake_: Address::repeat_byte(0x52) };
        let code = decision_gate(&arguments);
        let (bytecode, encoded) = code.split_at(code.len() - 64);
        assert_eq!(bytecode, &DecisionGate::BYTECODE[..]);
        assert_eq!(encoded[..32], Address::repeat_byte(0x51).into_word()[..]);
        assert_eq!(encoded[32..], Address::repeat_byte(0x52).into_word()[..]);

        let ceilings = quaestor_core::Limits::default().envelope();
        let arguments = PolicyRegistry::constructorCall {
            owner_: Address::repeat_byte(1),
            delaySecs_: 60,
            guardians_: vec![Address::repeat_byte(2)],
            ceilings_: ceilings,
        };
        assert!(policy_registry(&arguments).ends_with(&Address::repeat_byte(2).into_word()[..]));
        let arguments = EmergencyBrake::constructorCall {
            owner_: Address::repeat_byte(1),
            registry_: Address::repeat_byte(3),
            pullSecs_: 86_400,
            operators_: vec![],
            leaseUntil_: 0,
            armedGuardians_: vec![Address::repeat_byte(2)],
        };
        assert!(emergency_brake(&arguments).starts_with(&EmergencyBrake::BYTECODE));
    }

    #[test]
    fn code_is_known_again_whatever_the_constructor_filled_in() {
        for contract in ALL {
            let deployed = contract.artifact().unwrap();
            let mut code = deployed.object.to_vec();
            for place in deployed.immutables.values().flatten() {
                code[place.start..place.start + place.length].fill(0xab);
            }
            assert_eq!(contract.check_code(&code), Ok(()));
        }
    }

    #[test]
    fn other_code_is_refused_at_its_first_byte() {
        for contract in ALL {
            let deployed = contract.artifact().unwrap();
            let free = |at: &usize| {
                !deployed.immutables.values().flatten().any(|it| (it.start..it.start + it.length).contains(at))
            };
            for at in (0..deployed.object.len()).filter(free).step_by(97) {
                let mut code = deployed.object.to_vec();
                code[at] ^= 1;
                assert_eq!(contract.check_code(&code), Err(CodeError::Differs { contract, at }));
            }
            assert!(matches!(contract.check_code(&[]), Err(CodeError::Length { found: 0, .. })));
        }
        let gate = Contract::DecisionGate.artifact().unwrap();
        assert!(!gate.immutables.is_empty(), "the gate keeps its registry and its brake in its code");
        assert!(Contract::EmergencyBrake.check_code(&gate.object).is_err());
    }
}
