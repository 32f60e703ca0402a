//! Files of models, their cards, and the ledger of what privacy was spent. Each is written whole or not at all.

use super::{LearningError, Lesson};
use alloy::primitives::B256;
use quaestor_federation::privacy::Budget;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read as _, Write},
    path::{Path, PathBuf},
};

/// Most entries of the folder of models: more than three years of daily training, each a model and two cards.
pub const MODEL_ENTRIES_MAX: usize = 4_096;
/// Name of the ledger in the folder of models.
const LEDGER: &str = "privacy-ledger.json";
/// Records that are hidden together by the ε of a budget: one.
pub(super) const BUDGET_GROUP: u32 = 1;
/// Largest card that is looked into, bytes; of a longer one it is not known what it says.
const CARD_BYTES_MAX: u64 = 16 << 20;
/// Name of the lock in the folder of models.
const LOCK: &str = "training.lock";
/// Entries that a training may add to the folder of models: a model, two cards, the ledger, and up to four files while it
/// goes on.
const NEW_ENTRIES: usize = 8;

/// Where a model and its card are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainedFiles {
    /// keccak256 of the model.
    pub hash: B256,
    /// The model.
    pub model: PathBuf,
    /// Its card for people.
    pub card: PathBuf,
    /// Its card for programs.
    pub card_json: PathBuf,
}

/// A folder of models: `model-0x….json`, `card-0x….md`, `card-0x….json`.
#[derive(Debug, Clone)]
pub struct ModelFiles<'a> {
    folder: &'a Path,
}

impl<'a> ModelFiles<'a> {
    /// In this folder.
    pub fn new(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// Writes a model and its card. The model comes last: where it is, its card is.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, lesson: &Lesson) -> Result<TrainedFiles, LearningError> {
        fs::create_dir_all(self.folder).map_err(|source| failed(self.folder, source))?;
        let hash = lesson.card.hash;
        let path = |name: &str, ending: &str| self.folder.join(format!("{name}-{hash}.{ending}"));
        let files = TrainedFiles {
            hash,
            model: path("model", "json"),
            card: path("card", "md"),
            card_json: path("card", "json"),
        };
        let json = lesson.card.to_json().map_err(|error| failed(&files.card_json, error.into()))?;
        write_whole(&files.card, lesson.card.to_markdown().as_bytes())?;
        write_whole(&files.card_json, json.as_bytes())?;
        write_whole(&files.model, &lesson.model.file().to_bytes()?)?;
        Ok(files)
    }
}

/// The only training in a folder, as long as this value lives. The system drops the lock when the process dies, however
/// it dies, so a lock file that is left behind means nothing.
#[derive(Debug)]
pub struct Grounds(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Grounds {
    /// Makes the folder, if there is none, and takes its lock.
    ///
    /// # Errors
    /// If another training has it, it cannot be written to, or it is so full that with one more model the agent could no
    /// longer look through it.
    pub fn enter(folder: &Path) -> Result<Self, LearningError> {
        fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let path = folder.join(LOCK);
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(|source| failed(&path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LearningError::Busy { folder: folder.display().to_string() }),
            Err(TryLockError::Error(source)) => return Err(failed(&path, source)),
        }
        let entries = fs::read_dir(folder).map_err(|source| failed(folder, source))?.take(MODEL_ENTRIES_MAX).count();
        if entries + NEW_ENTRIES > MODEL_ENTRIES_MAX {
            return Err(LearningError::Full { folder: folder.display().to_string(), entries });
        }
        Ok(Self(file))
    }
}

/// The ledger of a budget.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
}

impl Ledger {
    /// At this path.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// That of a folder of models.
    pub fn of_folder(folder: &Path) -> Self {
        Self::new(folder.join(LEDGER))
    }

    /// What was written; nothing in a folder where no card says that noise was spent.
    ///
    /// # Errors
    /// If the file is there and cannot be read, or is not there and a card beside it says that it was: what is unknown may
    /// be spent.
    pub fn read(&self) -> Result<Option<Budget>, LearningError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return self.expect_new().map(|()| None),
            Err(source) => return Err(failed(&self.path, source)),
        };
        let file = self.path.display().to_string();
        match serde_json::from_slice::<Budget>(&bytes) {
            Ok(budget) if budget.is_sound() && budget.group() == BUDGET_GROUP => Ok(Some(budget)),
            Ok(_) => {
                Err(LearningError::Ledger { file, reason: "its numbers are none that training writes".to_owned() })
            }
            Err(error) => Err(LearningError::Ledger { file, reason: error.to_string() }),
        }
    }

    fn expect_new(&self) -> Result<(), LearningError> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // Nobody ever trained there.
            Err(_) => return Ok(()),
        };
        for entry in entries.take(MODEL_ENTRIES_MAX) {
            let entry = entry.map_err(|source| failed(folder, source))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("card-") && name.ends_with(".json") && has_privacy(&entry.path())? {
                let (ledger, card) = (self.path.display().to_string(), entry.path().display().to_string());
                return Err(LearningError::NoLedger { ledger, card });
            }
        }
        Ok(())
    }

    /// Replaces what was written.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, budget: &Budget) -> Result<(), LearningError> {
        let bytes = serde_json::to_vec(budget).map_err(|error| failed(&self.path, error.into()))?;
        write_whole(&self.path, &bytes)
    }
}

/// Whether a card says that noise was spent.
fn has_privacy(card: &Path) -> Result<bool, LearningError> {
    #[derive(serde::Deserialize)]
    struct Priced {
        privacy: Option<serde::de::IgnoredAny>,
    }
    let file = File::open(card).map_err(|source| failed(card, source))?;
    let read: Result<Priced, _> = serde_json::from_reader(std::io::BufReader::new(file.take(CARD_BYTES_MAX)));
    read.map(|card| card.privacy.is_some()).map_err(|error| failed(card, error.into()))
}

fn failed(path: &Path, source: std::io::Error) -> LearningError {
    LearningError::File { file: path.display().to_string(), source }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), LearningError> {
    let beside = path.with_extension("part");
    let write = || {
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_name(path)
    };
    write().map_err(|source| failed(path, source))
}

/// The name of a file outlasts a loss of power as well.
pub(super) fn sync_name(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
