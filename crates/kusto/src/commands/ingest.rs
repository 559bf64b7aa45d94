//! Ingestion of one attempt into staging. **Once**: a tag has at most one send.

use kusto_copy_core::vocabulary::{ExtentId, OperationId};

use super::export::{OperationRow, without_access};
use crate::database::Database;
use crate::kql;
use crate::kql::ingest::IngestRequest;
use crate::rows::{FromRow, ReadError, Row};
use crate::{Call, KustoError};

/// One line of an ingestion's result: an extent and the files in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestedItem {
    /// The extent that was made.
    pub extent: ExtentId,
    /// The files that went into it, without access.
    pub paths: Vec<String>,
    /// Whether the line reports errors.
    pub has_errors: bool,
}

impl FromRow for IngestedItem {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        let loaded: String = row.get("ItemLoaded")?;
        let errors: Option<String> = row.text("HasErrors")?;
        Ok(Self {
            extent: row.get("ExtentId")?,
            paths: split_items(&loaded),
            has_errors: errors.is_some_and(|text| {
                !text.is_empty() && !text.eq_ignore_ascii_case("false") && text != "0"
            }),
        })
    }
}

/// A cell of `ItemLoaded`: one path, or several as a JSON list or one a line, or joined by
/// commas or semicolons between addresses. Access is cut.
fn split_items(cell: &str) -> Vec<String> {
    if let Ok(list) = serde_json::from_str::<Vec<String>>(cell) {
        return list
            .iter()
            .map(|path| without_access(path).to_owned())
            .collect();
    }
    let mut paths = Vec::new();
    for line in cell.lines() {
        let mut rest = line.trim();
        while let Some((path, next)) = split_at_next_address(rest) {
            paths.push(path);
            rest = next;
        }
        paths.push(rest);
    }
    paths
        .into_iter()
        .map(|path| without_access(path).to_owned())
        .filter(|path| !path.is_empty())
        .collect()
}

/// The text before the next `,` or `;` that an address follows, and that address.
fn split_at_next_address(text: &str) -> Option<(&str, &str)> {
    text.match_indices([',', ';']).find_map(|(at, _)| {
        let next = text[at + 1..].trim_start();
        let starts = ["https://", "http://", "abfss://", "file://"];
        starts
            .iter()
            .any(|scheme| next.starts_with(scheme))
            .then(|| (text[..at].trim_end(), next))
    })
}

impl Database {
    /// Starts an ingestion (H3). Intent first: the single-use tag must be recorded. If the answer
    /// is lost, abandon the tag: what it stages late is in nobody's move and is swept.
    ///
    /// # Errors
    /// See [`KustoError::fate`].
    pub async fn ingest_start(
        &self,
        call: &Call,
        request: &IngestRequest<'_>,
    ) -> Result<OperationId, KustoError> {
        let row: OperationRow = self.one(call, &kql::ingest::start(request)).await?;
        Ok(row.operation)
    }

    /// Ingests a small attempt and waits for it. Intent and lost answer as
    /// [`Database::ingest_start`].
    ///
    /// # Errors
    /// See [`KustoError::fate`].
    pub async fn ingest_now(
        &self,
        call: &Call,
        request: &IngestRequest<'_>,
    ) -> Result<Vec<IngestedItem>, KustoError> {
        self.rows(call, &kql::ingest::now(request)).await
    }

    /// The result of a completed ingestion, by extent (I3).
    ///
    /// # Errors
    /// As any read.
    pub async fn ingest_details(
        &self,
        call: &Call,
        operation: &OperationId,
    ) -> Result<Vec<IngestedItem>, KustoError> {
        self.rows(call, &kql::operations::details(operation)).await
    }
}

#[cfg(test)]
mod tests {
    use super::split_items;

    #[test]
    fn one_or_more_files_in_a_cell() {
        assert_eq!(split_items("https://a/x?sig=1"), ["https://a/x"]);
        assert_eq!(
            split_items("https://a/x?s=1,https://a/y;k"),
            ["https://a/x", "https://a/y"]
        );
        assert_eq!(
            split_items("[\"https://a/x\",\"https://a/y?s\"]"),
            ["https://a/x", "https://a/y"]
        );
        assert_eq!(
            split_items("/lake/a,b.csv\r\n/lake/c"),
            ["/lake/a,b.csv", "/lake/c"]
        );
    }
}
