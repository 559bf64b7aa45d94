//! What is left of finished blocks: tags at the destination, a ledger entry, files, staging.
//! Every step may be repeated; each touches only recorded names, tags and prefixes.

use kusto_copy_core::activity::ActivityEvent;
use kusto_copy_core::block::{Block, BlockState};
use kusto_copy_core::vocabulary::{AttemptTag, BlockNumber};
use kusto_copy_staging::Put;
use serde::{Deserialize, Serialize};

use super::names::{block_folder, ledger_folder, tag_prefix};
use super::{EffectError, Outcome, Task, Workplace, troubled};

/// Times that a removal of tags is repeated within one action: it re-creates extents and may
/// collide with a merge.
const REMOVALS: usize = 5;
/// Tags of one command.
const TAGS_OF_A_COMMAND: usize = 100;

/// A finished block in the ledger: what was copied, for audits.
#[derive(Debug, Serialize)]
struct LedgerEntry<'a> {
    block: BlockNumber,
    slice: &'a kusto_copy_core::vocabulary::Slice,
    state: &'static str,
    planned_rows: u64,
    rows: u64,
    bytes: u64,
    attempts: u32,
    tag: Option<&'a AttemptTag>,
    creation_time: kusto_copy_core::vocabulary::Ticks,
}

fn entry(block: &Block) -> LedgerEntry<'_> {
    let (rows, bytes, tag) = if let BlockState::Moved { rows, bytes, tag } = &block.state {
        (*rows, *bytes, tag.as_ref())
    } else {
        (0, 0, None)
    };
    LedgerEntry {
        block: block.number,
        slice: &block.slice,
        state: block.state.name(),
        planned_rows: block.planned_rows,
        rows,
        bytes,
        attempts: block.attempts,
        tag,
        creation_time: block.creation_time,
    }
}

pub(super) async fn fold(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let tags: Vec<AttemptTag> = task
        .blocks
        .iter()
        .filter_map(|block| entry(block).tag.cloned())
        .collect();
    if !tags.is_empty() && !remove_tags(place, task, &tags).await? {
        let what = format!(
            "tags of blocks that arrived are still at table `{}`, though the cluster answers that \
             they were removed; look at the extents with the tag {}",
            task.head.destination_table,
            tags.first().map_or("", AttemptTag::as_str)
        );
        return Ok(in_vain(place, None, what));
    }
    write_ledger(place, task).await?;
    for block in &task.blocks {
        let folder = block_folder(&place.incarnation, &task.head, block.number)?;
        place.lake.delete_prefix(&folder).await?;
    }
    let blocks = task.blocks.iter().map(|block| block.number).collect();
    Ok(Outcome::event(ActivityEvent::Folded { blocks }))
}

/// What follows for something that was removed without effect: it is removed again after a pause,
/// and too many times of that hold the table.
pub(super) fn in_vain(place: &Workplace, block: Option<BlockNumber>, what: String) -> Outcome {
    Outcome {
        events: vec![troubled(block, what.clone(), false)],
        pause: Some(place.limits.retry_pause),
        trouble: Some(what),
        ..Outcome::default()
    }
}

