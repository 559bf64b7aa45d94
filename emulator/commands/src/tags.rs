//! Commands that change the tags of extents.

use crate::Command;
use crate::error::CommandError;
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;

/// What happens to tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChange {
    /// `.alter`: these are the tags of the extents that the query answers.
    Set {
        /// The tags.
        tags: Vec<String>,
        /// Answers `ExtentId`.
        query: String,
    },
    /// `.alter-merge`: these join the tags of the extents that the query answers.
    Add {
        /// The tags.
        tags: Vec<String>,
        /// Answers `ExtentId`.
        query: String,
    },
    /// `.drop … extent tags (…)`: these leave every extent of the table.
    Drop {
        /// The tags.
        tags: Vec<String>,
    },
    /// `.drop … extent tags <| query`: the tags that the query answers leave their extents.
    DropByQuery {
        /// Answers `ExtentId` and `Tags`.
        query: String,
    },
}

/// A change of the tags of a table's extents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCommand {
    /// Whether to run as an operation.
    pub is_async: bool,
    /// The table.
    pub table: String,
    /// What happens.
    pub change: TagChange,
    /// `extentCreatedOnFrom`, `extentCreatedOnTo`.
    pub properties: Properties,
}

impl TagCommand {
    pub(crate) fn kind(&self) -> &'static str {
        match self.change {
            TagChange::Set { .. } => "AlterExtentTagsFromQuery",
            TagChange::Add { .. } => "AlterMergeExtentTagsFromQuery",
            TagChange::Drop { .. } => "DropExtentTagsFromTable",
            TagChange::DropByQuery { .. } => "DropExtentTagsFromQuery",
        }
    }
}

/// After `.alter[-merge] [async] table T`.
pub(crate) fn alter(
    scanner: &mut Scanner<'_>,
    merge: bool,
    is_async: bool,
    table: String,
) -> Result<Command, CommandError> {
    scanner.expect_word("extent")?;
    scanner.expect_word("tags")?;
    let tags = tag_list(scanner)?;
    let properties = properties(scanner)?;
    let query = scanner.query()?;
    let change = if merge {
        TagChange::Add { tags, query }
    } else {
        TagChange::Set { tags, query }
    };
    Ok(Command::Tags(TagCommand {
        is_async,
        table,
        change,
        properties,
    }))
}

/// After `.drop [async] table T`.
pub(crate) fn drop(
    scanner: &mut Scanner<'_>,
    is_async: bool,
    table: String,
) -> Result<Command, CommandError> {
    scanner.expect_word("extent")?;
    scanner.expect_word("tags")?;
    let tags = if scanner.sees("(") {
        Some(tag_list(scanner)?)
    } else {
        None
    };
    let properties = properties(scanner)?;
    let change = match tags {
        Some(tags) => TagChange::Drop { tags },
        None => TagChange::DropByQuery {
            query: scanner.query()?,
        },
    };
    Ok(Command::Tags(TagCommand {
        is_async,
        table,
        change,
        properties,
    }))
}

fn tag_list(scanner: &mut Scanner<'_>) -> Result<Vec<String>, CommandError> {
    scanner.list(Scanner::string)
}
