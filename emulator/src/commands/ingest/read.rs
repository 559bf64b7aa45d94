//! From bytes to rows in the columns of a table.

use arrow::record_batch::RecordBatch;
use kusto_emulator_formats::{self as formats, IngestError, IngestFormat, Mapping, Validation};
use kusto_emulator_values::Column;

use super::options::IngestOptions;
use crate::commands::policies::max_value_sizes;
use crate::error::KustoError;
use crate::model::Table;

/// What the rows are read for, and how.
#[derive(Clone, Debug)]
pub(super) struct Target {
    columns: Vec<Column>,
    options: formats::IngestOptions,
}

impl Target {
    /// A table as the target of an ingestion.
    ///
    /// # Errors
    /// A format that is not known, or a mapping or validation policy that is none.
    pub(super) fn of(table: &Table, options: &IngestOptions) -> Result<Self, KustoError> {
        let format = IngestFormat::parse(&options.format).map_err(refused)?;
        let mapping = options.mapping.as_deref().map(Mapping::parse).transpose();
        let validation = options.validation_policy.as_deref().map(Validation::parse);
        let validation = validation.transpose().map_err(refused)?;
        Ok(Self {
            columns: table.schema(),
            options: formats::IngestOptions {
                mapping: mapping.map_err(refused)?,
                ignore_first_record: options.ignores_first_record,
                validation: validation.unwrap_or_default(),
                max_value_sizes: max_value_sizes(table),
                ..formats::IngestOptions::new(format)
            },
        })
    }

    /// The rows of a file in the target's columns. `name` tells by its `.gz` how it is packed.
    ///
    /// # Errors
    /// Bytes that are not of the format; the code is Kusto's.
    pub(super) fn read(&self, bytes: Vec<u8>, name: &str) -> Result<Vec<RecordBatch>, KustoError> {
        let ingested = formats::read(bytes, name, &self.columns, &self.options);
        Ok(ingested.map_err(refused)?.batches)
    }
}

fn refused(error: IngestError) -> KustoError {
    KustoError {
        permanent: error.is_permanent(),
        ..KustoError::bad_request(error.code(), error.to_string())
    }
}
