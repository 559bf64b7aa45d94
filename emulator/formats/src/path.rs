//! The paths of mappings: `$`, `$.name`, `$['any name']`, `$.list[0]`.

use crate::IngestError;

/// A step from a JSON value to one within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of a bag.
    Key(String),
    /// A place of an array, from 0.
    Index(usize),
}

/// The way from a record to the value of a column; no step means the whole record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPath(pub Vec<Step>);

impl JsonPath {
    /// The path to a key of the record.
    #[must_use]
    pub fn key(name: &str) -> Self {
        Self(vec![Step::Key(name.to_owned())])
    }

    /// Reads a path.
    ///
    /// # Errors
    /// A text that is no path, or one with wildcards or filters.
    pub fn parse(text: &str) -> Result<Self, IngestError> {
        let wrong = || IngestError::invalid_mapping(format!("'{text}' is not a supported path"));
        let mut rest = text.trim().strip_prefix('$').ok_or_else(wrong)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest).ok_or_else(wrong)?;
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }
}

/// The first step of a path, and what follows it.
fn step(path: &str) -> Option<(Step, &str)> {
    if let Some(rest) = path.strip_prefix('.') {
        if let Some(bracketed) = rest.strip_prefix('[') {
            return bracket(bracketed);
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let plain = !name.is_empty() && !name.contains(['*', '?', '@', ' ']);
        return plain.then(|| (Step::Key(name.to_owned()), rest));
    }
    bracket(path.strip_prefix('[')?)
}

/// What stands after an opening bracket: a quoted name or a number.
fn bracket(path: &str) -> Option<(Step, &str)> {
    let quote = path.chars().next()?;
    if quote.is_ascii_digit() {
        let (number, rest) = path.split_once(']')?;
        return Some((Step::Index(number.parse().ok()?), rest));
    }
    if !matches!(quote, '\'' | '"') {
        return None;
    }
    let mut name = String::new();
    let mut characters = path[1..].char_indices();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            name.push(characters.next()?.1);
        } else if character == quote {
            let rest = path[1..][at + 1..].strip_prefix(']')?;
            return Some((Step::Key(name), rest));
        } else {
            name.push(character);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{JsonPath, Step};

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn paths() {
        let cases = [
            ("$", vec![]),
            ("$.c0", vec![key("c0")]),
            ("$.a.b", vec![key("a"), key("b")]),
            ("$['a b']", vec![key("a b")]),
            ("$.['a b']", vec![key("a b")]),
            ("$[\"a\"].b", vec![key("a"), key("b")]),
            (r"$['it\'s \\']", vec![key(r"it's \")]),
            ("$['é.ü'][2].x", vec![key("é.ü"), Step::Index(2), key("x")]),
        ];
        for (text, steps) in cases {
            assert_eq!(JsonPath::parse(text).expect(text).0, steps, "{text}");
        }
        for text in [
            "", "a", "$.", "$a", "$[*]", "$.*", "$['a'", "$['a'x", "$[]", "$..a",
        ] {
            assert!(JsonPath::parse(text).is_err(), "{text}");
        }
    }
}
