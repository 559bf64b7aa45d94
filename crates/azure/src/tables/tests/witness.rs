//! Microsoft's own client, in Python, reads what was written.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kusto_copy_store::{Key, Layout, Partition, Row, Store, Transaction, Write};
use serde_json::{Value, json};

use super::azurite::Entrance;
use crate::tables::AzureTableStore;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The Python with the pinned packages, if it is there or has to be.
fn python() -> Option<PathBuf> {
    let usual = if cfg!(windows) {
        ".tools/venv/Scripts/python.exe"
    } else {
        ".tools/venv/bin/python"
    };
    let given = std::env::var_os("KUSTO_COPY_PYTHON");
    let python = given.map_or_else(|| root().join(usual), PathBuf::from);
    let found = python.exists();
    assert!(
        found || std::env::var_os("KUSTO_COPY_TOOLS_REQUIRED").is_none(),
        "{} is not there; run `cargo xtask tools`",
        python.display()
    );
    found.then_some(python)
}

/// What the witness finds in a table.
fn read_state(python: &Path, table: &str) -> Vec<Value> {
    let output = Command::new(python)
        .args(["read_state.py", "--table", table])
        .current_dir(root().join("tests/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the witness failed: {errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn microsofts_client_reads_the_same_state() {
    let (Some(python), Some(place)) = (python(), Entrance::Key.table().await) else {
        return;
    };
    // Several parts, the first of them cut just before a pair that would not fit.
    let long = format!("{}\u{1F600}é\u{0}", "x".repeat(31_998)).repeat(3);
    let written = [
        (
            "lake",
            vec!["job"],
            vec!["lease"],
            json!({"epoch": 9_007_199_254_740_993_i64}),
        ),
        (
            "lake",
            vec!["job"],
            vec!["%'\"/\\", "é\u{1F600}"],
            json!(long),
        ),
        (
            "lake/2",
            vec!["a!b", "~"],
            vec!["."],
            json!(["\u{2028}\u{feff}", null, 1.5]),
        ),
    ];
    let mut expected = Vec::new();
    for (scope, partition, row, document) in &written {
        let store = AzureTableStore::new(place.table.clone(), scope).expect("a store");
        let key = Key::new(
            Partition::of(partition).expect("a partition"),
            Row::of(row).expect("a row"),
        );
        let body = Layout::new(7, "1.2.3").write(document).expect("a body");
        let insert = Transaction::new(vec![Write::Insert { key, body }]).expect("a transaction");
        let committed = store.commit(&insert).await.expect("a commit");
        let etag = committed.etags[0]
            .as_ref()
            .expect("a version")
            .as_str()
            .to_owned();
        expected.push(json!({
            "scope": scope, "partition": partition, "row": row, "etag": etag, "hashed": false,
            "layout": 7, "program": "1.2.3", "document": document,
        }));
    }
    let found = read_state(&python, &place.table.address());
    assert_eq!(found.len(), expected.len());
    for entity in expected {
        // Not printed whole: one of them is large.
        assert!(found.contains(&entity), "missing: {}", entity["row"]);
    }
}
