//! What is staged and what has arrived, by extents alone.

use kusto_copy_core::vocabulary::{AttemptTag, ExtentId, Ticks};

use crate::database::Database;
use crate::kql;
use crate::rows::{Bytes, row_struct};
use crate::{Call, KustoError};

row_struct! {
    /// The staged extents of one tag in one staging table (J1).
    pub struct StagedTag {
        /// The staging table.
        pub table: String = "TableName",
        /// All tags of these extents as the cluster joins them; in staging that is one tag of
        /// ours. Anything else belongs to nobody.
        pub tags: String = "Tags",
        /// Extents.
        pub extents: u64 = "Extents",
        /// Rows.
        pub rows: u64 = "Rows",
        /// Deleted rows; must be 0.
        pub deleted: u64 = "Deleted",
        /// Original bytes.
        pub bytes: Option<Bytes> = "Bytes",
        /// The oldest creation.
        pub oldest: Option<Ticks> = "MinCreatedOn",
        /// The newest creation.
        pub newest: Option<Ticks> = "MaxCreatedOn",
        /// The extents' ids.
        pub ids: Vec<ExtentId> = "Ids",
    }
}

row_struct! {
    /// One staged extent of an attempt (J2).
    pub struct StagedExtent {
        /// The extent.
        pub extent: ExtentId = "ExtentId",
        /// Rows.
        pub rows: u64 = "RowCount",
        /// Deleted rows; must be 0.
        pub deleted: u64 = "DeletedRowCount",
        /// Original bytes.
        pub bytes: Option<Bytes> = "OriginalSize",
    }
}

row_struct! {
    /// A tag of ours in a destination table (K3). Present means moved; extents there may hold
    /// foreign rows after merges, so their rows are not counted.
    pub struct ArrivedTag {
        /// The tag.
        pub tag: String = "Tag",
        /// Extents that carry it.
        pub extents: u64 = "Extents",
    }
}

row_struct! {
    /// Whether one tag is in a destination table (K4), and the creation times to bound its
    /// removal by.
    pub struct TagPresence {
        /// Extents that carry it: more than 0 means moved.
        pub extents: u64 = "Extents",
        /// The oldest creation.
        pub oldest: Option<Ticks> = "MinCreatedOn",
        /// The newest creation.
        pub newest: Option<Ticks> = "MaxCreatedOn",
    }
}

row_struct! {
    struct DroppedExtent {
        extent: ExtentId = "ExtentId",
    }
}

impl Database {
    /// All that is staged in these tables, by tag (J1). A table that does not exist fails the
    /// whole question.
    ///
    /// # Errors
    /// As any read.
    pub async fn staged(&self, call: &Call, tables: &[&str]) -> Result<Vec<StagedTag>, KustoError> {
        self.rows(call, &kql::extents::staged(tables)).await
    }

    /// The staged extents of one attempt (J2).
    ///
    /// # Errors
    /// As any read.
    pub async fn staged_of(
        &self,
        call: &Call,
        table: &str,
        tag: &AttemptTag,
    ) -> Result<Vec<StagedExtent>, KustoError> {
        self.rows(call, &kql::extents::staged_of(table, tag)).await
    }

    /// Which of our tags (by their prefix) a destination table carries (K3). Read staging first.
    ///
    /// # Errors
    /// As any read.
    pub async fn arrived_tags(
        &self,
        call: &Call,
        table: &str,
        prefix: &str,
    ) -> Result<Vec<ArrivedTag>, KustoError> {
        self.rows(call, &kql::extents::arrived(table, prefix)).await
    }

    /// Whether a destination table carries one tag (K4). Read staging first.
    ///
    /// # Errors
    /// As any read.
    pub async fn tag_presence(
        &self,
        call: &Call,
        table: &str,
        tag: &AttemptTag,
    ) -> Result<TagPresence, KustoError> {
        self.one(call, &kql::extents::presence(table, tag)).await
    }

    /// Drops what an attempt staged (L1) and tells which extents that were. Never for an attempt
    /// with a move intent. Safe to repeat: repeat until [`Database::staged_of`] is empty, and
    /// sweep later for an ingestion that commits late.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn drop_staged(
        &self,
        call: &Call,
        table: &str,
        tag: &AttemptTag,
    ) -> Result<Vec<ExtentId>, KustoError> {
        let dropped: Vec<DroppedExtent> = self
            .rows(call, &kql::extents::drop_by_tag(table, tag))
            .await?;
        Ok(dropped.into_iter().map(|row| row.extent).collect())
    }
}
