//! Results of commands: rows of values under a fixed schema.

use kusto_emulator_values::{Column, ScalarType, Table, TableBuilder, Value};

use crate::error::KustoError;

/// A result with these columns and rows.
///
/// # Errors
/// A row that does not fit the columns: a defect of the caller.
pub(crate) fn rows_table(
    columns: &[(&str, ScalarType)],
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Result<Table, KustoError> {
    let schema = columns
        .iter()
        .map(|(name, ty)| Column::new(*name, *ty))
        .collect();
    let mut builder = TableBuilder::new(schema);
    for row in rows {
        builder
            .push_row(row)
            .map_err(|error| KustoError::service(error.to_string()))?;
    }
    builder
        .finish()
        .map_err(|error| KustoError::service(error.to_string()))
}
