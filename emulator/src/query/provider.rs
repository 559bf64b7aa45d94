//! A table's extents as a DataFusion table: user columns in their Arrow forms, then hidden columns.
//! Predicates over hidden columns drop whole segments.

use std::sync::{Arc, OnceLock};

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::StreamingTableExec;
use kusto_emulator_values::arrow_schema;

use super::rows::{HIDDEN_COLUMNS, Rows, Scan};
use crate::error::KustoError;
use crate::model::Table;
use crate::settings::RowsWithoutIngestionTime;

/// One table of a snapshot.
#[derive(Debug)]
pub(crate) struct ExtentsProvider {
    rows: Arc<Rows>,
    refusal: Option<KustoError>,
    refused: Refused,
}

/// The refusal that a query met, in Kusto's words: the query engine passes on the sentence only.
pub(crate) type Refused = Arc<OnceLock<KustoError>>;

impl ExtentsProvider {
    /// The table as of a snapshot whose newest cursor is `newest_cursor`. With a `refusal` every
    /// scan fails with it (restricted view, row-level security). What a scan meets is noted in
    /// `refused`.
    pub(crate) fn new(
        table: Arc<Table>,
        newest_cursor: i64,
        rows_without_time: RowsWithoutIngestionTime,
        refusal: Option<KustoError>,
        refused: Refused,
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
            rows: Arc::new(Rows {
                table,
                schema: Arc::new(Schema::new(fields)),
                hidden_schema: Arc::new(Schema::new(hidden)),
                newest_cursor,
                rows_without_time,
            }),
            refusal,
            refused,
        }
    }

    fn check(&self, wanted: Option<&Vec<usize>>, filters: &[Expr]) -> Result<()> {
        let table = &self.rows.table;
        let refusal = match &self.refusal {
            Some(refusal) => refusal.clone(),
            None if self.asks_cursor(wanted, filters) && !table.stamps_ingestion_time() => {
                KustoError::bad_request(
                    "General_BadRequest",
                    format!(
                        "Cursor functions need the IngestionTime policy on table '{0}'. Enable it \
                         with .alter table ['{0}'] policy ingestiontime true",
                        table.name
                    ),
                )
            }
            None => return Ok(()),
        };
        let sentence = refusal.message.clone();
        self.refused.get_or_init(|| refusal);
        Err(DataFusionError::Plan(sentence))
    }

    /// Whether a scan reads the cursor of rows.
    fn asks_cursor(&self, wanted: Option<&Vec<usize>>, filters: &[Expr]) -> bool {
        let index = self.rows.table.columns.len() + HIDDEN_COLUMNS.len() - 1;
        wanted.is_some_and(|wanted| wanted.contains(&index))
            || filters.iter().any(|filter| {
                filter
                    .column_refs()
                    .iter()
                    .any(|column| column.name == "$Cursor")
            })
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
        Arc::clone(&self.rows.schema)
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
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.check(projection, filters)?;
        let rows = &self.rows;
        let hidden = DFSchema::try_from(Arc::clone(&rows.hidden_schema))?;
        let predicates = filters
            .iter()
            .map(|filter| state.create_physical_expr(without_relation(filter)?, &hidden))
            .collect::<Result<Vec<_>>>()?;
        let wanted: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..rows.schema.fields().len()).collect(),
        };
        let schema = Arc::new(rows.schema.project(&wanted)?);
        let scan = Arc::new(Scan {
            rows: Arc::clone(rows),
            kept: rows.kept(&predicates)?.into(),
            wanted: wanted.into(),
            schema: Arc::clone(&schema),
        });
        // One partition, so that rows keep the order of their extents.
        let plan = StreamingTableExec::try_new(schema, vec![scan], None, [], false, limit)?;
        Ok(Arc::new(plan))
    }
}

