//! The one list of legal transitions of a block.

use super::{
    AfterAbandon, Block, BlockState, CountCheck, Failure, HeldReason, IngestReport, Manifest, Mode,
    MoveEvidence, MoveVerdict, Sending, judge_ingestion, judge_move,
};
use crate::block::ExportedFile;
use crate::limits::Limits;
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

/// The block after the event.
///
/// # Errors
/// When the event does not fit the state.
pub fn transition(
    block: &Block,
    event: BlockEvent,
    now: Millis,
    limits: &Limits,
) -> Result<Block, IllegalTransition> {
    let illegal = || IllegalTransition {
        number: block.number.0,
        state: block.state.name(),
        event: event_name(&event).to_owned(),
    };
    let mut next = block.clone();
    next.since = now;
    match &event {
        BlockEvent::ExportIntended { mode, epoch } => {
            let BlockState::Planned { .. } = block.state else {
                return Err(illegal());
            };
            next.attempts += 1;
            next.state = BlockState::Exporting {
                attempt: next.attempts,
                mode: *mode,
                sending: Sending::Intended {
                    epoch: *epoch,
                    at: now,
                },
            };
        }
        BlockEvent::NotStarted { attempt, until } => {
            next.state = not_started(&block.state, *attempt, *until).ok_or_else(illegal)?;
        }
        BlockEvent::Started { attempt, operation } => {
            next.state = started(&block.state, *attempt, operation).ok_or_else(illegal)?;
        }
        BlockEvent::ExportReported { attempt, manifest } => {
            let BlockState::Exporting {
                attempt: current, ..
            } = &block.state
            else {
                return Err(illegal());
            };
            if current != attempt {
                return Err(illegal());
            }
            let count = if manifest.rows == block.planned_rows {
                CountCheck::Agreed
            } else {
                CountCheck::Differs
            };
            next.state = exported(*attempt, manifest.clone(), count);
        }
        BlockEvent::Recounted { attempt, rows } => {
            return recounted(block, *attempt, *rows, now, limits).ok_or_else(illegal);
        }
        BlockEvent::IngestIntended {
            attempt,
            tag,
            mode,
            epoch,
        } => {
            let BlockState::Exported {
                attempt: current,
                manifest,
                count: CountCheck::Agreed,
                ..
            } = &block.state
            else {
                return Err(illegal());
            };
            if current != attempt {
                return Err(illegal());
            }
            next.state = BlockState::Ingesting {
                attempt: *attempt,
                manifest: manifest.clone(),
                tag: tag.clone(),
                mode: *mode,
                sending: Sending::Intended {
                    epoch: *epoch,
                    at: now,
                },
            };
        }
        BlockEvent::IngestReported {
            attempt,
            files,
            report,
        } => {
            return ingest_reported(block, *attempt, files, report, now, limits)
                .ok_or_else(illegal);
        }
        BlockEvent::MoveIntended { attempt, epoch } => {
            next.state = move_intended(&block.state, *attempt, *epoch, now).ok_or_else(illegal)?;
        }
        BlockEvent::MoveLooked { attempt, evidence } => {
            next.state = move_looked(&block.state, *attempt, evidence).ok_or_else(illegal)?;
        }
        BlockEvent::Failed { attempt, failure } => {
            return failed(block, *attempt, failure.clone(), now, limits).ok_or_else(illegal);
        }
        BlockEvent::NothingStaged { attempt } => {
            let BlockState::Abandoning {
                attempt: current,
                next: after,
                ..
            } = &block.state
            else {
                return Err(illegal());
            };
            if current != attempt {
                return Err(illegal());
            }
            next.state = match after {
                AfterAbandon::Retry => planned_or_held(&next, now, limits),
                AfterAbandon::Replan => BlockState::Replanning,
                AfterAbandon::Ingest { manifest } => reingest_or_held(&next, manifest, limits),
            };
        }
        BlockEvent::Held { reason } => {
            // A move's only other exit is decided by looking; a finished block stays finished.
            if matches!(
                block.state,
                BlockState::Moving { .. } | BlockState::Moved { .. } | BlockState::Expired
            ) || holds_something_staged(&block.state)
            {
                return Err(illegal());
            }
            next.state = BlockState::Held {
                reason: reason.clone(),
            };
        }
        BlockEvent::Released => {
            let BlockState::Held { .. } = &block.state else {
                return Err(illegal());
            };
            next.failures = 0;
            next.state = if block.group.is_some() {
                BlockState::Replanning
            } else {
                BlockState::Planned { not_before: None }
            };
        }
    }
    Ok(next)
}

