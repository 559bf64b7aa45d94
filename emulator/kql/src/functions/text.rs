//! Functions of strings. Lengths count code points.

mod patterns;
mod positions;

use std::borrow::Cow;

use kusto_emulator_values::{ScalarType, Value};

use crate::bind::Scalar;
use crate::error::Result;
use crate::kernel;

pub(super) use patterns::{Patterns, check_pattern};

use super::{Arguments, convert};

pub(super) const NAMES: &[&str] = &[
    "strcat",
    "strcat_delim",
    "strlen",
    "string_size",
    "substring",
    "indexof",
    "replace_string",
    "replace_regex",
    "replace",
    "extract",
    "trim",
    "trim_start",
    "trim_end",
    "toupper",
    "tolower",
    "reverse",
    "countof",
    "strrep",
    "base64_encode_tostring",
    "base64_decode_tostring",
    "url_encode",
    "url_encode_component",
    "url_decode",
    "split",
];

const TEXT: ScalarType = ScalarType::String;
const LONG: ScalarType = ScalarType::Long;

pub(super) fn bind(name: &str, args: &mut Arguments) -> Option<Result<Scalar>> {
    Some(match name {
        "strcat" => concatenated(args, false),
        "strcat_delim" => concatenated(args, true),
        "strlen" => length(args, "strlen", |text| text.chars().count()),
        "string_size" => length(args, "string_size", str::len),
        "toupper" => mapped(args, "toupper", |text| text.to_uppercase().into()),
        "tolower" => mapped(args, "tolower", |text| text.to_lowercase().into()),
        "reverse" => mapped(args, "reverse", |text| {
            text.chars().rev().collect::<String>().into()
        }),
        "base64_encode_tostring" => mapped(args, "base64_encode", |text| {
            super::hash::base64(text.as_bytes()).into()
        }),
        "base64_decode_tostring" => mapped(args, "base64_decode", |text| {
            let bytes = super::hash::from_base64(text).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default().into()
        }),
        "url_encode" => mapped(args, "url_encode", |text| {
            percent(text, "-_.!*()").replace("%20", "+").into()
        }),
        "url_encode_component" => mapped(args, "url_encode_component", |text| {
            percent(text, "-_.!~*'()").into()
        }),
        "url_decode" => mapped(args, "url_decode", |text| from_percent(text).into()),
        "substring" => positions::substring(args),
        "indexof" => positions::index_of(args),
        "replace_string" => replace_string(args),
        "replace_regex" | "replace" => patterns::replace_regex(args, name),
        "extract" => patterns::extract(args),
        "trim" | "trim_start" | "trim_end" => patterns::trim(args, name),
        "countof" => positions::count_of(args),
        "strrep" => repeat(args),
        "split" => split(args),
        _ => return None,
    })
}

/// Lower case, for comparisons without case.
pub(crate) fn lower(value: Scalar) -> Result<Scalar> {
    let value = if value.ty == TEXT {
        value
    } else {
        convert(value, TEXT)?
    };
    let expr = kernel::call("tolower", TEXT, vec![value.expr], |columns| {
        let texts = columns.text(0)?;
        columns.strings(|row, out| out.push_str(&texts.or_empty(row).to_lowercase()))
    });
    Ok(Scalar::new(expr, TEXT, value.constant))
}

fn mapped(args: &Arguments, name: &'static str, map: fn(&str) -> Cow<'_, str>) -> Result<Scalar> {
    let args_of = args.all_typed(&[TEXT])?;
    let expr = kernel::call(name, TEXT, args_of, move |columns| {
        let texts = columns.text(0)?;
        columns.strings(|row, out| out.push_str(&map(texts.or_empty(row))))
    });
    Ok(args.result(expr, TEXT))
}

fn length(args: &Arguments, name: &'static str, measure: fn(&str) -> usize) -> Result<Scalar> {
    let args_of = args.all_typed(&[TEXT])?;
    let expr = kernel::call(name, LONG, args_of, move |columns| {
        let texts = columns.text(0)?;
        columns.longs(|row| i64::try_from(measure(texts.or_empty(row))).ok())
    });
    Ok(args.result(expr, LONG))
}

