//! The demonstration, which is the first thing that anybody runs.

use crate::support::copier::Ended;
use crate::support::process::kusto_copy;

fn demo(arguments: &[&str]) -> Ended {
    let mut command = kusto_copy();
    command.arg("demo").args(arguments);
    Ended::of(command)
}

fn assert_equal(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended}");
    for part in [
        "Both databases are equal: 7 tables",
        "DeviceReadings",
        "Sign-ins",
        "errors-and-warnings",
    ] {
        assert!(ended.stdout.contains(part), "{part} is missing\n{ended}");
    }
    assert!(!ended.stdout.contains(" NO"), "{ended}");
    assert!(
        !ended.stdout.contains('\u{1b}'),
        "no colours in a pipe\n{ended}"
    );
    assert_eq!(ended.stderr, "", "{ended}");
}

#[test]
fn it_copies_what_is_there_and_what_arrives_and_proves_it() {
    let ended = demo(&["--rows", "1000"]);
    assert_equal(&ended);
    // The first iteration, and the one for what arrived meanwhile.
    for iteration in ["Complete: iteration 1", "Complete: iteration 2"] {
        assert!(ended.stdout.contains(iteration), "{ended}");
    }
}

#[test]
fn it_proves_the_same_of_a_copier_that_is_killed() {
    let ended = demo(&["--rows", "5000", "--kill-after", "3"]);
    assert_equal(&ended);
    assert!(ended.stdout.contains("killed 3 times"), "{ended}");
    assert_eq!(ended.stdout.matches("-- killed").count(), 3, "{ended}");
}

#[test]
fn it_keeps_the_lake_that_it_is_asked_to_keep() {
    let dir = crate::support::temp_dir();
    let lake = dir.path().join("lake");
    let folder = lake.to_str().expect("the folder's name is text");
    assert_equal(&demo(&["--rows", "1000", "--keep", folder]));
    let mut status = kusto_copy();
    status.args(["status", "--output", "json", "-l", folder]);
    let status = Ended::of(status);
    assert_eq!(status.document()["state"], "complete", "{status}");
    let again = demo(&["--keep", folder]);
    assert_eq!(again.code, Some(2), "{again}");
}
