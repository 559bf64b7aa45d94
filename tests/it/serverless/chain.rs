//! A whole replication by a chain of executions, each with a handler of its own.

use std::io::Write;

use serde_json::Value;

use super::stage::{Operator, Stage};
use crate::support::python::Python;
use crate::support::shared;

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
    stage.job["set"]["block_rows"] = 30_000.into();
    // No answer is lost here, and what runs is never given up for its slowness.
    stage.job["set"]["operation_timeout"] = 3_600_000.into();
    stage
        .settings
        .insert("KUSTO_COPY_STYLE".into(), "economy".into());

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
        blocks >= 13,
        "{blocks} blocks for 367,687 rows of at most 30,000"
    );
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
