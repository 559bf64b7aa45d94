//! Parquet files, with the damage of Kusto's writer: datetimes cut to milliseconds or
//! microseconds, timespans as plain numbers of ticks, guids and dynamics as text, decimals of
//! fixed precision and scale.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use kusto_emulator_values::{Column, Decimal, ScalarType, TypedColumn, datetime};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Compression, DateTimePrecision, ExportOptions, FinishedFile};
use crate::ExportError;

/// Significant digits of decimals in Parquet. Kusto's are not documented; these fit the type's 34.
const DECIMAL_PRECISION: u8 = 34;
/// Digits of decimals after the point in Parquet: half of the precision on either side.
const DECIMAL_SCALE: i8 = 17;
/// Rows that are converted at once, so that large values are not held twice for long.
const CHUNK: usize = 1024;
const UTC: &str = "UTC";

/// A Parquet file in the making.
#[derive(Debug)]
pub(super) struct ParquetFile {
    schema: SchemaRef,
    precision: DateTimePrecision,
    writer: ArrowWriter<Vec<u8>>,
    records: u64,
    uncompressed_size: u64,
}

impl ParquetFile {
    pub(super) fn new(schema: &[Column], options: &ExportOptions) -> Result<Self, ExportError> {
        let precision = options.datetime_precision;
        let fields: Vec<Field> = schema
            .iter()
            .map(|column| Field::new(&column.name, parquet_type(column.ty, precision), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(codec(options.compression))
            .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
            .build();
        // Without Arrow's own schema: only what Parquet says is there for a reader.
        let arrow = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), arrow)?;
        Ok(Self {
            schema,
            precision,
            writer,
            records: 0,
            uncompressed_size: 0,
        })
    }

    pub(super) fn uncompressed_size(&self) -> u64 {
        self.uncompressed_size
    }

    /// Writes a chunk of rows from `row` on; gives the next row.
    pub(super) fn push(
        &mut self,
        schema: &[Column],
        batch: &RecordBatch,
        row: usize,
    ) -> Result<usize, ExportError> {
        let rows = CHUNK.min(batch.num_rows() - row);
        let chunk = batch.slice(row, rows);
        let columns = TypedColumn::of_batch(schema, &chunk)?;
        let arrays = columns.iter().zip(chunk.columns());
        let arrays: Result<Vec<_>, _> = arrays
            .map(|(column, array)| parquet_array(column, array, self.precision))
            .collect();
        let arrays = arrays?;
        for array in &arrays {
            let size = array.to_data().get_slice_memory_size()?;
            self.uncompressed_size += u64::try_from(size).unwrap_or(0);
        }
        let converted = RecordBatch::try_new(Arc::clone(&self.schema), arrays)?;
        self.writer.write(&converted)?;
        self.records += u64::try_from(rows).unwrap_or(0);
        Ok(row + rows)
    }

    pub(super) fn finish(self, extension: String) -> Result<FinishedFile, ExportError> {
        Ok(FinishedFile {
            bytes: self.writer.into_inner()?,
            records: self.records,
            uncompressed_size: self.uncompressed_size,
            extension,
        })
    }
}

fn codec(compression: Compression) -> Codec {
    match compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
    }
}

/// The Arrow type whose Parquet form Kusto documents for the type.
fn parquet_type(ty: ScalarType, precision: DateTimePrecision) -> DataType {
    match ty {
        ScalarType::DateTime => {
            let unit = match precision {
                DateTimePrecision::Millisecond => TimeUnit::Millisecond,
                DateTimePrecision::Microsecond => TimeUnit::Microsecond,
            };
            DataType::Timestamp(unit, Some(UTC.into()))
        }
        ScalarType::Decimal => DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE),
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic => ty.arrow(),
    }
}

fn parquet_array(
    column: &TypedColumn<'_>,
    array: &ArrayRef,
    precision: DateTimePrecision,
) -> Result<ArrayRef, ExportError> {
    Ok(match column {
        TypedColumn::DateTime(ticks) => {
            let cut = |unit: i64| {
                let values = ticks.iter();
                values.map(move |ticks| ticks.map(|ticks| since_epoch(ticks, unit)))
            };
            match precision {
                DateTimePrecision::Millisecond => {
                    Arc::new(TimestampMillisecondArray::from_iter(cut(10_000)).with_timezone(UTC))
                }
                DateTimePrecision::Microsecond => {
                    Arc::new(TimestampMicrosecondArray::from_iter(cut(10)).with_timezone(UTC))
                }
            }
        }
        TypedColumn::Decimal(texts) => {
            let values = texts.iter().map(|text| text.and_then(fixed));
            let array: Decimal128Array = values.collect();
            Arc::new(array.with_precision_and_scale(DECIMAL_PRECISION, DECIMAL_SCALE)?)
        }
        TypedColumn::String(texts) if texts.null_count() > 0 => {
            let texts = texts.iter().map(|text| Some(text.unwrap_or_default()));
            Arc::new(texts.collect::<StringArray>())
        }
        TypedColumn::Bool(_)
        | TypedColumn::Int(_)
        | TypedColumn::Long(_)
        | TypedColumn::Real(_)
        | TypedColumn::TimeSpan(_)
        | TypedColumn::Guid(_)
        | TypedColumn::String(_)
        | TypedColumn::Dynamic(_) => Arc::clone(array),
    })
}

/// Units since 1970, what is below a unit cut towards the past.
fn since_epoch(ticks: i64, unit: i64) -> i64 {
    (ticks - datetime::UNIX_EPOCH).div_euclid(unit)
}

/// A decimal at the file's scale: rounded there, and none if it has too many digits before the
/// point.
fn fixed(text: &str) -> Option<i128> {
    let most = 10_i128.pow(u32::from(DECIMAL_PRECISION));
    let digits = Decimal::parse(text)?.unscaled(i64::from(DECIMAL_SCALE))?;
    (-most < digits && digits < most).then_some(digits)
}
