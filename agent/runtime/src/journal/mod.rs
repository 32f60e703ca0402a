//! The journal: everything that the agent decides and sends, written down before it is done.
//!
//! One SQLite file (write-ahead log, `synchronous = FULL`) with one table, append-only, each row chained to the one
//! before by hash ([`row_hash`]). Three files stand beside it: SQLite's `-wal` (and its scratch `-shm`), `-tail`, which
//! names the last durable row so that a missing end is noticed, and `-lock`, which keeps a second agent out.
//!
//! A journal is checked as a whole, through a connection that cannot write, before anything is appended to it. A damaged
//! one is refused with the first bad row, and left as it is: nothing here deletes, truncates or repairs.
//!
//! What is believed: whoever can write all the files can write another history. The chain proves that the rows are
//! the ones that were written as long as one later hash is known from elsewhere, such as a published bundle.

mod error;
mod lock;
mod row;
mod store;
mod tail;
#[cfg(test)]
mod tests;

pub use error::{Damage, JournalError};
pub use row::{KIND_BYTES_MAX, PAYLOAD_BYTES_MAX, Row, genesis, row_hash};

use alloy::primitives::B256;
use lock::Lock;
use rusqlite::{Connection, TransactionBehavior, params};
use serde::Serialize;
use std::{
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
};
use tail::{Reading, Tail, Witness};

/// Most rows that one call of `rows` returns.
pub const ROWS_MAX: usize = 10_000;

/// What a journal that was found whole holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows.
    pub rows: u64,
    /// Hash of the last row; [`genesis`] when there is none.
    pub head: B256,
    /// When the first row was written, Unix milliseconds.
    pub first_unix_ms: Option<u64>,
    /// When the last row was written, Unix milliseconds.
    pub last_unix_ms: Option<u64>,
}

/// Reads a journal, also while an agent writes it. Never writes.
pub struct JournalReader {
    path: PathBuf,
    connection: Connection,
}

