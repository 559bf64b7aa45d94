//! Gathering rows into batches, with the limits on values.

use arrow::array::RecordBatch;
use kusto_emulator_values::{Column, ColumnBuilder, ScalarType, arrow_schema, dynamic};

use super::{IngestOptions, Ingested};
use crate::IngestError;
use crate::mapping::Transform;

/// Rows of a batch at most.
const BATCH_ROWS: u64 = 65_536;
/// Bytes of text at which a batch is ended: far from where Arrow's 32-bit offsets end.
const BATCH_BYTES: usize = 64 << 20;

/// Rows in the making: every column gets one value, then the row is ended.
pub(super) struct Rows {
    schema: Vec<Column>,
    columns: Vec<(ColumnBuilder, usize)>,
    batches: Vec<RecordBatch>,
    rows: u64,
    bytes: usize,
    records: u64,
    pub(super) errors: u64,
}

impl Rows {
    pub(super) fn new(schema: &[Column], options: &IngestOptions) -> Self {
        let columns = schema.iter().enumerate();
        let columns = columns
            .map(|(index, column)| (ColumnBuilder::new(column.ty), options.max_value_size(index)))
            .collect();
        Self {
            schema: schema.to_vec(),
            columns,
            batches: Vec::new(),
            rows: 0,
            bytes: 0,
            records: 0,
            errors: 0,
        }
    }

    /// Gives a column its value of this row.
    pub(super) fn push_text(&mut self, column: usize, text: &str, transform: Option<Transform>) {
        let Some((builder, most)) = self.columns.get_mut(column) else {
            return;
        };
        self.bytes += text.len();
        match transform {
            Some(transform) => push_transformed(builder, text, transform),
            None => push_limited(builder, text, *most),
        }
    }

    /// Gives a column null, or the empty string.
    pub(super) fn push_null(&mut self, column: usize) {
        if let Some((builder, _)) = self.columns.get_mut(column) {
            builder.push_null();
        }
    }

    pub(super) fn end_row(&mut self) -> Result<(), IngestError> {
        self.rows += 1;
        self.records += 1;
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.end_batch()?;
        }
        Ok(())
    }

    fn end_batch(&mut self) -> Result<(), IngestError> {
        let columns = self.columns.iter_mut();
        let arrays = columns.map(|(builder, _)| builder.finish()).collect();
        let batch = RecordBatch::try_new(arrow_schema(&self.schema), arrays)?;
        self.batches.push(batch);
        self.rows = 0;
        self.bytes = 0;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Ingested, IngestError> {
        if self.rows > 0 {
            self.end_batch()?;
        }
        Ok(Ingested {
            batches: self.batches,
            records: self.records,
            errors: self.errors,
        })
    }
}

/// Adds a text within the limit on values: a longer string is cut at a character's end, a longer
/// dynamic becomes null.
pub(super) fn push_limited(builder: &mut ColumnBuilder, text: &str, most: usize) {
    if text.len() <= most {
        builder.push_text(text);
    } else if builder.ty() == ScalarType::String {
        builder.push_text(&text[..text.floor_char_boundary(most)]);
    } else if builder.ty() == ScalarType::Dynamic {
        // The limit is on the value, of which the text may have needless blanks.
        match dynamic::from_text(text) {
            Some(json) if json.len() <= most => builder.push_text(&json),
            Some(_) | None => builder.push_null(),
        }
    } else {
        builder.push_text(text);
    }
}

/// Adds the datetime of a number since 1970: ticks into a datetime column, their text into a
/// string column, null into others.
pub(super) fn push_transformed(builder: &mut ColumnBuilder, text: &str, transform: Transform) {
    let number = text.trim().parse().ok();
    let ticks = number.and_then(|number| transform.ticks(number));
    match ticks {
        Some(ticks) if builder.ty() == ScalarType::DateTime => builder.push_i64(ticks),
        Some(ticks) if builder.ty() == ScalarType::String => {
            builder.push_text(&kusto_emulator_values::datetime::format(ticks));
        }
        Some(_) | None => builder.push_null(),
    }
}
