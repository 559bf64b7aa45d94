//! The programs in `tests/python` that compare databases prove themselves on made-up rows.

use crate::support::python::Python;

#[test]
fn the_witnesses_pass_their_own_test() {
    let Some(python) = Python::find() else {
        return;
    };
    let output = python.run(&["-W", "ignore", "-m", "unittest"]);
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    assert!(!report.contains("Ran 0 tests"), "{report}");
}