impl JournalReader {
    /// Opens the journal at `path`.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::NotAJournal`], [`JournalError::Damaged`] if tables differ, or what
    /// the system says. Rows are checked when they are read.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if !path.is_file() {
            return Err(JournalError::Missing { path: path.to_owned() });
        }
        let path = resolve(path)?;
        refuse_emptied(&path)?;
        let connection = store::open_read_only(&path)?;
        store::check_schema(&connection, &path)?;
        Ok(Self { path, connection })
    }

    /// At most `limit` rows (and [`ROWS_MAX`]) from number `from` on, in order.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if one of them is not what was written.
    pub fn rows(&self, from: u64, limit: usize) -> Result<Vec<Row>, JournalError> {
        let mut rows = Vec::new();
        store::walk(&self.connection, &self.path, from, limit.min(ROWS_MAX), |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Number and hash of the last row; 0 and [`genesis`] when there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn head(&self) -> Result<(u64, B256), JournalError> {
        store::last(&self.connection, &self.path)
    }

    /// Checks tables, every row, and that no row is missing from the end.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the first damage.
    pub fn verify(&self) -> Result<Summary, JournalError> {
        store::verify(&self.connection, &self.path)
    }
}

/// The agent's journal: one writer.
pub struct Journal {
    reader: JournalReader,
    head: (u64, B256),
    tail: Tail,
    /// Set when a write failed in a way that leaves open whether it lasts.
    failed: bool,
    _lock: Lock,
}

impl Journal {
    /// Opens the journal at `path`, or begins one; takes the lock beside it and checks the whole chain.
    ///
    /// # Errors
    /// [`JournalError::InUse`] if another agent has it, [`JournalError::Damaged`] if it is not what was written, or
    /// what the system says. Files that are refused are left as they are.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let path = resolve(path)?;
        let lock = Lock::take(&path)?;
        refuse_emptied(&path)?;
        let begun = size(&path)? > 0 && {
            let connection = store::open_read_only(&path)?;
            let blank = store::is_blank(&connection).map_err(|source| store::failed(&path, source))?;
            if !blank {
                store::verify(&connection, &path)?;
            }
            !blank
        };
        if !begun && tail::read(&path)? != Reading::Absent {
            return Err(store::damaged(&path, missing_from_start(&path)?));
        }
        let connection = store::open_writer(&path)?;
        store::check_schema(&connection, &path)?;
        let head = store::last(&connection, &path)?;
        let mut tail = Tail::open(&path)?;
        if head.0 > 0 {
            tail.write(Witness { seq: head.0, row_hash: head.1 })?;
        }
        Ok(Self { reader: JournalReader { path, connection }, head, tail, failed: false, _lock: lock })
    }

    /// Writes one row: `kind` is 1 to [`KIND_BYTES_MAX`] of `a-z`, `0-9`, `-`, `_` and `.`; `payload` becomes at most
    /// [`PAYLOAD_BYTES_MAX`] bytes of JSON; `unix_ms` is now. The row is durable when this returns.
    ///
    /// # Errors
    /// Nothing was written if the row is refused or the disk is full ([`JournalError::Full`]). After any other failure
    /// it is open whether the row lasts, and all later calls fail with [`JournalError::Failed`] until it is opened again.
    pub fn append(&mut self, kind: &str, payload: &impl Serialize, unix_ms: u64) -> Result<Row, JournalError> {
        if self.failed {
            return Err(JournalError::Failed { path: self.reader.path.clone() });
        }
        row::check_kind(kind)?;
        let payload = row::encode(kind, payload)?;
        let stored_ms = i64::try_from(unix_ms).map_err(|_| JournalError::Time { unix_ms })?;
        let (last, prev_hash) = self.head;
        let seq = last + 1;
        let hash = row_hash(prev_hash, seq, unix_ms, kind.as_bytes(), payload.as_bytes());
        let row = Row { seq, unix_ms, kind: kind.to_owned(), payload, prev_hash, row_hash: hash };
        let written = self.insert(&row, stored_ms).and_then(|()| self.tail.write(Witness { seq, row_hash: hash }));
        match written {
            Ok(()) => {
                self.head = (seq, hash);
                Ok(row)
            }
            Err(error) => {
                self.failed = !matches!(error, JournalError::Full { .. });
                Err(error)
            }
        }
    }

    fn insert(&mut self, row: &Row, stored_ms: i64) -> Result<(), JournalError> {
        let path = &self.reader.path;
        let failed = |source| store::failed(path, source);
        let begun = self.reader.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(failed)?;
        let found = store::last(&transaction, path)?;
        if found != self.head {
            return Err(JournalError::Foreign { path: path.clone(), seq: found.0 });
        }
        let seq = i64::try_from(row.seq).unwrap_or(i64::MAX);
        transaction
            .prepare_cached("INSERT INTO journal (seq, unix_ms, kind, payload, row_hash) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut insert| {
                insert.execute(params![seq, stored_ms, row.kind, row.payload, row.row_hash.as_slice()])
            })
            .map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// At most `limit` rows (and [`ROWS_MAX`]) from number `from` on, in order.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if one of them is not what was written.
    pub fn rows(&self, from: u64, limit: usize) -> Result<Vec<Row>, JournalError> {
        self.reader.rows(from, limit)
    }

    /// Number and hash of the last row; 0 and [`genesis`] when there is none.
    pub fn head(&self) -> (u64, B256) {
        self.head
    }

    /// Checks tables, every row, and that no row is missing from the end.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the first damage.
    pub fn verify(&self) -> Result<Summary, JournalError> {
        self.reader.verify()
    }

    /// Opens the journal at `path` for reading only, also while an agent writes it.
    ///
    /// # Errors
    /// See [`JournalReader::open`].
    pub fn read_only(path: &Path) -> Result<JournalReader, JournalError> {
        JournalReader::open(path)
    }
}

impl fmt::Debug for JournalReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalReader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reader, head, .. } = self;
        f.debug_struct("Journal").field("path", &reader.path).field("head", head).finish_non_exhaustive()
    }
}

/// The file behind `path`: two names of one journal must meet at one lock.
fn resolve(path: &Path) -> Result<PathBuf, JournalError> {
    let failed = |source| JournalError::Io { path: path.to_owned(), source };
    if path.exists() {
        return fs::canonicalize(path).map_err(failed);
    }
    let name = path.file_name().ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(fs::canonicalize(parent).map_err(failed)?.join(name))
}

/// A file beside the journal: its name with `suffix` behind it.
fn beside(journal: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(journal);
    name.push(suffix);
    PathBuf::from(name)
}

fn size(path: &Path) -> Result<u64, JournalError> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(JournalError::Io { path: path.to_owned(), source }),
    }
}

/// SQLite deletes the write-ahead log of an empty file. Rows may stand in it, so this must be seen before SQLite is.
fn refuse_emptied(path: &Path) -> Result<(), JournalError> {
    let emptied = size(path)? == 0 && (size(&beside(path, "-wal"))? > 0 || tail::read(path)? != Reading::Absent);
    if emptied { Err(store::damaged(path, missing_from_start(path)?)) } else { Ok(()) }
}

fn missing_from_start(path: &Path) -> Result<Damage, JournalError> {
    Ok(match tail::read(path)? {
        Reading::Row(witness) => Damage::EndMissing { first_missing: 1, witnessed: witness.seq },
        Reading::Absent | Reading::Unreadable => Damage::TailUnreadable { last_good: 0 },
    })
}
