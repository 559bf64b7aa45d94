//! A single value.

use arrow::array::Array;

use crate::{
    Decimal, ScalarType, TypedColumn, ValuesError, datetime, dynamic, guid, real, timespan,
};

/// A single value, for literals and the rows of commands.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Null of a type. Of `string` there is none: it reads as the empty string.
    Null(ScalarType),
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i32),
    /// `long`
    Long(i64),
    /// `real`
    Real(f64),
    /// `decimal`
    Decimal(Decimal),
    /// `datetime`, ticks since year 1
    DateTime(i64),
    /// `timespan`, ticks
    TimeSpan(i64),
    /// `guid`, lower-case hyphenated text
    Guid(String),
    /// `string`
    String(String),
    /// `dynamic`, compact JSON text that is not `null`
    Dynamic(String),
}

impl Value {
    /// The type.
    #[must_use]
    pub fn ty(&self) -> ScalarType {
        match self {
            Self::Null(ty) => *ty,
            Self::Bool(_) => ScalarType::Bool,
            Self::Int(_) => ScalarType::Int,
            Self::Long(_) => ScalarType::Long,
            Self::Real(_) => ScalarType::Real,
            Self::Decimal(_) => ScalarType::Decimal,
            Self::DateTime(_) => ScalarType::DateTime,
            Self::TimeSpan(_) => ScalarType::TimeSpan,
            Self::Guid(_) => ScalarType::Guid,
            Self::String(_) => ScalarType::String,
            Self::Dynamic(_) => ScalarType::Dynamic,
        }
    }

    /// Whether the value is null; never for strings.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(ty) if *ty != ScalarType::String)
    }

    /// A string value.
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// Reads a text as ingestion does: a text that is no value of the type gives null, and so
    /// does the empty text, except that of a string. Dynamic texts that are no JSON become JSON
    /// strings.
    #[must_use]
    pub fn from_text(text: &str, ty: ScalarType) -> Self {
        let value = match ty {
            ScalarType::Bool => parse_bool(text).map(Self::Bool),
            ScalarType::Int => text.trim().parse().ok().map(Self::Int),
            ScalarType::Long => text.trim().parse().ok().map(Self::Long),
            ScalarType::Real => real::parse(text).map(Self::Real),
            ScalarType::Decimal => Decimal::parse(text).map(Self::Decimal),
            ScalarType::DateTime => datetime::parse(text).map(Self::DateTime),
            ScalarType::TimeSpan => timespan::parse(text).map(Self::TimeSpan),
            ScalarType::Guid => guid::parse(text).map(Self::Guid),
            ScalarType::String => Some(Self::String(text.to_owned())),
            ScalarType::Dynamic => dynamic::from_text(text).map(Self::Dynamic),
        };
        value.unwrap_or(Self::Null(ty))
    }

    /// The text that `tostring` gives and CSV carries; null is the empty text. A dynamic's text is
    /// its JSON, a JSON string with its quotes.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Null(_) => String::new(),
            Self::Bool(value) => if *value { "true" } else { "false" }.to_owned(),
            Self::Int(value) => value.to_string(),
            Self::Long(value) => value.to_string(),
            Self::Real(value) => real::format(*value),
            Self::Decimal(value) => value.to_string(),
            Self::DateTime(ticks) => datetime::format(*ticks),
            Self::TimeSpan(ticks) => timespan::format(*ticks),
            Self::Guid(text) | Self::String(text) | Self::Dynamic(text) => text.clone(),
        }
    }

    /// The value of a row of an array in the Arrow form of the type.
    ///
    /// # Errors
    /// The array has another form.
    pub fn from_array(array: &dyn Array, row: usize, ty: ScalarType) -> Result<Self, ValuesError> {
        let column = TypedColumn::new(array, ty)?;
        if column.is_null(row) {
            let string = ty == ScalarType::String;
            return Ok(if string {
                Self::string("")
            } else {
                Self::Null(ty)
            });
        }
        Ok(match column {
            TypedColumn::Bool(array) => Self::Bool(array.value(row)),
            TypedColumn::Int(array) => Self::Int(array.value(row)),
            TypedColumn::Long(array) => Self::Long(array.value(row)),
            TypedColumn::Real(array) => Self::Real(array.value(row)),
            TypedColumn::Decimal(array) => {
                Decimal::parse(array.value(row)).map_or(Self::Null(ty), Self::Decimal)
            }
            TypedColumn::DateTime(array) => Self::DateTime(array.value(row)),
            TypedColumn::TimeSpan(array) => Self::TimeSpan(array.value(row)),
            TypedColumn::Guid(array) => Self::Guid(array.value(row).to_owned()),
            TypedColumn::String(array) => Self::String(array.value(row).to_owned()),
            TypedColumn::Dynamic(array) => Self::Dynamic(array.value(row).to_owned()),
        })
    }
}

/// Reads `true`, `false` (any case), `1` and `0`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") || text == "1" {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") || text == "0" {
        Some(false)
    } else {
        None
    }
}
