//! Events that would lose or double something in the state they come to, and what they leave.

use super::*;
use crate::activity::{Counters, Phase, Staging, StagingState};
use crate::block::Failure;
use crate::plan::{PlanCursor, PlanProgress};
use crate::testing::{activity, block, exported, intended, layout, member, moving, table};
use crate::vocabulary::{Cursor, Window};

fn refuses(state: &mut ActivityState, event: ActivityEvent) {
    let before = state.clone();
    let shown = format!("{event:?}");
    let applied = state.apply(event, NOW, &Limits::default());
    assert!(applied.is_err(), "{shown}");
    assert_eq!(*state, before, "{shown} changed something");
}

fn completed(blocks: Vec<Block>) -> ActivityState {
    let mut state = table(blocks);
    let (window, layout) = (state.head.phase.window().clone(), layout());
    let at = NOW;
    state.head.phase = Phase::Completed { window, layout, at };
    state
}

fn begun(iteration: u32) -> ActivityEvent {
    let window = Window {
        after: Some(Cursor("1".to_owned())),
        up_to: Cursor("2".to_owned()),
    };
    ActivityEvent::Begun {
        iteration,
        window,
        bounds: None,
    }
}

fn finished() -> BlockState {
    BlockState::Moved {
        tag: None,
        rows: 10,
        bytes: 5,
    }
}

fn attempts() -> HeldReason {
    HeldReason::Attempts {
        failures: 6,
        last: "x".to_owned(),
    }
}

fn held(reason: HeldReason) -> BlockState {
    BlockState::Held {
        reason,
        files: None,
    }
}

#[test]
fn an_iteration_begins_once_and_only_after_the_last_one() {
    refuses(&mut table(Vec::new()), begun(2));
    refuses(&mut completed(vec![block(0, finished())]), begun(2));
    refuses(&mut completed(Vec::new()), begun(1));
    let mut state = completed(Vec::new());
    state.head.next_block = BlockNumber(7);
    state.head.counters.rows_moved = 9;
    state.head.may_come_late = true;
    state.head.dropped_staging = vec!["old".to_owned()];
    apply(&mut state, begun(2));
    let head = &state.head;
    assert_eq!((head.iteration, head.next_block), (2, BlockNumber(0)));
    assert_eq!(head.counters, crate::activity::Counters::default());
    assert!(!head.may_come_late && head.dropped_staging.is_empty());
    refuses(&mut state, begun(2));
}

#[test]
fn an_older_worker_claims_nothing() {
    let mut state = table(Vec::new());
    apply(&mut state, ActivityEvent::Claimed { epoch: 5 });
    refuses(&mut state, ActivityEvent::Claimed { epoch: 4 });
    apply(&mut state, ActivityEvent::Claimed { epoch: 5 });
    assert_eq!(state.head.epoch, 5);
}

fn replanned(removed: &[u32], blocks: Vec<Block>) -> ActivityEvent {
    let progress = PlanProgress {
        blocks,
        cursor: PlanCursor::delta(None),
        expired_rows: 0,
    };
    let removed = removed.iter().copied().map(BlockNumber).collect();
    ActivityEvent::Replanned { removed, progress }
}

#[test]
fn only_blocks_that_wait_for_it_and_whole_groups_are_planned_anew() {
    let planned = || BlockState::Planned { not_before: None };
    let running = BlockState::Exporting {
        attempt: 1,
        mode: crate::block::Mode::Async,
        sending: intended(),
    };
    for state in [planned(), running, moving(intended())] {
        refuses(
            &mut table(vec![block(0, state)]),
            replanned(&[0], vec![block(1, planned())]),
        );
    }
    let replanning = || BlockState::Replanning;
    let mut group = table(vec![member(0, replanning()), member(1, replanning())]);
    refuses(&mut group, replanned(&[0], vec![block(2, planned())]));
    refuses(&mut group, replanned(&[], vec![block(2, planned())]));
    refuses(&mut group, replanned(&[0, 5], vec![block(2, planned())]));
    apply(&mut group, replanned(&[0, 1], vec![block(2, planned())]));
    let left: Vec<_> = group.blocks.keys().copied().collect();
    assert_eq!(
        (left, group.head.next_block),
        (vec![BlockNumber(2)], BlockNumber(3))
    );
}

/// Broken counts are told and not wrapped around.
#[test]
fn no_more_is_planned_anew_than_was_planned() {
    let mut state = table(vec![block(0, BlockState::Replanning)]);
    state.head.counters.rows_planned = 0;
    let new = || {
        replanned(
            &[0],
            vec![block(1, BlockState::Planned { not_before: None })],
        )
    };
    refuses(&mut state, new());
    state.head.counters = Counters {
        rows_planned: state.blocks[&BlockNumber(0)].planned_rows,
        ..Counters::default()
    };
    refuses(&mut state, new());
    state.head.counters.blocks_planned = 1;
    apply(&mut state, new());
}

/// As [`no_more_is_planned_anew_than_was_planned`].
#[test]
fn no_more_is_recounted_than_was_planned() {
    let differs = block(0, exported(crate::block::CountCheck::Differs));
    let BlockState::Exported {
        attempt, manifest, ..
    } = &differs.state
    else {
        panic!("{differs:?}");
    };
    let recounted = ActivityEvent::Block {
        number: differs.number,
        event: BlockEvent::Recounted {
            attempt: *attempt,
            rows: manifest.rows,
        },
    };
    let planned_rows = manifest.rows + 1;
    let mut state = table(vec![Block {
        planned_rows,
        ..differs.clone()
    }]);
    state.head.counters.rows_planned = 0;
    refuses(&mut state, recounted.clone());
    state.head.counters.rows_planned = planned_rows;
    apply(&mut state, recounted);
    assert_eq!(state.head.counters.rows_planned, planned_rows - 1);
}

