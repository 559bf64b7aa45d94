//! Lists, sets, and sums and extremes of decimals.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, Expr};
use kusto_emulator_values::{Decimal, ScalarType, Value};

use crate::json::{self, Json};

use super::accumulator;

/// `make_list` or `make_set` over values of a type.
pub(super) fn call(distinct: bool, ty: ScalarType, limit: i64, value: Expr) -> Expr {
    let name = format!(
        "make_{}_{ty}_{limit}",
        if distinct { "set" } else { "list" }
    );
    let limit = usize::try_from(limit).unwrap_or(0);
    accumulator::call(name, DataType::Utf8, vec![value], move || {
        Box::new(Elements {
            ty,
            limit,
            items: Vec::new(),
            seen: distinct.then(HashSet::new),
            bytes: 0,
        })
    })
}

/// JSON texts of the elements in the order of the rows.
#[derive(Debug)]
struct Elements {
    ty: ScalarType,
    limit: usize,
    items: Vec<String>,
    seen: Option<HashSet<String>>,
    bytes: usize,
}

impl Elements {
    fn push(&mut self, text: String) {
        if self.items.len() >= self.limit {
            return;
        }
        if let Some(seen) = &mut self.seen
            && !seen.insert(text.clone())
        {
            return;
        }
        self.bytes += text.len() + size_of::<String>();
        self.items.push(text);
    }
}

impl Elements {
    fn push_all(&mut self, items: Vec<Json>) {
        for item in items {
            self.push(item.to_string());
        }
    }
}

impl Accumulator for Elements {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in 0..values[0].len() {
            if values[0].is_null(row) {
                continue;
            }
            let value = Value::from_array(values[0].as_ref(), row, self.ty)
                .map_err(|error| datafusion::common::DataFusionError::External(Box::new(error)))?;
            match Json::from_value(&value) {
                // The set of arrays is that of their elements (`make-set-aggregation-function.md`).
                Json::Array(items) if self.seen.is_some() => self.push_all(items),
                other @ (Json::Null
                | Json::Bool(_)
                | Json::Number(_)
                | Json::Text(_)
                | Json::Array(_)
                | Json::Bag(_)) => self.push(other.to_string()),
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Utf8(Some(format!(
            "[{}]",
            self.items.join(",")
        ))))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes * if self.seen.is_some() { 2 } else { 1 }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for text in states[0].as_string::<i32>().iter().flatten() {
            if let Some(Json::Array(items)) = json::parse(text) {
                self.push_all(items);
            }
        }
        Ok(())
    }
}

/// Sum of decimals; null beyond their range.
pub(super) fn decimal_sum(value: Expr) -> Expr {
    decimals("sum_decimal", value, |sum, value| sum.add(&value))
}

/// Greatest or smallest decimal.
pub(super) fn decimal_extreme(greatest: bool, value: Expr) -> Expr {
    let name = if greatest {
        "max_decimal"
    } else {
        "min_decimal"
    };
    decimals(name, value, move |best, value| {
        Some(if (value > best) == greatest {
            value
        } else {
            best
        })
    })
}

fn decimals(
    name: &'static str,
    value: Expr,
    step: impl Fn(Decimal, Decimal) -> Option<Decimal> + Send + Sync + Copy + 'static,
) -> Expr {
    accumulator::call(name, DataType::Utf8, vec![value], move || {
        Box::new(Decimals {
            name,
            current: None,
            overflow: false,
            step,
        })
    })
}

struct Decimals<F> {
    name: &'static str,
    current: Option<Decimal>,
    overflow: bool,
    step: F,
}

impl<F> std::fmt::Debug for Decimals<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

impl<F> Accumulator for Decimals<F>
where
    F: Fn(Decimal, Decimal) -> Option<Decimal> + Send + Sync + Copy + 'static,
{
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0]
            .as_string::<i32>()
            .iter()
            .flatten()
            .filter_map(Decimal::parse)
        {
            self.current = match self.current.take() {
                None => Some(value),
                Some(current) => {
                    let next = (self.step)(current, value);
                    self.overflow |= next.is_none();
                    next
                }
            };
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.overflow {
            return datafusion::common::exec_err!(
                "A decimal aggregate exceeds the range of decimal"
            );
        }
        Ok(ScalarValue::Utf8(
            self.current.as_ref().map(Decimal::to_string),
        ))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + 64
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}
