//! Next steps of tables: planning, folding, tidying.

use super::*;

const QUERIES: FreeSlots = FreeSlots {
    exports: 0,
    ingestions: 0,
    queries: 1,
};

fn with(
    state: &ActivityState,
    observed: &Observations,
    change: impl FnOnce(&mut Context<'_>),
) -> Decisions {
    let limits = Limits::default();
    let mut context = context(observed, &limits);
    change(&mut context);
    decide(state, &context, &mut { QUERIES }, &mut || 7)
}

fn planning() -> ActivityState {
    testing::activity(|window, layout| Phase::Planning {
        window,
        layout,
        cursor: PlanCursor::delta(None),
    })
}

fn moved() -> BlockState {
    BlockState::Moved {
        tag: Some(tag()),
        rows: 10,
        bytes: 5,
    }
}

#[test]
fn planning_waits_for_room_and_for_a_query() {
    let (state, observed) = (planning(), Observations::default());
    let most = Limits::default().active_blocks;
    let at = |active| with(&state, &observed, |context| context.active_blocks = active);
    assert_eq!(at(most - 1).actions, [Action::Plan]);
    assert_eq!(at(most), Decisions::default());
    let limits = Limits::default();
    let mut none = FreeSlots {
        queries: 0,
        ..QUERIES
    };
    let context = context(&observed, &limits);
    let decisions = decide(&state, &context, &mut none, &mut || 7);
    assert_eq!(decisions, Decisions::default());
}

#[test]
fn a_tables_action_waits_for_work_to_be_allowed_for_its_pause_and_for_the_one_that_runs() {
    let (state, mut observed) = (planning(), Observations::default());
    let decisions = with(&state, &observed, |context| context.begin_work = false);
    assert_eq!(decisions, Decisions::default());
    let subject = Subject::Table(state.head.id.clone());
    observed.pauses.insert(subject.clone(), NOW.plus(1));
    let waits = Decisions {
        wake_at: Some(NOW.plus(1)),
        ..Decisions::default()
    };
    assert_eq!(with(&state, &observed, |_| ()), waits);
    observed.pauses.insert(subject.clone(), NOW);
    assert_eq!(with(&state, &observed, |_| ()).actions, [Action::Plan]);
    observed.in_flight.insert(subject);
    assert_eq!(with(&state, &observed, |_| ()), Decisions::default());
}

#[test]
fn a_group_is_planned_anew_when_all_its_members_wait_for_it() {
    let exporting = BlockState::Exporting {
        attempt: 1,
        mode: Mode::Async,
        sending: running(),
    };
    let observed = Observations::default();
    let group = |second| table(vec![member(0, BlockState::Replanning), member(1, second)]);
    assert_eq!(
        with(&group(exporting), &observed, |context| {
            context.check_values = false;
        }),
        Decisions::default()
    );
    let blocks = vec![BlockNumber(0), BlockNumber(1)];
    let decisions = with(&group(BlockState::Replanning), &observed, |_| ());
    assert_eq!(decisions.actions, [Action::Replan { blocks }]);
}

/// A ledger object is written once: with every block that its unit will ever hold.
#[test]
fn a_unit_is_folded_when_no_block_can_be_added_to_it_and_all_are_finished() {
    let observed = Observations::default();
    let folds = |next: u32, last: BlockState| {
        let mut state = planning();
        state.head.unit_blocks = 4;
        state.head.next_block = BlockNumber(next);
        for number in [1, 2] {
            state
                .blocks
                .insert(BlockNumber(number), block(number, moved()));
        }
        state.blocks.insert(BlockNumber(3), block(3, last));
        let decisions = with(&state, &observed, |context| context.active_blocks = 1_000);
        decisions.actions
    };
    let unfinished = BlockState::Held {
        reason: HeldReason::MoveLost,
        files: None,
    };
    let blocks = [1, 2, 3].map(BlockNumber).to_vec();
    assert_eq!(folds(4, moved()), [Action::Fold { blocks }]);
    assert_eq!(folds(3, moved()), [] as [Action; 0]);
    assert_eq!(folds(4, BlockState::Expired).len(), 1);
    assert_eq!(folds(4, unfinished), [] as [Action; 0]);
}

#[test]
fn a_completed_table_is_tidied_and_keeps_its_staging_table_when_it_goes_on() {
    let observed = Observations::default();
    let completed = |blocks| {
        let mut state = table(blocks);
        let (window, layout) = (state.head.phase.window().clone(), layout());
        let at = NOW;
        state.head.phase = Phase::Completed { window, layout, at };
        state
    };
    let keep =
        |state: &ActivityState, keep| with(state, &observed, |context| context.keep_staging = keep);
    assert_eq!(keep(&completed(Vec::new()), true), Decisions::default());
    let decisions = keep(&completed(Vec::new()), false);
    assert_eq!(decisions.events, [ActivityEvent::StagingRetired]);
    for kept in [true, false] {
        let decisions = keep(&completed(vec![block(0, moved())]), kept);
        let blocks = vec![BlockNumber(0)];
        assert_eq!(decisions.actions, [Action::Fold { blocks }], "ledger first");
        assert_eq!(decisions.events, []);
    }
}
