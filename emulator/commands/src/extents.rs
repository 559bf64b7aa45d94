//! Commands that move, replace and drop extents.

use crate::Command;
use crate::error::CommandError;
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;

/// Which extents are moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveSource {
    /// All of a table.
    All {
        /// The source table.
        table: String,
    },
    /// Those with these ids, all of which must be in the table.
    Ids {
        /// The source table.
        table: String,
        /// Guids, lower case.
        ids: Vec<String>,
    },
    /// Those that a query or a command answers as `ExtentId` and `TableName`.
    Query(String),
}

/// `.move [async] extents`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveExtents {
    /// Whether to run as an operation.
    pub is_async: bool,
    /// The destination table.
    pub destination: String,
    /// Which extents.
    pub source: MoveSource,
    /// `setNewIngestionTime`, `extentCreatedOnFrom`, `extentCreatedOnTo`.
    pub properties: Properties,
}

impl MoveExtents {
    pub(crate) fn kind(&self) -> &'static str {
        match self.source {
            MoveSource::All { .. } | MoveSource::Ids { .. } => "MoveExtentsFrom",
            MoveSource::Query(_) => "MoveExtentsQuery",
        }
    }
}

/// `.replace [async] extents in table T <| {drop}, {move}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceExtents {
    /// Whether to run as an operation.
    pub is_async: bool,
    /// The table that loses and gains extents.
    pub destination: String,
    /// `setNewIngestionTime` and so on.
    pub properties: Properties,
    /// Answers the extents to drop.
    pub drop_query: String,
    /// Answers the extents to move.
    pub move_query: String,
}

/// `.drop extents`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropExtents {
    /// Those with these ids.
    Ids {
        /// Guids, lower case.
        ids: Vec<String>,
        /// Only in this table.
        table: Option<String>,
    },
    /// Those that a query or a command answers.
    Query {
        /// The query or command.
        query: String,
        /// Only answer what would be dropped.
        what_if: bool,
    },
    /// All of a table, or of all tables.
    From {
        /// The table; none is all tables of the database.
        table: Option<String>,
        /// Only those created at least this many hours ago.
        older_than_hours: Option<u64>,
    },
}

impl DropExtents {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            DropExtents::Ids { .. } | DropExtents::Query { .. } | DropExtents::From { .. } => {
                "DropExtents"
            }
        }
    }
}

/// After `.move`.
pub(crate) fn parse_move(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let is_async = scanner.eat_word("async");
    scanner.expect_word("extents")?;
    let all = scanner.eat_word("all");
    if !all && scanner.eat_words(&["to", "table"]) {
        return Ok(Command::MoveExtents(MoveExtents {
            is_async,
            destination: scanner.name("a table name")?,
            properties: properties(scanner)?,
            source: MoveSource::Query(scanner.query()?),
        }));
    }
    scanner.expect_word("from")?;
    scanner.expect_word("table")?;
    let table = scanner.name("a table name")?;
    scanner.expect_word("to")?;
    scanner.expect_word("table")?;
    let destination = scanner.name("a table name")?;
    let properties = properties(scanner)?;
    let source = if all {
        MoveSource::All { table }
    } else {
        let ids = scanner.list(Scanner::guid)?;
        MoveSource::Ids { table, ids }
    };
    Ok(Command::MoveExtents(MoveExtents {
        is_async,
        destination,
        source,
        properties,
    }))
}

/// After `.replace`.
pub(crate) fn parse_replace(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let is_async = scanner.eat_word("async");
    scanner.expect_word("extents")?;
    scanner.expect_word("in")?;
    scanner.expect_word("table")?;
    let destination = scanner.name("a table name")?;
    let properties = properties(scanner)?;
    scanner.expect("<|")?;
    let drop_query = braced(scanner)?;
    scanner.expect(",")?;
    let move_query = braced(scanner)?;
    Ok(Command::ReplaceExtents(ReplaceExtents {
        is_async,
        destination,
        properties,
        drop_query,
        move_query,
    }))
}

/// A query in braces; not empty.
fn braced(scanner: &mut Scanner<'_>) -> Result<String, CommandError> {
    let text = scanner.balanced('{', '}')?;
    let query = text[1..text.len() - 1].trim();
    if query.is_empty() {
        return Err(scanner.error("a query in braces"));
    }
    Ok(query.to_string())
}

/// After `.drop extents`.
pub(crate) fn parse_drop(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    if scanner.sees("(") {
        let ids = scanner.list(Scanner::guid)?;
        let table = optional_from(scanner)?;
        return Ok(Command::DropExtents(DropExtents::Ids { ids, table }));
    }
    let what_if = scanner.eat_word("whatif");
    if what_if || scanner.sees("<|") {
        let query = scanner.query()?;
        return Ok(Command::DropExtents(DropExtents::Query { query, what_if }));
    }
    let older_than_hours = if scanner.eat_word("older") {
        Some(hours(scanner)?)
    } else {
        None
    };
    scanner.expect_word("from")?;
    let table = if scanner.eat_words(&["all", "tables"]) {
        None
    } else {
        Some(scanner.name("a table name")?)
    };
    for clause in ["trim", "limit"] {
        if scanner.sees_word(clause) {
            return Err(CommandError::Unsupported {
                what: format!("The clause '{clause}' of '.drop extents'"),
            });
        }
    }
    Ok(Command::DropExtents(DropExtents::From {
        table,
        older_than_hours,
    }))
}

/// After `.drop extent`.
pub(crate) fn parse_drop_one(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let ids = vec![scanner.guid()?];
    let table = optional_from(scanner)?;
    Ok(Command::DropExtents(DropExtents::Ids { ids, table }))
}

fn optional_from(scanner: &mut Scanner<'_>) -> Result<Option<String>, CommandError> {
    if scanner.eat_word("from") {
        scanner.name("a table name").map(Some)
    } else {
        Ok(None)
    }
}

/// `N days` or `N hours`.
fn hours(scanner: &mut Scanner<'_>) -> Result<u64, CommandError> {
    let word = scanner.peek_word();
    let Ok(count) = word.parse::<u64>() else {
        return Err(scanner.error("a whole number"));
    };
    scanner.advance(word.len());
    let unit = if scanner.eat_word("days") {
        24
    } else {
        scanner.expect_word("hours")?;
        1
    };
    count
        .checked_mul(unit)
        .ok_or_else(|| scanner.error("a smaller number"))
}
