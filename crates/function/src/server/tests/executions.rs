//! Executions: what the timer and the queue start.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kusto_copy_driver::StepOutcome;

use super::fake::Play;
use super::*;
use crate::logging;

#[tokio::test]
async fn the_host_finds_it_ready() {
    let rig = Rig::with(&[], &[(names::JOBS, "nonsense")]);
    for method in ["GET", "HEAD", "POST"] {
        let (status, body) = rig.send(original(method, "/", &[], "")).await;
        assert_eq!(
            (status, body),
            (StatusCode::OK, json!({"Outputs": {}, "Logs": []}))
        );
    }
}

#[tokio::test]
async fn a_tick_advances_every_job_and_tells_it_briefly() {
    let rig = Rig::new(&["a", "b"]);
    rig.fake.play("b", Play::Ends(StepOutcome::Idle, false));
    let (status, body) = rig.tick().await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        json!({"Outputs": {}, "Logs": [
            "a: 700 rows in 7 blocks arrived, lag 35 s",
            "b: nothing was due, lag 35 s",
        ]})
    );
    assert_eq!(rig.fake.names(), ["a", "b"]);
}

#[tokio::test]
async fn whatever_the_payload_a_tick_is_a_tick() {
    let rig = Rig::new(&["a"]);
    let mut late = timer();
    late["Data"]["timer"]["IsPastDue"] = true.into();
    late["Data"]["timer"]["ScheduleStatus"] = json!({
        "Last": "0001-01-01T00:00:00", "Next": "x", "LastUpdated": null,
    });
    late["Metadata"]["RetryContext"] = json!({"RetryCount": 2, "MaxRetryCount": 5});
    for body in [
        late,
        Value::Null,
        json!([]),
        json!({"Data": null}),
        json!({"Data": {"x": 1}}),
    ] {
        assert_eq!(
            rig.send(post("/advance", &body)).await.0,
            StatusCode::OK,
            "{body}"
        );
    }
    let empty = original("POST", "/advance", &[], "");
    assert_eq!(rig.send(empty).await.0, StatusCode::OK);
    assert_eq!(rig.fake.steps().len(), 6);
}

