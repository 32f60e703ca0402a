//! Results as plain columns, for notebooks: CSV and Parquet.

use crate::data::WriteError;
use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as Physical},
    data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::Type,
};
use std::{fmt::Write as _, sync::Arc};

/// Values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Numbers, some of which may not exist.
    Real(Vec<Option<f64>>),
    /// Text.
    Text(Vec<String>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Whole(values) => values.len(),
            Self::Real(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }
}

/// Columns of one length, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    columns: Vec<(String, Column)>,
}

impl Table {
    /// With one more column. One of another length than those before it is cut, or filled up with nothing.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, mut column: Column) -> Self {
        let rows = self.columns.first().map_or(column.len(), |(_, first)| first.len());
        match &mut column {
            Column::Whole(values) => values.resize(rows, 0),
            Column::Real(values) => values.resize(rows, None),
            Column::Text(values) => values.resize(rows, String::new()),
        }
        self.columns.push((name.into(), column));
        self
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A head and a line a row. Numbers have as many digits as name them exactly; what does not exist is empty; text with a
    /// comma, quote or break in it is quoted.
    pub fn csv(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| quoted(name)).collect();
        let mut text = names.join(",");
        text.push('\n');
        for row in 0..self.len() {
            for (place, (_, column)) in self.columns.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                // A string takes what it is given.
                let _ = match column {
                    Column::Whole(values) => write!(text, "{}", values[row]),
                    Column::Real(values) => values[row].map_or(Ok(()), |value| write!(text, "{value}")),
                    Column::Text(values) => text.write_str(&quoted(&values[row])),
                };
            }
            text.push('\n');
        }
        text
    }

    /// The bytes of a Parquet file; the same table gives the same.
    ///
    /// # Errors
    /// In the words of the writer.
    pub fn parquet(&self) -> Result<Vec<u8>, WriteError> {
        let properties = WriterProperties::builder()
            .set_created_by("quaestor".to_owned())
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::None)
            .build();
        let fields =
            self.columns.iter().map(|(name, column)| field(name, column).map(Arc::new)).collect::<Result<_, _>>()?;
        let schema = Type::group_type_builder("rows").with_fields(fields).build()?;
        let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        for (_, values) in &self.columns {
            let Some(mut column) = group.next_column()? else { break };
            match values {
                Column::Whole(values) => {
                    column.typed::<Int64Type>().write_batch(values, None, None)?;
                }
                Column::Real(values) => {
                    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                    let known: Vec<f64> = values.iter().flatten().copied().collect();
                    column.typed::<DoubleType>().write_batch(&known, Some(&levels), None)?;
                }
                Column::Text(values) => {
                    let texts: Vec<ByteArray> = values.iter().map(|text| ByteArray::from(text.as_str())).collect();
                    column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
                }
            }
            column.close()?;
        }
        group.close()?;
        Ok(file.into_inner()?)
    }
}

fn field(name: &str, column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical, repetition) = match column {
        Column::Whole(_) => (Physical::INT64, None, Repetition::REQUIRED),
        Column::Real(_) => (Physical::DOUBLE, None, Repetition::OPTIONAL),
        Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
    };
    Type::primitive_type_builder(name, physical).with_repetition(repetition).with_logical_type(logical).build()
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    fn table() -> Table {
        Table::default()
            .with("path", Column::Whole(vec![0, 1, 2]))
            .with("sharpe", Column::Real(vec![Some(0.1), None, Some(-2.5e-9)]))
            .with("what, why", Column::Text(vec!["plain".into(), "a \"b\"".into()]))
    }

    #[test]
    fn a_table_is_read_back() {
        assert_eq!(table().csv(), "path,sharpe,\"what, why\"\n0,0.1,plain\n1,,\"a \"\"b\"\"\"\n2,-0.0000000025,\n");
        let bytes = table().parquet().unwrap();
        assert_eq!(bytes, table().parquet().unwrap());
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let file = SerializedFileReader::new(file).unwrap();
        let rows: Vec<String> = file.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows[1], "{path: 1, sharpe: null, what, why: \"a \"b\"\"}");
        assert_eq!(rows.len(), 3);
    }
}
