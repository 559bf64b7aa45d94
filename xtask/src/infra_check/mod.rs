//! `cargo xtask infra-check`: what can be checked of `infra/` without Microsoft's compiler.
//!
//! Three readings are compared: the Bicep files with each other (every name, module, parameter,
//! output and import exists, nothing is unused, values fit the declared types), the Bicep files with
//! the program (app settings, members of a job, names in the log, prefixes in the lake), and both
//! with the function definitions (functions, routes, queues, settings in bindings).
//!
//! Of Azure's own types it knows what is transcribed in `azure_types.bicep`. What a deployment would
//! find out (quotas, regions, policies, rights of who deploys) nothing here can.

mod builtins;
mod declarations;
mod document;
mod functions;
mod modules;
mod names;
mod program;
mod resources;
mod roles;
mod settings;
mod shape;
mod source;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use document::Document;
use source::{Files, Finding};

use crate::say::say;

/// All parsed Bicep files, by path.
type Documents = BTreeMap<String, Document>;

/// Checks the repository at `root` and prints what is wrong.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let files = Files::read(root)?;
    let findings = check(&files)?;
    for finding in &findings {
        say!("{finding}");
    }
    let checked = files
        .paths()
        .filter(|path| document::is_bicep(path))
        .count();
    if findings.is_empty() {
        say!(
            "infra: {checked} files agree with each other, the program and the functions.\n\
             Not checked: what only Bicep's compiler or a deployment finds out; see infra/README.md."
        );
        return Ok(ExitCode::SUCCESS);
    }
    say!("infra: {} findings in {checked} files", findings.len());
    Ok(ExitCode::FAILURE)
}

/// Every finding, in the order of the files.
pub(crate) fn check(files: &Files) -> Result<Vec<Finding>> {
    let mut documents = Documents::new();
    for (path, text) in files.all() {
        if document::is_bicep(path) {
            documents.insert(path.to_owned(), Document::parse(path, text)?);
        }
    }
    let mut findings: Vec<Finding> = documents
        .values()
        .flat_map(Document::syntax_errors)
        .collect();
    // With a syntax error the rest would report the consequences of it.
    if findings.is_empty() {
        let azure = resources::Azure::read()?;
        for document in documents.values() {
            findings.extend(names::check(document, &documents));
            findings.extend(modules::check(document, &documents));
            findings.extend(values::check(document, &documents));
            findings.extend(resources::check(document, &azure));
            findings.extend(roles::check(document));
        }
        findings.extend(settings::check(files, &documents));
        findings.extend(functions::check(files, &documents));
        findings.extend(program::check(files, &documents));
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}
