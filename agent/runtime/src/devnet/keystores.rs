//! The keys of the people who sign by themselves, in encrypted keystores.

use super::Devnet;
use crate::keys::{KeyError, write_keystore};
use std::path::{Path, PathBuf};

/// Where the keystores are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keystores {
    /// The agent's.
    pub operator: PathBuf,
    /// The other owners' of the Safe.
    pub owners: [PathBuf; 3],
    /// That of a member who proposes votes.
    pub member: PathBuf,
}

impl Devnet {
    /// Writes `operator.json`, `owner-1.json` to `owner-3.json` and `member-1.json` into an existing folder. The keys are anvil's, known
    /// to everybody; the keystores are there so that the same code opens them as opens real ones. Blocks: deriving a
    /// key from the password takes a noticeable part of a second each.
    ///
    /// # Errors
    /// If one exists already or cannot be written.
    pub fn write_keystores(&self, folder: &Path, password: &str) -> Result<Keystores, KeyError> {
        let people = &self.dao.people;
        let write = |name: &str, signer| {
            let path = folder.join(name);
            write_keystore(&path, signer, password).map(|()| path)
        };
        let operator = write("operator.json", &people.operator)?;
        let [first, second, third] = &people.owners;
        let owners = [write("owner-1.json", first)?, write("owner-2.json", second)?, write("owner-3.json", third)?];
        let [member, ..] = &people.members;
        let member = write("member-1.json", member)?;
        Ok(Keystores { operator, owners, member })
    }
}
