//! Extents: immutable groups of rows with tags and creation times.

use std::sync::Arc;

use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use uuid::Uuid;

use super::{ColumnId, CursorSlot};

/// Rows of one commit inside an extent. Merges and moves share the batches, they never copy them.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Which column of the table each column of the batches is; columns added later are missing.
    pub(crate) columns: Arc<[ColumnId]>,
    /// The rows.
    pub(crate) batches: Arc<[RecordBatch]>,
    /// Number of rows.
    pub(crate) rows: usize,
    /// Ticks at which the rows were committed; `None` when the table's policy was off.
    pub(crate) ingestion_time: Option<i64>,
    /// The commit's cursor; `None` when the table's policy was off.
    pub(crate) cursor: Option<CursorSlot>,
}

/// An immutable group of rows. A change (move, merge, tag drop) makes a new one with a new id.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    /// Identity; never used again.
    pub(crate) id: Uuid,
    /// Tags, in the order given, without duplicates.
    pub(crate) tags: Vec<String>,
    /// Oldest creation time of what was joined here, in ticks.
    pub(crate) min_created_on: i64,
    /// Newest creation time of what was joined here, in ticks.
    pub(crate) max_created_on: i64,
    /// The rows by commit.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Number of rows.
    pub(crate) rows: usize,
    /// Approximate size of the values, in bytes.
    pub(crate) original_size: u64,
}

/// Rows to be appended as one extent.
#[derive(Clone, Debug)]
pub(crate) struct NewExtent {
    /// Rows in the Arrow forms of the table's columns, in their order.
    pub(crate) batches: Vec<RecordBatch>,
    /// Tags of the extent.
    pub(crate) tags: Vec<String>,
    /// Creation time in ticks; `None` takes the time of the commit.
    pub(crate) created_on: Option<i64>,
}

impl NewExtent {
    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Extent {
    /// This extent under a new id.
    #[must_use]
    pub(crate) fn reborn(&self) -> Self {
        Self {
            id: Uuid::new_v4(),
            ..self.clone()
        }
    }

    /// Whether it carries this tag; tags are compared whole and with case.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|held| held == tag)
    }

    /// Tags as `.show extents` tells them: joined by CR LF.
    pub(crate) fn tags_text(&self) -> String {
        self.tags.join("\r\n")
    }
}

/// Keeps the first of equal tags.
pub(crate) fn distinct(tags: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    kept
}

/// Bytes that the values of these batches take, slices counted as slices.
pub(crate) fn size_of(batches: &[RecordBatch]) -> u64 {
    let bytes: usize = batches
        .iter()
        .flat_map(RecordBatch::columns)
        .map(|column| {
            column
                .to_data()
                .get_slice_memory_size()
                .unwrap_or_else(|_| column.get_array_memory_size())
        })
        .sum();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_tags_are_kept_once_and_in_order() {
        let tags = ["b", "a", "b"].map(str::to_owned);
        assert_eq!(distinct(tags), ["b", "a"]);
    }
}
