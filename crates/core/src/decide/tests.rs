//! Decisions that end or wait where going on would lose, double or never end.

mod effects;
mod moves;
mod tables;

use super::*;
use crate::activity::Phase;
use crate::block::{AfterAbandon, Block, BlockEvent, BlockState, CountCheck, Failure, HeldReason};
use crate::limits::Verify;
use crate::plan::PlanCursor;
use crate::testing::{
    self, NOW, block, ingested, intended, layout, manifest, member, operation, running, table, tag,
};
use crate::vocabulary::{Cursor, Ticks, Window};

fn exported() -> BlockState {
    testing::exported(CountCheck::Agreed)
}

fn moving() -> BlockState {
    testing::moving(intended())
}

fn context<'a>(observed: &'a Observations, limits: &'a Limits) -> Context<'a> {
    Context {
        observed,
        check_values: true,
        tag_prefix: "kc-1-2-",
        epoch: 1,
        begin_work: true,
        keep_staging: false,
        active_blocks: 0,
        now: NOW,
        limits,
    }
}

fn decided(state: &ActivityState, observed: &Observations) -> Decisions {
    let limits = Limits::default();
    let context = context(observed, &limits);
    let mut slots = FreeSlots {
        exports: 9,
        ingestions: 9,
        queries: 9,
    };
    decide(state, &context, &mut slots, &mut || 7)
}

/// What one execution learns of one block's values.
fn values_pass(state: &mut ActivityState, number: u32, staging: u32) {
    let event = ActivityEvent::Block {
        number: BlockNumber(number),
        event: BlockEvent::ValuesPassed {
            staging,
            content: None,
        },
    };
    state.apply(event, NOW, &Limits::default()).expect("fits");
}

fn checks(decisions: &Decisions) -> Vec<BlockNumber> {
    let check = |action: &Action| {
        let Action::CheckValues { block } = action else {
            return None;
        };
        Some(*block)
    };
    decisions.actions.iter().filter_map(check).collect()
}

fn ingests(decisions: &Decisions) -> usize {
    let ingest = |action: &&Action| matches!(action, Action::Ingest { .. });
    decisions.actions.iter().filter(ingest).count()
}

#[test]
fn no_member_is_ingested_before_the_values_of_all_have_passed() {
    let mut state = table(vec![member(0, exported()), member(1, exported())]);
    values_pass(&mut state, 0, 0);
    let decisions = decided(&state, &Observations::default());
    assert_eq!(ingests(&decisions), 0);
    // Another execution goes on where this one ended: what passed is stored with the block.
    assert_eq!(checks(&decisions), vec![BlockNumber(1)]);
    values_pass(&mut state, 1, 0);
    let decisions = decided(&state, &Observations::default());
    assert_eq!((ingests(&decisions), checks(&decisions)), (2, Vec::new()));
}

#[test]
fn values_are_held_against_the_sizes_of_the_staging_table_in_use() {
    let mut state = table(vec![block(0, exported())]);
    values_pass(&mut state, 0, 0);
    assert_eq!(ingests(&decided(&state, &Observations::default())), 1);
    state.head.staging_generation = 1;
    let decisions = decided(&state, &Observations::default());
    assert_eq!(ingests(&decisions), 0, "another one may keep shorter ones");
    assert_eq!(checks(&decisions), vec![BlockNumber(0)]);
}

#[test]
fn no_check_of_values_begins_while_no_new_work_may() {
    let sending = running();
    let exporting = BlockState::Exporting {
        attempt: 1,
        mode: Mode::Async,
        sending,
    };
    for exporting in [exporting, exported()] {
        let state = table(vec![block(0, exporting)]);
        assert_eq!(checks(&decided(&state, &Observations::default())).len(), 1);
        let (observed, limits) = (Observations::default(), Limits::default());
        let mut context = context(&observed, &limits);
        context.begin_work = false;
        let mut slots = FreeSlots {
            exports: 9,
            ingestions: 9,
            queries: 9,
        };
        let decisions = decide(&state, &context, &mut slots, &mut || 7);
        assert_eq!(decisions.actions, Vec::new(), "paused, or about to end");
    }
}

