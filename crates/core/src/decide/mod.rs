//! What to do next: from the state, what was observed, the free slots and the time. Nothing here
//! changes anything; whoever executes a decision first stores the intent it names.

mod blocks;
mod groups;
mod moves;
mod step;
mod tables;
#[cfg(test)]
mod tests;
mod waits;

pub use waits::{Wait, Waits};

use std::collections::{HashMap, HashSet};

use crate::activity::{ActivityEvent, ActivityState};
use crate::block::Mode;
use crate::limits::Limits;
use crate::vocabulary::{ActivityId, AttemptTag, BlockNumber, Millis, OperationId};

/// What an action in flight is about. Two actions of one subject never run at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A table's preparation, plan, reconciliation or tidying.
    Table(ActivityId),
    /// A block's effect.
    Block(ActivityId, BlockNumber),
    /// The check of a block's values, beside its export.
    Values(ActivityId, BlockNumber),
    /// The one move that a table has at a time.
    Move(ActivityId),
}

/// What a cluster said last of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationState {
    /// In progress or scheduled.
    Pending,
    /// Completed.
    Completed,
    /// Not started for lack of capacity.
    Throttled,
    /// Ended badly.
    Failed {
        /// Kusto's state.
        state: String,
        /// Kusto's words.
        status: String,
        /// Whether it ran into its time limit.
        timed_out: bool,
    },
    /// Neither running nor in the log any more.
    Forgotten,
}

/// Values of a block that do not survive the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostValues {
    /// The first column with such values.
    pub column: String,
    /// How many values of it.
    pub count: u64,
    /// What is wrong with them.
    pub what: String,
}

/// What a worker knows beside the stored state. None of it has to survive the worker.
#[derive(Debug, Default)]
pub struct Observations {
    /// Actions that run now.
    pub in_flight: HashSet<Subject>,
    /// The last state seen of operations.
    pub operations: HashMap<OperationId, OperationState>,
    /// Blocks whose values do not survive: held once nothing of theirs runs. That those of a block
    /// do is stored with it.
    pub values: HashMap<(ActivityId, BlockNumber), LostValues>,
    /// Moving blocks of which a look found extents still staged: they are moved again.
    pub still_staged: HashSet<(ActivityId, BlockNumber)>,
    /// When something of a subject failed for a passing reason: not again before.
    pub pauses: HashMap<Subject, Millis>,
    /// Subjects whose last action failed for a reason that stays, which holds their table: not
    /// tried again before somebody released the table.
    pub refused: HashSet<Subject>,
}

/// Free slots, taken from as decisions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSlots {
    /// Exports at the source.
    pub exports: u32,
    /// Ingestions at the destination.
    pub ingestions: u32,
    /// Queries at the source.
    pub queries: u32,
}

/// An effect to execute, after the intents that `events` of the same decision carry are stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read the schema, make the destination and staging tables.
    Prepare,
    /// Plan the next blocks.
    Plan,
    /// Plan these blocks' rows anew.
    Replan {
        /// One block, or all members of a group.
        blocks: Vec<BlockNumber>,
    },
    /// Send the intended export.
    Export {
        /// The block.
        block: BlockNumber,
    },
    /// Read the files of a completed export.
    ReadExport {
        /// The block.
        block: BlockNumber,
        /// Its operation.
        operation: OperationId,
    },
    /// Check the values of the block's rows at the source.
    CheckValues {
        /// The block.
        block: BlockNumber,
    },
    /// Count the block's rows again under strong consistency.
    Recount {
        /// The block.
        block: BlockNumber,
    },
    /// Send the intended ingestion.
    Ingest {
        /// The block.
        block: BlockNumber,
    },
    /// Read the result of a completed ingestion and look at staging.
    ReadIngest {
        /// The block.
        block: BlockNumber,
        /// Its operation.
        operation: OperationId,
    },
    /// Send one intended move of all extents of these blocks that are still staged.
    Move {
        /// The blocks.
        blocks: Vec<BlockNumber>,
    },
    /// Read the result of a completed move.
    ReadMove {
        /// The blocks of one operation.
        blocks: Vec<BlockNumber>,
        /// The operation.
        operation: OperationId,
    },
    /// Look at staging, then at the destination, for moves whose outcome is unknown.
    LookMove {
        /// The blocks.
        blocks: Vec<BlockNumber>,
    },
    /// Drop what an abandoned attempt staged, until nothing of it is left.
    DropStaged {
        /// The block.
        block: BlockNumber,
        /// The attempt's tag.
        tag: AttemptTag,
    },
    /// Count the window at the source.
    Reconcile,
    /// Drop the tags of finished blocks, write their ledger object, delete their files.
    Fold {
        /// The blocks: one unit.
        blocks: Vec<BlockNumber>,
    },
    /// Drop a retired staging table.
    DropStaging {
        /// Its name.
        name: String,
    },
}

