//! What follows from what a cluster says of a move.

use kusto_copy_core::activity::ActivityEvent;
use kusto_copy_core::block::{Block, BlockEvent, BlockState, MoveEvidence, Sending};
use kusto_copy_core::decide::Action;
use kusto_copy_core::vocabulary::{BlockNumber, ExtentId, Millis, OperationId, Slice, Ticks};

use super::super::testing::{self, Cluster, Moves, STAGED};
use super::super::{Outcome, Task, execute};

const BLOCK: BlockNumber = BlockNumber(0);

fn moving(sends: u32, runs: bool) -> Block {
    let mut block = Block::planned(BLOCK, Slice::missing(), 1, 1, Ticks(0), Millis(0));
    let at = Millis(0);
    block.state = BlockState::Moving {
        attempt: 1,
        rows: 1,
        bytes: 1,
        tag: testing::tag(),
        extents: vec![ExtentId::parse(STAGED).expect("a guid")],
        sending: match runs {
            true => Sending::Running {
                operation: OperationId::parse(STAGED).expect("a guid"),
                at,
            },
            false => Sending::Intended { epoch: 1, at },
        },
        sends,
    };
    block
}

async fn executed(moves: Moves, block: Block, action: Action) -> Outcome {
    let cluster = Cluster::of_moves(moves);
    let task = Task {
        blocks: vec![block],
        ..testing::staged(action)
    };
    execute(testing::place(&cluster).await, task).await
}

fn actions() -> [Action; 3] {
    let blocks = vec![BLOCK];
    let operation = OperationId::parse(STAGED).expect("a guid");
    [
        Action::Move {
            blocks: blocks.clone(),
        },
        Action::ReadMove {
            blocks: blocks.clone(),
            operation,
        },
        Action::LookMove { blocks },
    ]
}

#[tokio::test]
async fn what_the_cluster_does_not_move_waits_and_holds_its_table_in_the_end() {
    let most = kusto_copy_core::limits::Limits::default().failures;
    let [now, read, look] = actions();
    for (action, runs, state, words) in [
        (now, false, "Completed", "for a reason"),
        (read, true, "Completed", "for a reason"),
        (look, true, "Failed", "as told"),
    ] {
        let moves = Moves {
            state,
            result: "Failed",
            staged: true,
            arrived: false,
        };
        for (sends, refused) in [(1, false), (most, true)] {
            let outcome = executed(moves, moving(sends, runs), action.clone()).await;
            assert_eq!(outcome.still_staged, [BLOCK], "{action:?}");
            assert_eq!(outcome.refused, refused, "{action:?} {sends}");
            assert_eq!(outcome.pause.is_some(), !refused, "{action:?} {sends}");
            let trouble = outcome.trouble.unwrap_or_default();
            assert!(trouble.contains(words), "{trouble}");
        }
    }
}

#[tokio::test]
async fn a_move_whose_answer_was_lost_is_sent_again_at_once() {
    let [_, _, look] = actions();
    let moves = Moves {
        state: "Completed",
        result: "Failed",
        staged: true,
        arrived: false,
    };
    let outcome = executed(moves, moving(9, false), look).await;
    assert_eq!(outcome.still_staged, [BLOCK]);
    assert_eq!((outcome.pause, outcome.refused), (None, false));
}

#[tokio::test]
async fn a_throttled_move_waits_and_holds_nothing() {
    let [_, _, look] = actions();
    let moves = Moves {
        state: "Throttled",
        result: "Failed",
        staged: true,
        arrived: false,
    };
    let outcome = executed(moves, moving(99, true), look).await;
    assert_eq!(outcome.still_staged, [BLOCK]);
    assert!(outcome.pause.is_some() && !outcome.refused, "{outcome:?}");
}

/// Somebody dropped what was staged, and the move of nothing completed.
#[tokio::test]
async fn what_a_completed_move_calls_failed_is_not_moved() {
    let [_, read, look] = actions();
    for (action, result, completed) in [
        (read.clone(), "Failed", false),
        (read, STAGED, true),
        (look, "Failed", true),
    ] {
        let moves = Moves {
            state: "Completed",
            result,
            staged: false,
            arrived: false,
        };
        let outcome = executed(moves, moving(1, true), action.clone()).await;
        let event = BlockEvent::MoveLooked {
            attempt: 1,
            evidence: MoveEvidence {
                still_staged: Vec::new(),
                tag_in_destination: false,
                completed,
            },
        };
        let number = BLOCK;
        let looked = ActivityEvent::Block { number, event };
        assert_eq!(outcome.events, [looked], "{action:?} {result}");
    }
}
