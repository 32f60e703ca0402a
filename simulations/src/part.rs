//! Rows of a long run in a file: what one machine made of it, or what was finished when it was interrupted.
//!
//! A part begins with one line of JSON that says what its rows are of and which they are; then come the rows in their order,
//! each as its length (four bytes, the least first), its CRC-32 (likewise) and its bytes. So a part that broke off is good up
//! to its last whole row, and damage is found where it is. Parts of the same run join to what the run would have made alone.

mod join;

pub use join::{Found, JoinError, join};

use alloy_primitives::B256;
use flate2::Crc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    io::{self, BufRead, Read, Write},
    marker::PhantomData,
    ops::Range,
};

/// What the first line begins with, and the version of what follows.
const FORMAT: &str = "quaestor part 1";
/// Most bytes of the first line.
const HEAD_BYTES_MAX: u64 = 1 << 20;
/// Most bytes of a row.
const ROW_BYTES_MAX: u32 = 1 << 20;

/// A row as bytes, exactly.
pub trait Row: Sized {
    /// Appends its bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// From these bytes, and no others; `None` where they are no such row.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// What the rows of a part are of. Everything but `from` and `to` is the same in all parts of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    format: String,
    /// Of which command.
    pub kind: String,
    /// Hash of everything that a row is a function of, but for the data, the seed and its number.
    pub spec: B256,
    /// Hash of the data.
    pub data: B256,
    /// Seed of whatever is drawn.
    pub seed: u64,
    /// Rows of the whole run.
    pub total: u64,
    /// Number of its first row.
    pub from: u64,
    /// Number after that of its last row, once it is finished.
    pub to: u64,
    /// What results say beside the rows. Floats are finite: JSON has no others.
    pub about: Value,
}

impl Head {
    /// Of a whole run of `total` rows.
    pub fn new(kind: &str, spec: B256, data: B256, seed: u64, total: u64, about: Value) -> Self {
        Self { format: FORMAT.to_owned(), kind: kind.to_owned(), spec, data, seed, total, from: 0, to: total, about }
    }

    /// Of these rows alone.
    #[must_use]
    pub fn of(self, rows: Range<u64>) -> Self {
        Self { from: rows.start, to: rows.end, ..self }
    }

    /// Its rows once it is finished.
    pub fn rows(&self) -> Range<u64> {
        self.from..self.to
    }

    /// What makes both of different runs; `None` where they are of the same.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let whole = |head: &Self| Self { from: 0, to: 0, ..head.clone() };
        let what = match () {
            () if whole(self) == whole(other) => return None,
            () if self.data != other.data => "the data",
            () if self.seed != other.seed => "the seed",
            () if self.total != other.total => "the number of rows",
            () => {
                let mut keys = Vec::new();
                differences("", &self.about, &other.about, &mut keys);
                if keys.is_empty() {
                    return Some("the version of this program differs".to_owned());
                }
                return Some(format!("what is run differs: {}", keys.join(", ")));
            }
        };
        Some(format!("{what} differs"))
    }
}

/// Appends the keys, as paths with dots, under which two values have something else.
fn differences(at: &str, one: &Value, other: &Value, keys: &mut Vec<String>) {
    let (Value::Object(one), Value::Object(other)) = (one, other) else {
        if one != other {
            keys.push(at.to_owned());
        }
        return;
    };
    let added = other.keys().filter(|key| !one.contains_key(*key));
    for key in one.keys().chain(added) {
        let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        let of = |fields: &serde_json::Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
        differences(&at, &of(one), &of(other), keys);
    }
}

/// The rows of the shard `index` (from 1) of `shards`: even, in order, none left out.
pub fn shard(total: u64, index: u64, shards: u64) -> Range<u64> {
    let end = |index: u64| {
        let end = u128::from(total) * u128::from(index) / u128::from(shards.max(1));
        u64::try_from(end).unwrap_or(total).min(total)
    };
    end(index.saturating_sub(1))..end(index)
}

/// Why a file is no part, or no good one.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// It cannot be read or written.
    #[error("{name}: {source}")]
    Io {
        /// Which file.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its first line says something else.
    #[error("{name}: this is no part of a run; give a file that `--shard` or an interrupted run wrote")]
    NoPart {
        /// Which file.
        name: String,
    },
    /// A later or an earlier version wrote it.
    #[error("{name}: it is in the format `{found}`, and this program reads `{FORMAT}`; make it again")]
    Format {
        /// Which file.
        name: String,
        /// What it says.
        found: String,
    },
    /// It is of another command.
    #[error("{name}: it holds rows of `{found}`, not of `{wanted}`")]
    Kind {
        /// Which file.
        name: String,
        /// What it holds.
        found: String,
        /// What is wanted.
        wanted: String,
    },
    /// A row is not what was written.
    #[error("{name}: row {row} is damaged; run this shard again with `--resume`, which keeps what comes before it")]
    Damaged {
        /// Which file.
        name: String,
        /// Number of the row.
        row: u64,
    },
}

