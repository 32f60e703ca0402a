//! What a training has done so far, so that one that was killed goes on where it stopped.
//!
//! Training is deterministic but for what rounds give, so the file holds that alone: after each part its sums or θ, and
//! inside of Newton's method and of averages the coordinator's own checkpoint. A training that begins again with the same settings and
//! shards is handed what is there and goes on with rounds where it ends. What is computed without rounds (trees, rivals)
//! is computed anew.
//!
//! ```text
//! quaestor training checkpoint 4 <key>
//! <hash> {"done":…}
//! ```
//!
//! The key is a hash of settings and shards. Each line's hash covers the one before it, so that lines can be neither
//! changed nor moved. The last line may be torn by the kill that made the file useful, and is then left out. Lines are
//! appended; with noise each is on the disk before members are asked, so that no release is forgotten.

use super::{FoundOut, LearningError, files::sync_name};
use alloy::primitives::{B256, Keccak256, keccak256};
use quaestor_federation::checkpoint as federation;
use quaestor_risk::train::{Part, RoundsError};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// Raised whenever a file of before would be read otherwise.
const VERSION: u32 = 4;
/// Most bytes of a file: a training of four members writes half a megabyte.
const BYTES_MAX: u64 = 64 << 20;
/// How a file begins.
const MARK: &str = "quaestor training checkpoint ";
/// Name of the file in the folder of models.
const NAME: &str = "training-checkpoint";

/// What holds after an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    /// Members that are out for good, and why.
    pub(super) excluded: Vec<(String, FoundOut)>,
    /// Rounds released with noise, an open one included.
    pub(super) released: u32,
    /// Members that weigh less than others, with their scores, bits of floats.
    pub(super) scores: Vec<(String, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Entry {
    /// A sum or a θ was found, bits of floats; or why not.
    Done { part: Part, found: Result<Vec<u64>, String>, progress: Progress },
    /// A round of the call that is not done yet, with the coordinator's checkpoint where one is kept.
    Round { state: Option<String>, progress: Progress },
}

/// What a part gave, and what held after it.
pub(super) type Replayed = (Result<Vec<f64>, RoundsError>, Progress);

/// The file of one training.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    file: fs::File,
    /// The first line, where it is not written yet: what another training left stays until this one has something to keep.
    begin_with: Option<String>,
    chain: B256,
    bytes: u64,
    done: VecDeque<(Part, Result<Vec<u64>, String>, Progress)>,
    /// Of the call after the last one that is done.
    open: Option<(Option<String>, Progress)>,
}

/// What was found when a training began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or another training's.
    Nothing,
    /// So many parts are done.
    Parts(usize),
    /// A file that is not used, and why.
    Unusable(String),
}

/// Whatever is written is hashed.
struct Hashed(Keccak256);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

/// Hash of everything that a training depends on, by what it shows of itself: floats show all their digits.
pub(super) fn key(training: fmt::Arguments<'_>) -> B256 {
    let mut hashed = Hashed(Keccak256::new());
    // Hashing cannot fail.
    let _ = write!(hashed, "{VERSION} {} {training}", env!("CARGO_PKG_VERSION"));
    hashed.0.finalize()
}

fn header(key: B256) -> String {
    format!("{MARK}{VERSION} {key}\n")
}

fn next(chain: B256, json: &str) -> B256 {
    keccak256([chain.as_slice(), json.as_bytes()].concat())
}

impl Checkpoint {
    /// Where it is kept in this folder.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// Of the training with this key: what is there, or an empty one, which takes the place of another's with its first line.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub(super) fn open(folder: &Path, key: B256) -> Result<(Self, Found), LearningError> {
        let path = Self::path(folder);
        let failed = |source| LearningError::File { file: path.display().to_string(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let mut options = fs::OpenOptions::new();
        let mut file = options.create(true).read(true).write(true).truncate(false).open(&path).map_err(failed)?;
        // Until this process ends, however that comes about.
        file.try_lock().map_err(|_| LearningError::Checkpoint {
            file: path.display().to_string(),
            reason: "another training is at work in this folder; wait for it to end".to_owned(),
        })?;
        let mut text = Vec::new();
        (&file).take(BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
        let header = header(key);
        let (entries, whole, found) = match parse(&text, &header) {
            Ok(None) => (Vec::new(), None, Found::Nothing),
            Err(why) => (Vec::new(), None, Found::Unusable(why)),
            Ok(Some((entries, chain, whole))) => {
                let parts = entries.iter().filter(|entry| matches!(entry, Entry::Done { .. })).count();
                (entries, Some((chain, whole)), Found::Parts(parts))
            }
        };
        let (begin_with, chain, bytes) = match whole {
            Some((chain, whole)) => {
                // What a kill tore is cut off.
                file.set_len(whole).map_err(failed)?;
                file.seek(SeekFrom::End(0)).map_err(failed)?;
                (None, chain, whole)
            }
            None => (Some(header.clone()), keccak256(&header), header.len() as u64),
        };
        let (mut done, mut open) = (VecDeque::new(), None);
        for entry in entries {
            match entry {
                Entry::Done { part, found, progress } => {
                    done.push_back((part, found, progress));
                    open = None;
                }
                Entry::Round { state, progress } => open = Some((state, progress)),
            }
        }
        Ok((Self { path, file, begin_with, chain, bytes, done, open }, found))
    }

    /// The next part that is done, and what held after it.
    ///
    /// # Errors
    /// If it is another part than the training is at.
    pub(super) fn replay(&mut self, part: Part) -> Result<Option<Replayed>, LearningError> {
        let Some((recorded, found, progress)) = self.done.pop_front() else { return Ok(None) };
        if recorded != part {
            let reason = format!("it is at {recorded} where the training is at {part}; remove it and train anew");
            return Err(LearningError::Checkpoint { file: self.path.display().to_string(), reason });
        }
        let floats = |bits: Vec<u64>| bits.into_iter().map(f64::from_bits).collect();
        Ok(Some((found.map(floats).map_err(RoundsError::from), progress)))
    }

    /// Where the training stopped inside of a part, once everything before is replayed.
    pub(super) fn take_open(&mut self) -> Option<(Option<String>, Progress)> {
        self.open.take()
    }

    /// Adds a part that is done.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn done(
        &mut self,
        part: Part,
        found: &Result<Vec<f64>, RoundsError>,
        progress: Progress,
    ) -> Result<(), LearningError> {
        let bits = |values: &Vec<f64>| values.iter().map(|value| value.to_bits()).collect();
        let found = found.as_ref().map(bits).map_err(ToString::to_string);
        self.append(&Entry::Done { part, found, progress }, false)
    }

    /// Adds a round inside of a part; `released` if members are asked after this, and what they say cannot be called back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn round(
        &mut self,
        state: Option<Vec<u8>>,
        progress: Progress,
        released: bool,
    ) -> Result<(), LearningError> {
        let state = state.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.append(&Entry::Round { state, progress }, released)
    }

