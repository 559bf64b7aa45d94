//! Declared types, as far as literals can be compared with them.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::Documents;
use super::declarations::{self, Kind};
use super::document::{Document, named};

/// How deep types may refer to each other before it counts as a circle.
const DEPTH: usize = 16;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing is known.
    Any,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// An array.
    List(Box<Shape>),
    /// An object.
    Record {
        /// Its members.
        members: BTreeMap<String, Member>,
        /// The type of all others, if there may be others.
        rest: Option<Box<Shape>>,
    },
    /// One of these, as they are written.
    OneOf(Vec<String>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its type.
    pub(crate) shape: Shape,
    /// Whether it must be there.
    pub(crate) required: bool,
}

/// The type that a node writes.
pub(crate) fn of(document: &Document, node: Node<'_>, documents: &Documents) -> Shape {
    read(document, node, documents, DEPTH)
}

/// A type by its name, declared in this file or imported.
pub(crate) fn named_type(document: &Document, name: &str, documents: &Documents) -> Shape {
    reference(document, name, documents, DEPTH)
}

fn read(document: &Document, node: Node<'_>, documents: &Documents, depth: usize) -> Shape {
    let Some(depth) = depth.checked_sub(1) else {
        return Shape::Any;
    };
    let first = || named(node).first().copied();
    match node.kind() {
        "primitive_type" => match document.text(node) {
            "string" | "secureString" => Shape::Text,
            "int" => Shape::Number,
            "bool" => Shape::Flag,
            "array" => Shape::List(Box::new(Shape::Any)),
            _ => Shape::Any,
        },
        "type" | "nullable_type" | "parenthesized_type" => {
            first().map_or(Shape::Any, |inner| read(document, inner, documents, depth))
        }
        "array_type" => {
            Shape::List(Box::new(first().map_or(Shape::Any, |inner| {
                read(document, inner, documents, depth)
            })))
        }
        // The grammar reads some unions as an expression with `|`.
        "union_type" | "binary_expression" => {
            let mut texts = Vec::new();
            if choices(document, node, &mut texts) {
                Shape::OneOf(texts)
            } else {
                Shape::Any
            }
        }
        "string" | "number" | "boolean" => Shape::OneOf(vec![document.text(node).to_owned()]),
        "identifier" => reference(document, document.text(node), documents, depth),
        "object" => record(document, node, documents, depth),
        _ => Shape::Any,
    }
}

/// The literals of a union; `false` when it has anything else.
fn choices(document: &Document, node: Node<'_>, texts: &mut Vec<String>) -> bool {
    let operator = node.child_by_field_name("operator");
    let is_union = operator.is_none_or(|operator| document.text(operator) == "|");
    match node.kind() {
        "union_type" | "binary_expression" if is_union => named(node)
            .into_iter()
            .all(|choice| choices(document, choice, texts)),
        "string" | "number" | "boolean" | "null" => {
            texts.push(document.text(node).to_owned());
            true
        }
        _ => false,
    }
}

fn record(document: &Document, node: Node<'_>, documents: &Documents, depth: usize) -> Shape {
    let mut members = BTreeMap::new();
    let mut rest = None;
    for (key, value) in document.members(node) {
        let shape = read(document, value, documents, depth);
        if key == "*" {
            rest = Some(Box::new(shape));
        } else {
            let required = value.kind() != "nullable_type";
            members.insert(key, Member { shape, required });
        }
    }
    Shape::Record { members, rest }
}

fn reference(document: &Document, name: &str, documents: &Documents, depth: usize) -> Shape {
    let Some(symbol) = declarations::find(document, name) else {
        return Shape::Any;
    };
    match symbol.kind {
        Kind::Type => declarations::value(&symbol)
            .map_or(Shape::Any, |node| read(document, node, documents, depth)),
        Kind::Import => {
            let Some(depth) = depth.checked_sub(1) else {
                return Shape::Any;
            };
            declarations::file(document, symbol.node, documents)
                .1
                .map_or(Shape::Any, |other| reference(other, name, documents, depth))
        }
        Kind::Parameter
        | Kind::Variable
        | Kind::Resource
        | Kind::Existing
        | Kind::Module
        | Kind::Function
        | Kind::Output => Shape::Any,
    }
}