/// Writes a part row by row.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    name: String,
    row: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a part; `name` is for errors.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(name: &str, mut out: W, head: &Head) -> Result<Self, PartError> {
        let line = serde_json::to_string(head).map_err(io::Error::from);
        let told = line.and_then(|line| writeln!(out, "{line}"));
        told.map_err(|source| PartError::Io { name: name.to_owned(), source })?;
        Ok(Self::go_on(name, out))
    }

    /// Goes on with a part whose head and first rows are there, and which `out` appends to.
    pub fn go_on(name: &str, out: W) -> Self {
        Self { out, name: name.to_owned(), row: Vec::new() }
    }

    /// Appends the next row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn push(&mut self, row: &impl Row) -> Result<(), PartError> {
        self.row.clear();
        row.write(&mut self.row);
        let length = u32::try_from(self.row.len()).unwrap_or(u32::MAX);
        let head = [length.to_le_bytes(), checksum(&self.row).to_le_bytes()].concat();
        let told = self.out.write_all(&head).and_then(|()| self.out.write_all(&self.row));
        told.map_err(|source| PartError::Io { name: self.name.clone(), source })
    }

    /// Hands everything on to the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> Result<(), PartError> {
        self.out.flush().map_err(|source| PartError::Io { name: self.name.clone(), source })
    }
}

impl Writer<Vec<u8>> {
    /// What was written into memory.
    pub fn written(&self) -> &[u8] {
        &self.out
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Reads a part row by row. It ends where the part does or breaks off; [`Self::whole_bytes`] says how much was good.
#[derive(Debug)]
pub struct Reader<R, T> {
    input: R,
    name: String,
    head: Head,
    next: u64,
    whole_bytes: u64,
    row: Vec<u8>,
    is_over: bool,
    rows: PhantomData<fn() -> T>,
}

impl Head {
    /// Reads the first line of a part of whatever kind, and how many bytes it has; `name` is for errors.
    ///
    /// # Errors
    /// If it is no part.
    pub fn read(name: &str, mut input: impl BufRead) -> Result<(Self, u64), PartError> {
        let mut line = Vec::new();
        let read = input.by_ref().take(HEAD_BYTES_MAX).read_until(b'\n', &mut line);
        read.map_err(|source| PartError::Io { name: name.to_owned(), source })?;
        let no_part = || PartError::NoPart { name: name.to_owned() };
        if line.pop() != Some(b'\n') {
            return Err(no_part());
        }
        let found: Value = serde_json::from_slice(&line).map_err(|_| no_part())?;
        let format = found.get("format").and_then(Value::as_str).ok_or_else(no_part)?;
        if format != FORMAT {
            return Err(PartError::Format { name: name.to_owned(), found: format.to_owned() });
        }
        let head: Self = serde_json::from_value(found).map_err(|_| no_part())?;
        if head.from > head.to || head.to > head.total {
            return Err(no_part());
        }
        Ok((head, line.len() as u64 + 1))
    }
}

impl<R: BufRead, T: Row> Reader<R, T> {
    /// Reads the first line of a part of `kind`; `name` is for errors.
    ///
    /// # Errors
    /// If it is no such part.
    pub fn open(name: &str, kind: &str, mut input: R) -> Result<Self, PartError> {
        let (head, whole_bytes) = Head::read(name, &mut input)?;
        if head.kind != kind {
            let (found, wanted) = (head.kind, kind.to_owned());
            return Err(PartError::Kind { name: name.to_owned(), found, wanted });
        }
        let next = head.from;
        let (name, row, is_over) = (name.to_owned(), Vec::new(), false);
        Ok(Self { input, name, head, next, whole_bytes, row, is_over, rows: PhantomData })
    }

    /// What it says of itself.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Number of the next row.
    pub fn at(&self) -> u64 {
        self.next
    }

    /// Bytes of the first line and of the rows that were read.
    pub fn whole_bytes(&self) -> u64 {
        self.whole_bytes
    }

    /// Fills `self.row` with so many bytes; whether they were there.
    fn take(&mut self, length: u32) -> io::Result<bool> {
        self.row.clear();
        let found = self.input.by_ref().take(length.into()).read_to_end(&mut self.row)?;
        Ok(found == length as usize)
    }

    fn read(&mut self) -> Result<Option<T>, PartError> {
        const HEAD_BYTES: u32 = 8;
        let io = |name: &str, source| PartError::Io { name: name.to_owned(), source };
        if self.next == self.head.to || !self.take(HEAD_BYTES).map_err(|source| io(&self.name, source))? {
            return Ok(None);
        }
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        let (length, expected) = (number(&self.row[..4]), number(&self.row[4..]));
        let damaged = PartError::Damaged { name: self.name.clone(), row: self.next };
        if length > ROW_BYTES_MAX {
            return Err(damaged);
        }
        if !self.take(length).map_err(|source| io(&self.name, source))? {
            return Ok(None);
        }
        let row = T::read(&self.row).filter(|_| checksum(&self.row) == expected).ok_or(damaged)?;
        self.next += 1;
        self.whole_bytes += u64::from(HEAD_BYTES) + u64::from(length);
        Ok(Some(row))
    }
}

impl<R: BufRead, T: Row> Iterator for Reader<R, T> {
    type Item = Result<T, PartError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let found = self.read().transpose();
        self.is_over = !matches!(found, Some(Ok(_)));
        found
    }
}

#[cfg(test)]
mod tests;
