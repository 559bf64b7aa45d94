//! `mv-expand`: a row for each element. It runs its input at once.

use arrow::array::{Array, AsArray, UInt64Array};
use arrow::compute::take;
use kusto_emulator_values::{Column, ColumnBuilder, ScalarType, Value};

use crate::ast::{Expansion, Expr};
use crate::bind::{Binder, Env, Scope};
use crate::error::{KqlError, Result};
use crate::execute;
use crate::json::{self, Json};
use crate::relation::Relation;

use super::naming::own_name;

/// Rows that one row may become (`mv-expand-operator.md`).
const DEFAULT_LIMIT: usize = 2_147_483_647;

/// A column that is taken apart: its name, its new type, the elements of each row.
struct Expanded {
    name: String,
    ty: ScalarType,
    elements: Vec<Vec<Json>>,
}

impl Binder {
    pub(super) fn mv_expand(
        &self,
        input: Relation,
        items: &[Expansion],
        limit: Option<&Expr>,
        index: Option<&str>,
        scope: &Scope,
    ) -> Result<Relation> {
        let limit = match limit {
            Some(limit) => self.row_count(limit, scope, "mv-expand")?,
            None => DEFAULT_LIMIT,
        };
        let batch = self.executor.batch(&input)?;
        let mut expanded = Vec::with_capacity(items.len());
        for item in items {
            expanded.push(self.expanded(&input, item, &batch, scope)?);
        }
        // Several columns expand side by side: a row becomes as many as its longest has elements.
        let mut from = Vec::new();
        let mut positions = Vec::new();
        for row in 0..batch.num_rows() {
            let longest = expanded
                .iter()
                .map(|column| column.elements[row].len())
                .max();
            for position in 0..longest.unwrap_or(0).min(limit) {
                from.push(u64::try_from(row).unwrap_or(0));
                positions.push(position);
            }
        }
        self.expanded_rows(&input, &batch, expanded, &from, &positions, index)
    }

    fn expanded(
        &self,
        input: &Relation,
        item: &Expansion,
        batch: &arrow::array::RecordBatch,
        scope: &Scope,
    ) -> Result<Expanded> {
        let value = self.scalar(&item.expr, &Env::over(scope, input, "mv-expand"))?;
        value.expect_type(ScalarType::Dynamic, "The expression of 'mv-expand'")?;
        let name = item
            .name
            .clone()
            .or_else(|| own_name(&item.expr))
            .ok_or_else(|| {
                KqlError::semantic(
                    "SEM0001",
                    "'mv-expand' operator: the expression needs a name",
                )
            })?;
        let array = self.executor.evaluate(&value.expr, batch)?;
        let texts = array.as_string::<i32>();
        let elements = (0..texts.len())
            .map(|row| {
                match texts
                    .is_valid(row)
                    .then(|| json::parse(texts.value(row)))
                    .flatten()
                {
                    Some(Json::Array(items)) if items.is_empty() => vec![Json::Null],
                    Some(Json::Array(items)) => items,
                    Some(Json::Bag(members)) if !members.is_empty() => members
                        .into_iter()
                        .map(|member| Json::Bag(vec![member]))
                        .collect(),
                    Some(Json::Bag(_)) | None => vec![Json::Null],
                    Some(scalar) => vec![scalar],
                }
            })
            .collect();
        Ok(Expanded {
            name,
            ty: item.ty.unwrap_or(ScalarType::Dynamic),
            elements,
        })
    }

    fn expanded_rows(
        &self,
        input: &Relation,
        batch: &arrow::array::RecordBatch,
        mut expanded: Vec<Expanded>,
        from: &[u64],
        positions: &[usize],
        index: Option<&str>,
    ) -> Result<Relation> {
        let indices = UInt64Array::from(from.to_vec());
        let mut columns = Vec::new();
        for (found, array) in input.columns.iter().zip(batch.columns()) {
            let place = expanded.iter().position(|column| column.name == found.name);
            match place.map(|place| expanded.swap_remove(place)) {
                Some(column) => columns.push(elements_of(&column, from, positions)?),
                None => {
                    let taken = take(array.as_ref(), &indices, None)?;
                    columns.push((Column::new(&found.name, found.ty), taken));
                }
            }
        }
        for column in &expanded {
            columns.push(elements_of(column, from, positions)?);
        }
        if let Some(name) = index {
            let array: arrow::array::Int64Array = positions
                .iter()
                .map(|position| i64::try_from(*position).ok())
                .collect();
            columns.push((
                Column::new(name, ScalarType::Long),
                std::sync::Arc::new(array),
            ));
        }
        crate::relation::check_unique(columns.iter().map(|(column, _)| column.name.as_str()))?;
        let mut relation = execute::in_memory(&self.ids, columns, from.len())?;
        relation.serialized = input.serialized;
        Ok(relation)
    }
}

/// The new column; what is no value of its type becomes null.
fn elements_of(
    column: &Expanded,
    from: &[u64],
    positions: &[usize],
) -> Result<(Column, arrow::array::ArrayRef)> {
    let mut builder = ColumnBuilder::new(column.ty);
    for (row, position) in from.iter().zip(positions) {
        let element = usize::try_from(*row)
            .ok()
            .and_then(|row| column.elements[row].get(*position));
        let value = match element {
            None | Some(Json::Null) => Value::Null(column.ty),
            Some(element) if column.ty == ScalarType::Dynamic => {
                Value::Dynamic(element.to_string())
            }
            Some(element) => Value::from_text(&element.to_text(), column.ty),
        };
        builder
            .push_value(&value)
            .map_err(|ty| KqlError::execution(format!("mv-expand made a {ty}")))?;
    }
    Ok((Column::new(&column.name, column.ty), builder.finish()))
}
