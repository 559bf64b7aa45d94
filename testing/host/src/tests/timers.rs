//! Singleton, catch-up, past-due runs.

use std::time::Duration;

use super::App;
use crate::{Event, Firing, Host, Outcome, Storage};

#[tokio::test]
async fn one_run_waits_for_another_and_the_rest_collapse() {
    let app = App::new().timer("wait");
    let host = app.start().await;
    let third = async {
        let invocation = host.tick("wait").await.expect("a timer");
        let ended = host.events().into_iter().filter(is_end).count();
        app.release();
        (invocation, ended)
    };
    let (first, second, (third, ended)) = tokio::join!(host.tick("wait"), host.tick("wait"), third);
    assert_eq!(third.outcome, Outcome::Collapsed);
    assert_eq!(ended, 0, "it collapsed while the first still ran");
    assert!(first.expect("a timer").succeeded());
    assert!(second.expect("a timer").succeeded());
    let order: Vec<bool> = host
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Invoked { .. } => Some(true),
            Event::Finished { .. } => Some(false),
            Event::Started { .. }
            | Event::Ready { .. }
            | Event::Line { .. }
            | Event::Ended { .. }
            | Event::GaveUp { .. } => None,
        })
        .collect();
    assert_eq!(order, [true, false, true, false], "never two at once");
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::Finished { .. })
}

#[tokio::test]
async fn a_double_tick_runs_twice_at_once_in_one_handler_or_in_two() {
    let app = App::new().timer("meet");
    for second in [false, true] {
        let mut options = app.options();
        options.function_timeout = Some(Duration::from_secs(60));
        let host = Host::start(options).await.expect("the host starts");
        if second {
            host.start_second().await.expect("a second handler");
        }
        // Each run waits for the other: one after the other, they would time out.
        let [a, b] = host.double_tick("meet").await.expect("a timer");
        assert!(a.succeeded() && b.succeeded(), "{a:?} {b:?}");
        assert_eq!(a.return_value != b.return_value, second);
        for mark in std::fs::read_dir(app.path().join("marks")).expect("marks") {
            std::fs::remove_file(mark.expect("a mark").path()).expect("it can be removed");
        }
    }
}

#[tokio::test]
async fn two_hosts_of_one_app_share_the_lock() {
    let app = App::new().timer("wait");
    let storage = Storage::default();
    let options = || {
        let mut options = app.options();
        options.storage = storage.clone();
        options
    };
    let one = Host::start(options()).await.expect("a host");
    let other = Host::start(options()).await.expect("another host");
    let release = async {
        app.until_begun(1).await;
        let begun = super::handler::marks(&app.path().join("marks"));
        app.release();
        begun
    };
    let (a, b, begun) = tokio::join!(one.tick("wait"), other.tick("wait"), release);
    assert_eq!(begun, 1);
    assert!(a.expect("a timer").succeeded());
    assert!(b.expect("a timer").succeeded());
}

#[tokio::test]
async fn timers_fire_by_their_schedule() {
    let app = App::new().timer_at("ok", "* * * * * *");
    let mut options = app.options();
    options.timers = Firing::BySchedule;
    let host = Host::start(options).await.expect("the host starts");
    let mut events = host.listen();
    let mut runs = 0;
    while runs < 2 {
        if is_end(&events.recv().await.expect("the host runs")) {
            runs += 1;
        }
    }
}

#[tokio::test]
async fn a_run_cut_short_by_a_crash_of_the_host_comes_again_as_past_due() {
    let app = App::new().timer("wait");
    let storage = Storage::default();
    let options = || {
        let mut options = app.options();
        options.storage = storage.clone();
        options.timers = Firing::BySchedule;
        options
    };
    let crashing = Host::start(options()).await.expect("a host");
    let handle = (*crashing).clone();
    let run = tokio::spawn(async move { handle.tick("wait").await });
    app.until_begun(1).await;
    drop(crashing);
    let cut = run.await.expect("it ends").expect("a timer");
    assert!(matches!(cut.outcome, Outcome::Failed(_)));

    let next = Host::start(options()).await.expect("the next host");
    app.until_begun(2).await;
    app.release();
    assert!(next.tick("wait").await.expect("a timer").succeeded());
    assert!(
        !storage.is_past_due("wait", chrono::Utc::now()),
        "nothing is left to make up for"
    );
}
