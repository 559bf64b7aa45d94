//! `.show database … schema` in its forms.

use super::Show;
use crate::error::CommandError;
use crate::properties::properties;
use crate::scanner::Scanner;

/// The form in which a database's schema is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaForm {
    /// One row a table and column.
    Rows,
    /// One JSON document.
    Json,
    /// One row a command that makes it.
    CslScript,
    /// One row a table, with its columns as text.
    CslSchema,
}

impl SchemaForm {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            SchemaForm::Rows => "ShowDatabaseSchema",
            SchemaForm::Json => "ShowDatabaseSchemaAsJson",
            SchemaForm::CslScript => "ShowDatabaseSchemaAsCslScript",
            SchemaForm::CslSchema => "ShowDatabaseCslSchema",
        }
    }
}

/// After `.show database [D]`: nothing unless a schema is asked for.
pub(super) fn parse(
    scanner: &mut Scanner<'_>,
    database: Option<&str>,
) -> Result<Option<Show>, CommandError> {
    let compact = scanner.eat_word("cslschema") || scanner.eat_word("kqlschema");
    if !compact && !scanner.eat_word("schema") {
        return Ok(None);
    }
    if compact {
        scanner.eat_word("script");
    } else {
        scanner.eat_word("details");
    }
    let if_later_than = if scanner.eat_word("if_later_than") {
        Some(scanner.string()?)
    } else {
        None
    };
    let form = if compact {
        SchemaForm::CslSchema
    } else if !scanner.eat_word("as") {
        SchemaForm::Rows
    } else if scanner.eat_word("json") {
        SchemaForm::Json
    } else if scanner.eat_word("csl") || scanner.eat_word("kql") {
        scanner.eat_word("script");
        SchemaForm::CslScript
    } else {
        return Err(scanner.error("'json', 'csl' or 'kql'"));
    };
    Ok(Some(Show::DatabaseSchema {
        database: database.map(str::to_string),
        form,
        if_later_than,
        properties: properties(scanner)?,
    }))
}
