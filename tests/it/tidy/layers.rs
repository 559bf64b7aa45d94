//! The core stays pure, and the emulator and the copier stay two readings of the protocol.

use std::collections::BTreeSet;

use super::manifests::{closure, dependencies, is_any_dependencies};
use super::{SourceFile, assert_none, is_comment, tracked};

/// Crates that the core must not reach, not even through another crate.
const IMPURE_CRATES: [&str; 9] = [
    "axum", "fastrand", "hyper", "mio", "rand", "reqwest", "rusqlite", "tokio", "uuid",
];

/// What the core's own code must not name: time, randomness and limits come in as arguments.
const IMPURE_TEXTS: [&str; 9] = [
    "SystemTime",
    "::now(",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "rand::",
    "fastrand",
];

#[test]
fn the_core_reaches_no_crate_that_does_io() {
    let Some(files) = tracked() else { return };
    let manifest = text_of(&files, "crates/core/Cargo.toml");
    let direct = dependencies(manifest, |section| section == "dependencies");
    assert!(!direct.is_empty(), "no dependency was read");
    let reached = closure(text_of(&files, "Cargo.lock"), &direct);
    let findings: Vec<String> = reached
        .into_iter()
        .filter(|name| IMPURE_CRATES.contains(&name.as_str()) || name.starts_with("azure"))
        .collect();
    assert_none(
        "crates/core decides and does nothing else; it must not reach",
        &findings,
    );
}

#[test]
fn the_core_has_no_clock_no_io_and_no_randomness() {
    let Some(files) = tracked() else { return };
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("crates/core/src/") && file.path.ends_with(".rs"))
    {
        for text in impurities(&file.text) {
            findings.push(format!("{}: {text}", file.path));
        }
    }
    assert_none(
        "in crates/core time, random ids and limits are arguments",
        &findings,
    );
}

/// The impure things that a file of the core names outside of comments.
fn impurities(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !is_comment(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found: BTreeSet<String> = IMPURE_TEXTS
        .iter()
        .filter(|impure| code.contains(**impure))
        .map(ToString::to_string)
        .collect();
    // `use std::{fs, thread};` names them too.
    for (at, _) in code.match_indices("std::{") {
        let group = code[at..].split(';').next().unwrap_or_default();
        for word in group.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if ["env", "fs", "net", "process", "thread"].contains(&word) {
                found.insert(format!("std::{word}"));
            }
        }
    }
    found.into_iter().collect()
}

#[test]
fn the_emulator_and_the_copier_do_not_know_each_other() {
    let Some(files) = tracked() else { return };
    let mut findings = Vec::new();
    for (folder, foreign) in [("emulator/", "kusto-copy"), ("crates/", "kusto-emulator")] {
        let manifests = files
            .iter()
            .filter(|file| file.path.starts_with(folder) && file.path.ends_with("Cargo.toml"));
        let mut seen = 0;
        for manifest in manifests {
            seen += 1;
            for name in dependencies(&manifest.text, is_any_dependencies) {
                // It starts Azurite for tests and knows nothing of Kusto.
                if name.starts_with(foreign) && name != "kusto-copy-azurite" {
                    findings.push(format!("{} depends on {name}", manifest.path));
                }
            }
        }
        assert!(seen > 0, "no manifest in {folder}");
    }
    assert_none(
        "one misreading of the protocol must not cancel itself out: two readings stay apart",
        &findings,
    );
}

fn text_of<'a>(files: &'a [SourceFile], path: &str) -> &'a str {
    files
        .iter()
        .find(|file| file.path == path)
        .map_or_else(|| panic!("{path} is not tracked"), |file| &file.text)
}

#[test]
fn impurities_are_seen() {
    assert_eq!(impurities("use std::collections::BTreeMap;"), [""; 0]);
    assert_eq!(impurities("/// Not SystemTime.\nfn f() {}"), [""; 0]);
    assert_eq!(
        impurities("use std::{\n    collections::BTreeMap,\n    fs,\n};"),
        ["std::fs"]
    );
    assert_eq!(impurities("let t = Instant::now();"), ["::now("]);
}
