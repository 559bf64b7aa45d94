//! Arithmetic and functions of numbers. Whole numbers wrap; a division by zero is null, of reals
//! an infinity or NaN.

use arrow::array::ArrayRef;
use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::{Expr, lit};
use kusto_emulator_values::{Decimal, ScalarType, datetime};

use crate::ast::BinaryOperator;
use crate::bind::{Scalar, common_type};
use crate::error::{KqlError, Result};
use crate::kernel::{self, Columns};

use super::conversion::{as_real, cut};
use super::{Arguments, is_sum};

pub(super) const NAMES: &[&str] = &[
    "abs",
    "bin",
    "floor",
    "ceiling",
    "round",
    "pow",
    "sqrt",
    "exp",
    "exp2",
    "exp10",
    "log",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "sign",
    "pi",
    "isnan",
    "isinf",
    "isfinite",
    "binary_and",
    "binary_or",
    "binary_xor",
    "binary_not",
    "binary_shift_left",
    "binary_shift_right",
    "bitset_count_ones",
];

use ScalarType::{DateTime, Int, Long, Real, TimeSpan};

pub(super) fn bind(name: &str, args: &mut Arguments) -> Option<Result<Scalar>> {
    let real = |f: fn(f64) -> f64| Some(real_function(args, f));
    match name {
        "sqrt" => real(f64::sqrt),
        "exp" => real(f64::exp),
        "exp2" => real(f64::exp2),
        "exp10" => real(|value| 10_f64.powf(value)),
        "log" => real(f64::ln),
        "log2" => real(f64::log2),
        "log10" => real(f64::log10),
        "sin" => real(f64::sin),
        "cos" => real(f64::cos),
        "tan" => real(f64::tan),
        "pi" => Some(
            args.count(0, 0)
                .map(|()| args.result(lit(std::f64::consts::PI), Real)),
        ),
        "isnan" => Some(real_test(args, f64::is_nan)),
        "isinf" => Some(real_test(args, f64::is_infinite)),
        "isfinite" => Some(real_test(args, f64::is_finite)),
        "abs" | "sign" | "ceiling" => Some(shaped(args, name)),
        "bin" => Some(bin(args)),
        "floor" => Some(if args.len() == 1 {
            shaped(args, name)
        } else {
            bin(args)
        }),
        "round" => Some(round(args)),
        "pow" => Some(power(args)),
        "binary_and" => Some(binary(args, |a, b| a & b)),
        "binary_or" => Some(binary(args, |a, b| a | b)),
        "binary_xor" => Some(binary(args, |a, b| a ^ b)),
        "binary_shift_left" => Some(binary(args, |value, by| {
            shift(by).map_or(0, |by| value << by)
        })),
        // Arithmetic: the sign fills the places that become free.
        "binary_shift_right" => Some(binary(args, |value, by| value >> shift(by).unwrap_or(63))),
        "binary_not" => Some(long_function(args, |value| !value)),
        "bitset_count_ones" => Some(long_function(args, |value| i64::from(value.count_ones()))),
        _ => None,
    }
}

/// Places to shift by; none from 64 on.
fn shift(by: i64) -> Option<u32> {
    u32::try_from(by).ok().filter(|by| *by < 64)
}

fn real_function(args: &Arguments, f: fn(f64) -> f64) -> Result<Scalar> {
    let values = args.all_typed(&[Real])?;
    let expr = kernel::call(args.name.clone(), Real, values, move |columns| {
        let values = columns.real(0)?;
        columns.reals(|row| values.get(row).map(f))
    });
    Ok(args.result(expr, Real))
}

fn real_test(args: &Arguments, f: fn(f64) -> bool) -> Result<Scalar> {
    let values = args.all_typed(&[Real])?;
    let expr = kernel::call(
        args.name.clone(),
        ScalarType::Bool,
        values,
        move |columns| {
            let values = columns.real(0)?;
            columns.bools(|row| values.get(row).map(f))
        },
    );
    Ok(args.result(expr, ScalarType::Bool))
}

fn long_function(args: &Arguments, f: fn(i64) -> i64) -> Result<Scalar> {
    let values = args.all_typed(&[Long])?;
    let expr = kernel::call(args.name.clone(), Long, values, move |columns| {
        let values = columns.long(0)?;
        columns.longs(|row| values.get(row).map(f))
    });
    Ok(args.result(expr, Long))
}