/// `strcat(a, b, …)`, at most 64 arguments; what is no string is converted (`strcat-function.md`).
fn concatenated(args: &Arguments, delimited: bool) -> Result<Scalar> {
    args.count(if delimited { 3 } else { 1 }, 64)?;
    let values = args
        .values
        .iter()
        .map(|value| convert(value.clone(), TEXT).map(|value| value.expr))
        .collect::<Result<Vec<_>>>()?;
    let name = if delimited { "strcat_delim" } else { "strcat" };
    let expr = kernel::call(name, TEXT, values, move |columns| {
        let texts = (0..columns.len())
            .map(|at| columns.text(at))
            .collect::<datafusion::common::Result<Vec<_>>>()?;
        columns.strings(|row, out| {
            if !delimited {
                texts
                    .iter()
                    .for_each(|text| out.push_str(text.or_empty(row)));
                return;
            }
            let delimiter = texts[0].or_empty(row);
            for (at, text) in texts[1..].iter().enumerate() {
                if at > 0 {
                    out.push_str(delimiter);
                }
                out.push_str(text.or_empty(row));
            }
        })
    });
    Ok(args.result(expr, TEXT))
}

fn replace_string(args: &Arguments) -> Result<Scalar> {
    let values = args.all_typed(&[TEXT, TEXT, TEXT])?;
    let expr = kernel::call("replace_string", TEXT, values, |columns| {
        let (texts, from, to) = (columns.text(0)?, columns.text(1)?, columns.text(2)?);
        columns.strings(|row, out| {
            let (text, from) = (texts.or_empty(row), from.or_empty(row));
            if from.is_empty() {
                out.push_str(text);
            } else {
                out.push_str(&text.replace(from, to.or_empty(row)));
            }
        })
    });
    Ok(args.result(expr, TEXT))
}

/// `strrep(value, times [, delimiter])`, 1,024 times at most.
fn repeat(args: &Arguments) -> Result<Scalar> {
    args.count(2, 3)?;
    let value = convert(args.get(0)?.clone(), TEXT)?.expr;
    let delimiter = match args.len() {
        3 => args.typed(2, TEXT)?,
        _ => crate::bind::literal(Value::String(String::new())).expr,
    };
    let values = vec![value, args.typed(1, LONG)?, delimiter];
    let expr = kernel::call("strrep", TEXT, values, |columns| {
        let (texts, times, delimiter) = (columns.text(0)?, columns.long(1)?, columns.text(2)?);
        columns.strings(|row, out| {
            for at in 0..times.get(row).unwrap_or(0).clamp(0, 1024) {
                if at > 0 {
                    out.push_str(delimiter.or_empty(row));
                }
                out.push_str(texts.or_empty(row));
            }
        })
    });
    Ok(args.result(expr, TEXT))
}

/// `split(source, delimiter [, index])`: an array of the parts, or of the one at the index.
fn split(args: &Arguments) -> Result<Scalar> {
    args.count(2, 3)?;
    let mut values = vec![args.typed(0, TEXT)?, args.typed(1, TEXT)?];
    if args.len() == 3 {
        values.push(args.typed(2, LONG)?);
    }
    let expr = kernel::call("split", ScalarType::Dynamic, values, |columns| {
        let (texts, delimiter) = (columns.text(0)?, columns.text(1)?);
        let index = if columns.len() > 2 {
            Some(columns.long(2)?)
        } else {
            None
        };
        columns.texts(|row| {
            let (text, delimiter) = (texts.or_empty(row), delimiter.or_empty(row));
            let parts: Vec<&str> = if delimiter.is_empty() {
                vec![text]
            } else {
                text.split(delimiter).collect()
            };
            let chosen = match &index {
                None => parts,
                Some(index) => {
                    let at = usize::try_from(index.get(row)?).ok()?;
                    vec![*parts.get(at)?]
                }
            };
            let quoted: Vec<String> = chosen
                .into_iter()
                .map(kusto_emulator_values::dynamic::quote)
                .collect();
            Some(format!("[{}]", quoted.join(",")))
        })
    });
    Ok(args.result(expr, ScalarType::Dynamic))
}

fn percent(text: &str, plain: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

fn from_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, code.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
