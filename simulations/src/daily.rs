//! Daily prices from CSV files.

use crate::{
    DataError, Day, ProblemKind,
    decimal::{self, Wad},
};
use quaestor_core::{Price, Value};
use std::{collections::BTreeMap, fs, path::Path};

/// The columns of a file, in order.
pub const HEADER: [&str; 7] = ["date", "open", "high", "low", "close", "volume_usd", "market_cap_usd"];
/// Most bytes of a file.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// One day of an asset. Prices are above zero, and the low is the least and the high the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyBar {
    /// The day, of UTC.
    pub day: Day,
    /// First price.
    pub open: Price,
    /// Greatest price.
    pub high: Price,
    /// Least price.
    pub low: Price,
    /// Last price, at [`Day::close_timestamp`].
    pub close: Price,
    /// Traded that day; zero where none was recorded.
    pub volume: Value,
    /// Market capitalisation at its end; zero where none was recorded.
    pub market_cap: Value,
}

/// A number of the file that has more places than wad and was rounded toward zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rounded {
    /// Line of the file.
    pub line: u64,
    /// Column.
    pub column: &'static str,
    /// The number as it is written.
    pub text: String,
}

/// The days of one asset, one after the other without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySeries {
    symbol: String,
    rows: Vec<DailyBar>,
    rounded: Vec<Rounded>,
}

impl DailySeries {
    /// The asset: the file's name without its ending.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// The days, oldest first; at least one.
    pub fn rows(&self) -> &[DailyBar] {
        &self.rows
    }

    /// Numbers that could not be kept whole.
    pub fn rounded(&self) -> &[Rounded] {
        &self.rounded
    }

    /// The row of `day`.
    pub fn at(&self, day: Day) -> Option<&DailyBar> {
        let first = self.rows.first()?.day;
        self.rows.get(first.days_to(day)?)
    }
}

/// Loads every file of `folder` that ends in `.csv`, in the order of their names. `now` is the present Unix time in
/// seconds.
///
/// # Errors
/// All problems of all files at once.
pub fn load_dir(folder: impl AsRef<Path>, now: u64) -> Result<Vec<DailySeries>, DataError> {
    let folder = folder.as_ref();
    let mut problems = DataError::default();
    let unreadable = |error: &std::io::Error| ProblemKind::Unreadable { reason: error.to_string() };
    let whole = folder.display().to_string();
    let mut paths = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                match entry {
                    Ok(entry) => paths.push(entry.path()),
                    Err(error) => problems.push(&whole, 0, unreadable(&error)),
                }
            }
        }
        Err(error) => problems.push(&whole, 0, unreadable(&error)),
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "csv"));
    paths.sort();
    if paths.is_empty() && problems.problems.is_empty() {
        problems.push(&whole, 0, ProblemKind::NoFiles { endings: ".csv" });
    }
    let mut found = Vec::with_capacity(paths.len());
    for path in &paths {
        match load_file(path, now) {
            Ok(series) => found.push(series),
            Err(error) => problems.extend(error),
        }
    }
    if problems.problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn load_file(path: &Path, now: u64) -> Result<DailySeries, DataError> {
    let name = path.display().to_string();
    let fail = |kind| {
        let mut problems = DataError::default();
        problems.push(&name, 0, kind);
        problems
    };
    let unreadable = |error: std::io::Error| fail(ProblemKind::Unreadable { reason: error.to_string() });
    let found = fs::metadata(path).map_err(unreadable)?.len();
    if found > FILE_BYTES_MAX {
        return Err(fail(ProblemKind::TooLarge { found, allowed: FILE_BYTES_MAX }));
    }
    load_str(&name, &fs::read_to_string(path).map_err(unreadable)?, now)
}

/// Loads one file from its text. `name` is that of the file and names the asset: `AAVE.csv` is AAVE. `now` is the present
/// Unix time in seconds; a day that closes after it lies in the future.
///
/// # Errors
/// All problems of the text at once.
pub fn load_str(name: &str, text: &str, now: u64) -> Result<DailySeries, DataError> {
    let symbol = Path::new(name).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let series = DailySeries { symbol, rows: Vec::new(), rounded: Vec::new() };
    let mut reader = Reader { name, now, series, lines: BTreeMap::new(), problems: DataError::default() };
    reader.read(text);
    if reader.problems.problems.is_empty() { Ok(reader.series) } else { Err(reader.problems) }
}

