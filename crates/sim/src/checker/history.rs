//! What is committed: legal chains, chained windows, counters that add up, fenced epochs.

use std::collections::BTreeMap;

use kusto_copy_core::activity::{Activity, Phase};
use kusto_copy_core::block::{Block, BlockState, CountCheck, Failure, ManifestFiles};
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber};

use super::{BlockRecord, Checker, TagRecord};
use crate::model::destination::Destination;
use crate::model::operations::Attempt;
use crate::model::store::{Entity, Key, Value, Write};

/// Legal steps of a block by the names of its states.
const CHAIN: &[(&str, &[&str])] = &[
    ("planned", &["planned", "exporting", "replanning"]),
    ("replanning", &[]),
    (
        "exporting",
        &[
            "exporting",
            "planned",
            "exported",
            "moved",
            "replanning",
            "held",
        ],
    ),
    (
        "exported",
        &[
            "exported",
            "ingesting",
            "planned",
            "replanning",
            "held",
            "moved",
        ],
    ),
    (
        "ingesting",
        &["ingesting", "ingested", "exported", "abandoning"],
    ),
    ("ingested", &["moving", "abandoning"]),
    ("moving", &["moving", "moved", "held"]),
    (
        "abandoning",
        &["abandoning", "planned", "replanning", "exported", "held"],
    ),
    ("held", &["planned", "replanning", "exported"]),
    ("moved", &[]),
    ("expired", &[]),
];

fn is_legal(from: &str, to: &str) -> bool {
    CHAIN
        .iter()
        .any(|(state, next)| *state == from && next.contains(&to))
}

const fn failure_name(failure: &Failure) -> &'static str {
    match failure {
        Failure::LostAnswer => "lost answer",
        Failure::Operation { .. } => "operation",
        Failure::TimedOut => "timed out",
        Failure::Refused { .. } => "refused",
        Failure::OperationForgotten => "forgotten",
        Failure::Count { .. } => "count",
        Failure::Staged { .. } => "staged",
        Failure::Files => "files",
        Failure::FilesGone => "files gone",
        Failure::IngestErrors => "errors",
        Failure::Fingerprint => "fingerprint",
        Failure::StagingLost => "staging lost",
        Failure::TooManyExtents { .. } => "too many extents",
        Failure::Group => "group",
    }
}

impl Checker {
    /// A transaction was committed by a worker of this epoch.
    pub fn committed(
        &mut self,
        writes: &[Write],
        before: &BTreeMap<Key, Entity>,
        epoch: u64,
        destination: &Destination,
    ) {
        if self.off {
            return;
        }
        let head = writes.iter().find_map(|write| write.value()?.head());
        let Some(head) = head else {
            self.database_committed(writes, epoch);
            return;
        };
        self.fenced(head, epoch);
        self.windows(head);
        let mut planned = false;
        for write in writes {
            let Key::Block(id, number) = write.key() else {
                continue;
            };
            if let Some(Value::Block(block)) = write.value() {
                planned |= !before.contains_key(write.key());
                self.block_written(id, head.iteration, block, destination, head);
            } else {
                planned |= self.block_deleted(id, head.iteration, *number);
            }
        }
        self.counters(head);
        let first = matches!(head.phase, Phase::Planning { .. })
            && !before
                .get(&Key::Head(head.id.clone()))
                .and_then(|entity| entity.value.head())
                .is_some_and(|old| matches!(old.phase, Phase::Planning { .. }));
        if planned || first {
            self.covers_window(&head.id, head);
        }
        self.completed(head, destination);
        self.staging
            .extend(head.staging.iter().map(|staging| staging.name.clone()));
        self.retired.extend(head.retired_staging.iter().cloned());
    }

    fn fenced(&mut self, head: &Activity, epoch: u64) {
        let known = self
            .activities
            .get(&head.id)
            .map_or(0, |record| record.epoch);
        if epoch < known || head.epoch < known {
            self.violated(12, format!("epoch {epoch} wrote after epoch {known}"));
        }
        let record = self.activities.entry(head.id.clone()).or_default();
        record.epoch = head.epoch.max(known);
        record.table.clone_from(&head.source_table);
    }

