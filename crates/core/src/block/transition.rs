//! The one list of legal transitions of a block.

use super::failure::{failed, planned_or_held, reingest_or_held, replanning_or_held};
use super::{
    AfterAbandon, Block, BlockEvent, BlockState, CountCheck, ExportedFile, Failure, HeldReason,
    IllegalTransition, IngestReport, Manifest, Mode, MoveEvidence, MoveVerdict, Sending,
    judge_ingestion, judge_move,
};
use crate::limits::Limits;
use crate::vocabulary::{AttemptTag, Millis, OperationId};

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
    let name = event.name();
    let to = |state: Option<BlockState>| {
        state.map(|state| Block {
            state,
            ..block.clone()
        })
    };
    let next = match event {
        BlockEvent::ExportIntended { mode, epoch } => export_intended(block, mode, epoch, now),
        BlockEvent::NotStarted { attempt, until } => to(not_started(&block.state, attempt, until)),
        BlockEvent::Started { attempt, operation } => {
            to(started(&block.state, attempt, &operation))
        }
        BlockEvent::ExportReported { attempt, manifest } => {
            to(export_reported(block, attempt, manifest))
        }
        BlockEvent::Recounted { attempt, rows } => recounted(block, attempt, rows, now, limits),
        BlockEvent::ValuesPassed { staging, content } => values_passed(block, staging, content),
        BlockEvent::IngestIntended {
            attempt,
            tag,
            mode,
            epoch,
        } => {
            let sending = Sending::Intended { epoch, at: now };
            to(ingest_intended(&block.state, attempt, tag, mode, sending))
        }
        BlockEvent::IngestReported {
            attempt,
            files,
            report,
        } => ingest_reported(block, attempt, &files, &report, now, limits),
        BlockEvent::MoveIntended { attempt, epoch } => {
            to(move_intended(&block.state, attempt, epoch, now))
        }
        BlockEvent::MoveLooked { attempt, evidence } => {
            to(move_looked(&block.state, attempt, &evidence))
        }
        BlockEvent::Failed { attempt, failure } => failed(block, attempt, failure, now, limits),
        BlockEvent::NothingStaged { attempt } => to(nothing_staged(block, attempt, now, limits)),
        BlockEvent::Held { reason } => to(held(block, reason)),
        BlockEvent::Released => released(block),
    };
    next.map(|next| Block {
        // What is only noted of a block does not make it wait anew.
        since: if next.state == block.state {
            block.since
        } else {
            now
        },
        ..next
    })
    .ok_or_else(|| IllegalTransition {
        number: block.number.0,
        state: block.state.name(),
        event: name.to_owned(),
    })
}

fn export_intended(block: &Block, mode: Mode, epoch: u64, now: Millis) -> Option<Block> {
    let BlockState::Planned { .. } = block.state else {
        return None;
    };
    let mut next = block.clone();
    next.attempts += 1;
    next.state = BlockState::Exporting {
        attempt: next.attempts,
        mode,
        sending: Sending::Intended { epoch, at: now },
    };
    Some(next)
}

fn export_reported(block: &Block, attempt: u32, manifest: Manifest) -> Option<BlockState> {
    let BlockState::Exporting {
        attempt: current, ..
    } = &block.state
    else {
        return None;
    };
    let count = if manifest.rows == block.planned_rows {
        CountCheck::Agreed
    } else {
        CountCheck::Differs
    };
    (*current == attempt).then(|| BlockState::exported(attempt, manifest, count))
}

/// Noted while the rows may still be exported and ingested. A check that comes later was of an
/// attempt whose rows are staged by now, or of a block that is planned anew.
fn values_passed(block: &Block, staging: u32, content: Option<String>) -> Option<Block> {
    let fits = match &block.state {
        BlockState::Planned { .. }
        | BlockState::Exporting { .. }
        | BlockState::Exported { .. }
        | BlockState::Abandoning { .. } => true,
        BlockState::Replanning
        | BlockState::Ingesting { .. }
        | BlockState::Ingested { .. }
        | BlockState::Moving { .. }
        | BlockState::Moved { .. }
        | BlockState::Expired
        | BlockState::Held { .. } => false,
    };
    fits.then(|| Block {
        values_passed: Some(staging),
        content,
        ..block.clone()
    })
}

fn ingest_intended(
    state: &BlockState,
    attempt: u32,
    tag: AttemptTag,
    mode: Mode,
    sending: Sending,
) -> Option<BlockState> {
    let BlockState::Exported {
        attempt: current,
        manifest,
        count: CountCheck::Agreed,
        ..
    } = state
    else {
        return None;
    };
    let manifest = manifest.clone();
    (*current == attempt).then_some(BlockState::Ingesting {
        attempt,
        manifest,
        tag,
        mode,
        sending,
    })
}

fn nothing_staged(block: &Block, attempt: u32, now: Millis, limits: &Limits) -> Option<BlockState> {
    let BlockState::Abandoning {
        attempt: current,
        next,
        ..
    } = &block.state
    else {
        return None;
    };
    (*current == attempt).then(|| match next {
        AfterAbandon::Retry => planned_or_held(block, now, limits),
        AfterAbandon::Replan => replanning_or_held(block, limits),
        AfterAbandon::Ingest { manifest } => reingest_or_held(block, manifest, limits),
    })
}

/// A move's only other exit is decided by looking; what may be staged is dropped first; a
/// finished block stays finished.
fn held(block: &Block, reason: HeldReason) -> Option<BlockState> {
    let finished = matches!(
        block.state,
        BlockState::Moving { .. } | BlockState::Moved { .. } | BlockState::Expired
    );
    let verified = if let BlockState::Exported {
        manifest,
        count: CountCheck::Agreed,
        ..
    } = &block.state
    {
        Some(manifest.clone())
    } else {
        None
    };
    // A group's values are checked before any member is ingested: what was repaired at the
    // source since is exported anew, never ingested from the old files.
    let values = matches!(reason, HeldReason::Values { .. });
    let files = verified.filter(|_| block.group.is_some() && !values);
    (!finished && !holds_something_staged(&block.state))
        .then_some(BlockState::Held { reason, files })
}

/// The user asks for another try. A lost move is looked at by a person, never tried again: its
/// rows may be at the destination under other extents.
fn released(block: &Block) -> Option<Block> {
    if !block.is_releasable() {
        return None;
    }
    let mut next = block.clone();
    if let BlockState::Moving { sends, .. } = &mut next.state {
        // Sends hold a table in the end. The next one looks at what is staged all the same.
        *sends = 1;
        return Some(next);
    }
    let BlockState::Held { files, .. } = &block.state else {
        return None;
    };
    let state = if let Some(manifest) = files {
        BlockState::exported(block.attempts, manifest.clone(), CountCheck::Agreed)
    } else if block.group.is_some() {
        BlockState::Replanning
    } else {
        BlockState::Planned { not_before: None }
    };
    Some(Block {
        failures: 0,
        lost: 0,
        state,
        ..block.clone()
    })
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
        next.content = None;
        next.state = BlockState::exported(attempt, manifest.clone(), CountCheck::Agreed);
        return Some(next);
    }
    let failure = Failure::Count {
        // A group keeps to its plan even where a recount finds what was exported.
        planned: if manifest.rows == rows {
            block.planned_rows
        } else {
            rows
        },
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
            files: None,
        }),
    }
}
