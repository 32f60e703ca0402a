//! The SQLite file: its tables, how it is opened, and how its rows are read and checked.

use super::{
    Damage, JournalError, Row, Summary,
    row::{genesis, row_hash},
    tail::{self, Reading},
};
use alloy::primitives::B256;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, types::ValueRef};
use std::{path::Path, time::Duration};

/// `QSTR`: marks the file as a journal of Quaestor (SQLite's `application_id`).
const APPLICATION_ID: i32 = 0x5153_5452;
/// Version of the tables (SQLite's `user_version`).
const VERSION: i32 = 1;
/// Longest wait for a reader that keeps a writer out, or the reverse.
const BUSY: Duration = Duration::from_secs(5);

/// Name and text of what the file holds, in the order of the names.
const SCHEMA: [(&str, &str); 4] = [
    (
        "journal",
        "CREATE TABLE journal (seq INTEGER PRIMARY KEY, unix_ms INTEGER NOT NULL, kind TEXT NOT NULL, \
         payload TEXT NOT NULL, row_hash BLOB NOT NULL) STRICT",
    ),
    (
        "journal_appends",
        "CREATE TRIGGER journal_appends BEFORE INSERT ON journal \
         WHEN new.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM journal) \
         BEGIN SELECT raise(ABORT, 'the journal is append-only'); END",
    ),
    (
        "journal_keeps_rows",
        "CREATE TRIGGER journal_keeps_rows BEFORE DELETE ON journal \
         BEGIN SELECT raise(ABORT, 'the journal is append-only'); END",
    ),
    (
        "journal_keeps_values",
        "CREATE TRIGGER journal_keeps_values BEFORE UPDATE ON journal \
         BEGIN SELECT raise(ABORT, 'the journal is append-only'); END",
    ),
];

/// Turns SQLite's words into the journal's.
pub(super) fn failed(path: &Path, source: rusqlite::Error) -> JournalError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            damaged(path, Damage::Unreadable { last_good: 0, detail: source.to_string() })
        }
        Some(ErrorCode::DiskFull) => JournalError::Full { path: path.to_owned() },
        _ => JournalError::Store { path: path.to_owned(), source },
    }
}

pub(super) fn damaged(path: &Path, damage: Damage) -> JournalError {
    JournalError::Damaged { path: path.to_owned(), damage }
}

/// Opens for reading only. Unlike a writer's, closing this connection never moves the write-ahead log into the file, so
/// a damaged journal stays as it is.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        harden(&connection)?;
        Ok(connection)
    };
    open().map_err(|source| failed(path, source))
}

/// Opens for writing, and makes the tables of a file that has none.
pub(super) fn open_writer(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        harden(&connection)?;
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA recursive_triggers = ON")?;
        Ok((connection, mode))
    };
    let (connection, mode) = open().map_err(|source| failed(path, source))?;
    if mode != "wal" {
        return Err(JournalError::NoWal { path: path.to_owned() });
    }
    if is_blank(&connection).map_err(|source| failed(path, source))? {
        let texts: Vec<_> = SCHEMA.iter().map(|(_, text)| *text).collect();
        let batch = format!(
            "BEGIN IMMEDIATE; {}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT",
            texts.join("; ")
        );
        connection.execute_batch(&batch).map_err(|source| failed(path, source))?;
    }
    Ok(connection)
}

/// A damaged or foreign file must not make SQLite do more than read it.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
}

/// Whether nothing was ever made in it: a process may die between creating the file and making its tables.
pub(super) fn is_blank(connection: &Connection) -> rusqlite::Result<bool> {
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(objects == 0 && pragma(connection, "application_id")? == 0 && pragma(connection, "user_version")? == 0)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i32> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}

/// Refuses a file that is not a journal, or whose tables are not those that were made.
pub(super) fn check_schema(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let read = || -> rusqlite::Result<_> {
        let marks = (pragma(connection, "application_id")?, pragma(connection, "user_version")?);
        let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
        let objects = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((marks, objects.collect::<rusqlite::Result<Vec<(String, Option<String>)>>>()?))
    };
    let (marks, objects) = read().map_err(|source| failed(path, source))?;
    if marks != (APPLICATION_ID, VERSION) {
        return Err(JournalError::NotAJournal { path: path.to_owned() });
    }
    for (position, (name, text)) in SCHEMA.iter().enumerate() {
        let same = objects.get(position).is_some_and(|(found, sql)| found == name && sql.as_deref() == Some(*text));
        if !same {
            return Err(damaged(path, Damage::Schema { object: (*name).to_owned() }));
        }
    }
    match objects.get(SCHEMA.len()) {
        Some((name, _)) => Err(damaged(path, Damage::Schema { object: name.clone() })),
        None => Ok(()),
    }
}

/// Number and hash of the last row; the chain's beginning when there is none.
pub(super) fn last(connection: &Connection, path: &Path) -> Result<(u64, B256), JournalError> {
    end(connection, path, i64::MAX).map(|found| found.unwrap_or((0, genesis())))
}

