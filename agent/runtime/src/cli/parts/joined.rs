//! Parts that are read back and make a whole run.

use super::super::{Failure, setup::configuration};
use quaestor_simulations::part::{Found, Head, Reader, Row, join};
use std::{
    fs::File,
    io::BufReader,
    marker::PhantomData,
    path::{Path, PathBuf},
};

fn opened(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path).map(BufReader::new).map_err(|error| configuration(format!("{}: {error}", path.display())))
}

/// Of which command the rows of a part are.
pub(in super::super) fn kind(path: &Path) -> Result<String, Failure> {
    let (head, _) = Head::read(&path.display().to_string(), opened(path)?).map_err(configuration)?;
    Ok(head.kind)
}

/// Parts in the order in which they make a whole run.
pub(in super::super) struct Joined<'a, T> {
    paths: Vec<&'a Path>,
    head: Head,
    rows: PhantomData<fn() -> T>,
}

fn reader<T: Row>(path: &Path, kind: &str) -> Result<Reader<BufReader<File>, T>, Failure> {
    Reader::open(&path.display().to_string(), kind, opened(path)?).map_err(configuration)
}

impl<'a, T: Row> Joined<'a, T> {
    /// Of these files. They are read twice: now to see whether they make a whole, so that one row at a time is enough memory.
    pub(in super::super) fn of(paths: &'a [PathBuf], kind: &str) -> Result<Self, Failure> {
        let survey = |path: &PathBuf| {
            let mut reader = reader::<T>(path, kind)?;
            let head = reader.head().clone();
            reader.by_ref().try_for_each(|row| row.map(drop)).map_err(configuration)?;
            Ok(Found { name: path.display().to_string(), end: reader.at(), head })
        };
        let parts = paths.iter().map(survey).collect::<Result<Vec<Found>, Failure>>()?;
        let order = join(&parts).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            configuration(lines.join("\n"))
        })?;
        let head = parts[0].head.clone();
        Ok(Self { paths: order.into_iter().map(|place| paths[place].as_path()).collect(), head, rows: PhantomData })
    }

    /// What the first says of itself, beside its rows the same in all.
    pub(in super::super) fn head(&self) -> &Head {
        &self.head
    }

    /// Hands on all rows in their order.
    pub(in super::super) fn each(self, mut seen: impl FnMut(T)) -> Result<(), Failure> {
        for path in self.paths {
            for row in reader(path, &self.head.kind)? {
                seen(row.map_err(configuration)?);
            }
        }
        Ok(())
    }
}
