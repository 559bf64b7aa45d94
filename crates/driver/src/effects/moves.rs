//! Moves from staging into the destination table: the commit of blocks.
//!
//! Intent: the blocks are `Moving` with their staged extents, immutable. Twice, late or by a
//! stale worker: extent ids are single-use, so one of two moves of the same ids fails as a whole.
//! Lost answer: staging is looked at first, then the destination's tags.

use std::collections::BTreeSet;

use kusto_copy_core::block::{Block, BlockEvent, BlockState, MoveEvidence, Sending};
use kusto_copy_core::vocabulary::{ExtentId, OperationId};
use kusto_copy_kusto::KustoError;
use kusto_copy_kusto::commands::moves::MovedExtent;

use super::names::tag_prefix;
use super::prepare::{is_lost, lost};
use super::staged::staging;
use super::{EffectError, Outcome, Task, Workplace};

/// A moving block's attempt and extents.
fn moving(block: &Block) -> Option<(u32, &[ExtentId])> {
    if let BlockState::Moving {
        attempt, extents, ..
    } = &block.state
    {
        Some((*attempt, extents))
    } else {
        None
    }
}

pub(super) async fn send(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let (table, destination) = (staging(task)?, task.head.destination_table.as_str());
    let again = task
        .blocks
        .iter()
        .any(|block| matches!(block.state, BlockState::Moving { sends: 2.., .. }));
    let staged = if again {
        Some(all_staged(place, task).await?.unwrap_or_default())
    } else {
        None
    };
    let extents: Vec<ExtentId> = task
        .blocks
        .iter()
        .filter_map(moving)
        .flat_map(|(_, extents)| extents)
        .filter(|extent| staged.as_ref().is_none_or(|staged| staged.contains(extent)))
        .cloned()
        .collect();
    if extents.is_empty() {
        return look(place, task).await;
    }
    let call = task.call(place, "move");
    // One command, however many extents: a block that arrived in parts could not be told from one
    // that arrived whole.
    let sent = if extents.len() > place.limits.sync_move_extents {
        match place
            .destination
            .move_start(&call, table, destination, &extents)
            .await
        {
            Ok(operation) => return Ok(started(task, &operation)),
            Err(error) => Err(error),
        }
    } else {
        place
            .destination
            .move_now(&call, table, destination, &extents)
            .await
    };
    match sent {
        Ok(rows) => concluded(place, task, &rows).await,
        Err(error) => Ok(unknown(place, task, &error)),
    }
}

fn started(task: &Task, operation: &OperationId) -> Outcome {
    let mut outcome = Outcome::default();
    for block in &task.blocks {
        if let Some((attempt, _)) = moving(block) {
            let event = BlockEvent::Started {
                attempt,
                operation: operation.clone(),
            };
            outcome
                .events
                .extend(Outcome::block(block.number, event).events);
        }
    }
    outcome
}

/// The send failed: whatever became of it, the next decision looks. One that is refused again
/// and again holds the table; the blocks stay `Moving`.
fn unknown(place: &Workplace, task: &Task, error: &KustoError) -> Outcome {
    let most = place.limits.failures;
    let often =
        |block: &Block| matches!(block.state, BlockState::Moving { sends, .. } if sends >= most);
    if !error.is_passing() && task.blocks.iter().any(often) {
        let remedy = error.remedy();
        return Outcome::refused(format!("staged rows cannot be moved: {error}; {remedy}"));
    }
    Outcome {
        pause: Some(place.limits.retry_pause),
        trouble: Some(error.to_string()),
        ..Outcome::default()
    }
}

pub(super) async fn read(
    place: &Workplace,
    task: &Task,
    operation: &OperationId,
) -> Result<Outcome, EffectError> {
    match place
        .destination
        .move_details(&task.call(place, "move-details"), operation)
        .await
    {
        Ok(rows) => concluded(place, task, &rows).await,
        Err(KustoError::NotFound { .. } | KustoError::Permanent { .. }) => look(place, task).await,
        Err(error) => Err(error.into()),
    }
}