#[test]
fn a_group_that_was_begun_goes_on_without_asking_for_values_again() {
    let begun = [
        moving(),
        BlockState::Abandoning {
            attempt: 1,
            tag: Some(tag()),
            next: AfterAbandon::Ingest {
                manifest: manifest(),
            },
        },
        BlockState::Held {
            reason: HeldReason::Attempts {
                failures: 6,
                last: "x".to_owned(),
            },
            files: Some(manifest()),
        },
    ];
    for first in begun {
        let name = first.name();
        let state = table(vec![member(0, first), member(1, exported())]);
        let decisions = decided(&state, &Observations::default());
        assert_eq!(ingests(&decisions), 1, "beside a {name} member");
        let check = |action: &Action| matches!(action, Action::CheckValues { .. });
        assert!(!decisions.actions.iter().any(check), "beside {name}");
    }
    let folded = table(vec![member(1, exported())]);
    assert_eq!(ingests(&decided(&folded, &Observations::default())), 1);
}

#[test]
fn values_that_passed_are_asked_for_again_where_contents_are_compared() {
    let mut state = table(vec![block(0, exported())]);
    let staging = state.head.staging_generation;
    values_pass(&mut state, 0, staging);
    let observed = Observations::default();
    let asked = |state: &ActivityState, verify| {
        let limits = Limits {
            verify,
            ..Limits::default()
        };
        let mut slots = FreeSlots {
            exports: 9,
            ingestions: 9,
            queries: 9,
        };
        let decisions = decide(state, &context(&observed, &limits), &mut slots, &mut || 7);
        (checks(&decisions).len(), ingests(&decisions))
    };
    assert_eq!(asked(&state, Verify::Values), (0, 1));
    assert_eq!(asked(&state, Verify::Fingerprint), (1, 0));
    for block in state.blocks.values_mut() {
        block.content = Some("10-a-b".to_owned());
    }
    assert_eq!(asked(&state, Verify::Fingerprint), (0, 1));
}

#[test]
fn a_group_with_values_that_cannot_survive_is_exported_anew_after_a_release() {
    let mut state = table(vec![member(0, exported()), member(1, exported())]);
    let (limits, number) = (Limits::default(), BlockNumber(0));
    let reason = HeldReason::Values {
        column: "c".to_owned(),
        count: 1,
        what: "x".to_owned(),
    };
    for event in [BlockEvent::Held { reason }, BlockEvent::Released] {
        state
            .apply(ActivityEvent::Block { number, event }, NOW, &limits)
            .expect("fits");
    }
    let all = |block: &Block| matches!(block.state, BlockState::Replanning);
    assert!(state.blocks.values().all(all), "no old file is ingested");
}

#[test]
fn what_was_refused_is_not_sent_again_while_the_table_is_held() {
    let mut state = table(vec![member(1, moving())]);
    let mut observed = Observations::default();
    let id = state.head.id.clone();
    observed.still_staged.insert((id.clone(), BlockNumber(1)));
    let moves = |decisions: &Decisions| {
        let action = |action: &Action| matches!(action, Action::Move { .. });
        decisions.actions.iter().any(action)
    };
    assert!(moves(&decided(&state, &observed)));
    observed.refused.insert(Subject::Move(id));
    state.head.held = Some("the destination lacks a column".to_owned());
    let decisions = decided(&state, &observed);
    assert_eq!(decisions, Decisions::default());
    state.head.held = None;
    assert!(moves(&decided(&state, &observed)), "released");
}

#[test]
fn tidying_that_held_the_table_is_not_tried_again_and_again() {
    let mut state = table(Vec::new());
    state.head.staging = None;
    state.head.retired_staging.push("s".to_owned());
    let (window, layout) = (state.head.phase.window().clone(), layout());
    let at = NOW;
    state.head.phase = Phase::Completed { window, layout, at };
    assert_eq!(decided(&state, &Observations::default()).actions.len(), 1);
    state.head.held = Some("denied".to_owned());
    let decisions = decided(&state, &Observations::default());
    assert_eq!(decisions, Decisions::default());
}

#[test]
fn the_horizon_is_frozen_when_planning_begins_and_forgotten_with_the_iteration() {
    let limits = Limits::default();
    let mut state = table(Vec::new());
    state.head.staging = None;
    let window = state.head.phase.window().clone();
    state.head.phase = Phase::Starting {
        window: window.clone(),
        bounds: None,
        layout: Some(layout()),
    };
    let (name, horizon) = ("s".to_owned(), Some(Ticks(5)));
    let intended = ActivityEvent::StagingIntended { name: name.clone() };
    state.apply(intended, NOW, &limits).expect("fits");
    let ready = ActivityEvent::StagingReady { name, horizon };
    state.apply(ready, NOW, &limits).expect("fits");
    assert_eq!(state.head.horizon, horizon);
    assert!(matches!(
        &state.head.phase,
        Phase::Planning { cursor, .. } if *cursor == PlanCursor::backfill(horizon)
    ));
    let (layout, at) = (layout(), NOW);
    state.head.phase = Phase::Completed { window, layout, at };
    let next = Window {
        after: Some(Cursor("1".to_owned())),
        up_to: Cursor("2".to_owned()),
    };
    let begun = ActivityEvent::Begun {
        iteration: 2,
        window: next,
        bounds: None,
    };
    state.apply(begun, NOW, &limits).expect("fits");
    assert_eq!(state.head.horizon, None);
}