fn exported(attempt: u32, manifest: Manifest, count: CountCheck) -> BlockState {
    // Nothing to ingest: no row was exported and the plan, or a recount, agrees.
    if manifest.rows == 0 && matches!(count, CountCheck::Agreed) {
        return BlockState::Moved {
            tag: None,
            rows: 0,
            bytes: 0,
        };
    }
    BlockState::Exported {
        attempt,
        manifest,
        count,
        not_before: None,
    }
}

/// States in which an ingestion of ours may have left, or may yet leave, extents in staging.
const fn holds_something_staged(state: &BlockState) -> bool {
    matches!(
        state,
        BlockState::Ingesting { .. }
            | BlockState::Ingested { .. }
            | BlockState::Abandoning { tag: Some(_), .. }
    )
}

fn not_started(state: &BlockState, attempt: u32, until: Millis) -> Option<BlockState> {
    if let BlockState::Exporting {
        attempt: current, ..
    } = state
        && *current == attempt
    {
        return Some(BlockState::Planned {
            not_before: Some(until),
        });
    }
    // The tag was sent once and refused: the next send takes another.
    if let BlockState::Ingesting {
        attempt: current,
        manifest,
        ..
    } = state
        && *current == attempt
    {
        return Some(BlockState::Exported {
            attempt,
            manifest: manifest.clone(),
            count: CountCheck::Agreed,
            not_before: Some(until),
        });
    }
    None
}

fn started(state: &BlockState, attempt: u32, operation: &OperationId) -> Option<BlockState> {
    let mut next = state.clone();
    if let BlockState::Exporting {
        attempt: current,
        mode: Mode::Async,
        sending,
        ..
    }
    | BlockState::Ingesting {
        attempt: current,
        mode: Mode::Async,
        sending,
        ..
    }
    | BlockState::Moving {
        attempt: current,
        sending,
        ..
    } = &mut next
        && *current == attempt
        && matches!(sending, Sending::Intended { .. })
    {
        *sending = Sending::Running {
            operation: operation.clone(),
            at: sending.at(),
        };
        return Some(next);
    }
    None
}

fn recounted(
    block: &Block,
    attempt: u32,
    rows: u64,
    now: Millis,
    limits: &Limits,
) -> Option<Block> {
    let BlockState::Exported {
        attempt: current,
        manifest,
        count: CountCheck::Differs,
        ..
    } = &block.state
    else {
        return None;
    };
    if *current != attempt {
        return None;
    }
    if manifest.rows == rows && block.group.is_none() {
        // The source itself changed (retention, deletes): what was exported is what is there.
        let mut next = block.clone();
        next.since = now;
        next.planned_rows = rows;
        next.state = exported(attempt, manifest.clone(), CountCheck::Agreed);
        return Some(next);
    }
    let failure = Failure::Count {
        planned: rows,
        exported: manifest.rows,
    };
    failed(block, attempt, failure, now, limits)
}

fn ingest_reported(
    block: &Block,
    attempt: u32,
    files: &[ExportedFile],
    report: &IngestReport,
    now: Millis,
    limits: &Limits,
) -> Option<Block> {
    let BlockState::Ingesting {
        attempt: current,
        manifest,
        tag,
        ..
    } = &block.state
    else {
        return None;
    };
    if *current != attempt {
        return None;
    }
    match judge_ingestion(files, report) {
        Ok(extents) => {
            let mut next = block.clone();
            next.since = now;
            next.state = BlockState::Ingested {
                attempt,
                manifest: manifest.clone(),
                tag: tag.clone(),
                extents,
                not_before: None,
            };
            Some(next)
        }
        Err(failure) => failed(block, attempt, failure, now, limits),
    }
}

