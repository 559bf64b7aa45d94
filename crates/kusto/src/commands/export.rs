//! Export: a block's rows into files of the lake. **Once**: a lost answer is never sent again.

use kusto_copy_core::vocabulary::OperationId;

use crate::database::Database;
use crate::kql;
use crate::kql::export::ExportRequest;
use crate::rows::{FromRow, ReadError, Row, row_struct};
use crate::{Call, KustoError};

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its path without access, as the cluster reported it.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes, where the cluster tells.
    pub bytes: Option<u64>,
}

impl FromRow for ExportedFile {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        let path: String = row.get("Path")?;
        Ok(Self {
            path: without_access(&path).to_owned(),
            rows: row.get("NumRecords")?,
            bytes: row.get("SizeInBytes")?,
        })
    }
}

/// A path without an appended `?<SAS>` or `;<key>`.
pub(super) fn without_access(path: &str) -> &str {
    let is_address = path.contains("://");
    path.split_once(|c| is_address && (c == '?' || c == ';'))
        .map_or(path, |(path, _)| path)
}

row_struct! {
    pub(super) struct OperationRow {
        pub(super) operation: OperationId = "OperationId",
    }
}

impl Database {
    /// Starts an export (F1–F4). Intent first: the attempt with its own prefix must be recorded.
    /// If the answer is lost, abandon the attempt: its files are never read.
    ///
    /// # Errors
    /// See [`KustoError::fate`].
    pub async fn export_start(
        &self,
        call: &Call,
        request: &ExportRequest<'_>,
    ) -> Result<OperationId, KustoError> {
        let row: OperationRow = self.one(call, &kql::export::start(request)).await?;
        Ok(row.operation)
    }

    /// Exports a small block and waits for it (F6). Intent and lost answer as
    /// [`Database::export_start`].
    ///
    /// # Errors
    /// See [`KustoError::fate`].
    pub async fn export_now(
        &self,
        call: &Call,
        request: &ExportRequest<'_>,
    ) -> Result<Vec<ExportedFile>, KustoError> {
        let files = self.rows(call, &kql::export::now(request)).await?;
        Ok(with_rows(files))
    }

    /// The files of a completed export (F5), empty ones left out: the only truth about files.
    ///
    /// # Errors
    /// As any read; an operation that is unknown by now is [`KustoError::Permanent`] or
    /// [`KustoError::NotFound`]: export again.
    pub async fn export_details(
        &self,
        call: &Call,
        operation: &OperationId,
    ) -> Result<Vec<ExportedFile>, KustoError> {
        let files = self
            .rows(call, &kql::operations::details(operation))
            .await?;
        Ok(with_rows(files))
    }
}

fn with_rows(mut files: Vec<ExportedFile>) -> Vec<ExportedFile> {
    files.retain(|file| file.rows > 0);
    files
}

#[cfg(test)]
mod tests {
    use super::without_access;

    #[test]
    fn access_is_cut_from_addresses_only() {
        assert_eq!(
            without_access("https://a.b/c/x.csv.gz?sv=1&sig=s"),
            "https://a.b/c/x.csv.gz"
        );
        assert_eq!(
            without_access("https://a.b/c/x.csv.gz;key"),
            "https://a.b/c/x.csv.gz"
        );
        assert_eq!(without_access("/lake/what?;x.csv"), "/lake/what?;x.csv");
    }
}
