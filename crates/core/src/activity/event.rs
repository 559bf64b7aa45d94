//! What may happen to an activity.

use std::collections::BTreeSet;

use super::{Layout, Reconciling, SlotKind};
use crate::block::{BlockEvent, IllegalTransition};
use crate::plan::{Bounds, PlanProgress};
use crate::vocabulary::{BlockNumber, Millis, Window};

/// Something that happened to an activity, or is about to. Names ending in `Intended` are stored
/// before their effect.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityEvent {
    /// Another iteration begins; the last one is completed and tidy of blocks.
    Begun {
        /// The iteration.
        iteration: u32,
        /// Its window.
        window: Window,
        /// Rows and bounds, if known.
        bounds: Option<Bounds>,
    },
    /// A worker took the activity over.
    Claimed {
        /// Its epoch.
        epoch: u64,
    },
    /// The schema was read after the cursor end; the destination table exists and fits.
    LayoutRead {
        /// The schema and what follows from it.
        layout: Layout,
    },
    /// A staging table of this name is about to be made.
    StagingIntended {
        /// A name that was never used.
        name: String,
    },
    /// The staging table was made and read back: planning begins.
    StagingReady {
        /// Its name.
        name: String,
        /// Rows older than this ingestion time are left out by the user's wish (backfill).
        horizon: Option<crate::vocabulary::Ticks>,
    },
    /// A planning round ended.
    Planned {
        /// Its blocks and what remains.
        progress: PlanProgress,
    },
    /// Blocks in `Replanning` are replaced by others of the same rows.
    Replanned {
        /// The replaced blocks: one without a group, or all members of a group.
        removed: Vec<BlockNumber>,
        /// The blocks that replace them.
        progress: PlanProgress,
    },
    /// Something happened to one block.
    Block {
        /// Its number.
        number: BlockNumber,
        /// What.
        event: BlockEvent,
    },
    /// A part of the window was counted at the source after all blocks had finished.
    ReconciledInPart {
        /// What was counted by now, earlier parts included.
        so_far: Reconciling,
    },
    /// The window was counted at the source after all blocks had finished.
    Reconciled {
        /// Rows of the window.
        source_rows: u64,
    },
    /// Finished blocks whose tags are dropped, whose ledger object is written and whose files
    /// are deleted.
    Folded {
        /// The blocks.
        blocks: Vec<BlockNumber>,
    },
    /// Somebody dropped the staging table in use: another one is made, and what was staged is
    /// ingested again.
    StagingLost {
        /// Its name.
        name: String,
    },
    /// A staging table is gone.
    StagingDropped {
        /// Its name.
        name: String,
    },
    /// The current staging table is no longer used and will be dropped.
    StagingRetired,
    /// Commands of a kind sent up to a moment have ended, all but so many.
    GhostsGone {
        /// Which slots.
        kind: SlotKind,
        /// Intents stored at or before this moment.
        up_to: Millis,
        /// How many of them may still run.
        still: usize,
    },
    /// Something failed that is tried again; too many tries hold the table.
    Troubled {
        /// The block that it is about, if it is one block's effect.
        block: Option<BlockNumber>,
        /// What went wrong, with the remedy.
        what: String,
        /// Whether it passes by itself: then it is told, but never holds the table.
        passes: bool,
    },
    /// The table as a whole cannot go on.
    Held {
        /// Why, with the remedy.
        reason: String,
    },
    /// The user asked for another try of the table and its held blocks.
    Released,
}

/// Which entities an event changed. The head is always one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Blocks to write.
    pub written: BTreeSet<BlockNumber>,
    /// Blocks to delete.
    pub deleted: BTreeSet<BlockNumber>,
}

impl Changes {
    /// Adds later changes to these.
    pub fn merge(&mut self, later: Self) {
        for number in &later.deleted {
            self.written.remove(number);
        }
        self.written.extend(later.written);
        self.deleted.extend(later.deleted);
    }
}

/// An event that does not fit the activity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivityError {
    /// It does not fit the phase.
    #[error("table iteration is {phase}: {event} does not fit")]
    Phase {
        /// The phase.
        phase: &'static str,
        /// The event.
        event: &'static str,
    },
    /// There is no block of this number.
    #[error("there is no block {number}")]
    NoBlock {
        /// The number.
        number: u32,
    },
    /// It does not fit the block.
    #[error(transparent)]
    Block(#[from] IllegalTransition),
}
