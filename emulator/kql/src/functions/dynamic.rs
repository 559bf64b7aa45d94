//! Functions and paths of dynamic values.

use kusto_emulator_values::ScalarType;

use crate::bind::{Scalar, compare};
use crate::error::{KqlError, Result};
use crate::json::{self, Json};
use crate::kernel::{self, value_at};

use super::Arguments;

pub(super) const NAMES: &[&str] = &[
    "array_length",
    "array_concat",
    "array_slice",
    "bag_keys",
    "bag_pack",
    "pack",
    "pack_dictionary",
    "pack_array",
    "set_has_element",
    "array_index_of",
    "bag_has_key",
];

const DYNAMIC: ScalarType = ScalarType::Dynamic;

pub(super) fn bind(name: &str, args: &mut Arguments) -> Option<Result<Scalar>> {
    Some(match name {
        "array_length" => array_length(args),
        "array_concat" => array_concat(args),
        "array_slice" => array_slice(args),
        "bag_keys" => bag_keys(args),
        "bag_has_key" => bag_has_key(args),
        "bag_pack" | "pack" | "pack_dictionary" => pack(args),
        "pack_array" => pack_array(args),
        "set_has_element" => set_has_element(args),
        "array_index_of" => array_index_of(args),
        _ => return None,
    })
}

/// `value.name`, `value['name']`
pub(crate) fn member(value: Scalar, name: Scalar) -> Scalar {
    let constant = value.constant && name.constant;
    let expr = kernel::call(
        "dynamic_member",
        DYNAMIC,
        vec![value.expr, name.expr],
        |columns| {
            let (texts, names) = (columns.text(0)?, columns.text(1)?);
            columns.texts(|row| found(json::parse(texts.get(row)?)?.member(names.get(row)?)))
        },
    );
    Scalar::new(expr, DYNAMIC, constant)
}

/// `value[index]`
pub(crate) fn element(value: Scalar, index: Scalar) -> Scalar {
    let constant = value.constant && index.constant;
    let expr = kernel::call(
        "dynamic_element",
        DYNAMIC,
        vec![value.expr, index.expr],
        |columns| {
            let (texts, indices) = (columns.text(0)?, columns.long(1)?);
            columns.texts(|row| found(json::parse(texts.get(row)?)?.element(indices.get(row)?)))
        },
    );
    Scalar::new(expr, DYNAMIC, constant)
}

fn found(value: Option<&Json>) -> Option<String> {
    match value {
        None | Some(Json::Null) => None,
        Some(value) => Some(value.to_string()),
    }
}

fn array_length(args: &Arguments) -> Result<Scalar> {
    let values = args.all_typed(&[DYNAMIC])?;
    let expr = kernel::call("array_length", ScalarType::Long, values, |columns| {
        let texts = columns.text(0)?;
        columns.longs(|row| match json::parse(texts.get(row)?)? {
            Json::Array(items) => i64::try_from(items.len()).ok(),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Bag(_) => None,
        })
    });
    Ok(args.result(expr, ScalarType::Long))
}

fn array_concat(args: &Arguments) -> Result<Scalar> {
    args.count(1, 64)?;
    let values = (0..args.len())
        .map(|at| args.typed(at, DYNAMIC))
        .collect::<Result<Vec<_>>>()?;
    let expr = kernel::call("array_concat", DYNAMIC, values, |columns| {
        let texts = (0..columns.len())
            .map(|at| columns.text(at))
            .collect::<datafusion::common::Result<Vec<_>>>()?;
        columns.texts(|row| {
            let mut all = Vec::new();
            for text in &texts {
                match text.get(row).and_then(json::parse) {
                    Some(Json::Array(items)) => all.extend(items),
                    None | Some(Json::Null) => {}
                    Some(_) => return None,
                }
            }
            Some(Json::Array(all).to_string())
        })
    });
    Ok(args.result(expr, DYNAMIC))
}

/// `array_slice(array, first, last)`, both included; negative positions count from the end.
fn array_slice(args: &Arguments) -> Result<Scalar> {
    let values = args.all_typed(&[DYNAMIC, ScalarType::Long, ScalarType::Long])?;
    let expr = kernel::call("array_slice", DYNAMIC, values, |columns| {
        let (texts, first, last) = (columns.text(0)?, columns.long(1)?, columns.long(2)?);
        columns.texts(|row| {
            let Json::Array(items) = json::parse(texts.get(row)?)? else {
                return None;
            };
            let length = i64::try_from(items.len()).ok()?;
            let place = |at: i64| {
                if at < 0 {
                    at.saturating_add(length)
                } else {
                    at
                }
            };
            let (first, last) = (place(first.get(row)?).max(0), place(last.get(row)?));
            let kept = (0_i64..)
                .zip(items)
                .filter(|(at, _)| (first..=last).contains(at));
            Some(Json::Array(kept.map(|(_, item)| item).collect()).to_string())
        })
    });
    Ok(args.result(expr, DYNAMIC))
}

