//! `mv-expand`: a row for each element. It runs its input at once.

use arrow::array::{Array, AsArray, UInt64Array};
use arrow::compute::take;
use kusto_emulator_values::{Column, ColumnBuilder, ScalarType, Value};

use crate::ast::{Expansion, MvExpand};
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
        expand: &MvExpand,
        scope: &Scope,
    ) -> Result<Relation> {
        let limit = match &expand.limit {
            Some(limit) => self.row_count(limit, scope, "mv-expand")?,
            None => DEFAULT_LIMIT,
        };
        let batch = self.executor.batch(&input)?;
        let mut expanded = Vec::with_capacity(expand.items.len());
        for item in &expand.items {
            expanded.push(self.expanded(&input, item, expand.pairs, &batch, scope)?);
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
        self.expanded_rows(
            &input,
            &batch,
            expanded,
            &from,
            &positions,
            expand.index.as_deref(),
        )
    }

    fn expanded(
        &self,
        input: &Relation,
        item: &Expansion,
        pairs: bool,
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
                    // Of an empty array or bag there is no row, of null there is one.
                    Some(Json::Array(items)) => items,
                    Some(Json::Bag(members)) => members
                        .into_iter()
                        .map(|member| {
                            if pairs {
                                Json::Array(vec![Json::Text(member.0), member.1])
                            } else {
                                Json::Bag(vec![member])
                            }
                        })
                        .collect(),
                    None => vec![Json::Null],
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

/// An element as a value of the type. "The operation of applying type is cast-only and doesn't
/// include parsing": a string is no number. Datetimes, timespans and guids are strings here.
fn cast(element: &Json, ty: ScalarType) -> Value {
    let fits = match ty {
        ScalarType::Bool => matches!(element, Json::Bool(_)),
        ScalarType::Int | ScalarType::Long | ScalarType::Real | ScalarType::Decimal => {
            matches!(element, Json::Number(_))
        }
        ScalarType::DateTime | ScalarType::TimeSpan | ScalarType::Guid => {
            matches!(element, Json::Text(_))
        }
        ScalarType::String | ScalarType::Dynamic => true,
    };
    if fits {
        Value::from_text(&element.to_text(), ty)
    } else {
        Value::Null(ty)
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
            Some(element) => cast(element, column.ty),
        };
        builder
            .push_value(&value)
            .map_err(|ty| KqlError::execution(format!("mv-expand made a {ty}")))?;
    }
    Ok((Column::new(&column.name, column.ty), builder.finish()))
}
