//! A Parquet file of a table, by the crate's column writers; Arrow is not needed for flat tables.

use super::cell::Cell;
use crate::output::schema::{Column, Kind, RESULTS, Table};
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

/// Rows that are held before they are written as one row group: some 20 MB for the trace.
const ROW_GROUP: usize = 1 << 16;

/// A Parquet file on its way.
pub(crate) struct ParquetTable<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Held>,
    rows: usize,
}

/// A column's values that are not written yet.
struct Held {
    values: Values,
    /// Which rows have a value; not kept where every row does.
    defined: Option<Vec<i16>>,
    /// Texts that many rows hold: their bytes are shared.
    words: BTreeMap<&'static str, ByteArray>,
}

enum Values {
    Whole(Vec<i64>),
    Number(Vec<f64>),
    Flag(Vec<bool>),
    Text(Vec<ByteArray>),
}

impl<W: Write + Send> ParquetTable<W> {
    pub(crate) fn new(to: W, table: &Table) -> Result<Self, ParquetError> {
        let fields = table.columns.iter().map(field).collect::<Result<_, _>>()?;
        let schema = Arc::new(Type::group_type_builder(table.name).with_fields(fields).build()?);
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("chartmesh-scenarios ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(vec![
                KeyValue::new("chartmesh.format".into(), RESULTS.to_owned()),
                KeyValue::new("chartmesh.table".into(), table.doc.to_owned()),
                KeyValue::new("chartmesh.columns".into(), columns(table)),
            ]));
        for column in table.columns.iter().filter(|column| column.kind == Kind::Whole) {
            let path = ColumnPath::from(column.name);
            // Times rise: their differences are small. Ids of messages hardly repeat: a dictionary would be in vain.
            if column.unit == "µs" {
                let delta = Encoding::DELTA_BINARY_PACKED;
                properties = properties.set_column_encoding(path.clone(), delta);
            }
            if column.unit == "µs" || column.name == "id" {
                properties = properties.set_column_dictionary_enabled(path, false);
            }
        }
        let properties = properties.build();
        let file = SerializedFileWriter::new(to, schema, Arc::new(properties))?;
        Ok(Self { file, columns: table.columns.iter().map(Held::of).collect(), rows: 0 })
    }

    /// Appends a row: one cell for each column.
    pub(crate) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ParquetError> {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(*cell)?;
        }
        self.rows += 1;
        if self.rows == ROW_GROUP { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            column.write(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Writes what is held, and the footer.
    pub(crate) fn close(mut self) -> Result<(), ParquetError> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.file.finish()?;
        self.file.inner_mut().flush()?;
        Ok(())
    }
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Whole => (Physical::INT64, Some(LogicalType::integer(64, false))),
        Kind::Number => (Physical::DOUBLE, None),
        Kind::Flag => (Physical::BOOLEAN, None),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let repetition = if column.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let builder = Type::primitive_type_builder(column.name, physical);
    Ok(Arc::new(builder.with_repetition(repetition).with_logical_type(logical).build()?))
}

/// The columns' meanings as JSON, for the file's metadata.
fn columns(table: &Table) -> String {
    let by_name: serde_json::Map<_, _> = table
        .columns
        .iter()
        .map(|column| {
            (column.name.to_owned(), serde_json::json!({"unit": column.unit, "doc": column.doc}))
        })
        .collect();
    serde_json::Value::Object(by_name).to_string()
}

impl Held {
    fn of(column: &Column) -> Self {
        let values = match column.kind {
            Kind::Whole => Values::Whole(Vec::new()),
            Kind::Number => Values::Number(Vec::new()),
            Kind::Flag => Values::Flag(Vec::new()),
            Kind::Text => Values::Text(Vec::new()),
        };
        Self { values, defined: column.optional.then(Vec::new), words: BTreeMap::new() }
    }

    fn push(&mut self, cell: Cell<'_>) -> Result<(), ParquetError> {
        match (&mut self.values, cell) {
            (_, Cell::None) if self.defined.is_some() => {}
            (Values::Whole(held), Cell::Whole(number)) => held.push(number.cast_signed()),
            (Values::Number(held), Cell::Number(number)) => held.push(number),
            (Values::Flag(held), Cell::Flag(flag)) => held.push(flag),
            (Values::Text(held), Cell::Text(text)) => held.push(text.into()),
            (Values::Text(held), Cell::Word(text)) => {
                held.push(self.words.entry(text).or_insert_with(|| text.into()).clone());
            }
            _ => return Err(ParquetError::General("a cell is not of its column's kind".into())),
        }
        if let Some(defined) = &mut self.defined {
            defined.push(i16::from(!matches!(cell, Cell::None)));
        }
        Ok(())
    }

    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let mut writer = group
            .next_column()?
            .ok_or_else(|| ParquetError::General("more columns than the schema has".into()))?;
        let defined = self.defined.as_deref();
        match &mut self.values {
            Values::Whole(held) => {
                writer.typed::<Int64Type>().write_batch(held, defined, None)?;
                held.clear();
            }
            Values::Number(held) => {
                writer.typed::<DoubleType>().write_batch(held, defined, None)?;
                held.clear();
            }
            Values::Flag(held) => {
                writer.typed::<BoolType>().write_batch(held, defined, None)?;
                held.clear();
            }
            Values::Text(held) => {
                writer.typed::<ByteArrayType>().write_batch(held, defined, None)?;
                held.clear();
            }
        }
        if let Some(defined) = &mut self.defined {
            defined.clear();
        }
        writer.close()
    }
}
