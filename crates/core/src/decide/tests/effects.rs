//! Which effects of blocks begin, and which wait.

use super::*;
use crate::block::Sending;

const ALL: FreeSlots = FreeSlots {
    exports: 9,
    ingestions: 9,
    queries: 9,
};

/// Decides without checks of values, in a changed context.
fn with(
    state: &ActivityState,
    observed: &Observations,
    slots: &mut FreeSlots,
    change: impl FnOnce(&mut Context<'_>),
) -> Decisions {
    let limits = Limits::default();
    let mut context = context(observed, &limits);
    context.check_values = false;
    change(&mut context);
    decide(state, &context, slots, &mut || 7)
}

fn one(state: BlockState) -> ActivityState {
    table(vec![block(0, state)])
}

fn planned(not_before: Option<Millis>) -> BlockState {
    BlockState::Planned { not_before }
}

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

fn abandoning() -> BlockState {
    BlockState::Abandoning {
        attempt: 1,
        tag: Some(tag()),
        next: AfterAbandon::Retry,
    }
}

fn event(event: BlockEvent) -> Vec<ActivityEvent> {
    let number = BlockNumber(0);
    vec![ActivityEvent::Block { number, event }]
}

#[test]
fn a_block_whose_effect_runs_is_left_alone() {
    for state in [
        planned(None),
        exporting(intended()),
        exported(),
        ingesting(intended()),
        abandoning(),
    ] {
        let name = state.name();
        let state = one(state);
        let mut observed = Observations::default();
        let key = (state.head.id.clone(), BlockNumber(0));
        let subject = Subject::Block(key.0.clone(), key.1);
        let decisions = with(&state, &observed, &mut { ALL }, |_| ());
        assert_ne!(decisions, Decisions::default(), "{name}: something is due");
        observed.in_flight.insert(subject);
        let lost = LostValues {
            column: "c".to_owned(),
            count: 1,
            what: "x".to_owned(),
        };
        observed.values.insert(key, lost);
        let decisions = with(&state, &observed, &mut { ALL }, |context| {
            context.check_values = true;
        });
        assert_eq!(decisions, Decisions::default(), "{name}");
    }
}

#[test]
fn a_refused_start_waits_for_its_moment() {
    let later = NOW.plus(1);
    let throttled = BlockState::Exported {
        attempt: 1,
        manifest: manifest(),
        count: CountCheck::Agreed,
        not_before: Some(later),
    };
    for state in [planned(Some(later)), throttled] {
        let decisions = with(&one(state), &Observations::default(), &mut { ALL }, |_| ());
        let waits = Decisions {
            wake_at: Some(later),
            ..Decisions::default()
        };
        assert_eq!(decisions, waits);
    }
    let due = with(
        &one(planned(Some(NOW))),
        &Observations::default(),
        &mut { ALL },
        |_| (),
    );
    let block = BlockNumber(0);
    assert_eq!(due.actions, [Action::Export { block }]);
}

#[test]
fn no_more_begins_than_there_are_slots() {
    let observed = Observations::default();
    let two = |state: fn() -> BlockState| table(vec![block(0, state()), block(1, state())]);
    let few = FreeSlots {
        exports: 1,
        ingestions: 1,
        queries: 1,
    };
    for (state, left) in [
        (two(|| planned(None)), FreeSlots { exports: 0, ..few }),
        (
            two(exported),
            FreeSlots {
                ingestions: 0,
                ..few
            },
        ),
    ] {
        let mut slots = few;
        let decisions = with(&state, &observed, &mut slots, |_| ());
        assert_eq!((decisions.actions.len(), decisions.events.len()), (1, 1));
        assert_eq!(slots, left);
        let decisions = with(&state, &observed, &mut slots, |_| ());
        assert_eq!(decisions, Decisions::default(), "none is left");
    }
}

#[test]
fn nothing_new_begins_while_no_work_may() {
    let observed = Observations::default();
    for state in [planned(None), exported(), ingested(1)] {
        let name = state.name();
        let decisions = with(&one(state), &observed, &mut { ALL }, |context| {
            context.begin_work = false;
        });
        assert_eq!(decisions, Decisions::default(), "{name}");
    }
}

#[test]
fn an_operation_that_nobody_knows_is_given_up_when_it_can_no_longer_run() {
    let timeout = Limits::default().operation_timeout;
    let failed = BlockEvent::Failed {
        attempt: 1,
        failure: Failure::OperationForgotten,
    };
    for state in [exporting(running()), ingesting(running())] {
        let state = one(state);
        for pending in [None, Some(OperationState::Pending)] {
            let mut observed = Observations::default();
            observed
                .operations
                .extend(pending.map(|of| (operation(), of)));
            let at = |now| with(&state, &observed, &mut { ALL }, |context| context.now = now);
            assert_eq!(at(NOW.plus(timeout)), Decisions::default(), "it may run");
            assert_eq!(at(NOW.plus(timeout + 1)).events, event(failed.clone()));
        }
    }
}

#[test]
fn what_the_cluster_says_of_an_operation_ends_the_wait() {
    let state = one(exporting(running()));
    let said = |of| {
        let mut observed = Observations::default();
        observed.operations.insert(operation(), of);
        with(&state, &observed, &mut { ALL }, |_| ())
    };
    let (block, until) = (BlockNumber(0), NOW.plus(Limits::default().throttle_pause));
    let refused = BlockEvent::NotStarted { attempt: 1, until };
    assert_eq!(said(OperationState::Throttled).events, event(refused));
    let forgotten = BlockEvent::Failed {
        attempt: 1,
        failure: Failure::OperationForgotten,
    };
    assert_eq!(said(OperationState::Forgotten).events, event(forgotten));
    let operation = operation();
    let read = Action::ReadExport { block, operation };
    assert_eq!(said(OperationState::Completed).actions, [read]);
    assert_eq!(said(OperationState::Pending), Decisions::default());
}

#[test]
fn values_are_asked_once() {
    let state = one(exporting(running()));
    let mut observed = Observations::default();
    let ask = |observed: &Observations| {
        let decisions = with(&state, observed, &mut { ALL }, |context| {
            context.check_values = true;
        });
        checks(&decisions).len()
    };
    assert_eq!(ask(&observed), 1);
    let lost = LostValues {
        column: "c".to_owned(),
        count: 1,
        what: "x".to_owned(),
    };
    let key = (state.head.id.clone(), BlockNumber(0));
    observed.values.insert(key, lost);
    assert_eq!(ask(&observed), 0, "held once its export has ended");
}
