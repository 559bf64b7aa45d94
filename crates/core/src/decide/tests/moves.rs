//! One move of a table at a time, and never one whose outcome is unknown.

use super::*;

fn blocks_of(numbers: &[u32]) -> Vec<BlockNumber> {
    numbers.iter().copied().map(BlockNumber).collect()
}

fn said(state: &ActivityState, of: Option<OperationState>, now: Millis) -> Decisions {
    let mut observed = Observations::default();
    observed.operations.extend(of.map(|of| (operation(), of)));
    let limits = Limits::default();
    let mut context = context(&observed, &limits);
    context.now = now;
    let mut slots = FreeSlots {
        exports: 9,
        ingestions: 9,
        queries: 9,
    };
    decide(state, &context, &mut slots, &mut || 7)
}

fn intents(decisions: &Decisions) -> Vec<BlockNumber> {
    let intent = |event: &ActivityEvent| {
        let ActivityEvent::Block {
            number,
            event: BlockEvent::MoveIntended { .. },
        } = event
        else {
            return None;
        };
        Some(*number)
    };
    decisions.events.iter().filter_map(intent).collect()
}

#[test]
fn what_is_ready_waits_for_the_move_that_runs() {
    let state = table(vec![
        block(0, testing::moving(running())),
        block(1, ingested(1)),
    ]);
    for of in [None, Some(OperationState::Pending)] {
        assert_eq!(said(&state, of, NOW), Decisions::default());
    }
}

#[test]
fn a_move_is_looked_at_before_anything_of_it_is_sent_again() {
    let timeout = Limits::default().operation_timeout;
    let running = || {
        table(vec![
            block(0, testing::moving(running())),
            block(1, ingested(1)),
        ])
    };
    let failed = OperationState::Failed {
        state: "Failed".to_owned(),
        status: "x".to_owned(),
        timed_out: false,
    };
    let blocks = blocks_of(&[0]);
    let look = [Action::LookMove {
        blocks: blocks.clone(),
    }];
    for of in [OperationState::Throttled, failed, OperationState::Forgotten] {
        assert_eq!(said(&running(), Some(of), NOW).actions, look);
    }
    let late = NOW.plus(timeout + 1);
    assert_eq!(said(&running(), None, late).actions, look);
    assert_eq!(
        said(&running(), None, NOW.plus(timeout)),
        Decisions::default()
    );
    let lost = table(vec![block(0, moving()), block(1, ingested(1))]);
    assert_eq!(said(&lost, None, NOW).actions, look);
    let read = Action::ReadMove {
        blocks,
        operation: operation(),
    };
    let completed = said(&running(), Some(OperationState::Completed), NOW);
    assert_eq!(
        (completed.actions, completed.events),
        (vec![read], Vec::new())
    );
}

/// A block's extents never go into two moves: its tag would stand for half of it.
#[test]
fn a_move_takes_whole_blocks_up_to_its_bound() {
    let most = Limits::default().move_extents;
    let state = table(vec![
        block(0, ingested(most / 2)),
        block(1, ingested(most / 2)),
        block(2, ingested(1)),
    ]);
    let decisions = said(&state, None, NOW);
    let blocks = blocks_of(&[0, 1]);
    assert_eq!(intents(&decisions), blocks);
    assert_eq!(decisions.actions, [Action::Move { blocks }]);
}

#[test]
fn a_move_takes_no_more_blocks_than_one_transaction() {
    let most = u32::try_from(Limits::default().blocks_per_plan).expect("few");
    let state = table((0..=most).map(|n| block(n, ingested(1))).collect());
    let numbers: Vec<u32> = (0..most).collect();
    assert_eq!(intents(&said(&state, None, NOW)), blocks_of(&numbers));
}
