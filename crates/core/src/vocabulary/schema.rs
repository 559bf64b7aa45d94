//! Tables' columns and the ten scalar types.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;

/// One of Kusto's ten scalar types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScalarType {
    /// `true`, `false` or null.
    Bool,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Long,
    /// IEEE 754 double, with NaN and infinities.
    Real,
    /// 128-bit decimal of 34 significant digits.
    Decimal,
    /// 100 ns ticks from year 1 to year 9999.
    DateTime,
    /// A signed number of 100 ns ticks.
    TimeSpan,
    /// A globally unique identifier.
    Guid,
    /// Unicode text; has no null.
    String,
    /// JSON-like nested values.
    Dynamic,
}

impl ScalarType {
    /// All ten, in a fixed order.
    pub const ALL: [Self; 10] = [
        Self::Bool,
        Self::Int,
        Self::Long,
        Self::Real,
        Self::Decimal,
        Self::DateTime,
        Self::TimeSpan,
        Self::Guid,
        Self::String,
        Self::Dynamic,
    ];

    /// The name that schema commands write, for example `long`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Long => "long",
            Self::Real => "real",
            Self::Decimal => "decimal",
            Self::DateTime => "datetime",
            Self::TimeSpan => "timespan",
            Self::Guid => "guid",
            Self::String => "string",
            Self::Dynamic => "dynamic",
        }
    }

    /// Reads a type's name as Kusto's schema commands print it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ty| ty.name() == name)
    }
}

/// A column: its name, case-sensitive, and its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// The column's name, unquoted.
    pub name: String,
    /// The column's type.
    #[serde(rename = "type")]
    pub ty: ScalarType,
}

/// The columns of a table in their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableSchema {
    /// The columns in the table's order.
    pub columns: Vec<Column>,
}

impl TableSchema {
    /// A schema of these columns.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = (String, ScalarType)>) -> Self {
        Self {
            columns: columns
                .into_iter()
                .map(|(name, ty)| Column { name, ty })
                .collect(),
        }
    }

    /// The type of the column of this name, or `None`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<ScalarType> {
        self.columns
            .iter()
            .find(|column| column.name == name)
            .map(|column| column.ty)
    }

    /// 16 hex digits that differ when a name, a type or the order differs.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for column in &self.columns {
            hash.update((column.name.len() as u64).to_le_bytes());
            hash.update(column.name.as_bytes());
            hash.update(column.ty.name().as_bytes());
        }
        hex(&hash.finalize()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::{ScalarType, TableSchema};

    #[test]
    fn fingerprint_tells_names_types_and_order_apart() {
        let schema = |columns: &[(&str, ScalarType)]| {
            TableSchema::new(columns.iter().map(|(n, t)| ((*n).to_owned(), *t))).fingerprint()
        };
        let base = schema(&[("a", ScalarType::Int), ("b", ScalarType::Int)]);
        assert_eq!(base.len(), 16);
        assert_ne!(
            base,
            schema(&[("b", ScalarType::Int), ("a", ScalarType::Int)])
        );
        assert_ne!(
            base,
            schema(&[("a", ScalarType::Int), ("b", ScalarType::Long)])
        );
        assert_ne!(
            base,
            schema(&[("aint", ScalarType::Int), ("b", ScalarType::Int)])
        );
    }
}
