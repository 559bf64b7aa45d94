//! Runs plans: one partition, so that the order of rows is kept and results are the same each time.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionConfig, SessionContext};
use kusto_emulator_values::{Table, Value};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::error::{KqlError, Result};
use crate::relation::{Ids, Relation, RelationColumn, column};

/// Runs plans from a blocking thread.
pub(crate) struct Executor {
    session: SessionContext,
    handle: Handle,
    /// Closed when the caller has gone away.
    caller: watch::Receiver<()>,
}

impl Executor {
    pub(crate) fn new(
        handle: Handle,
        caller: watch::Receiver<()>,
        memory: Option<usize>,
    ) -> Result<Self> {
        let mut config = SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(16_384);
        let options = config.options_mut();
        options.optimizer.max_passes = 2;
        // `x is true` is never null to the planner and may be to the plan it makes: harmless, but
        // refused as the input of an aggregate (`countif(x == 1)`) while this check is on.
        options.execution.skip_physical_aggregate_schema_check = true;
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = memory {
            runtime = runtime.with_memory_limit(bytes, 1.0);
        }
        let session = SessionContext::new_with_config_rt(config, runtime.build_arc()?);
        Ok(Self {
            session,
            handle,
            caller,
        })
    }

    fn run(&self, plan: &LogicalPlan) -> Result<Vec<RecordBatch>> {
        let mut caller = self.caller.clone();
        self.handle.block_on(async {
            let work = async {
                let state = self.session.state();
                let physical = state.create_physical_plan(plan).await?;
                collect(physical, state.task_ctx()).await
            };
            tokio::select! {
                batches = work => Ok(batches?),
                _ = caller.changed() => Err(KqlError::Canceled),
            }
        })
    }

    /// The rows, as the user's table.
    pub(crate) fn table(&self, relation: &Relation) -> Result<Table> {
        let batches = self.run(&user_columns(relation)?)?;
        let schema = relation.schema();
        let arrow = kusto_emulator_values::arrow_schema(&schema);
        let batches = batches
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| batch_of(&arrow, batch.columns().to_vec(), batch.num_rows()))
            .collect::<Result<_>>()?;
        Ok(Table { schema, batches })
    }

    /// The rows as one batch with the plan's names, hidden columns included.
    pub(crate) fn batch(&self, relation: &Relation) -> Result<RecordBatch> {
        let mut exprs: Vec<Expr> = relation.columns.iter().map(RelationColumn::expr).collect();
        exprs.extend(relation.hidden.iter().flatten().map(|id| column(id)));
        let plan = LogicalPlanBuilder::from(relation.plan.clone())
            .project(exprs)?
            .build()?;
        let fields: Vec<Field> = plan
            .schema()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        let batches = self
            .run(&plan)?
            .into_iter()
            .map(|batch| batch_of(&schema, batch.columns().to_vec(), batch.num_rows()))
            .collect::<Result<Vec<_>>>()?;
        Ok(concat_batches(&schema, &batches)?)
    }

    /// Evaluates an expression over a batch in one call, so that it sees all rows.
    pub(crate) fn evaluate(&self, expr: &Expr, batch: &RecordBatch) -> Result<ArrayRef> {
        let schema = DFSchema::try_from(batch.schema())?;
        let physical = self.session.create_physical_expr(expr.clone(), &schema)?;
        Ok(physical.evaluate(batch)?.into_array(batch.num_rows())?)
    }

    /// Evaluates an expression without columns.
    pub(crate) fn constant(
        &self,
        expr: &Expr,
        ty: kusto_emulator_values::ScalarType,
    ) -> Result<Value> {
        let one_row = RecordBatch::try_new_with_options(
            Arc::new(ArrowSchema::empty()),
            Vec::new(),
            &RecordBatchOptions::new().with_row_count(Some(1)),
        )?;
        let array = self.evaluate(expr, &one_row)?;
        Ok(Value::from_array(array.as_ref(), 0, ty)?)
    }
}

fn user_columns(relation: &Relation) -> Result<LogicalPlan> {
    let exprs: Vec<Expr> = relation.columns.iter().map(RelationColumn::expr).collect();
    Ok(LogicalPlanBuilder::from(relation.plan.clone())
        .project(exprs)?
        .build()?)
}

fn batch_of(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

/// Rows that are already there: the arrays of the columns, then those of the hidden ones.
pub(crate) fn in_memory(
    ids: &Ids,
    columns: Vec<(kusto_emulator_values::Column, ArrayRef)>,
    rows: usize,
) -> Result<Relation> {
    let mut fields = Vec::new();
    let mut found = Vec::new();
    let mut arrays = Vec::new();
    for (user, array) in columns {
        let id = ids.next();
        fields.push(Field::new(&id, array.data_type().clone(), true));
        arrays.push(array);
        found.push(RelationColumn {
            name: user.name,
            ty: user.ty,
            id,
        });
    }
    let schema = Arc::new(ArrowSchema::new(fields));
    let batch = batch_of(&schema, arrays, rows)?;
    scan(ids, &schema, vec![batch], found)
}

/// The rows of a table that is in memory.
pub(crate) fn from_table(ids: &Ids, table: &Table) -> Result<Relation> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for user in &table.schema {
        let id = ids.next();
        fields.push(Field::new(&id, user.ty.arrow(), true));
        columns.push(RelationColumn {
            name: user.name.clone(),
            ty: user.ty,
            id,
        });
    }
    let schema = Arc::new(ArrowSchema::new(fields));
    let batches = table
        .batches
        .iter()
        .map(|batch| batch_of(&schema, batch.columns().to_vec(), batch.num_rows()))
        .collect::<Result<Vec<_>>>()?;
    scan(ids, &schema, batches, columns)
}

fn scan(
    ids: &Ids,
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
    columns: Vec<RelationColumn>,
) -> Result<Relation> {
    let memory = MemTable::try_new(Arc::clone(schema), vec![batches])?;
    let source = datafusion::datasource::provider_as_source(Arc::new(memory));
    let plan = LogicalPlanBuilder::scan(ids.next(), source, None)?;
    // Out of the scan's qualifier into the plan's own names.
    let exprs: Vec<Expr> = plan
        .schema()
        .columns()
        .into_iter()
        .zip(&columns)
        .map(|(from, to)| Expr::Column(from).alias(&to.id))
        .collect();
    let plan = plan.project(exprs)?.build()?;
    Ok(Relation {
        plan,
        columns,
        hidden: None,
        serialized: false,
    })
}
