//! Files and folders of data.

use super::{
    DataSet, Fill, Kind, PoolTokens, Series,
    check::{Cell, Checker},
    columns::{Column, Layout, Shape},
    parquet_file,
    pool::PoolReader,
};
use crate::problem::{DataError, ProblemKind};
use flate2::read::MultiGzDecoder;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

/// Most bytes of a file.
pub const BYTES_MAX: u64 = 256 << 20;
/// Most bytes that a file may unpack to.
pub const UNPACKED_BYTES_MAX: u64 = 512 << 20;
/// How files end that are read.
pub const ENDINGS: &str = ".csv, .csv.gz or .parquet";
/// Most files of a folder.
const FILES_MAX: usize = 10_000;
/// Most series of a canonical file.
const SERIES_MAX: usize = 1_000;

/// How files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The present Unix time in seconds; what closes after it lies in the future.
    pub now: u64,
    /// What is done where rows are missing.
    pub fill: Fill,
    /// Seconds from each row to the next, where that is known; absent: those from most rows to the next.
    pub step: Option<u64>,
    /// Of pools.
    pub tokens: PoolTokens,
    /// Most bytes that a file may unpack to.
    pub unpacked_bytes_max: u64,
}

impl Default for Options {
    /// Whatever was before 1970, nothing filled in, the step that most rows have, at most [`UNPACKED_BYTES_MAX`].
    fn default() -> Self {
        let (fill, tokens) = (Fill::default(), PoolTokens::default());
        Self { now: 0, fill, step: None, tokens, unpacked_bytes_max: UNPACKED_BYTES_MAX }
    }
}

