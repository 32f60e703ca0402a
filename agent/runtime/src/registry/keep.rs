//! A fetched file on disk: whole or not at all, and never in the place of another.

use super::Epoch;
use crate::config::{FilesConfig, read_bounded};
use alloy::primitives::{B256, keccak256};
use quaestor_policies::FILE_BYTES_MAX;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It was written.
    Written,
    /// The very same file was there.
    WasThere,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Another file is there.
    #[error("{path} is another file (it hashes to {found}), and no file is replaced")]
    Occupied {
        /// The path.
        path: PathBuf,
        /// keccak256 of what is there.
        found: B256,
    },
    /// What is there is no policy file, or it cannot be written.
    #[error("{path}: {source}")]
    File {
        /// The path.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// Where the agent of these files would find the file of `epoch`: in the first folder of `files.policies` as
/// `epoch-N.toml`, or, where none is a folder, at the first path.
pub fn place_for(files: &FilesConfig, epoch: &Epoch) -> Option<PathBuf> {
    let folder = files.policies.iter().find(|path| path.is_dir());
    folder.map(|folder| folder.join(format!("epoch-{}.toml", epoch.number))).or_else(|| files.policies.first().cloned())
}

/// Writes `bytes` to `path`, unless something else is there.
///
/// # Errors
/// If another file is there, or it cannot be written.
pub fn keep(path: &Path, bytes: &[u8]) -> Result<Kept, KeepError> {
    let failed = |source| KeepError::File { path: path.to_owned(), source };
    match read_bounded(path, u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX)) {
        Ok(there) if there == bytes => return Ok(Kept::WasThere),
        Ok(there) => return Err(KeepError::Occupied { path: path.to_owned(), found: keccak256(there) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".partial-{}", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = write(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // It may not even exist.
        let _ = fs::remove_file(&partial);
    }
    written.map(|()| Kept::Written).map_err(failed)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
