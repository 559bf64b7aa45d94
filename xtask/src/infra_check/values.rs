//! Literal values fit the types of the parameters that they are given to.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::Documents;
use super::declarations::{self, Kind, Symbol};
use super::document::{Document, body, is_parameters, named};
use super::modules;
use super::shape::{self, Member, Shape};
use super::source::Finding;

/// Checks one file: defaults of parameters, parameters of modules, files of parameters.
pub(crate) fn check(document: &Document, documents: &Documents) -> Vec<Finding> {
    let mut findings = Vec::new();
    let symbols = declarations::of(document);
    for symbol in &symbols {
        match symbol.kind {
            Kind::Parameter if is_parameters(&document.path) => {
                findings.extend(assignment(document, symbol, documents));
            }
            Kind::Parameter => {
                if let Some(default) = named(symbol.node).get(2) {
                    let shape = parameter(document, symbol, documents);
                    compare(document, *default, &shape, &mut findings);
                }
            }
            Kind::Module => findings.extend(module(document, symbol, documents)),
            Kind::Variable
            | Kind::Resource
            | Kind::Existing
            | Kind::Type
            | Kind::Function
            | Kind::Import
            | Kind::Output => {}
        }
    }
    findings
}

/// The type of a parameter, narrowed by `@allowed`.
fn parameter(document: &Document, symbol: &Symbol<'_>, documents: &Documents) -> Shape {
    if let Some(allowed) = allowed(document, symbol) {
        return Shape::OneOf(allowed);
    }
    named(symbol.node)
        .get(1)
        .map_or(Shape::Any, |node| shape::of(document, *node, documents))
}

fn allowed(document: &Document, symbol: &Symbol<'_>) -> Option<Vec<String>> {
    let call = named(symbol.decorators?)
        .into_iter()
        .filter_map(|decorator| named(decorator).first().copied())
        .find(|call| document.text(*call).starts_with("allowed("))?;
    let array = named(*named(call).get(1)?).first().copied()?;
    Some(
        named(array)
            .into_iter()
            .map(|choice| document.text(choice).to_owned())
            .collect(),
    )
}

fn assignment(document: &Document, given: &Symbol<'_>, documents: &Documents) -> Vec<Finding> {
    let mut findings = Vec::new();
    let using = named(document.root())
        .into_iter()
        .find(|node| node.kind() == "using_statement");
    let target = using.and_then(|using| declarations::file(document, using, documents).1);
    if let Some(target) = target
        && let Some(wanted) = wanted(target, &given.name)
        && let Some(value) = declarations::value(given)
    {
        let shape = parameter(target, &wanted, documents);
        compare(document, value, &shape, &mut findings);
    }
    findings
}

fn module(document: &Document, symbol: &Symbol<'_>, documents: &Documents) -> Vec<Finding> {
    let mut findings = Vec::new();
    let params = body(symbol.node).and_then(|object| document.member(object, "params"));
    let target = modules::target(document, symbol, documents);
    if let (Some(params), Some(target)) = (params, target) {
        for (name, value) in document.members(params) {
            if let Some(wanted) = wanted(target, &name) {
                let shape = parameter(target, &wanted, documents);
                compare(document, value, &shape, &mut findings);
            }
        }
    }
    findings
}

fn wanted<'a>(target: &'a Document, name: &str) -> Option<Symbol<'a>> {
    declarations::find(target, name).filter(|symbol| symbol.kind == Kind::Parameter)
}

/// Compares what is written out; the value of any other expression is not known here.
fn compare(document: &Document, node: Node<'_>, shape: &Shape, findings: &mut Vec<Finding>) {
    let mut wrong = |wanted: &str| {
        findings.push(document.finding(node, format!("expected {wanted}")));
    };
    match (node.kind(), shape) {
        (_, Shape::Any) => {}
        ("ternary_expression", _) => {
            for branch in named(node).into_iter().skip(1) {
                compare(document, branch, shape, findings);
            }
        }
        ("array", Shape::List(of)) => {
            for item in named(node) {
                compare(document, item, of, findings);
            }
        }
        ("object", Shape::Record { members, rest }) => {
            object(document, node, members, rest.as_deref(), findings);
        }
        ("string", Shape::OneOf(choices)) => {
            let plain = document.literal(node).is_some();
            if plain && !choices.iter().any(|one| one == document.text(node)) {
                wrong(&format!("one of {}", choices.join(", ")));
            }
        }
        ("number" | "boolean", Shape::OneOf(choices))
            if choices.iter().any(|one| one == document.text(node)) => {}
        ("number" | "boolean", Shape::OneOf(choices)) => {
            wrong(&format!("one of {}", choices.join(", ")));
        }
        ("string", Shape::Text) | ("number", Shape::Number) | ("boolean", Shape::Flag) => {}
        ("string" | "number" | "boolean" | "array" | "object", _) => wrong(name(shape)),
        _ => {}
    }
}

fn object(
    document: &Document,
    node: Node<'_>,
    members: &BTreeMap<String, Member>,
    rest: Option<&Shape>,
    findings: &mut Vec<Finding>,
) {
    let given = document.members(node);
    for (key, value) in &given {
        match (members.get(key), rest) {
            (Some(member), _) => compare(document, *value, &member.shape, findings),
            (None, Some(rest)) => compare(document, *value, rest, findings),
            (None, None) => {
                let known: Vec<&str> = members.keys().map(String::as_str).collect();
                findings.push(document.finding(
                    *value,
                    format!("`{key}` is unknown here; there are {}", known.join(", ")),
                ));
            }
        }
    }
    for (key, member) in members {
        if member.required && !given.iter().any(|(one, _)| one == key) {
            findings.push(document.finding(node, format!("`{key}` is missing")));
        }
    }
}

fn name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Any => "anything",
        Shape::Text => "a string",
        Shape::Number => "a number",
        Shape::Flag => "true or false",
        Shape::List(_) => "an array",
        Shape::Record { .. } => "an object",
        Shape::OneOf(_) => "one of the allowed values",
    }
}
