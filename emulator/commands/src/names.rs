//! The names that Kusto lets an entity have.

use crate::CommandError;

/// What a name is given to; decides only the words of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A database.
    Database,
    /// A table.
    Table,
    /// A column.
    Column,
    /// A stored function.
    Function,
}

impl NameKind {
    fn text(self) -> &'static str {
        match self {
            NameKind::Database => "database",
            NameKind::Table => "table",
            NameKind::Column => "column",
            NameKind::Function => "function",
        }
    }
}

/// Longest name in characters.
const MAX_NAME: usize = 1024;

/// Refuses a name that Kusto refuses for a new entity.
///
/// Source: the "entity names" page: 1 to 1,024 letters, digits, underscores, spaces, dots and
/// dashes; names that begin or end with two underscores are reserved.
///
/// # Errors
/// [`CommandError::InvalidName`] with the rule that the name breaks.
pub fn validate_name(kind: NameKind, name: &str) -> Result<(), CommandError> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '-');
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > MAX_NAME {
        "it is longer than 1,024 characters"
    } else if !name.chars().all(allowed) {
        "only letters, digits, underscores, spaces, dots and dashes are allowed"
    } else if name.starts_with("__") || name.ends_with("__") {
        "names that begin or end with two underscores are reserved"
    } else {
        return Ok(());
    };
    Err(CommandError::InvalidName {
        kind: kind.text(),
        name: name.chars().take(100).collect(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_characters_and_lengths_are_accepted() {
        let longest = "x".repeat(1024);
        for name in ["a", "where T-1.b x", "Größe", "_a_", longest.as_str()] {
            assert_eq!(validate_name(NameKind::Table, name), Ok(()), "{name}");
        }
    }

    #[test]
    fn other_names_are_refused_with_the_rule() {
        let too_long = "x".repeat(1025);
        let cases = [
            ("", "empty"),
            (too_long.as_str(), "1,024"),
            ("a'b", "only letters"),
            ("a$b", "only letters"),
            ("a\nb", "only letters"),
            ("__a", "reserved"),
            ("a__", "reserved"),
        ];
        for (name, rule) in cases {
            let error = validate_name(NameKind::Column, name).expect_err("the name is refused");
            assert!(error.to_string().contains(rule), "{error}");
        }
    }
}
