//! What may happen to a block.

use super::{ExportedFile, Failure, HeldReason, IngestReport, Manifest, Mode, MoveEvidence};
use crate::vocabulary::{AttemptTag, Millis, OperationId};

/// Something that happened to a block, or is about to.
///
/// Events ending in `Intended` are stored **before** their effect; the others record answers.
/// Every event names the attempt that it is about, so that an answer which comes late, to
/// another worker or after a retry, is refused here instead of being believed.
#[derive(Debug, Clone, PartialEq)]
pub enum BlockEvent {
    /// An export is about to be sent.
    ExportIntended {
        /// How.
        mode: Mode,
        /// The writer's epoch.
        epoch: u64,
    },
    /// A start was refused before anything ran (throttled): not an attempt's failure.
    NotStarted {
        /// The attempt.
        attempt: u32,
        /// Not to be tried before.
        until: Millis,
    },
    /// The cluster answered with an operation.
    Started {
        /// The attempt.
        attempt: u32,
        /// The operation.
        operation: OperationId,
    },
    /// The export completed with these files (those with rows).
    ExportReported {
        /// The attempt.
        attempt: u32,
        /// The files, or their stored list.
        manifest: Manifest,
    },
    /// The block's predicate was counted again under strong consistency.
    Recounted {
        /// The attempt whose count differed.
        attempt: u32,
        /// Rows now.
        rows: u64,
    },
    /// Every value of the block's rows survives the copy.
    ValuesPassed {
        /// The generation of the staging table whose sizes the values were held against.
        staging: u32,
        /// What the rows hold, where contents are compared.
        content: Option<String>,
    },
    /// An ingestion is about to be sent under this tag.
    IngestIntended {
        /// The attempt.
        attempt: u32,
        /// A tag that was never used.
        tag: AttemptTag,
        /// How.
        mode: Mode,
        /// The writer's epoch.
        epoch: u64,
    },
    /// The ingestion completed and staging was looked at after that.
    IngestReported {
        /// The attempt.
        attempt: u32,
        /// The manifest's files.
        files: Vec<ExportedFile>,
        /// The result and the look.
        report: IngestReport,
    },
    /// A move of the block's extents is about to be sent: for the first time, or again after a
    /// look found some of them staged.
    MoveIntended {
        /// The attempt.
        attempt: u32,
        /// The writer's epoch.
        epoch: u64,
    },
    /// Staging, then the destination, were looked at after a move.
    MoveLooked {
        /// The attempt.
        attempt: u32,
        /// What was seen.
        evidence: MoveEvidence,
    },
    /// The attempt failed.
    Failed {
        /// The attempt.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// Nothing of the abandoned attempt is staged.
    NothingStaged {
        /// The attempt.
        attempt: u32,
    },
    /// The block cannot go on by itself.
    Held {
        /// Why.
        reason: HeldReason,
    },
    /// The user asked for another try.
    Released,
}

impl BlockEvent {
    /// What it is, in a few words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ExportIntended { .. } => "an intended export",
            Self::NotStarted { .. } => "a refused start",
            Self::Started { .. } => "a started operation",
            Self::ExportReported { .. } => "an export's result",
            Self::Recounted { .. } => "a recount",
            Self::ValuesPassed { .. } => "a check of values",
            Self::IngestIntended { .. } => "an intended ingestion",
            Self::IngestReported { .. } => "an ingestion's result",
            Self::MoveIntended { .. } => "an intended move",
            Self::MoveLooked { .. } => "a look after a move",
            Self::Failed { .. } => "a failure",
            Self::NothingStaged { .. } => "a look at staging",
            Self::Held { .. } => "a hold",
            Self::Released => "a release",
        }
    }
}

/// An event that does not fit the block's state: a late answer, or a defect. The state stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("block {number} is {state}: {event} does not fit")]
pub struct IllegalTransition {
    /// The block's number.
    pub number: u32,
    /// Its state.
    pub state: &'static str,
    /// The event.
    pub event: String,
}
