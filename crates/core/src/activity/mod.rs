//! An activity: one source table copied to one destination table, iteration after iteration.
//!
//! Its head and its blocks rest in one partition of the store and change together; the head is
//! part of every change, so that a worker whose lease was taken over can write nothing.

mod apply;
mod event;
mod ghosts;
mod staging;
#[cfg(test)]
mod tests;
mod trouble;

pub use event::{ActivityError, ActivityEvent, Changes};
pub use trouble::Trouble;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::block::{Block, BlockState};
use crate::plan::PlanCursor;
use crate::vocabulary::{
    ActivityId, AttemptTag, BlockNumber, Cursor, Millis, TableSchema, Ticks, Window,
};

/// The head of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Its id.
    pub id: ActivityId,
    /// The database that it is copied from.
    pub source_database: String,
    /// The table that it is copied from.
    pub source_table: String,
    /// The database that it is copied to.
    pub destination_database: String,
    /// The table that it is copied to.
    pub destination_table: String,
    /// The epoch of the worker that wrote it last; only grows.
    pub epoch: u64,
    /// The iteration that it is in, or was in last.
    pub iteration: u32,
    /// Where that iteration stands.
    pub phase: Phase,
    /// Why the table as a whole cannot go on, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// The staging table in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging: Option<Staging>,
    /// Staging tables of earlier generations that still have to be dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired_staging: Vec<String>,
    /// Staging tables dropped since the iteration began: dropped once more later, since a late
    /// command may make them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_staging: Vec<String>,
    /// Generations of staging tables begun: the last one's number. Names are never reused.
    pub staging_generation: u32,
    /// Rows ingested before this are left out of the iteration; frozen when planning begins, so
    /// that a later run counts the same rows again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Ticks>,
    /// The number of the next block.
    pub next_block: BlockNumber,
    /// Blocks of one ledger object; frozen when planning begins, so that whoever folds a unit
    /// names its object the same.
    #[serde(default = "unit_blocks_once")]
    pub unit_blocks: u32,
    /// Counts of the iteration.
    pub counters: Counters,
    /// Commands that may still run though nobody waits for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ghosts: Vec<Ghost>,
    /// Whether a command of the iteration may come late: what it leaves is deleted once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_come_late: bool,
    /// What fails and is tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<Trouble>,
    /// Notes for people: accepted differences, expired rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Since when the phase lasts.
    pub since: Millis,
}

/// Blocks of one ledger object in states that did not store it.
const fn unit_blocks_once() -> u32 {
    64
}

/// Where a table's iteration stands: `Starting -> Planning -> Planned -> Completed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Its schema is read after the cursor end, its destination and staging tables are made.
    Starting {
        /// The iteration's window.
        window: Window,
        /// Rows and bounds of the window, when the proof of its change told them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bounds: Option<crate::plan::Bounds>,
        /// The schema and what follows from it, once read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        layout: Option<Layout>,
    },
    /// Blocks are planned; planned ones are already copied.
    Planning {
        /// The iteration's window.
        window: Window,
        /// The schema.
        layout: Layout,
        /// What is not planned yet.
        cursor: PlanCursor,
    },
    /// Every row of the window is in a block.
    Planned {
        /// The iteration's window.
        window: Window,
        /// The schema.
        layout: Layout,
        /// What of the window was counted again so far, once all blocks had finished.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reconciled: Option<Reconciling>,
    },
    /// Every block is moved or expired and the window's count is reconciled. What is left is
    /// tidying: tags, ledger, files, staging.
    Completed {
        /// The iteration's window.
        window: Window,
        /// The schema.
        layout: Layout,
        /// When.
        at: Millis,
    },
}

impl Phase {
    /// The iteration's window.
    #[must_use]
    pub const fn window(&self) -> &Window {
        match self {
            Self::Starting { window, .. }
            | Self::Planning { window, .. }
            | Self::Planned { window, .. }
            | Self::Completed { window, .. } => window,
        }
    }

