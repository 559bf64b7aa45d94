//! A column's array with its Kusto type: the way from Arrow to texts without a check per value.

use arrow::array::{
    Array, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};

use crate::{Column, ScalarType, ValuesError};

/// An array in the Arrow form of its type, for readers of many values.
#[derive(Debug, Clone, Copy)]
pub enum TypedColumn<'a> {
    /// `bool`
    Bool(&'a BooleanArray),
    /// `int`
    Int(&'a Int32Array),
    /// `long`
    Long(&'a Int64Array),
    /// `real`
    Real(&'a Float64Array),
    /// `decimal`, canonical text
    Decimal(&'a StringArray),
    /// `datetime`, ticks
    DateTime(&'a Int64Array),
    /// `timespan`, ticks
    TimeSpan(&'a Int64Array),
    /// `guid`
    Guid(&'a StringArray),
    /// `string`
    String(&'a StringArray),
    /// `dynamic`, JSON text
    Dynamic(&'a StringArray),
}

impl<'a> TypedColumn<'a> {
    /// The array as values of the type.
    ///
    /// # Errors
    /// The array has another Arrow form.
    pub fn new(array: &'a dyn Array, ty: ScalarType) -> Result<Self, ValuesError> {
        let text = || array.as_string_opt::<i32>();
        let long = || array.as_primitive_opt::<Int64Type>();
        let column = match ty {
            ScalarType::Bool => array.as_boolean_opt().map(Self::Bool),
            ScalarType::Int => array.as_primitive_opt::<Int32Type>().map(Self::Int),
            ScalarType::Long => long().map(Self::Long),
            ScalarType::Real => array.as_primitive_opt::<Float64Type>().map(Self::Real),
            ScalarType::Decimal => text().map(Self::Decimal),
            ScalarType::DateTime => long().map(Self::DateTime),
            ScalarType::TimeSpan => long().map(Self::TimeSpan),
            ScalarType::Guid => text().map(Self::Guid),
            ScalarType::String => text().map(Self::String),
            ScalarType::Dynamic => text().map(Self::Dynamic),
        };
        column.ok_or_else(|| ValuesError::ArrowForm {
            expected: ty,
            found: array.data_type().clone(),
        })
    }

    /// All columns of a batch.
    ///
    /// # Errors
    /// The batch does not have the schema's columns in their Arrow forms.
    pub fn of_batch(schema: &[Column], batch: &'a RecordBatch) -> Result<Vec<Self>, ValuesError> {
        if schema.len() != batch.num_columns() {
            return Err(ValuesError::RowLength {
                expected: schema.len(),
                found: batch.num_columns(),
            });
        }
        let columns = schema.iter().zip(batch.columns());
        columns
            .map(|(column, array)| Self::new(array.as_ref(), column.ty))
            .collect()
    }

    /// Whether a row's value is null in Arrow.
    #[must_use]
    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Bool(array) => array.is_null(row),
            Self::Int(array) => array.is_null(row),
            Self::Long(array) | Self::DateTime(array) | Self::TimeSpan(array) => array.is_null(row),
            Self::Real(array) => array.is_null(row),
            Self::Decimal(array)
            | Self::Guid(array)
            | Self::String(array)
            | Self::Dynamic(array) => array.is_null(row),
        }
    }
}
