//! Tabular operators: one file for each family.

mod combine;
mod expand;
mod naming;
mod project;
mod summarize;

use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlanBuilder, SortExpr};
use kusto_emulator_values::{Column, ColumnBuilder, ScalarType, Value};

use crate::ast::{Expr, Operator, SortKey};
use crate::bind::{Binder, Env, Scope};
use crate::error::{KqlError, Result};
use crate::execute;
use crate::functions;
use crate::relation::Relation;

impl Binder {
    /// One operator over its input.
    pub(crate) fn operator(
        &self,
        input: Relation,
        operator: &Operator,
        scope: &Scope,
    ) -> Result<Relation> {
        match operator {
            Operator::Where(predicate) => self.filter(input, predicate, scope),
            Operator::Project(items) => self.project(input, items, scope),
            Operator::ProjectAway(patterns) => self.project_away(input, patterns),
            Operator::ProjectKeep(patterns) => self.project_keep(input, patterns),
            Operator::ProjectRename(items) => self.project_rename(input, items),
            Operator::ProjectReorder(items) => self.project_reorder(input, items),
            Operator::Extend(items) => self.extend(input, items, scope),
            Operator::Serialize(items) => {
                let input = Relation {
                    serialized: true,
                    ..input
                };
                if items.is_empty() {
                    Ok(input)
                } else {
                    self.extend(input, items, scope)
                }
            }
            Operator::Summarize { aggregates, by } => self.summarize(input, aggregates, by, scope),
            Operator::Count => self.count(input),
            Operator::Distinct(items) => self.distinct(input, items, scope),
            Operator::Sort(keys) => self.sort(input, keys, None, scope),
            Operator::Top { count, keys } => {
                let count = self.row_count(count, scope, "top")?;
                self.sort(input, keys, Some(count), scope)
            }
            Operator::Take(count) => input.limit(self.row_count(count, scope, "take")?),
            Operator::Sample(count) => input.limit(self.row_count(count, scope, "sample")?),
            Operator::Union(union) => self.union(Some(input), union, scope),
            Operator::Join { kind, right, on } => self.join(input, *kind, right, on, scope),
            Operator::Lookup { outer, right, on } => self.lookup(input, *outer, right, on, scope),
            Operator::MvExpand(expand) => self.mv_expand(input, expand, scope),
            Operator::As(name) => {
                self.name_rows(name, &input);
                Ok(input)
            }
            Operator::GetSchema => self.get_schema(&input),
            Operator::Invoke { name, arguments } => self.invoke(input, name, arguments, scope),
            Operator::Render(kind) => {
                self.note_visualization(kind);
                Ok(input)
            }
        }
    }

    fn filter(&self, input: Relation, predicate: &Expr, scope: &Scope) -> Result<Relation> {
        let env = Env::over(scope, &input, "where");
        let predicate = self.scalar(predicate, &env)?;
        let predicate = match predicate.ty {
            ScalarType::Bool => predicate,
            // Documented nowhere, accepted by Kusto: a dynamic is read as a bool.
            ScalarType::Dynamic => functions::convert(predicate, ScalarType::Bool)?,
            other @ (ScalarType::Int
            | ScalarType::Long
            | ScalarType::Real
            | ScalarType::Decimal
            | ScalarType::DateTime
            | ScalarType::TimeSpan
            | ScalarType::Guid
            | ScalarType::String) => {
                return Err(KqlError::semantic(
                    "SEM0024",
                    format!("'where' operator: the expression must be of type bool, not {other}"),
                ));
            }
        };
        if env.windowed.get() {
            return self.filter_all_rows(&input, predicate.expr);
        }
        let input = input.clone();
        input.filter(functions::filter_form(predicate.expr))
    }

    /// A predicate with window functions: evaluated over all rows at once.
    fn filter_all_rows(&self, input: &Relation, predicate: PlanExpr) -> Result<Relation> {
        let batch = self.executor.batch(input)?;
        let kept = self.executor.evaluate(&predicate, &batch)?;
        let kept = arrow::array::AsArray::as_boolean(kept.as_ref()).clone();
        let batch = arrow::compute::filter_record_batch(&batch, &kept)?;
        self.materialized(input, &batch)
    }

