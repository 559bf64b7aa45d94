//! What an activity keeps beside its blocks: troubles, staging, ledger units, ghosts.

mod ghosts;
mod refusals;

use super::{ActivityEvent, ActivityState, Ghost, Phase, Reconciling, SlotKind};
use crate::block::{Block, BlockEvent, BlockState, HeldReason};
use crate::limits::Limits;
use crate::testing::{NOW, activity, table};
use crate::vocabulary::{BlockNumber, Millis, Slice, Ticks};

fn planned() -> ActivityState {
    table(Vec::new())
}

fn apply(state: &mut ActivityState, event: ActivityEvent) {
    state
        .apply(event, NOW, &Limits::default())
        .expect("the event fits");
}

fn troubled(block: Option<BlockNumber>, passes: bool) -> ActivityEvent {
    let what = "no permission in the lake; grant it".to_owned();
    ActivityEvent::Troubled {
        block,
        what,
        passes,
    }
}

#[test]
fn what_fails_too_often_holds_the_table_with_its_remedy() {
    let most = Limits::default().failures;
    let mut state = planned();
    for _ in 1..most {
        apply(&mut state, troubled(None, false));
    }
    assert_eq!(state.head.held, None);
    assert_eq!(state.head.troubles[0].tries, most - 1);
    apply(&mut state, troubled(None, false));
    let held = state.head.held.as_deref();
    assert_eq!(held, Some("no permission in the lake; grant it"));
    apply(&mut state, ActivityEvent::Released);
    assert_eq!((state.head.held, state.head.troubles), (None, Vec::new()));
}

#[test]
fn what_passes_by_itself_is_told_and_never_holds() {
    let mut state = planned();
    for _ in 0..100 {
        apply(&mut state, troubled(None, true));
    }
    assert_eq!((state.head.held, state.head.troubles.len()), (None, 1));
}

#[test]
fn a_success_forgets_the_troubles_of_its_kind_only() {
    let mut state = planned();
    let slice = Slice::missing();
    let mut block = Block::planned(BlockNumber(3), slice, 1, 1, Ticks(0), NOW);
    block.state = BlockState::Abandoning {
        attempt: 0,
        tag: None,
        next: crate::block::AfterAbandon::Retry,
    };
    state.blocks.insert(block.number, block);
    let number = BlockNumber(3);
    apply(&mut state, troubled(None, false));
    apply(&mut state, troubled(Some(number), false));
    let event = BlockEvent::NothingStaged { attempt: 0 };
    apply(&mut state, ActivityEvent::Block { number, event });
    let of: Vec<_> = state.head.troubles.iter().map(|one| one.block).collect();
    assert_eq!(of, [None]);
}

#[test]
fn a_table_is_not_tidy_while_a_command_may_still_run() {
    let mut state = activity(|window, layout| Phase::Completed {
        window,
        layout,
        at: NOW,
    });
    assert!(state.is_tidy(true));
    let kind = SlotKind::Export;
    state.head.ghosts.push(Ghost { kind, at: NOW });
    assert!(!state.is_tidy(true) && state.is_haunted(true));
    let gone = ActivityEvent::GhostsGone {
        kind,
        up_to: NOW,
        still: 0,
    };
    apply(&mut state, gone);
    assert!(state.is_tidy(true) && !state.is_haunted(true));
}

#[test]
fn values_that_are_tried_again_get_another_staging_table() {
    let mut state = planned();
    let (number, slice) = (BlockNumber(0), Slice::missing());
    let mut block = Block::planned(number, slice, 1, 1, Ticks(0), NOW);
    let reason = HeldReason::Values {
        column: "c".to_owned(),
        count: 1,
        what: "too long".to_owned(),
    };
    block.state = BlockState::Held {
        reason,
        files: None,
    };
    state.blocks.insert(number, block);
    assert!(!state.needs_staging());
    apply(&mut state, ActivityEvent::Released);
    assert!(state.needs_staging());
    let name = "s2".to_owned();
    apply(&mut state, ActivityEvent::StagingIntended { name });
    assert_eq!(state.head.retired_staging, ["s"]);
    let name = "s".to_owned();
    apply(&mut state, ActivityEvent::StagingDropped { name });
    assert_eq!(state.head.dropped_staging, ["s"], "dropped once more later");
}

#[test]
fn ledger_units_are_frozen_when_planning_begins() {
    let mut state = activity(|window, layout| Phase::Starting {
        window,
        bounds: None,
        layout: Some(layout),
    });
    let limits = Limits {
        unit_blocks: 8,
        ..Limits::default()
    };
    let (name, horizon) = ("s".to_owned(), None);
    let ready = ActivityEvent::StagingReady { name, horizon };
    state.apply(ready, NOW, &limits).expect("fits");
    assert_eq!(state.head.unit_blocks, 8, "whatever later programs use");
}

/// Executions that are too short to count a window at once count it together.
#[test]
fn a_window_is_counted_part_by_part_and_from_the_start_after_a_hold() {
    let counted = |state: &ActivityState| {
        let Phase::Planned { reconciled, .. } = &state.head.phase else {
            panic!("{:?}", state.head.phase);
        };
        *reconciled
    };
    let so_far = Reconciling {
        rows: 7,
        up_to: Some(Ticks(5)),
    };
    let mut state = planned();
    state.head.counters.rows_moved = 9;
    apply(&mut state, troubled(None, true));
    apply(&mut state, ActivityEvent::ReconciledInPart { so_far });
    assert_eq!(state.head.troubles, Vec::new(), "it goes on");
    assert_eq!(counted(&state), Some(so_far));
    apply(&mut state, ActivityEvent::Reconciled { source_rows: 10 });
    assert!(state.head.held.is_some(), "one row more than was copied");
    assert_eq!(counted(&state), None);
    apply(&mut state, ActivityEvent::Released);
    apply(&mut state, ActivityEvent::Reconciled { source_rows: 9 });
    assert!(matches!(state.head.phase, Phase::Completed { .. }));
    let late = ActivityEvent::ReconciledInPart { so_far };
    assert!(state.apply(late, NOW, &Limits::default()).is_err());
}

#[test]
fn a_kept_staging_table_serves_another_iteration_unless_it_is_old_or_may_be_filled_late() {
    let day = 24 * 3_600_000;
    let begun = |late: bool, at: Millis| {
        let mut state = activity(|window, layout| Phase::Completed {
            window,
            layout,
            at: NOW,
        });
        state.head.may_come_late = late;
        let window = state.head.phase.window().clone();
        let event = ActivityEvent::Begun {
            iteration: 2,
            window,
            bounds: None,
        };
        let limits = Limits::default();
        state.apply(event, at, &limits).expect("the event fits");
        (state.head.staging.is_some(), state.head.retired_staging)
    };
    let retired = (false, vec!["s".to_owned()]);
    assert_eq!(begun(false, NOW.plus(29 * day)), (true, Vec::new()));
    assert_eq!(begun(false, NOW.plus(31 * day)), retired);
    assert_eq!(begun(true, NOW.plus(day)), retired);
}

/// Its age counts from when it was intended.
#[test]
fn a_staging_table_knows_when_it_was_made() {
    let mut state = planned();
    state.head.staging = None;
    let name = "t".to_owned();
    apply(&mut state, ActivityEvent::StagingIntended { name });
    assert_eq!(state.head.staging.map(|staging| staging.made), Some(NOW));
}
