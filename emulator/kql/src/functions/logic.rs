//! `and`, `or`, `not`, `iff`, `case`, `coalesce`, tests for null.

use datafusion::logical_expr::{Expr, Operator, binary_expr};
use kusto_emulator_values::{ScalarType, Value};

use crate::ast::BinaryOperator;
use crate::bind::{Scalar, common_type, literal};
use crate::error::{KqlError, Result};
use crate::kernel;

use super::{Arguments, when};

pub(super) const NAMES: &[&str] = &[
    "not",
    "iff",
    "iif",
    "case",
    "coalesce",
    "isnull",
    "isnotnull",
    "notnull",
    "isempty",
    "isnotempty",
    "notempty",
    "max_of",
    "min_of",
];

pub(super) fn bind(name: &str, args: &mut Arguments) -> Option<Result<Scalar>> {
    Some(match name {
        "not" => args.all_typed(&[ScalarType::Bool]).map(|mut found| {
            let expr = Expr::Not(Box::new(found.remove(0)));
            args.result(expr, ScalarType::Bool)
        }),
        "iff" | "iif" => args.count(3, 3).and_then(|()| case(args)),
        "case" => {
            if args.len() < 3 || args.len().is_multiple_of(2) {
                Err(KqlError::semantic(
                    "SEM0219",
                    "case(): function expects an odd number of arguments, 3 or more",
                ))
            } else {
                case(args)
            }
        }
        "coalesce" => coalesce(args),
        "isnull" => args.count(1, 1).and_then(|()| is_null(args, false)),
        "isnotnull" | "notnull" => args.count(1, 1).and_then(|()| is_null(args, true)),
        "isempty" => args
            .count(1, 1)
            .and_then(|()| emptiness(args.get(0)?.clone(), false)),
        "isnotempty" | "notempty" => args
            .count(1, 1)
            .and_then(|()| emptiness(args.get(0)?.clone(), true)),
        "max_of" => extreme(args, BinaryOperator::Greater),
        "min_of" => extreme(args, BinaryOperator::Less),
        _ => return None,
    })
}

/// `and`, `or` with three values.
pub(crate) fn logical(operator: BinaryOperator, left: Scalar, right: Scalar) -> Result<Scalar> {
    let word = if operator == BinaryOperator::And {
        "and"
    } else {
        "or"
    };
    let constant = left.constant && right.constant;
    let as_bool = |value: Scalar| {
        if value.ty == ScalarType::Dynamic {
            return super::convert(value, ScalarType::Bool);
        }
        value.expect_type(ScalarType::Bool, &format!("Each side of '{word}'"))?;
        Ok(value)
    };
    let (left, right) = (as_bool(left)?, as_bool(right)?);
    let operator = if operator == BinaryOperator::And {
        Operator::And
    } else {
        Operator::Or
    };
    Ok(Scalar::new(
        binary_expr(left.expr, operator, right.expr),
        ScalarType::Bool,
        constant,
    ))
}

pub(crate) fn not(value: Scalar) -> Scalar {
    Scalar {
        expr: Expr::Not(Box::new(value.expr)),
        ..value
    }
}

/// The one type of all results; numbers widen.
fn unified(values: Vec<Scalar>, name: &str) -> Result<Vec<Scalar>> {
    let mut ty = None;
    for value in &values {
        let both = match ty {
            None => Some(value.ty),
            Some(ty) => common_type(ty, value.ty),
        };
        ty = Some(both.ok_or_else(|| {
            KqlError::semantic(
                "SEM0030",
                format!(
                    "{name}(): the results are of different types, {} among them",
                    value.ty
                ),
            )
        })?);
    }
    let ty = ty.unwrap_or(ScalarType::String);
    values.into_iter().map(|value| value.widened(ty)).collect()
}

