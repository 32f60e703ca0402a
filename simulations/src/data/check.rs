//! Rows of one series, checked as they come and as a whole.

use super::{
    Fill, Filled, Kind, Moment, Options, PoolTokens, Prices, ROWS_MAX, Rounding, Series, Values,
    columns::{Column, volume_unit},
    time,
};
use crate::{
    decimal::{self, Decimal},
    problem::{DataError, ProblemKind},
};
use quaestor_core::{Price, Value};
use std::collections::BTreeMap;

const DAY_SECS: u64 = 86_400;
const MINUTE_SECS: u64 = 60;
/// Rows in a row that make another step, and not some gaps.
const STEP_RUN: usize = 3;
/// A price of gas above it is in wei.
const GWEI_MAX: u128 = 1_000_000 * 1_000_000_000_000_000_000;

/// Columns of numbers while they are read, by meaning.
type Columns = BTreeMap<Column, Vec<u128>>;

/// Reads the rows of one series.
pub(super) struct Checker<'a> {
    file: &'a str,
    kind: Kind,
    now: u64,
    fill: Fill,
    known_step: Option<u64>,
    columns: Columns,
    rows: usize,
    /// Times that rise, each with its line.
    times: Vec<(u64, u64)>,
    /// Times that did not rise, each with its line.
    stray: BTreeMap<u64, u64>,
    /// Whether every time was a day.
    only_days: bool,
    /// The first row whose time is in another unit, the unit, and how many there are.
    unit: Option<(u64, String, (&'static str, u64), u64)>,
    rounding: Rounding,
    pub(super) problems: DataError,
}

/// A cell: what it means, and its text.
pub(super) type Cell<'t> = (Column, &'t str);

impl<'a> Checker<'a> {
    pub(super) fn new(file: &'a str, kind: Kind, options: &Options) -> Self {
        let Options { now, fill, step, .. } = *options;
        Self {
            file,
            kind,
            now,
            fill,
            known_step: step,
            columns: Columns::new(),
            rows: 0,
            times: Vec::new(),
            stray: BTreeMap::new(),
            only_days: true,
            unit: None,
            rounding: Rounding::default(),
            problems: DataError::default(),
        }
    }

    fn problem(&mut self, line: u64, kind: ProblemKind) {
        self.problems.push(self.file, line, kind);
    }

    /// `line 3` or `row 3`.
    fn place(&self, line: u64) -> String {
        let word = if self.file.ends_with(".parquet") { "row" } else { "line" };
        format!("{word} {line}")
    }

