//! Aggregate functions of `summarize`.
//!
//! Counts, sums, minima and maxima are DataFusion's; what has Kusto's own rules (`arg_max`, lists,
//! sets) is ours. Nulls do not count. Defaults without rows follow `summarize-operator.md`.

mod accumulator;
mod collect;
mod pick;

use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{AggregateUDF, Expr, lit};
use kusto_emulator_values::{ScalarType, Value};

use crate::bind::{Scalar, literal};
use crate::error::{KqlError, Result};
use crate::functions;

pub(crate) use pick::{Picked, field, pick};

/// Elements of a list or set unless the call says fewer (`make-list-aggregation-function.md`).
const MOST_ELEMENTS: i64 = 1_048_576;
/// The same of the deprecated `makelist` and `makeset`.
const MOST_ELEMENTS_DEPRECATED: i64 = 128;

/// An aggregate over columns of the plan, and how its result becomes Kusto's.
pub(crate) struct Aggregate {
    /// The aggregate expression.
    pub(crate) expr: Expr,
    /// Type of the result.
    pub(crate) ty: ScalarType,
    /// What takes the aggregate's column to the result.
    pub(crate) finish: fn(Expr, ScalarType) -> Expr,
}

/// What the column of an unnamed aggregate is called: `sum_x`, `list_x`, …; none for other names.
pub(crate) fn prefix(name: &str) -> Option<&'static str> {
    Some(match name {
        "count" => "count",
        "countif" => "countif",
        "sum" => "sum",
        "sumif" => "sumif",
        "min" => "min",
        "minif" => "minif",
        "max" => "max",
        "maxif" => "maxif",
        "avg" => "avg",
        "avgif" => "avgif",
        "dcount" => "dcount",
        "dcountif" => "dcountif",
        "count_distinct" => "count_distinct",
        "make_list" | "makelist" | "make_list_if" => "list",
        "make_set" | "makeset" | "make_set_if" => "set",
        "arg_max" | "argmax" => "max",
        "arg_min" | "argmin" => "min",
        "any" | "take_any" | "anyif" | "take_anyif" => "any",
        _ => return None,
    })
}

pub(crate) fn is_aggregate(name: &str) -> bool {
    prefix(name).is_some()
}

/// Whether the function gives several columns, so that only the top of an expression may be it.
pub(crate) fn is_pick(name: &str) -> bool {
    matches!(
        name,
        "arg_max" | "argmax" | "arg_min" | "argmin" | "any" | "take_any"
    )
}

/// An aggregate call over bound arguments. They must be columns or literals of the plan.
pub(crate) fn bind(name: &str, mut args: Vec<Scalar>) -> Result<Aggregate> {
    let (plain, conditional) = without_condition(name);
    if plain == "count" {
        return count(name, args, conditional);
    }
    let most = 2 + usize::from(conditional);
    if args.is_empty() || args.len() > most || (conditional && args.len() < 2) {
        return Err(functions::wrong_count(
            name,
            1 + usize::from(conditional),
            most,
        ));
    }
    let mut value = args.remove(0);
    if conditional {
        let condition = args.remove(0);
        condition.expect_type(ScalarType::Bool, &format!("The condition of {name}()"))?;
        let none = Expr::Literal(
            datafusion::common::ScalarValue::try_from(value.ty.arrow())?,
            None,
        );
        value.expr = functions::when(condition.expr, value.expr, none);
    }
    match plain {
        "sum" => sum(value),
        "avg" => average(value),
        "min" | "max" => extreme(plain, value),
        // The accuracy of dcount does not matter: the count is exact.
        "dcount" => Ok(Aggregate {
            expr: call(count_udaf(), value.expr, true),
            ty: ScalarType::Long,
            finish: or_zero,
        }),
        "make_list" | "make_set" => {
            let limit = match args.pop().map(|limit| limit.expr) {
                None if matches!(name, "makelist" | "makeset") => MOST_ELEMENTS_DEPRECATED,
                None => MOST_ELEMENTS,
                Some(Expr::Literal(datafusion::common::ScalarValue::Int64(Some(limit)), _)) => {
                    limit.clamp(0, MOST_ELEMENTS)
                }
                Some(_) => {
                    return Err(KqlError::semantic(
                        "SEM0019",
                        format!("The size of {name}() must be a constant"),
                    ));
                }
            };
            let expr = collect::call(plain == "make_set", value.ty, limit, value.expr);
            Ok(Aggregate {
                expr,
                ty: ScalarType::Dynamic,
                finish: or_empty_array,
            })
        }
        other => Err(KqlError::semantic(
            "SEM0260",
            format!("Unknown function: '{other}'."),
        )),
    }
}

