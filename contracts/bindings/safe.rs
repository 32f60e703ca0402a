//! Safe transactions: what a batch becomes, the hash that owners approve, and the signatures that stand for approvals.
//!
//! Sources: `Safe.sol` 1.5.0 (`getTransactionHash`, `checkNSignatures`, `approvedHashes`) and EIP-712. The hash is
//! always computed here; what a service or another machine says of it is only compared.

use crate::{
    bindings::ISafe,
    multisend::{MultiSendError, multisend_calls, multisend_data},
};
use alloy_primitives::{Address, B256, Bytes, U256, b256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use quaestor_core::{Amount, Call};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// keccak256 of the EIP-712 type `SafeTx(address to,uint256 value,bytes data,uint8 operation,…,uint256 nonce)`.
pub const SAFE_TX_TYPEHASH: B256 = b256!("0xbb8310d486368db6bd6f849402fdd73ad53d316b5a4b2644ad6efe0f941286d8");
/// keccak256 of `EIP712Domain(uint256 chainId,address verifyingContract)`. Safes before 1.3.0 have another.
pub const DOMAIN_TYPEHASH: B256 = b256!("0x47e79534a245952e8b16893a336b85a3d9ea9fa8c573f3d803afb92a79469218");
/// Storage slot of the mapping `approvedHashes` in Safe 1.5.0 (`contracts/libraries/SafeStorage.sol`).
pub const APPROVED_HASHES_SLOT: u64 = 8;
/// How a Safe runs a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// A plain call (0).
    Call,
    /// The target's code with the Safe's own storage (1): only ever `MultiSendCallOnly`.
    DelegateCall,
}

impl Operation {
    /// Its number on chain.
    pub fn number(self) -> u8 {
        match self {
            Self::Call => 0,
            Self::DelegateCall => 1,
        }
    }
}

/// Why something is not a transaction that Quaestor proposes on a Safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SafeError {
    /// Nothing to do.
    #[error("a batch without calls is no proposal")]
    Empty,
    /// A call that would change the Safe itself, its owners for example.
    #[error("call {position} goes to the Safe {safe} itself; no batch of an agent does that")]
    SelfCall {
        /// Which call, from 1.
        position: usize,
        /// The Safe.
        safe: Address,
    },
    /// A delegatecall to something else than MultiSendCallOnly, or a plain call where a batch is meant.
    #[error(
        "the Safe transaction calls {to} with operation {operation}; a batch is operation 1 on MultiSendCallOnly {multisend}"
    )]
    NotABatch {
        /// Its target.
        to: Address,
        /// Its operation.
        operation: u8,
        /// The `MultiSendCallOnly` that is configured.
        multisend: Address,
    },
    /// The batch itself carries wei, which a delegatecall never needs.
    #[error("the Safe transaction of a batch carries {found} wei; it must carry none")]
    Value {
        /// Wei.
        found: u128,
    },
    /// The packed calls.
    #[error(transparent)]
    MultiSend(#[from] MultiSendError),
}

/// A Safe transaction. The gas fields (`safeTxGas`, `baseGas`, `gasPrice`, `gasToken`, `refundReceiver`) are not here:
/// they are always zero, so that a failing batch reverts instead of using up its nonce.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SafeTx {
    /// Target.
    pub to: Address,
    /// Wei.
    pub value: Amount,
    /// Calldata.
    pub data: Bytes,
    /// How it runs.
    pub operation: Operation,
    /// The Safe's nonce.
    pub nonce: u64,
}

impl SafeTx {
    /// `calls` of `safe` as one transaction through MultiSendCallOnly, a single call included, so that every proposal
    /// has one form.
    ///
    /// # Errors
    /// If there are no calls, or one goes to the Safe itself or to address zero.
    pub fn for_batch(safe: Address, multisend: Address, calls: &[Call], nonce: u64) -> Result<Self, SafeError> {
        check_calls(safe, calls)?;
        let (operation, value) = (Operation::DelegateCall, Amount::ZERO);
        Ok(Self { to: multisend, value, data: multisend_data(calls), operation, nonce })
    }

    /// The empty transaction of `safe` to itself, which uses up `nonce` and does nothing else.
    pub fn rejection(safe: Address, nonce: u64) -> Self {
        Self { to: safe, value: Amount::ZERO, data: Bytes::new(), operation: Operation::Call, nonce }
    }

    /// The calls of a batch: the opposite of [`Self::for_batch`], as strict as it.
    ///
    /// # Errors
    /// If it is anything but such a batch.
    pub fn calls(&self, safe: Address, multisend: Address) -> Result<Vec<Call>, SafeError> {
        if self.operation != Operation::DelegateCall || self.to != multisend {
            return Err(SafeError::NotABatch { to: self.to, operation: self.operation.number(), multisend });
        }
        if !self.value.is_zero() {
            return Err(SafeError::Value { found: self.value.0 });
        }
        let calls = multisend_calls(&self.data)?;
        check_calls(safe, &calls)?;
        Ok(calls)
    }

