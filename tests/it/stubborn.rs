//! A cluster that never does what it is asked for: that is told after a few tries, and nothing is
//! lost once it does it again.

use serde_json::json;

use crate::support::copier::Pair;
use crate::support::process::Running;
use crate::support::python::Python;
use crate::support::until;

/// Copies while every move is met by one fault, until the copier gives up, and then without.
fn refused_moves(fault: &str, arguments: &[&str]) {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Stubborn");
    pair.at_source(&[
        ".create table T (n:long)",
        ".set-or-append T <| range n from 1 to 100 step 1",
        ".set-or-append T <| range n from 101 to 200 step 1",
    ]);
    let rule = json!([{"kind": fault, "commands": ["MoveExtentsFrom"]}]);
    pair.destination.faults(&rule, 1);
    let arguments = [&["--block-rows", "100", "--output", "json"], arguments].concat();

    let ended = pair.copy(&arguments);

    assert_eq!(ended.code, Some(1), "{fault}: {ended}");
    let document = ended.document();
    let error = document["tables"][0]["error"].as_str().unwrap_or_default();
    assert!(
        error.contains("staged rows cannot be moved"),
        "{fault}: {ended}"
    );
    let struck = pair.destination.struck()[fault];
    assert!((2..=20).contains(&struck), "{fault} struck {struck} times");
    assert_eq!(pair.destination.row_counts("Stubborn")["T"], 0, "{fault}");

    pair.destination.faults(&json!([]), 1);
    pair.copy_completely(&arguments);
    pair.assert_equal(&python, &[]);
    pair.assert_tidy();
}

#[test]
fn moves_that_move_nothing_are_told() {
    refused_moves("fail_moved_rows", &[]);
}

#[test]
fn operations_that_move_nothing_are_told() {
    refused_moves("fail_moved_rows", &["--set", "sync_move_extents=0"]);
}

#[test]
fn operations_that_fail_to_move_are_told() {
    refused_moves("fail_operation", &["--set", "sync_move_extents=0"]);
}

/// The extents by which a group was exported are gone from the source when its rows are ingested
/// at last: what they hold was read before.
#[test]
fn groups_whose_extents_were_merged_meanwhile_are_compared_all_the_same() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Merged");
    // A command's rows have one ingestion time.
    pair.at_source(&[
        ".create table T (n:long, s:string)",
        ".set-or-append T <| range n from 1 to 100 step 1 | extend s = tostring(n)",
        ".set-or-append T <| range n from 101 to 200 step 1 | extend s = tostring(n)",
    ]);
    let busy = json!([{"kind": "throttle", "commands": ["Ingest*"]}]);
    pair.destination.faults(&busy, 1);
    let mut copier =
        Running::start(pair.copier(&["--block-rows", "30", "--verify", "fingerprint"]));
    until("that an ingestion is refused", || {
        let struck = pair.destination.struck()["throttle"];
        if struck > 0 {
            Ok(())
        } else {
            Err(copier.log())
        }
    });
    until("that every group waits for an ingestion", || {
        let table = &pair.status()["tables"][0];
        let states = table["blocks_by_state"].as_object();
        let waits = states.is_some_and(|states| states.keys().eq(["exported"]));
        let waits = waits && table["state"] == "planned";
        if waits {
            Ok(())
        } else {
            Err(table.to_string())
        }
    });
    let before = pair.source.extents("Merged").len();
    pair.source.merge();
    assert_eq!((before, pair.source.extents("Merged").len()), (2, 1));

    pair.destination.faults(&json!([]), 1);
    assert_eq!(copier.wait().code(), Some(0), "{}", copier.log());
    pair.assert_equal(&python, &[]);
    pair.assert_tidy();
}
