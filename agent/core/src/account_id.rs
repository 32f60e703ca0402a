//! Chain and account identifiers: CAIP-2 (`eip155:1`) and CAIP-10 (`eip155:1:0x…`).

use alloy_primitives::Address;
use std::{fmt, str::FromStr};

/// Why a text is not an account of an EVM chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountIdError {
    /// Not of the form `eip155:<chain>:<address>`.
    #[error("`{text}` is not a CAIP-10 account; write such as `eip155:1:0x…`")]
    Form {
        /// What was read.
        text: String,
    },
    /// Not 20 bytes of hexadecimal digits.
    #[error("`{text}` is not an address; write `0x` and 40 hexadecimal digits")]
    Address {
        /// What was read.
        text: String,
    },
    /// The EIP-55 checksum is missing or wrong.
    #[error("`{found}` has not the EIP-55 checksum; if it is the right address, write `{expected}`")]
    Checksum {
        /// What was read.
        found: String,
        /// The address with its checksum.
        expected: String,
    },
    /// The zero address or a precompile.
    #[error("`{text}` is the zero address or a precompile; write the contract or account that is meant")]
    Reserved {
        /// What was read.
        text: String,
    },
}

/// An account on an EVM chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caip10 {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The account.
    pub address: Address,
}

impl fmt::Display for Caip10 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eip155:{}:{}", self.chain_id, self.address.to_checksum(None))
    }
}

impl FromStr for Caip10 {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || AccountIdError::Form { text: text.to_owned() };
        let rest = text.strip_prefix("eip155:").ok_or_else(form)?;
        let (chain, address) = rest.split_once(':').ok_or_else(form)?;
        Ok(Self { chain_id: parse_chain_id(chain).ok_or_else(form)?, address: parse_address(address)? })
    }
}

/// The chain id of a CAIP-2 text such as `eip155:1`.
pub fn parse_caip2(text: &str) -> Option<u64> {
    text.strip_prefix("eip155:").and_then(parse_chain_id)
}

fn parse_chain_id(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

/// An address with its EIP-55 checksum; neither zero nor a precompile.
///
/// # Errors
/// If the form or the checksum is wrong, or the address is reserved.
pub fn parse_address(text: &str) -> Result<Address, AccountIdError> {
    let malformed = || AccountIdError::Address { text: text.to_owned() };
    if !text.starts_with("0x") || text.len() != 42 {
        return Err(malformed());
    }
    let address = Address::from_str(text).map_err(|_| malformed())?;
    let expected = address.to_checksum(None);
    if expected != text {
        return Err(AccountIdError::Checksum { found: text.to_owned(), expected });
    }
    let reserved = matches!(address.as_slice(), [high @ .., a, b]
        if high.iter().all(|byte| *byte == 0) && u16::from_be_bytes([*a, *b]) < 0x400);
    if reserved {
        return Err(AccountIdError::Reserved { text: text.to_owned() });
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USDC: &str = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";

    #[test]
    fn accounts_carry_their_chain_and_their_checksum() {
        let account: Caip10 = format!("eip155:1:{USDC}").parse().unwrap();
        assert_eq!(account.to_string(), format!("eip155:1:{USDC}"));
        let wrong = format!("eip155:1:{}", USDC.to_lowercase()).parse::<Caip10>().unwrap_err();
        assert!(wrong.to_string().contains(USDC), "{wrong}");
    }

    #[test]
    fn what_is_no_account_is_refused() {
        let reserved = "0x0000000000000000000000000000000000000001";
        for bad in ["", "eip155:1", "eip155:01:0x", "cosmos:1:0x", "eip155:-1:0x00", &format!("eip155:1:{reserved}")] {
            assert!(bad.parse::<Caip10>().is_err(), "{bad}");
        }
        assert_eq!(parse_caip2("eip155:31337"), Some(31337));
        assert_eq!(parse_caip2("eip155:1:0x"), None);
    }
}
