//! Round trips and damage of every format, as tables of what goes in and what comes out.

mod csv_in;
mod damage;
mod hostile;
mod json_in;
mod parquet_in;
mod round_trip;

use arrow::array::RecordBatch;
use kusto_emulator_values::{Column, ScalarType, Schema, Table, TableBuilder, Value};

use crate::{
    ExportFormat, ExportOptions, FinishedFile, IngestError, IngestFormat, IngestOptions, Ingested,
    Writer, read,
};

/// A table of one column.
fn column_of(ty: ScalarType, values: Vec<Value>) -> Table {
    let mut builder = TableBuilder::new(vec![Column::new("c", ty)]);
    for value in values {
        builder.push_row(vec![value]).expect("typed");
    }
    builder.finish().expect("whole rows")
}

/// All files of a table.
fn export(table: &Table, format: ExportFormat, options: ExportOptions) -> Vec<FinishedFile> {
    let mut writer = Writer::new(format, options, &table.schema).expect("options that fit");
    let mut files = Vec::new();
    for batch in &table.batches {
        files.extend(writer.push(batch).expect("typed"));
    }
    files.extend(writer.finish().expect("written"));
    files
}

/// The rows of a text of a format.
fn ingest(
    text: &[u8],
    schema: &Schema,
    options: &IngestOptions,
) -> Result<Vec<Vec<Value>>, IngestError> {
    Ok(rows(schema, read(text.to_vec(), "f", schema, options)?))
}

fn rows(schema: &Schema, ingested: Ingested) -> Vec<Vec<Value>> {
    let counted: usize = ingested.batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(u64::try_from(counted), Ok(ingested.records));
    let table = Table {
        schema: schema.clone(),
        batches: ingested.batches,
    };
    table.rows().expect("Arrow forms")
}

/// Writes a table and reads it back, through one format and one file.
fn there_and_back(table: &Table, format: ExportFormat, options: ExportOptions) -> Vec<Vec<Value>> {
    let files = export(table, format, options);
    assert_eq!(files.len(), 1);
    let ingest_format = match format {
        ExportFormat::Csv => IngestFormat::Csv,
        ExportFormat::Tsv => IngestFormat::Tsv,
        ExportFormat::Json => IngestFormat::Json,
        ExportFormat::Parquet => IngestFormat::Parquet,
    };
    let options = IngestOptions::new(ingest_format);
    let file = files.into_iter().next().expect("one file");
    let ingested = read(file.bytes, "f", &table.schema, &options).expect("readable");
    assert_eq!(ingested.records, file.records);
    rows(&table.schema, ingested)
}

/// Values that differ only where equality of doubles would hide or invent a difference.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Real(left), Value::Real(right)) => {
            left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan()
        }
        _ => left == right,
    }
}
