//! Commands that may still run though nobody waits for them.

use super::{Ghost, SlotKind};
use crate::block::{Block, BlockState, Failure};
use crate::vocabulary::Millis;

/// A command that nobody waits for any longer but that may still run.
pub(super) fn ghost_left_by(before: &Block, after: &Block) -> Option<Ghost> {
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
        | BlockState::Held { .. } => return None,
    };
    let left = !matches!(
        after.state,
        BlockState::Exporting { .. }
            | BlockState::Ingesting { .. }
            | BlockState::Exported { .. }
            | BlockState::Ingested { .. }
    );
    let unknown = match &after.last_failure {
        // A count that fails while its export still runs is that of the values' check.
        Some(
            Failure::LostAnswer
            | Failure::OperationForgotten
            | Failure::Group
            | Failure::Count { .. },
        ) => true,
        Some(
            Failure::Operation { .. }
            | Failure::TimedOut
            | Failure::Refused { .. }
            | Failure::Staged { .. }
            | Failure::Files
            | Failure::FilesGone
            | Failure::IngestErrors
            | Failure::Fingerprint
            | Failure::StagingLost
            | Failure::TooManyExtents { .. },
        )
        | None => false,
    };
    let failed_now = after.failures > before.failures
        || after.lost > before.lost
        || after.last_failure == Some(Failure::Group);
    (left && unknown && failed_now).then(|| Ghost {
        kind,
        at: sending.at(),
    })
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