fn binary(args: &Arguments, f: fn(i64, i64) -> i64) -> Result<Scalar> {
    let values = args.all_typed(&[Long, Long])?;
    let expr = kernel::call(args.name.clone(), Long, values, move |columns| {
        let (left, right) = (columns.long(0)?, columns.long(1)?);
        columns.longs(|row| Some(f(left.get(row)?, right.get(row)?)))
    });
    Ok(args.result(expr, Long))
}

/// `abs`, `sign`, `ceiling`, `floor`: the result has the type of the argument.
fn shaped(args: &Arguments, name: &str) -> Result<Scalar> {
    args.count(1, 1)?;
    let ty = args.ty(0)?;
    let ty = if ty == ScalarType::Dynamic { Real } else { ty };
    let value = args.typed(0, ty)?;
    let which = name.to_owned();
    let label = format!("{name}_{ty}");
    let expr = match ty {
        Int | Long | TimeSpan => {
            if ty == TimeSpan && name != "abs" {
                return Err(args.wrong_type(0, ty));
            }
            let wide = if ty == Int {
                args.typed(0, Long)?
            } else {
                value
            };
            let expr = kernel::call(label, Long, vec![wide], move |columns| {
                let values = columns.long(0)?;
                columns.longs(|row| {
                    values.get(row).map(|value| match which.as_str() {
                        "abs" => value.wrapping_abs(),
                        "sign" => value.signum(),
                        _ => value,
                    })
                })
            });
            let ty = if ty == TimeSpan { TimeSpan } else { Long };
            return Ok(args.result(expr, ty));
        }
        Real => kernel::call(label, Real, vec![value], move |columns| {
            let values = columns.real(0)?;
            columns.reals(|row| {
                values.get(row).map(|value| match which.as_str() {
                    "abs" => value.abs(),
                    "sign" if value == 0.0 || value.is_nan() => value,
                    "sign" => value.signum(),
                    "floor" => value.floor(),
                    _ => value.ceil(),
                })
            })
        }),
        ScalarType::Decimal => kernel::call(label, ty, vec![value], move |columns| {
            let values = columns.text(0)?;
            columns.texts(|row| {
                let value = Decimal::parse(values.get(row)?)?;
                let value = match which.as_str() {
                    "abs" => value.abs(),
                    "sign" => Decimal::from(if value.is_zero() {
                        0
                    } else if value.is_negative() {
                        -1
                    } else {
                        1
                    }),
                    "floor" => value.floor(),
                    _ => value.ceiling(),
                };
                Some(value.to_string())
            })
        }),
        ScalarType::Bool
        | DateTime
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic => {
            return Err(args.wrong_type(0, ty));
        }
    };
    Ok(args.result(expr, ty))
}

/// `bin(value, size)`: the greatest multiple of the size at or below the value.
fn bin(args: &Arguments) -> Result<Scalar> {
    args.count(2, 2)?;
    let (value, size) = (args.ty(0)?, args.ty(1)?);
    let ty = match (value, size) {
        (DateTime | TimeSpan, TimeSpan) => value,
        (Int, Int) => Int,
        (Int | Long, Int | Long) => Long,
        (Int | Long | Real, Int | Long | Real) => Real,
        (value, _) => return Err(args.wrong_type(0, value)),
    };
    if ty == Real {
        let values = args.all_typed(&[Real, Real])?;
        let expr = kernel::call("bin_real", Real, values, |columns| {
            let (values, sizes) = (columns.real(0)?, columns.real(1)?);
            columns.reals(|row| {
                let (value, size) = (values.get(row)?, sizes.get(row)?);
                (size > 0.0).then(|| (value / size).floor() * size)
            })
        });
        return Ok(args.result(expr, Real));
    }
    let wide = |at: usize| {
        if args.ty(at)? == Int {
            args.typed(at, Long)
        } else {
            args.typed(at, args.ty(at)?)
        }
    };
    let expr = kernel::call("bin", Long, vec![wide(0)?, wide(1)?], |columns| {
        let (values, sizes) = (columns.long(0)?, columns.long(1)?);
        columns.longs(|row| {
            let (value, size) = (values.get(row)?, sizes.get(row)?);
            (size > 0).then(|| value.div_euclid(size).wrapping_mul(size))
        })
    });
    let result = args.result(expr, if ty == Int { Long } else { ty });
    if ty == Int {
        super::convert(result, Int)
    } else {
        Ok(result)
    }
}

