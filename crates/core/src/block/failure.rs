//! Where a failed attempt leads: another attempt, another plan, another ingestion, or a hold.

use super::{AfterAbandon, Block, BlockState, CountCheck, Failure, HeldReason, Manifest};
use crate::limits::Limits;
use crate::vocabulary::Millis;

/// So many lost answers count as one failure does: executions that are killed lose answers too,
/// which says nothing of a block or of a move.
pub const LOST_FOR_A_FAILURE: u32 = 5;

pub(super) fn failed(
    block: &Block,
    attempt: u32,
    failure: Failure,
    now: Millis,
    limits: &Limits,
) -> Option<Block> {
    let replan = replans(block, &failure);
    let (current, tag, manifest) = match &block.state {
        BlockState::Exporting { attempt, .. } | BlockState::Exported { attempt, .. } => {
            (*attempt, None, None)
        }
        BlockState::Ingesting {
            attempt,
            tag,
            manifest,
            ..
        }
        | BlockState::Ingested {
            attempt,
            tag,
            manifest,
            ..
        } => (*attempt, Some(tag.clone()), Some(manifest)),
        BlockState::Planned { .. }
        | BlockState::Replanning
        | BlockState::Moving { .. }
        | BlockState::Moved { .. }
        | BlockState::Abandoning { .. }
        | BlockState::Expired
        | BlockState::Held { .. } => return None,
    };
    if current != attempt {
        return None;
    }
    let after = match (manifest, block.group) {
        // Others of the group may have moved: the verified files stay the truth.
        (Some(manifest), Some(_)) => AfterAbandon::Ingest {
            manifest: manifest.clone(),
        },
        (Some(_), None) | (None, _) if replan => AfterAbandon::Replan,
        (Some(_), None) | (None, _) => AfterAbandon::Retry,
    };
    let mut next = block.clone();
    next.since = now;
    count(&mut next, &failure);
    next.last_failure = Some(failure);
    if block.group.is_none() {
        // The next attempt exports what the source has then.
        next.content = None;
    }
    next.state = match tag {
        Some(tag) => BlockState::Abandoning {
            attempt,
            tag: Some(tag),
            next: after,
        },
        // Nothing was ever sent to staging: nothing to drop, nothing to wait for.
        None if after == AfterAbandon::Replan => replanning_or_held(&next, limits),
        None => planned_or_held(&next, now, limits),
    };
    Some(next)
}

/// Counts it as what it is: a failure of the block itself, a lost answer, or another's failure.
const fn count(block: &mut Block, failure: &Failure) {
    match failure {
        Failure::Group => {}
        Failure::LostAnswer => block.lost += 1,
        Failure::Operation { .. }
        | Failure::TimedOut
        | Failure::Refused { .. }
        | Failure::OperationForgotten
        | Failure::Count { .. }
        | Failure::Staged { .. }
        | Failure::Files
        | Failure::FilesGone
        | Failure::IngestErrors
        | Failure::Fingerprint
        | Failure::StagingLost
        | Failure::TooManyExtents { .. } => block.failures += 1,
    }
}

/// Whether the slice has to be cut anew: the block was too large, or its group's extents changed.
const fn replans(block: &Block, failure: &Failure) -> bool {
    match failure {
        Failure::TimedOut | Failure::TooManyExtents { .. } => true,
        Failure::Count { .. } => block.group.is_some(),
        Failure::LostAnswer
        | Failure::Operation { .. }
        | Failure::Refused { .. }
        | Failure::OperationForgotten
        | Failure::Staged { .. }
        | Failure::Files
        | Failure::FilesGone
        | Failure::IngestErrors
        | Failure::Fingerprint
        | Failure::StagingLost => false,
        Failure::Group => true,
    }
}

fn held_after_failures(
    block: &Block,
    files: Option<&Manifest>,
    limits: &Limits,
) -> Option<BlockState> {
    let most_lost = limits.failures.saturating_mul(LOST_FOR_A_FAILURE);
    let too_many = block.failures >= limits.failures || block.lost >= most_lost;
    too_many.then(|| BlockState::Held {
        reason: HeldReason::Attempts {
            failures: block.failures + block.lost,
            last: block
                .last_failure
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
        },
        files: files.cloned(),
    })
}

pub(super) fn replanning_or_held(block: &Block, limits: &Limits) -> BlockState {
    held_after_failures(block, None, limits).unwrap_or(BlockState::Replanning)
}

pub(super) fn planned_or_held(block: &Block, now: Millis, limits: &Limits) -> BlockState {
    held_after_failures(block, None, limits).unwrap_or_else(|| BlockState::Planned {
        not_before: Some(
            now.plus(limits.retry_pause << (block.failures + block.lost).saturating_sub(1).min(6)),
        ),
    })
}

pub(super) fn reingest_or_held(block: &Block, manifest: &Manifest, limits: &Limits) -> BlockState {
    if block.last_failure == Some(Failure::FilesGone) {
        return BlockState::Held {
            reason: HeldReason::FilesGone,
            files: Some(manifest.clone()),
        };
    }
    held_after_failures(block, Some(manifest), limits).unwrap_or_else(|| {
        BlockState::exported(block.attempts, manifest.clone(), CountCheck::Agreed)
    })
}