#[test]
fn a_paused_question_leaves_its_query_slot_to_the_next() {
    let mut state = table(vec![member(0, exported()), member(1, exported())]);
    for block in state.blocks.values_mut() {
        block.group = None;
    }
    let mut observed = Observations::default();
    let paused = Subject::Values(state.head.id.clone(), BlockNumber(0));
    observed.pauses.insert(paused, NOW.plus(1));
    let limits = Limits::default();
    let context = context(&observed, &limits);
    let mut slots = FreeSlots {
        exports: 9,
        ingestions: 9,
        queries: 1,
    };
    let decisions = decide(&state, &context, &mut slots, &mut || 7);
    let block = BlockNumber(1);
    assert_eq!(decisions.actions, vec![Action::CheckValues { block }]);
    assert_eq!(slots.queries, 0);
    assert!(decisions.actions.iter().all(Action::is_query));
}

#[test]
fn nothing_is_ingested_into_a_staging_table_that_is_lost_and_another_one_is_made() {
    let mut state = table(vec![member(0, ingested(1)), member(1, exported())]);
    let (limits, name) = (Limits::default(), "s".to_owned());
    let lost = ActivityEvent::StagingLost { name };
    state.apply(lost, NOW, &limits).expect("fits");
    let observed = Observations::default();
    let decisions = decided(&state, &observed);
    let failure = crate::block::Failure::StagingLost;
    let failed = ActivityEvent::Block {
        number: BlockNumber(0),
        event: BlockEvent::Failed {
            attempt: 1,
            failure,
        },
    };
    assert_eq!(decisions.events, vec![failed.clone()]);
    assert_eq!(
        decisions.actions,
        Vec::new(),
        "its tag is to be dropped first"
    );
    state.apply(failed, NOW, &limits).expect("fits");
    let gone = ActivityEvent::Block {
        number: BlockNumber(0),
        event: BlockEvent::NothingStaged { attempt: 1 },
    };
    state.apply(gone, NOW, &limits).expect("fits");
    let decisions = decided(&state, &observed);
    assert_eq!(decisions.actions, vec![Action::Prepare]);
    let name = "s2".to_owned();
    let intended = ActivityEvent::StagingIntended { name: name.clone() };
    state.apply(intended, NOW, &limits).expect("fits");
    assert_eq!(ingests(&decided(&state, &observed)), 0, "not made yet");
    let horizon = None;
    let ready = ActivityEvent::StagingReady { name, horizon };
    state.apply(ready, NOW, &limits).expect("fits");
    assert!(matches!(state.head.phase, Phase::Planned { .. }));
    assert_eq!(
        state.head.retired_staging,
        ["s"],
        "a name is never used twice"
    );
    state.head.retired_staging.clear();
    let generation = state.head.staging_generation;
    for number in [0, 1] {
        values_pass(&mut state, number, generation);
    }
    assert_eq!(ingests(&decided(&state, &observed)), 2);
}

#[test]
fn a_block_moves_in_one_command_or_is_planned_smaller() {
    let most = Limits::default().move_extents;
    assert!(most <= crate::limits::MOVE_EXTENTS_AT_MOST);
    let fits = decided(
        &table(vec![block(0, ingested(most))]),
        &Observations::default(),
    );
    let blocks = vec![BlockNumber(0)];
    assert_eq!(fits.actions, vec![Action::Move { blocks }]);
    let state = table(vec![block(0, ingested(most + 1))]);
    let decisions = decided(&state, &Observations::default());
    assert_eq!(decisions.actions, Vec::new());
    let failed = |event: &ActivityEvent| {
        let failure = Failure::TooManyExtents {
            extents: most as u64 + 1,
        };
        *event
            == ActivityEvent::Block {
                number: BlockNumber(0),
                event: BlockEvent::Failed {
                    attempt: 1,
                    failure,
                },
            }
    };
    assert!(decisions.events.iter().any(failed), "{decisions:?}");
}
