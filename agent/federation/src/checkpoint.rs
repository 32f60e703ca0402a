//! A coordinator's state as bytes: a header line, then canonical JSON.
//!
//! ```text
//! quaestor-federation checkpoint 2 <64 hexadecimal digits: SHA-256 of version and state>
//! {"round":…}
//! ```
//!
//! Floats are written as their bits, fields in a fixed order and without spaces: the same state is the same bytes, and
//! what is read back is what was written. A changed bit anywhere is an error.

use crate::State;
use sha2::{Digest, Sha256};

/// Version of the format and of what a state means. Raised whenever either changes.
pub const VERSION: u32 = 2;
/// Largest checkpoint: 10,000 members and 2,000 parameters take less than 2 MB.
pub const BYTES_MAX: usize = 16 << 20;

const MARK: &str = "quaestor-federation checkpoint ";
/// Mark, version, hash and two separators are shorter.
const HEADER_BYTES_MAX: usize = 128;

/// Why bytes are no state.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Larger than [`BYTES_MAX`].
    #[error("{found} bytes, more than {BYTES_MAX}")]
    TooLarge {
        /// How many.
        found: usize,
    },
    /// It does not begin like a checkpoint.
    #[error("no checkpoint: the first line is not `{MARK}<version> <hash>`")]
    Header,
    /// Of another version.
    #[error("a checkpoint of version {found}; this program reads version {VERSION}; start the training anew")]
    Version {
        /// Its version.
        found: u32,
    },
    /// Its content is not what was written.
    #[error("the checkpoint is damaged: its hash is {found} and not {stated}; take an earlier one")]
    Hash {
        /// Hash that the header states.
        stated: String,
        /// Hash of what follows.
        found: String,
    },
    /// It was written whole, and is no state all the same.
    #[error("the checkpoint's state cannot be read or written: {source}")]
    Content {
        /// What the JSON library says.
        #[source]
        source: serde_json::Error,
    },
}

fn digest(version: u32, state: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(version.to_le_bytes());
    hash.update(state);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a state.
///
/// # Errors
/// If it is too large.
pub fn seal(state: &State) -> Result<Vec<u8>, CheckpointError> {
    let content = serde_json::to_vec(state).map_err(|source| CheckpointError::Content { source })?;
    let mut bytes = format!("{MARK}{VERSION} {}\n", digest(VERSION, &content)).into_bytes();
    bytes.extend(content);
    match bytes.len() <= BYTES_MAX {
        true => Ok(bytes),
        false => Err(CheckpointError::TooLarge { found: bytes.len() }),
    }
}

/// The state of bytes that [`seal`] made.
///
/// # Errors
/// If they are damaged, of another version, or no checkpoint.
pub fn unseal(bytes: &[u8]) -> Result<State, CheckpointError> {
    if bytes.len() > BYTES_MAX {
        return Err(CheckpointError::TooLarge { found: bytes.len() });
    }
    let end = bytes.iter().take(HEADER_BYTES_MAX).position(|byte| *byte == b'\n').ok_or(CheckpointError::Header)?;
    let (header, content) = (&bytes[..end], &bytes[end + 1..]);
    let header = str::from_utf8(header).map_err(|_| CheckpointError::Header)?;
    let (version, stated) =
        header.strip_prefix(MARK).and_then(|rest| rest.split_once(' ')).ok_or(CheckpointError::Header)?;
    let version: u32 = version.parse().map_err(|_| CheckpointError::Header)?;
    if version != VERSION {
        return Err(CheckpointError::Version { found: version });
    }
    let found = digest(version, content);
    if stated != found {
        return Err(CheckpointError::Hash { stated: stated.to_owned(), found });
    }
    serde_json::from_slice(content).map_err(|source| CheckpointError::Content { source })
}

#[cfg(test)]
mod tests;
