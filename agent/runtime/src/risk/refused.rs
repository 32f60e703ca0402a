//! Why a model is not used.

use alloy::primitives::B256;
use quaestor_contracts::explain::{share, span};
use quaestor_risk::{data::date, model_file::ModelFileError};
use std::{fmt, io, path::PathBuf};

/// Files that are named when none of several can be used.
const NAMED_MAX: usize = 3;

/// Why one model file is not used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// Its bytes are not those that its hash was made of.
    #[error("{path} hashes to {found}, not to {expected}: it was changed; fetch it again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// As the policy, or its card, names it.
        expected: B256,
        /// Of its bytes.
        found: B256,
    },
    /// It is no model that this program reads.
    #[error("{path}: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ModelFileError,
    },
    /// What it learned is too long ago.
    #[error("it knows days up to {}, and the policy uses a model for {} from then on; train anew", date(*.trained_at_day), span(*.age_secs_max))]
    TooOld {
        /// The last day that training knew, since 1970-01-01.
        trained_at_day: u32,
        /// From this age on it is not used.
        age_secs_max: u64,
    },
    /// It was trained on days that have not come yet on this chain.
    #[error("it knows days up to {}, which lie ahead of the chain's time; use one that was trained by then", date(*.trained_at_day))]
    Ahead {
        /// The last day that training knew, since 1970-01-01.
        trained_at_day: u32,
    },
    /// It has no card that can be read.
    #[error("its card {path} cannot be read: {source}")]
    CardRead {
        /// The card.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// Its card is none.
    #[error("its card {path} is none: {source}")]
    Card {
        /// The card.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// Its card is of another model.
    #[error("its card {path} is of the model {found}")]
    OtherCard {
        /// The card.
        path: PathBuf,
        /// The model that the card names.
        found: B256,
    },
    /// Its test had no drawdown, or nothing else.
    #[error("its card has no area under the ROC curve, and the policy asks for {}", share(*.least_bps))]
    NoScore {
        /// Least area, bps.
        least_bps: u64,
    },
    /// It does not tell drawdowns apart well enough.
    #[error("its area under the ROC curve is {}, and the policy asks for {}", share(*.found_bps), share(*.least_bps))]
    Score {
        /// Area, bps.
        found_bps: u64,
        /// Least area, bps.
        least_bps: u64,
    },
    /// It knows records of somebody whom the policy does not name.
    #[error("it knows records of {member}, whom the policy does not name in [federation]")]
    Stranger {
        /// Who that is.
        member: String,
    },
    /// Too few trained it.
    #[error("it knows records of {found} members, and the policy asks for {least} in [federation]")]
    TooFew {
        /// Of how many it knows records.
        found: usize,
        /// Of how many it must.
        least: u16,
    },
    /// The policy names another one.
    #[error("{found} is not a model that the policy names")]
    NotNamed {
        /// Its hash.
        found: B256,
    },
}

/// A trained model that was passed over.
#[derive(Debug)]
pub struct PassedOver {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: Unusable,
}

/// Why the model that the policy names cannot be used. The words say the same as long as nothing changes.
#[derive(Debug, thiserror::Error)]
pub enum ModelRefused {
    /// The folder cannot be looked through.
    #[error("the folder {folder} of `files.models` cannot be read: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// No file has the hash.
    #[error("no file in {folder} hashes to {hash}; put the model file there unchanged, or correct `files.models`")]
    Missing {
        /// As the policy names it.
        hash: B256,
        /// The folder.
        folder: PathBuf,
    },
    /// The file of the policy's hash cannot be used.
    #[error("model {hash}: {why}")]
    File {
        /// As the policy names it.
        hash: B256,
        /// Why.
        #[source]
        why: Box<Unusable>,
    },
    /// None of the trained models can be used.
    #[error("{}", none_good(.folder, .passed_over))]
    NoneGood {
        /// The folder.
        folder: PathBuf,
        /// What was looked at, in the order of the file names.
        passed_over: Vec<PassedOver>,
    },
}

fn none_good(folder: &std::path::Path, passed_over: &[PassedOver]) -> String {
    use fmt::Write;
    let folder = folder.display();
    if passed_over.is_empty() {
        return format!("there is no trained model in {folder}; train one with `quaestor train`");
    }
    let mut text = format!("no trained model in {folder} can be used");
    for PassedOver { path, why } in passed_over.iter().take(NAMED_MAX) {
        // Writing into a `String` cannot fail.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = write!(text, "; {name}: {why}");
    }
    if let Some(more) = passed_over.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        let _ = write!(text, "; and {more} more");
    }
    text
}
