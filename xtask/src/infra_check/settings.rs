//! App settings: what the Bicep files set is what the program and the host read, and the other way
//! round; a job's members in Bicep are those that the program reads.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use tree_sitter::Node;

use super::Documents;
use super::declarations;
use super::document::{Document, body, named};
use super::shape::{self, Shape};
use super::source::{Files, Finding};

/// The program's one list of settings. Its form is part of this check: constants of text, and
/// entries that begin with `name: CONSTANT, origin: Origin::WHO`.
const NAMES: &str = "crates/function/src/settings/names.rs";

/// Where the program reads the members of a job: `object.kind("member"…`.
const JOB: &str = "crates/function/src/settings/job.rs";

/// Where Bicep declares the same.
const TYPES: &str = "infra/types.bicep";

/// Settings of the host that may be set. Flex Consumption takes the others from the app's
/// configuration and refuses some (`FUNCTIONS_WORKER_RUNTIME`, `WEBSITE_RUN_FROM_PACKAGE`, …).
const HOST: [&str; 7] = [
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
];

/// Checks all files.
pub(crate) fn check(files: &Files, documents: &Documents) -> Vec<Finding> {
    let mut findings = Vec::new();
    let set = in_bicep(documents, &mut findings);
    match files.get(NAMES).map(in_program) {
        Some(read) if !read.is_empty() => findings.extend(compare(&set, &read)),
        Some(_) | None => findings.push(Finding::file(NAMES, "the list of settings is not found")),
    }
    findings.extend(members(files, documents));
    findings
}

/// The names of the settings that the Bicep files set.
pub(crate) fn names(documents: &Documents) -> BTreeSet<String> {
    in_bicep(documents, &mut Vec::new()).into_keys().collect()
}

fn compare(set: &BTreeMap<String, Finding>, read: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, place) in set {
        let text = match read.get(name).map(String::as_str) {
            Some("App") => continue,
            Some(_) => format!("`{name}` is not for deployed apps"),
            None if HOST.contains(&name.as_str()) => continue,
            None => format!("neither the program nor the host reads `{name}`"),
        };
        findings.push(Finding {
            text,
            ..place.clone()
        });
    }
    for (name, origin) in read {
        if origin == "App" && !set.contains_key(name) {
            findings.push(Finding::file(
                NAMES,
                format!("no Bicep file sets `{name}`, which the program reads"),
            ));
        }
    }
    findings
}

/// Every setting with its origin.
fn in_program(text: &str) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    let (Ok(constants), Ok(entries)) = (
        Regex::new(r#"pub const (\w+): &str = "([^"]+)""#),
        Regex::new(r"Name \{\s*name: (\w+),\s*origin: Origin::(\w+)"),
    ) else {
        return read;
    };
    let values: BTreeMap<&str, &str> = constants
        .captures_iter(text)
        .map(|found| found.extract())
        .map(|(_, [name, value])| (name, value))
        .collect();
    for (_, [name, origin]) in entries.captures_iter(text).map(|found| found.extract()) {
        let value = values.get(name).copied().unwrap_or(name);
        read.insert(value.to_owned(), origin.to_owned());
    }
    read
}

/// Every setting with the place where it is set.
fn in_bicep(documents: &Documents, findings: &mut Vec<Finding>) -> BTreeMap<String, Finding> {
    let mut set = BTreeMap::new();
    for document in documents.values() {
        for symbol in declarations::of(document) {
            let children = named(symbol.node);
            let kind = children.get(1).and_then(|kind| document.literal(*kind));
            let is_config =
                kind.is_some_and(|kind| kind.starts_with("Microsoft.Web/sites/config@"));
            let Some(object) = body(symbol.node).filter(|_| is_config) else {
                continue;
            };
            let name = document
                .member(object, "name")
                .and_then(|name| document.literal(name));
            if name.as_deref() == Some("appsettings")
                && let Some(properties) = document.member(object, "properties")
            {
                keys(document, properties, &mut set, findings);
            }
        }
    }
    if set.is_empty() {
        findings.push(Finding::file("infra", "no app settings are found"));
    }
    set
}

/// The keys of an expression that makes an object.
fn keys(
    document: &Document,
    node: Node<'_>,
    set: &mut BTreeMap<String, Finding>,
    findings: &mut Vec<Finding>,
) {
    match node.kind() {
        "object" => {
            for (key, value) in document.members(node) {
                set.insert(key, document.finding(value, ""));
            }
        }
        "ternary_expression" => {
            for branch in named(node).into_iter().skip(1) {
                keys(document, branch, set, findings);
            }
        }
        "call_expression" if document.text(node).starts_with("union(") => {
            for argument in named(node).into_iter().skip(1).flat_map(named) {
                keys(document, argument, set, findings);
            }
        }
        "identifier" => {
            let value = declarations::find(document, document.text(node))
                .and_then(|symbol| declarations::value(&symbol));
            match value {
                Some(value) => keys(document, value, set, findings),
                None => findings.push(document.finding(node, "these settings cannot be read")),
            }
        }
        _ => findings.push(document.finding(node, "these settings cannot be read")),
    }
}

/// The members of a job, both ways.
fn members(files: &Files, documents: &Documents) -> Vec<Finding> {
    let (Some(text), Some(types)) = (files.get(JOB), documents.get(TYPES)) else {
        return vec![Finding::file(JOB, "the members of a job are not found")];
    };
    let Shape::Record { members, .. } = shape::named_type(types, "job", documents) else {
        return vec![Finding::file(TYPES, "there is no type `job`")];
    };
    let read = job_members(text);
    let unread = members
        .keys()
        .filter(|name| !read.contains(name.as_str()))
        .map(|name| Finding::file(TYPES, format!("the program reads no `{name}` of a job")));
    let unset = read
        .iter()
        .filter(|name| !members.contains_key(**name))
        .map(|name| Finding::file(TYPES, format!("the type `job` lacks `{name}`")));
    unread.chain(unset).collect()
}

fn job_members(text: &str) -> BTreeSet<&str> {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    Regex::new(r#"object(?:\s*\.\s*[a-z]+\(|,)\s*"([A-Za-z]+)""#)
        .map(|pattern| {
            pattern
                .captures_iter(text)
                .map(|found| found.extract())
                .map(|(_, [name])| name)
                .collect()
        })
        .unwrap_or_default()
}