    /// One row; `cells` hold the same columns in each.
    pub(super) fn row(&mut self, line: u64, time: &str, cells: &[Cell<'_>]) {
        self.rows += 1;
        if self.rows > ROWS_MAX {
            // Told once, where it is the first too many.
            if self.rows == ROWS_MAX + 1 {
                self.problem(line, ProblemKind::TooManyRows { allowed: ROWS_MAX });
            }
            return;
        }
        let at = self.time(line, time);
        let mut found = BTreeMap::new();
        for (column, text) in cells {
            if let Some(number) = self.number(line, *column, text) {
                found.insert(*column, number);
            }
        }
        let of = |column| found.get(&column).copied();
        if let (Some(high), Some(low), Some(close), Some(at)) =
            (of(Column::High), of(Column::Low), of(Column::Close), at)
        {
            let open = of(Column::Open).unwrap_or(close);
            if low > open.min(close) || high < open.max(close) {
                self.problem(line, ProblemKind::Range { at });
            }
        }
        for (column, number) in found {
            self.columns.entry(column).or_default().push(number);
        }
    }

    fn time(&mut self, line: u64, text: &str) -> Option<Moment> {
        let Some(read) = time::parse(text) else {
            self.problem(line, ProblemKind::Time { text: text.to_owned() });
            return None;
        };
        self.only_days &= read.is_day;
        if let Some(unit) = read.unit {
            self.unit.get_or_insert_with(|| (line, text.to_owned(), unit, 0)).3 += 1;
        }
        let at = Moment::of(read.secs, read.is_day);
        let latest = self.times.last().map(|(latest, _)| *latest);
        match latest {
            Some(latest) if read.secs <= latest => {
                let known = self.times.binary_search_by_key(&read.secs, |(time, _)| *time).map(|row| self.times[row].1);
                match known.ok().or_else(|| self.stray.get(&read.secs).copied()) {
                    Some(first) => {
                        let first = self.place(first);
                        self.problem(line, ProblemKind::Duplicate { at, first });
                    }
                    None => {
                        self.stray.insert(read.secs, line);
                        self.problem(line, ProblemKind::Disorder { at, before: Moment::of(latest, read.is_day) });
                    }
                }
            }
            _ => self.times.push((read.secs, line)),
        }
        Some(at)
    }

    fn number(&mut self, line: u64, column: Column, text: &str) -> Option<u128> {
        let name = column.name();
        let text = text.trim();
        let places = self.kind.places();
        let Some(Decimal { magnitude, rounded, negative }) = decimal::parse_places(text, i32::from(places)) else {
            self.problem(line, ProblemKind::Number { column: name, text: text.to_owned() });
            return None;
        };
        let may_be_zero = matches!(
            column,
            Column::VolumeUsd | Column::Volume | Column::MarketCap | Column::Liquidity | Column::PoolLiquidity
        );
        let found = || text.to_owned();
        match may_be_zero {
            true if negative => self.problem(line, ProblemKind::Negative { column: name, text: found() }),
            false if negative || magnitude == 0 => {
                self.problem(line, ProblemKind::NonPositive { column: name, text: found() });
            }
            _ if column == Column::Gas && magnitude > GWEI_MAX => {
                self.problem(line, ProblemKind::GasUnit { column: name, text: found() });
            }
            _ => {
                if rounded {
                    self.rounding.count += 1;
                    self.rounding.first.get_or_insert_with(|| (line, name, text.to_owned()));
                }
                return Some(magnitude);
            }
        }
        None
    }

    /// The series, called `name`.
    ///
    /// # Errors
    /// All problems, in the order of lines.
    pub(super) fn finish(mut self, name: &str) -> Result<Series, DataError> {
        if let Some((line, text, (unit, divisor), rows)) = self.unit.take() {
            self.problem(line, ProblemKind::TimeUnit { text, unit, divisor, rows });
        }
        if self.times.is_empty() && self.problems.is_empty() {
            self.problem(0, ProblemKind::Empty);
        }
        let step = self.step();
        let gaps = step.map(|step| self.gaps(step)).unwrap_or_default();
        self.future(step.unwrap_or(1));
        let begin = self.times.first().map(|(time, _)| *time);
        let (Some(begin), Some(step), true) = (begin, step, self.problems.is_empty()) else {
            self.problems.sort();
            return Err(self.problems);
        };
        let mut filled = Filled::default();
        for (_, missing) in &gaps {
            filled.rows += missing;
            filled.longest = filled.longest.max(*missing);
        }
        let mut notes = Vec::new();
        let values = match self.kind {
            Kind::Price => Values::Prices(prices(self.columns, &gaps, &mut notes)),
            _ => Values::Samples(self.columns.into_values().next().map(|it| spread(it, &gaps)).unwrap_or_default()),
        };
        let (name, kind, rounding, ignored) = (name.to_owned(), self.kind, self.rounding, Vec::new());
        let pool_decimals = PoolTokens::default().decimals;
        Ok(Series { name, kind, begin, step, values, rounding, filled, pool_decimals, notes, ignored })
    }

    /// Seconds from each row to the next, where that is known; else from most rows; a day where rows name days.
    fn step(&mut self) -> Option<u64> {
        if let Some(step) = self.known_step {
            if !(MINUTE_SECS..=DAY_SECS).contains(&step) {
                self.problem(0, ProblemKind::Step { step });
                return None;
            }
            return Some(step);
        }
        let mut counts = BTreeMap::<u64, usize>::new();
        for pair in self.times.windows(2) {
            *counts.entry(pair[1].0 - pair[0].0).or_default() += 1;
        }
        let is_even = counts.len() == 1;
        // Of equals the smallest.
        let found = counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(step, _)| step);
        match found {
            None if self.only_days && !self.times.is_empty() => Some(DAY_SECS),
            None => {
                if self.problems.is_empty() {
                    self.problem(0, ProblemKind::OneRow);
                }
                None
            }
            Some(_) if self.only_days && !is_even => Some(DAY_SECS),
            Some(step) if (MINUTE_SECS..=DAY_SECS).contains(&step) => Some(step),
            // Two days that are far apart, and nothing between them.
            Some(_) if self.only_days && self.times.len() == 2 => Some(DAY_SECS),
            Some(step) => {
                // What is amiss with times says it better.
                if self.problems.is_empty() {
                    self.problem(0, ProblemKind::Step { step });
                }
                None
            }
        }
    }

