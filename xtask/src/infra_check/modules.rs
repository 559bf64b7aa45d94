//! Modules exist, are given what they require and nothing else, and have the outputs that are read;
//! files of parameters fit their template.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::Documents;
use super::declarations::{self, Kind, Symbol};
use super::document::{Document, body, is_parameters, named};
use super::source::Finding;

/// What a module declaration may contain.
const MEMBERS: [&str; 6] = [
    "dependsOn",
    "extensionConfigs",
    "identity",
    "name",
    "params",
    "scope",
];

/// Checks one file.
pub(crate) fn check(document: &Document, documents: &Documents) -> Vec<Finding> {
    let mut findings = Vec::new();
    for symbol in declarations::of(document) {
        if symbol.kind == Kind::Module {
            findings.extend(module(document, &symbol, documents));
        }
    }
    findings.extend(outputs(document, documents));
    if is_parameters(&document.path) {
        findings.extend(parameters(document, documents));
    }
    findings
}

/// The file of a module.
pub(crate) fn target<'a>(
    document: &Document,
    symbol: &Symbol<'_>,
    documents: &'a Documents,
) -> Option<&'a Document> {
    declarations::file(document, symbol.node, documents).1
}

fn module(document: &Document, symbol: &Symbol<'_>, documents: &Documents) -> Vec<Finding> {
    let (path, target) = declarations::file(document, symbol.node, documents);
    let Some(target) = target else {
        return vec![document.finding(symbol.node, format!("there is no file `{path}`"))];
    };
    let Some(object) = body(symbol.node) else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = document
        .members(object)
        .into_iter()
        .filter(|(key, _)| !MEMBERS.contains(&key.as_str()))
        .map(|(key, value)| document.finding(value, format!("a module has no `{key}`")))
        .collect();
    let scoped = document.member(object, "scope").is_some();
    let (ours, theirs) = (
        declarations::target_scope(document),
        declarations::target_scope(target),
    );
    if ours != theirs && !scoped {
        findings.push(document.finding(
            symbol.node,
            format!("`{path}` is deployed to a {theirs}, this file to a {ours}: give a `scope`"),
        ));
    }
    let given: Vec<(String, Node<'_>)> = document
        .member(object, "params")
        .map(|params| document.members(params))
        .unwrap_or_default();
    findings.extend(compare(document, symbol.node, &given, target));
    findings
}

/// Compares what is given with the parameters of `target`.
fn compare(
    document: &Document,
    place: Node<'_>,
    given: &[(String, Node<'_>)],
    target: &Document,
) -> Vec<Finding> {
    let wanted: Vec<Symbol<'_>> = declarations::of(target)
        .into_iter()
        .filter(|symbol| symbol.kind == Kind::Parameter)
        .collect();
    let mut findings: Vec<Finding> = given
        .iter()
        .filter(|(key, _)| !wanted.iter().any(|symbol| symbol.name == *key))
        .map(|(key, node)| {
            document.finding(*node, format!("`{}` has no parameter `{key}`", target.path))
        })
        .collect();
    let given: BTreeSet<&str> = given.iter().map(|(key, _)| key.as_str()).collect();
    for symbol in wanted {
        if symbol.is_required(target) && !given.contains(symbol.name.as_str()) {
            findings.push(document.finding(
                place,
                format!("`{}` requires the parameter `{}`", target.path, symbol.name),
            ));
        }
    }
    findings
}

/// `module.outputs.name`: the module's file must have that output.
fn outputs(document: &Document, documents: &Documents) -> Vec<Finding> {
    let mut findings = Vec::new();
    document.visit(document.root(), &mut |node| {
        let Some((module, output)) = output_of(document, node) else {
            return;
        };
        let Some(symbol) = declarations::find(document, module) else {
            return;
        };
        if symbol.kind != Kind::Module {
            findings.push(document.finding(node, format!("`{module}` is no module")));
            return;
        }
        let Some(target) = target(document, &symbol, documents) else {
            return;
        };
        let name = document.text(output);
        let exists = declarations::of(target)
            .iter()
            .any(|symbol| symbol.kind == Kind::Output && symbol.name == name);
        if !exists {
            findings.push(
                document.finding(output, format!("`{}` has no output `{name}`", target.path)),
            );
        }
    });
    findings
}

/// The module's name and the output's node, if `node` reads an output.
fn output_of<'a>(document: &'a Document, node: Node<'a>) -> Option<(&'a str, Node<'a>)> {
    let member = |node: Node<'a>| -> Option<(Node<'a>, Node<'a>)> {
        if node.kind() != "member_expression" {
            return None;
        }
        let parts = named(node);
        Some((*parts.first()?, *parts.get(1)?))
    };
    let (inner, output) = member(node)?;
    let (mut module, outputs) = member(inner)?;
    if document.text(outputs) != "outputs" {
        return None;
    }
    while module.kind() == "subscript_expression" {
        module = *named(module).first()?;
    }
    (module.kind() == "identifier").then(|| (document.text(module), output))
}

fn parameters(document: &Document, documents: &Documents) -> Vec<Finding> {
    let Some(using) = named(document.root())
        .into_iter()
        .find(|node| node.kind() == "using_statement")
    else {
        return vec![Finding::file(&document.path, "`using` is missing")];
    };
    let (path, target) = declarations::file(document, using, documents);
    let Some(target) = target else {
        return vec![document.finding(using, format!("there is no file `{path}`"))];
    };
    let given: Vec<(String, Node<'_>)> = declarations::of(document)
        .into_iter()
        .filter(|symbol| symbol.kind == Kind::Parameter)
        .map(|symbol| (symbol.name, symbol.node))
        .collect();
    compare(document, using, &given, target)
}
