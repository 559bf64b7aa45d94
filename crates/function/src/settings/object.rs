//! JSON objects member by member, so that every problem is found and not only the first.

use std::collections::BTreeSet;
use std::time::Duration;

use kusto_copy_driver::settings::duration;
use serde_json::{Map, Value};

/// Text shown of a wrong value at most: a setting may be a page long.
const SHOWN: usize = 60;

/// An object that is being read.
pub(crate) struct Object<'a> {
    members: Map<String, Value>,
    known: BTreeSet<&'static str>,
    /// Where it stands, for the problems.
    place: String,
    problems: &'a mut Vec<String>,
}

impl<'a> Object<'a> {
    /// Begins to read one.
    pub(crate) fn new(
        members: Map<String, Value>,
        place: impl Into<String>,
        problems: &'a mut Vec<String>,
    ) -> Self {
        Self {
            members,
            known: BTreeSet::new(),
            place: place.into(),
            problems,
        }
    }

    /// Says where it stands from now on.
    pub(crate) fn at(&mut self, place: String) {
        self.place = place;
    }

    /// Notes a problem here: a sentence with its remedy.
    pub(crate) fn problem(&mut self, sentence: impl std::fmt::Display) {
        self.problems.push(format!("{}: {sentence}", self.place));
    }

    /// Takes a member; `null` counts as absent.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.insert(key);
        self.members.remove(key).filter(|value| !value.is_null())
    }

    fn wrong(&mut self, key: &str, value: &Value, wanted: &str) {
        self.problem(format!("`{key}` is {}; give {wanted}", shown(value)));
    }

    fn missing(&mut self, key: &str, wanted: &str) {
        self.problem(format!("`{key}` is missing; give {wanted}"));
    }

    /// Text that is not empty.
    pub(crate) fn text(&mut self, key: &'static str, wanted: &str) -> Option<String> {
        let value = self.take(key)?;
        match value.as_str().map(str::trim) {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            Some(_) | None => {
                self.wrong(key, &value, wanted);
                None
            }
        }
    }

    /// Text that must be there.
    pub(crate) fn required(&mut self, key: &'static str, wanted: &str) -> Option<String> {
        if self.members.get(key).is_none_or(Value::is_null) {
            self.take(key);
            self.missing(key, wanted);
            return None;
        }
        self.text(key, wanted)
    }

    /// An array of texts; absent is empty.
    pub(crate) fn texts(&mut self, key: &'static str, wanted: &str) -> Vec<String> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let Value::Array(items) = value else {
            self.wrong(key, &value, wanted);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match item.as_str() {
                Some(text) if !text.is_empty() => texts.push(text.to_owned()),
                Some(_) | None => self.wrong(key, &item, wanted),
            }
        }
        texts
    }

    /// `true` or `false`, also as text, since app settings are text.
    pub(crate) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(Value::Bool(flag)) => flag,
            Some(Value::String(text)) if text == "true" => true,
            Some(Value::String(text)) if text == "false" => false,
            Some(other) => {
                self.wrong(key, &other, "true or false");
                default
            }
        }
    }

    /// A duration above nothing.
    pub(crate) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let value = self.take(key)?;
        let read = value.as_str().and_then(|text| duration::parse(text).ok());
        match read {
            Some(duration) if !duration.is_zero() => Some(duration),
            Some(_) | None => {
                self.wrong(key, &value, "a duration like 30s, 5m, 1h30m or 7d");
                None
            }
        }
    }

    /// The time between two iterations' ends.
    pub(crate) fn rpo(&mut self, key: &'static str) -> Option<Duration> {
        let value = self.take(key)?;
        let read = value.as_str().map(duration::rpo);
        match read {
            Some(Ok(rpo)) => Some(rpo),
            Some(Err(_)) | None => {
                self.wrong(key, &value, "a duration from 1s on, like 30s, 5m or 1h30m");
                None
            }
        }
    }

    /// A whole number from 1 on.
    pub(crate) fn count(&mut self, key: &'static str) -> Option<u32> {
        let value = self.take(key)?;
        let read = value.as_u64().and_then(|count| u32::try_from(count).ok());
        match read {
            Some(count) if count > 0 => Some(count),
            Some(_) | None => {
                self.wrong(key, &value, "a whole number from 1 on");
                None
            }
        }
    }

    /// A number above 0 and up to 1.
    pub(crate) fn share(&mut self, key: &'static str) -> Option<f64> {
        let value = self.take(key)?;
        match value.as_f64() {
            Some(share) if share > 0.0 && share <= 1.0 => Some(share),
            Some(_) | None => {
                self.wrong(key, &value, "a number above 0 and up to 1");
                None
            }
        }
    }

    /// A nested object; absent is empty.
    pub(crate) fn object(&mut self, key: &'static str, wanted: &str) -> Map<String, Value> {
        match self.take(key) {
            None => Map::new(),
            Some(Value::Object(members)) => members,
            Some(other) => {
                self.wrong(key, &other, wanted);
                Map::new()
            }
        }
    }

    /// Ends: what was not taken is unknown.
    pub(crate) fn end(mut self) {
        let unknown: Vec<String> = self.members.keys().map(|key| clipped(key)).collect();
        let known: Vec<&str> = self.known.iter().copied().collect();
        for key in unknown {
            self.problem(format!(
                "there is no setting `{key}`; use one of {}",
                known.join(", ")
            ));
        }
    }
}

/// A value for a message: short, and nothing of an address that grants access.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.contains("sig=") => "an address with access in it".to_owned(),
        Value::String(text) => format!("`{}`", clipped(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
    }
}

/// At most so many characters, of which none is a line break.
pub(crate) fn clipped(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(SHOWN)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}
