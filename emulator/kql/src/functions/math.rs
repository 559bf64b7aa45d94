//! Functions of numbers.

use datafusion::logical_expr::{Expr, lit};
use kusto_emulator_values::{Decimal, ScalarType};

use crate::bind::Scalar;
use crate::error::{KqlError, Result};
use crate::kernel;

use super::Arguments;

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
        "sqrt" => Some(root_or_log(args, f64::sqrt)),
        "exp" => real(f64::exp),
        "exp2" => real(f64::exp2),
        "exp10" => real(|value| 10_f64.powf(value)),
        "log" => Some(root_or_log(args, f64::ln)),
        "log2" => Some(root_or_log(args, f64::log2)),
        "log10" => Some(root_or_log(args, f64::log10)),
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
        "abs" | "ceiling" => Some(shaped(args, name)),
        "sign" => Some(sign(args)),
        "bin" | "floor" => Some(bin(args)),
        "round" => Some(round(args)),
        "pow" => Some(power(args)),
        "binary_and" => Some(binary(args, |a, b| Some(a & b))),
        "binary_or" => Some(binary(args, |a, b| Some(a | b))),
        "binary_xor" => Some(binary(args, |a, b| Some(a ^ b))),
        "binary_shift_left" => Some(binary(args, |value, by| Some(value << shift(by)?))),
        // Arithmetic: the sign fills the places that become free.
        "binary_shift_right" => Some(binary(args, |value, by| Some(value >> shift(by)?))),
        "binary_not" => Some(long_function(args, |value| !value)),
        "bitset_count_ones" => Some(long_function(args, |value| i64::from(value.count_ones()))),
        _ => None,
    }
}

/// Places to shift by: `shift % 64`, and null of a negative shift
/// (`binary-shift-left-function.md`).
fn shift(by: i64) -> Option<u32> {
    u32::try_from(by).ok().map(|by| by % 64)
}

/// `sqrt` and the logarithms: null of a negative number (`sqrt-function.md`, `log-function.md`).
fn root_or_log(args: &Arguments, f: fn(f64) -> f64) -> Result<Scalar> {
    let values = args.all_typed(&[Real])?;
    let expr = kernel::call(args.name.clone(), Real, values, move |columns| {
        let values = columns.real(0)?;
        columns.reals(|row| {
            let value = values.get(row)?;
            (value >= 0.0 || value.is_nan()).then(|| f(value))
        })
    });
    Ok(args.result(expr, Real))
}

/// `sign(number)`: -1, 0 or 1 as a real.
fn sign(args: &Arguments) -> Result<Scalar> {
    args.count(1, 1)?;
    let value = if args.ty(0)? == ScalarType::Decimal {
        super::convert(args.get(0)?.clone(), Real)?.expr
    } else {
        args.typed(0, Real)?
    };
    let expr = kernel::call("sign", Real, vec![value], |columns| {
        let values = columns.real(0)?;
        columns.reals(|row| {
            let value = values.get(row)?;
            let zero_or_nan = value == 0.0 || value.is_nan();
            Some(if zero_or_nan { value } else { value.signum() })
        })
    });
    Ok(args.result(expr, Real))
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
            // Null is no number of any kind: "`false` otherwise" (`isnan-function.md`).
            columns.bools(|row| Some(values.get(row).is_some_and(f)))
        },
    );
    Ok(args.result(expr, ScalarType::Bool))
}

/// Whether a real is NaN; false of null.
pub(crate) fn is_nan(value: Expr) -> Expr {
    kernel::call("isnan", ScalarType::Bool, vec![value], |columns| {
        let values = columns.real(0)?;
        columns.bools(|row| Some(values.get(row).is_some_and(f64::is_nan)))
    })
}

fn long_function(args: &Arguments, f: fn(i64) -> i64) -> Result<Scalar> {
    let values = args.all_typed(&[Long])?;
    let expr = kernel::call(args.name.clone(), Long, values, move |columns| {
        let values = columns.long(0)?;
        columns.longs(|row| values.get(row).map(f))
    });
    Ok(args.result(expr, Long))
}

