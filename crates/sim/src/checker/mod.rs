//! The fifteen invariants, checked by a record of its own: what was committed, sent, dropped and
//! what became of every hidden row. Nothing here calls the core's decisions or transitions.
//!
//! | file | invariants |
//! |---|---|
//! | `effects` | 5, 6, 8, 9, 10, 14: what is sent and dropped |
//! | `history` | 4, 5, 7, 11, 12: what is committed |
//! | `rows` | 1, 2, 3, 13, 15: where every row is |

mod effects;
mod history;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use kusto_copy_core::block::Group;
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber, Slice, Ticks, Window};

use crate::model::operations::Attempt;
use crate::model::source::{Row, RowId};

/// A source row as the checker knows it.
#[derive(Debug, Clone)]
struct Known {
    table: String,
    row: Row,
    deleted: bool,
}

/// A block as it was committed.
#[derive(Debug, Clone)]
struct BlockRecord {
    state: &'static str,
    attempt: u32,
    planned_rows: u64,
    exported_rows: Option<u64>,
    slice: Slice,
    group: Option<Group>,
    creation: Ticks,
    moved: Option<u64>,
    folded: bool,
    replaced: bool,
}

/// A tag as it was committed and used.
#[derive(Debug, Clone)]
struct TagRecord {
    of: Attempt,
    sends: u32,
    abandoned: bool,
    moved: bool,
}

/// An activity's windows and epochs as they were committed.
#[derive(Debug, Clone, Default)]
struct ActivityRecord {
    table: String,
    windows: BTreeMap<u32, Window>,
    completed: BTreeSet<u32>,
    epoch: u64,
}

type BlockKey = (ActivityId, u32, BlockNumber);

/// The independent checker.
#[derive(Debug, Default)]
pub struct Checker {
    /// What was violated, in words.
    pub violations: Vec<String>,
    /// What was strange but allowed.
    pub notes: Vec<String>,
    /// Whether it is off: for measurements.
    pub off: bool,
    /// Rows created before this may be left out as expired.
    pub expired_before: Option<Ticks>,
    rows: BTreeMap<RowId, Known>,
    blocks: BTreeMap<BlockKey, BlockRecord>,
    tags: BTreeMap<String, TagRecord>,
    activities: BTreeMap<ActivityId, ActivityRecord>,
    exports: BTreeMap<Attempt, u32>,
    reported: BTreeMap<Attempt, BTreeSet<String>>,
    moving: BTreeMap<String, (Attempt, u64)>,
    staging: BTreeSet<String>,
    retired: BTreeSet<String>,
    database_epoch: u64,
    committed: u32,
    /// How often blocks went from one state to another, and why attempts failed.
    pub seen: BTreeMap<(&'static str, &'static str), u64>,
}

impl Checker {
    /// Notes something strange.
    pub fn note(&mut self, what: String) {
        self.notes.push(what);
    }

    /// Counts something that happened.
    fn count(&mut self, from: &'static str, to: &'static str) {
        *self.seen.entry((from, to)).or_default() += 1;
    }

    fn violated(&mut self, invariant: u8, what: impl Into<String>) {
        if !self.off {
            self.violations
                .push(format!("({invariant}) {}", what.into()));
        }
    }

    /// A row arrived at the source, or changed its cursor or extent.
    pub fn arrived(&mut self, table: &str, row: &Row) {
        if self.off {
            return;
        }
        let known = Known {
            table: table.to_owned(),
            row: row.clone(),
            deleted: false,
        };
        self.rows.insert(row.id, known);
    }

    /// A row was deleted at the source.
    pub fn deleted(&mut self, row: RowId) {
        if let Some(known) = self.rows.get_mut(&row) {
            known.deleted = true;
        }
    }

    /// The source was dropped and created again: its rows are gone.
    pub fn recreated(&mut self) {
        for known in self.rows.values_mut() {
            known.deleted = true;
        }
    }
}
