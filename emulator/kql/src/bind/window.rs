//! Functions over serialized rows. Their loops see all rows in one call.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, UInt64Array};
use arrow::compute::take;
use datafusion::logical_expr::Volatility;
use kusto_emulator_values::{ScalarType, Value};

use crate::ast::Argument;
use crate::error::{KqlError, Result};
use crate::functions;
use crate::kernel::{self, Columns};

use super::scalar::{Scalar, literal};
use super::{Binder, Env};

pub(super) fn is_window_function(name: &str) -> bool {
    matches!(name, "row_number" | "row_cumsum" | "prev" | "next")
}

impl Binder {
    pub(super) fn window_function(
        &self,
        name: &str,
        arguments: &[Argument],
        env: &Env<'_>,
    ) -> Result<Scalar> {
        if !env.input.is_some_and(|input| input.serialized) {
            return Err(KqlError::semantic(
                "SEM0059",
                format!("Function '{name}' cannot be invoked: the row set must be serialized"),
            ));
        }
        let values = self.scalars(arguments, env)?;
        env.windowed.set(true);
        match name {
            "row_number" => row_number(values),
            "row_cumsum" => row_cumsum(values),
            _ => self.shifted(name, values),
        }
    }

    /// `prev` and `next`.
    fn shifted(&self, name: &str, mut values: Vec<Scalar>) -> Result<Scalar> {
        if values.is_empty() || values.len() > 3 {
            return Err(functions::wrong_count(name, 1, 3));
        }
        let first = values.remove(0);
        let offset = if values.is_empty() {
            1
        } else {
            match self.evaluated(&values.remove(0), "The offset")? {
                Value::Int(value) => i64::from(value),
                Value::Long(value) => value,
                other @ (Value::Null(_)
                | Value::Bool(_)
                | Value::Real(_)
                | Value::Decimal(_)
                | Value::DateTime(_)
                | Value::TimeSpan(_)
                | Value::Guid(_)
                | Value::String(_)
                | Value::Dynamic(_)) => {
                    return Err(KqlError::semantic(
                        "SEM0031",
                        format!("The offset is of type {}", other.ty()),
                    ));
                }
            }
        };
        let offset = if name == "prev" { -offset } else { offset };
        let ty = first.ty;
        let default = match values.pop() {
            Some(default) => default.assigned_to(ty)?,
            None => literal(Value::Null(ty)),
        };
        let args = vec![first.expr, default.expr];
        let label = format!("shift_{offset}_{ty}");
        let expr = kernel::call_arrow(
            label,
            ty.arrow(),
            Volatility::Volatile,
            args,
            move |columns| shift(columns, offset),
        );
        Ok(Scalar::new(expr, ty, false))
    }
}

fn shift(columns: &Columns, offset: i64) -> datafusion::common::Result<ArrayRef> {
    let (values, constant) = columns.array(0)?;
    let (default, _) = columns.array(1)?;
    // One array: the values, then the default behind them.
    let default_at = u64::try_from(values.len()).unwrap_or(u64::MAX);
    let all = arrow::compute::concat(&[values.as_ref(), default.slice(0, 1).as_ref()])?;
    let rows = i64::try_from(columns.rows()).unwrap_or(i64::MAX);
    let indices: UInt64Array = (0..rows)
        .map(|row| {
            let from = row.saturating_add(offset);
            if !(0..rows).contains(&from) {
                default_at
            } else if constant {
                0
            } else {
                from.unsigned_abs()
            }
        })
        .collect();
    Ok(take(all.as_ref(), &indices, None)?)
}

/// `row_number([start [, restart]])`
fn row_number(mut values: Vec<Scalar>) -> Result<Scalar> {
    if values.len() > 2 {
        return Err(functions::wrong_count("row_number", 0, 2));
    }
    let restart = values.pop_if_len(2);
    let start = match values.pop() {
        Some(start) => start.widened(ScalarType::Long)?,
        None => literal(Value::Long(1)),
    };
    let restart = restart.unwrap_or_else(|| literal(Value::Bool(false)));
    restart.expect_type(ScalarType::Bool, "The restart of row_number()")?;
    let args = vec![start.expr, restart.expr];
    let ty = ScalarType::Long;
    let expr = kernel::call_arrow(
        "row_number",
        ty.arrow(),
        Volatility::Volatile,
        args,
        |columns| {
            let (start, restart) = (columns.long(0)?, columns.bool(1)?);
            let mut current: Option<i64> = None;
            columns.longs(|row| {
                let fresh = restart.get(row) == Some(true);
                current = match current {
                    Some(value) if !fresh => Some(value.wrapping_add(1)),
                    _ => start.get(row),
                };
                current
            })
        },
    );
    Ok(Scalar::new(expr, ty, false))
}

/// `row_cumsum(term [, restart])`
fn row_cumsum(mut values: Vec<Scalar>) -> Result<Scalar> {
    if values.is_empty() || values.len() > 2 {
        return Err(functions::wrong_count("row_cumsum", 1, 2));
    }
    let restart = values
        .pop_if_len(2)
        .unwrap_or_else(|| literal(Value::Bool(false)));
    restart.expect_type(ScalarType::Bool, "The restart of row_cumsum()")?;
    let Some(term) = values.pop() else {
        return Err(functions::wrong_count("row_cumsum", 1, 2));
    };
    let ty = match term.ty {
        ScalarType::Int | ScalarType::Long => ScalarType::Long,
        ScalarType::Real => ScalarType::Real,
        ScalarType::TimeSpan => ScalarType::TimeSpan,
        other @ (ScalarType::Bool
        | ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic) => {
            return Err(KqlError::unsupported(format!("row_cumsum() of a {other}")));
        }
    };
    let args = vec![term.expr, restart.expr];
    let expr = kernel::call_arrow(
        "row_cumsum",
        ty.arrow(),
        Volatility::Volatile,
        args,
        move |columns| {
            let (terms, constant) = columns.array(0)?;
            let restart = columns.bool(1)?;
            let at = |row: usize| if constant { 0 } else { row };
            let again = |row: usize| restart.get(row) == Some(true);
            if ty == ScalarType::Real {
                let terms = kernel::reals_of(terms.as_ref());
                let mut sum = 0.0;
                let array: Float64Array = (0..columns.rows())
                    .map(|row| {
                        sum = if again(row) { 0.0 } else { sum } + terms[at(row)].unwrap_or(0.0);
                        Some(sum)
                    })
                    .collect();
                return Ok(Arc::new(array) as ArrayRef);
            }
            let terms = kernel::longs_of(terms.as_ref());
            let mut sum = 0_i64;
            let array: Int64Array = (0..columns.rows())
                .map(|row| {
                    let before = if again(row) { 0 } else { sum };
                    sum = before.wrapping_add(terms[at(row)].unwrap_or(0));
                    Some(sum)
                })
                .collect();
            Ok(Arc::new(array) as ArrayRef)
        },
    );
    Ok(Scalar::new(expr, ty, false))
}

/// Takes the last value if there are as many as given.
trait PopIfLen {
    fn pop_if_len(&mut self, length: usize) -> Option<Scalar>;
}

impl PopIfLen for Vec<Scalar> {
    fn pop_if_len(&mut self, length: usize) -> Option<Scalar> {
        if self.len() == length {
            self.pop()
        } else {
            None
        }
    }
}
