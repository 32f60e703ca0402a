//! What was fetched so far, page by page, so that a run that was cut off can go on.
//!
//! A partial file has a line of JSON for its request and one for each page. A line counts once it ends: what a kill cut
//! off is fetched again.

use super::FetchError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Most bytes of a partial file.
const BYTES_MAX: u64 = 1 << 30;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// What was asked for.
    pub(super) request: Value,
    /// When the first run began, Unix seconds; the whole counts as fetched then.
    pub(super) begun_at: u64,
    /// What the first run settled for all that follow, such as the block that is read at.
    pub(super) settled: Value,
}

/// A partial file, locked while it lives.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    request: Value,
    head: Option<Head>,
    pages: Vec<Value>,
}

/// `OUT.partial`
pub(super) fn path_of(out: &Path) -> PathBuf {
    beside(out, ".partial")
}

/// The path of a file that is called as `path` with `ending` after it.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(ending);
    name.into()
}

impl Partial {
    /// Opens the file of `request` at `path`, or makes it, and keeps others out.
    ///
    /// # Errors
    /// If it holds another request, is damaged, or another process has it.
    pub(super) fn open(path: PathBuf, request: Value) -> Result<Self, FetchError> {
        let failed = |source| FetchError::File { path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FetchError::Busy { path }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut text = Vec::new();
        Read::by_ref(&mut file).take(BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
        if text.len() as u64 > BYTES_MAX {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (mut head, mut pages) = (None, Vec::new());
        for (row, line) in text[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let damaged = |_| FetchError::Damaged { path: path.clone(), line: row + 1 };
            match head {
                None => head = Some(serde_json::from_slice::<Head>(line).map_err(damaged)?),
                Some(_) => pages.push(serde_json::from_slice(line).map_err(damaged)?),
            }
        }
        if let Some(head) = head.as_ref().filter(|head| head.request != request) {
            return Err(FetchError::OtherRequest { path, found: head.request.to_string() });
        }
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self { path, file, request, head, pages })
    }

    /// What the first run settled, if this one goes on.
    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Pages that are there.
    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }

    /// Begins a new file at the Unix time `now`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn begin(&mut self, now: u64, settled: &impl Serialize) -> Result<(), FetchError> {
        let failed = |source: serde_json::Error| FetchError::File { path: self.path.clone(), source: source.into() };
        let settled = serde_json::to_value(settled).map_err(failed)?;
        let head = Head { request: self.request.clone(), begun_at: now, settled };
        self.line(&head)?;
        self.head = Some(head);
        Ok(())
    }

    /// Adds a page, and returns once it is on disk.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn push(&mut self, page: &impl Serialize) -> Result<(), FetchError> {
        let value = self.line(page)?;
        self.pages.push(value);
        Ok(())
    }

    /// All pages, in the order in which they came.
    ///
    /// # Errors
    /// If one is of another kind.
    pub(super) fn pages<P: DeserializeOwned>(&self) -> Result<Vec<P>, FetchError> {
        let page = |(row, page): (usize, &Value)| {
            P::deserialize(page).map_err(|_| FetchError::Damaged { path: self.path.clone(), line: row + 2 })
        };
        self.pages.iter().enumerate().map(page).collect()
    }

    /// Removes the file: what it held is whole elsewhere.
    ///
    /// # Errors
    /// If the system does not let it.
    pub(super) fn remove(self) -> Result<(), FetchError> {
        std::fs::remove_file(&self.path).map_err(|source| FetchError::File { path: self.path.clone(), source })
    }

    fn line(&mut self, content: &impl Serialize) -> Result<Value, FetchError> {
        let failed = |source: io::Error| FetchError::File { path: self.path.clone(), source };
        let value = serde_json::to_value(content).map_err(|error| failed(error.into()))?;
        self.file.write_all(format!("{value}\n").as_bytes()).and_then(|()| self.file.sync_data()).map_err(failed)?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn head() -> Head {
        Head { request: json!({"id": "a"}), begun_at: 7, settled: json!({"to": 9}) }
    }

    #[test]
    fn what_a_kill_cut_off_is_dropped_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("A.partial");
        let mut partial = Partial::open(path.clone(), head().request).unwrap();
        assert!(partial.head().is_none());
        partial.begin(7, &json!({"to": 9})).unwrap();
        partial.push(&json!([1])).unwrap();
        assert!(matches!(Partial::open(path.clone(), head().request), Err(FetchError::Busy { .. })));
        drop(partial);
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"[2,3").unwrap();

        let mut partial = Partial::open(path.clone(), head().request).unwrap();
        assert_eq!((partial.head(), partial.len()), (Some(&head()), 1));
        partial.push(&json!([4])).unwrap();
        drop(partial);
        let partial = Partial::open(path.clone(), head().request).unwrap();
        assert_eq!(partial.pages::<Vec<u8>>().unwrap(), [[1], [4]]);
        drop(partial);

        let other = Partial::open(path.clone(), json!({"id": "b"})).unwrap_err().to_string();
        assert!(other.contains("another request") && other.contains(r#"{"id":"a"}"#), "{other}");
        let text = std::fs::read_to_string(&path).unwrap().replace("[1]", "[1");
        std::fs::write(&path, text).unwrap();
        let damaged = Partial::open(path, head().request).unwrap_err();
        assert!(matches!(damaged, FetchError::Damaged { line: 2, .. }), "{damaged}");
    }
}
