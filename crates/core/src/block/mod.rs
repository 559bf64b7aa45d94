//! A block: a slice of one table's iteration, sized for one export, and its life.
//!
//! ```text
//! Planned -> Exporting -> Exported -> Ingesting -> Ingested -> Moving -> Moved
//!    ^           |            |           |            |          |
//!    +------- Abandoning <----+-----------+------------+        Held
//! ```
//!
//! From any state before `Moving` an attempt may be abandoned; `Moving` has two exits only.
//! [`transition`] lists every legal step.

mod event;
mod failure;
mod reports;
mod transition;

#[cfg(test)]
mod tests;

pub use event::{BlockEvent, IllegalTransition};
pub use failure::LOST_FOR_A_FAILURE;
pub use reports::{
    ExportedFile, IngestReport, ItemLoaded, MoveEvidence, MoveVerdict, StagedExtents,
    judge_ingestion, judge_move,
};
pub use transition::transition;

use serde::{Deserialize, Serialize};

use crate::vocabulary::{AttemptTag, BlockNumber, ExtentId, Millis, OperationId, Slice, Ticks};

/// A block of a table's iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Its number within the iteration, never used twice.
    pub number: BlockNumber,
    /// Its rows, frozen.
    pub slice: Slice,
    /// Rows by the plan, or by an accepted recount.
    pub planned_rows: u64,
    /// Bytes by the plan: the share of its extents' original size.
    pub planned_bytes: u64,
    /// The creation time of its staged extents: the newest of its source extents'.
    pub creation_time: Ticks,
    /// The unit that it is verified with, when extents define it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Attempts begun: the last one's number. Numbers name export prefixes and are not reused.
    pub attempts: u32,
    /// Attempts that failed for a reason of their own (throttling does not count).
    pub failures: u32,
    /// Attempts that ended without an answer. Executions that are killed lose answers too, which
    /// says nothing of the block: its bound is a multiple of the failures'.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u32,
    /// The last failure, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Failure>,
    /// The generation of the staging table for which all its values were found to survive: the
    /// rows are frozen, but staging may keep other sizes of values than an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_passed: Option<u32>,
    /// What its rows hold, in the words of whoever compares both sides by it; read at the source
    /// with the check of values. A group's stays with its verified files, since the source may
    /// have merged the extents that its predicate names; other blocks' is read anew for each attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Where it stands.
    pub state: BlockState,
    /// Since when.
    pub since: Millis,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Blocks that cut one slice by extents: none is ingested before all have exported exactly
/// their planned rows, since a merge at the source changes extent ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The number of its first member.
    pub first: BlockNumber,
    /// How many members it has; their numbers follow each other.
    pub members: u32,
}

/// Where a block stands. What a state needs to go on is inside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BlockState {
    /// Waits for an export slot; not before a moment when a start was refused.
    Planned {
        /// Not before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Millis>,
    },
    /// Its slice must be planned anew (with its whole group, if it has one).
    Replanning,
    /// An export was sent, or is about to be.
    Exporting {
        /// The attempt.
        attempt: u32,
        /// How it is sent.
        mode: Mode,
        /// What is known of it.
        sending: Sending,
    },
    /// The export completed; these files and no others.
    Exported {
        /// The attempt.
        attempt: u32,
        /// Its files.
        manifest: Manifest,
        /// Whether the exported rows are the planned ones.
        count: CountCheck,
        /// Not before (an ingestion's start was refused).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Millis>,
    },
    /// An ingestion into staging was sent, or is about to be.
    Ingesting {
        /// The attempt.
        attempt: u32,
        /// Its files.
        manifest: Manifest,
        /// The single-use tag.
        tag: AttemptTag,
        /// How it is sent.
        mode: Mode,
        /// What is known of it.
        sending: Sending,
    },
    /// Staged completely: these extents hold exactly the manifest's rows.
    Ingested {
        /// The attempt.
        attempt: u32,
        /// Its files (kept until the move, for a group's second ingestion).
        manifest: Manifest,
        /// The tag.
        tag: AttemptTag,
        /// The staged extents.
        extents: Vec<ExtentId>,
        /// Not before (a fingerprint is asked again, or a move's start was refused).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Millis>,
    },
    /// A move of exactly these extents was sent, or is about to be.
    Moving {
        /// The attempt.
        attempt: u32,
        /// Rows that are moved.
        rows: u64,
        /// Bytes of its files.
        bytes: u64,
        /// The tag.
        tag: AttemptTag,
        /// The staged extents, immutable.
        extents: Vec<ExtentId>,
        /// What is known of the last send.
        sending: Sending,
        /// How often it was sent; ids are single-use, so a second send cannot double a row.
        sends: u32,
    },
    /// In the destination.
    Moved {
        /// The tag, until it is dropped with the block's ledger entry.
        tag: Option<AttemptTag>,
        /// Rows moved.
        rows: u64,
        /// Bytes of its files.
        bytes: u64,
    },
    /// Nothing of this attempt may reach the destination: what it staged is dropped first.
    Abandoning {
        /// The attempt.
        attempt: u32,
        /// The tag whose staged extents are dropped; `None` when nothing was ever sent to
        /// staging.
        tag: Option<AttemptTag>,
        /// Where the block goes then.
        next: AfterAbandon,
    },
    /// Left out: older than the destination keeps rows.
    Expired,
    /// Cannot go on by itself.
    Held {
        /// Why, with the remedy in its text.
        reason: HeldReason,
        /// A group's verified files: other members may have moved, so a release goes on with
        /// these instead of planning anew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<Manifest>,
    },
}

