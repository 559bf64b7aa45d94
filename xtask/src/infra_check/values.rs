//! Literal values fit the types of the parameters that they are given to.

use tree_sitter::Node;

use super::Documents;
use super::declarations::{self, Kind, Symbol};
use super::document::{Document, body, is_parameters, named};
use super::modules;
use super::shape::{self, Shape};
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
                    compare(document, *default, &shape, Demand::Required, &mut findings);
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
        compare(document, value, &shape, Demand::Required, &mut findings);
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
                compare(document, value, &shape, Demand::Required, &mut findings);
            }
        }
    }
    findings
}

fn wanted<'a>(target: &'a Document, name: &str) -> Option<Symbol<'a>> {
    declarations::find(target, name).filter(|symbol| symbol.kind == Kind::Parameter)
}

/// Whether members that are not optional must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// They must.
    Required,
    /// The type does not say.
    Nothing,
}

/// Compares what is written out; the value of any other expression is not known here.
fn compare(
    document: &Document,
    node: Node<'_>,
    shape: &Shape,
    demand: Demand,
    findings: &mut Vec<Finding>,
) {
    match (node.kind(), shape) {
        (_, Shape::Any) => {}
        ("ternary_expression", _) => {
            for branch in named(node).into_iter().skip(1) {
                compare(document, branch, shape, demand, findings);
            }
        }
        ("array", Shape::List(of)) => {
            for item in named(node) {
                compare(document, item, of, demand, findings);
            }
        }
        ("for_statement", Shape::List(of)) => {
            if let Some(item) = body(node) {
                compare(document, item, of, demand, findings);
            }
        }
        ("object", Shape::Record { .. }) => object(document, node, shape, demand, findings),
        ("string" | "number" | "boolean", _) if fits(document, node, shape) => {}
        ("string" | "number" | "boolean" | "array" | "object", _) => {
            findings.push(document.finding(node, format!("expected {}", name(shape))));
        }
        _ => {}
    }
}

/// Whether a literal is of a type. The value of a string with expressions is not known.
fn fits(document: &Document, node: Node<'_>, shape: &Shape) -> bool {
    match (node.kind(), shape) {
        ("string", Shape::OneOf(choices)) => {
            document.literal(node).is_none() || choices.iter().any(|one| one == document.text(node))
        }
        (_, Shape::OneOf(choices)) => choices.iter().any(|one| one == document.text(node)),
        (kind, Shape::Text) => kind == "string",
        (kind, Shape::Number) => kind == "number",
        (kind, Shape::Flag) => kind == "boolean",
        (_, Shape::Any) => true,
        (_, Shape::List(_) | Shape::Record { .. }) => false,
    }
}

fn object(
    document: &Document,
    node: Node<'_>,
    shape: &Shape,
    demand: Demand,
    findings: &mut Vec<Finding>,
) {
    let given = document.members(node);
    for (key, value) in &given {
        member(document, key, *value, shape, demand, findings);
    }
    let Shape::Record { members, .. } = shape else {
        return;
    };
    for (key, member) in members {
        let there = given.iter().any(|(one, _)| one == key);
        if demand == Demand::Required && member.required && !there {
            findings.push(document.finding(node, format!("`{key}` is missing")));
        }
    }
}

/// Compares one member with the type of the whole.
pub(crate) fn member(
    document: &Document,
    key: &str,
    value: Node<'_>,
    whole: &Shape,
    demand: Demand,
    findings: &mut Vec<Finding>,
) {
    let Shape::Record { members, rest } = whole else {
        return;
    };
    match (members.get(key), rest) {
        (Some(member), _) => compare(document, value, &member.shape, demand, findings),
        (None, Some(rest)) => compare(document, value, rest, demand, findings),
        (None, None) => {
            let known: Vec<&str> = members.keys().map(String::as_str).collect();
            findings.push(document.finding(
                value,
                format!("`{key}` is unknown here; there are {}", known.join(", ")),
            ));
        }
    }
}

fn name(shape: &Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Text => "a string".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::List(_) => "an array".to_owned(),
        Shape::Record { .. } => "an object".to_owned(),
        Shape::OneOf(choices) => format!("one of {}", choices.join(", ")),
    }
}
