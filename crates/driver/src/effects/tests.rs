//! What follows from an effect's errors.

use std::time::Duration;

use kusto_copy_core::activity::{ActivityEvent, ActivityState};
use kusto_copy_core::block::BlockEvent;
use kusto_copy_core::decide::Action;
use kusto_copy_core::limits::Limits;
use kusto_copy_core::plan::PlanError;
use kusto_copy_core::vocabulary::{BlockNumber, Cursor, Millis, Window};
use kusto_copy_kusto::{Details, KustoError};
use kusto_copy_staging::LakeError;

use super::{EffectError, Remedy, Task, unsent_or_lost};

/// An identity service that is away for some seconds costs no attempt and holds nothing; one
/// that stays away holds the table in the end.
#[test]
fn a_send_without_a_token_is_tried_again_with_growing_pauses_and_counted() {
    let number = BlockNumber(3);
    let window = Window {
        after: None,
        up_to: Cursor("1".to_owned()),
    };
    let mut state = ActivityState::begin("a", "T", "b", "T", 1, window, None, 1, Millis(0));
    let limits = Limits::default();
    let error = KustoError::NoToken {
        details: Box::new(Details::default()),
    };
    let mut last = Millis(0);
    for attempt in 1..=limits.failures {
        assert_eq!(state.head.held, None, "held at try {attempt}");
        let task = Task {
            action: Action::Export { block: number },
            head: state.head.clone(),
            blocks: Vec::new(),
            now: Millis(0),
            table_id: None,
        };
        let outcome = unsent_or_lost(number, attempt, &error, &task, &limits);
        let [
            ActivityEvent::Block {
                event: BlockEvent::NotStarted { until, .. },
                ..
            },
            counted,
        ] = outcome.events.as_slice()
        else {
            panic!("{outcome:?}");
        };
        assert!(*until > last, "the pause grows");
        last = *until;
        let applied = state.apply(counted.clone(), Millis(0), &limits);
        applied.expect("fits");
    }
    let held = state.head.held.expect("a person has to look");
    assert!(held.contains("no token could be obtained"), "{held}");
    assert_eq!(counts(error), Some(true), "other effects count as well");
}

/// One of its commands may have met a conflict that has passed by the next try.
#[test]
fn a_script_that_failed_is_tried_again_and_counted() {
    let details = Box::new(Details::default());
    let failed = EffectError::Script(KustoError::Permanent { details });
    assert_eq!(counts(failed), Some(true));
}

fn counts(error: impl Into<EffectError>) -> Option<bool> {
    match error.into().helps() {
        Remedy::Perhaps { passes } => Some(!passes),
        Remedy::Time | Remedy::Person => None,
    }
}

#[test]
fn a_lake_that_is_away_passes_and_one_that_refuses_counts() {
    let away = LakeError::Unavailable {
        retry_after: Some(Duration::from_secs(1)),
        source: None,
    };
    assert_eq!(counts(away), Some(false));
    let denied = LakeError::Denied {
        what: "a folder".to_owned(),
        source: None,
    };
    assert_eq!(counts(denied), Some(true));
    let dense = PlanError::TooDense {
        question: "bins",
        answer: "a time-out",
    };
    let words = EffectError::from(dense.clone()).words();
    assert!(words.contains("raise the source's query limits"));
    assert_eq!(counts(dense), Some(true));
}
