//! Next steps of a table's moves: one at a time, each the commit of whole blocks.

use std::collections::BTreeMap;

use super::step::Step;
use super::{Action, OperationState, Subject};
use crate::activity::ActivityEvent;
use crate::block::{Block, BlockEvent, Sending};
use crate::vocabulary::{BlockNumber, OperationId};

/// Blocks of the table that a move is about.
#[derive(Default)]
pub(super) struct Moves {
    pub(super) ready: Vec<(BlockNumber, u32, usize)>,
    unknown: Vec<BlockNumber>,
    completed: BTreeMap<OperationId, Vec<BlockNumber>>,
    running: bool,
}

impl Step<'_> {
    pub(super) fn moving(
        &mut self,
        block: &Block,
        attempt: u32,
        extents: usize,
        sending: &Sending,
        moves: &mut Moves,
    ) {
        let id = &self.state.head.id;
        if self
            .context
            .observed
            .in_flight
            .contains(&Subject::Move(id.clone()))
        {
            return;
        }
        if self
            .context
            .observed
            .still_staged
            .contains(&(id.clone(), block.number))
        {
            moves.ready.push((block.number, attempt, extents));
            return;
        }
        let Sending::Running { operation, at } = sending else {
            moves.unknown.push(block.number);
            return;
        };
        match self.context.observed.operations.get(operation) {
            Some(OperationState::Completed) => {
                moves
                    .completed
                    .entry(operation.clone())
                    .or_default()
                    .push(block.number);
            }
            Some(
                OperationState::Throttled
                | OperationState::Failed { .. }
                | OperationState::Forgotten,
            ) => {
                moves.unknown.push(block.number);
            }
            Some(OperationState::Pending) | None => {
                if self.context.now.since(*at) > self.context.limits.operation_timeout {
                    moves.unknown.push(block.number);
                } else {
                    moves.running = true;
                }
            }
        }
    }

    /// One move of the table at a time: results are read first, then unknown ones looked at,
    /// then what is ready is moved in one command.
    pub(super) fn moves(&mut self, moves: Moves) {
        let subject = Subject::Move(self.state.head.id.clone());
        if !self.may_begin(&subject) {
            return;
        }
        if let Some((operation, blocks)) = moves.completed.into_iter().next() {
            self.decisions
                .actions
                .push(Action::ReadMove { blocks, operation });
        } else if !moves.unknown.is_empty() {
            self.decisions.actions.push(Action::LookMove {
                blocks: moves.unknown,
            });
        } else if !moves.running && self.context.begin_work {
            self.start_move(&moves.ready);
        }
    }

    fn start_move(&mut self, ready: &[(BlockNumber, u32, usize)]) {
        let mut blocks = Vec::new();
        let mut extents = 0;
        for (number, attempt, of_block) in ready {
            // A block's extents never go into two moves, or its tag at the destination would not
            // prove that all of them arrived. One that was staged under a higher limit goes alone.
            let full = extents + of_block > self.context.limits.move_extents
                || blocks.len() == self.context.limits.blocks_per_plan;
            if !blocks.is_empty() && full {
                break;
            }
            extents += of_block;
            blocks.push(*number);
            let event = BlockEvent::MoveIntended {
                attempt: *attempt,
                epoch: self.context.epoch,
            };
            self.decisions.events.push(ActivityEvent::Block {
                number: *number,
                event,
            });
        }
        if !blocks.is_empty() {
            self.decisions.actions.push(Action::Move { blocks });
        }
    }
}