    fn windows(&mut self, head: &Activity) {
        let window = head.phase.window().clone();
        let record = self.activities.entry(head.id.clone()).or_default();
        let known = record.windows.insert(head.iteration, window.clone());
        let earlier = record
            .windows
            .range(..head.iteration)
            .next_back()
            .map(|(_, window)| window.up_to.clone());
        if known.is_some_and(|known| known != window) {
            self.violated(
                4,
                format!("the window of iteration {} changed", head.iteration),
            );
        } else if earlier != window.after {
            self.violated(
                4,
                format!("window {window:?} does not begin at {earlier:?}"),
            );
        }
    }

    fn block_written(
        &mut self,
        id: &ActivityId,
        iteration: u32,
        block: &Block,
        destination: &Destination,
        head: &Activity,
    ) {
        let key = (id.clone(), iteration, block.number);
        let name = block.state.name();
        let old = self.blocks.get(&key).cloned();
        if let Some(old) = &old {
            if !is_legal(old.state, name) {
                self.violated(
                    5,
                    format!("block {} went from {} to {name}", block.number.0, old.state),
                );
            }
            if block.attempts < old.attempt {
                self.violated(5, format!("block {} counts attempts back", block.number.0));
            }
        } else if !matches!(name, "planned" | "expired") {
            self.violated(5, format!("block {} began as {name}", block.number.0));
        }
        let mut record = BlockRecord {
            state: name,
            attempt: block.attempts,
            planned_rows: block.planned_rows,
            exported_rows: old.as_ref().and_then(|old| old.exported_rows),
            slice: block.slice.clone(),
            group: block.group,
            creation: block.creation_time,
            moved: old.as_ref().and_then(|old| old.moved),
            folded: false,
            replaced: false,
        };
        self.count(old.as_ref().map_or("none", |old| old.state), name);
        if let (true, None) = (block.group.is_some(), &old) {
            self.count("group", "member");
        }
        if let Some(failure) = &block.last_failure {
            self.count("failure", failure_name(failure));
        }
        if matches!(block.state, BlockState::Moving { sends: 2.., .. }) {
            self.count("moving", "again");
        }
        if old.as_ref().is_some_and(|old| old.slice != record.slice) {
            self.violated(5, format!("the rows of block {} changed", block.number.0));
        }
        let of = |attempt: u32| Attempt {
            activity: id.clone(),
            iteration,
            block: block.number,
            attempt,
        };
        self.note_attempt(block, &of, &mut record);
        if let BlockState::Moved { rows, .. } = &block.state {
            record.moved = Some(*rows);
            self.moved_fully(
                old.as_ref().map(|old| old.state),
                block,
                &of(block.attempts),
                *rows,
                destination,
                head,
            );
        }
        self.blocks.insert(key, record);
    }

    /// Records intents and reports of a block's attempt.
    fn note_attempt(
        &mut self,
        block: &Block,
        of: &dyn Fn(u32) -> Attempt,
        record: &mut BlockRecord,
    ) {
        match &block.state {
            BlockState::Exported {
                attempt,
                manifest,
                count,
                ..
            } => {
                if let ManifestFiles::Inline(files) = &manifest.files {
                    let paths = files.iter().map(|file| file.path.clone()).collect();
                    self.reported.insert(of(*attempt), paths);
                }
                record.exported_rows = (*count == CountCheck::Agreed).then_some(manifest.rows);
            }
            BlockState::Exporting { .. } => record.exported_rows = None,
            BlockState::Ingesting { attempt, tag, .. } => {
                let fresh = TagRecord {
                    of: of(*attempt),
                    sends: 0,
                    abandoned: false,
                    moved: false,
                };
                self.tags.entry(tag.as_str().to_owned()).or_insert(fresh);
            }
            BlockState::Abandoning { tag: Some(tag), .. } => {
                if let Some(known) = self.tags.get_mut(tag.as_str()) {
                    known.abandoned = true;
                }
            }
            BlockState::Moving {
                attempt, extents, ..
            } => {
                for extent in extents {
                    self.moving
                        .entry(extent.as_str().to_owned())
                        .or_insert((of(*attempt), 0));
                }
            }
            BlockState::Moved { tag: Some(tag), .. } => {
                if let Some(known) = self.tags.get_mut(tag.as_str()) {
                    known.moved = true;
                }
            }
            BlockState::Moved { tag: None, .. } => record.exported_rows = Some(0),
            BlockState::Planned { .. }
            | BlockState::Replanning
            | BlockState::Ingested { .. }
            | BlockState::Abandoning { tag: None, .. }
            | BlockState::Expired
            | BlockState::Held { .. } => {}
        }
    }

