//! The values of `range` (`range-operator.md`).

use kusto_emulator_values::{ScalarType, Value};

use crate::error::{KqlError, Result};

use super::scalar::common_type;

/// Rows that `range` may make.
const LIMIT: usize = 10_000_000;

/// From the first to the last value, both included, and their type, which is known of none too.
pub(super) fn values(from: &Value, to: &Value, step: &Value) -> Result<(ScalarType, Vec<Value>)> {
    use ScalarType::{DateTime, Int, Long, Real, TimeSpan};
    let ty = match (from.ty(), to.ty(), step.ty()) {
        (DateTime, DateTime, TimeSpan) => DateTime,
        (TimeSpan, TimeSpan, TimeSpan) => TimeSpan,
        (a, b, c) => common_type(a, b)
            .and_then(|ab| common_type(ab, c))
            .filter(|ty| matches!(ty, Int | Long))
            .ok_or_else(|| {
                KqlError::unsupported(format!("'range' from a {a} to a {b} by a {c}"))
            })?,
    };
    let (Some(from), Some(to), Some(step)) = (ticks(from), ticks(to), ticks(step)) else {
        return Ok((ty, Vec::new()));
    };
    if step == 0 {
        return Err(KqlError::semantic("SEM0017", "The step of 'range' is zero"));
    }
    let mut values = Vec::new();
    let mut at = from;
    while (step > 0 && at <= to) || (step < 0 && at >= to) {
        if values.len() >= LIMIT {
            return Err(KqlError::Limits {
                code: "80DA0001",
                message: format!("'range' makes more than {LIMIT} rows"),
            });
        }
        values.push(match ty {
            DateTime => Value::DateTime(at),
            TimeSpan => Value::TimeSpan(at),
            // Between two ints.
            Int => i32::try_from(at).map_or(Value::Null(Int), Value::Int),
            Long
            | Real
            | ScalarType::Bool
            | ScalarType::Decimal
            | ScalarType::Guid
            | ScalarType::String
            | ScalarType::Dynamic => Value::Long(at),
        });
        match at.checked_add(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok((ty, values))
}

fn ticks(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(i64::from(*value)),
        Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => Some(*value),
        Value::Null(_)
        | Value::Bool(_)
        | Value::Real(_)
        | Value::Decimal(_)
        | Value::Guid(_)
        | Value::String(_)
        | Value::Dynamic(_) => None,
    }
}
