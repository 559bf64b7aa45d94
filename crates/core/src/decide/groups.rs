//! Groups: members that are verified together.

use crate::activity::ActivityState;
use crate::block::{AfterAbandon, BlockState, Group};
use crate::vocabulary::BlockNumber;

pub(super) fn members(group: Group) -> impl Iterator<Item = BlockNumber> {
    (group.first.0..group.first.0.saturating_add(group.members)).map(BlockNumber)
}

/// Whether a member of the group was ingested: that every member was verified is stored therein.
pub(super) fn has_begun(state: &ActivityState, group: Group) -> bool {
    members(group).any(|number| {
        // A folded member was moved.
        let Some(member) = state.blocks.get(&number) else {
            return true;
        };
        match &member.state {
            BlockState::Ingesting { .. }
            | BlockState::Ingested { .. }
            | BlockState::Moving { .. }
            | BlockState::Moved { .. }
            // An ingestion of a verified export failed; its files are still the truth.
            | BlockState::Abandoning { next: AfterAbandon::Ingest { .. }, .. }
            | BlockState::Held { files: Some(_), .. } => true,
            BlockState::Exported { .. }
            | BlockState::Planned { .. }
            | BlockState::Replanning
            | BlockState::Exporting { .. }
            | BlockState::Abandoning { .. }
            | BlockState::Expired
            | BlockState::Held { .. } => false,
        }
    })
}
