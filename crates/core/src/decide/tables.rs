//! Next steps of tables: preparation, planning, reconciliation, tidying.

use super::{Action, Context, Decisions, FreeSlots, Subject};
use crate::activity::{ActivityEvent, ActivityState, Phase};
use crate::block::{Block, BlockState};
use crate::vocabulary::BlockNumber;

pub(super) fn decide(
    state: &ActivityState,
    context: &Context<'_>,
    slots: &mut FreeSlots,
    decisions: &mut Decisions,
) {
    let subject = Subject::Table(state.head.id.clone());
    if context.observed.in_flight.contains(&subject) || !context.begin_work {
        return;
    }
    if let Some(until) = context.observed.pauses.get(&subject)
        && *until > context.now
    {
        decisions.wake(*until);
        return;
    }
    if let Some(action) = next_action(state, context, slots, decisions) {
        decisions.actions.push(action);
    }
}

fn next_action(
    state: &ActivityState,
    context: &Context<'_>,
    slots: &mut FreeSlots,
    decisions: &mut Decisions,
) -> Option<Action> {
    // What held the table would fail again, tidying included: somebody has to look first.
    if state.head.held.is_some() {
        return None;
    }
    if let Some(name) = state.head.retired_staging.first() {
        return Some(Action::DropStaging { name: name.clone() });
    }
    if let Phase::Completed { .. } = state.head.phase {
        return tidy(state, context, decisions);
    }
    let starts = matches!(state.head.phase, Phase::Starting { .. });
    if starts || state.needs_staging() {
        return Some(Action::Prepare);
    }
    if let Some(blocks) = to_replan(state) {
        return take_query(slots).then_some(Action::Replan { blocks });
    }
    if let Some(blocks) = whole_unit(state) {
        return Some(Action::Fold { blocks });
    }
    match state.head.phase {
        Phase::Planning { .. } => {
            let room = context.active_blocks < context.limits.active_blocks;
            (room && take_query(slots)).then_some(Action::Plan)
        }
        Phase::Planned { .. } => {
            let finished = state.blocks.values().all(Block::is_finished);
            (finished && take_query(slots)).then_some(Action::Reconcile)
        }
        Phase::Starting { .. } | Phase::Completed { .. } => None,
    }
}

const fn take_query(slots: &mut FreeSlots) -> bool {
    let free = slots.queries > 0;
    slots.queries = slots.queries.saturating_sub(1);
    free
}

/// What is left of a completed iteration: ledger and tags of its last blocks, then staging.
fn tidy(state: &ActivityState, context: &Context<'_>, decisions: &mut Decisions) -> Option<Action> {
    if let Some(blocks) = units(state).into_iter().next() {
        return Some(Action::Fold { blocks });
    }
    if !context.keep_staging && state.head.staging.is_some() {
        decisions.events.push(ActivityEvent::StagingRetired);
        decisions.wake(context.now);
    }
    None
}

/// The block without group, or the whole group, whose rows must be planned anew.
fn to_replan(state: &ActivityState) -> Option<Vec<BlockNumber>> {
    let replanning = |number: &BlockNumber| {
        state
            .blocks
            .get(number)
            .is_some_and(|block| matches!(block.state, BlockState::Replanning))
    };
    state
        .blocks
        .values()
        .filter(|block| matches!(block.state, BlockState::Replanning))
        .find_map(|block| {
            let members: Vec<BlockNumber> = block.group.map_or_else(
                || vec![block.number],
                |group| {
                    (group.first.0..group.first.0 + group.members)
                        .map(BlockNumber)
                        .collect()
                },
            );
            members.iter().all(replanning).then_some(members)
        })
}

/// Blocks by unit: units are ranges of numbers of a stored size, so that every worker names a
/// unit's ledger object the same.
fn units(state: &ActivityState) -> Vec<Vec<BlockNumber>> {
    let unit_of = |number: &BlockNumber| number.0 / state.head.unit_blocks.max(1);
    let mut units: Vec<Vec<BlockNumber>> = Vec::new();
    for number in state.blocks.keys() {
        match units.last_mut() {
            Some(unit) if unit.first().map(unit_of) == Some(unit_of(number)) => unit.push(*number),
            Some(_) | None => units.push(vec![*number]),
        }
    }
    units
}

/// A unit of finished blocks to which no block can be added any more.
fn whole_unit(state: &ActivityState) -> Option<Vec<BlockNumber>> {
    let size = state.head.unit_blocks.max(1);
    units(state).into_iter().find(|unit| {
        let closed = unit
            .first()
            .is_some_and(|first| (first.0 / size + 1) * size <= state.head.next_block.0);
        closed
            && unit
                .iter()
                .all(|number| state.blocks.get(number).is_some_and(Block::is_finished))
    })
}
