//! Commands that may still run though nobody waits for them.

use super::{Ghost, SlotKind};
use crate::block::{Block, BlockState, Failure};
use crate::vocabulary::Millis;

/// What a failed command leaves.
pub(super) enum Left {
    /// It may still run, and takes a slot.
    Running(Ghost),
    /// It is said to have ended, and one of its nodes may still write.
    Late,
    /// Nothing that was not there when its end was told.
    Nothing,
}

/// What the command that a block waited for leaves when nobody waits for it any longer.
pub(super) fn left_by(before: &Block, after: &Block) -> Left {
    let (kind, sending) = match &before.state {
        BlockState::Exporting { sending, .. } => (SlotKind::Export, sending),
        BlockState::Ingesting { sending, .. } => (SlotKind::Ingest, sending),
        BlockState::Planned { .. }
        | BlockState::Replanning
        | BlockState::Exported { .. }
        | BlockState::Ingested { .. }
        | BlockState::Moving { .. }
        | BlockState::Moved { .. }
        | BlockState::Abandoning { .. }
        | BlockState::Expired
        | BlockState::Held { .. } => return Left::Nothing,
    };
    let left = !matches!(
        after.state,
        BlockState::Exporting { .. }
            | BlockState::Ingesting { .. }
            | BlockState::Exported { .. }
            | BlockState::Ingested { .. }
    );
    let failed_now = after.failures > before.failures
        || after.lost > before.lost
        || after.last_failure == Some(Failure::Group);
    match &after.last_failure {
        _ if !(left && failed_now) => Left::Nothing,
        // A count that fails while its export still runs is that of the values' check.
        Some(
            Failure::LostAnswer
            | Failure::OperationForgotten
            | Failure::Group
            | Failure::Count { .. },
        ) => Left::Running(Ghost {
            kind,
            at: sending.at(),
        }),
        Some(Failure::Operation { .. } | Failure::TimedOut | Failure::Refused { .. }) => Left::Late,
        Some(
            Failure::Staged { .. }
            | Failure::Files
            | Failure::FilesGone
            | Failure::IngestErrors
            | Failure::Fingerprint
            | Failure::StagingLost
            | Failure::TooManyExtents { .. },
        )
        | None => Left::Nothing,
    }
}

pub(super) fn remove_ghosts(ghosts: &mut Vec<Ghost>, kind: SlotKind, up_to: Millis, still: usize) {
    let mut old = ghosts
        .iter()
        .filter(|ghost| ghost.kind == kind && ghost.at <= up_to)
        .count();
    ghosts.retain(|ghost| {
        let removable = ghost.kind == kind && ghost.at <= up_to && old > still;
        old -= usize::from(removable);
        !removable
    });
}
