//! From bytes to rows in the columns of a table.

use arrow::record_batch::RecordBatch;
use kusto_emulator_values::Column;

use super::options::IngestOptions;
use crate::commands::policies::max_value_sizes;
use crate::error::KustoError;
use crate::model::Table;

/// What the rows are read for.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Columns in order.
    pub(super) columns: Vec<Column>,
    /// Largest value of each column, in bytes.
    pub(super) max_value_sizes: Vec<usize>,
}

/// A table as the target of an ingestion.
pub(super) fn target_of(table: &Table) -> Target {
    Target {
        columns: table.schema(),
        max_value_sizes: max_value_sizes(table),
    }
}

/// The rows of a file in the target's columns.
///
/// # Errors
/// A format that is not known, or bytes that are not of it; the code is Kusto's.
pub(super) fn read_bytes(
    _bytes: &[u8],
    _name: &str,
    target: &Target,
    options: &IngestOptions,
) -> Result<Vec<RecordBatch>, KustoError> {
    let _ = (
        &target.columns,
        &target.max_value_sizes,
        options.ignores_first_record,
    );
    let _ = (&options.mapping, &options.validation_policy);
    Err(KustoError::unsupported(format!(
        "Ingestion of format '{}'",
        options.format
    )))
}
