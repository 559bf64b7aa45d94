//! The host asks the handler to end (SIGTERM) in the middle of a step: it hands over within its
//! grace, and the next execution goes on at once.

use kusto_copy_stand_in_host::{Event, Host, Invocation};
use serde_json::json;

use super::stage::{Operator, Stage};
use crate::support::process::EmulatorProcess;
use crate::support::python::Python;
use crate::support::until;

/// One table of several blocks, one that is copied by commands that answer when they are done.
fn load(stage: &Stage) {
    stage.at_source(&[
        ".create table Numbers (n:long, r:real)",
        ".set-or-append Few <| range n from 1 to 10 step 1",
    ]);
    for first in (0..1_600).step_by(400) {
        stage.at_source(&[&format!(
            ".set-or-append Numbers <| range n from {first} to {} step 1 | extend r = n / 3.0",
            first + 399
        )]);
    }
}

/// Commands that take longer than the look for them and the signal do.
fn slow(cluster: &EmulatorProcess, kind: &str, milliseconds: u64) {
    cluster.settings(&json!({"service_times": {kind: {"base_ms": milliseconds}}}));
}

/// Ticks, asks the handler to end as soon as `is_at_work` holds, and returns what became of the
/// execution once another handler answers.
async fn ended_while(
    host: &Host,
    what: &str,
    is_at_work: impl FnMut() -> Result<(), String>,
) -> Invocation {
    let pid = host.pid().expect("the handler answers");
    let handle = (**host).clone();
    let step = tokio::spawn(async move { handle.tick("advance").await });
    until(what, is_at_work);
    host.restart().await.expect("the next handler starts");
    // A handler that is not gone in ten seconds is killed, and has no exit code then.
    let in_order = Event::Ended {
        pid,
        code: Some(0),
        by_host: true,
    };
    assert!(
        host.events().contains(&in_order),
        "it did not end by itself:\n{}",
        host.lines().join("\n")
    );
    let ended = step.await.expect("the tick comes back");
    ended.expect("there is a timer")
}

fn runs_commands(cluster: &EmulatorProcess) -> Result<(), String> {
    let running = cluster.look("/stats")["running_operations"].clone();
    if running.as_u64() > Some(0) {
        Ok(())
    } else {
        Err(format!("{running} run"))
    }
}

/// Nobody has to wait for the lease of a worker that is gone.
fn assert_handed_over(stage: &Stage, python: &Python) {
    let leases = stage.documents(python, "lease");
    let [lease] = leases.as_slice() else {
        panic!("one lease: {leases:?}");
    };
    assert_eq!(lease["expires"], 0, "it was left to expire: {lease}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_in_the_middle_of_copying_hands_over() {
    let Some(python) = Python::find() else { return };
    let Some(stage) = Stage::set("Ended") else {
        return;
    };
    load(&stage);
    slow(&stage.source, "export", 3_000);
    slow(&stage.destination, "ingest", 3_000);
    let host = stage.host().await;
    for (what, cluster) in [
        ("exports run", &stage.source),
        ("ingestions run", &stage.destination),
    ] {
        let ended = ended_while(&host, what, || runs_commands(cluster)).await;
        assert!(ended.succeeded(), "{what}: {ended:?}");
        assert_ne!(
            stage.rows(&stage.destination),
            stage.rows(&stage.source),
            "{what}: the step was complete before it was asked to end"
        );
        assert_handed_over(&stage, &python);
    }
    slow(&stage.source, "export", 0);
    slow(&stage.destination, "ingest", 0);
    host.tick_until_complete(&stage, async |_, _| {}).await;
    stage.assert_equal(&python);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_does_not_come_in_time_is_left_to_the_next_execution() {
    let Some(python) = Python::find() else { return };
    let Some(stage) = Stage::set("Silent") else {
        return;
    };
    load(&stage);
    // One command's answer would come long after the host kills.
    let silent = json!([{
        "kind": "delay", "commands": ["ExportToStorage"], "probability": 1.0, "count": 1,
        "delay_ms": 60_000,
    }]);
    stage.source.faults(&silent, 1);
    let host = stage.host().await;
    let struck = || match stage.source.struck().get("delay") {
        Some(1) => Ok(()),
        other => Err(format!("{other:?} delays")),
    };
    let ended = ended_while(&host, "an export is held up", struck).await;
    assert!(ended.succeeded(), "{ended:?}");
    assert_handed_over(&stage, &python);
    host.tick_until_complete(&stage, async |_, _| {}).await;
    stage.assert_equal(&python);
}
