//! What the decisions of one table have in common: its state, what is left of the slots, and what
//! was decided so far.

use super::{Action, Context, Decisions, FreeSlots, Subject};
use crate::activity::{ActivityEvent, ActivityState};
use crate::block::{Block, BlockEvent};
use crate::vocabulary::Millis;

/// One round of decisions.
pub(super) struct Step<'a> {
    pub(super) state: &'a ActivityState,
    pub(super) context: &'a Context<'a>,
    pub(super) slots: &'a mut FreeSlots,
    pub(super) random: &'a mut dyn FnMut() -> u128,
    pub(super) decisions: &'a mut Decisions,
}

impl Step<'_> {
    /// What an action about a block is about.
    pub(super) fn subject(&self, block: &Block) -> Subject {
        Subject::Block(self.state.head.id.clone(), block.number)
    }

    /// Whether a moment has come; otherwise it is one to be woken at.
    pub(super) fn is_due(&mut self, not_before: Option<Millis>) -> bool {
        let due = not_before.is_none_or(|at| at <= self.context.now);
        if let (false, Some(at)) = (due, not_before) {
            self.decisions.wake(at);
        }
        due
    }

    /// Whether an action about this subject may begin: nothing of it runs, no pause holds it and
    /// it was not refused for a reason that still holds the table.
    pub(super) fn may_begin(&mut self, subject: &Subject) -> bool {
        let observed = self.context.observed;
        let refused = self.state.head.held.is_some() && observed.refused.contains(subject);
        !refused
            && !observed.in_flight.contains(subject)
            && self.is_due(observed.pauses.get(subject).copied())
    }

    /// Begins an action unless it may not begin.
    pub(super) fn act(&mut self, action: Action) {
        if self.may_begin(&action.subject(&self.state.head.id)) {
            self.decisions.actions.push(action);
        }
    }

    /// Notes an event of a block.
    pub(super) fn block_event(&mut self, block: &Block, event: BlockEvent) {
        self.decisions.events.push(ActivityEvent::Block {
            number: block.number,
            event,
        });
    }

    /// Begins an action that runs queries, if one more may run. What may not begin anyway takes
    /// nobody's slot.
    pub(super) fn query(&mut self, action: Action) {
        if self.slots.queries > 0 && self.may_begin(&action.subject(&self.state.head.id)) {
            self.slots.queries -= 1;
            self.decisions.actions.push(action);
        }
    }
}
