//! What else the Bicep files share with the program: the line in the log that alerts read, the
//! beginning of names in the lake, and the outputs that the deployment's hooks use.

use std::collections::BTreeSet;

use regex::Regex;

use super::Documents;
use super::declarations::{self, Kind};
use super::source::{Files, Finding};

/// Where the program makes names in the lake.
const LAKE_NAMES: &str = "crates/driver/src/effects/names.rs";

/// The deployment's hooks.
const HOOKS: &str = "azure.yaml";

/// What azd reads the template's parameters from.
const PARAMETERS: &str = "infra/main.bicepparam";

/// What azd itself puts into the environment of hooks.
const FROM_AZD: [&str; 4] = [
    "AZURE_ENV_NAME",
    "AZURE_LOCATION",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_TENANT_ID",
];

/// Checks all files.
pub(crate) fn check(files: &Files, documents: &Documents) -> Vec<Finding> {
    let mut findings = log_fields(files, documents);
    findings.extend(lake_prefix(files, documents));
    findings.extend(hooks(files, documents));
    findings
}

/// Every member of the line that alerts read (`Line.member`) is written by the handler.
fn log_fields(files: &Files, documents: &Documents) -> Vec<Finding> {
    let program: String = files
        .all()
        .filter(|(path, _)| path.starts_with("crates/function/src/") && path.ends_with(".rs"))
        .map(|(_, text)| text)
        .collect();
    let Ok(pattern) = Regex::new(r"\bLine\.([a-z_]+)") else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for document in documents.values() {
        document.visit(document.root(), &mut |node| {
            if node.kind() != "string" {
                return;
            }
            for (_, [field]) in pattern
                .captures_iter(document.text(node))
                .map(|found| found.extract())
            {
                let written =
                    Regex::new(&format!(r"\b{field}\b")).is_ok_and(|word| word.is_match(&program));
                if !written {
                    let text = format!("the handler's log has no `{field}`");
                    findings.push(document.finding(node, text));
                }
            }
        });
    }
    findings
}

/// The variable `jobPrefix` is how the program begins the names of a job's staged files.
fn lake_prefix(files: &Files, documents: &Documents) -> Vec<Finding> {
    let program = files.get(LAKE_NAMES).unwrap_or_default();
    let prefix = Regex::new(r#"format!\("([a-z/]+)\{incarnation\}""#)
        .ok()
        .and_then(|pattern| pattern.captures(program))
        .map(|found| found[1].to_owned());
    let mut findings = Vec::new();
    for document in documents.values() {
        let Some(value) = declarations::find(document, "jobPrefix")
            .and_then(|symbol| declarations::value(&symbol))
        else {
            continue;
        };
        if document.literal(value) != prefix {
            let text = format!(
                "the program begins names of a job with {}",
                prefix.as_deref().unwrap_or("something that is not found")
            );
            findings.push(document.finding(value, text));
        }
    }
    findings
}

/// Variables of hooks are outputs of the template, what its parameters are read from, or azd's own.
fn hooks(files: &Files, documents: &Documents) -> Vec<Finding> {
    let Some(text) = files.get(HOOKS) else {
        return vec![Finding::file(HOOKS, "is missing")];
    };
    let outputs: BTreeSet<String> = documents
        .get("infra/main.bicep")
        .map(declarations::of)
        .unwrap_or_default()
        .into_iter()
        .filter(|symbol| symbol.kind == Kind::Output)
        .map(|symbol| symbol.name)
        .collect();
    let (Ok(pattern), Ok(reads)) = (
        Regex::new(r"\$(?:env:)?\{?([A-Z][A-Z_]+)"),
        Regex::new(r"readEnvironmentVariable\('([A-Z_]+)'"),
    ) else {
        return Vec::new();
    };
    let parameters = files.get(PARAMETERS).unwrap_or_default();
    let given: BTreeSet<&str> = reads
        .captures_iter(parameters)
        .map(|found| found.extract())
        .map(|(_, [name])| name)
        .collect();
    let is_known =
        |name: &str| outputs.contains(name) || given.contains(name) || FROM_AZD.contains(&name);
    pattern
        .captures_iter(text)
        .map(|found| found.extract())
        .filter(|(_, [name])| !is_known(name))
        .map(|(_, [name])| {
            let text =
                format!("neither infra/main.bicep puts out `{name}` nor {PARAMETERS} reads it");
            Finding::file(HOOKS, text)
        })
        .collect()
}