#[tokio::test]
async fn an_execution_fails_only_for_what_a_retry_or_a_person_must_see() {
    for (play, expected) in [
        (Play::Ends(StepOutcome::Worked, true), StatusCode::OK),
        (Play::Ends(StepOutcome::Idle, false), StatusCode::OK),
        (
            Play::Ends(StepOutcome::Busy { seconds: 9 }, false),
            StatusCode::OK,
        ),
        (Play::Ends(StepOutcome::Paused, false), StatusCode::OK),
        (
            Play::Ends(StepOutcome::Held, false),
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
        (Play::Fails, StatusCode::INTERNAL_SERVER_ERROR),
        (Play::Panics, StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let rig = Rig::new(&["a", "b", "c"]);
        rig.fake.play("b", play.clone());
        let (status, body) = rig.tick().await;
        assert_eq!(status, expected, "{play:?}: {body}");
        assert_eq!(rig.fake.names(), ["a", "b", "c"], "{play:?}");
        assert_eq!(
            body["Logs"].as_array().map(Vec::len),
            Some(3),
            "{play:?}: {body}"
        );
    }
}

#[tokio::test]
async fn problems_of_the_settings_are_told_and_nothing_is_copied() {
    let rig = Rig::with(&["a"], &[(names::STYLE, "fast"), (names::CHAIN, "x")]);
    let (guard, lines) = logging::captured("info");
    let (status, body) = rig.tick().await;
    drop(guard);
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["Logs"].as_array().map(Vec::len), Some(2), "{body}");
    let told = lines()
        .iter()
        .filter(|line| line["event"] == "settings")
        .count();
    assert_eq!(told, 2);
    assert!(rig.fake.steps().is_empty());
}

#[tokio::test]
async fn each_step_leaves_the_line_that_alerts_read() {
    let rig = Rig::new(&["a", "b"]);
    rig.fake.play("b", Play::Fails);
    let (guard, lines) = logging::captured("info");
    rig.tick().await;
    drop(guard);
    let lines = lines();
    let line = |job: &str| {
        let mut found = lines
            .iter()
            .filter(|line| line["event"] == "step" && line["job"] == job);
        let line = found.next().expect("the step has a line").clone();
        assert!(found.next().is_none(), "one line a step");
        line
    };
    let mut worked = line("a");
    assert!(
        worked["ts"].as_str().is_some_and(|ts| ts.ends_with('Z')),
        "{worked}"
    );
    for part in ["ts", "took_ms"] {
        worked.as_object_mut().expect("an object").remove(part);
    }
    assert_eq!(
        worked,
        json!({
            "level": "info", "event": "step", "job": "a", "invocation": "i-1",
            "outcome": "worked", "lag_ms": 35_000, "rpo_ms": 300_000,
            "rows_moved": 700, "blocks_moved": 7, "store_reads": 4, "store_commits": 3,
            "kusto_requests": 3, "work_due": false,
            "message": "a: 700 rows in 7 blocks arrived, lag 35 s",
        })
    );
    let failed = line("b");
    assert_eq!(
        (&failed["level"], &failed["outcome"]),
        (&json!("error"), &json!("failed"))
    );
    assert_eq!(failed["invocation"], "i-1");
    let text = failed["message"].as_str().expect("a message");
    assert!(
        text.contains("the cluster refuses us; grant the database role"),
        "{text}"
    );
}

#[tokio::test]
async fn a_lost_connection_does_not_end_the_step() {
    let rig = Rig::new(&["a"]);
    rig.fake.play("a", Play::Waits);
    let app = Arc::clone(&rig.app);
    let connection =
        tokio::spawn(
            async move { crate::server::serve(State(app), post("/advance", &timer())).await },
        );
    rig.fake.begun.notified().await;
    connection.abort();
    assert!(connection.await.is_err_and(|error| error.is_cancelled()));
    // The next tick finds it at work, and does not wait.
    let (status, body) = rig.tick().await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["Logs"], json!(["a: another execution is at it"]));
    rig.fake.release.notify_one();
    rig.fake.ended.notified().await;
    assert_eq!(rig.fake.names(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_does_not_return_is_left_behind_in_time() {
    let rig = Rig::with(&["a", "b"], &[(names::FUNCTION_TIMEOUT, "00:10:00")]);
    rig.fake.play("a", Play::Hangs);
    let began = tokio::time::Instant::now();
    let (status, body) = rig.tick().await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        body["Logs"][0]
            .as_str()
            .is_some_and(|log| log.contains("left behind")),
        "{body}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(600),
        "the host would have killed it"
    );
    // It is free for the next execution.
    rig.fake.play("a", Play::Ends(StepOutcome::Worked, false));
    assert_eq!(rig.tick().await.0, StatusCode::OK);
}

#[tokio::test]
async fn many_jobs_share_the_time() {
    let names: Vec<String> = (0..40).map(|job| format!("job{job:02}")).collect();
    let jobs: Vec<&str> = names.iter().map(String::as_str).collect();
    let rig = Rig::new(&jobs);
    assert_eq!(rig.tick().await.0, StatusCode::OK);
    assert_eq!(rig.fake.names(), names);
    assert_eq!(rig.fake.complete.load(Ordering::SeqCst), 40);
    let budget = rig.app.settings.time.budget;
    for (name, time) in rig.fake.steps() {
        assert!(
            time.budget <= budget / 3 && time.budget > Duration::ZERO,
            "{name}: {time:?}"
        );
    }
}

#[tokio::test]
async fn work_that_is_left_calls_for_the_next_execution_when_chaining_is_on() {
    for (chain, expected) in [("true", true), ("false", false)] {
        let rig = Rig::with(&["a", "b"], &[(names::CHAIN, chain)]);
        rig.fake.play("b", Play::Ends(StepOutcome::Worked, true));
        let (_, body) = rig.tick().await;
        let chained = body["Outputs"]["chain"].as_str().map(str::to_owned);
        assert_eq!(chained.is_some(), expected, "{body}");
        let Some(chained) = chained else {
            continue;
        };
        let next: Value = serde_json::from_str(&chained).expect("the message is JSON");
        assert_eq!(next, json!({"jobs": ["b"], "hop": 1}));
        // The message comes back as the host gives it.
        let (_, body) = rig.send(post("/advance-now", &message(&next))).await;
        assert_eq!(rig.fake.names(), ["a", "b", "b"]);
        let again: Value = serde_json::from_str(
            body["Outputs"]["chain"]
                .as_str()
                .expect("work is left still"),
        )
        .expect("the message is JSON");
        assert_eq!(again["hop"], 2);
    }
}

#[tokio::test]
async fn one_jobs_failure_does_not_end_the_chain_of_another() {
    let rig = Rig::with(&["a", "b"], &[(names::CHAIN, "true")]);
    rig.fake.play("a", Play::Ends(StepOutcome::Worked, true));
    rig.fake.play("b", Play::Ends(StepOutcome::Held, false));
    // The host sends outputs on only after success.
    let (status, body) = rig.tick().await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let next = body["Outputs"]["chain"].as_str().expect("a has work left");
    let next: Value = serde_json::from_str(next).expect("the message is JSON");
    assert_eq!(next, json!({"jobs": ["a"], "hop": 1}));
    // Without anything to call for, the failure is the execution's.
    rig.fake.play("a", Play::Ends(StepOutcome::Worked, false));
    let (status, body) = rig.tick().await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{body}");
}

#[tokio::test]
async fn a_chain_ends_with_the_work_and_is_bounded() {
    let rig = Rig::with(&["a"], &[(names::CHAIN, "true")]);
    let outputs =
        async |body: Value| rig.send(post("/advance-now", &body)).await.1["Outputs"].clone();
    assert_eq!(outputs(message(&json!({"job": "a"}))).await, json!({}));
    rig.fake.play("a", Play::Ends(StepOutcome::Worked, true));
    assert_ne!(
        outputs(message(&json!({"job": "a", "hop": 5}))).await,
        json!({})
    );
    assert_eq!(
        outputs(message(&json!({"job": "a", "hop": 100_000}))).await,
        json!({})
    );
    // Jobs that are gone are nobody's work.
    assert_eq!(
        outputs(message(&json!({"jobs": ["gone"]}))).await,
        json!({})
    );
    assert_eq!(rig.fake.steps().len(), 3);
}

#[tokio::test]
async fn no_execution_begins_once_the_process_shall_end() {
    let rig = Rig::new(&["a"]);
    rig.stop.send_replace(true);
    assert_eq!(rig.tick().await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(rig.fake.steps().is_empty());
}