    /// safeTxHash: what owners of `safe` approve.
    pub fn hash(&self, chain_id: u64, safe: Address) -> B256 {
        let no_gas = (U256::ZERO, U256::ZERO, U256::ZERO, Address::ZERO, Address::ZERO);
        let fields = (
            (
                SAFE_TX_TYPEHASH,
                self.to,
                self.value.to_u256(),
                keccak256(&self.data),
                U256::from(self.operation.number()),
            ),
            no_gas,
            U256::from(self.nonce),
        );
        // All fields are words, so nesting changes nothing in the encoding.
        let encoded = keccak256(fields.abi_encode());
        let mut preimage = Vec::with_capacity(66);
        preimage.extend_from_slice(&[0x19, 0x01]);
        preimage.extend_from_slice(domain_separator(chain_id, safe).as_slice());
        preimage.extend_from_slice(encoded.as_slice());
        keccak256(preimage)
    }

    /// The call of `execTransaction` on `safe`.
    pub fn execute(&self, safe: Address, signatures: Bytes) -> Call {
        let call = ISafe::execTransactionCall {
            to: self.to,
            value: self.value.to_u256(),
            data: self.data.clone(),
            operation: self.operation.number(),
            safeTxGas: U256::ZERO,
            baseGas: U256::ZERO,
            gasPrice: U256::ZERO,
            gasToken: Address::ZERO,
            refundReceiver: Address::ZERO,
            signatures,
        };
        Call { to: safe, value: Amount::ZERO, data: call.abi_encode().into() }
    }
}

/// The EIP-712 domain separator of `safe`.
pub fn domain_separator(chain_id: u64, safe: Address) -> B256 {
    keccak256((DOMAIN_TYPEHASH, U256::from(chain_id), safe).abi_encode())
}

/// The call of `approveHash` on `safe`, for an owner to send.
pub fn approve_hash(safe: Address, safe_tx_hash: B256) -> Call {
    let data = ISafe::approveHashCall { hashToApprove: safe_tx_hash }.abi_encode();
    Call { to: safe, value: Amount::ZERO, data: data.into() }
}

/// Signatures that stand for approvals on chain (v = 1), one for each of `owners`, ascending by address as the Safe
/// demands; a repeated owner counts once. An owner that sends `execTransaction` itself needs no approval on chain.
pub fn approved_signatures(owners: &[Address]) -> Bytes {
    let sorted: BTreeSet<&Address> = owners.iter().collect();
    let mut signatures = Vec::with_capacity(sorted.len().saturating_mul(65));
    for owner in sorted {
        signatures.extend_from_slice(owner.into_word().as_slice());
        signatures.extend_from_slice(B256::ZERO.as_slice());
        signatures.push(1);
    }
    signatures.into()
}

/// Storage slot of `approvedHashes[owner][hash]`: one there is an approval, in a state override too.
pub fn approved_hash_slot(owner: Address, safe_tx_hash: B256) -> B256 {
    let of_owner = keccak256((owner, U256::from(APPROVED_HASHES_SLOT)).abi_encode());
    keccak256((safe_tx_hash, of_owner).abi_encode())
}

