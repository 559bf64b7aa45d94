//! Moves from staging into the destination table: the commit of blocks.
//!
//! Intent: the blocks are `Moving` with their staged extents, immutable. Twice, late or by a
//! stale worker: extent ids are single-use, so one of two moves of the same ids fails as a whole.
//! Lost answer: staging is looked at first, then the destination's tags.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use kusto_copy_core::block::{
    Block, BlockEvent, BlockState, LOST_FOR_A_FAILURE, MoveEvidence, Sending,
};
use kusto_copy_core::vocabulary::{ExtentId, OperationId};
use kusto_copy_kusto::commands::moves::MovedExtent;
use kusto_copy_kusto::commands::operations::{Operation, OperationState, Outcome as Ended};
use kusto_copy_kusto::{Fate, KustoError};

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

/// The send failed: whatever became of it, the next decision looks.
fn unknown(place: &Workplace, task: &Task, error: &KustoError) -> Outcome {
    let tries = match error.fate() {
        // A cluster without a slot or out of reach: waiting is all that helps.
        Fate::NotExecuted if error.is_passing() => None,
        Fate::NotExecuted | Fate::Failed => Some(1),
        Fate::Unknown => Some(LOST_FOR_A_FAILURE),
    };
    again(place, task, tries, &format!("{error}; {}", error.remedy()))
}

/// Another try after a pause. One that fails again and again holds the table, with the last
/// reason; the blocks stay `Moving`. `tries` of this kind count as one that failed.
fn again(place: &Workplace, task: &Task, tries: Option<u32>, what: &str) -> Outcome {
    let most = tries.map(|tries| place.limits.failures.saturating_mul(tries));
    let often = |block: &Block| matches!(block.state, BlockState::Moving { sends, .. } if most.is_some_and(|most| sends >= most));
    let what = format!("staged rows cannot be moved: {what}");
    if task.blocks.iter().any(often) {
        return Outcome::refused(what);
    }
    Outcome {
        pause: Some(place.limits.retry_pause),
        trouble: Some(what),
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
        return looked(place, task, Some(rows)).await;
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
    looked(place, task, None).await
}

/// Looks, after the cluster answered something else than that all was moved, if it did.
async fn looked(
    place: &Workplace,
    task: &Task,
    answer: Option<&[MovedExtent]>,
) -> Result<Outcome, EffectError> {
    let mut events = Vec::new();
    let staged = all_staged(place, task).await?;
    if staged.is_none() {
        // Nothing is staged any more: the destination alone tells what arrived.
        events.push(lost(staging(task)?));
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
    let operations = operations(place, task).await?;
    let rows = answer.unwrap_or_default().iter();
    let refused: Vec<&MovedExtent> = rows.filter(|row| row.result.is_none()).collect();
    let mut still = Vec::new();
    for block in &task.blocks {
        let BlockState::Moving {
            attempt,
            extents,
            tag,
            ..
        } = &block.state
        else {
            continue;
        };
        if extents.iter().any(|extent| staged.contains(extent)) {
            still.push(block.number);
            continue;
        }
        let evidence = MoveEvidence {
            still_staged: Vec::new(),
            tag_in_destination: arrived.contains(tag.as_str()),
            // Completed says nothing of what its own result calls failed.
            completed: of(&operations, block)
                .is_some_and(|operation| operation.state == OperationState::Completed)
                && !refused.iter().any(|row| extents.contains(&row.original)),
        };
        let event = BlockEvent::MoveLooked {
            attempt: *attempt,
            evidence,
        };
        events.extend(Outcome::block(block.number, event).events);
    }
    let outcome = match answer {
        _ if still.is_empty() => Outcome::default(),
        Some(_) => not_done(place, task, &refused),
        None => ended_badly(place, task, &operations),
    };
    Ok(Outcome {
        events: [events, outcome.events].concat(),
        still_staged: still,
        ..outcome
    })
}

/// What follows for extents that are still staged though the cluster answered.
fn not_done(place: &Workplace, task: &Task, refused: &[&MovedExtent]) -> Outcome {
    let words = refused.iter().map(|row| row.details.as_str());
    let words = words.into_iter().find(|words| !words.is_empty());
    let what = format!(
        "the cluster did not do it, {}; look at the destination table and its update policies",
        words.unwrap_or("without a reason")
    );
    again(place, task, Some(1), &what)
}

/// What follows for extents that are still staged from the end of the operation that was to move
/// them: one that nobody knows to have failed is sent again at once.
fn ended_badly(place: &Workplace, task: &Task, operations: &[Operation]) -> Outcome {
    let blocks = task.blocks.iter();
    let Some((operation, ended)) = blocks
        .filter_map(|block| of(operations, block))
        .map(|operation| (operation, operation.state.outcome()))
        .find(|(_, ended)| matches!(ended, Ended::Failed | Ended::Throttled))
    else {
        return Outcome::default();
    };
    let tries = (ended == Ended::Failed).then_some(1);
    let (state, status) = (&operation.state, &operation.status);
    let what = format!("the operation ended as {state:?}: {status}");
    again(place, task, tries, &what)
}

/// What the cluster knows of the operations that were to move these blocks.
async fn operations(place: &Workplace, task: &Task) -> Result<Vec<Operation>, EffectError> {
    let ids: BTreeSet<&OperationId> = task
        .blocks
        .iter()
        .filter_map(|block| running(block))
        .collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<OperationId> = ids.into_iter().cloned().collect();
    let call = task.call(place, "operations");
    Ok(place.destination.operations(&call, &ids).await?)
}

/// The operation that was to move a block, where an answer named it.
fn running(block: &Block) -> Option<&OperationId> {
    if let BlockState::Moving {
        sending: Sending::Running { operation, .. },
        ..
    } = &block.state
    {
        Some(operation)
    } else {
        None
    }
}

fn of<'a>(operations: &'a [Operation], block: &Block) -> Option<&'a Operation> {
    let operation = running(block)?;
    operations.iter().find(|found| found.id == *operation)
}