/// Removes exact tags of moved blocks until none is left; whether that came true.
async fn remove_tags(
    place: &Workplace,
    task: &Task,
    tags: &[AttemptTag],
) -> Result<bool, EffectError> {
    let table = task.head.destination_table.as_str();
    let prefix = tag_prefix(&place.incarnation, &task.head.id);
    let mut left = tags.to_vec();
    for _ in 0..REMOVALS {
        for chunk in left.chunks(TAGS_OF_A_COMMAND) {
            place
                .destination
                .drop_tags_now(&task.call(place, "drop-tags"), table, chunk, None)
                .await?;
        }
        let found = place
            .destination
            .arrived_tags(&task.call(place, "arrived"), table, &prefix)
            .await?;
        left.retain(|tag| found.iter().any(|found| found.tag == tag.as_str()));
        if left.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The unit's ledger object: its name and contents follow from the blocks alone, and which blocks
/// make a unit from the stored state, so whoever repeats this writes the same.
async fn write_ledger(place: &Workplace, task: &Task) -> Result<(), EffectError> {
    let (Some(first), Some(last)) = (task.blocks.first(), task.blocks.last()) else {
        return Ok(());
    };
    let name = ledger_folder(&place.incarnation, &task.head)?.object(&format!(
        "b{:06}-b{:06}.json",
        first.number.0, last.number.0
    ))?;
    let entries: Vec<LedgerEntry<'_>> = task.blocks.iter().map(entry).collect();
    let contents = serde_json::to_vec(&entries).map_err(|error| {
        EffectError::Table(format!("a ledger entry cannot be written: {error}"))
    })?;
    match place.lake.put_if_absent(&name, &contents).await? {
        Put::Created | Put::Identical => return Ok(()),
        Put::Different => {}
    }
    // Another version of this program may have written the same facts in another form.
    let written = place.lake.get(&name).await?.unwrap_or_default();
    if tells_the_same(&written, &contents) {
        return Ok(());
    }
    Err(EffectError::Table(format!(
        "the ledger object `{name}` exists with other contents; keep the lake as it is and report this"
    )))
}

/// Whether two ledger objects tell of the same blocks with the same rows and tags.
fn tells_the_same(one: &[u8], other: &[u8]) -> bool {
    #[derive(PartialEq, Eq, Deserialize)]
    struct Facts {
        block: BlockNumber,
        rows: u64,
        tag: Option<String>,
    }
    let read = |contents| serde_json::from_slice::<Vec<Facts>>(contents).ok();
    read(one).is_some_and(|facts| read(other) == Some(facts))
}

/// Drops a staging table that no attempt uses any longer: all blocks are folded, so nothing of
/// theirs is staged. `ifexists`, and the name is never used again.
pub(super) async fn drop_staging(
    place: &Workplace,
    task: &Task,
    name: &str,
) -> Result<Outcome, EffectError> {
    place
        .destination
        .staging_drop(&task.call(place, "drop-staging"), &[name])
        .await?;
    Ok(Outcome::event(ActivityEvent::StagingDropped {
        name: name.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::activity::ActivityEvent;
    use kusto_copy_core::block::{AfterAbandon, Block, BlockState};
    use kusto_copy_core::decide::Action;
    use kusto_copy_core::vocabulary::{BlockNumber, Millis, Slice, Ticks};

    use super::super::testing::{self, Cluster, Moves};
    use super::super::{Outcome, Task, execute};
    use super::tells_the_same;

    const BLOCK: BlockNumber = BlockNumber(0);

    /// At a cluster that answers to every removal and removes nothing.
    async fn removed(action: Action, state: BlockState) -> Outcome {
        let cluster = Cluster::of_moves(Moves {
            state: "Completed",
            result: "",
            staged: true,
            arrived: true,
        });
        let mut block = Block::planned(BLOCK, Slice::missing(), 1, 1, Ticks(0), Millis(0));
        block.state = state;
        let task = Task {
            blocks: vec![block],
            ..testing::staged(action)
        };
        execute(testing::place(&cluster).await, task).await
    }

    #[tokio::test]
    async fn what_is_removed_in_vain_is_counted_and_told() {
        let tag = testing::tag();
        let moved = BlockState::Moved {
            tag: Some(tag.clone()),
            rows: 1,
            bytes: 1,
        };
        let abandoned = BlockState::Abandoning {
            attempt: 1,
            tag: Some(tag.clone()),
            next: AfterAbandon::Retry,
        };
        let (block, blocks) = (BLOCK, vec![BLOCK]);
        let drop = Action::DropStaged { block, tag };
        for (action, state, of) in [
            (Action::Fold { blocks }, moved, None),
            (drop, abandoned, Some(BLOCK)),
        ] {
            let outcome = removed(action, state).await;
            let counted = |event: &ActivityEvent| matches!(event, ActivityEvent::Troubled { block, passes: false, .. } if *block == of);
            assert_eq!(outcome.events.len(), 1, "{outcome:?}");
            assert!(outcome.events.iter().all(counted), "{outcome:?}");
            assert!(outcome.pause.is_some() && outcome.trouble.is_some());
        }
    }

    #[test]
    fn a_ledger_is_known_by_its_facts_whatever_their_form() {
        let one = br#"[{"block":0,"rows":7,"tag":"kc-1","state":"moved"}]"#;
        let reworded = br#"[ {"tag":"kc-1","rows":7,"block":0,"since":3} ]"#;
        assert!(tells_the_same(one, reworded));
        let other = br#"[{"block":0,"rows":8,"tag":"kc-1"}]"#;
        assert!(!tells_the_same(one, other));
        assert!(!tells_the_same(b"cut of", b"cut of"), "nothing is told");
    }
}