/// `round(value [, digits])`, half away from zero.
fn round(args: &Arguments) -> Result<Scalar> {
    args.count(1, 2)?;
    if args.ty(0)? == ScalarType::Decimal {
        return Err(KqlError::unsupported("round() of a decimal"));
    }
    let digits = if args.len() == 2 {
        args.typed(1, Long)?
    } else {
        lit(0_i64)
    };
    let expr = kernel::call(
        "round",
        Real,
        vec![args.typed(0, Real)?, digits],
        |columns| {
            let (values, digits) = (columns.real(0)?, columns.long(1)?);
            columns.reals(|row| {
                let scale = 10_f64.powi(i32::try_from(digits.get(row)?).ok()?);
                let scaled = values.get(row)? * scale;
                Some(if scaled.is_finite() {
                    scaled.round() / scale
                } else {
                    values.get(row)?
                })
            })
        },
    );
    Ok(args.result(expr, Real))
}

fn power(args: &Arguments) -> Result<Scalar> {
    let values = args.all_typed(&[Real, Real])?;
    let expr = kernel::call("pow", Real, values, |columns| {
        let (base, exponent) = (columns.real(0)?, columns.real(1)?);
        columns.reals(|row| Some(base.get(row)?.powf(exponent.get(row)?)))
    });
    Ok(args.result(expr, Real))
}

pub(crate) fn negate(value: Scalar) -> Result<Scalar> {
    let zero = match value.ty {
        Int => kusto_emulator_values::Value::Int(0),
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
        other => {
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
            let (left, right) = (left.widened(number)?, right.widened(number)?);
            let expr = match number {
                Int => {
                    let wide = longs(
                        operator,
                        left.widened(Long)?.expr,
                        right.widened(Long)?.expr,
                    );
                    narrowed(wide)
                }
                Long => longs(operator, left.expr, right.expr),
                Real => reals(operator, left.expr, right.expr),
                _ => decimals(operator, left.expr, right.expr),
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
        _ => "%",
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

/// The low 32 bits, as 32-bit arithmetic gives them.
fn narrowed(value: Expr) -> Expr {
    kernel::call("narrow", Int, vec![value], |columns| {
        let values = columns.long(0)?;
        columns.ints(|row| {
            values
                .get(row)
                .and_then(|value| i32::try_from((value << 32) >> 32).ok())
        })
    })
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
                    _ => Some(a.wrapping_rem_euclid(b)),
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
                    _ => a.rem_euclid(b),
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
                    _ => a.rem(&b),
                };
                value.map(|value| value.to_string())
            })
        },
    )
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

/// A text that sorts as the decimal does: sign, exponent, digits; of negatives the complement.
pub(crate) fn decimal_sort_key(value: Expr) -> Expr {
    kernel::call(
        "decimal_sort_key",
        ScalarType::Decimal,
        vec![value],
        |columns| {
            let texts = columns.text(0)?;
            columns.texts(|row| texts.get(row).and_then(sort_key))
        },
    )
}

fn sort_key(text: &str) -> Option<String> {
    let negative = text.starts_with('-');
    let (number, exponent) = match text.trim_start_matches('-').split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (text.trim_start_matches('-'), 0),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{whole}{part}");
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return Some("1".to_owned());
    }
    // Power of ten of the first digit that is not zero.
    let leading = i64::try_from(all.len() - digits.len()).ok()?;
    let order = i64::try_from(whole.len()).ok()? - leading + exponent;
    let key = format!("{:06}{}", order + 100_000, digits.trim_end_matches('0'));
    if !negative {
        return Some(format!("2{key}"));
    }
    let complement: String = key
        .chars()
        .filter_map(|digit| char::from_digit(9 - digit.to_digit(10)?, 10))
        .collect();
    // Behind any digit: of two negatives the one with fewer digits is the greater.
    Some(format!("0{complement}~"))
}

#[cfg(test)]
mod tests {
    use super::sort_key;

    #[test]
    fn decimals_sort_by_their_keys() {
        let sorted = [
            "-1e30", "-12.34", "-12.3", "-12", "-0.5", "-0.05", "0", "0.00001", "0.1", "1", "1.5",
            "9", "10", "10.01", "1e20", "1.1E+33",
        ];
        let keys: Vec<_> = sorted.iter().map(|text| sort_key(text)).collect();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
    }
}
