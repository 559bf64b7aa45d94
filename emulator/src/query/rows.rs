//! The rows of a table in a snapshot, read batch by batch: user columns as they are held, hidden
//! columns made as they are read.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use kusto_emulator_values::ScalarType;

use crate::model::{ColumnId, Extent, Segment, Table};
use crate::settings::RowsWithoutIngestionTime;

/// Names and Arrow types of the hidden columns, in their order after the user's.
pub(super) const HIDDEN_COLUMNS: [(&str, DataType); 4] = [
    ("$IngestionTime", DataType::Int64),
    ("$ExtentId", DataType::Utf8),
    ("$ExtentTags", DataType::Utf8),
    ("$Cursor", DataType::Int64),
];

/// Cursor value of rows without ingestion time when they count as older than every cursor.
const BEFORE_EVERY_CURSOR: i64 = 1;

/// The rows of a table in a snapshot.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) table: Arc<Table>,
    pub(super) schema: SchemaRef,
    pub(super) hidden_schema: SchemaRef,
    pub(super) newest_cursor: i64,
    pub(super) rows_without_time: RowsWithoutIngestionTime,
}

impl Rows {
    fn cursor_of(&self, segment: &Segment) -> Option<i64> {
        match &segment.cursor {
            Some(slot) => slot.as_of(self.newest_cursor),
            None => match self.rows_without_time {
                RowsWithoutIngestionTime::MatchNoCursor => None,
                RowsWithoutIngestionTime::BeforeEveryCursor => Some(BEFORE_EVERY_CURSOR),
            },
        }
    }

    /// A hidden column of one segment, `rows` times.
    fn hidden_column(
        &self,
        index: usize,
        extent: &Extent,
        segment: &Segment,
        rows: usize,
    ) -> ArrayRef {
        let text = |value: String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                value, rows,
            )))
        };
        let number = |value: Option<i64>| -> ArrayRef {
            match value {
                Some(value) => Arc::new(Int64Array::from_value(value, rows)),
                None => Arc::new(Int64Array::new_null(rows)),
            }
        };
        match index {
            0 => number(segment.ingestion_time),
            1 => text(extent.id.to_string()),
            2 => text(serde_json::Value::from(extent.tags.clone()).to_string()),
            _ => number(self.cursor_of(segment)),
        }
    }

    /// The segments that the predicates keep.
    pub(super) fn kept(&self, predicates: &[Arc<dyn PhysicalExpr>]) -> Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for extent in &self.table.extents {
            for segment in &extent.segments {
                if self.keeps(extent, segment, predicates)? {
                    kept.push(Kept {
                        extent: Arc::clone(extent),
                        segment: Arc::clone(segment),
                    });
                }
            }
        }
        Ok(kept)
    }

    fn keeps(
        &self,
        extent: &Extent,
        segment: &Segment,
        predicates: &[Arc<dyn PhysicalExpr>],
    ) -> Result<bool> {
        if predicates.is_empty() {
            return Ok(true);
        }
        let columns = (0..HIDDEN_COLUMNS.len())
            .map(|index| self.hidden_column(index, extent, segment, 1))
            .collect();
        let row = RecordBatch::try_new(Arc::clone(&self.hidden_schema), columns)?;
        for predicate in predicates {
            let answer = predicate.evaluate(&row)?.into_array(1)?;
            let answer = answer
                .as_any()
                .downcast_ref::<BooleanArray>()
                .ok_or_else(|| DataFusionError::Internal("a filter is not boolean".to_owned()))?;
            if !answer.iter().flatten().next().unwrap_or(false) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The wanted columns of one slice of a segment.
    fn batch(
        &self,
        kept: &Kept,
        batch: &RecordBatch,
        wanted: &[usize],
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let columns = wanted
            .iter()
            .map(|index| match index.checked_sub(self.table.columns.len()) {
                Some(hidden) => self.hidden_column(hidden, &kept.extent, &kept.segment, rows),
                None => {
                    let column = &self.table.columns[*index];
                    let held = position(&kept.segment.columns, *index, column.id);
                    match held {
                        Some(position) => Arc::clone(batch.column(position)),
                        None => absent_column(column.ty, rows),
                    }
                }
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(schema),
            columns,
            &options,
        )?)
    }
}

/// Rows of one batch of a scan at most.
const BATCH_ROWS: usize = 16_384;

/// A scan under way: batches, and with them hidden columns, are made as they are read.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) rows: Arc<Rows>,
    pub(super) kept: Arc<[Kept]>,
    pub(super) wanted: Arc<[usize]>,
    pub(super) schema: SchemaRef,
}

impl Scan {
    fn batches(&self) -> impl Iterator<Item = Result<RecordBatch>> + Send + use<> {
        let (rows, kept) = (Arc::clone(&self.rows), Arc::clone(&self.kept));
        let (wanted, schema) = (Arc::clone(&self.wanted), Arc::clone(&self.schema));
        slices(&kept)
            .into_iter()
            .map(move |(segment, batch, from, length)| {
                let kept = &kept[segment];
                let slice = kept.segment.batches[batch].slice(from, length);
                rows.batch(kept, &slice, &wanted, &schema)
            })
    }
}

/// Segment, batch, first row and number of rows of each slice, in order.
fn slices(kept: &[Kept]) -> Vec<(usize, usize, usize, usize)> {
    let mut slices = Vec::new();
    for (segment, kept) in kept.iter().enumerate() {
        for (index, batch) in kept.segment.batches.iter().enumerate() {
            let rows = batch.num_rows();
            let starts = (0..rows).step_by(BATCH_ROWS);
            slices.extend(starts.map(|from| (segment, index, from, BATCH_ROWS.min(rows - from))));
        }
    }
    slices
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            futures::stream::iter(self.batches()),
        ))
    }
}

/// A segment that a scan reads, with its extent.
#[derive(Debug)]
pub(super) struct Kept {
    extent: Arc<Extent>,
    segment: Arc<Segment>,
}

/// Where a segment has a column: mostly where the table has it.
fn position(held: &[ColumnId], likely: usize, wanted: ColumnId) -> Option<usize> {
    match held.get(likely) {
        Some(id) if *id == wanted => Some(likely),
        Some(_) | None => held.iter().position(|id| *id == wanted),
    }
}

/// What rows hold in a column that was added after them: null, and for strings the empty text.
fn absent_column(ty: ScalarType, rows: usize) -> ArrayRef {
    match ty {
        ScalarType::String => {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n("", rows)))
        }
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::Dynamic => arrow::array::new_null_array(&ty.arrow(), rows),
    }
}
