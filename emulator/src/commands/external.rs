//! `externaldata`: files read by a query.

use std::collections::BTreeMap;

use kusto_emulator_formats::{IngestError, IngestFormat, IngestOptions, Mapping, read};
use kusto_emulator_values::{Schema, Table};

use super::storage_failures;
use crate::error::KustoError;
use crate::storage::{Storage, without_secrets};

/// Reads the files that `externaldata` names, in their order. Without a format the first address
/// tells it by its ending, else it is CSV.
///
/// # Errors
/// A file that cannot be read, and a format or property that is not known.
pub(crate) fn read_external(
    storage: &dyn Storage,
    uris: &[String],
    schema: &Schema,
    properties: &BTreeMap<String, String>,
) -> Result<Table, KustoError> {
    let options = options(uris, properties)?;
    let mut table = Table::empty(schema.clone());
    for uri in uris {
        let bytes = storage.read(uri).map_err(storage_failures::of_download)?;
        let rows = read(bytes, without_secrets(uri), schema, &options).map_err(refused)?;
        table.batches.extend(rows.batches);
    }
    Ok(table)
}

fn options(
    uris: &[String],
    properties: &BTreeMap<String, String>,
) -> Result<IngestOptions, KustoError> {
    let mut options = IngestOptions::new(format_by_ending(uris));
    for (name, value) in properties {
        match name.to_lowercase().as_str() {
            "format" => options.format = IngestFormat::parse(value).map_err(refused)?,
            "ignorefirstrecord" => options.ignore_first_record = value == "true",
            "ingestionmapping" => options.mapping = Some(Mapping::parse(value).map_err(refused)?),
            _ => {
                return Err(KustoError::unsupported(format!(
                    "The property '{name}' of 'externaldata'"
                )));
            }
        }
    }
    Ok(options)
}

fn format_by_ending(uris: &[String]) -> IngestFormat {
    let name = uris.first().map_or("", |uri| without_secrets(uri));
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.rsplit_once('.')
        .and_then(|(_, ending)| IngestFormat::parse(ending).ok())
        .unwrap_or(IngestFormat::Csv)
}

fn refused(error: IngestError) -> KustoError {
    KustoError::bad_request(error.code(), error.to_string())
}
