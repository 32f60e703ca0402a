//! Rows of Parquet files, as the text that CSV has, so that both are checked by the same rules.

use super::{Options, ROWS_MAX, Series, columns::Layout, source::Table};
use crate::{
    Day,
    problem::{DataError, ProblemKind},
};
use alloy_primitives::I256;
use parquet::{
    basic::{ConvertedType, LogicalType, Repetition, TimeUnit},
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    record::{Field, Row},
    schema::types::Type,
};
use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Most columns.
const COLUMNS_MAX: usize = 1_000;

fn whole(name: &str, kind: ProblemKind) -> DataError {
    let mut problems = DataError::default();
    problems.push(name, 0, kind);
    problems
}

fn problem(error: &ParquetError) -> ProblemKind {
    let reason = error.to_string();
    match error {
        ParquetError::EOF(_) => ProblemKind::Truncated { reason },
        // The end of a file holds what the rest is; without it the reader finds no mark there.
        _ if reason.contains("Corrupt footer") || reason.contains("smaller than") => ProblemKind::Truncated { reason },
        _ => ProblemKind::Unreadable { reason },
    }
}

/// Whether a column is flat and of a type that a row gives as one value.
fn is_plain(column: &Type) -> bool {
    let info = column.get_basic_info();
    let is_flat = column.is_primitive() && info.has_repetition() && info.repetition() != Repetition::REPEATED;
    let is_odd = matches!(
        info.converted_type(),
        ConvertedType::INTERVAL | ConvertedType::BSON | ConvertedType::LIST | ConvertedType::MAP
    );
    is_flat && !is_odd && !matches!(info.logical_type_ref(), Some(LogicalType::Float16))
}

fn is_nanos(column: &Type) -> bool {
    let logical = column.get_basic_info().logical_type_ref();
    matches!(logical, Some(LogicalType::Timestamp(timestamp)) if timestamp.unit == TimeUnit::NANOS)
}

/// Reads a file whose rows begin at 1.
pub(super) fn load(file: File, name: &str, stem: &str, options: &Options) -> Result<Vec<Series>, DataError> {
    // The decoder asserts some of what a damaged file breaks. Whatever it was at is dropped here.
    let read = catch_unwind(AssertUnwindSafe(|| read(file, name, stem, options)));
    read.unwrap_or_else(|_| {
        let reason = "its parts contradict each other; write or fetch it again".to_owned();
        Err(whole(name, ProblemKind::Unreadable { reason }))
    })
}

fn read(file: File, name: &str, stem: &str, options: &Options) -> Result<Vec<Series>, DataError> {
    let failed = |error: ParquetError| whole(name, problem(&error));
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let metadata = reader.metadata();
    let rows = metadata.file_metadata().num_rows();
    // Canonical files hold many series, each of which is bounded by itself.
    let rows_max = ROWS_MAX * 10;
    if usize::try_from(rows).map_or(true, |rows| rows > rows_max) {
        return Err(whole(name, ProblemKind::TooManyRows { allowed: rows_max }));
    }
    let unpacked = metadata
        .row_groups()
        .iter()
        .try_fold(0u64, |sum, group| sum.checked_add(u64::try_from(group.total_byte_size()).ok()?));
    let allowed = options.unpacked_bytes_max;
    if unpacked.is_none_or(|unpacked| unpacked > allowed) {
        return Err(whole(name, ProblemKind::Unpacks { allowed }));
    }
    let schema = metadata.file_metadata().schema();
    if schema.get_fields().len() > COLUMNS_MAX {
        let reason = format!("it has more than {COLUMNS_MAX} columns; leave out what is not needed");
        return Err(whole(name, ProblemKind::Unreadable { reason }));
    }
    let (plain, others): (Vec<_>, Vec<_>) = schema.get_fields().iter().cloned().partition(|column| is_plain(column));
    let nanos: Vec<bool> = plain.iter().map(|column| is_nanos(column)).collect();
    let mut layout = Layout::of(plain.iter().map(|column| column.name())).map_err(|kind| whole(name, kind))?;
    layout.ignored.extend(others.iter().map(|column| column.name().to_owned()));
    let projection = Type::group_type_builder(schema.name()).with_fields(plain).build().map_err(failed)?;
    let mut table = Table::new(name, layout, options);
    let mut problems = DataError::default();
    let mut record = csv::StringRecord::new();
    for (line, row) in (1..).zip(reader.get_row_iter(Some(projection)).map_err(failed)?) {
        match row {
            Ok(row) => {
                fields(&row, &nanos, &mut record);
                table.row(line, &record);
            }
            // What follows cannot be read either.
            Err(error) => {
                problems.push(name, line, problem(&error));
                break;
            }
        }
    }
    table.finish(stem, problems)
}

fn fields(row: &Row, nanos: &[bool], record: &mut csv::StringRecord) {
    record.clear();
    for ((_, field), nanos) in row.get_column_iter().zip(nanos) {
        record.push_field(&text(field, *nanos));
    }
}

fn seconds(number: i64, divisor: i64) -> String {
    match number % divisor {
        0 => (number / divisor).to_string(),
        // No bar begins between two seconds: it is named as it stands there.
        _ => format!("{number}/{divisor}"),
    }
}

/// A field as CSV would have it. The shortest text of a float is the float.
fn text(field: &Field, is_nanos: bool) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Long(number) if is_nanos => seconds(*number, 1_000_000_000),
        Field::TimestampMillis(number) => seconds(*number, 1_000),
        Field::TimestampMicros(number) => seconds(*number, 1_000_000),
        Field::Date(days) => {
            let day = u64::try_from(*days).ok().and_then(|days| Day::at(days * 86_400));
            day.map_or_else(|| days.to_string(), |day| day.to_string())
        }
        Field::Double(number) => float(*number),
        Field::Float(number) if number.is_finite() => format!("{number:e}"),
        Field::Decimal(decimal) => {
            let scale = usize::try_from(decimal.scale()).unwrap_or_default();
            I256::try_from_be_slice(&signed(decimal.data())).map_or_else(String::new, |number| {
                let (sign, magnitude) = number.into_sign_and_abs();
                let minus = if sign.is_negative() { "-" } else { "" };
                match u128::try_from(magnitude) {
                    Ok(magnitude) => format!("{minus}{}", crate::decimal::text(magnitude, scale)),
                    Err(_) => number.to_string(),
                }
            })
        }
        Field::Bytes(bytes) => bytes.as_utf8().map_or_else(|_| "bytes".to_owned(), str::to_owned),
        other => other.to_string(),
    }
}

fn float(number: f64) -> String {
    if number.is_finite() && number.abs() < 1e15 && number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:e}")
    }
}

/// Thirty-two bytes of the same number.
fn signed(bytes: &[u8]) -> Vec<u8> {
    let fill = if bytes.first().is_some_and(|first| first & 0x80 != 0) { 0xff } else { 0 };
    let mut found = vec![fill; 32usize.saturating_sub(bytes.len())];
    found.extend_from_slice(bytes);
    found
}

/// The type of a file's rows.
pub(super) fn schema(columns: Vec<Type>) -> Result<Arc<Type>, ParquetError> {
    let columns = columns.into_iter().map(Arc::new).collect();
    Type::group_type_builder("series").with_fields(columns).build().map(Arc::new)
}
