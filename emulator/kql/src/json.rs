//! Dynamic values as trees. Number texts are kept as they are, beyond 2^53 too.

use std::fmt;

use kusto_emulator_values::{ScalarType, Value, dynamic, real};

use crate::escapes;

/// A dynamic value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// The number's text.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    /// In the order of the text.
    Bag(Vec<(String, Json)>),
}

/// Reads what stands between the parentheses of a literal `type(…)`.
type Typed = fn(ScalarType, &str) -> Option<Value>;

/// Deepest nesting that is read.
const DEPTH: usize = 256;

/// Reads JSON.
pub(crate) fn parse(text: &str) -> Option<Json> {
    Reader {
        text,
        at: 0,
        typed: None,
    }
    .whole()
}

/// Reads the inside of a `dynamic(…)` literal: JSON, strings in single quotes, literals of KQL,
/// which `typed` reads.
pub(crate) fn parse_kql(text: &str, typed: Typed) -> Option<Json> {
    Reader {
        text,
        at: 0,
        typed: Some(typed),
    }
    .whole()
}

impl Json {
    /// The member of a bag.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Bag(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Array(_) => None,
        }
    }

    /// The element of an array; negative positions count from its end.
    pub(crate) fn element(&self, index: i64) -> Option<&Self> {
        match self {
            Self::Array(items) => {
                let length = i64::try_from(items.len()).ok()?;
                let index = if index < 0 { index + length } else { index };
                usize::try_from(index)
                    .ok()
                    .and_then(|index| items.get(index))
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Bag(_) => None,
        }
    }

    /// What `gettype` says of it (`gettype-function.md`).
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(text) if text.parse::<i32>().is_ok() => "int",
            Self::Number(text) if is_whole(text) => "long",
            Self::Number(_) => "double",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Bag(_) => "dictionary",
        }
    }

    /// The text that `tostring` gives: a string without quotes, null as nothing, else JSON.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Bag(_) => self.to_string(),
        }
    }

    /// The same value with the keys of every bag sorted by code point.
    pub(crate) fn sorted(&self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.iter().map(Self::sorted).collect()),
            Self::Bag(members) => {
                let mut members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| (key.clone(), value.sorted()))
                    .collect();
                members.sort_by(|left, right| left.0.cmp(&right.0));
                Self::Bag(members)
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => self.clone(),
        }
    }

    /// The dynamic that a value of another type becomes.
    pub(crate) fn from_value(value: &Value) -> Self {
        match value {
            Value::Null(_) => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Number(value.to_string()),
            Value::Long(value) => Self::Number(value.to_string()),
            Value::Real(value) if value.is_finite() => Self::Number(real_number(*value)),
            Value::Real(value) => Self::Text(real::format(*value)),
            Value::Decimal(_)
            | Value::DateTime(_)
            | Value::TimeSpan(_)
            | Value::Guid(_)
            | Value::String(_) => Self::Text(value.to_text()),
            Value::Dynamic(text) => parse(text).unwrap_or(Self::Null),
        }
    }
}

/// A real inside a dynamic keeps a fraction, so that it reads back as a real (`[5.0]`).
fn real_number(value: f64) -> String {
    let text = real::format(value);
    if is_whole(&text) {
        format!("{text}.0")
    } else {
        text
    }
}

/// Whether a number's text has neither fraction nor exponent.
pub(crate) fn is_whole(text: &str) -> bool {
    !text.contains(['.', 'e', 'E'])
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Number(text) => formatter.write_str(text),
            Self::Text(text) => formatter.write_str(&dynamic::quote(text)),
            Self::Array(items) => {
                formatter.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(formatter, "{comma}{item}")?;
                }
                formatter.write_str("]")
            }
            Self::Bag(members) => {
                formatter.write_str("{")?;
                for (at, (key, value)) in members.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(formatter, "{comma}{}:{value}", dynamic::quote(key))?;
                }
                formatter.write_str("}")
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Present in a literal of KQL.
    typed: Option<Typed>,
}

impl<'a> Reader<'a> {
    fn whole(mut self) -> Option<Json> {
        let value = self.value(0)?;
        self.blank();
        (self.at == self.text.len()).then_some(value)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, sign: char) -> bool {
        self.blank();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEPTH {
            return None;
        }
        self.blank();
        match self.rest().chars().next()? {
            '{' => self.bag(depth),
            '[' => self.array(depth),
            '"' | '\'' => self.string().map(Json::Text),
            '-' | '0'..='9' => self.number(),
            _ => self.word(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(']') {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(']') {
                return Some(Json::Array(items));
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    fn bag(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut members: Vec<(String, Json)> = Vec::new();
        if self.take('}') {
            return Some(Json::Bag(members));
        }
        loop {
            self.blank();
            let key = self.string()?;
            if !self.take(':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            // The last of equal keys counts.
            match members.iter_mut().find(|(name, _)| *name == key) {
                Some(member) => member.1 = value,
                None => members.push((key, value)),
            }
            if self.take('}') {
                return Some(Json::Bag(members));
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let rest = self.rest();
        if self.typed.is_some() && rest.starts_with('\'') {
            let (text, length) = escapes::escaped(&rest[1..], '\'')?;
            self.at += 1 + length;
            return Some(text);
        }
        if !rest.starts_with('"') {
            return None;
        }
        let bytes = rest.as_bytes();
        let mut end = 1;
        while *bytes.get(end)? != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let text = rest.get(..=end)?;
        self.at += end + 1;
        if !text.contains('\\') {
            return Some(text[1..end].to_owned());
        }
        dynamic::as_string(text)
    }

    fn number(&mut self) -> Option<Json> {
        let rest = self.rest();
        let part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let text = &rest[..rest.find(|c| !part(c)).unwrap_or(rest.len())];
        text.parse::<f64>().ok()?;
        self.at += text.len();
        Some(Json::Number(text.to_owned()))
    }

    /// `true`, `false`, `null`, and in KQL `datetime(…)` and its like.
    fn word(&mut self) -> Option<Json> {
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        match word {
            "true" => return Some(Json::Bool(true)),
            "false" => return Some(Json::Bool(false)),
            "null" => return Some(Json::Null),
            _ => {}
        }
        let typed = self.typed?;
        let ty = ScalarType::parse(word)?;
        if !self.take('(') {
            return None;
        }
        let inside = self.rest().split_once(')')?.0;
        self.at += inside.len() + 1;
        typed(ty, inside).map(|value| Json::from_value(&value))
    }
}
