//! Real data from end to end: loaded by Microsoft's client, copied by the binary, and both sides
//! read back and compared by that same client.

use std::fs;

use crate::support::process::{EmulatorProcess, kusto_copy};
use crate::support::python::Python;
use crate::support::{shared, temp_dir};

#[test]
fn real_data_arrives_value_for_value() {
    let Some(data) = shared("data/nycflights13") else {
        return;
    };
    let Some(python) = Python::find() else {
        return;
    };
    let source = EmulatorProcess::start(&["Samples"], &[]);
    let destination = EmulatorProcess::start(&["Samples"], &[]);
    let dir = temp_dir();
    let expected = dir.path().join("expected.json");
    let expected = expected.to_str().expect("the folder's name is text");
    let data = data.to_str().expect("the folder's name is text");
    python.expect_success(&[
        "load_nycflights.py",
        &source.uri,
        "Samples",
        data,
        "--expect-out",
        expected,
    ]);

    let lake = dir.path().join("lake");
    fs::create_dir(&lake).expect("the lake can be made");
    let output = kusto_copy()
        .arg("-l")
        .arg(&lake)
        .args(["-s", &source.uri, "-d", &destination.uri, "--db", "Samples"])
        .output()
        .expect("the copier can be started");
    assert!(
        output.status.success(),
        "the copier ended with {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );

    let report = python.expect_success(&[
        "compare_databases.py",
        &source.uri,
        "Samples",
        &destination.uri,
        "Samples",
        "--expect-file",
        expected,
    ]);
    let equal = report.lines().filter(|l| l.contains(": equal: ")).count();
    assert_eq!(equal, 5, "{report}");
}