/// The filter with bare column names: the hidden schema has no relation.
fn without_relation(filter: &Expr) -> Result<Expr> {
    filter
        .clone()
        .transform(|expr| {
            let Expr::Column(column) = expr else {
                return Ok(Transformed::no(expr));
            };
            let bare = Column::new_unqualified(column.name);
            Ok(Transformed::yes(Expr::Column(bare)))
        })
        .map(|transformed| transformed.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CommitSettings, Database, DatabaseHandle, NewExtent};
    use arrow::array::AsArray;
    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::Int64Type;
    use datafusion::physical_plan::collect;
    use datafusion::prelude::{SessionContext, col, lit};
    use kusto_emulator_values::Column as KustoColumn;
    use kusto_emulator_values::ScalarType;

    fn rows(values: &[i64]) -> NewExtent {
        let columns = [KustoColumn::new("a", ScalarType::Long)];
        let batch = RecordBatch::try_new(
            arrow_schema(&columns),
            vec![Arc::new(Int64Array::from(values.to_vec()))],
        )
        .expect("one long column");
        NewExtent {
            batches: vec![batch],
            tags: vec!["t".to_owned()],
            created_on: None,
        }
    }

    /// A table of two commits, at 100 and 200; the second has no cursor value yet at 250. Column
    /// `s` was added after both.
    fn provider() -> ExtentsProvider {
        let database = DatabaseHandle::new(Database::new("D", 0));
        let at = |now| CommitSettings {
            now,
            cursor_lag: 100,
        };
        database
            .commit(at(1), |transaction| {
                let columns = [KustoColumn::new("a", ScalarType::Long)];
                transaction.put_table(Table::new("T", &columns));
                Ok::<_, KustoError>(())
            })
            .expect("a table can be put");
        for (now, values) in [(100, [1, 2]), (200, [3, 4])] {
            database
                .commit(at(now), |transaction| {
                    transaction.append("T", vec![rows(&values)])
                })
                .expect("the rows fit");
        }
        database
            .commit(at(210), |transaction| {
                let added = KustoColumn::new("s", ScalarType::String);
                transaction
                    .table_mut("T")
                    .map(|table| table.add_column(&added))
            })
            .expect("the table is there");
        let snapshot = database.snapshot(250);
        ExtentsProvider::new(
            Arc::clone(&snapshot.tables["T"]),
            snapshot.cursor,
            RowsWithoutIngestionTime::MatchNoCursor,
            None,
            Refused::default(),
        )
    }

    async fn scan(filters: &[Expr], wanted: &[usize]) -> Vec<RecordBatch> {
        let context = SessionContext::new();
        let plan = provider()
            .scan(&context.state(), Some(&wanted.to_vec()), filters, None)
            .await
            .expect("the scan is planned");
        collect(plan, context.task_ctx())
            .await
            .expect("the scan runs")
    }

    fn longs(batches: &[RecordBatch], column: usize) -> Vec<Option<i64>> {
        batches
            .iter()
            .flat_map(|batch| batch.column(column).as_primitive::<Int64Type>().iter())
            .collect()
    }

    #[tokio::test]
    async fn hidden_columns_tell_time_and_cursor_of_each_commit() {
        let batches = scan(&[], &[0, 2, 5]).await;
        assert_eq!(longs(&batches, 0), [1, 2, 3, 4].map(Some));
        assert_eq!(longs(&batches, 1), [100, 100, 200, 200].map(Some));
        assert_eq!(longs(&batches, 2), [Some(200), Some(200), None, None]);
    }

    #[tokio::test]
    async fn filters_on_hidden_columns_drop_whole_segments() {
        let filters = [col("\"$Cursor\"").gt(lit(0_i64))];
        assert_eq!(longs(&scan(&filters, &[0]).await, 0), [1, 2].map(Some));
        let provider = provider();
        let on_user_column = col("a").gt(lit(1_i64));
        let support = provider
            .supports_filters_pushdown(&[&filters[0], &on_user_column])
            .expect("filters can be judged");
        assert_eq!(
            support,
            [
                TableProviderFilterPushDown::Exact,
                TableProviderFilterPushDown::Unsupported
            ]
        );
    }

    #[tokio::test]
    async fn a_column_added_later_is_an_empty_string_in_older_rows() {
        let batches = scan(&[], &[1]).await;
        let texts: Vec<_> = batches
            .iter()
            .flat_map(|batch| batch.column(0).as_string::<i32>().iter())
            .collect();
        assert_eq!(texts, [Some(""); 4]);
    }

    #[tokio::test]
    async fn no_column_at_all_still_counts_rows() {
        let batches = scan(&[], &[]).await;
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 4);
    }
}
