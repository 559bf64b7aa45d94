//! Starts, crashes and ends of the handler.

use std::time::Duration;

use super::App;
use crate::{Event, Host, HostError, Outcome};

#[tokio::test]
async fn the_third_crash_stops_the_host_until_it_is_restarted() {
    let app = App::new().timer("exit-3").timer("ok");
    let host = app.start().await;
    for crash in 1..=3 {
        assert_eq!(host.gave_up(), None, "before crash {crash}");
        let invocation = host.tick("exit-3").await.expect("a timer");
        assert!(matches!(invocation.outcome, Outcome::Failed(_)));
        // Until the host has seen the exit, the dead handler still counts as ready.
        let settled = until_settled(&host, crash).await;
        assert_eq!(settled.is_ok(), crash < 3);
    }
    let reason = host.gave_up().expect("it gave up");
    assert!(reason.contains("3 times"), "{reason}");
    let invocation = host.tick("ok").await.expect("a timer");
    assert!(matches!(invocation.outcome, Outcome::Failed(reason) if reason.contains("stopped")));
    host.restart().await.expect("it starts again");
    assert!(host.tick("ok").await.expect("a timer").succeeded());
}

/// Waits until the host has noticed so many exits and has started another handler or given up.
async fn until_settled(host: &Host, exits: usize) -> Result<(), HostError> {
    while host
        .events()
        .iter()
        .filter(|event| matches!(event, Event::Ended { .. }))
        .count()
        < exits
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    host.until_ready().await
}

#[tokio::test]
async fn crashes_far_apart_do_not_add_up() {
    let app = App::new().timer("exit-3").timer("ok");
    let mut options = app.options();
    options.crash_window = Duration::ZERO;
    let host = Host::start(options).await.expect("the host starts");
    for crash in 1..=4 {
        host.tick("exit-3").await.expect("a timer");
        until_settled(&host, crash).await.expect("it starts again");
    }
    assert!(host.tick("ok").await.expect("a timer").succeeded());
}

#[tokio::test]
async fn code_0_is_final_and_code_200_asks_for_a_restart() {
    let app = App::new().timer("exit-0").timer("exit-200").timer("ok");
    let host = app.start().await;
    for exit in 1..=4 {
        host.tick("exit-200").await.expect("a timer");
        until_settled(&host, exit).await.expect("it starts again");
    }
    host.tick("exit-0").await.expect("a timer");
    let gone = until_settled(&host, 5).await;
    assert!(matches!(gone, Err(HostError::NotReady(reason)) if reason.contains("code 0")));
    let invocation = host.tick("ok").await.expect("a timer");
    assert!(matches!(invocation.outcome, Outcome::Failed(_)));
}

#[tokio::test]
async fn a_killed_handler_is_replaced_and_no_crash() {
    let app = App::new().timer("ok");
    let host = app.start().await;
    for _ in 0..4 {
        let before = host.pid();
        host.kill().await.expect("another starts");
        assert_ne!(host.pid(), before);
    }
    assert!(host.tick("ok").await.expect("a timer").succeeded());
}

#[tokio::test]
async fn a_handler_that_never_listens_or_cannot_start_is_an_error() {
    let app = App::new().timer("ok");
    let mut options = app.options().setting("NEVER_LISTEN", "1");
    options.initialization_timeout = Some(Duration::from_millis(300));
    let error = Host::start(options).await.expect_err("it never listens");
    assert!(error.to_string().contains("did not answer"), "{error}");

    let options = app.options().setting("EXIT_AT_START", "7");
    let error = Host::start(options).await.expect_err("it crashes");
    assert!(error.to_string().contains("3 times"), "{error}");

    let mut options = app.options();
    options.executable = Some("no-such-handler".into());
    let error = Host::start(options).await.expect_err("there is none");
    assert!(error.to_string().contains("cannot be started"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_stop_asks_first_and_kills_after_the_grace() {
    let app = App::new().timer("ok");
    assert_eq!(app.start().await.stop().await, Some(0));

    let mut options = app.options().setting("STUBBORN", "1");
    options.shutdown_grace = Duration::from_millis(200);
    let host = Host::start(options).await.expect("the host starts");
    assert_eq!(host.stop().await, None, "it did not end by itself");
}

#[tokio::test]
async fn a_dropped_host_takes_its_handler_along() {
    let app = App::new().timer("ok");
    let host = app.start().await;
    let handle = (*host).clone();
    drop(host);
    let invocation = handle.tick("ok").await.expect("a timer");
    assert!(
        matches!(invocation.outcome, Outcome::Failed(_)),
        "{invocation:?}"
    );
}
