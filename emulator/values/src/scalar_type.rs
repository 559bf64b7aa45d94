//! The ten scalar types and the names that the protocol gives them.

use std::fmt;

use arrow::datatypes::DataType;

/// A scalar type of Kusto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScalarType {
    /// `bool`
    Bool,
    /// `int`, 32 bits, signed
    Int,
    /// `long`, 64 bits, signed
    Long,
    /// `real`, IEEE 754 double
    Real,
    /// `decimal`, 34 significant digits
    Decimal,
    /// `datetime`, 100 ns from year 1 to year 9999
    DateTime,
    /// `timespan`, 100 ns
    TimeSpan,
    /// `guid`
    Guid,
    /// `string`, which has no null
    String,
    /// `dynamic`, any JSON value
    Dynamic,
}

impl ScalarType {
    /// All types, in the order of the declaration.
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

    /// The name that KQL, schemas and `ColumnType` use.
    #[must_use]
    pub fn name(self) -> &'static str {
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

    /// Reads a type name as KQL writes it, the documented aliases included. Case counts.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bool" | "boolean" => Self::Bool,
            "int" | "int32" => Self::Int,
            "long" | "int64" => Self::Long,
            "real" | "double" => Self::Real,
            "decimal" => Self::Decimal,
            "datetime" | "date" => Self::DateTime,
            "timespan" | "time" => Self::TimeSpan,
            "guid" | "uuid" | "uniqueid" => Self::Guid,
            "string" => Self::String,
            "dynamic" => Self::Dynamic,
            _ => return None,
        })
    }

    /// The CLR type name that `schema as json` and `getschema` use.
    #[must_use]
    pub fn clr_name(self) -> &'static str {
        match self {
            Self::Bool => "System.SByte",
            Self::Int => "System.Int32",
            Self::Long => "System.Int64",
            Self::Real => "System.Double",
            Self::Decimal => "System.Data.SqlTypes.SqlDecimal",
            Self::DateTime => "System.DateTime",
            Self::TimeSpan => "System.TimeSpan",
            Self::Guid => "System.Guid",
            Self::String => "System.String",
            Self::Dynamic => "System.Object",
        }
    }

    /// Reads a CLR type name, as the JSON schema of `.create-merge` style commands gives it.
    #[must_use]
    pub fn from_clr_name(name: &str) -> Option<Self> {
        match name {
            "System.Boolean" => Some(Self::Bool),
            _ => Self::ALL.into_iter().find(|ty| ty.clr_name() == name),
        }
    }

    /// `DataType` of a column in a v1 response: the CLR name without its namespace.
    #[must_use]
    pub fn v1_data_type(self) -> &'static str {
        match self {
            Self::Bool => "SByte",
            Self::Int => "Int32",
            Self::Long => "Int64",
            Self::Real => "Double",
            Self::Decimal => "SqlDecimal",
            Self::DateTime => "DateTime",
            Self::TimeSpan => "TimeSpan",
            Self::Guid => "Guid",
            Self::String => "String",
            Self::Dynamic => "Object",
        }
    }

    /// The Arrow type that holds values of this type.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int32,
            Self::Long | Self::DateTime | Self::TimeSpan => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Decimal | Self::Guid | Self::String | Self::Dynamic => DataType::Utf8,
        }
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ScalarType;

    #[test]
    fn names_read_back() {
        for ty in ScalarType::ALL {
            assert_eq!(ScalarType::parse(ty.name()), Some(ty));
            assert_eq!(ScalarType::from_clr_name(ty.clr_name()), Some(ty));
            assert!(ty.clr_name().ends_with(ty.v1_data_type()), "{ty}");
        }
        let aliases = [
            ("boolean", ScalarType::Bool),
            ("int32", ScalarType::Int),
            ("int64", ScalarType::Long),
            ("double", ScalarType::Real),
            ("date", ScalarType::DateTime),
            ("time", ScalarType::TimeSpan),
            ("uuid", ScalarType::Guid),
            ("uniqueid", ScalarType::Guid),
        ];
        for (alias, ty) in aliases {
            assert_eq!(ScalarType::parse(alias), Some(ty), "{alias}");
        }
        assert_eq!(ScalarType::parse("Long"), None);
        assert_eq!(ScalarType::parse("varchar"), None);
    }
}
