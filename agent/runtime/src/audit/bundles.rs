//! The agent's published bundles, found by the batch that one of them proposed.

use crate::{
    agent::Bundle,
    verify::{Published, read_published},
};
use alloy::primitives::B256;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Most files of the folder.
const FILES_MAX: usize = 1_000_000;

/// A folder of bundles; each is read once, and only as far back as a batch can be from.
#[derive(Debug)]
pub(super) struct Bundles {
    folder: PathBuf,
    /// Block of the decision and name, newest first.
    names: Vec<(u64, String)>,
    /// What was read of them, by name: when it was decided, and the batches that it proposed.
    read: BTreeMap<String, Result<(u64, Vec<B256>), String>>,
}

/// A bundle, or what is there in its place.
#[derive(Debug)]
pub(super) struct Named<T> {
    pub(super) name: String,
    pub(super) bundle: T,
}

impl Bundles {
    /// Those of `folder`; none where it is not there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut names = Vec::new();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        for entry in entries.into_iter().flatten() {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let Some(block) = name.strip_suffix(".json").and_then(|stem| stem.split('-').next()?.parse().ok()) else {
                continue;
            };
            names.push((block, name));
            if names.len() > FILES_MAX {
                let message = format!("it has more than {FILES_MAX} files; move those of before the audit away");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        }
        names.sort();
        names.reverse();
        Ok(Self { folder: folder.to_owned(), names, read: BTreeMap::new() })
    }

    /// The bundle that proposed the batch `decision`, which ran in block `ran` and was decided at `since` (Unix seconds)
    /// or later; `None` if there is none.
    pub(super) fn find(&mut self, decision: B256, ran: u64, since: u64) -> Option<Named<Box<Bundle>>> {
        for (_, name) in self.names.iter().filter(|(block, _)| *block <= ran) {
            let (folder, read) = (&self.folder, &mut self.read);
            let known = read.entry(name.clone()).or_insert_with(|| contents(folder, name));
            match known {
                Ok((decided_at, _)) if *decided_at < since => return None,
                Ok((_, proposed)) if proposed.contains(&decision) => {
                    let bundle = bundle_of(&self.folder, name).ok()?;
                    return Some(Named { name: name.clone(), bundle: Box::new(bundle) });
                }
                Ok(_) | Err(_) => {}
            }
        }
        None
    }

    /// Why files of the blocks from which a batch that ran in block `ran` may be cannot be read.
    pub(super) fn unreadable(&self, ran: u64) -> Vec<Named<String>> {
        let of = |(block, name): &(u64, String)| match self.read.get(name) {
            Some(Err(why)) if *block <= ran => Some(Named { name: name.clone(), bundle: why.clone() }),
            _ => None,
        };
        self.names.iter().filter_map(of).collect()
    }
}

fn contents(folder: &Path, name: &str) -> Result<(u64, Vec<B256>), String> {
    let bundle = bundle_of(folder, name)?;
    let proposed = bundle.proposals.iter().map(|proposal| proposal.decision).collect();
    Ok((bundle.decision.block.timestamp, proposed))
}

fn bundle_of(folder: &Path, name: &str) -> Result<Bundle, String> {
    match read_published(&folder.join(name)) {
        Ok(Published::Bundle(bundle)) => Ok(bundle),
        Ok(Published::Receipt(_)) => Err("it is a receipt, and no bundle".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
