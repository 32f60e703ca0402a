//! The packed list of calls that Safe's `MultiSendCallOnly` takes (`contracts/libraries/MultiSendCallOnly.sol`, 1.5.0).
//!
//! Each call is `operation (1 byte, always 0) ‖ to (20) ‖ value (32) ‖ length (32) ‖ data`, one after the other.

use crate::{bindings::IMultiSendCallOnly, exact::canonical};
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use quaestor_core::{Amount, Call};

/// Why bytes are not a list of calls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MultiSendError {
    /// Not the canonical encoding of `multiSend(bytes)`.
    #[error("the calldata is not `multiSend(bytes)`: {reason}")]
    Malformed {
        /// The decoder's words.
        reason: String,
    },
    /// The bytes end within a call.
    #[error("the packed calls end within call {position}")]
    Truncated {
        /// Which call, from 1.
        position: usize,
    },
    /// Not a plain call.
    #[error("call {position} has operation {found}; only plain calls (0) are ever proposed")]
    Operation {
        /// Which call, from 1.
        position: usize,
        /// The operation's byte.
        found: u8,
    },
    /// More wei than there are.
    #[error("call {position} sends {found} wei; at most 2^128 - 1 are possible")]
    Value {
        /// Which call, from 1.
        position: usize,
        /// The value.
        found: U256,
    },
    /// The contract reads address zero as the Safe itself, which no text would show.
    #[error("call {position} goes to address zero, which MultiSendCallOnly takes for the Safe itself")]
    ZeroTarget {
        /// Which call, from 1.
        position: usize,
    },
}

/// Calldata of `multiSend` for `calls`.
pub fn multisend_data(calls: &[Call]) -> Bytes {
    IMultiSendCallOnly::multiSendCall { transactions: pack(calls).into() }.abi_encode().into()
}

/// The calls of `multiSend` calldata, to the last byte.
///
/// # Errors
/// If anything in it is not a plain call to an address.
pub fn multisend_calls(data: &[u8]) -> Result<Vec<Call>, MultiSendError> {
    let call: IMultiSendCallOnly::multiSendCall =
        canonical(data).map_err(|reason| MultiSendError::Malformed { reason })?;
    unpack(&call.transactions)
}

fn pack(calls: &[Call]) -> Vec<u8> {
    let mut packed = Vec::new();
    for call in calls {
        packed.push(0);
        packed.extend_from_slice(call.to.as_slice());
        packed.extend_from_slice(&call.value.to_u256().to_be_bytes::<32>());
        packed.extend_from_slice(&U256::from(call.data.len()).to_be_bytes::<32>());
        packed.extend_from_slice(&call.data);
    }
    packed
}

/// Each turn takes at least 85 bytes, so it ends.
fn unpack(mut packed: &[u8]) -> Result<Vec<Call>, MultiSendError> {
    let mut calls = Vec::new();
    while !packed.is_empty() {
        let position = calls.len() + 1;
        let truncated = MultiSendError::Truncated { position };
        let [operation] = *take::<1>(&mut packed).ok_or(truncated.clone())?;
        if operation != 0 {
            return Err(MultiSendError::Operation { position, found: operation });
        }
        let to = Address::from(take::<20>(&mut packed).ok_or(truncated.clone())?);
        if to.is_zero() {
            return Err(MultiSendError::ZeroTarget { position });
        }
        let wide = U256::from_be_bytes(*take::<32>(&mut packed).ok_or(truncated.clone())?);
        let value = Amount::from_u256(wide).ok_or(MultiSendError::Value { position, found: wide })?;
        let length = U256::from_be_bytes(*take::<32>(&mut packed).ok_or(truncated.clone())?);
        let length = usize::try_from(length).map_err(|_| truncated.clone())?;
        let (data, rest) = packed.split_at_checked(length).ok_or(truncated)?;
        packed = rest;
        calls.push(Call { to, value, data: Bytes::copy_from_slice(data) });
    }
    Ok(calls)
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;
    use proptest::prelude::*;

    fn calls() -> impl Strategy<Value = Vec<Call>> {
        let call = (any::<[u8; 20]>(), any::<u128>(), prop::collection::vec(any::<u8>(), 0..70))
            .prop_map(|(to, value, data)| Call { to: to.into(), value: Amount(value), data: data.into() });
        prop::collection::vec(call.prop_filter("zero", |call| !call.to.is_zero()), 0..5)
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_to_itself(calls in calls()) {
            prop_assert_eq!(multisend_calls(&multisend_data(&calls)), Ok(calls));
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(calls in calls(), at: prop::sample::Index, flip in 1u8..) {
            let mut data = multisend_data(&calls).to_vec();
            let at = at.index(data.len());
            data[at] ^= flip;
            prop_assert_ne!(multisend_calls(&data), Ok(calls));
        }

        #[test]
        fn no_cut_goes_unnoticed(calls in calls(), cut in 1usize..90) {
            let packed = pack(&calls);
            prop_assume!(cut < packed.len());
            prop_assert_ne!(unpack(&packed[..packed.len() - cut]), Ok(calls));
        }
    }

    #[test]
    fn only_plain_calls_to_an_address_are_read() {
        let to = address!("0x00000000000000000000000000000000DeaDBeef");
        let call = Call { to, value: Amount(5), data: Bytes::from_static(&[1, 2]) };
        let packed = pack(std::slice::from_ref(&call));
        let with = |at: usize, byte: u8| {
            let mut changed = [packed.clone(), packed.clone()].concat();
            changed[packed.len() + at] = byte;
            unpack(&changed).unwrap_err()
        };
        assert_eq!(with(0, 1), MultiSendError::Operation { position: 2, found: 1 });
        assert!(matches!(with(21, 1), MultiSendError::Value { position: 2, .. }));
        assert_eq!(with(53, 1), MultiSendError::Truncated { position: 2 });
        assert_eq!(with(84, 3), MultiSendError::Truncated { position: 2 });
        let zero = pack(&[Call { to: Address::ZERO, ..call }]);
        assert_eq!(unpack(&zero), Err(MultiSendError::ZeroTarget { position: 1 }));
    }
}