fn binary(args: &Arguments, f: fn(i64, i64) -> Option<i64>) -> Result<Scalar> {
    let values = args.all_typed(&[Long, Long])?;
    let expr = kernel::call(args.name.clone(), Long, values, move |columns| {
        let (left, right) = (columns.long(0)?, columns.long(1)?);
        columns.longs(|row| f(left.get(row)?, right.get(row)?))
    });
    Ok(args.result(expr, Long))
}

/// `abs` and `ceiling`: the result has the type of the argument, except that `abs` of an int is a
/// long.
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
                        _ => value,
                    })
                })
            });
            let narrow = ty == Int && name != "abs";
            let ty = if ty == TimeSpan { TimeSpan } else { Long };
            let result = args.result(expr, ty);
            return if narrow {
                super::convert(result, Int)
            } else {
                Ok(result)
            };
        }
        Real => kernel::call(label, Real, vec![value], move |columns| {
            let values = columns.real(0)?;
            columns.reals(|row| {
                values.get(row).map(|value| match which.as_str() {
                    "abs" => value.abs(),
                    _ => value.ceil(),
                })
            })
        }),
        ScalarType::Decimal => shaped_decimal(label, which, value),
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

fn shaped_decimal(label: String, which: String, value: Expr) -> Expr {
    kernel::call(label, ScalarType::Decimal, vec![value], move |columns| {
        let values = columns.text(0)?;
        columns.texts(|row| {
            let value = Decimal::parse(values.get(row)?)?;
            let value = match which.as_str() {
                "abs" => value.abs(),
                _ => value.ceiling(),
            };
            Some(value.to_string())
        })
    })
}

/// `bin(value, size)`: the greatest multiple of the size at or below the value.
fn bin(args: &Arguments) -> Result<Scalar> {
    args.count(2, 2)?;
    let (value, size) = (args.ty(0)?, args.ty(1)?);
    let ty = match (value, size) {
        (DateTime | TimeSpan, TimeSpan) => value,
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
    Ok(args.result(expr, ty))
}

/// `round(value [, digits])`, half away from zero; the result has the type of the value.
fn round(args: &Arguments) -> Result<Scalar> {
    args.count(1, 2)?;
    let ty = match args.ty(0)? {
        ty @ (Int | Long | Real) => ty,
        ScalarType::Dynamic => Real,
        other @ (ScalarType::Bool
        | ScalarType::Decimal
        | DateTime
        | TimeSpan
        | ScalarType::Guid
        | ScalarType::String) => {
            return Err(KqlError::unsupported(format!("round() of a {other}")));
        }
    };
    let digits = if args.len() == 2 {
        args.typed(1, Long)?
    } else {
        lit(0_i64)
    };
    if ty == Real {
        let values = vec![args.typed(0, Real)?, digits];
        let expr = kernel::call("round", Real, values, |columns| {
            let (values, digits) = (columns.real(0)?, columns.long(1)?);
            columns.reals(|row| Some(round_real(values.get(row)?, digits.get(row)?)))
        });
        return Ok(args.result(expr, Real));
    }
    let values = vec![args.typed(0, Long)?, digits];
    let expr = kernel::call("round_long", Long, values, |columns| {
        let (values, digits) = (columns.long(0)?, columns.long(1)?);
        columns.longs(|row| {
            let value = Decimal::from(values.get(row)?);
            value.round(digits.get(row)?).to_i64()
        })
    });
    super::convert(args.result(expr, Long), ty)
}

fn round_real(value: f64, digits: i64) -> f64 {
    let digits = i32::try_from(digits.clamp(-400, 400)).unwrap_or(0);
    let scale = 10_f64.powi(digits);
    let scaled = value * scale;
    if scale == 0.0 {
        0.0
    } else if scaled.is_finite() {
        scaled.round() / scale
    } else {
        value
    }
}

fn power(args: &Arguments) -> Result<Scalar> {
    let values = args.all_typed(&[Real, Real])?;
    let expr = kernel::call("pow", Real, values, |columns| {
        let (base, exponent) = (columns.real(0)?, columns.real(1)?);
        columns.reals(|row| Some(base.get(row)?.powf(exponent.get(row)?)))
    });
    Ok(args.result(expr, Real))
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
