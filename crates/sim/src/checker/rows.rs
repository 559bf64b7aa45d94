//! Where every row is: nowhere twice, unaltered, covered by one block, all there in the end.

use std::collections::{BTreeMap, BTreeSet};

use kusto_copy_core::activity::Activity;
use kusto_copy_core::vocabulary::{ActivityId, ExtentId, Instants, Window};

use super::{BlockRecord, Checker, Known};
use crate::model::World;
use crate::model::destination::Destination;
use crate::model::source::{RowId, in_part, in_range, in_window};

impl Checker {
    /// Extents arrived in a destination table.
    pub fn moved(&mut self, table: &str, extents: &[ExtentId], destination: &Destination) {
        if self.off {
            return;
        }
        for id in extents {
            let Some(extent) = destination
                .tables
                .get(table)
                .and_then(|table| table.get(id))
            else {
                continue;
            };
            if let Some((_, rows)) = self.moving.get_mut(id.as_str()) {
                *rows = extent.rows.len() as u64;
            }
            for tag in &extent.tags {
                match self.tags.get(tag) {
                    None => self.violated(6, format!("unknown tag {tag} arrived")),
                    Some(record) if record.abandoned => {
                        self.violated(6, format!("abandoned tag {tag} arrived"));
                    }
                    Some(_) => {}
                }
            }
            for copied in &extent.rows {
                let older = self
                    .rows
                    .get(&copied.row)
                    .is_some_and(|known| extent.created < known.row.created);
                if older {
                    self.violated(13, format!("row {} has an older creation time", copied.row));
                }
            }
        }
        self.no_row_twice(table, destination);
    }

    fn no_row_twice(&mut self, table: &str, destination: &Destination) {
        let mut seen = BTreeSet::new();
        let mut wrong = Vec::new();
        for extent in destination.tables.get(table).into_iter().flatten() {
            for copied in &extent.1.rows {
                if !seen.insert(copied.row) {
                    wrong.push(format!("row {} is twice in {table}", copied.row));
                }
                match self.rows.get(&copied.row) {
                    Some(known) if known.table == table && known.row.columns <= copied.columns => {}
                    Some(_) => wrong.push(format!(
                        "row {} is altered or misplaced in {table}",
                        copied.row
                    )),
                    None => wrong.push(format!("row {} never was at the source", copied.row)),
                }
            }
        }
        for what in wrong {
            self.violated(1, what);
        }
    }

    fn of_window<'a>(
        &'a self,
        table: &'a str,
        window: &'a Window,
    ) -> impl Iterator<Item = (&'a RowId, &'a Known)> + 'a {
        self.rows.iter().filter(move |(_, known)| {
            known.table == table
                && (in_window(window, known.row.cursor)
                    || (window.after.is_none() && known.row.time.is_none()))
        })
    }

    /// A completed table holds every row of its window that was not deleted.
    pub(super) fn holds_window(&mut self, table: &str, window: &Window, destination: &Destination) {
        let there: BTreeSet<RowId> = destination
            .tables
            .get(table)
            .into_iter()
            .flatten()
            .flat_map(|extent| extent.1.rows.iter().map(|copied| copied.row))
            .collect();
        let missing: Vec<RowId> = self
            .of_window(table, window)
            .filter(|(id, known)| {
                let expired = self
                    .expired_before
                    .is_some_and(|before| known.row.created < before);
                !known.deleted && !expired && !there.contains(id)
            })
            .map(|(id, _)| *id)
            .collect();
        if !missing.is_empty() {
            self.violated(
                2,
                format!("rows {missing:?} are missing in completed {table}"),
            );
        }
    }

    /// Every row of the window is in exactly one block or in the unplanned remainder.
    pub(super) fn covers_window(&mut self, id: &ActivityId, head: &Activity) {
        let kusto_copy_core::activity::Phase::Planning { window, cursor, .. } = &head.phase else {
            if let kusto_copy_core::activity::Phase::Planned { window, .. } = &head.phase {
                self.covered(id, head, window, &|_| 0);
            }
            return;
        };
        let remains = |known: &Known| match known.row.time {
            Some(time) => u32::from(cursor.remaining.is_some_and(|range| in_range(&range, time))),
            None => u32::from(cursor.missing == kusto_copy_core::plan::MissingRows::NotAsked),
        };
        self.covered(id, head, window, &remains);
    }

    fn covered(
        &mut self,
        id: &ActivityId,
        head: &Activity,
        window: &Window,
        remains: &dyn Fn(&Known) -> u32,
    ) {
        let mut wrong = Vec::new();
        let blocks: Vec<&BlockRecord> = self
            .blocks
            .iter()
            .filter(|(key, block)| key.0 == *id && key.1 == head.iteration && !block.replaced)
            .map(|(_, block)| block)
            .collect();
        for (row, known) in self.of_window(&head.source_table, window) {
            if known.deleted {
                continue;
            }
            let mut groups = BTreeSet::new();
            let (mut count, mut left_out) = (remains(known), false);
            for block in &blocks {
                let instant = match (&block.slice.instants, known.row.time) {
                    (Instants::Range(range), Some(time)) => in_range(range, time),
                    (Instants::Missing, None) => true,
                    (Instants::Range(_), None) | (Instants::Missing, Some(_)) => false,
                };
                // What has expired is never read: beside a group it names the extents that it
                // was counted in, and may share its instants with live members.
                if block.state == "expired" && block.slice.extents.is_some() {
                    left_out |= instant;
                    continue;
                }
                match block.group {
                    // Extents change under merges; a group as a whole covers its instants.
                    Some(group) if instant => count += u32::from(groups.insert(group.first)),
                    None if instant && in_part(block.slice.part.as_ref(), known.row.hash) => {
                        count += 1
                    }
                    Some(_) | None => {}
                }
            }
            if count != 1 && !(count == 0 && left_out) {
                wrong.push(format!("row {row} is planned {count} times"));
            }
        }
        for what in wrong {
            self.violated(3, what);
        }
    }

    /// The end: both sides equal, nothing of ours left behind.
    pub fn finished(&mut self, world: &World) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut there: BTreeMap<RowId, u32> = BTreeMap::new();
        for (name, table) in &world.destination.tables {
            if name.starts_with("staging_") {
                wrong.push(format!("(15) staging table {name} is left"));
                continue;
            }
            for (id, extent) in table {
                if !extent.tags.is_empty() {
                    wrong.push(format!("(15) tags {:?} are left on {id}", extent.tags));
                }
                for copied in &extent.rows {
                    *there.entry(copied.row).or_default() += 1;
                }
            }
        }
        for (id, known) in &self.rows {
            let expired = self
                .expired_before
                .is_some_and(|before| known.row.created < before);
            let count = there.get(id).copied().unwrap_or(0);
            if count > 1 || (count == 0 && !known.deleted && !expired) {
                wrong.push(format!(
                    "(2) row {id} of {} is there {count} times at the end",
                    known.table
                ));
            }
        }
        for path in world.lake.files.keys() {
            wrong.push(format!("(15) file {path} is left"));
        }
        wrong
    }
}
