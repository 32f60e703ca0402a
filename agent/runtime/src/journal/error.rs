//! What can go wrong with a journal, and what to do about it.

use super::row::{KIND_BYTES_MAX, PAYLOAD_BYTES_MAX};
use alloy::primitives::B256;
use std::path::PathBuf;

/// Where a journal stops being the one that was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// SQLite cannot read it.
    #[error("it cannot be read after row {last_good}: {detail}")]
    Unreadable {
        /// Last row that was read and is right; 0: none.
        last_good: u64,
        /// SQLite's words.
        detail: String,
    },
    /// Tables or triggers are not those of a journal.
    #[error("its tables or triggers were changed at `{object}`")]
    Schema {
        /// The first that differs.
        object: String,
    },
    /// A row number is missing or out of order.
    #[error("row {expected} is missing, row {found} stands in its place")]
    Gap {
        /// The row that should follow.
        expected: u64,
        /// The row that does.
        found: i64,
    },
    /// A row has a value of the wrong type.
    #[error("row {seq} is damaged: its `{column}` is not of its type")]
    Column {
        /// The row.
        seq: u64,
        /// The column.
        column: &'static str,
    },
    /// A row is not what its hash says.
    #[error("row {seq} was changed: it hashes to {computed}, the journal has {stored}")]
    Hash {
        /// The first such row.
        seq: u64,
        /// The hash in the journal.
        stored: B256,
        /// The hash of what is there.
        computed: B256,
    },
    /// Rows that were written are gone from the end.
    #[error("rows {first_missing} to {witnessed} are missing from its end")]
    EndMissing {
        /// First row that is gone.
        first_missing: u64,
        /// Last row that was durable, as the tail file says.
        witnessed: u64,
    },
    /// The row that the tail file names has another hash.
    #[error("row {seq} is another one than was written: it hashes to {found}, the tail file says {witnessed}")]
    Replaced {
        /// The row.
        seq: u64,
        /// The hash in the journal.
        found: B256,
        /// The hash in the tail file.
        witnessed: B256,
    },
    /// The tail file has no readable record.
    #[error("its tail file is damaged, so rows may be missing after row {last_good}")]
    TailUnreadable {
        /// Last row that is right.
        last_good: u64,
    },
}

/// Why the journal cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes it.
    #[error("the journal {path} is in use by {}; stop that agent first, one journal has one agent", process(.pid))]
    InUse {
        /// The journal.
        path: PathBuf,
        /// The other process, if its id could be read.
        pid: Option<u32>,
    },
    /// It does not exist.
    #[error("there is no journal at {path}; check `files.journal`, or run the agent once to begin one")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A file of another program.
    #[error("{path} is not a Quaestor journal of a version that this program knows; name another file")]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// It is not what was written.
    #[error(
        "the journal {path} is damaged: {damage}. Nothing in it was changed. Keep it with its `-wal` and `-tail` files; \
         put back a good copy of all three, or move all three away to begin a new journal"
    )]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The first damage.
        damage: Damage,
    },
    /// The disk is full. Nothing was written, and the journal can go on once there is room.
    #[error("no room to write the journal {path}; nothing was written; free some space and try again")]
    Full {
        /// The journal.
        path: PathBuf,
    },
    /// A write failed, and whether it lasts is not known.
    #[error("an earlier write to the journal {path} failed; restart the agent, which checks the journal first")]
    Failed {
        /// The journal.
        path: PathBuf,
    },
    /// Something else wrote the journal.
    #[error("row {seq} of the journal {path} was written by something else than this agent; stop it and verify")]
    Foreign {
        /// The journal.
        path: PathBuf,
        /// Last row found.
        seq: u64,
    },
    /// A kind is empty, too long or has other characters.
    #[error("`{kind}` is no kind of row: write 1 to {KIND_BYTES_MAX} of a-z, 0-9, `-`, `_` and `.`")]
    Kind {
        /// What was given.
        kind: String,
    },
    /// A payload is larger than [`PAYLOAD_BYTES_MAX`].
    #[error("a `{kind}` row of {found} bytes is too large; a row holds at most {PAYLOAD_BYTES_MAX}")]
    TooLarge {
        /// The row's kind.
        kind: String,
        /// Bytes of its payload.
        found: usize,
    },
    /// A payload has no JSON form.
    #[error("a `{kind}` row has no JSON form: {source}")]
    Encode {
        /// The row's kind.
        kind: String,
        /// The serialiser's words.
        source: serde_json::Error,
    },
    /// A payload is not of the type that was asked for.
    #[error("row {seq} of kind `{kind}` does not read as expected: {source}")]
    Decode {
        /// The row.
        seq: u64,
        /// Its kind.
        kind: String,
        /// The deserialiser's words.
        source: serde_json::Error,
    },
    /// A time beyond what the journal can hold.
    #[error("{unix_ms} ms is no time of this world; check the clock")]
    Time {
        /// What was given.
        unix_ms: u64,
    },
    /// The file system does not allow what SQLite's write-ahead log needs.
    #[error("the file system of {path} does not allow a write-ahead log; put the journal on a local disk")]
    NoWal {
        /// The journal.
        path: PathBuf,
    },
    /// The system refused a file operation.
    #[error("{path}: {source}; check that its directory exists and may be written")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("the journal {path}: {source}; check that its directory exists and may be written")]
    Store {
        /// The journal.
        path: PathBuf,
        /// SQLite's words.
        source: rusqlite::Error,
    },
}

fn process(pid: &Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
