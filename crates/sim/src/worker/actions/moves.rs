//! Moves: one at a time for a table, proven by extents alone.

use std::collections::BTreeMap;

use kusto_copy_core::block::{BlockEvent, BlockState, Mode, MoveEvidence};
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber, ExtentId, OperationId};

use super::{Handle, Happened, attempt_of, block_of, event, staging_of};
use crate::model::clusters::Trouble;
use crate::model::operations::{Command, Progress};
use crate::worker::Worker;

/// A block that moves.
struct Moving {
    number: BlockNumber,
    attempt: u32,
    tag: String,
    extents: Vec<ExtentId>,
}

fn moving(table: &Handle, blocks: &[BlockNumber]) -> Vec<Moving> {
    blocks
        .iter()
        .filter_map(|number| {
            let BlockState::Moving {
                attempt,
                tag,
                extents,
                ..
            } = block_of(table, *number)?.state
            else {
                return None;
            };
            Some(Moving {
                number: *number,
                attempt,
                tag: tag.as_str().to_owned(),
                extents,
            })
        })
        .collect()
}

impl Worker {
    pub(super) async fn send_move(
        &self,
        table: &Handle,
        id: &ActivityId,
        blocks: Vec<BlockNumber>,
    ) -> Happened {
        let moving = moving(table, &blocks);
        for block in &moving {
            self.shared
                .borrow_mut()
                .observed
                .still_staged
                .remove(&(id.clone(), block.number));
        }
        let staging = staging_of(table);
        let all: Vec<ExtentId> = moving
            .iter()
            .flat_map(|block| block.extents.clone())
            .collect();
        let again = moving
            .iter()
            .any(|block| self.sends(table, block.number) > 1);
        let extents = if again {
            let staging = staging.clone();
            self.link
                .ask("staged", Some(id), move |world| {
                    world.destination.present(&staging, &all)
                })
                .await?
        } else {
            all
        };
        if extents.is_empty() {
            return Ok(Vec::new());
        }
        let small = extents.len() <= self.manner.limits.sync_move_extents;
        let mode = if small { Mode::Sync } else { Mode::Async };
        let command = Command::Move {
            of: moving
                .iter()
                .map(|block| attempt_of(table, block.number, block.attempt))
                .collect(),
            staging,
            table: table.borrow().state.head.destination_table.clone(),
            extents,
        };
        let sent = self.send(command, mode).await?;
        self.sent_move(table, id, &moving, (sent, mode)).await
    }

    /// What follows a move that was sent.
    async fn sent_move(
        &self,
        table: &Handle,
        id: &ActivityId,
        moving: &[Moving],
        (operation, mode): (OperationId, Mode),
    ) -> Happened {
        if mode == Mode::Async {
            self.wake_poller();
            let started = |block: &Moving| {
                let (attempt, operation) = (block.attempt, operation.clone());
                event(block.number, BlockEvent::Started { attempt, operation })
            };
            return Ok(moving.iter().flat_map(started).collect());
        }
        let completed = {
            let world = self.link.sim.look();
            let operation = world.operations.get(&operation);
            operation.is_some_and(|operation| matches!(operation.progress, Progress::Moved))
        };
        let blocks = moving.iter().map(|block| block.number).collect();
        self.look_move(table, id, blocks, completed).await
    }

    fn sends(&self, table: &Handle, number: BlockNumber) -> u32 {
        match block_of(table, number).map(|block| block.state) {
            Some(BlockState::Moving { sends, .. }) => sends,
            _ => 0,
        }
    }

    /// Staging first, then the destination.
    pub(super) async fn look_move(
        &self,
        table: &Handle,
        id: &ActivityId,
        blocks: Vec<BlockNumber>,
        completed: bool,
    ) -> Happened {
        let moving = moving(table, &blocks);
        let (staged, tagged) = if self.manner.looks_backwards {
            let tagged = self.look_at_destination(table, id, &moving).await?;
            (self.look_at_staging(table, id, &moving).await?, tagged)
        } else {
            let staged = self.look_at_staging(table, id, &moving).await?;
            (staged, self.look_at_destination(table, id, &moving).await?)
        };
        let mut events = Vec::new();
        for block in moving {
            let evidence = MoveEvidence {
                still_staged: staged.get(&block.number).cloned().unwrap_or_default(),
                tag_in_destination: tagged.get(&block.number).copied().unwrap_or(false),
                completed,
            };
            if evidence.still_staged.is_empty() {
                let looked = BlockEvent::MoveLooked {
                    attempt: block.attempt,
                    evidence,
                };
                events.extend(event(block.number, looked));
            } else {
                self.shared
                    .borrow_mut()
                    .observed
                    .still_staged
                    .insert((id.clone(), block.number));
            }
        }
        Ok(events)
    }

    async fn look_at_staging(
        &self,
        table: &Handle,
        id: &ActivityId,
        moving: &[Moving],
    ) -> Result<BTreeMap<BlockNumber, Vec<ExtentId>>, Trouble> {
        let staging = staging_of(table);
        let wanted: Vec<_> = moving
            .iter()
            .map(|block| (block.number, block.extents.clone()))
            .collect();
        self.link
            .ask("staged", Some(id), move |world| {
                wanted
                    .into_iter()
                    .map(|(number, extents)| {
                        (number, world.destination.present(&staging, &extents))
                    })
                    .collect()
            })
            .await
    }

    async fn look_at_destination(
        &self,
        table: &Handle,
        id: &ActivityId,
        moving: &[Moving],
    ) -> Result<BTreeMap<BlockNumber, bool>, Trouble> {
        let name = table.borrow().state.head.destination_table.clone();
        let wanted: Vec<_> = moving
            .iter()
            .map(|block| (block.number, block.tag.clone()))
            .collect();
        self.link
            .ask("arrived", Some(id), move |world| {
                wanted
                    .into_iter()
                    .map(|(number, tag)| {
                        (
                            number,
                            !world.destination.tagged(&name, &tag).extents.is_empty(),
                        )
                    })
                    .collect()
            })
            .await
    }
}