fn case(args: &mut Arguments) -> Result<Scalar> {
    let constant = args.constant();
    let name = args.name.clone();
    let mut values = std::mem::take(&mut args.values);
    let Some(last) = values.pop() else {
        return Err(super::wrong_count(&name, 3, 64));
    };
    let mut conditions = Vec::new();
    let mut results = Vec::new();
    let mut values = values.into_iter();
    while let (Some(condition), Some(result)) = (values.next(), values.next()) {
        condition.expect_type(ScalarType::Bool, &format!("A condition of {name}()"))?;
        conditions.push(condition);
        results.push(result);
    }
    results.push(last);
    let mut results = unified(results, &name)?;
    let ty = results.first().map_or(ScalarType::String, |value| value.ty);
    let mut expr = results
        .pop()
        .map(|value| value.expr)
        .unwrap_or_else(|| literal(Value::Null(ty)).expr);
    for (condition, result) in conditions.into_iter().zip(results).rev() {
        expr = when(condition.expr, result.expr, expr);
    }
    Ok(Scalar::new(expr, ty, constant))
}

/// The first value that is not null; of strings the first that is not empty.
fn coalesce(args: &mut Arguments) -> Result<Scalar> {
    args.count(2, 64)?;
    let constant = args.constant();
    let mut values = unified(std::mem::take(&mut args.values), "coalesce")?;
    let Some(mut result) = values.pop() else {
        return Err(super::wrong_count("coalesce", 2, 64));
    };
    for value in values.into_iter().rev() {
        let present = emptiness(value.clone(), true)?;
        let present = if value.ty == ScalarType::String {
            present.expr
        } else {
            value.expr.clone().is_not_null()
        };
        result.expr = when(present, value.expr, result.expr);
    }
    result.constant = constant;
    Ok(result)
}

fn is_null(args: &Arguments, negated: bool) -> Result<Scalar> {
    let value = args.get(0)?.clone();
    if value.ty == ScalarType::String {
        // Strings have no null (`null-values.md`).
        return Ok(literal(Value::Bool(negated)));
    }
    let expr = if negated {
        value.expr.is_not_null()
    } else {
        value.expr.is_null()
    };
    Ok(args.result(expr, ScalarType::Bool))
}

/// Whether a value is the empty string, or the null of another type.
pub(crate) fn is_empty(value: Scalar) -> Result<Scalar> {
    emptiness(value, false)
}

fn emptiness(value: Scalar, negated: bool) -> Result<Scalar> {
    let constant = value.constant;
    let expr = match value.ty {
        ScalarType::String => {
            let operator = if negated {
                Operator::NotEq
            } else {
                Operator::Eq
            };
            binary_expr(
                value.expr,
                operator,
                literal(Value::String(String::new())).expr,
            )
        }
        ScalarType::Dynamic => {
            let name = if negated {
                "isnotempty_dynamic"
            } else {
                "isempty_dynamic"
            };
            kernel::call(name, ScalarType::Bool, vec![value.expr], move |columns| {
                let texts = columns.text(0)?;
                columns.bools(|row| Some(matches!(texts.get(row), None | Some("\"\"")) != negated))
            })
        }
        _ if negated => value.expr.is_not_null(),
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid => value.expr.is_null(),
    };
    Ok(Scalar::new(expr, ScalarType::Bool, constant))
}

/// The greatest or smallest argument; nulls do not count.
fn extreme(args: &mut Arguments, better: BinaryOperator) -> Result<Scalar> {
    args.count(2, 64)?;
    let name = args.name.clone();
    let mut values = unified(std::mem::take(&mut args.values), &name)?.into_iter();
    let Some(mut best) = values.next() else {
        return Err(super::wrong_count(&name, 2, 64));
    };
    for value in values {
        let replaces = crate::bind::compare(better, value.clone(), best.clone())?;
        let missing = best.expr.clone().is_null();
        let condition = binary_expr(missing, Operator::Or, replaces.expr);
        best = Scalar::new(
            when(condition, value.expr, best.expr),
            value.ty,
            best.constant && value.constant,
        );
    }
    Ok(best)
}
