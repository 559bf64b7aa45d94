//! The destination table.

use kusto_copy_core::vocabulary::TableSchema;

use crate::database::Database;
use crate::kql;
use crate::{Call, KustoError};

impl Database {
    /// Creates a table unless it exists (B3). It answers success whatever columns an existing
    /// table has: read them back.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn create_table(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        folder: &str,
        docstring: &str,
    ) -> Result<(), KustoError> {
        let text = kql::tables::create(table, schema, folder, docstring);
        self.run(call, &text).await.map(drop)
    }

    /// Lets a table take streamed rows: for a source that is made up.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn enable_streaming(&self, call: &Call, table: &str) -> Result<(), KustoError> {
        let text = kql::tables::enable_streaming(table);
        self.run(call, &text).await.map(drop)
    }

    /// Creates a table or adds the columns that it lacks, at its end. Read the columns back.
    ///
    /// # Errors
    /// As any idempotent command; [`KustoError::Permanent`] when a column has another type.
    pub async fn create_merge_table(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        folder: &str,
        docstring: &str,
    ) -> Result<(), KustoError> {
        let text = kql::tables::create_merge(table, schema, folder, docstring);
        self.run(call, &text).await.map(drop)
    }

    /// Lets extents of any age merge during a backfill (B5). Keep the policy found, to restore it.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn merge_extents_of_any_age(
        &self,
        call: &Call,
        table: &str,
    ) -> Result<(), KustoError> {
        self.run(call, &kql::tables::merge_any_age(table))
            .await
            .map(drop)
    }
}
