//! A whole replication by a chain of executions, each with a handler of its own.

use serde_json::json;

use super::stage::{Operator, Spent, Stage};
use crate::support::python::Python;
use crate::support::shared;

/// Rows of nycflights13.
const ROWS: u64 = 367_687;
const BLOCK_ROWS: u64 = 8_000;

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

    let spent = Spent::by(&host);
    assert!(
        spent.blocks >= ROWS / BLOCK_ROWS,
        "{spent:?} for {ROWS} rows in blocks of at most {BLOCK_ROWS}"
    );
    assert!(executions > 3, "only {executions} executions");
    spent.print(
        &format!("{executions} executions, {} blocks", spent.blocks),
        "block",
        spent.blocks,
    );
}
