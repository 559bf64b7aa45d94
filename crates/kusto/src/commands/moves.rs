//! The commit: staged extents into the destination by their ids. **Once**; ids are single-use,
//! so a second send cannot double a row, but only extents tell what a lost one did.

use kusto_copy_core::vocabulary::{ExtentId, OperationId};

use super::export::OperationRow;
use crate::database::Database;
use crate::kql;
use crate::redact::for_people;
use crate::rows::{FromRow, ReadError, Row};
use crate::{Call, KustoError};

/// One extent of a move's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedExtent {
    /// The staged extent.
    pub original: ExtentId,
    /// Its new id at the destination; `None` when it failed.
    pub result: Option<ExtentId>,
    /// The reason of a failure.
    pub details: String,
}

impl FromRow for MovedExtent {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        let result: Option<String> = row.get("ResultExtentId")?;
        Ok(Self {
            original: row.get("OriginalExtentId")?,
            result: result.and_then(|text| ExtentId::parse(&text).ok()),
            details: for_people(row.get("Details")?),
        })
    }
}

impl Database {
    /// Starts a move of exactly these extents (K1). Intent first: they must be recorded as
    /// moving. Lost answer, or any doubt: read staging, then the destination.
    ///
    /// # Errors
    /// See [`KustoError::fate`].
    pub async fn move_start(
        &self,
        call: &Call,
        staging: &str,
        destination: &str,
        extents: &[ExtentId],
    ) -> Result<OperationId, KustoError> {
        let text = kql::moves::start(staging, destination, extents);
        let row: OperationRow = self.one(call, &text).await?;
        Ok(row.operation)
    }

    /// Moves up to about 100 extents and waits (K2). Intent and lost answer as
    /// [`Database::move_start`]; an empty answer proves nothing.
    ///
    /// # Errors
    /// See [`KustoError::fate`].
    pub async fn move_now(
        &self,
        call: &Call,
        staging: &str,
        destination: &str,
        extents: &[ExtentId],
    ) -> Result<Vec<MovedExtent>, KustoError> {
        self.rows(call, &kql::moves::now(staging, destination, extents))
            .await
    }

    /// The result of a completed move, by extent.
    ///
    /// # Errors
    /// As any read.
    pub async fn move_details(
        &self,
        call: &Call,
        operation: &OperationId,
    ) -> Result<Vec<MovedExtent>, KustoError> {
        self.rows(call, &kql::operations::details(operation)).await
    }
}
