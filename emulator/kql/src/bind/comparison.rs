//! Comparisons with Kusto's nulls.
//!
//! `==` of a null and a value is false and `!=` true; of two nulls both are null; the others are
//! null when a side is (`null-values.md`). Comparisons of a column with a literal stay plain
//! operators of the plan, so that a table can prune by them.

use datafusion::logical_expr::{Expr, Operator, binary_expr};
use kusto_emulator_values::{Decimal, ScalarType, Value};

use crate::ast::BinaryOperator;
use crate::error::{KqlError, Result};
use crate::functions;
use crate::json::{self, Json};
use crate::kernel;

use super::scalar::{Scalar, common_type, is_number, literal};

/// `left operator right`
pub(crate) fn compare(operator: BinaryOperator, left: Scalar, right: Scalar) -> Result<Scalar> {
    let (left, right) = aligned(left, right)?;
    let constant = left.constant && right.constant;
    let expr = match left.ty {
        ScalarType::Real => kernel_of_reals(operator, left.expr, right.expr),
        ScalarType::Decimal if !is_equality(operator) => {
            kernel_of_decimals(operator, left.expr, right.expr)
        }
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic => native(operator, left, right),
    };
    Ok(Scalar::new(expr, ScalarType::Bool, constant))
}

/// Both sides of one type: numbers widened, a dynamic read as the other's type.
fn aligned(left: Scalar, right: Scalar) -> Result<(Scalar, Scalar)> {
    let (a, b) = (left.ty, right.ty);
    if a == ScalarType::Dynamic && b != ScalarType::Dynamic {
        let right = exact(right)?;
        return Ok((functions::convert(left, right.ty)?, right));
    }
    if b == ScalarType::Dynamic && a != ScalarType::Dynamic {
        let left = exact(left)?;
        let right = functions::convert(right, left.ty)?;
        return Ok((left, right));
    }
    let common = common_type(a, b).filter(|ty| *ty != ScalarType::Dynamic);
    let Some(ty) = common else {
        return Err(KqlError::semantic(
            "SEM0064",
            format!("Cannot compare values of types {a} and {b}. Try adding explicit casts"),
        ));
    };
    Ok((left.widened(ty)?, right.widened(ty)?))
}

/// A whole number as a decimal, so that a dynamic beside it keeps its fraction: 1.5 is not 1.
fn exact(value: Scalar) -> Result<Scalar> {
    match value.ty {
        ScalarType::Int | ScalarType::Long => functions::convert(value, ScalarType::Decimal),
        ScalarType::Bool
        | ScalarType::Real
        | ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic => Ok(value),
    }
}

fn is_equality(operator: BinaryOperator) -> bool {
    matches!(operator, BinaryOperator::Equal | BinaryOperator::NotEqual)
}

fn plan_operator(operator: BinaryOperator) -> Operator {
    match operator {
        BinaryOperator::NotEqual => Operator::NotEq,
        BinaryOperator::Less => Operator::Lt,
        BinaryOperator::LessOrEqual => Operator::LtEq,
        BinaryOperator::Greater => Operator::Gt,
        BinaryOperator::GreaterOrEqual => Operator::GtEq,
        BinaryOperator::Equal
        | BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::Add
        | BinaryOperator::Subtract
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::Text { .. } => Operator::Eq,
    }
}

fn native(operator: BinaryOperator, left: Scalar, right: Scalar) -> Expr {
    let never_null = left.ty == ScalarType::String;
    let one_value = left.is_value() || right.is_value();
    let plain = binary_expr(
        left.expr.clone(),
        plan_operator(operator),
        right.expr.clone(),
    );
    match operator {
        _ if never_null || !is_equality(operator) => plain,
        BinaryOperator::Equal if one_value => Expr::IsTrue(Box::new(plain)),
        BinaryOperator::NotEqual if one_value => {
            binary_expr(left.expr, Operator::IsDistinctFrom, right.expr)
        }
        BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual
        | BinaryOperator::Add
        | BinaryOperator::Subtract
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::Text { .. } => {
            let distinct = if operator == BinaryOperator::Equal {
                Operator::IsNotDistinctFrom
            } else {
                Operator::IsDistinctFrom
            };
            let both_null = left
                .expr
                .clone()
                .is_null()
                .and(right.expr.clone().is_null());
            functions::when(
                both_null,
                literal(Value::Null(ScalarType::Bool)).expr,
                binary_expr(left.expr, distinct, right.expr),
            )
        }
    }
}