    /// The layout, once read.
    #[must_use]
    pub const fn layout(&self) -> Option<&Layout> {
        match self {
            Self::Starting { layout, .. } => layout.as_ref(),
            Self::Planning { layout, .. }
            | Self::Planned { layout, .. }
            | Self::Completed { layout, .. } => Some(layout),
        }
    }

    /// The phase's name in outputs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Starting { .. } => "starting",
            Self::Planning { .. } => "planning",
            Self::Planned { .. } => "planned",
            Self::Completed { .. } => "completed",
        }
    }
}

/// How far a window was counted at the source: part by part, so that no execution has to be long
/// enough for all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciling {
    /// Rows counted, those without ingestion time included.
    pub rows: u64,
    /// Rows ingested before this are counted; `None` when none but those without ingestion time
    /// are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Ticks>,
}

/// The schema of an iteration and what follows from it, frozen with the iteration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The source's columns that are copied, in the order of the export.
    pub schema: TableSchema,
    /// How the data travels.
    pub encoding: Encoding,
    /// Rows whose creation time is older than so many milliseconds are left out: the
    /// destination would drop them. `None` keeps all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<u64>,
}

/// How a table's data travels, chosen from its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Compressed CSV whose text we write for every type.
    Csv,
    /// Parquet, where every column's conversion is documented both ways.
    Parquet,
}

impl Encoding {
    /// The name of the ingestion mapping in staging.
    #[must_use]
    pub const fn mapping_name(self) -> &'static str {
        match self {
            Self::Csv => "kc",
            Self::Parquet => "kcp",
        }
    }

    /// Kusto's name of the format: `csv` or `parquet`.
    #[must_use]
    pub const fn format(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// A staging table of ours at the destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    /// Its name, never reused.
    pub name: String,
    /// The fingerprint of the schema that it was made for.
    pub schema: String,
    /// Whether it may be used.
    pub state: StagingState,
    /// When it was intended: an old one is not used for another iteration.
    #[serde(default = "long_ago")]
    pub made: Millis,
}

/// The age of staging tables in states that did not store it.
const fn long_ago() -> Millis {
    Millis(0)
}

/// The life of a staging table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StagingState {
    /// It is being made: nothing is ingested before it was read back.
    Intended,
    /// Made, frozen and read back.
    Ready,
    /// Nothing more is ingested into it; when what is staged has left it, another one is made.
    Renewing,
    /// Somebody dropped it: what was staged is gone, another one is made.
    Lost,
}

/// Counts of one iteration of a table. They move with the blocks, in the same transactions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Blocks planned.
    pub blocks_planned: u64,
    /// Rows planned.
    pub rows_planned: u64,
    /// Blocks moved.
    pub blocks_moved: u64,
    /// Rows moved.
    pub rows_moved: u64,
    /// Bytes of the files of moved blocks.
    pub bytes_moved: u64,
    /// Rows left out as older than the destination keeps rows.
    pub rows_expired: u64,
    /// Finished blocks folded into the ledger.
    pub blocks_folded: u64,
    /// Rows of the window at the source, when it was reconciled.
    pub rows_reconciled: u64,
}

/// Which slots a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// Export slots of the source.
    Export,
    /// Ingestion slots of the destination.
    Ingest,
}

/// A command that may still run at a cluster though its attempt was abandoned. It counts
/// against the slots until it is known to have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ghost {
    /// Which slots it takes.
    pub kind: SlotKind,
    /// When its intent was stored.
    pub at: Millis,
}

/// An activity as a worker holds it: its head and its blocks that are not folded.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityState {
    /// The head.
    pub head: Activity,
    /// The blocks.
    pub blocks: BTreeMap<BlockNumber, Block>,
}