#[test]
fn a_new_plan_does_not_forget_what_failed() {
    let before = Block {
        failures: 3,
        lost: 4,
        ..block(0, BlockState::Replanning)
    };
    let mut state = table(vec![before]);
    let new = |number| block(number, BlockState::Planned { not_before: None });
    apply(&mut state, replanned(&[0], vec![new(1), new(2)]));
    for block in state.blocks.values() {
        assert_eq!((block.failures, block.lost), (3, 4), "or no loop would end");
    }
}

#[test]
fn nothing_is_reconciled_or_folded_before_it_is_finished() {
    for unfinished in [
        BlockState::Planned { not_before: None },
        exported(crate::block::CountCheck::Agreed),
        moving(intended()),
        held(attempts()),
    ] {
        let mut state = table(vec![block(0, finished()), block(1, unfinished)]);
        refuses(&mut state, ActivityEvent::Reconciled { source_rows: 0 });
        let so_far = Reconciling {
            rows: 0,
            up_to: None,
        };
        refuses(&mut state, ActivityEvent::ReconciledInPart { so_far });
        let blocks = vec![BlockNumber(0), BlockNumber(1)];
        refuses(&mut state, ActivityEvent::Folded { blocks });
        let blocks = vec![BlockNumber(9)];
        refuses(&mut state, ActivityEvent::Folded { blocks });
        let blocks = vec![BlockNumber(0)];
        apply(&mut state, ActivityEvent::Folded { blocks });
        assert_eq!(state.head.counters.blocks_folded, 1);
    }
}

#[test]
fn a_release_tries_all_again_but_a_lost_move() {
    let mut state = table(vec![
        block(0, held(HeldReason::MoveLost)),
        block(1, held(attempts())),
    ]);
    state.head.held = Some("x".to_owned());
    apply(&mut state, ActivityEvent::Released);
    let names: Vec<_> = state.blocks.values().map(|one| one.state.name()).collect();
    assert_eq!((names, state.head.held), (vec!["held", "planned"], None));
}

#[test]
fn a_late_word_about_another_staging_table_is_refused() {
    let ready = |name: &str| ActivityEvent::StagingReady {
        name: name.to_owned(),
        horizon: None,
    };
    let lost = |name: &str| ActivityEvent::StagingLost {
        name: name.to_owned(),
    };
    let mut state = table(Vec::new());
    refuses(&mut state, ready("r"));
    refuses(&mut state, lost("r"));
    apply(&mut state, ready("s"));
    apply(&mut state, lost("s"));
    refuses(&mut state, ready("s"));
    let generation = state.head.staging_generation;
    let name = "t".to_owned();
    apply(&mut state, ActivityEvent::StagingIntended { name });
    assert_eq!(state.head.staging_generation, generation + 1);
    assert_eq!(state.head.retired_staging, ["s"]);
    // It is just being made: whoever misses it looked too early.
    refuses(&mut state, lost("t"));
    apply(&mut state, ready("t"));
}

#[test]
fn staging_is_retired_when_nothing_needs_it_any_more() {
    refuses(&mut table(Vec::new()), ActivityEvent::StagingRetired);
    let mut state = completed(vec![block(0, finished())]);
    refuses(&mut state, ActivityEvent::StagingRetired);
    let blocks = vec![BlockNumber(0)];
    apply(&mut state, ActivityEvent::Folded { blocks });
    apply(&mut state, ActivityEvent::StagingRetired);
    assert_eq!(
        (state.head.staging, state.head.retired_staging),
        (None, vec!["s".to_owned()])
    );
}

/// The horizon is about what was there before the job; later windows hold only newer rows.
#[test]
fn a_horizon_cuts_the_backfill_alone() {
    let mut state = activity(|_, layout| Phase::Starting {
        window: Window {
            after: Some(Cursor("1".to_owned())),
            up_to: Cursor("2".to_owned()),
        },
        bounds: None,
        layout: Some(layout),
    });
    let (name, horizon) = ("s".to_owned(), Some(Ticks(5)));
    apply(&mut state, ActivityEvent::StagingReady { name, horizon });
    assert_eq!(state.head.horizon, None);
    assert!(matches!(
        &state.head.phase,
        Phase::Planning { cursor, .. } if *cursor == PlanCursor::delta(None)
    ));
}

#[test]
fn a_moving_block_is_neither_failed_nor_held_with_its_table() {
    let failed = BlockEvent::Failed {
        attempt: 1,
        failure: Failure::LostAnswer,
    };
    let reason = attempts();
    for event in [failed, BlockEvent::Held { reason }, BlockEvent::Released] {
        let number = BlockNumber(0);
        refuses(
            &mut table(vec![block(0, moving(intended()))]),
            ActivityEvent::Block { number, event },
        );
    }
}

#[test]
fn the_schema_of_a_staging_table_is_that_of_its_layout() {
    let mut state = table(Vec::new());
    state.head.staging = Some(Staging {
        name: "s".to_owned(),
        schema: "another".to_owned(),
        state: StagingState::Ready,
        made: NOW,
    });
    let window = state.head.phase.window().clone();
    state.head.phase = Phase::Starting {
        window,
        bounds: None,
        layout: None,
    };
    let layout = layout();
    apply(&mut state, ActivityEvent::LayoutRead { layout });
    assert_eq!(
        (state.head.staging, state.head.retired_staging),
        (None, vec!["s".to_owned()])
    );
}
