//! What can be wrong with a table of values.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::ScalarType;

/// A table whose parts do not fit together: always a defect of the code that made it, never of
/// data that a user sent (data that does not fit its type becomes null instead).
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// A row has another number of values than the schema has columns.
    #[error("a row of {found} values was given for a table of {expected} columns")]
    RowLength {
        /// Columns of the schema.
        expected: usize,
        /// Values of the row.
        found: usize,
    },
    /// A value has another type than its column.
    #[error("a {found} value was given for column '{column}' of type {expected}")]
    ValueType {
        /// Name of the column.
        column: String,
        /// Type of the column.
        expected: ScalarType,
        /// Type of the value.
        found: ScalarType,
    },
    /// An Arrow array does not have its column's Arrow form.
    #[error("column of type {expected} is held as Arrow type {found}")]
    ArrowForm {
        /// Type of the column.
        expected: ScalarType,
        /// Arrow type that was found.
        found: DataType,
    },
    /// Arrow refused to build a batch.
    #[error("the columns of a table could not be put together")]
    Arrow(#[from] ArrowError),
}
