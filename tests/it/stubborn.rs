//! A cluster that never does what it is asked for: that is told after a few tries, and nothing is
//! lost once it does it again.

use serde_json::json;

use crate::support::copier::Pair;
use crate::support::python::Python;

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