/// Loads a file, or every file of a folder that ends in one of [`ENDINGS`], in the order of their names.
///
/// A file's name up to its first point names the series: `WETH.2023.csv.gz` is WETH.
///
/// # Errors
/// All problems of all files at once.
pub fn load(path: impl AsRef<Path>, options: &Options) -> Result<DataSet, DataError> {
    let path = path.as_ref();
    let mut problems = DataError::default();
    let whole = path.display().to_string();
    let mut found = DataSet::default();
    let files = match files(path) {
        Ok(files) if files.is_empty() => {
            problems.push(&whole, 0, ProblemKind::NoFiles { endings: ENDINGS });
            return Err(problems);
        }
        Ok(files) => files,
        Err(error) => {
            problems.push(&whole, 0, ProblemKind::Unreadable { reason: error.to_string() });
            return Err(problems);
        }
    };
    for file in files {
        let name = file.display().to_string();
        match load_file(&file, &name, options) {
            Ok(series) => {
                for one in series {
                    if let Err(problem) = found.add(&name, one) {
                        problems.push(&problem.file, problem.line, problem.kind);
                    }
                }
            }
            Err(error) => problems.extend(error),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for (count, entry) in fs::read_dir(path)?.enumerate() {
        if count == FILES_MAX {
            return Err(io::Error::other(format!("has more than {FILES_MAX} files; split it")));
        }
        let file = entry?.path();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if [".csv", ".csv.gz", ".parquet"].iter().any(|ending| name.ends_with(ending)) {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads the text of a CSV file that is called `name`, as [`load`] reads the file.
///
/// # Errors
/// All problems at once.
pub fn load_text(name: &str, text: impl Read, options: &Options) -> Result<DataSet, DataError> {
    let text = Bounded { inner: text, left: options.unpacked_bytes_max };
    let mut found = DataSet::default();
    let mut problems = DataError::default();
    for series in load_csv(text, name, &stem(Path::new(name)), options)? {
        if let Err(problem) = found.add(name, series) {
            problems.push(&problem.file, problem.line, problem.kind);
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The name of a file up to its first point.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.split('.').next().unwrap_or_default().to_owned()
}

fn whole(name: &str, kind: ProblemKind) -> DataError {
    let mut problems = DataError::default();
    problems.push(name, 0, kind);
    problems
}

fn load_file(path: &Path, name: &str, options: &Options) -> Result<Vec<Series>, DataError> {
    let unreadable = |error: io::Error| whole(name, ProblemKind::Unreadable { reason: error.to_string() });
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?.len();
    if found > BYTES_MAX {
        return Err(whole(name, ProblemKind::TooLarge { found, allowed: BYTES_MAX }));
    }
    let stem = stem(path);
    if name.ends_with(".parquet") {
        return parquet_file::load(file, name, &stem, options);
    }
    let is_packed = name.ends_with(".gz");
    let reader: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    load_csv(Bounded { inner: reader, left: options.unpacked_bytes_max }, name, &stem, options)
}

/// Gives no more than so many bytes, and an error beyond.
pub(super) struct Bounded<R> {
    pub(super) inner: R,
    pub(super) left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

fn io_problem(error: &io::Error, allowed: u64) -> ProblemKind {
    match error.kind() {
        ErrorKind::FileTooLarge => ProblemKind::Unpacks { allowed },
        ErrorKind::UnexpectedEof => ProblemKind::Truncated { reason: error.to_string() },
        _ => ProblemKind::Unreadable { reason: error.to_string() },
    }
}

/// The name comes from the file's name alone where it does not stand in the rows.
pub(super) fn load_csv(text: impl Read, name: &str, stem: &str, options: &Options) -> Result<Vec<Series>, DataError> {
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut record = csv::StringRecord::new();
    let mut table: Option<Table<'_>> = None;
    let mut problems = DataError::default();
    loop {
        match rows.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                match error.kind() {
                    // Nothing can be read any more.
                    csv::ErrorKind::Io(error) => {
                        problems.push(name, 0, io_problem(error, options.unpacked_bytes_max));
                        break;
                    }
                    _ => problems.push(name, line, ProblemKind::Unreadable { reason: error.to_string() }),
                }
                continue;
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        match &mut table {
            None => match Layout::of(record.iter()) {
                Ok(layout) => table = Some(Table::new(name, layout, options)),
                Err(kind) => {
                    problems.push(name, line, kind);
                    return Err(problems);
                }
            },
            Some(table) => table.row(line, &record),
        }
    }
    match table {
        Some(table) => table.finish(stem, problems),
        None if problems.is_empty() => Err(whole(name, ProblemKind::Empty)),
        None => Err(problems),
    }
}

/// A series of several, and where its columns stand.
type Known<'a> = (Checker<'a>, Vec<(Column, usize)>);

enum Rows<'a> {
    One(Box<Checker<'a>>, Vec<(Column, usize)>),
    Many(BTreeMap<(Kind, String), Known<'a>>),
    Pool(Box<PoolReader<'a>>),
}

/// The rows of one file.
pub(super) struct Table<'a> {
    file: &'a str,
    layout: Layout,
    options: Options,
    rows: Rows<'a>,
    problems: DataError,
}

impl<'a> Table<'a> {
    pub(super) fn new(file: &'a str, layout: Layout, options: &Options) -> Self {
        let rows = match layout.shape {
            Shape::One(kind) => Rows::One(Box::new(Checker::new(file, kind, options)), layout.values(kind)),
            Shape::Many => Rows::Many(BTreeMap::new()),
            Shape::Pool => Rows::Pool(Box::new(PoolReader::new(file, options))),
        };
        Self { file, layout, options: *options, rows, problems: DataError::default() }
    }

    pub(super) fn row(&mut self, line: u64, record: &csv::StringRecord) {
        let Self { file, layout, options, rows, problems } = self;
        if record.len() != layout.width {
            let (found, wanted, header) = (record.len(), layout.width, layout.header.clone());
            return problems.push(file, line, ProblemKind::Fields { found, wanted, header });
        }
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let of = |column| layout.place(column).map(cell).unwrap_or_default();
        let time = of(Column::Time);
        let cells = |columns: &[(Column, usize)]| -> Vec<Cell<'_>> {
            columns.iter().map(|(column, place)| (*column, cell(*place))).collect()
        };
        match rows {
            Rows::One(checker, columns) => checker.row(line, time, &cells(columns)),
            Rows::Pool(reader) => reader.row(line, layout, record),
            Rows::Many(series) => {
                let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.word() == of(Column::Kind)) else {
                    return problems.push(file, line, ProblemKind::Kind { text: of(Column::Kind).to_owned() });
                };
                let key = (kind, of(Column::Name).to_owned());
                if series.len() == SERIES_MAX && !series.contains_key(&key) {
                    return problems.push(file, line, ProblemKind::TooManySeries { allowed: SERIES_MAX });
                }
                let (checker, columns) = series.entry(key).or_insert_with(|| {
                    // What its first row leaves empty the series does not have.
                    let columns = layout.values(kind).into_iter().filter(|(_, place)| !cell(*place).is_empty());
                    (Checker::new(file, kind, options), columns.collect())
                });
                checker.row(line, time, &cells(columns));
            }
        }
    }

    /// The series of the file; one without a name of its own is called `stem`.
    pub(super) fn finish(self, stem: &str, mut problems: DataError) -> Result<Vec<Series>, DataError> {
        problems.extend(self.problems);
        let found = match self.rows {
            Rows::One(checker, _) => checker.finish(stem).map(|series| vec![series]),
            Rows::Pool(reader) => reader.finish(stem),
            Rows::Many(series) => {
                let (mut found, mut wrong) = (Vec::new(), DataError::default());
                if series.is_empty() && problems.is_empty() {
                    wrong.push(self.file, 0, ProblemKind::Empty);
                }
                for ((_, name), (checker, _)) in series {
                    match checker.finish(&name) {
                        Ok(series) => found.push(series),
                        Err(error) => wrong.extend(error),
                    }
                }
                if wrong.is_empty() { Ok(found) } else { Err(wrong) }
            }
        };
        match found {
            Ok(mut found) if problems.is_empty() => {
                for series in &mut found {
                    series.ignored.clone_from(&self.layout.ignored);
                    series.pool_decimals = self.options.tokens.decimals;
                }
                Ok(found)
            }
            Ok(_) => Err(problems),
            Err(error) => {
                // That there are no rows is no news where a row is wrong.
                let is_first = problems.is_empty();
                problems.extend(match error.problems.as_slice() {
                    [only] if only.kind == ProblemKind::Empty && !is_first => DataError::default(),
                    _ => error,
                });
                problems.sort();
                Err(problems)
            }
        }
    }
}
