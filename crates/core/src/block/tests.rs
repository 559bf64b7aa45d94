//! Every event in every state against a table written by hand.

use super::*;
use crate::limits::Limits;
use crate::testing::{
    self, NOW, exported, extent, file, ingested, intended, manifest, moving, operation, tag,
};
use crate::vocabulary::{BlockNumber, Millis};

mod groups;

fn block(state: BlockState) -> Block {
    testing::block(3, state)
}

fn abandoning(next: AfterAbandon) -> BlockState {
    BlockState::Abandoning {
        attempt: 1,
        tag: Some(tag()),
        next,
    }
}

fn ingesting() -> BlockState {
    BlockState::Ingesting {
        attempt: 1,
        manifest: manifest(),
        tag: tag(),
        mode: Mode::Async,
        sending: intended(),
    }
}

fn states() -> Vec<BlockState> {
    vec![
        BlockState::Planned { not_before: None },
        BlockState::Replanning,
        BlockState::Exporting {
            attempt: 1,
            mode: Mode::Async,
            sending: intended(),
        },
        exported(CountCheck::Agreed),
        exported(CountCheck::Differs),
        ingesting(),
        ingested(1),
        moving(intended()),
        BlockState::Moved {
            tag: Some(tag()),
            rows: 10,
            bytes: 5,
        },
        abandoning(AfterAbandon::Retry),
        BlockState::Expired,
        BlockState::Held {
            reason: HeldReason::Attempts {
                failures: 6,
                last: "x".to_owned(),
            },
            files: None,
        },
    ]
}

fn staged_report(rows: u64) -> IngestReport {
    let item = ItemLoaded {
        extent: extent(0),
        paths: vec!["f".to_owned()],
        has_errors: false,
    };
    let staged = StagedExtents {
        extents: vec![extent(0)],
        rows,
        deleted: 0,
    };
    IngestReport {
        items: vec![item],
        staged,
    }
}

fn evidence(staged: bool, tag_in_destination: bool) -> MoveEvidence {
    let still_staged = if staged { vec![extent(0)] } else { Vec::new() };
    MoveEvidence {
        still_staged,
        tag_in_destination,
        completed: false,
    }
}

/// Events by a name of their own, about attempt `attempt`.
fn events(attempt: u32) -> Vec<(&'static str, BlockEvent)> {
    let mode = Mode::Async;
    let mut events = vec![
        ("export", BlockEvent::ExportIntended { mode, epoch: 1 }),
        (
            "refused",
            BlockEvent::NotStarted {
                attempt,
                until: Millis(2_000_000),
            },
        ),
        (
            "started",
            BlockEvent::Started {
                attempt,
                operation: operation(),
            },
        ),
        (
            "files",
            BlockEvent::ExportReported {
                attempt,
                manifest: manifest(),
            },
        ),
        ("recount same", BlockEvent::Recounted { attempt, rows: 10 }),
        ("recount other", BlockEvent::Recounted { attempt, rows: 11 }),
        (
            "values",
            BlockEvent::ValuesPassed {
                staging: 1,
                content: None,
            },
        ),
        (
            "ingest",
            BlockEvent::IngestIntended {
                attempt,
                tag: tag(),
                mode,
                epoch: 1,
            },
        ),
    ];
    events.extend(later_events(attempt));
    events
}

fn later_events(attempt: u32) -> Vec<(&'static str, BlockEvent)> {
    let looked = |evidence| BlockEvent::MoveLooked { attempt, evidence };
    let staged = |rows| {
        let (files, report) = (vec![file()], staged_report(rows));
        BlockEvent::IngestReported {
            attempt,
            files,
            report,
        }
    };
    vec![
        ("staged", staged(10)),
        ("staged less", staged(9)),
        ("move", BlockEvent::MoveIntended { attempt, epoch: 1 }),
        ("still staged", looked(evidence(true, true))),
        ("arrived", looked(evidence(false, true))),
        ("nowhere", looked(evidence(false, false))),
        (
            "failed",
            BlockEvent::Failed {
                attempt,
                failure: Failure::LostAnswer,
            },
        ),
        (
            "timed out",
            BlockEvent::Failed {
                attempt,
                failure: Failure::TimedOut,
            },
        ),
        ("nothing staged", BlockEvent::NothingStaged { attempt }),
        (
            "hold",
            BlockEvent::Held {
                reason: HeldReason::Attempts {
                    failures: 6,
                    last: "x".to_owned(),
                },
            },
        ),
        ("release", BlockEvent::Released),
    ]
}

