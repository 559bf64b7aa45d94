//! Commands that put data into tables.

use crate::Command;
use crate::error::CommandError;
use crate::names::{NameKind, validate_name};
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;
use crate::secret::StorageUri;

/// `.ingest inline into table T <| data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestInline {
    /// The table.
    pub table: String,
    /// `format`, `tags` and so on.
    pub properties: Properties,
    /// The data, without the line break after `<|`.
    pub data: String,
}

/// `.ingest [async] into table T ('…', …) [with (…)]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingest {
    /// Whether to run as an operation.
    pub is_async: bool,
    /// The table.
    pub table: String,
    /// What to read; all of it in one commit.
    pub sources: Vec<StorageUri>,
    /// `format`, `ingestionMappingReference`, `tags`, `creationTime` and so on.
    pub properties: Properties,
}

/// What an existing or missing table means to an ingestion from a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableWrite {
    /// The table must not exist.
    Set,
    /// The table must exist.
    Append,
    /// The table is created if it does not exist.
    SetOrAppend,
    /// The table is created, or its data replaced.
    SetOrReplace,
}

/// `.set`, `.append`, `.set-or-append`, `.set-or-replace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestFromQuery {
    /// What an existing table means.
    pub write: TableWrite,
    /// Whether to run as an operation.
    pub is_async: bool,
    /// The table.
    pub table: String,
    /// `tags`, `creationTime`, `folder`, `docstring`, `extend_schema` and so on.
    pub properties: Properties,
    /// The query, or a command whose result is ingested.
    pub query: String,
}

impl IngestFromQuery {
    pub(crate) fn kind(&self) -> &'static str {
        match self.write {
            TableWrite::Set => "SetTable",
            TableWrite::Append => "AppendTable",
            TableWrite::SetOrAppend => "SetOrAppendTable",
            TableWrite::SetOrReplace => "SetOrReplaceTable",
        }
    }
}

/// After `.ingest`.
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    if scanner.eat_word("inline") {
        return inline(scanner);
    }
    let is_async = scanner.eat_word("async");
    scanner.expect_word("into")?;
    scanner.eat_word("table");
    let table = scanner.name("a table name")?;
    let sources = if scanner.sees("(") {
        scanner.list(Scanner::string)?
    } else {
        vec![scanner.string()?]
    };
    Ok(Command::Ingest(Ingest {
        is_async,
        table,
        sources: sources.into_iter().map(StorageUri::new).collect(),
        properties: properties(scanner)?,
    }))
}

fn inline(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    scanner.expect_word("into")?;
    scanner.expect_word("table")?;
    let table = scanner.name("a table name")?;
    if scanner.sees("[") {
        let data = scanner.balanced('[', ']')?;
        let data = data[1..data.len() - 1].to_string();
        return Ok(Command::IngestInline(IngestInline {
            table,
            properties: properties(scanner)?,
            data,
        }));
    }
    let properties = properties(scanner)?;
    let data = first_line_begun(scanner.input()?).to_string();
    Ok(Command::IngestInline(IngestInline {
        table,
        properties,
        data,
    }))
}

/// The data after `<|`: blanks up to the end of that line are not data.
fn first_line_begun(input: &str) -> &str {
    let data = input.trim_start_matches([' ', '\t']);
    data.strip_prefix("\r\n")
        .or_else(|| data.strip_prefix('\n'))
        .unwrap_or(data)
}

/// After `.set` and its kin.
pub(crate) fn from_query(
    scanner: &mut Scanner<'_>,
    write: TableWrite,
) -> Result<Command, CommandError> {
    let is_async = scanner.eat_word("async");
    if scanner.sees_word("stored_query_result") {
        return Err(CommandError::Unsupported {
            what: "A stored query result".to_string(),
        });
    }
    let table = scanner.name("a table name")?;
    validate_name(NameKind::Table, &table)?;
    Ok(Command::IngestFromQuery(IngestFromQuery {
        write,
        is_async,
        table,
        properties: properties(scanner)?,
        query: scanner.query()?,
    }))
}