    /// Moved means: nothing is staged any more, and exported, staged and moved rows are equal.
    fn moved_fully(
        &mut self,
        from: Option<&'static str>,
        block: &Block,
        of: &Attempt,
        rows: u64,
        destination: &Destination,
        head: &Activity,
    ) {
        if from != Some("moving") {
            if rows != 0 {
                self.violated(
                    7,
                    format!("block {} is moved without a move", block.number.0),
                );
            }
            return;
        }
        let ids: Vec<(String, u64)> = self
            .moving
            .iter()
            .filter(|(_, (owner, _))| owner == of)
            .map(|(id, (_, rows))| (id.clone(), *rows))
            .collect();
        let sum: u64 = ids.iter().map(|(_, rows)| rows).sum();
        if sum != rows || block.planned_rows != rows {
            let planned = block.planned_rows;
            self.violated(
                7,
                format!(
                    "block {}: {planned} planned, {rows} reported, {sum} moved",
                    block.number.0
                ),
            );
        }
        let staged = head
            .staging
            .as_ref()
            .and_then(|staging| destination.tables.get(&staging.name));
        if staged.is_some_and(|table| {
            ids.iter()
                .any(|(id, _)| table.keys().any(|key| key.as_str() == id))
        }) {
            self.violated(
                7,
                format!("block {} is moved and still staged", block.number.0),
            );
        }
    }

    /// Whether the block was replaced by a new plan.
    fn block_deleted(&mut self, id: &ActivityId, iteration: u32, number: BlockNumber) -> bool {
        let Some(record) = self.blocks.get_mut(&(id.clone(), iteration, number)) else {
            return false;
        };
        match record.state {
            "moved" | "expired" => record.folded = true,
            "replanning" => record.replaced = true,
            state => self.violated(5, format!("block {} was deleted as {state}", number.0)),
        }
        self.blocks
            .get(&(id.clone(), iteration, number))
            .is_some_and(|record| record.replaced)
    }

    fn counters(&mut self, head: &Activity) {
        let mut sums = (0, 0, 0, 0, 0);
        for (key, block) in &self.blocks {
            if key.0 == head.id && key.1 == head.iteration && !block.replaced {
                sums.0 += 1;
                sums.1 += block.planned_rows;
                sums.2 += u64::from(block.moved.is_some());
                sums.3 += block.moved.unwrap_or(0);
                sums.4 += u64::from(block.folded);
            }
        }
        let counters = head.counters;
        let told = (
            counters.blocks_planned,
            counters.rows_planned,
            counters.blocks_moved,
            counters.rows_moved,
            counters.blocks_folded,
        );
        if told != sums {
            self.violated(11, format!("counters {told:?}, by the history {sums:?}"));
        }
    }

    fn completed(&mut self, head: &Activity, destination: &Destination) {
        let Phase::Completed { window, .. } = &head.phase else {
            return;
        };
        let first = self
            .activities
            .get_mut(&head.id)
            .is_some_and(|record| record.completed.insert(head.iteration));
        if first {
            self.holds_window(&head.source_table, window, destination);
        }
    }

    fn database_committed(&mut self, writes: &[Write], epoch: u64) {
        for write in writes {
            let Some(database) = write.value().and_then(Value::database) else {
                continue;
            };
            if epoch < self.database_epoch || database.epoch < self.database_epoch {
                self.violated(
                    12,
                    format!(
                        "epoch {epoch} wrote the database after {}",
                        self.database_epoch
                    ),
                );
            }
            self.database_epoch = database.epoch;
            if database.committed > self.committed {
                self.iteration_committed(database.committed);
            }
        }
    }

    fn iteration_committed(&mut self, iteration: u32) {
        if iteration != self.committed + 1 {
            self.violated(
                4,
                format!("iteration {iteration} committed after {}", self.committed),
            );
        }
        self.committed = iteration;
        let open: Vec<String> = self
            .activities
            .values()
            .filter(|record| {
                record
                    .windows
                    .keys()
                    .any(|of| *of <= iteration && !record.completed.contains(of))
            })
            .map(|record| record.table.clone())
            .collect();
        if !open.is_empty() {
            self.violated(
                4,
                format!("iteration {iteration} committed with open tables {open:?}"),
            );
        }
    }
}
