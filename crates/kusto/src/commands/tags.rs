//! Removing our tags from the destination once the ledger says that their blocks were moved.

use kusto_copy_core::vocabulary::{AttemptTag, OperationId, Ticks};

use super::export::OperationRow;
use crate::database::Database;
use crate::kql;
use crate::redact::for_people;
use crate::rows::{FromRow, ReadError, Row};
use crate::{Call, KustoError};

/// One extent of a tag removal's result. The removal makes it anew under another id and can
/// collide with a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntaggedExtent {
    /// Whether it worked; otherwise repeat.
    pub done: bool,
    /// The reason of a failure.
    pub details: String,
}

impl FromRow for UntaggedExtent {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        let result: Option<String> = row.get("ResultExtentId")?;
        Ok(Self {
            done: !result.is_some_and(|text| text.eq_ignore_ascii_case("failed")),
            details: for_people(row.get("Details")?),
        })
    }
}

impl Database {
    /// Starts the removal of these tags from a table (L2), at most 100 a command; `created`
    /// bounds its work by the extents' creation times. Safe to repeat until the tags are absent.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn drop_tags_start(
        &self,
        call: &Call,
        table: &str,
        tags: &[AttemptTag],
        created: Option<(Ticks, Ticks)>,
    ) -> Result<OperationId, KustoError> {
        let text = kql::tags::drop_start(table, tags, created);
        let row: OperationRow = self.one(call, &text).await?;
        Ok(row.operation)
    }

    /// The same, waiting for it: for a few extents.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn drop_tags_now(
        &self,
        call: &Call,
        table: &str,
        tags: &[AttemptTag],
        created: Option<(Ticks, Ticks)>,
    ) -> Result<Vec<UntaggedExtent>, KustoError> {
        self.rows(call, &kql::tags::drop_now(table, tags, created))
            .await
    }

    /// The result of a completed removal, by extent.
    ///
    /// # Errors
    /// As any read.
    pub async fn drop_tags_details(
        &self,
        call: &Call,
        operation: &OperationId,
    ) -> Result<Vec<UntaggedExtent>, KustoError> {
        self.rows(call, &kql::operations::details(operation)).await
    }
}