/// Where an abandoned attempt leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterAbandon {
    /// A new attempt.
    Retry,
    /// A new plan of the slice, of the whole group if there is one.
    Replan,
    /// Another ingestion of the same verified files. Only for members of a group: their
    /// predicate names extents that may be gone, and other members may have moved already.
    Ingest {
        /// The files.
        manifest: Manifest,
    },
}

/// How a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The answer carries the result.
    Sync,
    /// The answer carries an operation's id.
    Async,
}

/// What is known of a command that may be sent once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sent", rename_all = "snake_case")]
pub enum Sending {
    /// The intent is stored. The worker of this epoch sends it once; whoever finds it without
    /// that worker's send in flight knows only that it may have been sent.
    Intended {
        /// The writer's epoch.
        epoch: u64,
        /// When the intent was stored.
        at: Millis,
    },
    /// The cluster answered with an operation.
    Running {
        /// The operation.
        operation: OperationId,
        /// When the intent was stored.
        at: Millis,
    },
}

impl Sending {
    /// When the intent was stored.
    #[must_use]
    pub const fn at(&self) -> Millis {
        match self {
            Self::Intended { at, .. } | Self::Running { at, .. } => *at,
        }
    }
}

/// The files of a completed export with rows in them: the only files that are ingested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The files, or where their list lies.
    pub files: ManifestFiles,
    /// The sum of their rows.
    pub rows: u64,
    /// The sum of their bytes, as far as reported.
    pub bytes: u64,
}

/// A list of files, inline while short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManifestFiles {
    /// The files.
    Inline(Vec<ExportedFile>),
    /// An immutable object in the lake that lists them.
    Stored {
        /// The object's name.
        name: String,
        /// SHA-256 of its bytes, hex.
        sha256: String,
        /// How many files.
        count: u32,
    },
}

/// Whether an export's rows are the planned ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountCheck {
    /// They are, or a recount said that the difference is the source's.
    Agreed,
    /// They differ: counted again with the same predicate before anything else.
    Differs,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum Failure {
    /// The answer to a command never came and what it did is unknown.
    #[error("the answer to a command was lost")]
    LostAnswer,
    /// The operation ended badly.
    #[error("the operation ended as {state}: {status}")]
    Operation {
        /// Kusto's state.
        state: String,
        /// Kusto's words.
        status: String,
    },
    /// The operation ran into its time limit: a smaller block is tried.
    #[error("the operation ran into its time limit")]
    TimedOut,
    /// The cluster refused the command.
    #[error("the cluster refused: {message}")]
    Refused {
        /// Kusto's words.
        message: String,
    },
    /// The cluster no longer knows the operation.
    #[error("the cluster no longer knows the operation")]
    OperationForgotten,
    /// Exported rows differ from the plan and from a recount.
    #[error("{exported} rows exported where {planned} were planned")]
    Count {
        /// Planned, or recounted.
        planned: u64,
        /// Exported.
        exported: u64,
    },
    /// Staged rows differ from the files' rows.
    #[error("{staged} rows staged from files of {expected} rows")]
    Staged {
        /// Rows of the files.
        expected: u64,
        /// Rows under the tag.
        staged: u64,
    },
    /// The ingestion did not load exactly the manifest's files.
    #[error("the ingestion did not load exactly the exported files")]
    Files,
    /// The ingestion reported errors.
    #[error("the ingestion reported errors")]
    IngestErrors,
    /// The staged content differs from the source's.
    #[error("the staged content differs from the source's")]
    Fingerprint,
    /// Somebody dropped the staging table that its rows were in.
    #[error("its staging table was dropped by somebody")]
    StagingLost,
    /// It was staged in more extents than one move takes: a smaller block is tried.
    #[error("{extents} staged extents are more than one move takes; lower the block size")]
    TooManyExtents {
        /// How many.
        extents: u64,
    },
    /// Files that it was exported to are not there any more. Told only of members of a group:
    /// other blocks are exported again.
    #[error("exported files are gone from the lake")]
    FilesGone,
    /// Another member of its group failed.
    #[error("another member of its group failed")]
    Group,
}

