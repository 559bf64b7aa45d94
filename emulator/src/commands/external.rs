//! `externaldata`: files read by a query.

use std::collections::BTreeMap;

use kusto_emulator_values::{Schema, Table};

use crate::error::KustoError;
use crate::storage::Storage;

/// Reads the files that `externaldata` names.
///
/// # Errors
/// A file that cannot be read or a format that is not known.
pub(crate) fn read_external(
    _storage: &dyn Storage,
    _uris: &[String],
    _schema: &Schema,
    _properties: &BTreeMap<String, String>,
) -> Result<Table, KustoError> {
    Err(KustoError::unsupported("The operator 'externaldata'"))
}
