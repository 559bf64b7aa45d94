//! Commands that nobody waits for any longer and that may still run.

use super::*;
use crate::block::{Failure, Mode, Sending};
use crate::testing::{block, intended, manifest, member, running, table, tag};

fn exporting(sending: Sending) -> BlockState {
    BlockState::Exporting {
        attempt: 1,
        mode: Mode::Async,
        sending,
    }
}

fn ingesting(sending: Sending) -> BlockState {
    BlockState::Ingesting {
        attempt: 1,
        manifest: manifest(),
        tag: tag(),
        mode: Mode::Async,
        sending,
    }
}

fn failed(number: u32, failure: Failure) -> ActivityEvent {
    ActivityEvent::Block {
        number: BlockNumber(number),
        event: BlockEvent::Failed {
            attempt: 1,
            failure,
        },
    }
}

fn left_by(state: BlockState, event: BlockEvent) -> (Vec<Ghost>, bool) {
    let before = Block {
        last_failure: Some(Failure::LostAnswer),
        ..block(0, state)
    };
    let mut table = table(vec![before]);
    let number = BlockNumber(0);
    apply(&mut table, ActivityEvent::Block { number, event });
    (table.head.ghosts, table.head.may_come_late)
}

#[test]
fn a_command_without_an_answer_takes_a_slot_until_it_is_known_to_have_ended() {
    let lost = || BlockEvent::Failed {
        attempt: 1,
        failure: Failure::LostAnswer,
    };
    let one = |kind| (vec![Ghost { kind, at: NOW }], true);
    assert_eq!(
        left_by(exporting(intended()), lost()),
        one(SlotKind::Export)
    );
    assert_eq!(
        left_by(ingesting(intended()), lost()),
        one(SlotKind::Ingest)
    );
    let forgotten = BlockEvent::Failed {
        attempt: 1,
        failure: Failure::OperationForgotten,
    };
    assert_eq!(
        left_by(ingesting(running()), forgotten),
        one(SlotKind::Ingest)
    );
}

/// Its nodes do not end at one time.
#[test]
fn a_command_that_is_said_to_have_failed_takes_no_slot_and_may_still_write() {
    let (state, status) = ("Failed".to_owned(), "x".to_owned());
    let message = "one node failed".to_owned();
    for failure in [
        Failure::Operation { state, status },
        Failure::TimedOut,
        Failure::Refused { message },
    ] {
        for sent in [exporting(running()), ingesting(running())] {
            let failure = failure.clone();
            let attempt = 1;
            let left = left_by(sent, BlockEvent::Failed { attempt, failure });
            assert_eq!(left, (Vec::new(), true));
        }
    }
}

/// An earlier attempt's lost answer says nothing of this one.
#[test]
fn a_command_whose_end_is_known_leaves_nothing() {
    let refused = BlockEvent::NotStarted {
        attempt: 1,
        until: NOW,
    };
    let (files, of) = (manifest(), 1);
    let reported = BlockEvent::ExportReported {
        attempt: of,
        manifest: files,
    };
    for event in [refused, reported] {
        let shown = format!("{event:?}");
        assert_eq!(
            left_by(exporting(running()), event),
            (Vec::new(), false),
            "{shown}"
        );
    }
}

#[test]
fn exports_of_a_group_that_failed_go_on_running() {
    let mut state = table(vec![
        member(0, exporting(running())),
        member(1, exporting(running())),
    ]);
    apply(&mut state, failed(0, Failure::TimedOut));
    let names: Vec<_> = state.blocks.values().map(|one| one.state.name()).collect();
    assert_eq!(names, ["replanning", "replanning"]);
    let kind = SlotKind::Export;
    assert_eq!(state.head.ghosts, [Ghost { kind, at: NOW }], "the other's");
    assert_eq!(state.slots_used(kind), 1);
}

#[test]
fn only_ended_commands_of_the_kind_that_was_looked_at_are_forgotten() {
    let ghost = |kind, at| Ghost {
        kind,
        at: Millis(at),
    };
    let (export, ingest) = (SlotKind::Export, SlotKind::Ingest);
    let mut state = table(Vec::new());
    state.head.ghosts = vec![
        ghost(export, 1),
        ghost(ingest, 1),
        ghost(export, 2),
        ghost(export, 3),
    ];
    let gone = |still| ActivityEvent::GhostsGone {
        kind: export,
        up_to: Millis(2),
        still,
    };
    apply(&mut state, gone(2));
    assert_eq!(state.head.ghosts.len(), 4, "both may be those that run");
    apply(&mut state, gone(1));
    let left = vec![ghost(ingest, 1), ghost(export, 2), ghost(export, 3)];
    assert_eq!(state.head.ghosts, left);
    apply(&mut state, gone(0));
    let left = vec![ghost(ingest, 1), ghost(export, 3)];
    assert_eq!(state.head.ghosts, left, "sent after the look");
    state.head.ghosts = vec![ghost(export, 9), ghost(export, 2)];
    apply(&mut state, gone(0));
    assert_eq!(state.head.ghosts, [ghost(export, 9)], "in whatever order");
}
