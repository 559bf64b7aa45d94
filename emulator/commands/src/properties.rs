//! Property lists: `with (name = value, …)`.

use crate::error::CommandError;
use crate::scanner::Scanner;

/// The properties of a command. Names are compared without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(Vec<(String, String)>);

/// A property that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// Not one of the command's properties.
    #[error("The property '{name}' is not supported by this command.")]
    Unknown {
        /// The property.
        name: String,
    },
    /// The value is of another type.
    #[error("The property '{name}' must be {expected}.")]
    Invalid {
        /// The property.
        name: String,
        /// What its value should be.
        expected: &'static str,
    },
}

impl Properties {
    /// The value's text: a string's content, or any other literal as written.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A boolean, bare or as a string.
    ///
    /// # Errors
    /// [`PropertyError::Invalid`] for any other text.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, PropertyError> {
        match self.text(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(PropertyError::Invalid {
                name: name.to_string(),
                expected: "true or false",
            }),
        }
    }

    /// A whole number that is not negative, bare, as a string or as `long(…)`.
    ///
    /// # Errors
    /// [`PropertyError::Invalid`] for any other text.
    pub fn number(&self, name: &str) -> Result<Option<u64>, PropertyError> {
        self.text(name)
            .map(|text| {
                let inner = ["long(", "int("]
                    .iter()
                    .find_map(|prefix| text.strip_prefix(prefix)?.strip_suffix(')'))
                    .unwrap_or(text);
                inner.trim().parse().map_err(|_| PropertyError::Invalid {
                    name: name.to_string(),
                    expected: "a whole number",
                })
            })
            .transpose()
    }

    /// The text within `datetime(…)`, or the whole text of a string.
    pub fn datetime_text(&self, name: &str) -> Option<&str> {
        self.text(name).map(|text| {
            ["datetime(", "todatetime("]
                .iter()
                .find_map(|prefix| text.strip_prefix(prefix)?.strip_suffix(')'))
                .unwrap_or(text)
                .trim_matches(['\'', '"', ' '])
        })
    }

    /// Refuses the first property that is not in the list.
    ///
    /// # Errors
    /// [`PropertyError::Unknown`] with its name.
    pub fn allow(&self, known: &[&str]) -> Result<(), PropertyError> {
        match self
            .names()
            .find(|name| !known.iter().any(|known| known.eq_ignore_ascii_case(name)))
        {
            None => Ok(()),
            Some(name) => Err(PropertyError::Unknown {
                name: name.to_string(),
            }),
        }
    }

    /// The names as written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for Properties {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Properties(pairs.into_iter().collect())
    }
}

/// An optional property list.
pub(crate) fn properties(scanner: &mut Scanner<'_>) -> Result<Properties, CommandError> {
    if !scanner.eat_word("with") {
        return Ok(Properties::default());
    }
    scanner.expect("(")?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    if scanner.eat(")") {
        return Ok(Properties(pairs));
    }
    loop {
        let name = scanner.name("a property name")?;
        if pairs
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(&name))
        {
            return Err(CommandError::InvalidValue {
                what: format!("the property '{name}'"),
                reason: "it is given twice".to_string(),
            });
        }
        scanner.expect("=")?;
        pairs.push((name, value(scanner)?));
        if !scanner.eat(",") {
            break;
        }
    }
    scanner.expect(")")?;
    Ok(Properties(pairs))
}

/// A property's value: a string, or the literal up to the next comma or closing bracket.
fn value(scanner: &mut Scanner<'_>) -> Result<String, CommandError> {
    if scanner.sees_string() {
        return scanner.string();
    }
    let rest = scanner.rest();
    let mut depth = 0_usize;
    let end = rest.find(|c: char| {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' => return true,
            ',' if depth == 0 => return true,
            _ => {}
        }
        false
    });
    let text = &rest[..end.unwrap_or(rest.len())];
    if text.trim().is_empty() || end.is_none() {
        return Err(scanner.error("a property value"));
    }
    scanner.advance(text.len());
    Ok(text.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Properties, CommandError> {
        properties(&mut Scanner::new(text))
    }

    #[test]
    fn values_of_every_form_are_read() {
        let list = read(
            "with (a='x,)' 'y', b=true, c = 1073741824, d=datetime(2020-01-01, x), e='FALSE', f=long(7))",
        )
        .expect("the list is well formed");
        assert_eq!(list.text("A"), Some("x,)y"));
        assert_eq!(list.boolean("b"), Ok(Some(true)));
        assert_eq!(list.boolean("e"), Ok(Some(false)));
        assert_eq!(list.number("c"), Ok(Some(1_073_741_824)));
        assert_eq!(list.number("f"), Ok(Some(7)));
        assert_eq!(list.datetime_text("d"), Some("2020-01-01, x"));
        assert_eq!(list.text("g"), None);
        assert!(list.boolean("a").is_err());
        assert!(list.number("a").is_err());
        assert!(list.allow(&["a", "b", "c", "d", "e"]).is_err());
        assert!(list.allow(&["A", "b", "c", "d", "e", "f"]).is_ok());
    }

    #[test]
    fn no_list_is_an_empty_list_and_a_broken_one_an_error() {
        assert!(read("<| x").expect("absent is fine").is_empty());
        assert!(read("with ()").expect("empty is fine").is_empty());
        for text in [
            "with (a)",
            "with (a=)",
            "with (a=1",
            "with (a=1,)",
            "with (a=1, A=2)",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
