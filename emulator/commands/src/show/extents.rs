//! `.show … extents` with its filters.

use crate::error::CommandError;
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;

/// Whose extents are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtentScope {
    /// Those of all databases.
    Cluster,
    /// Those of a database; none is the context database.
    Database(Option<String>),
    /// Those of tables of the context database; at least one.
    Tables(Vec<String>),
}

/// How a filter compares tags. All comparisons ignore case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagOperator {
    /// One of the tags equals the text.
    Has,
    /// No tag equals the text.
    NotHas,
    /// One of the tags contains the text.
    Contains,
    /// No tag contains the text.
    NotContains,
}

/// `tags has 'x'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    /// The comparison.
    pub operator: TagOperator,
    /// The text.
    pub tag: String,
}

impl TagFilter {
    /// Whether an extent with these tags passes.
    pub fn matches<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> bool {
        let wanted = self.tag.to_lowercase();
        let mut tags = tags.into_iter().map(str::to_lowercase);
        match self.operator {
            TagOperator::Has => tags.any(|tag| tag == wanted),
            TagOperator::NotHas => !tags.any(|tag| tag == wanted),
            TagOperator::Contains => tags.any(|tag| tag.contains(&wanted)),
            TagOperator::NotContains => !tags.any(|tag| tag.contains(&wanted)),
        }
    }
}

/// `.show … extents [(ids)] [hot] [where tags …]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShowExtents {
    /// Whose.
    pub scope: ExtentScope,
    /// Only these: guids, lower case; empty is all.
    pub ids: Vec<String>,
    /// Only those in the hot cache.
    pub hot: bool,
    /// All of them must pass.
    pub filters: Vec<TagFilter>,
    /// `extentsShowFilteringRuntimePolicy`.
    pub properties: Properties,
}

impl ShowExtents {
    pub(crate) fn kind(&self) -> &'static str {
        match self.scope {
            ExtentScope::Cluster => "ShowClusterExtents",
            ExtentScope::Database(_) => "ShowDatabaseExtents",
            ExtentScope::Tables(_) => "ShowTableExtents",
        }
    }
}

/// At the word `extents`.
pub(super) fn parse(
    scanner: &mut Scanner<'_>,
    scope: ExtentScope,
) -> Result<ShowExtents, CommandError> {
    scanner.expect_word("extents")?;
    for part in ["metadata", "partitioning"] {
        if scanner.sees_word(part) {
            return Err(CommandError::Unsupported {
                what: format!("The command '.show … extents {part}'"),
            });
        }
    }
    let ids = if scanner.sees("(") {
        scanner.list(Scanner::guid)?
    } else {
        Vec::new()
    };
    let hot = scanner.eat_word("hot");
    let mut filters = Vec::new();
    if scanner.eat_word("where") {
        filters.push(filter(scanner)?);
        while scanner.eat_word("and") {
            filters.push(filter(scanner)?);
        }
    }
    Ok(ShowExtents {
        scope,
        ids,
        hot,
        filters,
        properties: properties(scanner)?,
    })
}

fn filter(scanner: &mut Scanner<'_>) -> Result<TagFilter, CommandError> {
    scanner.expect_word("tags")?;
    let negated = scanner.eat("!");
    let operator = if scanner.eat_word("has") {
        if negated {
            TagOperator::NotHas
        } else {
            TagOperator::Has
        }
    } else {
        scanner.expect_word("contains")?;
        if negated {
            TagOperator::NotContains
        } else {
            TagOperator::Contains
        }
    };
    Ok(TagFilter {
        operator,
        tag: scanner.string()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_is_equality_and_contains_is_not() {
        let tags = ["kc-1-abc", "drop-by:Mon"];
        let check = |operator, tag: &str| {
            TagFilter {
                operator,
                tag: tag.to_string(),
            }
            .matches(tags)
        };
        assert!(check(TagOperator::Has, "KC-1-abc"));
        assert!(!check(TagOperator::Has, "kc-1"));
        assert!(check(TagOperator::NotHas, "kc-1"));
        assert!(check(TagOperator::Contains, "kc-1"));
        assert!(!check(TagOperator::NotContains, "mon"));
    }
}