    /// After which rows how many are missing, where a rule fills them; otherwise they are problems, as are rows between
    /// the steps and other steps.
    fn gaps(&mut self, step: u64) -> Vec<(usize, u64)> {
        let mut gaps = Vec::new();
        let mut total = self.times.len() as u64;
        let apart = |times: &[(u64, u64)], row: usize| times[row + 1].0 - times[row].0;
        let (mut row, mut phase) = (0, self.times.first().map_or(0, |(time, _)| time % step));
        while row + 1 < self.times.len() {
            let found = apart(&self.times, row);
            let (time, line) = self.times[row + 1];
            let at = Moment::of(time, self.only_days);
            let same = (row..self.times.len() - 1).take_while(|next| apart(&self.times, *next) == found).count();
            if found == step {
                row += same;
                continue;
            }
            if same >= STEP_RUN && self.known_step.is_none() {
                let at = Moment::of(self.times[row].0, self.only_days);
                self.problem(line, ProblemKind::MixedSteps { at, found, step });
                row += same;
                phase = self.times[row].0 % step;
                continue;
            }
            if time % step != phase {
                self.problem(line, ProblemKind::OffGrid { at, step });
            } else {
                let missing = (found / step).saturating_sub(1);
                total = total.saturating_add(missing);
                match self.fill {
                    _ if missing == 0 => {}
                    Fill::Nothing => {
                        let after = Moment::of(self.times[row].0, self.only_days);
                        self.problem(line, ProblemKind::Gap { after, at, missing });
                    }
                    Fill::Previous if total > ROWS_MAX as u64 => {
                        self.problem(line, ProblemKind::TooManyRows { allowed: ROWS_MAX });
                        return Vec::new();
                    }
                    Fill::Previous => gaps.push((row, missing)),
                }
            }
            row += 1;
        }
        gaps
    }

    fn future(&mut self, step: u64) {
        // A sample is there when it is taken, a bar when it is over.
        let length = if self.kind == Kind::Price { step - 1 } else { 0 };
        let now = self.now;
        let first = self.times.partition_point(|(time, _)| time.saturating_add(length) <= now);
        for (time, line) in self.times.split_off(first) {
            self.times.push((time, line));
            self.problem(line, ProblemKind::Future { at: Moment::of(time, self.only_days), now });
        }
    }
}

/// `values` with each value before a gap repeated through it.
fn spread(values: Vec<u128>, gaps: &[(usize, u64)]) -> Vec<u128> {
    spread_with(values, gaps, |before| before)
}

fn spread_with(values: Vec<u128>, gaps: &[(usize, u64)], filler: impl Fn(u128) -> u128) -> Vec<u128> {
    if gaps.is_empty() {
        return values;
    }
    let mut gaps = gaps.iter().peekable();
    let mut found = Vec::with_capacity(values.len());
    for (row, value) in values.into_iter().enumerate() {
        found.push(value);
        if let Some((_, missing)) = gaps.next_if(|(after, _)| *after == row) {
            found.extend((0..*missing).map(|_| filler(value)));
        }
    }
    found
}

/// Prices of their columns. Through a gap all four prices are the close before it, and nothing was traded.
fn prices(mut columns: Columns, gaps: &[(usize, u64)], notes: &mut Vec<String>) -> Prices {
    let close = columns.remove(&Column::Close).unwrap_or_default();
    // A gap is filled from the close before it, whatever the column.
    let through = |values: Vec<u128>| {
        if gaps.is_empty() {
            return values;
        }
        let mut gaps = gaps.iter().peekable();
        let mut found = Vec::with_capacity(values.len());
        for (row, value) in values.into_iter().enumerate() {
            found.push(value);
            if let Some((_, missing)) = gaps.next_if(|(after, _)| *after == row) {
                found.extend((0..*missing).map(|_| close[row]));
            }
        }
        found
    };
    let open = columns.remove(&Column::Open).unwrap_or_else(|| {
        notes.push("it has no open: each is the close before it, the first its own".to_owned());
        close.iter().take(1).chain(&close).take(close.len()).copied().collect()
    });
    let typed = |values: Vec<u128>| values.into_iter().map(Price).collect::<Vec<Price>>();
    let range = columns.remove(&Column::High).zip(columns.remove(&Column::Low));
    let range = range.map(|(high, low)| (typed(through(high)), typed(through(low))));
    let mut volume = None;
    for column in [Column::VolumeUsd, Column::Volume] {
        if let (None, Some(unit), Some(values)) = (&volume, volume_unit(column), columns.remove(&column)) {
            volume = Some((unit, spread_with(values, gaps, |_| 0)));
        }
    }
    let market_cap = columns.remove(&Column::MarketCap);
    let market_cap = market_cap.map(|caps| spread(caps, gaps).into_iter().map(Value).collect());
    let open = typed(through(open));
    let close = typed(spread(close.clone(), gaps));
    Prices { open, range, close, volume, market_cap }
}