/// Every legal transition: state, event, state.
const LEGAL: &[(&str, &str, &str)] = &[
    ("planned", "export", "exporting"),
    ("planned", "hold", "held"),
    ("replanning", "hold", "held"),
    ("exporting", "refused", "planned"),
    ("exporting", "started", "exporting"),
    ("exporting", "files", "exported"),
    ("exporting", "failed", "planned"),
    ("exporting", "timed out", "replanning"),
    ("exporting", "hold", "held"),
    ("planned", "values", "planned"),
    ("exporting", "values", "exporting"),
    ("exported", "values", "exported"),
    ("exported?", "values", "exported?"),
    ("abandoning", "values", "abandoning"),
    ("exported", "ingest", "ingesting"),
    ("exported", "failed", "planned"),
    ("exported", "timed out", "replanning"),
    ("exported", "hold", "held"),
    ("exported?", "recount same", "exported"),
    ("exported?", "recount other", "planned"),
    ("exported?", "failed", "planned"),
    ("exported?", "timed out", "replanning"),
    ("exported?", "hold", "held"),
    ("ingesting", "refused", "exported"),
    ("ingesting", "started", "ingesting"),
    ("ingesting", "staged", "ingested"),
    ("ingesting", "staged less", "abandoning"),
    ("ingesting", "failed", "abandoning"),
    ("ingesting", "timed out", "abandoning"),
    ("ingested", "move", "moving"),
    ("ingested", "failed", "abandoning"),
    ("ingested", "timed out", "abandoning"),
    ("moving", "started", "moving"),
    ("moving", "move", "moving"),
    ("moving", "arrived", "moved"),
    ("moving", "nowhere", "held"),
    ("abandoning", "nothing staged", "planned"),
    ("held", "hold", "held"),
    ("held", "release", "planned"),
];

fn name(state: &BlockState) -> String {
    let unsure = matches!(
        state,
        BlockState::Exported {
            count: CountCheck::Differs,
            ..
        }
    );
    format!("{}{}", state.name(), if unsure { "?" } else { "" })
}

#[test]
fn exactly_the_listed_transitions_are_legal() {
    for state in states() {
        for (event_name, event) in events(1) {
            let from = name(&state);
            let found = transition(&block(state.clone()), event, NOW, &Limits::default());
            let listed = LEGAL
                .iter()
                .find(|(s, e, _)| *s == from && *e == event_name);
            match (found, listed) {
                (Ok(next), Some((_, _, to))) => {
                    assert_eq!(name(&next.state), *to, "{from}, {event_name}")
                }
                (Err(_), None) => {}
                (Ok(next), None) => panic!("{from}, {event_name} led to {}", name(&next.state)),
                (Err(error), Some(_)) => panic!("{from}, {event_name}: {error}"),
            }
        }
    }
}

#[test]
fn answers_of_another_attempt_change_nothing() {
    for state in states() {
        for (event_name, event) in events(2) {
            let about_no_attempt = ["export", "values", "hold", "release"].contains(&event_name);
            if !about_no_attempt {
                let found = transition(&block(state.clone()), event, NOW, &Limits::default());
                assert!(found.is_err(), "{}, {event_name}", name(&state));
            }
        }
    }
}

#[test]
fn a_move_has_two_exits_only() {
    let exits: Vec<&str> = LEGAL
        .iter()
        .filter(|(from, _, to)| *from == "moving" && *to != "moving")
        .map(|(_, _, to)| *to)
        .collect();
    assert_eq!(exits, ["moved", "held"]);
}

#[test]
fn a_lost_move_is_not_released() {
    let lost = BlockState::Held {
        reason: HeldReason::MoveLost,
        files: None,
    };
    assert!(transition(&block(lost), BlockEvent::Released, NOW, &Limits::default()).is_err());
}

/// Otherwise whoever asks for another try would get none: what was sent too often holds a table.
#[test]
fn the_sends_of_a_move_that_is_tried_again_are_counted_anew() {
    let limits = Limits::default();
    let often = |sends: u32| {
        let mut often = block(moving(testing::running()));
        if let BlockState::Moving { sends: known, .. } = &mut often.state {
            *known = sends;
        }
        often
    };
    let released = transition(&often(6), BlockEvent::Released, NOW, &limits);
    assert_eq!(released.expect("is released").state, often(1).state);
    assert!(transition(&often(1), BlockEvent::Released, NOW, &limits).is_err());
}

#[test]
fn failures_are_capped_and_throttling_is_none() {
    let limits = Limits {
        failures: 2,
        ..Limits::default()
    };
    let mut now = block(BlockState::Planned { not_before: None });
    for attempt in 2..4 {
        let mode = Mode::Sync;
        now = transition(
            &now,
            BlockEvent::ExportIntended { mode, epoch: 1 },
            NOW,
            &limits,
        )
        .expect("exports");
        let failed = BlockEvent::Failed {
            attempt,
            failure: Failure::OperationForgotten,
        };
        now = transition(&now, failed, NOW, &limits).expect("fails");
    }
    assert_eq!(now.state.name(), "held");
    let refused = BlockEvent::NotStarted {
        attempt: 1,
        until: NOW,
    };
    let after = transition(&block(ingesting()), refused, NOW, &limits).expect("waits");
    assert_eq!((after.failures, after.state.name()), (0, "exported"));
}

