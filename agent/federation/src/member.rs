//! Who trains: members behind a trait, whether in this process or far away.

use crate::{Opened, Update, privacy::NoiseError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most bytes of a member's name.
pub const MEMBER_ID_BYTES_MAX: usize = 64;

/// Name of a member: 1 to 64 of `a`–`z`, `0`–`9`, `-`, `_`, `.`; names order the members of every sum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberId(String);

/// A name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no member's name: write 1 to {MEMBER_ID_BYTES_MAX} of a-z, 0-9, `-`, `_` and `.`")]
pub struct MemberIdError {
    /// What was given.
    pub found: String,
}

impl MemberId {
    /// Checks a name.
    ///
    /// # Errors
    /// If it is empty, too long or has another character.
    pub fn new(name: impl Into<String>) -> Result<Self, MemberIdError> {
        let name = name.into();
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
        match (1..=MEMBER_ID_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
            true => Ok(Self(name)),
            false => Err(MemberIdError { found: name }),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MemberId {
    type Error = MemberIdError;

    fn try_from(name: String) -> Result<Self, MemberIdError> {
        Self::new(name)
    }
}

impl From<MemberId> for String {
    fn from(id: MemberId) -> Self {
        id.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One who trains. Asked at every tick of a round until it gives an update or a failure, or the round no longer waits.
///
/// A member may be a model's shard in this process, a connection to another machine, or a group whose updates are
/// summed in secret: then its update is the group's sum, and nobody sees whose numbers are in it.
pub trait Member {
    /// Its name, the same at every call.
    fn id(&self) -> &MemberId;

    /// Answers what was opened. Must not block: what takes long says [`Answer::NotYet`].
    fn answer(&mut self, opened: &Opened, now_tick: u64) -> Answer;
}

/// What a member says when asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Here it is.
    Update(Update),
    /// Ask again at a later tick.
    NotYet,
    /// There will be none in this round.
    Failed(Failure),
}

/// Why a member has no update in a round.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failure {
    /// It left, or cannot be reached.
    #[error("gone")]
    Gone,
    /// Its shard is empty.
    #[error("its shard is empty")]
    EmptyShard,
    /// All its records have one label.
    #[error("its {records} records have one class")]
    OneClass {
        /// Records of the shard.
        records: u64,
    },
    /// A feature of its shard never changes.
    #[error("feature {column} of its shard is constant")]
    ConstantFeature {
        /// Which feature.
        column: usize,
    },
    /// A record of its shard is NaN or infinite.
    #[error("record {record} of its shard is not finite")]
    NotFinite {
        /// First such record.
        record: u64,
    },
    /// Its own privacy budget does not cover the round.
    #[error("its privacy budget is spent")]
    BudgetSpent,
    /// The noise that the round asks for cannot be added.
    #[error("noise cannot be added: {error}")]
    Noise {
        /// Why.
        error: NoiseError,
    },
    /// What it has to give is none of what is asked for, such as a tree that cannot be walked.
    #[error("malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// What was opened does not fit its shard.
    #[error("it was sent {found} parameters and its shard needs {expected}")]
    Dimension {
        /// Parameters that it was sent.
        found: usize,
        /// Parameters that fit.
        expected: usize,
    },
}

/// Waits for time to pass while a round is open.
pub trait Ticks {
    /// Waits for the next tick and says which one it is.
    fn next(&mut self) -> u64;
}