    /// Rows that were run, in the place of those of a plan.
    pub(crate) fn materialized(
        &self,
        like: &Relation,
        batch: &arrow::array::RecordBatch,
    ) -> Result<Relation> {
        let user = like
            .columns
            .iter()
            .map(|column| Column::new(&column.name, column.ty));
        let hidden = like
            .hidden
            .iter()
            .flatten()
            .map(|id| Column::new(id, ScalarType::String));
        let columns = user
            .chain(hidden)
            .zip(batch.columns().iter().cloned())
            .collect();
        let mut relation = execute::in_memory(&self.ids, columns, batch.num_rows())?;
        let hidden = relation.columns.split_off(like.columns.len());
        relation.hidden = <[String; 4]>::try_from(
            hidden
                .into_iter()
                .map(|column| column.id)
                .collect::<Vec<_>>(),
        )
        .ok();
        relation.serialized = like.serialized;
        Ok(relation)
    }

    fn sort(
        &self,
        input: Relation,
        keys: &[SortKey],
        count: Option<usize>,
        scope: &Scope,
    ) -> Result<Relation> {
        let operator = if count.is_some() { "top" } else { "sort" };
        let env = Env::over(scope, &input, operator);
        let mut sorts = Vec::with_capacity(keys.len());
        for key in keys {
            let value = self.scalar(&key.expr, &env)?;
            let expr = match value.ty {
                ScalarType::Dynamic => {
                    return Err(KqlError::semantic(
                        "SEM0067",
                        format!(
                            "'{operator}' operator: key can't be of dynamic type. Please use an explicit cast"
                        ),
                    ));
                }
                ScalarType::Decimal => functions::decimal_sort_key(value.expr),
                ScalarType::Bool
                | ScalarType::Int
                | ScalarType::Long
                | ScalarType::Real
                | ScalarType::DateTime
                | ScalarType::TimeSpan
                | ScalarType::Guid
                | ScalarType::String => value.expr,
            };
            if value.ty == ScalarType::Real {
                // NaN stands with the nulls, between them and the numbers (`sort-operator.md`).
                let is_nan = functions::is_nan(expr.clone());
                let nan_first = key.nulls_first;
                sorts.push(SortExpr::new(expr.clone().is_null(), !nan_first, false));
                sorts.push(SortExpr::new(is_nan, !nan_first, false));
            }
            sorts.push(SortExpr::new(expr, key.ascending, key.nulls_first));
        }
        let plan = LogicalPlanBuilder::from(input.plan.clone()).sort_with_limit(sorts, count)?;
        let plan = match count {
            Some(count) => plan.limit(0, Some(count))?,
            None => plan,
        };
        Ok(Relation {
            plan: plan.build()?,
            serialized: true,
            ..input
        })
    }

    fn get_schema(&self, input: &Relation) -> Result<Relation> {
        let names = ["ColumnName", "ColumnOrdinal", "DataType", "ColumnType"];
        let types = [
            ScalarType::String,
            ScalarType::Int,
            ScalarType::String,
            ScalarType::String,
        ];
        let mut builders = types.map(ColumnBuilder::new);
        for (at, column) in input.columns.iter().enumerate() {
            let ordinal = i32::try_from(at).unwrap_or(i32::MAX);
            let row = [
                Value::String(column.name.clone()),
                Value::Int(ordinal),
                Value::String(column.ty.clr_name().to_owned()),
                Value::String(column.ty.name().to_owned()),
            ];
            for (builder, value) in builders.iter_mut().zip(&row) {
                builder
                    .push_value(value)
                    .map_err(|ty| KqlError::execution(format!("getschema made a {ty}")))?;
            }
        }
        let columns = names
            .iter()
            .zip(types)
            .map(|(name, ty)| Column::new(*name, ty));
        let columns = columns
            .zip(builders.iter_mut().map(ColumnBuilder::finish))
            .collect();
        let mut relation = execute::in_memory(&self.ids, columns, input.columns.len())?;
        relation.serialized = true;
        Ok(relation)
    }

    fn invoke(
        &self,
        input: Relation,
        name: &str,
        arguments: &[crate::ast::Argument],
        scope: &Scope,
    ) -> Result<Relation> {
        let env = Env::without_rows(scope);
        if let Some(crate::bind::Binding::Function {
            function,
            scope: inner,
        }) = scope.find(name)
        {
            let (function, inner) = (std::sync::Arc::clone(function), inner.clone());
            return self.tabular_function(name, &function, &inner, arguments, &env, Some(input));
        }
        match self.stored_function(None, name)? {
            Some(function) => self.tabular_function(
                name,
                &function,
                &Scope::default(),
                arguments,
                &env,
                Some(input),
            ),
            None => Err(KqlError::semantic(
                "SEM0260",
                format!("Unknown function: '{name}'."),
            )),
        }
    }
}
