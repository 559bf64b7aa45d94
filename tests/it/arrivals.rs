//! Rows and tables that arrive during a copy are copied by the next iteration, once.

use serde_json::json;

use crate::support::copier::Pair;
use crate::support::process::Running;
use crate::support::python::Python;
use crate::support::until;

/// Loads three thousand events in six commits, so that they are six blocks and no group.
fn load(pair: &Pair) {
    pair.at_source(&[
        ".create table Events (n:long, at:datetime, payload:dynamic)",
        ".create table Quiet (n:long)",
        ".set-or-append Quiet <| range n from 1 to 5 step 1",
    ]);
    for first in (1..3_000).step_by(500) {
        let last = first + 499;
        pair.at_source(&[&format!(
            ".set-or-append Events <| range n from {first} to {last} step 1 \
             | extend at = datetime(2026-01-01) + n * 1tick, payload = dynamic({{\"a\": 1}})"
        )]);
    }
}

const LATER: [&str; 5] = [
    ".set-or-append Events <| range n from 3001 to 3700 step 1 \
     | extend at = datetime(2026-01-02) + n * 1tick, payload = dynamic(null)",
    ".create table ['New one'] (n:long, s:string)",
    ".set-or-append ['New one'] <| range n from 1 to 40 step 1 | extend s = strcat('row ', n)",
    ".create table Empty (n:long)",
    ".ingest inline into table Events <| 3701,2026-01-03,",
];

#[test]
fn what_arrives_during_the_backfill_comes_with_the_next_iteration_once() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Live");
    load(&pair);
    // Exports take a while, so that the rows below come in the middle of the copy.
    pair.source
        .settings(&json!({"service_times": {"export": {"base_ms": 700}}}));
    let mut copier = Running::start(pair.copier(&["--block-rows", "150", "--export-slots", "2"]));
    until("a block arrives", || {
        let rows = pair.destination.row_counts("Live");
        match rows.get("Events") {
            Some(rows) if *rows > 0 => Ok(()),
            _ => Err(format!("{rows:?}")),
        }
    });
    pair.at_source(&LATER);
    assert!(
        pair.destination.row_counts("Live")["Events"] < 3_000,
        "the backfill had ended already"
    );
    assert_eq!(copier.wait().code(), Some(0), "{}", copier.log());

    // The first iteration ends at one moment: nothing of what came later is in it.
    let rows = pair.destination.row_counts("Live");
    assert_eq!((rows["Events"], rows["Quiet"]), (3_000, 5), "{rows:?}");
    assert!(!rows.contains_key("New one"), "{rows:?}");

    let second = pair.copy_completely(&["--output", "json"]).document();
    assert_eq!(second["iteration"], 2);
    pair.assert_equal(&python, &[]);
    let third = pair.copy_completely(&["--output", "json"]).document();
    assert_eq!(third["iteration"], 3);
    pair.assert_equal(&python, &[]);
    pair.assert_tidy();
}

#[cfg(unix)]
#[test]
fn a_continuous_copy_follows_its_source_until_it_is_stopped() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Live");
    load(&pair);
    let mut copier = Running::start(pair.copier(&["--continuous", "--rpo", "1s"]));
    let arrived = |table: &str, expected: u64| {
        until("the rows arrive", || {
            let rows = pair.destination.row_counts("Live");
            match rows.get(table) {
                Some(rows) if *rows == expected => Ok(()),
                _ => Err(format!("{table} should have {expected} rows: {rows:?}")),
            }
        });
    };
    arrived("Events", 3_000);
    pair.at_source(&LATER);
    arrived("New one", 40);
    arrived("Events", 3_701);
    assert_eq!(copier.terminate().code(), Some(3), "{}", copier.log());

    pair.at_source(&[".set-or-append Quiet <| range n from 6 to 9 step 1"]);
    // The first start ends the iteration that was open when the copy was stopped, whose end was
    // read before these rows came; the second one copies them.
    pair.copy_completely(&[]);
    pair.copy_completely(&[]);
    pair.assert_equal(&python, &[]);
    // Staging of tables that were idle since goes with the end of the continuous copy.
    pair.assert_tidy();
}
