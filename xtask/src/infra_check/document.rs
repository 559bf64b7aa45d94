//! One Bicep file as a tree.

use anyhow::{Context, Result};
use tree_sitter::{Node, Parser, Tree};

use super::source::Finding;

/// Whether a path is a template or a file of parameters.
pub(crate) fn is_bicep(path: &str) -> bool {
    path.ends_with(".bicep") || is_parameters(path)
}

/// Whether a path is a file of parameters.
pub(crate) fn is_parameters(path: &str) -> bool {
    path.ends_with(".bicepparam")
}

/// A file and its syntax tree.
pub(crate) struct Document {
    /// Its path.
    pub(crate) path: String,
    text: String,
    tree: Tree,
}

impl Document {
    /// Parses a file; syntax errors are in the tree.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self> {
        let mut parser = Parser::new();
        parser
            .set_language(&tree_sitter_bicep::LANGUAGE.into())
            .context("the grammar of Bicep does not fit the parser's version")?;
        // The grammar has no files of parameters. An assignment there reads like a variable with
        // another keyword; one of the same length keeps all positions.
        let readable = if is_parameters(path) {
            format!("\n{text}").replace("\nparam ", "\nvar   ")[1..].to_owned()
        } else {
            text.to_owned()
        };
        let tree = parser
            .parse(&readable, None)
            .with_context(|| format!("{path} could not be parsed"))?;
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tree,
        })
    }

    /// The root of the tree.
    pub(crate) fn root(&self) -> Node<'_> {
        self.tree.root_node()
    }

    /// What a node spans, as written.
    pub(crate) fn text(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// A finding at a node.
    pub(crate) fn finding(&self, node: Node<'_>, text: impl Into<String>) -> Finding {
        let start = node.start_position();
        Finding {
            path: self.path.clone(),
            line: start.row + 1,
            column: start.column + 1,
            text: text.into(),
        }
    }

    /// Everything that is no Bicep.
    pub(crate) fn syntax_errors(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.visit(self.root(), &mut |node| {
            if node.is_missing() {
                findings.push(self.finding(node, format!("`{}` is missing", node.kind())));
            } else if node.is_error() {
                let start: String = self.text(node).chars().take(40).collect();
                let start = start.lines().next().unwrap_or_default().to_owned();
                findings.push(self.finding(node, format!("a syntax error at `{start}`")));
            } else if matches!(node.kind(), "array" | "object") {
                findings.extend(self.missing_commas(node));
            }
        });
        findings
    }

    /// On one line, items need commas between them; the grammar does without.
    fn missing_commas(&self, node: Node<'_>) -> Vec<Finding> {
        let mut cursor = node.walk();
        let mut last: Option<Node<'_>> = None;
        let mut findings = Vec::new();
        for child in node.children(&mut cursor) {
            if !child.is_named() {
                last = None;
            } else if child.kind() != "decorators" && !child.kind().ends_with("comment") {
                let together =
                    last.is_some_and(|last| last.end_position().row == child.start_position().row);
                if together {
                    findings.push(self.finding(child, "a comma is missing before this"));
                }
                last = Some(child);
            }
        }
        findings
    }

    /// Calls `look` for a node and everything below it.
    pub(crate) fn visit<'a>(&'a self, node: Node<'a>, look: &mut impl FnMut(Node<'a>)) {
        look(node);
        let mut cursor = node.walk();
        let children: Vec<Node<'a>> = node.children(&mut cursor).collect();
        for child in children {
            self.visit(child, look);
        }
    }

    /// The value of a string without interpolation.
    pub(crate) fn literal(&self, node: Node<'_>) -> Option<String> {
        let has_expression = named(node)
            .iter()
            .any(|child| child.kind() == "interpolation");
        if node.kind() != "string" || has_expression {
            return None;
        }
        let text = self.text(node);
        let inner = text
            .strip_prefix("'''")
            .and_then(|text| text.strip_suffix("'''"))
            .or_else(|| {
                text.strip_prefix('\'')
                    .and_then(|text| text.strip_suffix('\''))
            })?;
        Some(inner.replace("\\'", "'"))
    }

    /// The members of an object: key and value. Nested resources and spreads have no key.
    pub(crate) fn members<'a>(&'a self, object: Node<'a>) -> Vec<(String, Node<'a>)> {
        properties(object)
            .into_iter()
            .filter_map(|property| {
                let children = named(property);
                match children.as_slice() {
                    [key, value] => Some((self.key(*key), *value)),
                    [value] if value.kind() != "resource_declaration" => {
                        Some(("*".to_owned(), *value))
                    }
                    _ => None,
                }
            })
            .collect()
    }

    /// The value of a member.
    pub(crate) fn member<'a>(&'a self, object: Node<'a>, name: &str) -> Option<Node<'a>> {
        self.members(object)
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    fn key(&self, node: Node<'_>) -> String {
        self.literal(node)
            .unwrap_or_else(|| self.text(node).trim_end_matches('?').to_owned())
    }
}

/// The named children of a node without comments.
pub(crate) fn named<'a>(node: Node<'a>) -> Vec<Node<'a>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .filter(|child| !child.kind().ends_with("comment"))
        .collect()
}

/// The properties of an object, as nodes.
pub(crate) fn properties<'a>(object: Node<'a>) -> Vec<Node<'a>> {
    named(object)
        .into_iter()
        .filter(|child| child.kind() == "object_property")
        .collect()
}

/// The object of a resource or a module, below its condition or its loop.
pub(crate) fn body<'a>(node: Node<'a>) -> Option<Node<'a>> {
    match node.kind() {
        "object" => Some(node),
        "if_statement" | "for_statement" | "resource_declaration" | "module_declaration" => {
            named(node).last().and_then(|last| body(*last))
        }
        _ => None,
    }
}
