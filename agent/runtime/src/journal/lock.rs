//! The one-instance lock: an advisory lock on a file beside the journal. The system drops it when the process dies,
//! however it dies, so a lock file that is left behind means nothing.

use super::JournalError;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

/// Held as long as this value lives.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    pub(super) fn take(journal: &Path) -> Result<Self, JournalError> {
        let path = super::beside(journal, "-lock");
        let failed = |source| JournalError::Io { path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::InUse { path: journal.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // The number is only for the message above; nothing is decided by it.
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self(file))
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    // A process id has at most 10 digits.
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