fn check_calls(safe: Address, calls: &[Call]) -> Result<(), SafeError> {
    if calls.is_empty() {
        return Err(SafeError::Empty);
    }
    for (index, call) in calls.iter().enumerate() {
        let position = index + 1;
        if call.to == safe {
            return Err(SafeError::SelfCall { position, safe });
        }
        if call.to.is_zero() {
            return Err(MultiSendError::ZeroTarget { position }.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    //! The golden values were made once by hand: protocol-kit 8.0.7 (`calculateSafeTransactionHash`,
    //! `encodeMultiSendData`) and viem 2.57.20 (`hashTypedData`) agreed with `getTransactionHash` of a Safe 1.5.0 on
    //! anvil 1.7.1; three owners approved the first hash there, the storage slot was read as 1, and `execTransaction`
    //! with these very signatures succeeded.

    use super::*;
    use alloy_primitives::{address, bytes};

    const CHAIN_ID: u64 = 31_337;
    const SAFE: Address = address!("0x82e00D8D5061BC0513C5AD300001e25547AAe24C");
    const MULTISEND: Address = address!("0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0");
    const OWNERS: [Address; 3] = [
        address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        address!("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    ];
    const BATCH_HASH: B256 = b256!("0x83e489becfe4c6d7c049fc413cd5f2dfc1080cc8db624347dfbf5d16a5346d5e");

    fn calls() -> Vec<Call> {
        vec![
            Call { to: address!("0x00000000000000000000000000000000DeaDBeef"), value: Amount(5), data: Bytes::new() },
            Call {
                to: address!("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"),
                value: Amount::ZERO,
                data: bytes!("53e5d935"),
            },
        ]
    }

    fn batch(nonce: u64) -> SafeTx {
        SafeTx::for_batch(SAFE, MULTISEND, &calls(), nonce).unwrap()
    }

    #[test]
    fn the_type_hashes_are_those_of_the_types() {
        let safe_tx = "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,\
                       uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)";
        assert_eq!(SAFE_TX_TYPEHASH, keccak256(safe_tx));
        assert_eq!(DOMAIN_TYPEHASH, keccak256("EIP712Domain(uint256 chainId,address verifyingContract)"));
    }

    #[test]
    fn hashes_are_those_of_the_contract_and_of_other_clients() {
        let domain = b256!("0xebb445f8972c33ac592618ab1db9b5f8cc9ce37c486cdae31f66760e9624f4a6");
        assert_eq!(domain_separator(CHAIN_ID, SAFE), domain);
        let packed_calldata = bytes!(
            "8d80ff0a000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000ae0000000000000000000000000000000000deadbeef0000000000000000000000000000000000000000000000000000000000000005000000000000000000000000000000000000000000000000000000000000000000e7f1725e7734ce288f8367e1bb143e90bb3f05120000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000453e5d935000000000000000000000000000000000000"
        );
        assert_eq!(batch(0).data, packed_calldata);
        assert_eq!(batch(0).hash(CHAIN_ID, SAFE), BATCH_HASH);
        let later = b256!("0x806c0572df3d40bc9ff26cfa603777d609e03c978abcd14df91887603aa8ef5e");
        assert_eq!(batch(41).hash(CHAIN_ID, SAFE), later);
        let rejection = b256!("0x0ac6039dd90f9c2e03a34be5fe2620a49e29c50c75a7a0fad48836df29576702");
        assert_eq!(SafeTx::rejection(SAFE, 41).hash(CHAIN_ID, SAFE), rejection);
    }

    #[test]
    fn approvals_become_signatures_and_a_slot() {
        let signatures = bytes!(
            "0000000000000000000000003C44CdDdB6a900fa2b585dd299e03d12FA4293BC000000000000000000000000000000000000000000000000000000000000000001"
            "00000000000000000000000070997970C51812dc3A010C7d01b50e0d17dc79C8000000000000000000000000000000000000000000000000000000000000000001"
            "000000000000000000000000f39Fd6e51aad88F6F4ce6aB8827279cffFb92266000000000000000000000000000000000000000000000000000000000000000001"
        );
        assert_eq!(approved_signatures(&OWNERS), signatures);
        assert_eq!(approved_signatures(&[OWNERS, OWNERS].concat()), signatures);
        let executed = b256!("0x3ab3ed11d72b4b5362ea201326f46f567186a82e3b4904b6bfeaf949e24b4eee");
        assert_eq!(keccak256(batch(0).execute(SAFE, signatures).data), executed);
        let slot = b256!("0xae256f1368f38fd03e945b6f529e632227af17a2f385254b31f661547b590c89");
        assert_eq!(approved_hash_slot(OWNERS[0], BATCH_HASH), slot);
    }

    #[test]
    fn a_batch_reads_back_and_nothing_else_does() {
        let tx = batch(3);
        assert_eq!(tx.calls(SAFE, MULTISEND), Ok(calls()));
        assert!(matches!(tx.calls(SAFE, SAFE), Err(SafeError::NotABatch { operation: 1, .. })));
        let plain = SafeTx { operation: Operation::Call, ..tx.clone() };
        assert!(matches!(plain.calls(SAFE, MULTISEND), Err(SafeError::NotABatch { operation: 0, .. })));
        let paying = SafeTx { value: Amount(1), ..tx.clone() };
        assert_eq!(paying.calls(SAFE, MULTISEND), Err(SafeError::Value { found: 1 }));
        let target = calls()[1].to;
        assert_eq!(tx.calls(target, MULTISEND), Err(SafeError::SelfCall { position: 2, safe: target }));
        assert!(matches!(SafeTx::rejection(SAFE, 3).calls(SAFE, MULTISEND), Err(SafeError::NotABatch { .. })));
    }

    #[test]
    fn a_batch_never_touches_the_safe_itself() {
        let with = |to| SafeTx::for_batch(SAFE, MULTISEND, &[Call { to, ..calls()[0].clone() }], 0);
        assert_eq!(with(SAFE), Err(SafeError::SelfCall { position: 1, safe: SAFE }));
        assert_eq!(with(Address::ZERO), Err(SafeError::MultiSend(MultiSendError::ZeroTarget { position: 1 })));
        assert_eq!(SafeTx::for_batch(SAFE, MULTISEND, &[], 0), Err(SafeError::Empty));
    }

    #[test]
    fn every_field_changes_the_hash() {
        let tx = batch(3);
        let other = [
            SafeTx { to: SAFE, ..tx.clone() },
            SafeTx { value: Amount(1), ..tx.clone() },
            SafeTx { data: Bytes::new(), ..tx.clone() },
            SafeTx { operation: Operation::Call, ..tx.clone() },
            SafeTx { nonce: 4, ..tx.clone() },
        ];
        for changed in other {
            assert_ne!(changed.hash(CHAIN_ID, SAFE), tx.hash(CHAIN_ID, SAFE), "{changed:?}");
        }
        assert_ne!(tx.hash(1, SAFE), tx.hash(CHAIN_ID, SAFE));
        assert_ne!(tx.hash(CHAIN_ID, MULTISEND), tx.hash(CHAIN_ID, SAFE));
    }
}
