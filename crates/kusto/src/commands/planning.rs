//! Counting: what a window holds, and how it divides into blocks.

use kusto_copy_core::vocabulary::{ExtentId, Predicate, TableSchema, Ticks};

use super::changes::WindowBounds;
use crate::database::Database;
use crate::kql;
use crate::rows::{Bytes, FromRow, ReadError, Row, row_struct};
use crate::{Call, KustoError};

row_struct! {
    struct CountRow {
        count: u64 = "Count",
    }
}

row_struct! {
    /// One day of a table's extents by creation time (A12): metadata, no scan.
    pub struct ExtentDay {
        /// The day's start.
        pub day: Option<Ticks> = "Day",
        /// Extents.
        pub extents: u64 = "Extents",
        /// Rows.
        pub rows: u64 = "Rows",
        /// Deleted rows.
        pub deleted: Option<u64> = "Deleted",
        /// Original bytes.
        pub bytes: Option<Bytes> = "Bytes",
    }
}

/// Rows of one time bin in one extent (E2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bin {
    /// The bin's start.
    pub start: Ticks,
    /// The extent; `None` when not asked for, and for rows that are still in the streaming
    /// buffer.
    pub extent: Option<ExtentId>,
    /// Rows.
    pub rows: u64,
    /// The first ingestion time in it.
    pub first: Ticks,
    /// The last, inclusive.
    pub last: Ticks,
}

impl FromRow for Bin {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            start: row.get("Bin")?,
            extent: known_extent(row)?,
            rows: row.get("Rows")?,
            first: row.get("MinIt")?,
            last: row.get("MaxIt")?,
        })
    }
}

/// Rows of one extent (E4, E6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtentRows {
    /// The extent; `None` for rows in the streaming buffer.
    pub extent: Option<ExtentId>,
    /// Rows of the predicate in it.
    pub rows: u64,
}

impl FromRow for ExtentRows {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            extent: known_extent(row)?,
            rows: row.get("Rows")?,
        })
    }
}

/// Rows in the streaming buffer show an extent id of zeros.
fn known_extent(row: &Row<'_>) -> Result<Option<ExtentId>, ReadError> {
    let extent: Option<ExtentId> = row.get("ExtentId")?;
    Ok(extent.filter(|id| id.as_str().bytes().any(|byte| byte != b'0' && byte != b'-')))
}

row_struct! {
    /// Rows of one part by content (E5).
    pub struct PartRows {
        /// The part's index.
        pub part: u64 = "Part",
        /// Rows.
        pub rows: u64 = "Rows",
    }
}

row_struct! {
    /// An extent by metadata (E3).
    pub struct ExtentInfo {
        /// The extent.
        pub extent: ExtentId = "ExtentId",
        /// Its oldest rows' creation.
        pub oldest: Option<Ticks> = "MinCreatedOn",
        /// Its newest rows' creation: what retention goes by.
        pub newest: Option<Ticks> = "MaxCreatedOn",
        /// Rows.
        pub rows: u64 = "RowCount",
        /// Deleted rows.
        pub deleted: Option<u64> = "DeletedRowCount",
        /// Original bytes.
        pub bytes: Option<Bytes> = "OriginalSize",
    }
}

/// Extent ids in one command at most.
pub const IDS: usize = 1_000;

impl Database {
    /// All rows that a query sees (A11); compare with [`Database::extent_days`].
    ///
    /// # Errors
    /// As any read.
    pub async fn count(&self, call: &Call, table: &str) -> Result<u64, KustoError> {
        let row: CountRow = self.one(call, &kql::planning::count(table)).await?;
        Ok(row.count)
    }

    /// A table's extents by day of creation (A12).
    ///
    /// # Errors
    /// As any read.
    pub async fn extent_days(
        &self,
        call: &Call,
        table: &str,
    ) -> Result<Vec<ExtentDay>, KustoError> {
        self.rows(call, &kql::planning::extent_days(table)).await
    }

    /// Rows of a predicate and the bounds of their ingestion times (E1); also the recount of a
    /// block. `schema` matters only where the predicate divides by content.
    ///
    /// # Errors
    /// As any read.
    pub async fn bounds(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        predicate: &Predicate,
    ) -> Result<WindowBounds, KustoError> {
        self.one(call, &kql::planning::bounds(table, schema, predicate))
            .await
    }

    /// Rows by time bin of `resolution` ticks (1 at least), and by extent too if asked (E2).
    ///
    /// # Errors
    /// As any read. More than 200,000 lines are [`KustoError::Permanent`]: halve the slice.
    pub async fn bins(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        predicate: &Predicate,
        resolution: i64,
        by_extent: bool,
    ) -> Result<Vec<Bin>, KustoError> {
        let text = kql::planning::bins(table, schema, predicate, resolution, by_extent);
        self.rows(call, &text).await
    }

    /// Rows of a predicate by extent (E4; E6 with
    /// [`Instants::Missing`](kusto_copy_core::vocabulary::Instants::Missing)).
    ///
    /// # Errors
    /// As any read.
    pub async fn rows_by_extent(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        predicate: &Predicate,
    ) -> Result<Vec<ExtentRows>, KustoError> {
        self.rows(call, &kql::planning::by_extent(table, schema, predicate))
            .await
    }

    /// Rows of a predicate by content, in `parts` parts (a power of two) (E5). Reads all columns.
    ///
    /// # Errors
    /// As any read.
    pub async fn rows_by_part(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        predicate: &Predicate,
        parts: u32,
    ) -> Result<Vec<PartRows>, KustoError> {
        self.rows(
            call,
            &kql::planning::by_part(table, schema, predicate, parts),
        )
        .await
    }

    /// Creation times, rows and bytes of these extents (E3), 1,000 ids a command. An id that is
    /// missing in the answer was merged meanwhile.
    ///
    /// # Errors
    /// As any read.
    pub async fn extents(
        &self,
        call: &Call,
        table: &str,
        ids: &[ExtentId],
    ) -> Result<Vec<ExtentInfo>, KustoError> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(IDS) {
            let rows: Vec<ExtentInfo> = self
                .rows(call, &kql::planning::extents(table, chunk))
                .await?;
            found.extend(rows);
        }
        Ok(found)
    }
}