/// A result that names each extent with its new id is evidence; anything less is looked at.
async fn concluded(
    place: &Workplace,
    task: &Task,
    rows: &[MovedExtent],
) -> Result<Outcome, EffectError> {
    let arrived: BTreeSet<&ExtentId> = rows
        .iter()
        .filter(|row| row.result.is_some())
        .map(|row| &row.original)
        .collect();
    let complete = task
        .blocks
        .iter()
        .filter_map(moving)
        .all(|(_, extents)| extents.iter().all(|extent| arrived.contains(extent)));
    if !complete {
        return look(place, task).await;
    }
    let evidence = MoveEvidence {
        still_staged: Vec::new(),
        tag_in_destination: false,
        completed: true,
    };
    let mut outcome = Outcome::default();
    for block in &task.blocks {
        if let Some((attempt, _)) = moving(block) {
            let event = BlockEvent::MoveLooked {
                attempt,
                evidence: evidence.clone(),
            };
            outcome
                .events
                .extend(Outcome::block(block.number, event).events);
        }
    }
    Ok(outcome)
}

/// What the staging table holds; `None` when somebody dropped it.
async fn all_staged(
    place: &Workplace,
    task: &Task,
) -> Result<Option<BTreeSet<ExtentId>>, EffectError> {
    let (call, table) = (task.call(place, "staged"), staging(task)?);
    match place.destination.staged(&call, &[table]).await {
        Ok(staged) => Ok(Some(staged.into_iter().flat_map(|tag| tag.ids).collect())),
        Err(error @ (KustoError::NotFound { .. } | KustoError::Permanent { .. })) => {
            if is_lost(place, task, table).await? {
                Ok(None)
            } else {
                Err(error.into())
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Staging first, then the destination: a move that finishes in between then shows in the second
/// look, where the other order would show it in neither.
pub(super) async fn look(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let mut outcome = Outcome::default();
    let staged = all_staged(place, task).await?;
    if staged.is_none() {
        // Nothing is staged any more: the destination alone tells what arrived.
        outcome.events.push(lost(staging(task)?));
    }
    let staged = staged.unwrap_or_default();
    let prefix = tag_prefix(&place.incarnation, &task.head.id);
    let call = task.call(place, "arrived");
    let arrived: BTreeSet<String> = place
        .destination
        .arrived_tags(&call, &task.head.destination_table, &prefix)
        .await?
        .into_iter()
        .map(|tag| tag.tag)
        .collect();
    for block in &task.blocks {
        let BlockState::Moving {
            attempt,
            extents,
            tag,
            sending,
            ..
        } = &block.state
        else {
            continue;
        };
        let still_staged: Vec<ExtentId> = extents
            .iter()
            .filter(|extent| staged.contains(extent))
            .cloned()
            .collect();
        if !still_staged.is_empty() {
            outcome.still_staged.push(block.number);
            continue;
        }
        let evidence = MoveEvidence {
            still_staged,
            tag_in_destination: arrived.contains(tag.as_str()),
            completed: operation_completed(place, task, sending).await?,
        };
        let event = BlockEvent::MoveLooked {
            attempt: *attempt,
            evidence,
        };
        outcome
            .events
            .extend(Outcome::block(block.number, event).events);
    }
    Ok(outcome)
}

async fn operation_completed(
    place: &Workplace,
    task: &Task,
    sending: &Sending,
) -> Result<bool, EffectError> {
    let Sending::Running { operation, .. } = sending else {
        return Ok(false);
    };
    let call = task.call(place, "operations");
    let found = place
        .destination
        .operations(&call, std::slice::from_ref(operation))
        .await?;
    Ok(found.iter().any(|found| {
        found.state == kusto_copy_kusto::commands::operations::OperationState::Completed
    }))
}
