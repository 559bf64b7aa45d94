//! What Cargo.toml and Cargo.lock say, as far as the rules need it.

use std::collections::{BTreeMap, BTreeSet};

/// The names of the dependencies in those sections of a manifest for which `chosen` holds.
///
/// A section is given as it is written, for example `target.'cfg(unix)'.dev-dependencies`. Reads
/// `name = …`, `name.workspace = true` and `[dependencies.name]`.
pub(super) fn dependencies(manifest: &str, chosen: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut in_section = false;
    for line in manifest.lines() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']').trim_matches('[');
            in_section = chosen(section);
            if let Some((parent, name)) = section.rsplit_once('.')
                && chosen(parent)
            {
                found.insert(name.to_owned());
                in_section = false;
            }
        } else if in_section && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty() && line.contains('=') {
                found.insert(name.trim_matches('"').to_owned());
            }
        }
    }
    found
}

/// Whether a section lists dependencies of any kind.
pub(super) fn is_any_dependencies(section: &str) -> bool {
    section.ends_with("dependencies") && section != "workspace.dependencies"
}

/// Everything in Cargo.lock that `names` lead to. Versions of one name are taken together.
pub(super) fn closure(lock: &str, names: &BTreeSet<String>) -> BTreeSet<String> {
    let graph = lock_graph(lock);
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = names.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if reached.insert(name.to_owned()) {
            open.extend(graph.get(name).into_iter().flatten().copied());
        }
    }
    reached
}

fn lock_graph(lock: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut graph: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut package = "";
    for line in lock.lines() {
        if let Some(name) = line.strip_prefix("name = ") {
            package = name.trim_matches('"');
            graph.entry(package).or_default();
        } else if let Some(dependency) = line.strip_prefix(" \"") {
            // ` "name",`, or ` "name version",` where there are several versions.
            let name = dependency.split(['"', ' ']).next().unwrap_or_default();
            graph.entry(package).or_default().push(name);
        }
    }
    graph
}

#[test]
fn dependencies_are_read_from_a_manifest() {
    let manifest = r#"
[package]
name = "x"
[dependencies]
a.workspace = true
b = { version = "1" } # why
# c = "1"
[dependencies.d]
version = "1"
[dev-dependencies]
e = "1"
[target.'cfg(unix)'.dependencies]
f = "1"
"#;
    let of = |chosen: fn(&str) -> bool| -> Vec<String> {
        dependencies(manifest, chosen).into_iter().collect()
    };
    assert_eq!(of(|section| section == "dependencies"), ["a", "b", "d"]);
    assert_eq!(of(is_any_dependencies), ["a", "b", "d", "e", "f"]);
}

#[test]
fn what_a_dependency_brings_is_followed() {
    let lock = r#"
[[package]]
name = "a"
version = "1.0.0"
dependencies = [
 "b 2.0.0",
]

[[package]]
name = "b"
version = "2.0.0"
dependencies = [
 "c",
]

[[package]]
name = "c"
version = "1.0.0"

[[package]]
name = "d"
version = "1.0.0"
"#;
    let reached: Vec<String> = closure(lock, &BTreeSet::from(["a".to_owned()]))
        .into_iter()
        .collect();
    assert_eq!(reached, ["a", "b", "c"]);
}