impl ActivityState {
    /// A new activity in its first iteration.
    #[must_use]
    #[expect(
        clippy::too_many_arguments,
        reason = "each names one part of the identity"
    )]
    pub fn begin(
        source_database: &str,
        source_table: &str,
        destination_database: &str,
        destination_table: &str,
        iteration: u32,
        window: Window,
        bounds: Option<crate::plan::Bounds>,
        epoch: u64,
        now: Millis,
    ) -> Self {
        Self {
            head: Activity {
                id: ActivityId::of(source_database, source_table),
                source_database: source_database.to_owned(),
                source_table: source_table.to_owned(),
                destination_database: destination_database.to_owned(),
                destination_table: destination_table.to_owned(),
                epoch,
                iteration,
                phase: Phase::Starting {
                    window,
                    bounds,
                    layout: None,
                },
                held: None,
                staging: None,
                retired_staging: Vec::new(),
                dropped_staging: Vec::new(),
                staging_generation: 0,
                horizon: None,
                next_block: BlockNumber(0),
                unit_blocks: unit_blocks_once(),
                counters: Counters::default(),
                ghosts: Vec::new(),
                may_come_late: false,
                troubles: Vec::new(),
                notes: Vec::new(),
                since: now,
            },
            blocks: BTreeMap::new(),
        }
    }

    /// The window's end.
    #[must_use]
    pub const fn cursor_end(&self) -> &Cursor {
        &self.head.phase.window().up_to
    }

    /// Whether the iteration is completed and nothing is left to tidy: no block, no staging table
    /// but one that is kept, and no command that may still run and write.
    #[must_use]
    pub fn is_tidy(&self, keep_staging: bool) -> bool {
        self.is_put_away(keep_staging) && self.head.ghosts.is_empty()
    }

    /// Whether nothing is left to tidy but to learn that commands whose answers were lost have
    /// ended: nobody has to wait for that.
    #[must_use]
    pub fn is_haunted(&self, keep_staging: bool) -> bool {
        self.is_put_away(keep_staging) && !self.head.ghosts.is_empty()
    }

    fn is_put_away(&self, keep_staging: bool) -> bool {
        matches!(self.head.phase, Phase::Completed { .. })
            && self.blocks.is_empty()
            && self.head.retired_staging.is_empty()
            && (keep_staging || self.head.staging.is_none())
    }

    /// Whether another iteration may begin: the last one is completed and all its blocks are
    /// folded.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        matches!(self.head.phase, Phase::Completed { .. }) && self.blocks.is_empty()
    }

    /// Blocks that are neither moved nor expired.
    pub fn unfinished(&self) -> impl Iterator<Item = &Block> {
        self.blocks.values().filter(|block| !block.is_finished())
    }

    /// Slots of a kind that the activity uses, ghosts included.
    #[must_use]
    pub fn slots_used(&self, kind: SlotKind) -> u32 {
        let blocks = self
            .blocks
            .values()
            .filter(|block| slot_of(&block.state) == Some(kind))
            .count();
        let ghosts = self
            .head
            .ghosts
            .iter()
            .filter(|ghost| ghost.kind == kind)
            .count();
        u32::try_from(blocks + ghosts).unwrap_or(u32::MAX)
    }

    /// Tags of moved blocks that are not folded yet.
    #[must_use]
    pub fn tags_to_drop(&self, unit: &[BlockNumber]) -> Vec<AttemptTag> {
        unit.iter()
            .filter_map(|number| {
                let BlockState::Moved { tag, .. } = &self.blocks.get(number)?.state else {
                    return None;
                };
                tag.clone()
            })
            .collect()
    }
}

/// The slots that a block's running command takes.
#[must_use]
pub const fn slot_of(state: &BlockState) -> Option<SlotKind> {
    match state {
        BlockState::Exporting { .. } => Some(SlotKind::Export),
        BlockState::Ingesting { .. } => Some(SlotKind::Ingest),
        BlockState::Planned { .. }
        | BlockState::Replanning
        | BlockState::Exported { .. }
        | BlockState::Ingested { .. }
        | BlockState::Moving { .. }
        | BlockState::Moved { .. }
        | BlockState::Abandoning { .. }
        | BlockState::Expired
        | BlockState::Held { .. } => None,
    }
}