/// A host that ends executions early says nothing of a block, and yet no loop is endless.
#[test]
fn answers_lost_with_killed_executions_hold_a_block_only_after_many() {
    let limits = Limits::default();
    let mut now = block(BlockState::Planned { not_before: None });
    let mut tries = 0;
    while now.state.name() != "held" {
        let export = BlockEvent::ExportIntended {
            mode: Mode::Async,
            epoch: u64::from(tries),
        };
        now = transition(&now, export, NOW, &limits).expect("exports");
        let failed = BlockEvent::Failed {
            attempt: now.attempts,
            failure: Failure::LostAnswer,
        };
        now = transition(&now, failed, NOW, &limits).expect("fails");
        tries += 1;
        assert!(tries <= 100, "it never ends");
    }
    assert!(tries >= 5 * limits.failures, "held after {tries}");
    assert_eq!(now.failures, 0);
    let again = transition(&now, BlockEvent::Released, NOW, &limits).expect("is released");
    assert_eq!((again.lost, again.state.name()), (0, "planned"));
}

#[test]
fn an_export_without_rows_is_done_when_none_were_planned_and_counted_when_some_were() {
    let empty = Manifest {
        files: ManifestFiles::Inline(Vec::new()),
        rows: 0,
        bytes: 0,
    };
    let exporting = BlockState::Exporting {
        attempt: 1,
        mode: Mode::Sync,
        sending: intended(),
    };
    let report = |planned_rows| {
        let before = Block {
            planned_rows,
            ..block(exporting.clone())
        };
        let event = BlockEvent::ExportReported {
            attempt: 1,
            manifest: empty.clone(),
        };
        transition(&before, event, NOW, &Limits::default()).expect("reports")
    };
    assert_eq!(report(0).state.name(), "moved");
    assert_eq!(name(&report(10).state), "exported?");
    let recounted = BlockEvent::Recounted {
        attempt: 1,
        rows: 0,
    };
    let accepted = transition(&report(10), recounted, NOW, &Limits::default()).expect("accepts");
    assert_eq!((accepted.state.name(), accepted.planned_rows), ("moved", 0));
}

#[test]
fn a_refused_ingestion_waits_and_a_running_operation_is_not_replaced() {
    let limits = Limits::default();
    let until = NOW.plus(5);
    let refused = BlockEvent::NotStarted { attempt: 1, until };
    let after = transition(&block(ingesting()), refused, NOW, &limits).expect("waits");
    let waiting = BlockState::Exported {
        attempt: 1,
        manifest: manifest(),
        count: CountCheck::Agreed,
        not_before: Some(until),
    };
    assert_eq!(after.state, waiting);
    let started = || BlockEvent::Started {
        attempt: 1,
        operation: operation(),
    };
    let exporting = BlockState::Exporting {
        attempt: 1,
        mode: Mode::Async,
        sending: intended(),
    };
    for state in [exporting, ingesting(), moving(intended())] {
        let running = transition(&block(state), started(), NOW, &limits).expect("runs");
        assert!(transition(&running, started(), NOW, &limits).is_err());
    }
}

/// A group's source may have merged the extents of its predicate by the next ingestion; other
/// blocks are exported anew, from what the source has then.
#[test]
fn what_a_group_holds_is_read_once_and_what_other_blocks_hold_for_each_attempt() {
    let limits = Limits::default();
    let passed = BlockEvent::ValuesPassed {
        staging: 1,
        content: Some("10-a-b".to_owned()),
    };
    let failure = Failure::Fingerprint;
    let failed = BlockEvent::Failed {
        attempt: 1,
        failure,
    };
    for group in [None, Some((BlockNumber(0), 2))] {
        let mut checked = block(exported(CountCheck::Agreed));
        checked.group = group.map(|(first, members)| Group { first, members });
        let mut checked = transition(&checked, passed.clone(), NOW, &limits).expect("is noted");
        assert_eq!(checked.content.as_deref(), Some("10-a-b"));
        checked.state = ingesting();
        let after = transition(&checked, failed.clone(), NOW, &limits).expect("fails");
        assert_eq!(after.content.is_some(), group.is_some());
    }
    let mut recounted = block(exported(CountCheck::Differs));
    recounted.content = Some("11-a-b".to_owned());
    let rows = manifest().rows;
    let event = BlockEvent::Recounted { attempt: 1, rows };
    let after = transition(&recounted, event, NOW, &limits).expect("is accepted");
    assert_eq!(after.content, None, "the source lost rows meanwhile");
}
