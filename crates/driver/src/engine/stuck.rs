//! When nothing goes on before somebody has looked.

use kusto_copy_core::activity::{ActivityState, Phase};
use kusto_copy_core::block::{Block, BlockState};

/// Whether every table waits for a person, itself or for the room that held blocks of others
/// take. To be asked only while nothing is decided, runs or is waited for.
pub(super) fn all<'a, I>(states: impl Fn() -> I, active_blocks: usize) -> bool
where
    I: Iterator<Item = &'a ActivityState>,
{
    let active: usize = states().map(|state| state.unfinished().count()).sum();
    let waits_for_room = |state: &ActivityState| {
        active >= active_blocks
            && matches!(state.head.phase, Phase::Planning { .. })
            && state.unfinished().next().is_none()
    };
    states().any(is_stuck) && states().all(|state| is_stuck(state) || waits_for_room(state))
}

/// Whether a table has something that waits for a person, and nothing else.
pub(super) fn is_stuck(state: &ActivityState) -> bool {
    // What its blocks could still do without it is done when this is asked.
    state.head.held.is_some()
        || (state.blocks.values().any(is_held)
            && state
                .unfinished()
                .all(|block| is_held(block) || waits_for_its_group(state, block)))
}

const fn is_held(block: &Block) -> bool {
    matches!(block.state, BlockState::Held { .. })
}

/// Whether a block can go on only with all members of its group, of which one is held.
fn waits_for_its_group(state: &ActivityState, block: &Block) -> bool {
    let waits = matches!(
        block.state,
        BlockState::Exported { .. } | BlockState::Replanning
    );
    let held = |other: &Block| other.group == block.group && is_held(other);
    waits && block.group.is_some() && state.blocks.values().any(held)
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use kusto_copy_core::activity::{ActivityEvent, ActivityState};
    use kusto_copy_core::block::{Block, BlockState, Group, HeldReason};
    use kusto_copy_core::limits::Limits;
    use kusto_copy_core::vocabulary::{BlockNumber, Cursor, Millis, Slice, Ticks, Window};

    use super::all;

    fn table() -> ActivityState {
        let window = Window {
            after: None,
            up_to: Cursor("1".to_owned()),
        };
        ActivityState::begin("a", "T", "b", "T", 1, window, None, 1, Millis(0))
    }

    fn block(number: u32, state: BlockState) -> Block {
        let (number, slice) = (BlockNumber(number), Slice::missing());
        let mut block = Block::planned(number, slice, 1, 1, Ticks(0), Millis(0));
        block.state = state;
        block.group = Some(Group {
            first: BlockNumber(0),
            members: 2,
        });
        block
    }

    fn held() -> BlockState {
        BlockState::Held {
            reason: HeldReason::MoveLost,
            files: None,
        }
    }

    fn with(states: [BlockState; 2]) -> ActivityState {
        let mut table = table();
        for (number, state) in (0..).zip(states) {
            let block = block(number, state);
            table.blocks.insert(block.number, block);
        }
        table
    }

    #[test]
    fn a_group_waits_for_its_held_member_and_other_blocks_do_not() {
        let waiting = with([held(), BlockState::Replanning]);
        assert!(all(|| once(&waiting), 10));
        let going = with([held(), BlockState::Planned { not_before: None }]);
        assert!(!all(|| once(&going), 10), "it may be exported");
        let nothing_held = with([BlockState::Replanning, BlockState::Replanning]);
        assert!(!all(|| once(&nothing_held), 10));
    }

    #[test]
    fn a_held_table_is_stuck_whatever_its_blocks_wait_for() {
        let mut table = with([BlockState::Replanning, BlockState::Replanning]);
        let reason = "a permission is missing".to_owned();
        table
            .apply(
                ActivityEvent::Held { reason },
                Millis(1),
                &Limits::default(),
            )
            .expect("fits");
        assert!(all(|| once(&table), 10));
    }
}