impl Action {
    /// Whether the action runs queries at the source, which count against its query slots.
    /// Exports have slots of their own; everything else is metadata or another cluster's.
    #[must_use]
    pub const fn is_query(&self) -> bool {
        match self {
            Self::Plan
            | Self::Replan { .. }
            | Self::Reconcile
            | Self::CheckValues { .. }
            | Self::Recount { .. } => true,
            Self::Prepare
            | Self::Export { .. }
            | Self::ReadExport { .. }
            | Self::Ingest { .. }
            | Self::ReadIngest { .. }
            | Self::Move { .. }
            | Self::ReadMove { .. }
            | Self::LookMove { .. }
            | Self::DropStaged { .. }
            | Self::Fold { .. }
            | Self::DropStaging { .. } => false,
        }
    }

    /// What the action is about.
    #[must_use]
    pub fn subject(&self, activity: &ActivityId) -> Subject {
        let activity = activity.clone();
        match self {
            Self::Prepare
            | Self::Plan
            | Self::Replan { .. }
            | Self::Reconcile
            | Self::Fold { .. }
            | Self::DropStaging { .. } => Subject::Table(activity),
            Self::Export { block }
            | Self::ReadExport { block, .. }
            | Self::Recount { block }
            | Self::Ingest { block }
            | Self::ReadIngest { block, .. }
            | Self::DropStaged { block, .. } => Subject::Block(activity, *block),
            Self::CheckValues { block } => Subject::Values(activity, *block),
            Self::Move { .. } | Self::ReadMove { .. } | Self::LookMove { .. } => {
                Subject::Move(activity)
            }
        }
    }
}

/// One activity's next steps.
#[derive(Debug, Default, PartialEq)]
pub struct Decisions {
    /// Events to apply and store before any action: intents, and conclusions that need no
    /// effect.
    pub events: Vec<ActivityEvent>,
    /// Effects to execute after that.
    pub actions: Vec<Action>,
    /// When to decide again if nothing else happens.
    pub wake_at: Option<Millis>,
}

impl Decisions {
    /// Asks to be woken at a moment, or earlier.
    pub(crate) fn wake(&mut self, at: Millis) {
        self.wake_at = Some(self.wake_at.map_or(at, |before| before.min(at)));
    }
}

/// What decisions of one activity depend on beside its state.
#[derive(Debug)]
pub struct Context<'a> {
    /// What was observed.
    pub observed: &'a Observations,
    /// Whether blocks' values must be checked before they are ingested (by the table's types and
    /// the setting).
    pub check_values: bool,
    /// The prefix of the tags of this job and table.
    pub tag_prefix: &'a str,
    /// The worker's epoch.
    pub epoch: u64,
    /// Whether new work may begin; not when the worker is about to stop or the job is paused.
    pub begin_work: bool,
    /// Whether the staging table stays for the next iteration.
    pub keep_staging: bool,
    /// Unfinished blocks of the whole job.
    pub active_blocks: usize,
    /// The time.
    pub now: Millis,
    /// The limits.
    pub limits: &'a Limits,
}

/// Decides for one activity. `random` gives unused 128-bit numbers for tags.
pub fn decide(
    state: &ActivityState,
    context: &Context<'_>,
    slots: &mut FreeSlots,
    random: &mut dyn FnMut() -> u128,
) -> Decisions {
    let mut decisions = Decisions::default();
    blocks::decide(state, context, slots, random, &mut decisions);
    tables::decide(state, context, slots, &mut decisions);
    decisions
}

/// How a block of so many rows is exported and ingested.
pub(crate) const fn mode(rows: u64, limits: &Limits) -> Mode {
    if rows <= limits.small_rows {
        Mode::Sync
    } else {
        Mode::Async
    }
}
