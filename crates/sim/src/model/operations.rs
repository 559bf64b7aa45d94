//! Commands that run at a cluster for a while.

use kusto_copy_core::activity::SlotKind;
use kusto_copy_core::block::{ExportedFile, ItemLoaded};
use kusto_copy_core::vocabulary::{
    ActivityId, BlockNumber, ExtentId, OperationId, Predicate, Ticks,
};

/// Whose attempt a command is about, as the copier's client request ids tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// The activity.
    pub activity: ActivityId,
    /// Its iteration.
    pub iteration: u32,
    /// The block.
    pub block: BlockNumber,
    /// The attempt.
    pub attempt: u32,
}

/// A command that moves rows.
#[derive(Debug, Clone)]
pub enum Command {
    /// Rows of a predicate into files under a prefix.
    Export {
        /// For which attempt.
        of: Attempt,
        /// The source table.
        table: String,
        /// The rows.
        predicate: Predicate,
        /// The number of projected columns.
        columns: usize,
        /// Where the files go.
        prefix: String,
    },
    /// Files into a staging table.
    Ingest {
        /// For which attempt.
        of: Attempt,
        /// The staging table.
        staging: String,
        /// The files.
        paths: Vec<String>,
        /// The tag.
        tag: String,
        /// The creation time of the extents.
        creation: Ticks,
    },
    /// Extents from a staging table to the destination table.
    Move {
        /// For which attempts.
        of: Vec<Attempt>,
        /// The staging table.
        staging: String,
        /// The destination table.
        table: String,
        /// The extents.
        extents: Vec<ExtentId>,
    },
}

impl Command {
    /// Which slots it takes.
    #[must_use]
    pub const fn slot(&self) -> Option<SlotKind> {
        match self {
            Self::Export { .. } => Some(SlotKind::Export),
            Self::Ingest { .. } => Some(SlotKind::Ingest),
            Self::Move { .. } => None,
        }
    }

    /// The activity that it works for.
    #[must_use]
    pub fn activity(&self) -> Option<&ActivityId> {
        match self {
            Self::Export { of, .. } | Self::Ingest { of, .. } => Some(&of.activity),
            Self::Move { of, .. } => of.first().map(|attempt| &attempt.activity),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Export { .. } => "export",
            Self::Ingest { .. } => "ingest",
            Self::Move { .. } => "move",
        }
    }
}

/// Where a command stands.
#[derive(Debug, Clone)]
pub enum Progress {
    /// It runs.
    Running,
    /// There was no slot for it.
    Throttled,
    /// It failed.
    Failed,
    /// It ran into its time limit.
    TimedOut,
    /// An export completed and names these files.
    Exported(Vec<ExportedFile>),
    /// An ingestion completed with this result.
    Ingested(Vec<ItemLoaded>),
    /// A move completed.
    Moved,
}

/// An operation in a cluster's log.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The command.
    pub command: Command,
    /// When it started.
    pub started: u64,
    /// When the log shows it first.
    pub visible: u64,
    /// When it ends or ended.
    pub ends: u64,
    /// Where it stands.
    pub progress: Progress,
    /// The epoch of the worker whose slots it takes: none when it was delivered late or twice, or
    /// was sent by a stale worker.
    pub sender: Option<u64>,
}
