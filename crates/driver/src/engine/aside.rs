//! Tables that the user excludes while something of them is left: they hold nothing back, their
//! own end stays, and when they are included again they go on where they stood.

use kusto_copy_core::activity::ActivityState;
use kusto_copy_core::block::BlockState;
use kusto_copy_core::vocabulary::ActivityId;

use super::{Engine, Live};

impl Engine {
    /// Whether nothing waits for a table of a database: it is excluded with its window open, or
    /// held while it is tidied.
    pub(super) fn is_aside(&self, side: usize, id: &ActivityId) -> bool {
        let due = self.sides[side].stored.due.get(id);
        let excluded = due.is_some_and(|due| !self.options.chooses(&due.marker.source_table));
        excluded || self.aside.contains(id)
    }

    /// Whether every table that is due in a database is excluded.
    pub(super) fn all_due_aside(&self, side: usize) -> bool {
        let due = &self.sides[side].stored.due;
        due.keys().all(|id| self.is_aside(side, id))
    }
}

impl Live {
    /// Whether nothing is left of it but to learn that commands without an answer have ended:
    /// nobody waits for that.
    pub(super) fn rests(&self, keep_staging: bool) -> bool {
        self.files_deleted && self.stored.state.is_haunted(keep_staging)
    }
}

/// Whether a table, or a block of it, waits for a person.
pub(super) fn is_held(state: &ActivityState) -> bool {
    let mut blocks = state.blocks.values();
    state.head.held.is_some() || blocks.any(|block| matches!(block.state, BlockState::Held { .. }))
}
