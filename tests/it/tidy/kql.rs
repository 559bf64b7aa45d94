//! Only the writer in `crates/kusto` makes KQL, so that quoting is right in one place.

use super::{assert_none, is_comment, rust_files};

/// How management commands begin.
const VERBS: [&str; 17] = [
    "alter",
    "alter-merge",
    "append",
    "cancel",
    "clear",
    "create",
    "create-merge",
    "create-or-alter",
    "delete",
    "drop",
    "execute",
    "export",
    "ingest",
    "move",
    "replace",
    "set-or-append",
    "show",
];

/// How parts of queries begin.
const OPERATORS: [&str; 6] = [
    "| count",
    "| extend ",
    "| project ",
    "| summarize ",
    "| take ",
    "| where ",
];

#[test]
fn kql_is_made_in_one_place() {
    let Some(files) = rust_files() else { return };
    let mut findings = Vec::new();
    let copier = files.iter().filter(|file| {
        (file.path.starts_with("src/") || file.path.starts_with("crates/"))
            && !file.path.starts_with("crates/kusto/")
            && !file.path.ends_with("/tests.rs")
            && !file.path.contains("/tests/")
    });
    for file in copier {
        for line in lines_with_kql(&file.text) {
            findings.push(format!("{}:{line}", file.path));
        }
    }
    assert_none(
        "add a function to crates/kusto that makes this text and quotes what it is given",
        &findings,
    );
}

/// The numbers of the lines, tests at the file's end aside, that look as if they held KQL.
fn lines_with_kql(text: &str) -> Vec<usize> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate()
        .filter(|(_, line)| !is_comment(line) && looks_like_kql(line))
        .map(|(at, _)| at + 1)
        .collect()
}

fn looks_like_kql(line: &str) -> bool {
    let command = line.match_indices("\".").any(|(at, _)| {
        let after = &line[at + 2..];
        VERBS
            .iter()
            .any(|verb| after.strip_prefix(verb).is_some_and(|r| r.starts_with(' ')))
    });
    let in_literal = line.trim_start().starts_with('|') || line.contains('"');
    command || (in_literal && OPERATORS.iter().any(|operator| line.contains(operator)))
}

#[test]
fn kql_is_recognised() {
    assert!(looks_like_kql(r#"    let text = ".show tables";"#));
    assert!(looks_like_kql(
        r#"format!(".move extents from table {name}")"#
    ));
    assert!(looks_like_kql(r#"    text.push_str(" | where x");"#));
    assert!(looks_like_kql("    | summarize count() by x"));
    assert!(!looks_like_kql(r#"path.join(".shown")"#));
    assert!(!looks_like_kql(r#"name.ends_with(".csv.gz")"#));
    assert!(!looks_like_kql("    let x = a | count;"));
    assert_eq!(
        lines_with_kql("// \".show tables\"\n\".show x\"\n#[cfg(test)]\n\".show y\""),
        [2]
    );
}
