//! How a table's rows travel: Parquet where every column's conversion is documented both ways,
//! otherwise CSV whose text we write for every type.

use std::fmt;

use kusto_copy_core::vocabulary::{ScalarType, TableSchema};

use super::names::{self, NameProblem};

pub use kusto_copy_core::activity::Encoding;

/// Why a table travels in its encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Every column's type converts to Parquet and back by documentation.
    AllConvert,
    /// This column's type does not.
    Column {
        /// The column's name.
        name: String,
        /// Its type.
        ty: ScalarType,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllConvert => f.write_str("Parquet carries every column exactly"),
            Self::Column { name, ty } => {
                write!(
                    f,
                    "Parquet does not carry {} exactly (column `{name}`)",
                    ty.name()
                )
            }
        }
    }
}

/// Chooses the encoding of a table from its columns, with the reason.
#[must_use]
pub fn choose(schema: &TableSchema) -> (Encoding, Reason) {
    let obstacle = schema.columns.iter().find(|column| match column.ty {
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::Decimal
        | ScalarType::String
        | ScalarType::Dynamic => false,
        // Parquet's datetimes lose 100 ns ticks; timespan and guid do not convert back.
        ScalarType::DateTime | ScalarType::TimeSpan | ScalarType::Guid => true,
    });
    match obstacle {
        None => (Encoding::Parquet, Reason::AllConvert),
        Some(column) => (
            Encoding::Csv,
            Reason::Column {
                name: column.name.clone(),
                ty: column.ty,
            },
        ),
    }
}

/// Why a table cannot be copied at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    /// It has no column.
    #[error("it has no column")]
    NoColumns,
    /// Its own name is not allowed.
    #[error("its name is not one that Kusto allows")]
    TableName(#[source] NameProblem),
    /// A column's name is not allowed.
    #[error("the name of column {column:?} is not one that Kusto allows")]
    ColumnName {
        /// The column.
        column: String,
        /// The rule.
        source: NameProblem,
    },
    /// Two columns have one name.
    #[error("it has two columns named {column:?}")]
    Twice {
        /// The name.
        column: String,
    },
}

/// All that stands against copying a table, by its name and columns.
#[must_use]
pub fn problems(table: &str, schema: &TableSchema) -> Vec<SchemaProblem> {
    let mut problems = Vec::new();
    if let Err(problem) = names::check(table) {
        problems.push(SchemaProblem::TableName(problem));
    }
    if schema.columns.is_empty() {
        problems.push(SchemaProblem::NoColumns);
    }
    let mut seen = std::collections::BTreeSet::new();
    for column in &schema.columns {
        if let Err(source) = names::check(&column.name) {
            problems.push(SchemaProblem::ColumnName {
                column: column.name.clone(),
                source,
            });
        }
        if !seen.insert(&column.name) {
            problems.push(SchemaProblem::Twice {
                column: column.name.clone(),
            });
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::vocabulary::{ScalarType, TableSchema};

    use super::{Encoding, Reason, SchemaProblem, choose, problems};

    fn schema(columns: &[(&str, ScalarType)]) -> TableSchema {
        TableSchema::new(columns.iter().map(|(name, ty)| ((*name).to_owned(), *ty)))
    }

    #[test]
    fn only_types_that_convert_both_ways_travel_as_parquet() {
        for ty in ScalarType::ALL {
            let (encoding, reason) = choose(&schema(&[("a", ScalarType::Long), ("b", ty)]));
            let text_only =
                [ScalarType::DateTime, ScalarType::TimeSpan, ScalarType::Guid].contains(&ty);
            assert_eq!(encoding == Encoding::Csv, text_only, "{ty:?}");
            assert_eq!(reason != Reason::AllConvert, text_only, "{ty:?}");
        }
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        assert_eq!(problems("T", &schema(&[])), [SchemaProblem::NoColumns]);
        assert_eq!(problems("a;b", &schema(&[("a", ScalarType::Int)])).len(), 1);
        let twice = schema(&[
            ("a", ScalarType::Int),
            ("a", ScalarType::Int),
            ("b'", ScalarType::Int),
        ]);
        assert_eq!(problems("T", &twice).len(), 2);
        assert!(problems("where T-1.b x", &schema(&[("b ool", ScalarType::Bool)])).is_empty());
    }
}
