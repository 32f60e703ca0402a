//! The tail file: which row was last made durable.
//!
//! A chain of hashes cannot tell that its end is missing, and SQLite takes a damaged end of its write-ahead log for a
//! transaction that never was. So after each commit the row's number and hash are written to a file of two slots, in
//! turn: a write that is torn by a power failure leaves the other slot whole. The file may lag one row behind the
//! journal (a kill between the two writes) and never runs ahead of it.

use super::JournalError;
use alloy::primitives::{B256, keccak256};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

const MAGIC: [u8; 8] = *b"QTAIL\0\0\x01";
/// One slot is one sector, so that a write of it is all or nothing on most disks.
const SLOT_BYTES: usize = 512;
/// Magic, row number, row hash, and keccak256 of the three.
const RECORD_BYTES: usize = 80;

/// A row that was durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Witness {
    pub(super) seq: u64,
    pub(super) row_hash: B256,
}

impl Witness {
    fn record(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.seq.to_be_bytes());
        bytes[16..48].copy_from_slice(self.row_hash.as_slice());
        let check = keccak256(&bytes[..48]);
        bytes[48..].copy_from_slice(check.as_slice());
        bytes
    }

    fn parse(slot: &[u8]) -> Option<Self> {
        let record = slot.get(..RECORD_BYTES)?;
        let mut seq = [0; 8];
        seq.copy_from_slice(&record[8..16]);
        let found = Self { seq: u64::from_be_bytes(seq), row_hash: B256::from_slice(&record[16..48]) };
        (found.record().as_slice() == record).then_some(found)
    }
}

/// What a tail file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// There is none, or nothing was written to it yet.
    Absent,
    /// It has no readable record.
    Unreadable,
    /// The newest readable record.
    Row(Witness),
}

pub(super) fn read(journal: &Path) -> Result<Reading, JournalError> {
    let path = super::beside(journal, "-tail");
    let mut bytes = Vec::with_capacity(2 * SLOT_BYTES);
    let failed = |source| JournalError::Io { path: path.clone(), source };
    match File::open(&path) {
        Ok(file) => file.take(2 * 512).read_to_end(&mut bytes).map_err(failed)?,
        Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(Reading::Absent),
        Err(source) => return Err(failed(source)),
    };
    if bytes.is_empty() {
        return Ok(Reading::Absent);
    }
    let newest = bytes.chunks(SLOT_BYTES).filter_map(Witness::parse).max_by_key(|found| found.seq);
    Ok(newest.map_or(Reading::Unreadable, Reading::Row))
}

/// Writes the tail file.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    file: File,
}

impl Tail {
    pub(super) fn open(journal: &Path) -> Result<Self, JournalError> {
        let path = super::beside(journal, "-tail");
        let failed = |source| JournalError::Io { path: path.clone(), source };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        // Its directory entry must last as well as its bytes.
        #[cfg(unix)]
        if let Some(directory) = path.parent() {
            File::open(directory).and_then(|opened| opened.sync_all()).map_err(failed)?;
        }
        Ok(Self { path, file })
    }

    /// Durable when it returns.
    pub(super) fn write(&mut self, witness: Witness) -> Result<(), JournalError> {
        let mut slot = [0; SLOT_BYTES];
        slot[..RECORD_BYTES].copy_from_slice(&witness.record());
        let offset = if witness.seq.is_multiple_of(2) { 0 } else { 512 };
        let written = self.file.seek(SeekFrom::Start(offset)).and_then(|_| self.file.write_all(&slot));
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }
}
