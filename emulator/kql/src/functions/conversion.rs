//! `tostring`, `tolong` and their like: what is no value of the type gives null.

use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::Expr;
use kusto_emulator_values::{Decimal, ScalarType, Value, datetime, dynamic, guid, real, timespan};
use std::fmt::Write as _;

use arrow::array::ArrayRef;

use crate::bind::Scalar;
use crate::error::{KqlError, Result};
use crate::json::{self, Json};
use crate::kernel::{self, Columns, value_at};

use super::Arguments;

pub(super) const NAMES: &[&str] = &[
    "tostring",
    "toint",
    "tolong",
    "toreal",
    "todouble",
    "todecimal",
    "tobool",
    "toboolean",
    "todatetime",
    "totimespan",
    "totime",
    "toguid",
    "todynamic",
    "parse_json",
    "parsejson",
    "toobject",
    "dynamic_to_json",
    "gettype",
];

pub(super) fn bind(name: &str, args: &mut Arguments) -> Option<Result<Scalar>> {
    let ty = match name {
        "tostring" => ScalarType::String,
        "toint" => ScalarType::Int,
        "tolong" => ScalarType::Long,
        "toreal" | "todouble" => ScalarType::Real,
        "todecimal" => ScalarType::Decimal,
        "tobool" | "toboolean" => ScalarType::Bool,
        "todatetime" => ScalarType::DateTime,
        "totimespan" | "totime" => ScalarType::TimeSpan,
        "toguid" => ScalarType::Guid,
        "todynamic" | "parse_json" | "parsejson" | "toobject" => ScalarType::Dynamic,
        "dynamic_to_json" => return Some(dynamic_to_json(args)),
        "gettype" => return Some(get_type(args)),
        _ => return None,
    };
    Some(
        args.count(1, 1)
            .and_then(|()| convert(args.get(0)?.clone(), ty)),
    )
}

/// A value as another type.
pub(crate) fn convert(value: Scalar, to: ScalarType) -> Result<Scalar> {
    use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String, TimeSpan};
    let from = value.ty;
    if from == to {
        return Ok(value);
    }
    let constant = value.constant;
    let expr = match (from, to) {
        (Int, Long | Real) | (Long, Real) => return value.widened(to),
        (_, String) => to_text(from, value.expr),
        (_, Dynamic) => to_dynamic(from, value.expr),
        (String, _) => from_text(to, value.expr),
        (Dynamic, _) => from_dynamic(to, value.expr),
        (DateTime | TimeSpan, Long) => value.expr,
        (Bool | Int | Long | Real | Decimal, Int | Long | Real | Decimal | Bool) => {
            between_numbers(from, to, value.expr)
        }
        (Bool | Int | Long | Real | Decimal | DateTime | TimeSpan | Guid, _) => {
            return Err(KqlError::semantic(
                "SEM0031",
                format!("A value of type {from} cannot be converted to {to}"),
            ));
        }
    };
    Ok(Scalar::new(expr, to, constant))
}

fn to_text(from: ScalarType, value: Expr) -> Expr {
    let name = format!("tostring_{from}");
    kernel::call(
        name,
        ScalarType::String,
        vec![value],
        move |columns| match from {
            ScalarType::Bool => {
                let values = columns.bool(0)?;
                columns.strings(|row, out| {
                    out.push_str(
                        values
                            .get(row)
                            .map_or("", |v| if v { "true" } else { "false" }),
                    )
                })
            }
            ScalarType::Int => {
                let values = columns.int(0)?;
                columns.strings(|row, out| write_if(values.get(row), out))
            }
            ScalarType::Long => {
                let values = columns.long(0)?;
                columns.strings(|row, out| write_if(values.get(row), out))
            }
            ScalarType::Real => {
                let values = columns.real(0)?;
                columns.strings(|row, out| write_if(values.get(row).map(real::format), out))
            }
            ScalarType::DateTime => {
                let values = columns.long(0)?;
                columns.strings(|row, out| {
                    if let Some(ticks) = values.get(row) {
                        out.extend(datetime::encode(ticks).iter().map(|byte| char::from(*byte)));
                    }
                })
            }
            ScalarType::TimeSpan => {
                let values = columns.long(0)?;
                columns.strings(|row, out| write_if(values.get(row).map(timespan::format), out))
            }
            ScalarType::Decimal | ScalarType::Guid | ScalarType::String => {
                let values = columns.text(0)?;
                columns.strings(|row, out| out.push_str(values.or_empty(row)))
            }
            ScalarType::Dynamic => {
                let values = columns.text(0)?;
                columns.strings(|row, out| {
                    out.push_str(&values.get(row).map(dynamic::to_text).unwrap_or_default())
                })
            }
        },
    )
}

