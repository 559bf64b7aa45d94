//! Names that Kusto allows. Quoting carries any name; these checks tell the user early.

/// Characters of a name at most.
pub const MAX_NAME: usize = 1_024;

/// Why a name is not one that Kusto allows for a table or column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Nothing.
    #[error("the name is empty")]
    Empty,
    /// Longer than 1,024 characters.
    #[error("the name is longer than {MAX_NAME} characters")]
    TooLong,
    /// A character other than letters, digits, `_`, space, `.`, `-`.
    #[error("the name has a character other than letters, digits, `_`, space, `.` and `-`")]
    Character,
    /// `__` at the start or end.
    #[error("the name starts or ends with `__`")]
    Underscores,
}

/// Checks a table's or column's name.
///
/// # Errors
/// The first rule of Kusto's entity names that it breaks.
pub fn check(name: &str) -> Result<(), NameProblem> {
    if name.is_empty() {
        return Err(NameProblem::Empty);
    }
    if name.chars().count() > MAX_NAME {
        return Err(NameProblem::TooLong);
    }
    if !name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '-'))
    {
        return Err(NameProblem::Character);
    }
    if name.starts_with("__") || name.ends_with("__") {
        return Err(NameProblem::Underscores);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{NameProblem, check};

    #[test]
    fn the_rules_of_entity_names() {
        for good in [
            "a",
            "where T-1.b x",
            "Größe",
            "表",
            "_a_",
            &"n".repeat(1_024),
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check(""), Err(NameProblem::Empty));
        assert_eq!(check(&"n".repeat(1_025)), Err(NameProblem::TooLong));
        assert_eq!(check("a'b"), Err(NameProblem::Character));
        assert_eq!(check("a\nb"), Err(NameProblem::Character));
        assert_eq!(check("__a"), Err(NameProblem::Underscores));
    }
}