/// Number and hash of the last row up to `seq_max`.
fn end(connection: &Connection, path: &Path, seq_max: i64) -> Result<Option<(u64, B256)>, JournalError> {
    let sql = "SELECT seq, row_hash FROM journal WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1";
    let read = || {
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_row([seq_max], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
        found.optional()
    };
    let Some((seq, hash)) = read().map_err(|source| failed(path, source))? else { return Ok(None) };
    let seq = u64::try_from(seq).map_err(|_| damaged(path, Damage::Gap { expected: 1, found: seq }))?;
    let hash = B256::try_from(hash.as_slice());
    let hash = hash.map_err(|_| damaged(path, Damage::Column { seq, column: "row_hash" }))?;
    Ok(Some((seq, hash)))
}

/// Hands each of at most `limit` rows from `from` on to `each`, in order, after checking it against the row before.
pub(super) fn walk(
    connection: &Connection,
    path: &Path,
    from: u64,
    limit: usize,
    mut each: impl FnMut(Row) -> Result<(), Damage>,
) -> Result<(), JournalError> {
    let from = from.max(1);
    let before = i64::try_from(from - 1).unwrap_or(i64::MAX);
    let mut prev_hash = match end(connection, path, before)? {
        None if before == 0 => genesis(),
        Some((seq, hash)) if seq == from - 1 => hash,
        // Nothing stands at the row before: `from` lies beyond the end, or rows are missing, which `verify` names.
        _ => return Ok(()),
    };
    let mut expected = from;
    let unreadable = |expected: u64, source: rusqlite::Error| match failed(path, source) {
        JournalError::Damaged { damage: Damage::Unreadable { detail, .. }, .. } => {
            damaged(path, Damage::Unreadable { last_good: expected - 1, detail })
        }
        other => other,
    };
    let sql = "SELECT seq, unix_ms, kind, payload, row_hash FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = connection.prepare_cached(sql).map_err(|source| unreadable(expected, source))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query([before, limit]).map_err(|source| unreadable(expected, source))?;
    while let Some(found) = rows.next().map_err(|source| unreadable(expected, source))? {
        let row = read_row(found, expected, prev_hash).map_err(|damage| damaged(path, damage))?;
        prev_hash = row.row_hash;
        expected += 1;
        each(row).map_err(|damage| damaged(path, damage))?;
    }
    Ok(())
}

fn read_row(found: &rusqlite::Row<'_>, expected: u64, prev_hash: B256) -> Result<Row, Damage> {
    let column = |position: usize, name: &'static str| {
        found.get_ref(position).map_err(|_| Damage::Column { seq: expected, column: name })
    };
    let integer = |position, name| match column(position, name)? {
        ValueRef::Integer(value) => Ok(value),
        _ => Err(Damage::Column { seq: expected, column: name }),
    };
    let text = |position, name| match column(position, name)? {
        ValueRef::Text(bytes) => {
            String::from_utf8(bytes.to_vec()).map_err(|_| Damage::Column { seq: expected, column: name })
        }
        _ => Err(Damage::Column { seq: expected, column: name }),
    };
    let seq = integer(0, "seq")?;
    if u64::try_from(seq) != Ok(expected) {
        return Err(Damage::Gap { expected, found: seq });
    }
    let unix_ms = u64::try_from(integer(1, "unix_ms")?);
    let unix_ms = unix_ms.map_err(|_| Damage::Column { seq: expected, column: "unix_ms" })?;
    let (kind, payload) = (text(2, "kind")?, text(3, "payload")?);
    let stored = match column(4, "row_hash")? {
        ValueRef::Blob(bytes) => B256::try_from(bytes).ok(),
        _ => None,
    };
    let stored = stored.ok_or(Damage::Column { seq: expected, column: "row_hash" })?;
    let computed = row_hash(prev_hash, expected, unix_ms, kind.as_bytes(), payload.as_bytes());
    if computed != stored {
        return Err(Damage::Hash { seq: expected, stored, computed });
    }
    Ok(Row { seq: expected, unix_ms, kind, payload, prev_hash, row_hash: stored })
}

/// Checks tables, every row, and that the end is there.
pub(super) fn verify(connection: &Connection, path: &Path) -> Result<Summary, JournalError> {
    check_schema(connection, path)?;
    // Before the rows: a running agent writes the row first, so what the tail file names is there.
    let witness = tail::read(path)?;
    let mut summary = Summary { rows: 0, head: genesis(), first_unix_ms: None, last_unix_ms: None };
    walk(connection, path, 1, usize::MAX, |row| {
        if let Reading::Row(witness) = witness
            && witness.seq == row.seq
            && witness.row_hash != row.row_hash
        {
            return Err(Damage::Replaced { seq: row.seq, found: row.row_hash, witnessed: witness.row_hash });
        }
        summary.rows = row.seq;
        summary.head = row.row_hash;
        summary.first_unix_ms.get_or_insert(row.unix_ms);
        summary.last_unix_ms = Some(row.unix_ms);
        Ok(())
    })?;
    match witness {
        Reading::Row(witness) if witness.seq > summary.rows => {
            let damage = Damage::EndMissing { first_missing: summary.rows + 1, witnessed: witness.seq };
            Err(damaged(path, damage))
        }
        Reading::Unreadable => Err(damaged(path, Damage::TailUnreadable { last_good: summary.rows })),
        Reading::Row(_) | Reading::Absent => Ok(summary),
    }
}
