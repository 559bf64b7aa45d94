//! Operators of numbers, datetimes and timespans. Whole numbers wrap; a division by zero is null,
//! of reals an infinity or NaN; `%` is never negative (`numerical-operators.md`).

use arrow::array::ArrayRef;
use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::Expr;
use kusto_emulator_values::{Decimal, ScalarType, datetime};

use crate::ast::BinaryOperator;
use crate::bind::{Scalar, common_type};
use crate::error::{KqlError, Result};
use crate::kernel::{self, Columns};

use super::conversion::{as_real, cut};
use super::is_sum;

use ScalarType::{DateTime, Int, Long, Real, TimeSpan};

pub(crate) fn negate(value: Scalar) -> Result<Scalar> {
    let zero = match value.ty {
        Int => {
            let expr = kernel::call("negate_int", Int, vec![value.expr], |columns| {
                let values = columns.int(0)?;
                columns.ints(|row| values.get(row).map(i32::wrapping_neg))
            });
            return Ok(Scalar::new(expr, Int, value.constant));
        }
        Long => kusto_emulator_values::Value::Long(0),
        TimeSpan => kusto_emulator_values::Value::TimeSpan(0),
        ScalarType::Decimal => kusto_emulator_values::Value::Decimal(Decimal::zero()),
        Real => {
            let expr = kernel::call("negate", Real, vec![value.expr], |columns| {
                let values = columns.real(0)?;
                columns.reals(|row| values.get(row).map(|value| -value))
            });
            return Ok(Scalar::new(expr, Real, value.constant));
        }
        other @ (kusto_emulator_values::ScalarType::Bool
        | kusto_emulator_values::ScalarType::DateTime
        | kusto_emulator_values::ScalarType::Guid
        | kusto_emulator_values::ScalarType::String
        | kusto_emulator_values::ScalarType::Dynamic) => {
            return Err(KqlError::semantic(
                "SEM0031",
                format!("A value of type {other} has no negative"),
            ));
        }
    };
    arithmetic(BinaryOperator::Subtract, crate::bind::literal(zero), value)
}

/// `+ - * / %` over numbers, datetimes and timespans (`numerical-operators.md`,
/// `datetime-timespan-arithmetic.md`).
pub(crate) fn arithmetic(operator: BinaryOperator, left: Scalar, right: Scalar) -> Result<Scalar> {
    let constant = left.constant && right.constant;
    let (left, right) = (without_dynamic(left)?, without_dynamic(right)?);
    let add = operator == BinaryOperator::Add;
    let divide = operator == BinaryOperator::Divide;
    let multiply = operator == BinaryOperator::Multiply;
    let modulo = operator == BinaryOperator::Modulo;
    let wrong = || {
        KqlError::semantic(
            "SEM0031",
            format!(
                "'{}' does not take values of types {} and {}",
                sign(operator),
                left.ty,
                right.ty
            ),
        )
    };
    let (expr, ty) = match (left.ty, right.ty) {
        (DateTime, TimeSpan) if is_sum(operator) => {
            (date_sum(operator, left.expr, right.expr), DateTime)
        }
        (TimeSpan, DateTime) if add => (date_sum(operator, right.expr, left.expr), DateTime),
        (DateTime, DateTime) if operator == BinaryOperator::Subtract => {
            (longs(operator, left.expr, right.expr), TimeSpan)
        }
        (TimeSpan, TimeSpan) if is_sum(operator) || modulo => {
            (longs(operator, left.expr, right.expr), TimeSpan)
        }
        // The quotient is a real: ticks beyond 2^53 lose digits (`timespan.md`).
        (TimeSpan, TimeSpan) if divide => (span_quotient(left.expr, right.expr), Real),
        (TimeSpan, Int | Long | Real) if multiply || divide => {
            (scaled_span(operator, left.expr, right)?, TimeSpan)
        }
        (Int | Long | Real, TimeSpan) if multiply => {
            (scaled_span(operator, right.expr, left)?, TimeSpan)
        }
        (a, b) => {
            let number = common_type(a, b)
                .filter(|ty| crate::bind::is_number(*ty))
                .ok_or_else(wrong)?;
            // "If both operands are of integer types (int or long), the result will be of type long."
            let number = if number == Int { Long } else { number };
            let (left, right) = (left.widened(number)?, right.widened(number)?);
            let expr = match number {
                Int | Long => longs(operator, left.expr, right.expr),
                Real => reals(operator, left.expr, right.expr),
                ScalarType::Bool
                | ScalarType::Decimal
                | ScalarType::DateTime
                | ScalarType::TimeSpan
                | ScalarType::Guid
                | ScalarType::String
                | ScalarType::Dynamic => decimals(operator, left.expr, right.expr),
            };
            (expr, number)
        }
    };
    Ok(Scalar::new(expr, ty, constant))
}

fn sign(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Add => "+",
        BinaryOperator::Subtract => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual
        | BinaryOperator::Modulo
        | BinaryOperator::Text { .. } => "%",
    }
}

fn without_dynamic(value: Scalar) -> Result<Scalar> {
    if value.ty == ScalarType::Dynamic {
        return Err(KqlError::semantic(
            "SEM0031",
            "Arithmetic does not take a value of type dynamic; add an explicit cast such as tolong()",
        ));
    }
    Ok(value)
}

