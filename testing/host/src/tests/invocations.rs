//! What the host makes of answers.

use std::time::Duration;

use serde_json::json;

use super::App;
use crate::{Event, Level, Outcome, Tick};

#[tokio::test]
async fn a_success_brings_logs_and_outputs() {
    let app = App::new().timer("ok");
    let host = app.start().await;
    let invocation = host.tick("ok").await.expect("a timer");
    assert!(invocation.succeeded(), "{invocation:?}");
    assert_eq!(invocation.logs, ["did it"]);
    let texts: Vec<_> = host.messages("work");
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].text, "{\"n\":1}");
    assert!(host.tick("missing").await.is_err());
}

#[tokio::test]
async fn the_payload_is_the_hosts_whole_or_in_chunks() {
    let app = App::new().timer("echo");
    let host = app.start().await;
    for chunked in [false, true] {
        let tick = Tick {
            chunked,
            past_due: true,
            ..Tick::default()
        };
        let invocation = host.tick_with("echo", tick).await.expect("a timer");
        let said = invocation.return_value.expect("it echoes");
        assert_eq!(said["chunked"], chunked);
        assert_eq!(said["hasId"], true);
        assert_eq!(said["payload"]["Data"]["timer"]["IsPastDue"], true);
        assert_eq!(said["payload"]["Metadata"]["sys"]["MethodName"], "echo");
        let last = &said["payload"]["Data"]["timer"]["ScheduleStatus"]["Last"];
        let first_ever = last == "0001-01-01T00:00:00";
        assert_eq!(first_ever, !chunked, "the second run knows the first");
    }
}

#[tokio::test]
async fn failures_lose_what_was_said() {
    let app = App::new().timer("fail").timer("text").timer("nothing");
    let host = app.start().await;
    for (function, status) in [("fail", 500), ("text", 200), ("nothing", 404)] {
        let invocation = host.tick(function).await.expect("a timer");
        assert!(matches!(invocation.outcome, Outcome::Failed(_)));
        assert_eq!(invocation.status, Some(status));
        assert!(invocation.logs.is_empty());
        assert!(!invocation.killed);
    }
    assert!(host.messages("work").is_empty());
}

#[tokio::test]
async fn null_and_nothing_hang_until_the_timeout_kills_the_handler() {
    let app = App::new().timer("null").timer("empty").timer("ok");
    let host = app.start_impatient().await;
    for function in ["null", "empty"] {
        let before = host.pid().expect("it runs");
        let invocation = host.tick(function).await.expect("a timer");
        assert_eq!(invocation.outcome, Outcome::TimedOut);
        assert!(invocation.killed);
        host.until_ready().await.expect("another was started");
        assert_ne!(host.pid(), Some(before));
    }
    assert_eq!(host.gave_up(), None, "a timeout is no crash");
    let ended = host
        .events()
        .into_iter()
        .filter(|event| matches!(event, Event::Ended { by_host: true, .. }));
    assert_eq!(ended.count(), 2);
}

#[tokio::test]
async fn answers_are_dropped_connections_cut_handlers_killed_on_command() {
    let app = App::new().timer("ok").timer("wait");
    let host = app.start().await;
    host.drop_next_answer();
    let lost = host.tick("ok").await.expect("a timer");
    assert_eq!(lost.outcome, Outcome::Failed("the answer was lost".into()));
    assert_eq!(lost.status, Some(200), "the handler did its work");
    assert!(host.messages("work").is_empty());

    host.cut_next_request(Duration::from_millis(50));
    let pid = host.pid();
    let cut = host.tick("wait").await.expect("a timer");
    assert_eq!(
        cut.outcome,
        Outcome::Failed("the connection was cut".into())
    );
    assert_eq!(host.pid(), pid, "the handler runs on");

    host.kill_during_next(Duration::from_millis(50));
    let killed = host.tick("wait").await.expect("a timer");
    assert!(killed.killed);
    host.until_ready().await.expect("another was started");
    assert_ne!(host.pid(), pid);
    assert!(host.tick("ok").await.expect("a timer").succeeded());
}

#[tokio::test]
async fn console_lines_have_the_levels_of_the_real_host() {
    let app = App::new().timer("ok");
    let host = app.start().await;
    let mut events = host.listen();
    host.tick("ok").await.expect("a timer");
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let Event::Line { level, text } = events.recv().await.expect("the host runs")
            && level != Level::Information
        {
            seen.push((level, text));
        }
    }
    assert_eq!(
        seen,
        [
            (Level::Warning, "a WARNing".to_owned()),
            (Level::Error, "an error".to_owned()),
        ]
    );
}

#[test]
fn invocations_and_events_are_readable_json() {
    let invocation = crate::Invocation::new("f", "1", Outcome::Failed("why".into()));
    let text = serde_json::to_value(invocation).expect("JSON");
    assert_eq!(text["outcome"], "failed");
    assert_eq!(text["reason"], "why");
    let event = Event::GaveUp {
        reason: "why".into(),
    };
    let text = serde_json::to_value(event).expect("JSON");
    assert_eq!(text, json!({"event": "gave-up", "reason": "why"}));
}
