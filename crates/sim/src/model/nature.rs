//! What happens at the clusters without the copier: arrivals, cursors that follow, merges,
//! deletes, new columns and tables.

use kusto_copy_core::vocabulary::{ExtentId, Millis, TICKS_PER_DAY, Ticks};

use super::World;
use super::source::{Row, Table};

/// How a batch of rows arrives.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// Rows.
    pub rows: usize,
    /// Ticks between two rows' ingestion times; 0 for one instant.
    pub apart: i64,
    /// How many days ago its extent was created, by its creation time property.
    pub days_old: i64,
    /// Whether the rows have an ingestion time.
    pub timed: bool,
    /// Whether the rows stay in the streaming buffer for now.
    pub streaming: bool,
}

impl World {
    /// Rows arrive at the source at a moment; their cursor values follow later.
    pub fn arrive(&mut self, table: &str, batch: Batch, now: u64) {
        let at = Millis(now).ticks();
        let extent = (!batch.streaming || !batch.timed).then(|| self.new_extent());
        let created = at.saturating_add(batch.days_old * -TICKS_PER_DAY);
        let columns = self
            .source
            .tables
            .get(table)
            .map_or(3, |table| table.columns);
        let rows: Vec<Row> = (0..batch.rows)
            .map(|number| {
                let back = i64::try_from(batch.rows - number).unwrap_or(0) * batch.apart;
                let time = batch.timed.then(|| at.saturating_add(-back));
                Row {
                    id: self.fresh(),
                    time,
                    cursor: None,
                    extent: extent.clone(),
                    hash: self.rng.u32(..),
                    columns,
                    // In the streaming buffer, or when its extent was merged away while it was
                    // planned, a row's ingestion time is all that is known of its age.
                    created: time.map_or(created, |time| time.min(created)),
                }
            })
            .collect();
        let entry = self
            .source
            .tables
            .entry(table.to_owned())
            .or_insert_with(|| Table {
                columns: 3,
                ..Table::default()
            });
        if let Some(extent) = extent {
            entry.extents.insert(extent, created);
        }
        for row in rows {
            self.checker.arrived(table, &row);
            entry.rows.insert(row.id, row);
        }
    }

    /// Gives the rows that wait for it their cursor values.
    pub fn assign_cursors(&mut self) {
        self.source.cursor += 1;
        let cursor = self.source.cursor;
        for (name, table) in &mut self.source.tables {
            for row in table.rows.values_mut() {
                if row.time.is_some() && row.cursor.is_none() {
                    row.cursor = Some(cursor);
                    self.checker.arrived(name, row);
                }
            }
        }
    }

    /// Merges two random extents of a source table.
    pub fn merge_source(&mut self, name: &str) {
        let new = self.new_extent();
        let ids = self
            .source
            .tables
            .get(name)
            .map(|table| table.extents.keys().cloned().collect());
        if let Some((one, other)) = self.two(ids.unwrap_or_default())
            && let Some(table) = self.source.tables.get_mut(name)
        {
            table.merge(&one, &other, new);
        }
    }

    /// Merges two random extents of a destination table; staging is frozen.
    pub fn merge_destination(&mut self, name: &str) {
        let new = self.new_extent();
        let ids = self
            .destination
            .tables
            .get(name)
            .map(|table| table.keys().cloned().collect());
        if let Some((one, other)) = self.two(ids.unwrap_or_default()) {
            self.destination.merge(name, &one, &other, new);
        }
    }

    fn two(&mut self, ids: Vec<ExtentId>) -> Option<(ExtentId, ExtentId)> {
        if ids.len() < 2 {
            return None;
        }
        let first = self.rng.usize(0..ids.len());
        let second = (first + self.rng.usize(1..ids.len())) % ids.len();
        Some((ids.get(first)?.clone(), ids.get(second)?.clone()))
    }

    /// Writes the streaming buffer of a table to an extent.
    pub fn flush(&mut self, name: &str, now: u64) {
        let new = self.new_extent();
        if let Some(table) = self.source.tables.get_mut(name) {
            table.flush(&new, Millis(now).ticks());
        }
    }

    /// Deletes some of a table's rows, as retention or a purge does.
    pub fn delete_rows(&mut self, name: &str, most: usize) {
        let Some(table) = self.source.tables.get_mut(name) else {
            return;
        };
        let ids: Vec<u64> = table.rows.keys().copied().take(most).collect();
        for id in ids {
            table.rows.remove(&id);
            self.checker.deleted(id);
        }
    }

    /// Adds a column to a table.
    pub fn add_column(&mut self, name: &str) {
        if let Some(table) = self.source.tables.get_mut(name) {
            table.columns += 1;
        }
    }

    /// Drops the source database and creates one of the same name and tables, without rows.
    pub fn recreate_source(&mut self) {
        self.source.id = format!("source-{}", self.fresh());
        for table in self.source.tables.values_mut() {
            *table = Table {
                columns: table.columns,
                ..Table::default()
            };
        }
        self.checker.recreated();
    }

    /// The oldest instant, for tests of retention.
    #[must_use]
    pub fn ticks(now: u64) -> Ticks {
        Millis(now).ticks()
    }
}