fn longs(operator: BinaryOperator, left: Expr, right: Expr) -> Expr {
    kernel::call(
        format!("long_{operator:?}"),
        Long,
        vec![left, right],
        move |columns| {
            let (left, right) = (columns.long(0)?, columns.long(1)?);
            columns.longs(|row| {
                let (a, b) = (left.get(row)?, right.get(row)?);
                match operator {
                    BinaryOperator::Add => Some(a.wrapping_add(b)),
                    BinaryOperator::Subtract => Some(a.wrapping_sub(b)),
                    BinaryOperator::Multiply => Some(a.wrapping_mul(b)),
                    BinaryOperator::Divide if b == 0 => None,
                    BinaryOperator::Divide => Some(a.wrapping_div(b)),
                    _ if b == 0 => None,
                    // The result of % is never negative for a positive divisor.
                    BinaryOperator::And
                    | BinaryOperator::Or
                    | BinaryOperator::Equal
                    | BinaryOperator::NotEqual
                    | BinaryOperator::Less
                    | BinaryOperator::LessOrEqual
                    | BinaryOperator::Greater
                    | BinaryOperator::GreaterOrEqual
                    | BinaryOperator::Modulo
                    | BinaryOperator::Text { .. } => Some(a.wrapping_rem_euclid(b)),
                }
            })
        },
    )
}

fn reals(operator: BinaryOperator, left: Expr, right: Expr) -> Expr {
    kernel::call(
        format!("real_{operator:?}"),
        Real,
        vec![left, right],
        move |columns| {
            let (left, right) = (columns.real(0)?, columns.real(1)?);
            columns.reals(|row| {
                let (a, b) = (left.get(row)?, right.get(row)?);
                Some(match operator {
                    BinaryOperator::Add => a + b,
                    BinaryOperator::Subtract => a - b,
                    BinaryOperator::Multiply => a * b,
                    BinaryOperator::Divide => a / b,
                    BinaryOperator::And
                    | BinaryOperator::Or
                    | BinaryOperator::Equal
                    | BinaryOperator::NotEqual
                    | BinaryOperator::Less
                    | BinaryOperator::LessOrEqual
                    | BinaryOperator::Greater
                    | BinaryOperator::GreaterOrEqual
                    | BinaryOperator::Modulo
                    | BinaryOperator::Text { .. } => a.rem_euclid(b),
                })
            })
        },
    )
}

fn decimals(operator: BinaryOperator, left: Expr, right: Expr) -> Expr {
    kernel::call(
        format!("decimal_{operator:?}"),
        ScalarType::Decimal,
        vec![left, right],
        move |columns| {
            let (left, right) = (columns.text(0)?, columns.text(1)?);
            columns.texts(|row| {
                let (a, b) = (
                    Decimal::parse(left.get(row)?)?,
                    Decimal::parse(right.get(row)?)?,
                );
                let value = match operator {
                    BinaryOperator::Add => a.add(&b),
                    BinaryOperator::Subtract => a.sub(&b),
                    BinaryOperator::Multiply => a.mul(&b),
                    BinaryOperator::Divide => a.div(&b),
                    BinaryOperator::And
                    | BinaryOperator::Or
                    | BinaryOperator::Equal
                    | BinaryOperator::NotEqual
                    | BinaryOperator::Less
                    | BinaryOperator::LessOrEqual
                    | BinaryOperator::Greater
                    | BinaryOperator::GreaterOrEqual
                    | BinaryOperator::Modulo
                    | BinaryOperator::Text { .. } => modulo(&a, &b),
                };
                value.map(|value| value.to_string())
            })
        },
    )
}

/// The remainder that is not negative, as that of the other numbers.
fn modulo(value: &Decimal, by: &Decimal) -> Option<Decimal> {
    let rest = value.rem(by)?;
    if rest.is_negative() {
        rest.add(&by.abs())
    } else {
        Some(rest)
    }
}

/// A datetime outside of the years 1 to 9999 is null.
fn date_sum(operator: BinaryOperator, date: Expr, span: Expr) -> Expr {
    kernel::call(
        format!("date_{operator:?}"),
        Long,
        vec![date, span],
        move |columns| {
            let (dates, spans) = (columns.long(0)?, columns.long(1)?);
            columns.longs(|row| {
                let (date, span) = (dates.get(row)?, spans.get(row)?);
                let sum = if operator == BinaryOperator::Add {
                    date.checked_add(span)
                } else {
                    date.checked_sub(span)
                };
                sum.filter(|ticks| datetime::in_range(*ticks))
            })
        },
    )
}

fn span_quotient(left: Expr, right: Expr) -> Expr {
    kernel::call("span_quotient", Real, vec![left, right], |columns| {
        let (left, right) = (columns.long(0)?, columns.long(1)?);
        columns.reals(|row| Some(as_real(left.get(row)?) / as_real(right.get(row)?)))
    })
}

fn scaled_span(operator: BinaryOperator, span: Expr, factor: Scalar) -> Result<Expr> {
    if factor.ty != Real {
        return Ok(longs(operator, span, factor.widened(Long)?.expr));
    }
    let run = move |columns: &Columns| -> PlanResult<ArrayRef> {
        let (spans, factors) = (columns.long(0)?, columns.real(1)?);
        columns.longs(|row| {
            let (span, factor) = (as_real(spans.get(row)?), factors.get(row)?);
            cut(if operator == BinaryOperator::Multiply {
                span * factor
            } else {
                span / factor
            })
        })
    };
    Ok(kernel::call(
        format!("span_{operator:?}"),
        Long,
        vec![span, factor.expr],
        run,
    ))
}