    /// Parts that are done and not replayed yet, each with how many members were out after it, and the closed rounds of the
    /// part after them.
    pub(super) fn released(&self) -> (Vec<(Part, usize)>, u32) {
        let done = self.done.iter().map(|(part, _, progress)| (*part, progress.excluded.len())).collect();
        let state = self.open.as_ref().and_then(|(state, _)| state.as_deref());
        let held = state.and_then(|text| federation::unseal(text.as_bytes()).ok()).map_or(0, |state| state.round);
        (done, u32::try_from(held).unwrap_or(u32::MAX))
    }

    /// Whether nothing of a training stands in it.
    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.open.is_none()
    }

    fn append(&mut self, entry: &Entry, sync: bool) -> Result<(), LearningError> {
        let failed = |source| LearningError::File { file: self.path.display().to_string(), source };
        let json = serde_json::to_string(entry).map_err(|error| failed(error.into()))?;
        let chain = next(self.chain, &json);
        let line = format!("{chain} {json}\n");
        let bytes = self.bytes + line.len() as u64;
        if bytes > BYTES_MAX {
            let reason = format!("it would grow beyond {BYTES_MAX} bytes; train with fewer members");
            return Err(LearningError::Checkpoint { file: self.path.display().to_string(), reason });
        }
        if let Some(header) = &self.begin_with {
            self.file.set_len(0).map_err(failed)?;
            self.file.rewind().map_err(failed)?;
            self.file.write_all(header.as_bytes()).map_err(failed)?;
            // Lines are on the disk before members are asked; so is the name of the file that they stand in.
            self.file.sync_all().map_err(failed)?;
            sync_name(&self.path).map_err(failed)?;
            self.begin_with = None;
        }
        self.file.write_all(line.as_bytes()).map_err(failed)?;
        if sync {
            self.file.sync_data().map_err(failed)?;
        }
        (self.chain, self.bytes) = (chain, bytes);
        Ok(())
    }

    /// Removes the file: its model is written, or its training came to nothing. What another training left stays where this
    /// one wrote nothing.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub(super) fn remove(self) -> Result<(), LearningError> {
        let is_anothers = self.begin_with.is_some() && self.file.metadata().is_ok_and(|meta| meta.len() > 0);
        if is_anothers {
            return Ok(());
        }
        fs::remove_file(&self.path)
            .map_err(|source| LearningError::File { file: self.path.display().to_string(), source })
    }
}

/// Entries, the chain's end, and how many bytes are whole; nothing if the file is of another training.
type Parsed = (Vec<Entry>, B256, u64);

fn parse(bytes: &[u8], header: &str) -> Result<Option<Parsed>, String> {
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    let Some(rest) = bytes.strip_prefix(header.as_bytes()) else {
        // Of another training, or torn in its first line by a kill.
        let (mark, torn) = (MARK.as_bytes(), bytes.len() < header.len());
        return match bytes.starts_with(mark) || (torn && mark.starts_with(bytes)) {
            true => Ok(None),
            false => Err(format!("its first line is not `{MARK}…`")),
        };
    };
    let (mut entries, mut chain, mut whole) = (Vec::new(), keccak256(header), header.len() as u64);
    for line in rest.split_inclusive(|byte| *byte == b'\n') {
        let Some(text) = line.strip_suffix(b"\n") else { break };
        let number = entries.len() + 2;
        let text = str::from_utf8(text).map_err(|_| format!("line {number} is no text"))?;
        let (stated, json) = text.split_once(' ').ok_or_else(|| format!("line {number} has no hash"))?;
        chain = next(chain, json);
        if stated != chain.to_string() {
            return Err(format!("line {number} is not what was written"));
        }
        entries.push(serde_json::from_str(json).map_err(|error| format!("line {number}: {error}"))?);
        whole += line.len() as u64;
    }
    Ok(Some((entries, chain, whole)))
}

#[cfg(test)]
mod tests;
