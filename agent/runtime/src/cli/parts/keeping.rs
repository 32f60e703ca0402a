//! Rows on their way to a file: one that was asked for, or in case that somebody ends the run before it is done.

use super::super::{Exit, Failure, setup::configuration};
use quaestor_simulations::part::{Head, Reader, Row, Writer};
use std::{
    fs::{self, File, OpenOptions},
    io::{BufReader, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Rows that nobody asked to keep are in memory for so long: most runs are over then.
const IN_MEMORY: Duration = Duration::from_secs(1);

enum Sink {
    File(Writer<BufWriter<File>>),
    Memory(Writer<Vec<u8>>, Instant),
}

/// Rows of one part.
pub(super) struct Keeping {
    path: PathBuf,
    head: Head,
    made: u64,
    sink: Sink,
    /// Whether the file stays when it is done.
    is_asked: bool,
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("{}: {error}", path.display()))
}

impl Keeping {
    /// In a file that was asked for. One that exists is never replaced: what it holds may have taken days.
    pub(super) fn in_file(path: &Path, head: Head) -> Result<Self, Failure> {
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => failed(path, "it exists already; go on with --resume, or remove it"),
            _ => failed(path, error),
        })?;
        let name = path.display().to_string();
        let writer = Writer::begin(&name, BufWriter::new(file), &head).map_err(configuration)?;
        Ok(Self { path: path.to_owned(), head, made: 0, sink: Sink::File(writer), is_asked: true })
    }

    /// In memory at first, and after a second in a file of this folder that is named after what is run: a `run`.
    pub(super) fn in_case(head: Head, run: &str) -> Result<Self, Failure> {
        let hash: String = head.spec.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let path = PathBuf::from(format!("{}-{hash}-{}.part", head.kind, head.seed));
        if path.exists() {
            let file = path.display();
            let text =
                format!("{file} is there from an earlier run of this {run}; go on with --resume {file}, or remove it");
            return Err(Failure::new(Exit::Failed, text));
        }
        let writer = Writer::begin(&path.display().to_string(), Vec::new(), &head).map_err(configuration)?;
        Ok(Self { path, head, made: 0, sink: Sink::Memory(writer, Instant::now()), is_asked: false })
    }

    /// Goes on with a file of the same `run`; its rows are handed on.
    pub(super) fn resume<T: Row>(path: &Path, head: Head, run: &str, push: &mut dyn FnMut(T)) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| failed(path, error))?;
        let mut reader = Reader::<_, T>::open(&name, &head.kind, BufReader::new(&file)).map_err(configuration)?;
        if let Some(what) = reader.head().difference(&head) {
            return Err(configuration(format!(
                "{name} is of another {run}: {what}; give the very arguments that it was begun with"
            )));
        }
        if reader.head().rows() != head.rows() {
            return Err(configuration(format!("{name} is another --shard of this {run}")));
        }
        // What comes after the first row that is not whole is made again.
        reader.by_ref().map_while(Result::ok).for_each(push);
        let (made, whole) = (reader.at() - head.from, reader.whole_bytes());
        file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(|error| failed(path, error))?;
        let sink = Sink::File(Writer::go_on(&name, BufWriter::new(file)));
        Ok(Self { path: path.to_owned(), head, made, sink, is_asked: true })
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Rows so far.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    pub(super) fn is_whole(&self) -> bool {
        self.made == self.head.to - self.head.from
    }

    /// Adds the next rows.
    pub(super) fn push(&mut self, rows: &[impl Row]) -> Result<(), Failure> {
        match &mut self.sink {
            Sink::File(writer) => {
                rows.iter()
                    .try_for_each(|row| writer.push(row))
                    .and_then(|()| writer.flush())
                    .map_err(configuration)?;
            }
            Sink::Memory(writer, since) => {
                rows.iter().try_for_each(|row| writer.push(row)).map_err(configuration)?;
                if since.elapsed() > IN_MEMORY {
                    self.spill()?;
                }
            }
        }
        self.made += rows.len() as u64;
        Ok(())
    }

    /// From memory into the file.
    fn spill(&mut self) -> Result<(), Failure> {
        let Sink::Memory(writer, _) = &self.sink else { return Ok(()) };
        let told = |error| failed(&self.path, format!("rows cannot be kept: {error}; say where with --part"));
        let mut file = File::create_new(&self.path).map_err(told)?;
        file.write_all(writer.written()).map_err(told)?;
        self.sink = Sink::File(Writer::go_on(&self.path.display().to_string(), BufWriter::new(file)));
        Ok(())
    }

    /// The file, with all rows in it.
    pub(super) fn keep(mut self) -> Result<PathBuf, Failure> {
        self.spill()?;
        Ok(self.path)
    }

    /// All is told: a file that nobody asked for goes.
    pub(super) fn end(self) {
        if !self.is_asked && matches!(self.sink, Sink::File(_)) {
            // One that cannot be removed says what it is when the same sweep is run again.
            let _ = fs::remove_file(&self.path);
        }
    }
}
