//! Continuous replication: rows arrive all the time, each committed iteration is one moment.

use std::collections::BTreeSet;

use super::stage::{Operator, Spent, Stage};
use crate::support::http;
use crate::support::python::Python;

const TICKS: u64 = 30;
const TABLES: [&str; 3] = ["Readings", "Events", "odd-name 4.2"];

/// Some rows for some tables: never the same pattern twice in a row, and now and then none.
fn arrive(stage: &Stage, tick: u64) {
    for (n, table) in (0_u64..).zip(TABLES) {
        let rows = (tick * 7 + n * 3) % 11;
        if rows > 0 {
            let first = tick * 100;
            let last = first + rows - 1;
            stage.at_source(&[&format!(
                ".set-or-append ['{table}'] <| range n from {first} to {last} step 1 \
                 | extend at = datetime(2026-01-01) + n * 1tick"
            )]);
        }
    }
}

/// The rows whose cursor is at or before an end, by the source cluster's own record.
fn recorded(stage: &Stage, table: &str, end: &str) -> u64 {
    let table = table.replace(' ', "%20");
    let path = format!(
        "/commits?database={}&table={table}&at_or_before={end}",
        stage.database
    );
    let answer = http::request(&stage.source.admin_uri, "GET", &path, b"").expect("it answers");
    let record: serde_json::Value = serde_json::from_slice(&answer.body).expect("it is JSON");
    record["rows"].as_u64().expect("a number of rows")
}

/// The values of `n` in a table, in order.
fn numbers(stage: &Stage, destination: bool, table: &str) -> Vec<u64> {
    let side = if destination {
        &stage.destination
    } else {
        &stage.source
    };
    side.query(
        &stage.database,
        &format!("['{table}'] | project n | order by n asc"),
    )
    .iter()
    .map(|row| row["n"].as_u64().expect("a number"))
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_iteration_is_one_moment_and_the_lag_stays_below_the_rpo() {
    let Some(python) = Python::find() else { return };
    let Some(stage) = Stage::set("Live") else {
        return;
    };
    for table in TABLES {
        stage.at_source(&[&format!(".create table ['{table}'] (n:long, at:datetime)")]);
    }
    arrive(&stage, 0);
    let host = stage.host().await;
    host.tick_until_complete(&stage, async |_, _| {}).await;

    let before = Spent::by(&host);
    let mut ends = BTreeSet::new();
    for tick in 1..=TICKS {
        arrive(&stage, tick);
        host.control("start");
        let ended = host.tick("advance").await.expect("there is a timer");
        assert!(ended.succeeded(), "{ended:?}\n{}", host.lines().join("\n"));

        let job = host.job();
        let report = &job["report"];
        let (lag, rpo) = (report["lag_ms"].as_u64(), report["rpo_ms"].as_u64());
        assert!(
            lag.is_some() && lag < rpo,
            "tick {tick}: lag {lag:?}, RPO {rpo:?}"
        );
        assert_eq!(report["state"], "complete", "tick {tick}: {job:#}");
        let end = report["databases"][0]["cursor_end"]
            .as_str()
            .expect("an end");
        ends.insert(end.to_owned());
        for table in TABLES {
            let expected = usize::try_from(recorded(&stage, table, end)).expect("few rows");
            let source = numbers(&stage, false, table);
            // Rows were committed in the order of `n`.
            assert_eq!(
                numbers(&stage, true, table),
                source[..expected],
                "tick {tick}: {table} up to {end}"
            );
        }
    }
    assert!(ends.len() > 20, "only {} iterations", ends.len());
    let spent = Spent::by(&host).since(before);
    spent.print(
        &format!("{TICKS} ticks with an iteration of up to three tables"),
        "tick",
        TICKS,
    );
    host.control("start");
    host.tick_until_complete(&stage, async |_, _| {}).await;
    stage.assert_equal(&python);
}
