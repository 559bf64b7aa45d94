//! The papers keep up with the code.

use super::manifests::dependencies;
use super::{assert_none, tracked};

#[test]
fn every_dependency_has_its_reason() {
    let Some(files) = tracked() else { return };
    let read = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map_or_else(|| panic!("{path} is not tracked"), |file| &file.text)
    };
    let reasons = read("docs/decisions/0002-dependencies.md");
    let names = dependencies(read("Cargo.toml"), |section| {
        section == "workspace.dependencies"
    });
    assert!(!names.is_empty(), "no dependency was read");
    let findings: Vec<String> = names
        .into_iter()
        .filter(|name| !name.starts_with("kusto-"))
        .filter(|name| !reasons.contains(&format!("`{name}`")))
        .collect();
    assert_none(
        "docs/decisions/0002-dependencies.md does not say why there is",
        &findings,
    );
}

#[test]
fn lock_files_name_no_host() {
    let Some(files) = tracked() else { return };
    let mut seen = 0;
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| {
        file.path.ends_with("package-lock.json") || file.path.ends_with("requirements.txt")
    }) {
        seen += 1;
        for (at, line) in file.text.lines().enumerate() {
            if line.contains("\"resolved\"") || line.contains("index-url") {
                findings.push(format!("{}:{}", file.path, at + 1));
            }
        }
    }
    assert!(seen > 0, "no lock file is tracked");
    assert_none(
        "packages come from whatever mirror the machine is set to; remove the address",
        &findings,
    );
}
