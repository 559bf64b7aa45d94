//! A table's extents as a DataFusion table: user columns in their Arrow forms, then hidden columns
//! that are made only when asked for. Predicates over hidden columns drop whole segments.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use kusto_emulator_values::{ScalarType, arrow_schema};

use crate::model::{ColumnId, Extent, Segment, Table};
use crate::settings::RowsWithoutIngestionTime;

/// Names and Arrow types of the hidden columns, in their order after the user's.
pub(crate) const HIDDEN_COLUMNS: [(&str, DataType); 4] = [
    ("$IngestionTime", DataType::Int64),
    ("$ExtentId", DataType::Utf8),
    ("$ExtentTags", DataType::Utf8),
    ("$Cursor", DataType::Int64),
];

/// Cursor value of rows without ingestion time when they count as older than every cursor.
const BEFORE_EVERY_CURSOR: i64 = 1;

/// One table of a snapshot.
#[derive(Debug)]
pub(crate) struct ExtentsProvider {
    table: Arc<Table>,
    schema: SchemaRef,
    hidden_schema: SchemaRef,
    newest_cursor: i64,
    rows_without_time: RowsWithoutIngestionTime,
    refusal: Option<String>,
}

impl ExtentsProvider {
    /// The table as of a snapshot whose newest cursor is `newest_cursor`. With a `refusal` every
    /// scan fails with that sentence (restricted view, row-level security).
    pub(crate) fn new(
        table: Arc<Table>,
        newest_cursor: i64,
        rows_without_time: RowsWithoutIngestionTime,
        refusal: Option<String>,
    ) -> Self {
        let hidden: Vec<Field> = HIDDEN_COLUMNS
            .iter()
            .map(|(name, ty)| Field::new(*name, ty.clone(), true))
            .collect();
        let mut fields: Vec<Field> = arrow_schema(&table.schema())
            .fields()
            .iter()
            .map(|field| field.as_ref().clone())
            .collect();
        fields.extend(hidden.iter().cloned());
        Self {
            table,
            schema: Arc::new(Schema::new(fields)),
            hidden_schema: Arc::new(Schema::new(hidden)),
            newest_cursor,
            rows_without_time,
            refusal,
        }
    }

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

    /// The segments that the predicates keep, with their extents.
    fn kept<'a>(&'a self, predicates: &[Arc<dyn PhysicalExpr>]) -> Result<Vec<Kept<'a>>> {
        let mut kept = Vec::new();
        for extent in &self.table.extents {
            for segment in &extent.segments {
                if self.keeps(extent, segment, predicates)? {
                    kept.push(Kept { extent, segment });
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

    /// The projected batches of one segment.
    fn batches(&self, kept: &Kept<'_>, wanted: &[usize], out: &mut Vec<RecordBatch>) -> Result<()> {
        let users = self.table.columns.len();
        let schema = Arc::new(self.schema.project(wanted)?);
        let positions: HashMap<ColumnId, usize> = kept
            .segment
            .columns
            .iter()
            .enumerate()
            .map(|(position, id)| (*id, position))
            .collect();
        for batch in kept.segment.batches.iter() {
            let rows = batch.num_rows();
            let columns = wanted
                .iter()
                .map(|index| match index.checked_sub(users) {
                    Some(hidden) => self.hidden_column(hidden, kept.extent, kept.segment, rows),
                    None => {
                        let column = &self.table.columns[*index];
                        match positions.get(&column.id) {
                            Some(position) => Arc::clone(batch.column(*position)),
                            None => absent_column(column.ty, rows),
                        }
                    }
                })
                .collect();
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            out.push(RecordBatch::try_new_with_options(
                Arc::clone(&schema),
                columns,
                &options,
            )?);
        }
        Ok(())
    }
}

struct Kept<'a> {
    extent: &'a Extent,
    segment: &'a Segment,
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

fn is_about_segments(filter: &Expr) -> bool {
    let columns = filter.column_refs();
    !columns.is_empty()
        && columns
            .iter()
            .all(|column| HIDDEN_COLUMNS.iter().any(|(name, _)| *name == column.name))
        && !filter.is_volatile()
}

#[async_trait]
impl TableProvider for ExtentsProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match is_about_segments(filter) {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(refusal) = &self.refusal {
            return Err(DataFusionError::Plan(refusal.clone()));
        }
        let names_cursor = |filter: &Expr| {
            filter
                .column_refs()
                .iter()
                .any(|column| column.name == "$Cursor")
        };
        let wanted: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let cursor_index = self.table.columns.len() + HIDDEN_COLUMNS.len() - 1;
        let asks_cursor = projection.is_some_and(|wanted| wanted.contains(&cursor_index))
            || filters.iter().any(names_cursor);
        if asks_cursor && !self.table.stamps_ingestion_time() {
            return Err(DataFusionError::Plan(format!(
                "Cursor functions need the IngestionTime policy on table '{}'. Enable it with \
                 .alter table ['{}'] policy ingestiontime true",
                self.table.name, self.table.name
            )));
        }
        let hidden = DFSchema::try_from(Arc::clone(&self.hidden_schema))?;
        let predicates = filters
            .iter()
            .map(|filter| state.create_physical_expr(without_relation(filter)?, &hidden))
            .collect::<Result<Vec<_>>>()?;
        let mut batches = Vec::new();
        for kept in self.kept(&predicates)? {
            self.batches(&kept, &wanted, &mut batches)?;
        }
        let schema = Arc::new(self.schema.project(&wanted)?);
        let plan = MemorySourceConfig::try_new_exec(&partitions(batches), schema, None)?;
        Ok(plan)
    }
}

/// The filter with bare column names: the hidden schema has no relation.
fn without_relation(filter: &Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    filter
        .clone()
        .transform(|expr| match expr {
            Expr::Column(column) => Ok(Transformed::yes(Expr::Column(
                datafusion::common::Column::new_unqualified(column.name),
            ))),
            other => Ok(Transformed::no(other)),
        })
        .map(|transformed| transformed.data)
}

/// One partition, so that rows keep the order of their extents.
fn partitions(batches: Vec<RecordBatch>) -> Vec<Vec<RecordBatch>> {
    vec![batches]
}