/// Why a block cannot go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum HeldReason {
    /// Too many attempts failed.
    #[error(
        "{failures} attempts failed, the last because {last}; repair the cause, then retry the table"
    )]
    Attempts {
        /// How many.
        failures: u32,
        /// The last reason.
        last: String,
    },
    /// Values that the export's text cannot carry.
    #[error(
        "{count} values of column `{column}` cannot survive the copy ({what}); repair or exclude them at the source, then retry the table"
    )]
    Values {
        /// The column.
        column: String,
        /// How many values.
        count: u64,
        /// What is wrong with them.
        what: String,
    },
    /// The files of a group's member are gone, and it cannot be exported alone: other members may
    /// have moved, and a merge at the source may have changed what is whose.
    #[error(
        "its exported files are gone from the lake, and other blocks that were cut with it may be at the destination; restore the files and retry the table, or copy the table with a new job into an empty table"
    )]
    FilesGone,
    /// A move that neither staging nor destination nor its operation can explain.
    #[error(
        "moved extents are in neither staging nor the destination; they are never moved again by themselves: find out who dropped extents or tags at the destination, then copy the table with a new job"
    )]
    MoveLost,
}

impl Block {
    /// A newly planned block.
    #[must_use]
    pub const fn planned(
        number: BlockNumber,
        slice: Slice,
        planned_rows: u64,
        planned_bytes: u64,
        creation_time: Ticks,
        now: Millis,
    ) -> Self {
        Self {
            number,
            slice,
            planned_rows,
            planned_bytes,
            creation_time,
            group: None,
            attempts: 0,
            failures: 0,
            lost: 0,
            last_failure: None,
            values_passed: None,
            content: None,
            state: BlockState::Planned { not_before: None },
            since: now,
        }
    }

    /// Whether nothing is left to do but to fold it.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.state, BlockState::Moved { .. } | BlockState::Expired)
    }

    /// Whether somebody's wish for another try changes it: a held block that may be tried again,
    /// or a move that was sent more than once.
    #[must_use]
    pub fn is_releasable(&self) -> bool {
        match &self.state {
            BlockState::Held { reason, .. } => *reason != HeldReason::MoveLost,
            BlockState::Moving { sends, .. } => *sends > 1,
            BlockState::Planned { .. }
            | BlockState::Replanning
            | BlockState::Exporting { .. }
            | BlockState::Exported { .. }
            | BlockState::Ingesting { .. }
            | BlockState::Ingested { .. }
            | BlockState::Moved { .. }
            | BlockState::Abandoning { .. }
            | BlockState::Expired => false,
        }
    }
}

impl BlockState {
    /// The state after an export with these files.
    fn exported(attempt: u32, manifest: Manifest, count: CountCheck) -> Self {
        // Nothing to ingest: no row was exported and the plan, or a recount, agrees.
        if manifest.rows == 0 && matches!(count, CountCheck::Agreed) {
            return Self::Moved {
                tag: None,
                rows: 0,
                bytes: 0,
            };
        }
        Self::Exported {
            attempt,
            manifest,
            count,
            not_before: None,
        }
    }

    /// The state's name in outputs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Planned { .. } => "planned",
            Self::Replanning => "replanning",
            Self::Exporting { .. } => "exporting",
            Self::Exported { .. } => "exported",
            Self::Ingesting { .. } => "ingesting",
            Self::Ingested { .. } => "ingested",
            Self::Moving { .. } => "moving",
            Self::Moved { .. } => "moved",
            Self::Abandoning { .. } => "abandoning",
            Self::Expired => "expired",
            Self::Held { .. } => "held",
        }
    }
}
