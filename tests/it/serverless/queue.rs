//! A whole replication by one tick of the timer: each execution that leaves work behind calls for
//! the next by a message in a queue.

use kusto_copy_stand_in_host::Event;
use serde_json::{Value, json};

use super::stage::{Stage, is_complete};
use crate::support::python::Python;

const QUEUE: &str = "kusto-copy-advance";
/// Calls that one tick leads to at most.
const MOST_CALLS: usize = 100;

fn load(stage: &Stage) {
    stage.at_source(&[
        ".create table Numbers (n:long, r:real)",
        ".create table Empty (n:long)",
        ".set-or-append Few <| range n from 1 to 10 step 1",
    ]);
    for first in (0..2_000).step_by(200) {
        stage.at_source(&[&format!(
            ".set-or-append Numbers <| range n from {first} to {} step 1 | extend r = n / 3.0",
            first + 199
        )]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tick_is_enough_where_executions_call_for_the_next() {
    let Some(python) = Python::find() else { return };
    let Some(mut stage) = Stage::set("Chained") else {
        return;
    };
    load(&stage);
    stage.chaining = true;
    stage.job["set"]["block_rows"] = 100.into();
    for (setting, value) in [("CHAIN", "true"), ("BUDGET", "200ms")] {
        let setting = format!("KUSTO_COPY_{setting}");
        stage.settings.insert(setting, value.to_owned());
    }
    let host = stage.host().await;
    let ticked = host.tick("advance").await.expect("there is a timer");
    assert!(ticked.succeeded(), "{ticked:?}");
    let call: Value = serde_json::from_str(&host.messages(QUEUE)[0].text).expect("it is JSON");
    assert_eq!(call, json!({"jobs": ["proof"], "hop": 1}));

    // Queues deliver at least once: the first call comes twice, and its chain goes on twice.
    let first = host.deliver_and_forget("advance-now").await;
    let mut call = first.expect("there is a queue function");
    let mut calls = 0;
    while let Some(ended) = call {
        calls += 1;
        assert!(ended.succeeded(), "{ended:?}\n{}", host.lines().join("\n"));
        assert!(calls <= 2 * MOST_CALLS, "more than two chains");
        let waiting = host.messages(QUEUE).len();
        assert!(waiting <= 2, "{waiting} calls wait");
        let next = host.deliver("advance-now").await;
        call = next.expect("there is a queue function");
    }
    assert!(calls > 3, "only {calls} calls");
    assert!(host.messages(&format!("{QUEUE}-poison")).is_empty());

    let is_tick =
        |event: &Event| matches!(event, Event::Invoked { function, .. } if function == "advance");
    let ticks = host.events().into_iter().filter(is_tick);
    assert_eq!(ticks.count(), 1, "the timer fired again");
    assert!(is_complete(&host), "after {calls} calls");
    stage.assert_equal(&python);
}