fn bag_keys(args: &Arguments) -> Result<Scalar> {
    let values = args.all_typed(&[DYNAMIC])?;
    let expr = kernel::call("bag_keys", DYNAMIC, values, |columns| {
        let texts = columns.text(0)?;
        columns.texts(|row| match json::parse(texts.get(row)?)? {
            Json::Bag(members) => {
                let keys = members
                    .into_iter()
                    .map(|(key, _)| Json::Text(key))
                    .collect();
                Some(Json::Array(keys).to_string())
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) => None,
        })
    });
    Ok(args.result(expr, DYNAMIC))
}

fn bag_has_key(args: &Arguments) -> Result<Scalar> {
    if args
        .get(1)?
        .literal_text()
        .is_some_and(|key| key.starts_with('$'))
    {
        return Err(KqlError::unsupported("bag_has_key() with a path"));
    }
    let values = args.all_typed(&[DYNAMIC, ScalarType::String])?;
    let expr = kernel::call("bag_has_key", ScalarType::Bool, values, |columns| {
        let (texts, keys) = (columns.text(0)?, columns.text(1)?);
        columns.bools(|row| {
            Some(
                json::parse(texts.get(row)?)?
                    .member(keys.or_empty(row))
                    .is_some(),
            )
        })
    });
    Ok(args.result(expr, ScalarType::Bool))
}

/// `bag_pack(key, value, …)`
fn pack(args: &Arguments) -> Result<Scalar> {
    if args.len() == 0 || !args.len().is_multiple_of(2) {
        return Err(KqlError::semantic(
            "SEM0219",
            format!("{}(): function expects pairs of keys and values", args.name),
        ));
    }
    let types: Vec<ScalarType> = args.values.iter().map(|value| value.ty).collect();
    for at in (0..args.len()).step_by(2) {
        if types[at] != ScalarType::String {
            return Err(args.wrong_type(at, types[at]));
        }
    }
    let values = args.values.iter().map(|value| value.expr.clone()).collect();
    let expr = kernel::call(
        format!("bag_pack_{types:?}"),
        DYNAMIC,
        values,
        move |columns| {
            columns.texts(|row| {
                let mut members = Vec::with_capacity(types.len() / 2);
                for at in (0..types.len()).step_by(2) {
                    let key = value_at(columns, at, row, types[at]).ok()?.to_text();
                    let value = value_at(columns, at + 1, row, types[at + 1]).ok()?;
                    members.push((key, Json::from_value(&value)));
                }
                Some(Json::Bag(members).to_string())
            })
        },
    );
    Ok(args.result(expr, DYNAMIC))
}

fn pack_array(args: &Arguments) -> Result<Scalar> {
    args.count(1, 64)?;
    let types: Vec<ScalarType> = args.values.iter().map(|value| value.ty).collect();
    let values = args.values.iter().map(|value| value.expr.clone()).collect();
    let expr = kernel::call(
        format!("pack_array_{types:?}"),
        DYNAMIC,
        values,
        move |columns| {
            columns.texts(|row| {
                let items = types.iter().enumerate().map(|(at, ty)| {
                    let value = value_at(columns, at, row, *ty).ok()?;
                    Some(Json::from_value(&value))
                });
                Some(Json::Array(items.collect::<Option<_>>()?).to_string())
            })
        },
    );
    Ok(args.result(expr, DYNAMIC))
}

/// Place of a value in an array, -1 if it is not there.
fn place_in_array(args: &Arguments) -> Result<Scalar> {
    args.count(2, 2)?;
    let ty = args.ty(1)?;
    let values = vec![args.typed(0, DYNAMIC)?, args.get(1)?.expr.clone()];
    let expr = kernel::call(
        format!("array_index_of_{ty}"),
        ScalarType::Long,
        values,
        move |columns| {
            let texts = columns.text(0)?;
            columns.longs(|row| {
                let Json::Array(items) = json::parse(texts.get(row)?)? else {
                    return None;
                };
                let wanted = Json::from_value(&value_at(columns, 1, row, ty).ok()?);
                let place = items.iter().position(|item| same(item, &wanted));
                place.map_or(Some(-1), |place| i64::try_from(place).ok())
            })
        },
    );
    Ok(args.result(expr, ScalarType::Long))
}

/// Whether two dynamic scalars are equal; numbers by value.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(a), Json::Number(b)) => {
            a == b
                || kusto_emulator_values::Decimal::parse(a)
                    == kusto_emulator_values::Decimal::parse(b)
        }
        _ => left == right,
    }
}

fn array_index_of(args: &Arguments) -> Result<Scalar> {
    place_in_array(args)
}

fn set_has_element(args: &Arguments) -> Result<Scalar> {
    let place = place_in_array(args)?;
    let zero = crate::bind::literal(kusto_emulator_values::Value::Long(0));
    compare(crate::ast::BinaryOperator::GreaterOrEqual, place, zero)
}
