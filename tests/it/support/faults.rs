//! Every fault of the embedded clusters at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::process::EmulatorProcess;

/// Kinds that strike so often in fifty executions that one which never did is not switched on.
const KINDS: [&str; 13] = [
    "throttle",
    "lose_answer",
    "drop_connection",
    "service_error",
    "fail_export_half",
    "error_in_200",
    "fail_operation",
    "deliver_twice",
    "fail_after_effect",
    "late_effect",
    "partial_ingestion",
    "fail_moved_rows",
    "empty_result",
];

/// One rule for one kind of fault at some kinds of requests.
fn rule(kind: &str, commands: &[&str], probability: f64) -> Value {
    json!({"kind": kind, "commands": commands, "probability": probability})
}

/// What the copier looks at and this test does not.
const LOOKS: [&str; 6] = [
    "ShowOperation*",
    "ShowTableExtents",
    "ShowTablesDetails",
    "ShowCapacity",
    "ShowFunctions",
    "ShowDatabaseCslSchema",
];

/// Operations that are told to have failed, and do their work a while later.
fn late(commands: &[&str], probability: f64, delay_ms: u64) -> Value {
    json!({
        "kind": "late_effect", "commands": commands, "probability": probability,
        "delay_ms": delay_ms,
    })
}

/// Every fault that the embedded clusters have, at what the copier does there, with a chance that
/// lets it end all the same.
pub(crate) fn switch_on(source: &EmulatorProcess, destination: &EmulatorProcess, seed: u64) {
    let export = ["ExportToStorage"];
    let asked = ["ExportToStorage", "Query"];
    source.faults(
        &json!([
            rule("throttle", &asked, 0.05),
            rule("lose_answer", &export, 0.04),
            rule("drop_connection", &asked, 0.02),
            rule("service_error", &asked, 0.02),
            rule("fail_export_half", &export, 0.05),
            rule("error_in_200", &asked, 0.02),
            rule("error_in_200", &LOOKS, 0.02),
            rule("fail_operation", &export, 0.02),
            rule("fail_after_effect", &export, 0.03),
            // Not so late that the files of a table are deleted before: those of an export that
            // was told to have failed are deleted once more only after an hour.
            late(&export, 0.03, 40),
            rule("empty_result", &export, 0.03),
        ]),
        seed,
    );
    let effects = ["Ingest*", "Move*", "Drop*", "Create*", "Execute*", "Alter*"];
    let operations = ["Ingest*", "Move*", "Drop*"];
    destination.faults(
        &json!([
            rule("throttle", &effects, 0.05),
            rule("lose_answer", &effects, 0.05),
            rule("drop_connection", &effects, 0.02),
            rule("service_error", &effects, 0.02),
            rule("fail_operation", &operations, 0.03),
            rule("deliver_twice", &["Ingest*"], 0.05),
            rule("fail_after_effect", &operations, 0.04),
            // Within the same execution mostly, and long after the attempt was given up.
            late(&operations, 0.03, 40),
            late(&operations, 0.02, 1_500),
            rule("partial_ingestion", &["Ingest*"], 0.05),
            rule("fail_moved_rows", &["Move*"], 0.25),
            rule("empty_result", &operations, 0.04),
            rule("error_in_200", &LOOKS, 0.02),
            rule("error_in_200", &effects, 0.03),
        ]),
        seed + 1,
    );
}

/// Ends all faults.
pub(crate) fn switch_off(clusters: &[&EmulatorProcess]) {
    for cluster in clusters {
        cluster.faults(&json!([]), 0);
    }
}

/// How often faults of each kind struck, at all of these clusters.
pub(crate) fn struck(clusters: &[&EmulatorProcess]) -> BTreeMap<String, u64> {
    let mut struck = BTreeMap::new();
    for (kind, times) in clusters.iter().flat_map(|cluster| cluster.struck()) {
        *struck.entry(kind).or_default() += times;
    }
    struck
}

/// Fails unless each kind struck.
pub(crate) fn assert_all_struck(struck: &BTreeMap<String, u64>) {
    for kind in KINDS {
        let times = struck.get(kind).copied().unwrap_or(0);
        assert!(times > 0, "{kind} never struck: {struck:?}");
    }
}