/// The answer for two values that may be missing.
fn decide<T: PartialOrd>(
    operator: BinaryOperator,
    left: Option<T>,
    right: Option<T>,
) -> Option<bool> {
    match (left, right) {
        (Some(left), Some(right)) => Some(match operator {
            BinaryOperator::NotEqual => left != right,
            BinaryOperator::Less => left < right,
            BinaryOperator::LessOrEqual => left <= right,
            BinaryOperator::Greater => left > right,
            BinaryOperator::GreaterOrEqual => left >= right,
            BinaryOperator::Equal
            | BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::Add
            | BinaryOperator::Subtract
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::Text { .. } => left == right,
        }),
        (None, None) => None,
        _ => match operator {
            BinaryOperator::Equal => Some(false),
            BinaryOperator::NotEqual => Some(true),
            BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::Less
            | BinaryOperator::LessOrEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterOrEqual
            | BinaryOperator::Add
            | BinaryOperator::Subtract
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::Text { .. } => None,
        },
    }
}

/// IEEE: NaN equals nothing, 0.0 equals -0.0.
fn kernel_of_reals(operator: BinaryOperator, left: Expr, right: Expr) -> Expr {
    let name = format!("compare_real_{operator:?}");
    kernel::call(name, ScalarType::Bool, vec![left, right], move |columns| {
        let (left, right) = (columns.real(0)?, columns.real(1)?);
        columns.bools(|row| decide(operator, left.get(row), right.get(row)))
    })
}

fn kernel_of_decimals(operator: BinaryOperator, left: Expr, right: Expr) -> Expr {
    let name = format!("compare_decimal_{operator:?}");
    kernel::call(name, ScalarType::Bool, vec![left, right], move |columns| {
        let (left, right) = (columns.text(0)?, columns.text(1)?);
        columns.bools(|row| {
            let value = |text: Option<&str>| text.and_then(Decimal::parse);
            decide(operator, value(left.get(row)), value(right.get(row)))
        })
    })
}

/// `left in (values)`: never null.
pub(crate) fn membership(left: Scalar, values: Vec<Scalar>, ignore_case: bool) -> Result<Scalar> {
    let mut members = Vec::with_capacity(values.len());
    for value in values {
        if value.ty == ScalarType::Dynamic {
            members.extend(elements(&value, left.ty)?);
        } else {
            members.push(value);
        }
    }
    if ignore_case {
        let lowered = members
            .into_iter()
            .map(functions::lower)
            .collect::<Result<Vec<_>>>()?;
        return membership(functions::lower(left)?, lowered, false);
    }
    let constant = left.constant && members.iter().all(|member| member.constant);
    let widens = |member: &Scalar| is_number(left.ty) && is_number(member.ty);
    let mixed = members
        .iter()
        .any(|member| member.ty != left.ty && widens(member));
    if mixed || matches!(left.ty, ScalarType::Real | ScalarType::Dynamic) {
        return any_equal(left, members);
    }
    let mut list = Vec::with_capacity(members.len());
    for member in members {
        if member.ty != left.ty {
            return Err(KqlError::semantic(
                "SEM0064",
                format!(
                    "Cannot compare values of types {} and {}. Try adding explicit casts",
                    left.ty, member.ty
                ),
            ));
        }
        list.push(member.expr);
    }
    let expr = if list.is_empty() {
        literal(Value::Bool(false)).expr
    } else {
        Expr::IsTrue(Box::new(left.expr.in_list(list, false)))
    };
    Ok(Scalar::new(expr, ScalarType::Bool, constant))
}

fn any_equal(left: Scalar, members: Vec<Scalar>) -> Result<Scalar> {
    let mut found = literal(Value::Bool(false));
    for member in members {
        let equal = compare(BinaryOperator::Equal, left.clone(), member)?;
        found = functions::logical(BinaryOperator::Or, found, equal)?;
    }
    found.expr = Expr::IsTrue(Box::new(found.expr));
    Ok(found)
}

/// The elements of a constant array, as values of the wanted type.
fn elements(array: &Scalar, wanted: ScalarType) -> Result<Vec<Scalar>> {
    let Expr::Literal(datafusion::common::ScalarValue::Utf8(text), _) = &array.expr else {
        return Err(KqlError::unsupported(
            "'in' over a dynamic value that is not a literal",
        ));
    };
    let tree = text.as_deref().and_then(json::parse).unwrap_or(Json::Null);
    let items = match tree {
        Json::Array(items) => items,
        other @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Bag(_)) => {
            vec![other]
        }
    };
    let wanted = if wanted == ScalarType::Dynamic {
        ScalarType::String
    } else {
        wanted
    };
    Ok(items
        .iter()
        .map(|item| Value::from_text(&item.to_text(), wanted))
        .filter(|value| !value.is_null())
        .map(literal)
        .collect())
}

/// In a filter null and false are the same, so a plain comparison does.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours")]
pub(crate) fn filter_form(expr: Expr) -> Expr {
    match expr {
        Expr::IsTrue(inner) => filter_form(*inner),
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => {
            binary_expr(
                filter_form(*binary.left),
                binary.op,
                filter_form(*binary.right),
            )
        }
        other => other,
    }
}
