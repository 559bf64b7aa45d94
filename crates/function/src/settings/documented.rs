//! `docs/settings.md` says what is read, no more and no less.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::names::NAMES;
use super::{HostFile, Settings, Variables, names};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    std::fs::read_to_string(path).expect("docs/settings.md is there")
}

/// First cells of the rows of tables, without their backticks.
fn first_cells(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn every_variable_is_documented_in_the_words_of_the_list() {
    let page = page();
    for name in NAMES {
        let default = match name.default {
            "" => String::new(),
            default => format!("{default} "),
        };
        let row = format!("| `{}` | {default}| {} |", name.name, name.meaning);
        assert!(
            page.lines().any(|line| line == row),
            "docs/settings.md lacks\n{row}"
        );
    }
    let variables = page.split("## A job").next().unwrap_or_default();
    let listed: BTreeSet<String> = NAMES.iter().map(|name| name.name.to_owned()).collect();
    assert_eq!(first_cells(variables), listed);
}

#[test]
fn every_member_of_a_job_is_documented_and_the_example_is_right() {
    let page = page();
    let (_, job) = page.split_once("## A job").expect("the page has jobs");
    // The refusal of an unknown member names all that are known.
    let mut variables = Variables::new();
    variables.insert(names::JOBS.to_owned(), "[{\"unknown\": 1}]".to_owned());
    let problems = Settings::read(&variables, &HostFile::default()).problems;
    let known = problems
        .iter()
        .find_map(|problem| problem.split_once("`unknown`; use one of "))
        .map(|(_, known)| known)
        .expect("unknown members are refused");
    let known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
    assert_eq!(first_cells(job), known);

    let example = job
        .split("```json")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the page has an example");
    serde_json::from_str::<Value>(example).expect("the example is JSON");
    variables.insert(names::JOBS.to_owned(), example.to_owned());
    let settings = Settings::read(&variables, &HostFile::default());
    assert_eq!(settings.problems, [""; 0]);
}
