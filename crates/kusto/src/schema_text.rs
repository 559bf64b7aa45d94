//! Columns as `.show … cslschema` prints them: `a:long,['b c']:string`.

use kusto_copy_core::vocabulary::{Column, ScalarType, TableSchema};

/// Columns that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the columns `{text}` cannot be understood at byte {at}: {expected}")]
pub struct SchemaTextError {
    /// What the cluster printed.
    pub text: String,
    /// Where the trouble is.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// Reads columns back. Names may be quoted with any of Kusto's quotes.
///
/// # Errors
/// Where the text does not follow the form, or names a type that is none of the ten.
pub fn parse(text: &str) -> Result<TableSchema, SchemaTextError> {
    let mut reader = Reader { text, at: 0 };
    let mut columns = Vec::new();
    reader.skip_spaces();
    while !reader.rest().is_empty() {
        if !columns.is_empty() {
            reader.take(',')?;
        }
        let name = reader.name()?;
        reader.take(':')?;
        let ty = reader.ty()?;
        columns.push(Column { name, ty });
        reader.skip_spaces();
    }
    Ok(TableSchema { columns })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, expected: &'static str) -> SchemaTextError {
        SchemaTextError {
            text: self.text.to_owned(),
            at: self.at,
            expected,
        }
    }

    fn take(&mut self, c: char) -> Result<(), SchemaTextError> {
        self.skip_spaces();
        if self.rest().starts_with(c) {
            self.at += c.len_utf8();
            Ok(())
        } else {
            Err(self.error(if c == ',' {
                "a comma"
            } else {
                "a colon and a type"
            }))
        }
    }

    fn name(&mut self) -> Result<String, SchemaTextError> {
        self.skip_spaces();
        if self.rest().starts_with("['") || self.rest().starts_with("[\"") {
            self.at += 1;
            let name = self.quoted()?;
            self.skip_spaces();
            if !self.rest().starts_with(']') {
                return Err(self.error("a closing bracket"));
            }
            self.at += 1;
            return Ok(name);
        }
        let rest = self.rest();
        let length = rest.find([':', ',']).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default().trim();
        if name.is_empty() {
            return Err(self.error("a column's name"));
        }
        self.at += length;
        Ok(name.to_owned())
    }

    /// A string literal that begins here.
    fn quoted(&mut self) -> Result<String, SchemaTextError> {
        let value = crate::kql::literal::first_string(self.rest())
            .ok_or_else(|| self.error("a quoted name"))?;
        let mut chars = self.rest().char_indices();
        let quote = chars.next().map_or('\'', |(_, quote)| quote);
        while let Some((at, c)) = chars.next() {
            if c == '\\' {
                chars.next();
            } else if c == quote {
                self.at += at + c.len_utf8();
                break;
            }
        }
        Ok(value)
    }

    fn ty(&mut self) -> Result<ScalarType, SchemaTextError> {
        self.skip_spaces();
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let ty = type_of(word).ok_or_else(|| self.error("one of Kusto's ten types"))?;
        self.at += length;
        Ok(ty)
    }
}

/// A type by its name or one of its documented synonyms.
fn type_of(word: &str) -> Option<ScalarType> {
    ScalarType::from_name(word).or(match word {
        "boolean" => Some(ScalarType::Bool),
        "date" => Some(ScalarType::DateTime),
        "uuid" | "uniqueid" => Some(ScalarType::Guid),
        "double" => Some(ScalarType::Real),
        "time" => Some(ScalarType::TimeSpan),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::vocabulary::{ScalarType, TableSchema};
    use proptest::prelude::*;

    use super::parse;
    use crate::kql::literal::escape;

    #[test]
    fn quoted_and_plain_names() {
        let schema =
            parse("a:long,['b c']:string, [\"d.'t\"] : datetime,e.f:real").expect("columns");
        let names: Vec<_> = schema
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(names, ["a", "b c", "d.'t", "e.f"]);
        assert_eq!(schema.column("e.f"), Some(ScalarType::Real));
        assert_eq!(parse("").expect("no columns").columns.len(), 0);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for bad in [
            "a",
            "a:",
            "a:money",
            ",a:int",
            "a:int b:int",
            "['a:int",
            ":int",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_names_read_back(names in prop::collection::vec(any::<String>(), 0..5)) {
            let text: Vec<_> = names.iter().map(|name| format!("['{}']:int", escape(name))).collect();
            let schema = TableSchema::new(names.into_iter().map(|name| (name, ScalarType::Int)));
            prop_assert_eq!(parse(&text.join(",")), Ok(schema));
        }
    }
}