fn write_if(value: Option<impl std::fmt::Display>, out: &mut String) {
    if let Some(value) = value {
        // Writing into a string does not fail.
        let _ = write!(out, "{value}");
    }
}

fn from_text(to: ScalarType, value: Expr) -> Expr {
    kernel::call(format!("parse_{to}"), to, vec![value], move |columns| {
        let texts = columns.text(0)?;
        parsed(columns, to, |row| texts.get(row).map(str::to_owned))
    })
}

/// Reads the text of each row as a value of the type.
fn parsed(
    columns: &Columns,
    to: ScalarType,
    text: impl Fn(usize) -> Option<String>,
) -> PlanResult<ArrayRef> {
    match to {
        ScalarType::Bool => {
            columns.bools(
                |row| match Value::from_text(text(row)?.trim(), ScalarType::Bool) {
                    Value::Bool(value) => Some(value),
                    Value::Null(_)
                    | Value::Int(_)
                    | Value::Long(_)
                    | Value::Real(_)
                    | Value::Decimal(_)
                    | Value::DateTime(_)
                    | Value::TimeSpan(_)
                    | Value::Guid(_)
                    | Value::String(_)
                    | Value::Dynamic(_) => None,
                },
            )
        }
        ScalarType::Int => {
            columns.ints(|row| whole(&text(row)?).and_then(|value| i32::try_from(value).ok()))
        }
        ScalarType::Long => columns.longs(|row| whole(&text(row)?)),
        ScalarType::Real => columns.reals(|row| real::parse(text(row)?.trim())),
        ScalarType::DateTime => columns.longs(|row| datetime::parse(text(row)?.trim())),
        ScalarType::TimeSpan => columns.longs(|row| timespan::parse(text(row)?.trim())),
        ScalarType::Decimal => {
            columns.texts(|row| Decimal::parse(&text(row)?).map(|value| value.to_string()))
        }
        ScalarType::Guid => columns.texts(|row| guid::parse(text(row)?.trim())),
        ScalarType::String => {
            columns.strings(|row, out| out.push_str(&text(row).unwrap_or_default()))
        }
        ScalarType::Dynamic => columns.texts(|row| dynamic::from_text(&text(row)?)),
    }
}

fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(u64::cast_signed),
        None => text.parse().ok(),
    }
}

/// A scalar inside a dynamic; a number with a fraction is cut for whole types.
fn from_dynamic(to: ScalarType, value: Expr) -> Expr {
    kernel::call(
        format!("from_dynamic_{to}"),
        to,
        vec![value],
        move |columns| {
            let texts = columns.text(0)?;
            let is_whole = matches!(to, ScalarType::Int | ScalarType::Long);
            parsed(columns, to, |row| match json::parse(texts.get(row)?)? {
                Json::Number(text) if is_whole && !json::is_whole(&text) => Decimal::parse(&text)?
                    .to_i64()
                    .map(|value| value.to_string()),
                Json::Bool(value) if is_whole => Some(i64::from(value).to_string()),
                Json::Array(_) | Json::Bag(_) | Json::Null => None,
                other @ (Json::Bool(_) | Json::Number(_) | Json::Text(_)) => Some(other.to_text()),
            })
        },
    )
}

