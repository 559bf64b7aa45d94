//! Function definitions: their functions, routes, queues and settings are those of the handler, of
//! Bicep and of the host's settings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Documents;
use super::settings;
use super::source::{Files, Finding};

const FOLDER: &str = "function-definitions/";

/// Where the handler answers the host.
const HANDLER: &str = "crates/function/src/server/";

/// Checks all files.
pub(crate) fn check(files: &Files, documents: &Documents) -> Vec<Finding> {
    let mut findings = Vec::new();
    let definitions = definitions(files, &mut findings);
    findings.extend(handled(files, &definitions));
    let prefix = host(files, &mut findings);
    findings.extend(routes(documents, &definitions, &prefix));
    findings.extend(bindings(documents, &definitions));
    findings.extend(chained(&definitions));
    findings
}

/// Every definition by its path.
fn definitions(files: &Files, findings: &mut Vec<Finding>) -> BTreeMap<String, Value> {
    let mut definitions = BTreeMap::new();
    for (path, text) in files.all() {
        if !path.starts_with(FOLDER) || !path.ends_with(".json") {
            continue;
        }
        match path.rsplit('/').next() {
            Some("function.json" | "function.chained.json") => {}
            _ => findings.push(Finding::file(
                path,
                "the packager takes no file of this name",
            )),
        }
        if let Some(value) = json(path, text, findings) {
            definitions.insert(path.to_owned(), value);
        }
    }
    definitions
}

fn json(path: &str, text: &str, findings: &mut Vec<Finding>) -> Option<Value> {
    serde_json::from_str(text)
        .inspect_err(|error| findings.push(Finding::file(path, format!("is no JSON: {error}"))))
        .ok()
}

/// The handler answers for every function, and fills every queue that a function writes.
fn handled(files: &Files, definitions: &BTreeMap<String, Value>) -> Vec<Finding> {
    let program: String = files
        .all()
        .filter(|(path, _)| path.starts_with(HANDLER) && !path.contains("/tests"))
        .map(|(_, text)| text)
        .collect();
    let mut findings = Vec::new();
    for (path, binding) in each_binding(definitions) {
        let function = path
            .strip_prefix(FOLDER)
            .and_then(|path| path.split('/').next())
            .unwrap_or_default();
        if !program.contains(&format!("\"{function}\"")) {
            let text = format!("the handler knows no function `{function}`");
            findings.push(Finding::file(path, text));
        }
        let text = |key: &str| binding.get(key).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        if text("direction") == Some("out") && !program.contains(&format!("\"{name}\"")) {
            let text = format!("the handler writes no output `{name}`");
            findings.push(Finding::file(path, text));
        }
    }
    findings
}

/// Compares the two host settings; the prefix of routes.
fn host(files: &Files, findings: &mut Vec<Finding>) -> String {
    let mut read = |path: &str| {
        let Some(text) = files.get(path) else {
            findings.push(Finding::file(path, "is missing"));
            return None;
        };
        json(path, text, findings)
    };
    let (usual, chained) = (read("host.json"), read("host.chained.json"));
    let (Some(usual), Some(chained)) = (usual, chained) else {
        return String::new();
    };
    for pointer in [
        "/version",
        "/functionTimeout",
        "/customHandler",
        "/extensions/http",
        "/logging",
    ] {
        if usual.pointer(pointer) != chained.pointer(pointer) {
            let text = format!("{pointer} differs from that of host.json");
            findings.push(Finding::file("host.chained.json", text));
        }
    }
    if chained.pointer("/extensionBundle").is_none() {
        findings.push(Finding::file(
            "host.chained.json",
            "queues need the extension bundle",
        ));
    }
    if usual.pointer("/customHandler/description/defaultExecutablePath")
        != Some(&Value::from("handler"))
    {
        findings.push(Finding::file(
            "host.json",
            "the executable is called `handler`",
        ));
    }
    let prefix = usual.pointer("/extensions/http/routePrefix");
    prefix.and_then(Value::as_str).unwrap_or("api").to_owned()
}

/// An address in Bicep that ends in `/prefix/route` is that of a function.
fn routes(
    documents: &Documents,
    definitions: &BTreeMap<String, Value>,
    prefix: &str,
) -> Vec<Finding> {
    let known: BTreeSet<&str> = each_binding(definitions)
        .filter_map(|(_, binding)| binding.get("route").and_then(Value::as_str))
        .collect();
    let mut findings = Vec::new();
    for document in documents.values() {
        document.visit(document.root(), &mut |node| {
            if node.kind() != "string" || !document.text(node).contains("hostName}") {
                return;
            }
            let text = document.text(node).trim_matches('\'');
            let path = text.split("hostName}").last().unwrap_or_default();
            let route = path.strip_prefix(&format!("/{prefix}/"));
            if !route.is_some_and(|route| known.contains(route)) {
                findings.push(document.finding(node, format!("no function answers at `{path}`")));
            }
        });
    }
    findings
}

/// Settings, queues and connections of bindings are known to Bicep.
fn bindings(documents: &Documents, definitions: &BTreeMap<String, Value>) -> Vec<Finding> {
    let settings = settings::names(documents);
    let mut strings = BTreeSet::new();
    for document in documents.values() {
        document.visit(document.root(), &mut |node| {
            strings.extend(document.literal(node));
        });
    }
    let mut findings = Vec::new();
    for (path, binding) in each_binding(definitions) {
        let text = |key: &str| binding.get(key).and_then(Value::as_str);
        let mut wrong = |text: String| findings.push(Finding::file(path, text));
        if let Some(schedule) = text("schedule") {
            let name = schedule.trim_matches('%');
            if name == schedule || !settings.contains(name) {
                wrong(format!(
                    "no Bicep file sets what the schedule `{schedule}` names"
                ));
            }
        }
        if let Some(queue) = text("queueName").filter(|queue| !strings.contains(*queue)) {
            wrong(format!("no Bicep file makes the queue `{queue}`"));
        }
        if let Some(connection) = text("connection") {
            let prefix = format!("{connection}__");
            if !settings.iter().any(|name| name.starts_with(&prefix)) {
                wrong(format!("no Bicep file sets the connection `{connection}`"));
            }
        }
    }
    findings
}

/// A definition for chaining adds bindings and changes none.
fn chained(definitions: &BTreeMap<String, Value>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, value) in definitions {
        let Some(folder) = path.strip_suffix("function.chained.json") else {
            continue;
        };
        let Some(usual) = definitions.get(&format!("{folder}function.json")) else {
            continue;
        };
        let bindings = |value: &Value| value.get("bindings").and_then(Value::as_array).cloned();
        let more = bindings(value).unwrap_or_default();
        for binding in bindings(usual).unwrap_or_default() {
            if !more.contains(&binding) {
                let text = "it lacks a binding of function.json, or changes it";
                findings.push(Finding::file(path, text));
            }
        }
    }
    findings
}

fn each_binding(definitions: &BTreeMap<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    definitions.iter().flat_map(|(path, value)| {
        let bindings = value.get("bindings").and_then(Value::as_array);
        bindings
            .into_iter()
            .flatten()
            .map(move |binding| (path.as_str(), binding))
    })
}
