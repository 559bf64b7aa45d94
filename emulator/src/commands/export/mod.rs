//! `.export` to storage: a query's rows as files.
//!
//! Intent and repetition: files carry a random name, so a second run never overwrites the first, and
//! a failed run leaves the files that it wrote. Only the answer (or the operation's details) says
//! which files belong to the result.

mod plan;

use kusto_emulator_commands::Export;
use kusto_emulator_formats::{ExportError, FinishedFile, Writer};
use kusto_emulator_values::{ScalarType, Table, Value};
use uuid::Uuid;

use super::rows::rows_table;
use super::split::split;
use super::{Execution, storage_failures};
use crate::error::KustoError;
use crate::faults::FaultKind;
use crate::query::Overrides;
use crate::storage::Storage;
use plan::Plan;

/// The columns of the answer, one row a file.
const COLUMNS: [(&str, ScalarType); 3] = [
    ("Path", ScalarType::String),
    ("NumRecords", ScalarType::Long),
    ("SizeInBytes", ScalarType::Long),
];

/// Writes a query's rows to files and answers path, rows and size of each. No rows: no files.
///
/// # Errors
/// Wrong properties (nothing is written then), what the query answers (nothing is written either), or
/// a storage that fails: the files written so far stay.
pub(crate) async fn export(context: &Execution, command: &Export) -> Result<Table, KustoError> {
    let plan = Plan::of(command, &context.engine.settings().export)?;
    let rows = context.result_of(&command.query, Overrides::new()).await?;
    let storage = context.engine.storage();
    let faults = &context.engine.faults;
    let fails_half = faults
        .strike(
            FaultKind::FailExportHalf,
            "ExportToStorage",
            &context.request.text,
        )
        .is_some();
    let written = tokio::task::spawn_blocking(move || {
        let mut exporter = Exporter {
            storage: &storage,
            plan: &plan,
            written: Vec::new(),
        };
        exporter.run(rows, fails_half)?;
        Ok::<_, KustoError>(exporter.written)
    })
    .await
    .map_err(|_| KustoError::service("Writing the files was interrupted."))??;
    rows_table(
        &COLUMNS,
        written.into_iter().map(|file| {
            vec![
                Value::string(file.path),
                Value::Long(file.records),
                Value::Long(file.bytes),
            ]
        }),
    )
}

/// A file that was written.
struct Written {
    path: String,
    records: i64,
    bytes: i64,
}

/// Files on their way to storage.
struct Exporter<'a> {
    storage: &'a dyn Storage,
    plan: &'a Plan,
    written: Vec<Written>,
}

impl Exporter<'_> {
    /// Writes all rows; with `fails_half` about half of them, and fails then.
    fn run(&mut self, rows: Table, fails_half: bool) -> Result<(), KustoError> {
        let parts = split(&rows.batches, self.plan.writers);
        let half = parts.len().div_ceil(2);
        for (at, part) in parts.iter().enumerate() {
            if fails_half && at == half {
                break;
            }
            let options = self.plan.options(at == 0);
            let mut writer =
                Writer::new(self.plan.format, options, &rows.schema).map_err(failed)?;
            for batch in part {
                for file in writer.push(batch).map_err(failed)? {
                    self.write(file)?;
                }
            }
            if let Some(file) = writer.finish().map_err(failed)? {
                self.write(file)?;
            }
        }
        if fails_half {
            return Err(KustoError::service(
                "The export failed on one of the nodes.",
            ));
        }
        Ok(())
    }

    fn write(&mut self, file: FinishedFile) -> Result<(), KustoError> {
        let number = self.written.len();
        let folders = &self.plan.destinations;
        let folder = &folders[number % folders.len()];
        let name = format!(
            "{}_{}_{}.{}",
            self.plan.name_prefix,
            number + 1,
            Uuid::new_v4().simple(),
            self.plan.extension(&file.extension),
        );
        let bytes = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
        let path = self
            .storage
            .write(folder.expose(), &name, file.bytes.into())
            .map_err(storage_failures::of_export)?;
        self.written.push(Written {
            path,
            records: i64::try_from(file.records).unwrap_or(i64::MAX),
            bytes,
        });
        Ok(())
    }
}

/// A file that could not be made: the request's fault, or the cluster's.
fn failed(error: ExportError) -> KustoError {
    match error {
        ExportError::TextCompression => KustoError::bad_request(error.code(), error.to_string()),
        ExportError::Values(_)
        | ExportError::Arrow(_)
        | ExportError::Parquet(_)
        | ExportError::Compress(_) => KustoError::service(error.to_string()),
    }
}