fn between_numbers(from: ScalarType, to: ScalarType, value: Expr) -> Expr {
    let name = format!("convert_{from}_{to}");
    kernel::call(name, to, vec![value], move |columns| {
        let at = |row| value_at(columns, 0, row, from).ok();
        if to == ScalarType::Long {
            columns.longs(|row| as_long(&at(row)?))
        } else if to == ScalarType::Int {
            columns.ints(|row| i32::try_from(as_long(&at(row)?)?).ok())
        } else if to == ScalarType::Bool {
            columns.bools(|row| {
                let value = at(row)?;
                if let Value::Real(value) = value {
                    return Some(value != 0.0);
                }
                if let Value::Decimal(value) = value {
                    return Some(!value.is_zero());
                }
                as_long(&value).map(|value| value != 0)
            })
        } else if to == ScalarType::Real {
            columns.reals(|row| {
                let value = at(row)?;
                if let Value::Decimal(value) = value {
                    return Some(value.to_f64());
                }
                as_long(&value).map(as_real)
            })
        } else {
            columns.texts(|row| {
                let value = at(row)?;
                if let Value::Real(value) = value {
                    return Decimal::from_f64(value).map(|value| value.to_string());
                }
                as_long(&value).map(|value| Decimal::from(value).to_string())
            })
        }
    })
}

/// The whole part of a number, if it fits; a bool is 0 or 1.
fn as_long(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Int(value) => Some(i64::from(*value)),
        Value::Long(value) => Some(*value),
        Value::Real(value) => cut(*value),
        Value::Decimal(value) => value.to_i64(),
        Value::Null(_)
        | Value::DateTime(_)
        | Value::TimeSpan(_)
        | Value::Guid(_)
        | Value::String(_)
        | Value::Dynamic(_) => None,
    }
}

/// The nearest double of a long.
#[expect(
    clippy::cast_precision_loss,
    reason = "this is what the conversion means"
)]
pub(super) fn as_real(value: i64) -> f64 {
    value as f64
}

/// The whole part of a double, if it fits a long.
#[expect(clippy::cast_possible_truncation, reason = "checked before")]
pub(super) fn cut(value: f64) -> Option<i64> {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    fits.then_some(value as i64)
}

fn to_dynamic(from: ScalarType, value: Expr) -> Expr {
    let name = format!("todynamic_{from}");
    kernel::call(name, ScalarType::Dynamic, vec![value], move |columns| {
        if from == ScalarType::String {
            let texts = columns.text(0)?;
            return columns.texts(|row| dynamic::from_text(texts.get(row)?));
        }
        columns.texts(|row| {
            let value = value_at(columns, 0, row, from)
                .ok()
                .filter(|value| !value.is_null())?;
            Some(Json::from_value(&value).to_string())
        })
    })
}

/// Keys sorted, strings with their quotes (`dynamic-to-json-function.md`). Of null: the text `null`.
fn dynamic_to_json(args: &Arguments) -> Result<Scalar> {
    args.count(1, 1)?;
    let value = convert(args.get(0)?.clone(), ScalarType::Dynamic)?;
    let expr = kernel::call(
        "dynamic_to_json",
        ScalarType::String,
        vec![value.expr],
        |columns| {
            let texts = columns.text(0)?;
            columns.strings(|row, out| match texts.get(row) {
                None => out.push_str("null"),
                // Only a bag has keys to sort.
                Some(text) if !text.contains('{') => out.push_str(text),
                Some(text) => match json::parse(text) {
                    Some(tree) => {
                        let _ = write!(out, "{}", tree.sorted());
                    }
                    None => out.push_str(text),
                },
            })
        },
    );
    Ok(args.result(expr, ScalarType::String))
}

fn get_type(args: &Arguments) -> Result<Scalar> {
    args.count(1, 1)?;
    let value = args.get(0)?.clone();
    if value.ty != ScalarType::Dynamic {
        let name = value.ty.name().to_owned();
        return Ok(crate::bind::literal(Value::String(name)));
    }
    let expr = kernel::call("gettype", ScalarType::String, vec![value.expr], |columns| {
        let texts = columns.text(0)?;
        columns.strings(|row, out| {
            let name = texts
                .get(row)
                .and_then(json::parse)
                .map_or("null", |tree| tree.type_name());
            out.push_str(name);
        })
    });
    Ok(args.result(expr, ScalarType::String))
}
