//! The end of an iteration: one cursor value for all tables of a source database.

use kusto_copy_core::vocabulary::{Cursor, Ticks};

use crate::database::Database;
use crate::kql;
use crate::rows::{FromRow, ReadError, Row};
use crate::{Call, KustoError};

/// A cursor value as the database gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorReading {
    /// The value, never empty.
    pub cursor: Cursor,
    /// When it was read, by the cluster's clock.
    pub read_at: Option<Ticks>,
    /// Rows after the start that was asked about, where one was.
    pub new_rows: Option<u64>,
}

impl FromRow for CursorReading {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            cursor: Cursor(row.get("Cursor")?),
            read_at: row.get("ReadAt")?,
            new_rows: row.get("NewRows")?,
        })
    }
}

impl Database {
    /// The current cursor, counting one table's rows after `after` (C1). The value is sure to
    /// move on only when the query reads a table with the ingestion-time policy: give one that
    /// changed lately.
    ///
    /// # Errors
    /// As any read; [`KustoError::Protocol`] when the value is empty, which means that no table
    /// of the database has the ingestion-time policy.
    pub async fn cursor_end(
        &self,
        call: &Call,
        table: &str,
        after: Option<&Cursor>,
    ) -> Result<CursorReading, KustoError> {
        self.cursor_reading(call, &kql::cursor::end(table, after))
            .await
    }

    /// The current cursor without reading a table (C2): enough for a first backfill, where
    /// counting all rows would cost much.
    ///
    /// # Errors
    /// As [`Database::cursor_end`].
    pub async fn cursor_end_short(&self, call: &Call) -> Result<CursorReading, KustoError> {
        self.cursor_reading(call, &kql::cursor::end_short()).await
    }

    async fn cursor_reading(
        &self,
        call: &Call,
        text: &kql::Text,
    ) -> Result<CursorReading, KustoError> {
        let reading: CursorReading = self.one(call, text).await?;
        if reading.cursor.0.is_empty() {
            let message = "the database has no cursor: switch the ingestion-time policy of its \
                           tables on";
            return Err(self.protocol(call, text, message.to_owned()));
        }
        Ok(reading)
    }
}
