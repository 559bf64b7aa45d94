//! Next steps of blocks.

use super::groups::{has_begun, members};
use super::moves::Moves;
use super::step::Step;
use super::{Action, Context, Decisions, FreeSlots, OperationState, mode};
use crate::activity::{ActivityState, StagingState};
use crate::block::{Block, BlockEvent, BlockState, CountCheck, Failure, HeldReason, Sending};
use crate::limits::Verify;
use crate::vocabulary::{AttemptTag, BlockNumber, OperationId};

pub(super) fn decide(
    state: &ActivityState,
    context: &Context<'_>,
    slots: &mut FreeSlots,
    random: &mut dyn FnMut() -> u128,
    decisions: &mut Decisions,
) {
    let mut step = Step {
        state,
        context,
        slots,
        random,
        decisions,
    };
    let mut moves = Moves::default();
    for block in state.blocks.values() {
        step.block(block, &mut moves);
    }
    step.moves(moves);
}

impl Step<'_> {
    fn block(&mut self, block: &Block, moves: &mut Moves) {
        let busy = self
            .context
            .observed
            .in_flight
            .contains(&self.subject(block));
        match &block.state {
            BlockState::Planned { not_before } => {
                if !busy && self.is_due(*not_before) {
                    self.export(block);
                }
            }
            BlockState::Exporting {
                attempt, sending, ..
            } => {
                self.check_values(block);
                if !busy {
                    self.sent(block, *attempt, sending, |block, operation| {
                        Action::ReadExport { block, operation }
                    });
                }
            }
            BlockState::Exported { .. } if busy => {}
            BlockState::Exported { .. } => self.exported(block),
            BlockState::Ingesting {
                attempt, sending, ..
            } => {
                if !busy {
                    self.sent(block, *attempt, sending, |block, operation| {
                        Action::ReadIngest { block, operation }
                    });
                }
            }
            BlockState::Ingested { .. } => self.ingested(block, moves),
            BlockState::Moving {
                attempt,
                extents,
                sending,
                ..
            } => {
                self.moving(block, *attempt, extents.len(), sending, moves);
            }
            BlockState::Abandoning { tag: Some(tag), .. } => {
                if !busy {
                    self.act(Action::DropStaged {
                        block: block.number,
                        tag: tag.clone(),
                    });
                }
            }
            BlockState::Abandoning {
                tag: None, attempt, ..
            } => {
                self.block_event(block, BlockEvent::NothingStaged { attempt: *attempt });
            }
            BlockState::Replanning
            | BlockState::Moved { .. }
            | BlockState::Expired
            | BlockState::Held { .. } => {}
        }
    }

    fn exported(&mut self, block: &Block) {
        let BlockState::Exported {
            attempt,
            not_before,
            manifest,
            count,
        } = &block.state
        else {
            return;
        };
        match count {
            CountCheck::Differs => self.query(Action::Recount {
                block: block.number,
            }),
            CountCheck::Agreed => {
                if self.values_passed(block) && self.is_due(*not_before) {
                    self.ingest(block, *attempt, manifest.rows);
                }
            }
        }
    }

    fn ingested(&mut self, block: &Block, moves: &mut Moves) {
        let BlockState::Ingested {
            attempt,
            extents,
            not_before,
            ..
        } = &block.state
        else {
            return;
        };
        let lost = self.state.head.staging.as_ref();
        let lost = lost.is_some_and(|staging| staging.state == StagingState::Lost);
        let failure = if lost {
            Some(Failure::StagingLost)
        } else if extents.len() > self.context.limits.move_extents {
            // It would not fit into one command, and two are not all or nothing.
            let extents = u64::try_from(extents.len()).unwrap_or(u64::MAX);
            Some(Failure::TooManyExtents { extents })
        } else {
            None
        };
        if let Some(failure) = failure {
            let attempt = *attempt;
            self.block_event(block, BlockEvent::Failed { attempt, failure });
        } else if self.is_due(*not_before) {
            moves.ready.push((block.number, *attempt, extents.len()));
        }
    }

    fn export(&mut self, block: &Block) {
        if !self.context.begin_work
            || self.slots.exports == 0
            || !self.may_begin(&self.subject(block))
        {
            return;
        }
        self.slots.exports -= 1;
        let event = BlockEvent::ExportIntended {
            mode: mode(block.planned_rows, self.context.limits),
            epoch: self.context.epoch,
        };
        self.block_event(block, event);
        self.decisions.actions.push(Action::Export {
            block: block.number,
        });
    }

    fn check_values(&mut self, block: &Block) {
        let key = (self.state.head.id.clone(), block.number);
        let known = self.has_passed(block) || self.context.observed.values.contains_key(&key);
        // Values are cut by the sizes that staging has.
        let can = self.context.begin_work && self.state.head.staging_is_ready();
        if self.context.check_values && !known && can {
            self.query(Action::CheckValues {
                block: block.number,
            });
        }
    }

    /// Whether the block's values were found to survive the staging table in use, and its content
    /// is known where it is compared.
    fn has_passed(&self, block: &Block) -> bool {
        let compared = self.context.limits.verify == Verify::Fingerprint;
        block.values_passed == Some(self.state.head.staging_generation)
            && (block.content.is_some() || !compared)
    }

    fn values_passed(&mut self, block: &Block) -> bool {
        // Once one member is ingested, the values of all had passed; asked again after a merge
        // the predicates might find no row and tell nothing.
        let begun = block
            .group
            .is_some_and(|group| has_begun(self.state, group));
        if !self.context.check_values || begun || self.has_passed(block) {
            return true;
        }
        let key = (self.state.head.id.clone(), block.number);
        if let Some(lost) = self.context.observed.values.get(&key) {
            let reason = HeldReason::Values {
                column: lost.column.clone(),
                count: lost.count,
                what: lost.what.clone(),
            };
            self.block_event(block, BlockEvent::Held { reason });
        } else {
            self.check_values(block);
        }
        false
    }

    fn ingest(&mut self, block: &Block, attempt: u32, rows: u64) {
        let free = self.context.begin_work && self.slots.ingestions > 0;
        let free = free && self.state.head.staging_is_ready();
        if !free || !self.group_is_verified(block) || !self.may_begin(&self.subject(block)) {
            return;
        }
        self.slots.ingestions -= 1;
        let event = BlockEvent::IngestIntended {
            attempt,
            tag: AttemptTag::new(self.context.tag_prefix, (self.random)()),
            mode: mode(rows, self.context.limits),
            epoch: self.context.epoch,
        };
        self.block_event(block, event);
        self.decisions.actions.push(Action::Ingest {
            block: block.number,
        });
    }

    /// Whether every member of the block's group has exported exactly its planned rows, whose
    /// values survive.
    fn group_is_verified(&self, block: &Block) -> bool {
        let Some(group) = block.group else {
            return true;
        };
        if has_begun(self.state, group) {
            return true;
        }
        members(group).all(|number| {
            self.state.blocks.get(&number).is_some_and(|member| {
                let agreed = CountCheck::Agreed;
                let exported =
                    matches!(&member.state, BlockState::Exported { count, .. } if *count == agreed);
                exported && (!self.context.check_values || self.has_passed(member))
            })
        })
    }

    /// A command was sent, or may have been, and nobody waits for its answer.
    fn sent(
        &mut self,
        block: &Block,
        attempt: u32,
        sending: &Sending,
        read: impl Fn(BlockNumber, OperationId) -> Action,
    ) {
        let Sending::Running { operation, at } = sending else {
            // One send per intent: what became of it is unknown, so nothing of it is used.
            self.block_event(
                block,
                BlockEvent::Failed {
                    attempt,
                    failure: Failure::LostAnswer,
                },
            );
            return;
        };
        let too_old = self.context.now.since(*at) > self.context.limits.operation_timeout;
        match self.context.observed.operations.get(operation) {
            Some(OperationState::Completed) => self.act(read(block.number, operation.clone())),
            Some(OperationState::Throttled) => {
                let until = self.context.now.plus(self.context.limits.throttle_pause);
                self.block_event(block, BlockEvent::NotStarted { attempt, until });
            }
            Some(OperationState::Failed {
                state,
                status,
                timed_out,
            }) => {
                let failure = if *timed_out {
                    Failure::TimedOut
                } else {
                    Failure::Operation {
                        state: state.clone(),
                        status: status.clone(),
                    }
                };
                self.block_event(block, BlockEvent::Failed { attempt, failure });
            }
            Some(OperationState::Forgotten) => {
                let failure = Failure::OperationForgotten;
                self.block_event(block, BlockEvent::Failed { attempt, failure });
            }
            Some(OperationState::Pending) | None => {
                if too_old {
                    let failure = Failure::OperationForgotten;
                    self.block_event(block, BlockEvent::Failed { attempt, failure });
                }
            }
        }
    }
}