fn move_intended(state: &BlockState, attempt: u32, epoch: u64, now: Millis) -> Option<BlockState> {
    let intended = Sending::Intended { epoch, at: now };
    if let BlockState::Ingested {
        attempt: current,
        manifest,
        tag,
        extents,
        ..
    } = state
        && *current == attempt
    {
        return Some(BlockState::Moving {
            attempt,
            rows: manifest.rows,
            bytes: manifest.bytes,
            tag: tag.clone(),
            extents: extents.clone(),
            sending: intended,
            sends: 1,
        });
    }
    let mut next = state.clone();
    if let BlockState::Moving {
        attempt: current,
        sending,
        sends,
        ..
    } = &mut next
        && *current == attempt
    {
        *sending = intended;
        *sends += 1;
        return Some(next);
    }
    None
}

fn move_looked(state: &BlockState, attempt: u32, evidence: &MoveEvidence) -> Option<BlockState> {
    let BlockState::Moving {
        attempt: current,
        rows,
        bytes,
        tag,
        ..
    } = state
    else {
        return None;
    };
    if *current != attempt {
        return None;
    }
    match judge_move(evidence) {
        MoveVerdict::Moved => Some(BlockState::Moved {
            tag: Some(tag.clone()),
            rows: *rows,
            bytes: *bytes,
        }),
        // Another send needs an intent of its own.
        MoveVerdict::Again => None,
        MoveVerdict::Lost => Some(BlockState::Held {
            reason: HeldReason::MoveLost,
        }),
    }
}

fn failed(
    block: &Block,
    attempt: u32,
    failure: Failure,
    now: Millis,
    limits: &Limits,
) -> Option<Block> {
    let replan = match &failure {
        Failure::TimedOut => true,
        Failure::Count { .. } => block.group.is_some(),
        Failure::LostAnswer
        | Failure::Operation { .. }
        | Failure::Refused { .. }
        | Failure::OperationForgotten
        | Failure::Staged { .. }
        | Failure::Files
        | Failure::IngestErrors
        | Failure::Fingerprint => false,
        Failure::Group => true,
    };
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
    next.failures += u32::from(failure != Failure::Group);
    next.last_failure = Some(failure);
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

fn held_after_failures(block: &Block, limits: &Limits) -> Option<BlockState> {
    (block.failures >= limits.failures).then(|| BlockState::Held {
        reason: HeldReason::Attempts {
            failures: block.failures,
            last: block
                .last_failure
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
        },
    })
}

fn replanning_or_held(block: &Block, limits: &Limits) -> BlockState {
    held_after_failures(block, limits).unwrap_or(BlockState::Replanning)
}

fn planned_or_held(block: &Block, now: Millis, limits: &Limits) -> BlockState {
    held_after_failures(block, limits).unwrap_or_else(|| BlockState::Planned {
        not_before: Some(now.plus(limits.retry_pause << block.failures.saturating_sub(1).min(6))),
    })
}

fn reingest_or_held(block: &Block, manifest: &Manifest, limits: &Limits) -> BlockState {
    held_after_failures(block, limits).unwrap_or_else(|| BlockState::Exported {
        attempt: block.attempts,
        manifest: manifest.clone(),
        count: CountCheck::Agreed,
        not_before: None,
    })
}

const fn event_name(event: &BlockEvent) -> &'static str {
    match event {
        BlockEvent::ExportIntended { .. } => "an intended export",
        BlockEvent::NotStarted { .. } => "a refused start",
        BlockEvent::Started { .. } => "a started operation",
        BlockEvent::ExportReported { .. } => "an export's result",
        BlockEvent::Recounted { .. } => "a recount",
        BlockEvent::IngestIntended { .. } => "an intended ingestion",
        BlockEvent::IngestReported { .. } => "an ingestion's result",
        BlockEvent::MoveIntended { .. } => "an intended move",
        BlockEvent::MoveLooked { .. } => "a look after a move",
        BlockEvent::Failed { .. } => "a failure",
        BlockEvent::NothingStaged { .. } => "a look at staging",
        BlockEvent::Held { .. } => "a hold",
        BlockEvent::Released => "a release",
    }
}
