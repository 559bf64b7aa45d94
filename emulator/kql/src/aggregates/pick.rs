//! `arg_max`, `arg_min`, `take_any`: one row of each group.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray, make_comparator, new_null_array};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, Expr, Volatility};
use kusto_emulator_values::ScalarType;

use crate::kernel;

use super::accumulator;

/// Which row of a group is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Picked {
    /// The first one whose key is not null, or the first one.
    Any,
    /// The first with the greatest key.
    Greatest,
    /// The first with the smallest key.
    Smallest,
}

/// A struct of the values of the picked row; the first value is the key.
pub(crate) fn pick(which: Picked, values: Vec<(Expr, ScalarType)>) -> Expr {
    let fields: Fields = values
        .iter()
        .enumerate()
        .map(|(at, (_, ty))| Field::new(format!("f{at}"), ty.arrow(), true))
        .collect();
    let types: Vec<&str> = values.iter().map(|(_, ty)| ty.name()).collect();
    let name = format!("pick_{which:?}_{}", types.join("_"));
    let args = values.into_iter().map(|(expr, _)| expr).collect();
    let returns = DataType::Struct(fields.clone());
    accumulator::call(name, returns, args, move || {
        Box::new(Best {
            which,
            fields: fields.clone(),
            row: None,
        })
    })
}

/// A value of a picked row.
pub(crate) fn field(row: Expr, at: usize, ty: ScalarType) -> Expr {
    let name = format!("field_{at}");
    kernel::call_arrow(
        name,
        ty.arrow(),
        Volatility::Immutable,
        vec![row],
        move |columns| {
            let (array, _) = columns.array(0)?;
            let row = array.as_struct();
            let values = Arc::clone(row.column(at));
            let Some(nulls) = row.nulls() else {
                return Ok(values);
            };
            let data = values.to_data();
            let nulls = arrow::buffer::NullBuffer::union(data.nulls(), Some(nulls));
            let data = data.into_builder().nulls(nulls).build()?;
            Ok(arrow::array::make_array(data))
        },
    )
}

/// The best row so far: one row of each value.
#[derive(Debug)]
struct Best {
    which: Picked,
    fields: Fields,
    row: Option<Vec<ArrayRef>>,
}

impl Best {
    fn wanted(&self) -> Ordering {
        if self.which == Picked::Greatest {
            Ordering::Greater
        } else {
            Ordering::Less
        }
    }

    /// The best row of these. Where the key is null in all of them it is the first one, which any
    /// row with a key replaces.
    fn best_of(&self, values: &[ArrayRef]) -> Result<Option<usize>> {
        let key = &values[0];
        let mut candidates = (0..key.len()).filter(|row| key.is_valid(*row));
        let Some(mut best) = candidates.next() else {
            return Ok((!key.is_empty()).then_some(0));
        };
        if self.which != Picked::Any {
            let compare = make_comparator(key, key, SortOptions::default())?;
            for row in candidates {
                if compare(row, best) == self.wanted() {
                    best = row;
                }
            }
        }
        Ok(Some(best))
    }
}

impl Accumulator for Best {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(row) = self.best_of(values)? else {
            return Ok(());
        };
        let replace = match &self.row {
            None => true,
            Some(_) if values[0].is_null(row) => false,
            Some(current) if current[0].is_null(0) => true,
            Some(_) if self.which == Picked::Any => false,
            Some(current) => {
                let compare = make_comparator(&values[0], &current[0], SortOptions::default())?;
                compare(row, 0) == self.wanted()
            }
        };
        if replace {
            // Copied, so that the batch is not kept alive for one row.
            let index = arrow::array::UInt64Array::from(vec![u64::try_from(row).unwrap_or(0)]);
            let copied = values
                .iter()
                .map(|array| arrow::compute::take(array.as_ref(), &index, None));
            self.row = Some(copied.collect::<std::result::Result<_, _>>()?);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let array = match &self.row {
            Some(row) => StructArray::try_new(self.fields.clone(), row.clone(), None)?,
            None => new_null_array(&DataType::Struct(self.fields.clone()), 1)
                .as_struct()
                .clone(),
        };
        Ok(ScalarValue::Struct(Arc::new(array)))
    }

    fn size(&self) -> usize {
        let row = self
            .row
            .iter()
            .flatten()
            .map(|array| array.get_array_memory_size());
        size_of::<Self>() + row.sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states[0].as_struct();
        for row in (0..rows.len()).filter(|row| rows.is_valid(*row)) {
            let values: Vec<ArrayRef> = rows
                .columns()
                .iter()
                .map(|array| array.slice(row, 1))
                .collect();
            self.update_batch(&values)?;
        }
        Ok(())
    }
}
