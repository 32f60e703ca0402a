//! One row, and the exact bytes that its hash covers.

use super::JournalError;
use alloy::primitives::{B256, Keccak256};
use serde::{Serialize, de::DeserializeOwned};

/// Largest payload, bytes of JSON text: 1 MiB. What is larger belongs in a bundle file, and its hash in the journal.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// Longest kind, bytes.
pub const KIND_BYTES_MAX: usize = 64;

/// A row of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Number of the row, from 1 without gaps.
    pub seq: u64,
    /// Wall-clock time at which it was written, Unix milliseconds. It may go back when the clock is set.
    pub unix_ms: u64,
    /// What it is, such as `proposal.prepared`.
    pub kind: String,
    /// JSON text: compact, keys sorted.
    pub payload: String,
    /// Hash of the row before, or [`genesis`].
    pub prev_hash: B256,
    /// Hash of this row; see [`row_hash`].
    pub row_hash: B256,
}

impl Row {
    /// The payload as a value of `T`.
    ///
    /// # Errors
    /// If it is not one.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, JournalError> {
        let failed = |source| JournalError::Decode { seq: self.seq, kind: self.kind.clone(), source };
        serde_json::from_str(&self.payload).map_err(failed)
    }
}

/// What the first row is chained to: keccak256 of `quaestor journal 1`.
pub fn genesis() -> B256 {
    alloy::primitives::keccak256("quaestor journal 1")
}

/// keccak256 of `prev_hash ‖ seq ‖ unix_ms ‖ len(kind) ‖ kind ‖ len(payload) ‖ payload`: `prev_hash` is 32 bytes, `seq`
/// and `unix_ms` are 8 bytes each, the lengths count bytes in 4 bytes each, all big-endian; kind and payload are UTF-8.
pub fn row_hash(prev_hash: B256, seq: u64, unix_ms: u64, kind: &[u8], payload: &[u8]) -> B256 {
    // Longer texts never get here: `check_kind` and `encode` refuse them, and SQLite holds none above 2^31 bytes.
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut hasher = Keccak256::new();
    hasher.update(prev_hash);
    hasher.update(seq.to_be_bytes());
    hasher.update(unix_ms.to_be_bytes());
    hasher.update(length(kind));
    hasher.update(kind);
    hasher.update(length(payload));
    hasher.update(payload);
    hasher.finalize()
}

pub(super) fn check_kind(kind: &str) -> Result<(), JournalError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if (1..=KIND_BYTES_MAX).contains(&kind.len()) && kind.bytes().all(allowed) {
        return Ok(());
    }
    Err(JournalError::Kind { kind: kind.chars().take(KIND_BYTES_MAX).collect() })
}

/// Compact JSON with sorted keys, so that the same value always has the same bytes.
pub(super) fn encode(kind: &str, payload: &impl Serialize) -> Result<String, JournalError> {
    let failed = |source| JournalError::Encode { kind: kind.to_owned(), source };
    let mut value = serde_json::to_value(payload).map_err(failed)?;
    value.sort_all_objects();
    let text = serde_json::to_string(&value).map_err(failed)?;
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(JournalError::TooLarge { kind: kind.to_owned(), found: text.len() });
    }
    Ok(text)
}
