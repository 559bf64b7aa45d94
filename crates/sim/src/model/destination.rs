//! The destination: tables of extents with tags. Merges there join rows and tags.

use std::collections::{BTreeMap, BTreeSet};

use kusto_copy_core::block::StagedExtents;
use kusto_copy_core::vocabulary::{ExtentId, Ticks};

use super::source::RowId;

/// A row as it was copied: its id and the columns that the export projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copied {
    /// The source row.
    pub row: RowId,
    /// Columns that travelled.
    pub columns: usize,
}

/// An extent at the destination.
#[derive(Debug, Clone)]
pub struct Extent {
    /// Its rows.
    pub rows: Vec<Copied>,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Its creation time.
    pub created: Ticks,
}

/// The destination database: destination tables and staging tables alike.
#[derive(Debug, Clone, Default)]
pub struct Destination {
    /// Tables by name.
    pub tables: BTreeMap<String, BTreeMap<ExtentId, Extent>>,
}

impl Destination {
    /// What a table holds under a tag.
    #[must_use]
    pub fn tagged(&self, table: &str, tag: &str) -> StagedExtents {
        let mut found = StagedExtents::default();
        for (id, extent) in self.tables.get(table).into_iter().flatten() {
            if extent.tags.contains(tag) {
                found.extents.push(id.clone());
                found.rows += extent.rows.len() as u64;
            }
        }
        found
    }

    /// Which of these extents a table holds.
    #[must_use]
    pub fn present(&self, table: &str, extents: &[ExtentId]) -> Vec<ExtentId> {
        let table = self.tables.get(table);
        extents
            .iter()
            .filter(|id| table.is_some_and(|table| table.contains_key(*id)))
            .cloned()
            .collect()
    }

    /// Moves extents from one table to another: all or none.
    pub fn move_extents(&mut self, from: &str, to: &str, extents: &[ExtentId]) -> bool {
        let all =
            self.present(from, extents).len() == extents.len() && self.tables.contains_key(to);
        if !all {
            return false;
        }
        for id in extents {
            let moved = self.tables.get_mut(from).and_then(|table| table.remove(id));
            if let (Some(extent), Some(table)) = (moved, self.tables.get_mut(to)) {
                table.insert(id.clone(), extent);
            }
        }
        true
    }

    /// Joins two extents of a table.
    pub fn merge(&mut self, table: &str, one: &ExtentId, other: &ExtentId, new: ExtentId) {
        let Some(table) = self.tables.get_mut(table) else {
            return;
        };
        let (Some(mut first), Some(second)) = (table.remove(one), table.remove(other)) else {
            return;
        };
        first.rows.extend(second.rows);
        first.tags.extend(second.tags);
        first.created = first.created.max(second.created);
        table.insert(new, first);
    }
}
