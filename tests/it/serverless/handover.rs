//! One job, driven by the app and by the command line, never by both at once; and its state, read
//! by Microsoft's own client.

use std::process::Command;

use serde_json::json;

use super::stage::{Operator, Stage};
use crate::support::copier::Ended;
use crate::support::process::kusto_copy;
use crate::support::python::Python;
use crate::support::until;

fn load(stage: &Stage) {
    stage.at_source(&[".create table Numbers (n:long)"]);
    for first in (0..2_000).step_by(400) {
        stage.at_source(&[&format!(
            ".set-or-append Numbers <| range n from {first} to {} step 1",
            first + 399
        )]);
    }
}

/// The command line for the app's job.
fn command_line(stage: &Stage) -> Command {
    let mut command = kusto_copy();
    command.args(["-l", stage.member("lake")]);
    command.args(["--state", stage.member("state")]);
    command.args(["-s", &stage.source.uri, "-d", &stage.destination.uri]);
    command.args(["--db", &stage.database, "--output", "json"]);
    command.args(["--set", "poll.min=10", "--set", "poll.max=200"]);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_goes_on_where_the_app_stopped_and_never_beside_it() {
    let Some(python) = Python::find() else { return };
    let Some(stage) = Stage::set("Shared") else {
        return;
    };
    load(&stage);
    // Exports take a while, so that both meet.
    stage
        .source
        .settings(&json!({"service_times": {"export": {"base_ms": 1_500}}}));
    let host = stage.host().await;
    let handle = (*host).clone();
    let step = tokio::spawn(async move { handle.tick("advance").await });
    until("the app's execution works", || {
        let running = stage.source.look("/stats")["running_operations"].clone();
        if running.as_u64() > Some(0) {
            Ok(())
        } else {
            Err(running.to_string())
        }
    });
    let beside = Ended::of(command_line(&stage));
    let ended = step.await.expect("the tick comes back");
    assert!(ended.expect("there is a timer").succeeded());
    assert_eq!(beside.code, Some(1), "{beside}");
    assert!(
        beside
            .stderr
            .contains("another process is driving this job"),
        "{beside}"
    );

    // The app stops for good; the command line takes the job over.
    drop(host);
    stage.at_source(&[".set-or-append Numbers <| range n from 2000 to 2299 step 1"]);
    let copied = until("the lease of the app's last execution is over", || {
        let ended = Ended::of(command_line(&stage));
        match ended.code {
            Some(0) => Ok(ended.document()),
            _ => Err(ended.to_string()),
        }
    });
    assert_eq!(copied["state"], "complete", "{copied:#}");
    stage.assert_equal(&python);

    let jobs = stage.documents(&python, "job");
    let [job] = jobs.as_slice() else {
        panic!("one job: {jobs:?}");
    };
    assert_eq!(job["definition"]["source"], copied_uri(&stage.source.uri));
    let tables = stage.documents(&python, "table");
    let [table] = tables.as_slice() else {
        panic!("one table: {tables:?}");
    };
    assert_eq!(table["source_table"], "Numbers");
    assert_eq!(table["rows_copied"], 2_300);
    assert_eq!(table["completed_to"], copied["cursor_end"]);
    let leftover = stage.documents(&python, "block");
    assert!(
        leftover.is_empty(),
        "finished blocks are folded: {leftover:?}"
    );

    // And the app finds nothing more to do than its iterations.
    let host = stage.host().await;
    host.tick_until_complete(&stage, async |_, _| {}).await;
    stage.assert_equal(&python);
}

/// A cluster's address as the state spells it.
fn copied_uri(uri: &str) -> String {
    uri.trim_end_matches('/').to_owned()
}