/// The function without its `if`, and whether it had one.
fn without_condition(name: &str) -> (&str, bool) {
    match name {
        "countif" => ("count", true),
        "sumif" => ("sum", true),
        "minif" => ("min", true),
        "maxif" => ("max", true),
        "avgif" => ("avg", true),
        "dcountif" => ("dcount", true),
        "make_list_if" => ("make_list", true),
        "make_set_if" => ("make_set", true),
        "makelist" => ("make_list", false),
        "makeset" => ("make_set", false),
        "count_distinct" => ("dcount", false),
        other => (other, false),
    }
}

fn count(name: &str, mut args: Vec<Scalar>, conditional: bool) -> Result<Aggregate> {
    let counted = match (args.pop(), conditional) {
        (None, false) => lit(1_i64),
        (Some(condition), true) if args.is_empty() => {
            condition.expect_type(ScalarType::Bool, "The condition of countif()")?;
            functions::when(
                condition.expr,
                lit(1_i64),
                lit(datafusion::common::ScalarValue::Int64(None)),
            )
        }
        (Some(_), false) if args.is_empty() => lit(1_i64),
        _ => return Err(functions::wrong_count(name, usize::from(conditional), 1)),
    };
    Ok(Aggregate {
        expr: call(count_udaf(), counted, false),
        ty: ScalarType::Long,
        finish: or_zero,
    })
}

fn sum(value: Scalar) -> Result<Aggregate> {
    let (value, ty) = match value.ty {
        ScalarType::Int => (value.widened(ScalarType::Long)?, ScalarType::Long),
        ScalarType::Long | ScalarType::Real | ScalarType::TimeSpan => {
            let ty = value.ty;
            (value, ty)
        }
        ScalarType::Decimal => {
            let expr = collect::decimal_sum(value.expr);
            return Ok(Aggregate {
                expr,
                ty: ScalarType::Decimal,
                finish: or_zero,
            });
        }
        ScalarType::Dynamic => (
            functions::convert(value, ScalarType::Real)?,
            ScalarType::Real,
        ),
        other @ (ScalarType::Bool
        | ScalarType::DateTime
        | ScalarType::Guid
        | ScalarType::String) => return Err(not_summable("sum", other)),
    };
    Ok(Aggregate {
        expr: call(sum_udaf(), value.expr, false),
        ty,
        finish: or_zero,
    })
}

fn average(value: Scalar) -> Result<Aggregate> {
    match value.ty {
        ScalarType::Int | ScalarType::Long | ScalarType::Real => {
            let value = value.widened(ScalarType::Real)?;
            Ok(Aggregate {
                expr: call(avg_udaf(), value.expr, false),
                ty: ScalarType::Real,
                finish: or_nan,
            })
        }
        other @ (ScalarType::Bool
        | ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic) => Err(KqlError::unsupported(format!("avg() of a {other}"))),
    }
}

fn extreme(name: &str, value: Scalar) -> Result<Aggregate> {
    let ty = value.ty;
    match ty {
        ScalarType::Dynamic => Err(not_summable(name, ty)),
        ScalarType::Decimal => Ok(Aggregate {
            expr: collect::decimal_extreme(name == "max", value.expr),
            ty,
            finish: as_it_is,
        }),
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String => {
            let function = if name == "max" {
                max_udaf()
            } else {
                min_udaf()
            };
            Ok(Aggregate {
                expr: call(function, value.expr, false),
                ty,
                finish: as_it_is,
            })
        }
    }
}

fn not_summable(name: &str, ty: ScalarType) -> KqlError {
    KqlError::semantic(
        "SEM0031",
        format!("{name}() does not take a value of type {ty}; add an explicit cast"),
    )
}

fn call(function: std::sync::Arc<AggregateUDF>, value: Expr, distinct: bool) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(
        function,
        vec![value],
        distinct,
        None,
        Vec::new(),
        None,
    ))
}

fn or_zero(expr: Expr, ty: ScalarType) -> Expr {
    let zero = match ty {
        ScalarType::Real => Value::Real(0.0),
        ScalarType::Decimal => Value::Decimal(kusto_emulator_values::Decimal::zero()),
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic => Value::Long(0),
    };
    functions::or_else(expr, literal(zero).expr)
}

fn or_nan(expr: Expr, _: ScalarType) -> Expr {
    functions::or_else(expr, lit(f64::NAN))
}

fn or_empty_array(expr: Expr, _: ScalarType) -> Expr {
    functions::or_else(expr, lit("[]"))
}

/// Null without rows, except that a string has no null.
fn as_it_is(expr: Expr, ty: ScalarType) -> Expr {
    if ty == ScalarType::String {
        functions::or_else(expr, lit(""))
    } else {
        expr
    }
}