struct Reader<'a> {
    name: &'a str,
    now: u64,
    series: DailySeries,
    /// Every day read so far, with its line.
    lines: BTreeMap<Day, u64>,
    problems: DataError,
}

impl Reader<'_> {
    fn problem(&mut self, line: u64, kind: ProblemKind) {
        self.problems.push(self.name, line, kind);
    }

    fn read(&mut self, text: &str) {
        let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut header = None;
        for row in rows.records() {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    self.problem(line, ProblemKind::Unreadable { reason: error.to_string() });
                    continue;
                }
            };
            let line = row.position().map_or(0, csv::Position::line);
            if header.is_none() {
                header = Some(());
                if row.iter().ne(HEADER) {
                    self.problem(line, ProblemKind::Header { found: row.iter().collect::<Vec<_>>().join(",") });
                    return;
                }
            } else {
                self.row(line, &row);
            }
        }
        if self.lines.is_empty() && self.problems.problems.is_empty() {
            self.problem(0, ProblemKind::Empty);
        }
    }

    fn row(&mut self, line: u64, row: &csv::StringRecord) {
        let fields: Vec<&str> = row.iter().collect();
        let Ok([date, open, high, low, close, volume, market_cap]) = <[&str; 7]>::try_from(fields) else {
            return self.problem(
                line,
                ProblemKind::Fields { found: row.len(), wanted: HEADER.len(), header: HEADER.join(",") },
            );
        };
        let day = self.day(line, date);
        let [_, prices @ .., _, _] = HEADER;
        let mut found = [None; 4];
        for ((slot, column), text) in found.iter_mut().zip(prices).zip([open, high, low, close]) {
            *slot = self.price(line, column, text);
        }
        let [.., volume_column, market_cap_column] = HEADER;
        let (volume, market_cap) =
            (self.value(line, volume_column, volume), self.value(line, market_cap_column, market_cap));
        let (Some(day), [Some(open), Some(high), Some(low), Some(close)]) = (day, found) else { return };
        if low > open.min(close) || high < open.max(close) {
            self.problem(line, ProblemKind::Range { at: day.into() });
        }
        if let (Some(volume), Some(market_cap)) = (volume, market_cap) {
            self.series.rows.push(DailyBar { day, open, high, low, close, volume, market_cap });
        }
    }

    fn day(&mut self, line: u64, text: &str) -> Option<Day> {
        let Ok(day) = text.parse::<Day>() else {
            self.problem(line, ProblemKind::Date { text: text.to_owned() });
            return None;
        };
        if day.close_timestamp() > self.now {
            self.problem(line, ProblemKind::Future { at: day.into(), now: self.now });
        }
        let latest = self.lines.last_key_value().map(|(latest, _)| *latest);
        if let Some(first_line) = self.lines.get(&day).copied() {
            self.problem(line, ProblemKind::Duplicate { at: day.into(), first: format!("line {first_line}") });
        } else if let Some(before) = latest.filter(|latest| day < *latest) {
            self.problem(line, ProblemKind::Disorder { at: day.into(), before: before.into() });
        } else if let Some(after) = latest
            && let Some(missing) = after.days_to(day).and_then(|days| days.checked_sub(1)).filter(|days| *days > 0)
        {
            self.problem(line, ProblemKind::Gap { after: after.into(), at: day.into(), missing: missing as u64 });
        }
        self.lines.entry(day).or_insert(line);
        Some(day)
    }

    fn price(&mut self, line: u64, column: &'static str, text: &str) -> Option<Price> {
        let number = self.number(line, column, text)?;
        if number.negative || number.magnitude == 0 {
            self.problem(line, ProblemKind::NonPositive { column, text: text.to_owned() });
            return None;
        }
        Some(Price(number.magnitude))
    }

    fn value(&mut self, line: u64, column: &'static str, text: &str) -> Option<Value> {
        let number = self.number(line, column, text)?;
        if number.negative {
            self.problem(line, ProblemKind::Negative { column, text: text.to_owned() });
            return None;
        }
        Some(Value(number.magnitude))
    }

    fn number(&mut self, line: u64, column: &'static str, text: &str) -> Option<Wad> {
        let Some(number) = decimal::parse(text) else {
            self.problem(line, ProblemKind::Number { column, text: text.to_owned() });
            return None;
        };
        if number.rounded {
            self.series.rounded.push(Rounded { line, column, text: text.to_owned() });
        }
        Some(number)
    }
}
