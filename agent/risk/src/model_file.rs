//! The file of a trained model: the same bytes wherever it is written, named by their hash.
//!
//! Training may differ between processors in the last bits, so that agents share this file and never train anew to
//! compare. A file is canonical JSON: keys sorted, no spaces, floats in the shortest form that reads back as the same
//! bits. Its hash is keccak256 of these bytes; the policy names it, and so does every decision.

mod canonical;

use crate::{
    data::{FEATURE_NAMES, Origin, Target, TargetError, Window},
    models::ModelError,
    parameters::Parameters,
};
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Raised whenever a file of before would be read otherwise.
pub const VERSION: u32 = 2;
/// What the file is.
pub const KIND: &str = "quaestor-treasury-risk";
/// Most bytes of a file: several forests.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// What one member trained on; names and counts, no records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberData {
    /// The member.
    pub member: String,
    /// Where its records come from.
    pub origin: Origin,
    /// First and last day of its records.
    pub window: Window,
    /// Days with features and a target.
    pub records: usize,
    /// Days that a drawdown followed; `None` where noise hides them.
    pub events: Option<usize>,
}

/// Everything that a forecast depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Versions of the crates that trained it, by name.
    pub crates: BTreeMap<String, String>,
    /// What it was trained on.
    pub data: Vec<MemberData>,
    /// Names of the features, in order.
    pub features: Vec<String>,
    /// [`KIND`].
    pub kind: String,
    /// What was trained.
    pub parameters: Parameters,
    /// What is forecast.
    pub target: Target,
    /// The last day that training knew, since 1970-01-01.
    pub trained_at_day: u32,
    /// [`VERSION`].
    pub version: u32,
}

/// Why bytes are no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// Other bytes than the hash was made of.
    #[error(
        "the model file hashes to {found}, not to {expected}; fetch the file of that hash again, or name the hash of this one"
    )]
    Hash {
        /// Of the bytes.
        found: B256,
        /// What was asked for.
        expected: B256,
    },
    /// Too large to be one.
    #[error("the model file has {found} bytes; at most {} are read", FILE_BYTES_MAX)]
    TooLarge {
        /// How many.
        found: usize,
    },
    /// Another kind of file, or of another version.
    #[error(
        "the file is of kind `{kind}`, version {version}; this program reads `{}`, version {}: train anew with it, or use the program that wrote the file",
        KIND,
        VERSION
    )]
    Version {
        /// What it says it is.
        kind: String,
        /// What version it says.
        version: u32,
    },
    /// No JSON, an unknown or missing key, or a value of another form.
    #[error("the model file cannot be read: {0}; use the file as it was written")]
    Malformed(#[source] serde_json::Error),
    /// The same model in other bytes.
    #[error("the model file is not canonical from byte {at} on; use the file as it was written, unformatted")]
    NotCanonical {
        /// First byte that differs.
        at: usize,
    },
    /// A number that JSON has no form for.
    #[error("a number of the model is NaN or infinite; train on records without such numbers")]
    NotFinite,
    /// Other features than this program computes.
    #[error("the model has features {found:?}; this program computes {:?}: train anew with it", FEATURE_NAMES)]
    Features {
        /// Those of the file.
        found: Vec<String>,
    },
    /// An impossible target.
    #[error("the target of the model: {0}")]
    Target(#[from] TargetError),
    /// A tail of another confidence than the target's.
    #[error("the tail is of {found} bps confidence, the target of {expected}; train both for one target")]
    OtherConfidence {
        /// Of the target.
        expected: u32,
        /// Of the part.
        found: u16,
    },
    /// Impossible parameters.
    #[error("the parameters of the model: {0}")]
    Parameters(#[from] ModelError),
}

/// What tells kinds and versions apart, before anything else is looked at.
#[derive(Deserialize)]
struct Head {
    kind: String,
    version: u32,
}

impl ModelFile {
    /// Reads the file whose bytes have this hash, which finds every flipped bit.
    ///
    /// # Errors
    /// If the bytes hash to something else, are too many, of another kind or version, not canonical, or no usable model.
    pub fn parse(bytes: &[u8], expected: B256) -> Result<Self, ModelFileError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(ModelFileError::TooLarge { found: bytes.len() });
        }
        let found = keccak256(bytes);
        if found != expected {
            return Err(ModelFileError::Hash { found, expected });
        }
        let Head { kind, version } = serde_json::from_slice(bytes).map_err(ModelFileError::Malformed)?;
        if (kind.as_str(), version) != (KIND, VERSION) {
            return Err(ModelFileError::Version { kind, version });
        }
        let file: Self = serde_json::from_slice(bytes).map_err(ModelFileError::Malformed)?;
        let written = file.to_bytes()?;
        if written != bytes {
            let at = written.iter().zip(bytes).position(|(ours, theirs)| ours != theirs);
            return Err(ModelFileError::NotCanonical { at: at.unwrap_or(written.len().min(bytes.len())) });
        }
        Ok(file)
    }

    /// Its bytes.
    ///
    /// # Errors
    /// If a number is not finite or the parts do not fit each other.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelFileError> {
        if self.features != FEATURE_NAMES {
            return Err(ModelFileError::Features { found: self.features.clone() });
        }
        self.target.check()?;
        self.parameters.check()?;
        let expected = 10_000 - self.target.tail_bps;
        let [tail, quantile] = [
            self.parameters.tail.map(|part| part.confidence_bps),
            self.parameters.quantile.as_ref().map(|part| part.confidence_bps),
        ];
        if let Some(found) = tail.into_iter().chain(quantile).find(|found| u32::from(*found) != expected) {
            return Err(ModelFileError::OtherConfidence { expected, found });
        }
        let value = serde_json::to_value(self).map_err(ModelFileError::Malformed)?;
        let bytes = canonical::write(&value).into_bytes();
        // NaN and infinity become null on the way.
        let back: Self = serde_json::from_slice(&bytes).map_err(|_| ModelFileError::NotFinite)?;
        if back == *self { Ok(bytes) } else { Err(ModelFileError::NotFinite) }
    }

    /// keccak256 of [`Self::to_bytes`].
    ///
    /// # Errors
    /// Like [`Self::to_bytes`].
    pub fn hash(&self) -> Result<B256, ModelFileError> {
        self.to_bytes().map(keccak256)
    }
}

#[cfg(test)]
mod tests;
