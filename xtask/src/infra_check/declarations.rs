//! What a Bicep file declares.

use std::path::{Component, Path, PathBuf};

use tree_sitter::Node;

use super::Documents;
use super::document::{Document, named};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A parameter; in a file of parameters, its value.
    Parameter,
    /// A variable.
    Variable,
    /// A resource that is deployed.
    Resource,
    /// A resource that is only referred to.
    Existing,
    /// A module.
    Module,
    /// A type.
    Type,
    /// A function.
    Function,
    /// A name from another file.
    Import,
    /// An output. It has a name space of its own.
    Output,
}

/// A declared name.
#[derive(Debug, Clone)]
pub(crate) struct Symbol<'a> {
    /// The name.
    pub(crate) name: String,
    /// What it stands for.
    pub(crate) kind: Kind,
    /// The declaration.
    pub(crate) node: Node<'a>,
    /// The decorators before it.
    pub(crate) decorators: Option<Node<'a>>,
}

impl Symbol<'_> {
    /// Whether a parameter must be given a value.
    pub(crate) fn is_required(&self, document: &Document) -> bool {
        let children = named(self.node);
        let has_default = children.len() > 2;
        let nullable = children
            .get(1)
            .is_some_and(|kind| document.text(*kind).ends_with('?'));
        self.kind == Kind::Parameter && !has_default && !nullable
    }

    /// Whether a decorator stands before it.
    pub(crate) fn is_decorated(&self, document: &Document, decorator: &str) -> bool {
        self.decorators.is_some_and(|decorators| {
            document
                .text(decorators)
                .contains(&format!("@{decorator}("))
        })
    }
}

/// Everything that a file declares, in its order.
pub(crate) fn of(document: &Document) -> Vec<Symbol<'_>> {
    let mut symbols = Vec::new();
    let mut decorators = None;
    for node in named(document.root()) {
        if node.kind() == "decorators" {
            decorators = Some(node);
            continue;
        }
        if node.kind() == "import_functionality" {
            for name in imported(node) {
                symbols.push(Symbol {
                    name: document.text(name).to_owned(),
                    kind: Kind::Import,
                    node,
                    decorators: None,
                });
            }
        }
        if let Some(kind) = kind(document, node)
            && let Some(name) = named(node).first()
        {
            symbols.push(Symbol {
                name: document.text(*name).to_owned(),
                kind,
                node,
                decorators,
            });
        }
        decorators = None;
    }
    symbols
}

/// The declaration of a name, outputs aside.
pub(crate) fn find<'a>(document: &'a Document, name: &str) -> Option<Symbol<'a>> {
    of(document)
        .into_iter()
        .find(|symbol| symbol.name == name && symbol.kind != Kind::Output)
}

/// The value of a variable, or of a parameter in a file of parameters.
pub(crate) fn value<'a>(symbol: &Symbol<'a>) -> Option<Node<'a>> {
    named(symbol.node).get(1).copied()
}

fn kind(document: &Document, node: Node<'_>) -> Option<Kind> {
    Some(match node.kind() {
        "parameter_declaration" => Kind::Parameter,
        // In a file of parameters both are read as variables; the text tells them apart.
        "variable_declaration" if document.text(node).starts_with("param") => Kind::Parameter,
        "variable_declaration" => Kind::Variable,
        "resource_declaration" if has_token(node, "existing") => Kind::Existing,
        "resource_declaration" => Kind::Resource,
        "module_declaration" => Kind::Module,
        "type_declaration" => Kind::Type,
        "user_defined_function" => Kind::Function,
        "output_declaration" => Kind::Output,
        _ => return None,
    })
}

fn has_token(node: Node<'_>, token: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor)
        .any(|child| child.kind() == token)
}

/// The names that an import brings: the last of `a as b`.
fn imported(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    let mut names: Vec<Node<'_>> = Vec::new();
    let mut renamed = false;
    for child in node.children(&mut cursor) {
        match child.kind() {
            "as" => renamed = true,
            "identifier" => {
                if renamed {
                    names.pop();
                    renamed = false;
                }
                names.push(child);
            }
            _ => {}
        }
    }
    names
}

/// The names that an import takes from the other file, as they are called there.
pub(crate) fn taken<'a>(document: &'a Document, node: Node<'a>) -> Vec<(Node<'a>, &'a str)> {
    let mut cursor = node.walk();
    let mut names = Vec::new();
    let mut renamed = false;
    for child in node.children(&mut cursor) {
        match child.kind() {
            "as" => renamed = true,
            "identifier" if renamed => renamed = false,
            "identifier" => names.push((child, document.text(child))),
            _ => {}
        }
    }
    names
}

/// The path in the string of a module, an import or a `using`, and its file if there is one.
pub(crate) fn file<'a>(
    document: &Document,
    node: Node<'_>,
    documents: &'a Documents,
) -> (String, Option<&'a Document>) {
    let relative = named(node)
        .into_iter()
        .find_map(|child| document.literal(child))
        .unwrap_or_default();
    let folder = Path::new(&document.path)
        .parent()
        .unwrap_or_else(|| Path::new(""));
    let mut path = PathBuf::new();
    for part in folder.join(&relative).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => path.push(part),
        }
    }
    let path = path.to_string_lossy().replace('\\', "/");
    (relative, documents.get(&path))
}

/// Where a file is deployed to: `resourceGroup` unless it says otherwise.
pub(crate) fn target_scope(document: &Document) -> String {
    named(document.root())
        .into_iter()
        .find(|node| node.kind() == "target_scope_assignment")
        .and_then(|node| named(node).first().copied())
        .and_then(|node| document.literal(node))
        .unwrap_or_else(|| "resourceGroup".to_owned())
}
