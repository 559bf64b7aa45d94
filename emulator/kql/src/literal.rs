//! The insides of literals of the form `type(…)`, dynamic ones among them.

use kusto_emulator_values::{Decimal, ScalarType, Value, datetime, guid, real, timespan};

use crate::json::{self, Json};

/// Reads what stands between the parentheses of `type(…)`; none if it is no value of the type.
pub(crate) fn parse(ty: ScalarType, inside: &str) -> Option<Value> {
    let text = inside.trim();
    if text == "null" {
        return Some(Value::Null(ty));
    }
    let plain = unquoted(text);
    match ty {
        ScalarType::Bool => match text.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => long(text).map(|value| Value::Bool(value != 0)),
        },
        ScalarType::Int => long(text)
            .and_then(|value| i32::try_from(value).ok())
            .map(Value::Int),
        ScalarType::Long => long(text).map(Value::Long),
        ScalarType::Real => real_text(text).map(Value::Real),
        ScalarType::Decimal => Decimal::parse(plain).map(Value::Decimal),
        ScalarType::DateTime => datetime::parse(plain).map(Value::DateTime),
        ScalarType::TimeSpan => timespan::parse_literal(plain).map(Value::TimeSpan),
        ScalarType::Guid => guid::parse(plain).map(Value::Guid),
        ScalarType::String => Some(Value::String(plain.to_owned())),
        ScalarType::Dynamic => json::parse_kql(text, parse).map(|value| match value {
            Json::Null => Value::Null(ScalarType::Dynamic),
            other @ (Json::Bool(_)
            | Json::Number(_)
            | Json::Text(_)
            | Json::Array(_)
            | Json::Bag(_)) => Value::Dynamic(other.to_string()),
        }),
    }
}

fn unquoted(text: &str) -> &str {
    for quote in ['\'', '"'] {
        let inner = text
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    text
}

fn long(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(u64::cast_signed),
        None => text.parse().ok(),
    }
}

fn real_text(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "inf" | "+inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => real::parse(text),
    }
}

#[cfg(test)]
mod tests {
    use kusto_emulator_values::{ScalarType, Value};

    use super::parse;

    #[test]
    fn typed_forms() {
        assert_eq!(
            parse(ScalarType::Int, "null"),
            Some(Value::Null(ScalarType::Int))
        );
        assert_eq!(parse(ScalarType::Int, "0x10"), Some(Value::Int(16)));
        assert_eq!(
            parse(ScalarType::Real, "-inf"),
            Some(Value::Real(f64::NEG_INFINITY))
        );
        assert_eq!(parse(ScalarType::Int, "3000000000"), None);
        assert_eq!(
            parse(ScalarType::Dynamic, "{'a': [1, datetime(2020-01-02)]}"),
            Some(Value::Dynamic(
                r#"{"a":[1,"2020-01-02T00:00:00.0000000Z"]}"#.into()
            ))
        );
    }
}
