//! The guides keep up with the program: links lead somewhere, and messages are quoted as they are
//! written.

use std::collections::BTreeSet;

use super::{SourceFile, assert_none, tracked};
use crate::support::process::kusto_copy;

/// What a link to a heading ends in, as Git forges make it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// The path that a link from a file leads to.
fn target(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Why a link is wrong, if it is.
fn problem(files: &[SourceFile], from: &str, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = match path {
        "" => from.to_owned(),
        path => target(from, path),
    };
    let folder = format!("{}/", path.trim_end_matches('/'));
    let Some(file) = files.iter().find(|file| file.path == path) else {
        let is_folder = files.iter().any(|file| file.path.starts_with(&folder));
        return (!is_folder).then(|| format!("{from}: {link}: there is no {path}"));
    };
    (!anchor.is_empty() && !anchors(&file.text).contains(anchor))
        .then(|| format!("{from}: {link}: {path} has no such heading"))
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("](").skip(1);
    after.filter_map(|after| Some(after.split_once(')')?.0))
}

#[test]
fn links_lead_somewhere() {
    let Some(files) = tracked() else { return };
    let mut findings = Vec::new();
    let mut seen = 0;
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for link in links(&file.text) {
            if !link.contains("://") {
                seen += 1;
                findings.extend(problem(&files, &file.path, link));
            }
        }
    }
    assert!(seen > 20, "only {seen} links were read");
    assert_none("links that lead nowhere", &findings);
}

/// The texts between backticks in the first column of the tables.
fn quoted(guide: &str) -> Vec<&str> {
    let rows = guide.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|text| text.contains(' '))
        .collect()
}

/// Texts that go on in the next line, in one.
fn joined(rust: &str) -> String {
    let mut parts = rust.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start())
}

#[test]
fn messages_are_quoted_as_they_are_written() {
    let Some(files) = tracked() else { return };
    let guide = files
        .iter()
        .find(|file| file.path == "docs/troubleshooting.md");
    let guide = guide.expect("the guide is tracked");
    let source: String = files
        .iter()
        .filter(|file| file.path.ends_with(".rs") && !file.path.contains("tests"))
        .map(|file| joined(&file.text))
        .collect();
    let quoted = quoted(&guide.text);
    assert!(
        quoted.len() > 20,
        "only {} messages were read",
        quoted.len()
    );
    let findings: Vec<String> = quoted
        .into_iter()
        .filter(|text| !text.split('…').all(|part| source.contains(part.trim())))
        .map(str::to_owned)
        .collect();
    assert_none(
        "nobody says this, yet docs/troubleshooting.md explains it",
        &findings,
    );
}

#[test]
fn every_bound_is_documented() {
    let Some(files) = tracked() else { return };
    let page = files.iter().find(|file| file.path == "docs/settings.md");
    let page = page.expect("the page is tracked");
    let bounds = page.text.split("## Bounds").nth(1).unwrap_or_default();
    let bounds = bounds.split("\n## ").next().unwrap_or_default();
    let missing: Vec<String> = kusto_copy_driver::settings::limits::KEYS
        .into_iter()
        .filter(|key| !bounds.contains(&format!("`{key}`")))
        .map(str::to_owned)
        .collect();
    assert_none("docs/settings.md lacks bounds", &missing);
}

/// The words that follow a text in the guides, each up to what cannot be part of it.
fn words_after<'a>(files: &'a [SourceFile], text: &'a str) -> BTreeSet<&'a str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let guides = files.iter().filter(|file| file.path.ends_with(".md"));
    guides
        .flat_map(|file| file.text.split(text).skip(1))
        .filter_map(|after| after.split(|c| !is_part(c)).next())
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn what_guides_tell_to_type_exists() {
    let Some(files) = tracked() else { return };
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        &file.unwrap_or_else(|| panic!("{path} is tracked")).text
    };
    let mut findings = Vec::new();

    let variables = words_after(&files, "azd env set ");
    assert!(variables.contains("SOURCE"), "{variables:?}");
    let read = |name: &str| {
        let reads = format!("readEnvironmentVariable('{name}'");
        text("infra/main.bicepparam").contains(&reads)
    };
    findings.extend(variables.into_iter().filter(|name| !read(name)));

    let tasks = words_after(&files, "cargo xtask ");
    assert!(tasks.contains("local"), "{tasks:?}");
    let known = |task: &str| text("xtask/src/main.rs").contains(&format!("\"{task}\""));
    findings.extend(tasks.into_iter().filter(|task| !known(task)));

    let help = kusto_copy().arg("--help").output();
    let help = String::from_utf8(help.expect("it starts").stdout).expect("it is text");
    let table = text("README.md").split("| option | meaning |").nth(1);
    let table = table.and_then(|rest| rest.split("\n\n").next());
    let options: BTreeSet<&str> = table
        .expect("the README has a table of options")
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .collect();
    assert!(options.contains("--lake"), "{options:?}");
    findings.extend(options.into_iter().filter(|option| !help.contains(*option)));

    let findings: Vec<String> = findings.into_iter().map(str::to_owned).collect();
    assert_none("guides tell to type what does not exist", &findings);
}

#[test]
fn anchors_are_made_as_forges_make_them() {
    assert_eq!(anchor("How kusto-copy gets in"), "how-kusto-copy-gets-in");
    assert_eq!(
        anchor("The source is lost: fail over"),
        "the-source-is-lost-fail-over"
    );
    assert_eq!(target("docs/a.md", "../infra/README.md"), "infra/README.md");
    assert_eq!(joined("a \\\n   b"), "a b");
    assert_eq!(quoted("| `a b`, `c` | `d e` |\ntext `f g`"), ["a b"]);
}
