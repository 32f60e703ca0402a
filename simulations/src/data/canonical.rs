//! One file of what was read: the same series give the same bytes, whatever files they came from.
//!
//! Series stand one below the other, by kind and name and time; what a series does not have is empty. Numbers are exact:
//! decimal text in CSV, `DECIMAL` in Parquet.

use super::{DataSet, Kind, Prices, Series, Values, VolumeUnit, columns::Column, parquet_file};
use crate::{
    decimal,
    problem::{Problem, ProblemKind},
};
use flate2::{Compression, GzBuilder};
use parquet::{
    basic::{Compression as Packing, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::Type,
};
use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

/// Columns of values, in order, and their decimal places.
const COLUMNS: [(Column, u8); 10] = [
    (Column::Open, 18),
    (Column::High, 18),
    (Column::Low, 18),
    (Column::Close, 18),
    (Column::VolumeUsd, 18),
    (Column::Volume, 18),
    (Column::MarketCap, 18),
    (Column::Index, 27),
    (Column::Gas, 18),
    (Column::Liquidity, 0),
];
/// Digits of a `DECIMAL` of sixteen bytes, and one above the greatest number of so many.
const DIGITS: i32 = 38;
const DIGITS_END: u128 = 100_000_000_000_000_000_000_000_000_000_000_000_000;
/// Who wrote it; a version here would change the bytes.
const CREATED_BY: &str = "quaestor";

/// What a file is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Parquet, packed with Snappy.
    Parquet,
    /// CSV, packed with gzip.
    CsvGz,
}

impl Format {
    /// That of a file's name.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy();
        match () {
            () if name.ends_with(".parquet") => Some(Self::Parquet),
            () if name.ends_with(".csv.gz") => Some(Self::CsvGz),
            () => None,
        }
    }
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A number is too large.
    #[error("{0}")]
    Number(Problem),
    /// In the words of the writer.
    #[error("Parquet cannot be written: {0}")]
    Parquet(#[from] ParquetError),
    /// The system does not let it be written.
    #[error("it cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// The bytes of a file with every series of `data`.
///
/// # Errors
/// If a number has more than 38 digits, which Parquet's decimals do not hold.
pub fn write(data: &DataSet, format: Format) -> Result<Vec<u8>, WriteError> {
    match format {
        Format::CsvGz => csv_gz(data),
        Format::Parquet => parquet(data),
    }
}

/// Column of values by column, each a value a row or nothing.
fn columns(series: &Series) -> [Option<Vec<u128>>; 10] {
    let mut found = COLUMNS.map(|_| None);
    let mut put = |column: Column, values: Vec<u128>| {
        if let Some(place) = COLUMNS.iter().position(|(known, _)| *known == column) {
            found[place] = Some(values);
        }
    };
    match &series.values {
        Values::Samples(samples) => {
            let column = match series.kind {
                Kind::Index => Column::Index,
                Kind::Gas => Column::Gas,
                Kind::Price | Kind::Liquidity => Column::Liquidity,
            };
            put(column, samples.clone());
        }
        Values::Prices(Prices { open, range, close, volume, market_cap }) => {
            let plain = |prices: &[quaestor_core::Price]| prices.iter().map(|price| price.0).collect::<Vec<u128>>();
            put(Column::Open, plain(open));
            if let Some((high, low)) = range {
                put(Column::High, plain(high));
                put(Column::Low, plain(low));
            }
            put(Column::Close, plain(close));
            if let Some((unit, volume)) = volume {
                let column = if *unit == VolumeUnit::Dollars { Column::VolumeUsd } else { Column::Volume };
                put(column, volume.clone());
            }
            if let Some(caps) = market_cap {
                put(Column::MarketCap, caps.iter().map(|cap| cap.0).collect());
            }
        }
    }
    found
}

fn csv_gz(data: &DataSet) -> Result<Vec<u8>, WriteError> {
    // Neither a time nor a name goes into the head.
    let mut file = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let names: Vec<&str> = COLUMNS.iter().map(|(column, _)| column.name()).collect();
    writeln!(file, "kind,name,timestamp,{}", names.join(","))?;
    let mut line = csv::WriterBuilder::new().from_writer(file);
    for (_, series) in data.iter() {
        let columns = columns(series);
        for row in 0..series.len() {
            let head = [series.kind.word().to_owned(), series.name.clone(), series.time(row).to_string()];
            let cells = columns.iter().zip(COLUMNS).map(|(values, (_, places))| {
                values.as_ref().map_or_else(String::new, |values| decimal::text(values[row], usize::from(places)))
            });
            line.write_record(head.into_iter().chain(cells)).map_err(io::Error::from)?;
        }
    }
    let file = line.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(file.finish()?)
}

fn parquet_schema() -> Result<Arc<Type>, ParquetError> {
    let text = |name: &str| {
        Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::String))
            .build()
    };
    let time = Type::primitive_type_builder(Column::Time.name(), Physical::INT64)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
        .build()?;
    let mut found = vec![text(Column::Kind.name())?, text(Column::Name.name())?, time];
    for (column, places) in COLUMNS {
        let scale = i32::from(places);
        found.push(
            Type::primitive_type_builder(column.name(), Physical::FIXED_LEN_BYTE_ARRAY)
                .with_repetition(Repetition::OPTIONAL)
                .with_length(16)
                .with_precision(DIGITS)
                .with_scale(scale)
                .with_logical_type(Some(LogicalType::decimal(scale, DIGITS)))
                .build()?,
        );
    }
    parquet_file::schema(found)
}

fn parquet(data: &DataSet) -> Result<Vec<u8>, WriteError> {
    for (file, series) in data.iter() {
        fits(file, series)?;
    }
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Packing::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut file = SerializedFileWriter::new(Vec::new(), parquet_schema()?, Arc::new(properties))?;
    // A series a group, so that a notebook reads the one that it wants.
    for (_, series) in data.iter() {
        let mut group = file.next_row_group()?;
        write_group(&mut group, series)?;
        group.close()?;
    }
    Ok(file.into_inner()?)
}

fn fits(file: &str, series: &Series) -> Result<(), WriteError> {
    for (values, (column, places)) in columns(series).into_iter().zip(COLUMNS) {
        if let Some(large) = values.into_iter().flatten().find(|value| *value >= DIGITS_END) {
            let text = decimal::text(large, usize::from(places));
            let kind = ProblemKind::Digits { column: column.name(), text };
            return Err(WriteError::Number(Problem { file: file.to_owned(), line: 0, kind }));
        }
    }
    Ok(())
}

fn write_group(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, series: &Series) -> Result<(), ParquetError> {
    let rows = series.len();
    for text in [series.kind.word(), &series.name] {
        let texts = vec![ByteArray::from(text); rows];
        if let Some(mut column) = group.next_column()? {
            column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
            column.close()?;
        }
    }
    if let Some(mut column) = group.next_column()? {
        // Unix seconds of the years that there are fit in milliseconds.
        let times: Vec<i64> = (0..rows).map(|row| (series.time(row) * 1_000) as i64).collect();
        column.typed::<Int64Type>().write_batch(&times, None, None)?;
        column.close()?;
    }
    for values in columns(series) {
        let levels = vec![i16::from(values.is_some()); rows];
        let bytes = |value: u128| FixedLenByteArray::from(value.to_be_bytes().to_vec());
        let values: Vec<FixedLenByteArray> = values.into_iter().flatten().map(bytes).collect();
        if let Some(mut column) = group.next_column()? {
            column.typed::<FixedLenByteArrayType>().write_batch(&values, Some(&levels), None)?;
            column.close()?;
        }
    }
    Ok(())
}
