//! The insides of literals: escapes of strings, `type(…)` forms, dynamic literals.

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
        ScalarType::Dynamic => json::parse_kql(text).map(|value| match value {
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

/// The text of `@'…'` and the bytes up to and with its closing quote; a doubled quote is a quote.
pub(crate) fn verbatim(body: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = 0;
    loop {
        let length = body[at..].find(quote)?;
        text.push_str(&body[at..at + length]);
        at += length + 1;
        if !body[at..].starts_with(quote) {
            return Some((text, at));
        }
        text.push(quote);
        at += 1;
    }
}

/// The text of `'…'` with its escapes read, and the bytes up to and with its closing quote.
pub(crate) fn escaped(body: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let (_, escape) = chars.next()?;
                text.push(escape_char(escape, &mut chars)?);
            }
            '\n' | '\r' => return None,
            c if c == quote => return Some((text, at + c.len_utf8())),
            c => text.push(c),
        }
    }
    None
}

fn escape_char(escape: char, chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match escape {
        '\\' | '\'' | '"' | '/' => escape,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        'x' => code_point(chars, 2)?,
        'u' => unicode(chars)?,
        'U' => code_point(chars, 8)?,
        '0'..='7' => octal(escape, chars)?,
        _ => return None,
    })
}

fn hex(chars: &mut std::str::CharIndices<'_>, count: usize) -> Option<u32> {
    let mut code = 0;
    for _ in 0..count {
        code = code * 16 + chars.next()?.1.to_digit(16)?;
    }
    Some(code)
}

fn code_point(chars: &mut std::str::CharIndices<'_>, count: usize) -> Option<char> {
    char::from_u32(hex(chars, count)?)
}

/// `\uXXXX`, or two of them for a surrogate pair.
fn unicode(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let high = hex(chars, 4)?;
    if !(0xD800..0xDC00).contains(&high) {
        return char::from_u32(high);
    }
    if chars.next()?.1 != '\\' || chars.next()?.1 != 'u' {
        return None;
    }
    let low = hex(chars, 4)?
        .checked_sub(0xDC00)
        .filter(|low| *low < 0x400)?;
    char::from_u32(0x10000 + ((high - 0xD800) << 10) + low)
}

/// `\0`, `\12`, `\101`: one to three octal digits.
fn octal(first: char, chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut code = first.to_digit(8)?;
    for _ in 0..2 {
        let next = chars.as_str().chars().next();
        let Some(digit) = next.and_then(|c| c.to_digit(8)) else {
            break;
        };
        code = code * 8 + digit;
        chars.next();
    }
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use kusto_emulator_values::{ScalarType, Value};

    use super::{escaped, parse, verbatim};

    #[test]
    fn escapes_and_verbatim() {
        assert_eq!(
            escaped(r"a\n\u0041\x42\0' rest", '\''),
            Some(("a\nAB\0".into(), 16))
        );
        assert_eq!(escaped(r"\ud83d\ude00'", '\''), Some(("😀".into(), 13)));
        assert_eq!(escaped("open", '\''), None);
        assert_eq!(escaped(r"\q'", '\''), None);
        assert_eq!(verbatim("a\\''b' c", '\''), Some(("a\\'b".into(), 6)));
    }

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
