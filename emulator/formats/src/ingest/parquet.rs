//! Parquet, with the conversions of the page of Parquet mappings; those that it marks as
//! impossible give null, silently.

mod convert;

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use bytes::Bytes;
use kusto_emulator_values::{Column, ColumnBuilder, ScalarType, arrow_schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::rows::push_limited;
use super::{From, IngestOptions, Ingested, Source, sources};
use crate::IngestError;
use crate::mapping::MappingSource;
use crate::path::Step;
use convert::{Kind, convert, kind};

/// Rows of a batch at most, and bytes that a batch is aimed at: large values make it shorter.
const BATCH_ROWS: i64 = 65_536;
const BATCH_BYTES: i64 = 64 << 20;

/// A field of the file that some column takes.
struct Taken {
    /// Place of the field in the file.
    index: usize,
    name: String,
    kind: Kind,
    /// Place of the field among those that are read.
    place: usize,
}

/// Reads a Parquet file.
pub(super) fn read(
    bytes: Vec<u8>,
    schema: &[Column],
    options: &IngestOptions,
) -> Result<Ingested, IngestError> {
    let sources = sources(
        options,
        schema,
        |_, column| column.name.clone(),
        |source| match source {
            MappingSource::Path(path) => match path.0.as_slice() {
                [Step::Key(name)] => Some(name.clone()),
                _ => None,
            },
            MappingSource::Ordinal(_) | MappingSource::Constant(_) => None,
        },
    )?;
    let invalid = |error: parquet::errors::ParquetError| {
        IngestError::invalid_blob(format!("it is no readable Parquet file ({error})"))
    };
    // Only what Parquet itself says of a type counts: Arrow's own schema in a file would tell more
    // than Kusto reads.
    let arrow_options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(bytes), arrow_options)
            .map_err(invalid)?;
    let fields = taken_fields(&builder, &sources)?;
    let wanted: Vec<usize> = fields.iter().map(|field| field.index).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
    let rows = builder.metadata().file_metadata().num_rows().max(1);
    let groups = builder.metadata().row_groups().iter();
    let size: i64 = groups.map(|group| group.total_byte_size()).sum();
    let per_row = (size / rows).max(1);
    let batch_rows = (BATCH_BYTES / per_row).clamp(1, BATCH_ROWS);
    let reader = builder
        .with_projection(mask)
        .with_batch_size(usize::try_from(batch_rows).unwrap_or(1))
        .build()
        .map_err(invalid)?;
    let mut ingested = Ingested {
        batches: Vec::new(),
        records: 0,
        errors: 0,
    };
    for batch in reader {
        let batch = batch.map_err(|error| {
            IngestError::invalid_blob(format!("it cannot be decoded ({error})"))
        })?;
        ingested.records += u64::try_from(batch.num_rows()).unwrap_or(0);
        let columns = schema.iter().zip(&sources).enumerate();
        let arrays: Result<Vec<_>, _> = columns
            .map(|(index, (column, source))| {
                let most = options.max_value_size(index);
                column_array(&batch, &fields, column, source, most)
            })
            .collect();
        let batch = RecordBatch::try_new(arrow_schema(schema), arrays?)?;
        ingested.batches.push(batch);
    }
    Ok(ingested)
}

/// The file's fields that columns take.
fn taken_fields(
    builder: &ParquetRecordBatchReaderBuilder<Bytes>,
    sources: &[Source<String>],
) -> Result<Vec<Taken>, IngestError> {
    let roots = builder.parquet_schema().root_schema().get_fields();
    let mut taken = Vec::new();
    for (index, (field, root)) in builder.schema().fields().iter().zip(roots).enumerate() {
        let wanted = sources
            .iter()
            .any(|source| matches!(&source.from, From::Field(name) if name == field.name()));
        if !wanted {
            continue;
        }
        let kind =
            kind(field.data_type(), root).ok_or_else(|| IngestError::FormatNotSupported {
                what: format!(
                    "Parquet field '{}' of type {}",
                    field.name(),
                    field.data_type()
                ),
            })?;
        let place = taken.len();
        taken.push(Taken {
            index,
            name: field.name().clone(),
            kind,
            place,
        });
    }
    Ok(taken)
}

/// A table's column from a batch of the file.
fn column_array(
    batch: &RecordBatch,
    fields: &[Taken],
    column: &Column,
    source: &Source<String>,
    most: usize,
) -> Result<arrow::array::ArrayRef, IngestError> {
    let rows = batch.num_rows();
    match &source.from {
        From::Field(name) => match fields.iter().find(|field| field.name == *name) {
            Some(field) => {
                let array = batch.column(field.place);
                convert(array, field.kind, column.ty, most, source.transform)
            }
            None => Ok(absent(column.ty, rows)),
        },
        From::Constant(text) => {
            let mut builder = ColumnBuilder::new(column.ty);
            for _ in 0..rows {
                push_limited(&mut builder, text, most);
            }
            Ok(builder.finish())
        }
        From::Nothing => Ok(absent(column.ty, rows)),
    }
}

/// A column without values: nulls, or empty strings.
fn absent(ty: ScalarType, rows: usize) -> arrow::array::ArrayRef {
    if ty == ScalarType::String {
        let empty = std::iter::repeat_n(Some(""), rows);
        return Arc::new(empty.collect::<arrow::array::StringArray>());
    }
    new_null_array(&ty.arrow(), rows)
}
