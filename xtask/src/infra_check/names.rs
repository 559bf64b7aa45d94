//! Every name that is used is declared, and every name that is declared is used.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::Documents;
use super::builtins::{DECORATORS, FUNCTIONS, OTHERS, PARAMETER_FILE_FUNCTIONS};
use super::declarations::{self, Kind, Symbol};
use super::document::{Document, body, is_parameters, named, properties};
use super::source::Finding;

/// Checks one file.
pub(crate) fn check(document: &Document, documents: &Documents) -> Vec<Finding> {
    let symbols = declarations::of(document);
    let mut findings = duplicates(document, &symbols);
    let mut walk = Walk {
        document,
        symbols: &symbols,
        used: BTreeSet::new(),
        locals: Vec::new(),
        findings: Vec::new(),
    };
    walk.children(document.root());
    let Walk {
        used,
        findings: unresolved,
        ..
    } = walk;
    findings.extend(unresolved);
    findings.extend(unused(document, &symbols, &used));
    findings.extend(imports(document, documents));
    findings
}

fn duplicates(document: &Document, symbols: &[Symbol<'_>]) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings: Vec<Finding> = symbols
        .iter()
        .filter(|symbol| !seen.insert((symbol.kind == Kind::Output, symbol.name.as_str())))
        .map(|symbol| document.finding(symbol.node, format!("`{}` is declared twice", symbol.name)))
        .collect();
    document.visit(document.root(), &mut |node| {
        if node.kind() == "object" {
            let mut keys = BTreeSet::new();
            for (key, value) in document.members(node) {
                if key != "*" && !keys.insert(key.clone()) {
                    findings.push(document.finding(value, format!("`{key}` is given twice")));
                }
            }
        }
    });
    findings
}

fn unused(document: &Document, symbols: &[Symbol<'_>], used: &BTreeSet<String>) -> Vec<Finding> {
    let matters = |symbol: &&Symbol<'_>| match symbol.kind {
        // A value in a file of parameters is used by the template.
        Kind::Parameter => !is_parameters(&document.path),
        Kind::Variable | Kind::Type | Kind::Function => !symbol.is_decorated(document, "export"),
        Kind::Existing | Kind::Import => true,
        Kind::Resource | Kind::Module | Kind::Output => false,
    };
    symbols
        .iter()
        .filter(matters)
        .filter(|symbol| !used.contains(&symbol.name))
        .map(|symbol| document.finding(symbol.node, format!("`{}` is never used", symbol.name)))
        .collect()
}

fn imports(document: &Document, documents: &Documents) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in named(document.root()) {
        if node.kind() != "import_functionality" {
            continue;
        }
        let (path, other) = declarations::file(document, node, documents);
        let Some(other) = other else {
            findings.push(document.finding(node, format!("there is no file `{path}`")));
            continue;
        };
        for (name, text) in declarations::taken(document, node) {
            let exported = declarations::find(other, text)
                .is_some_and(|symbol| symbol.is_decorated(other, "export"));
            if !exported {
                findings.push(document.finding(name, format!("`{path}` exports no `{text}`")));
            }
        }
    }
    findings
}

struct Walk<'a, 'b> {
    document: &'a Document,
    symbols: &'b [Symbol<'a>],
    used: BTreeSet<String>,
    /// Names of loops, lambdas and enclosing resources, innermost last.
    locals: Vec<String>,
    findings: Vec<Finding>,
}

impl<'a> Walk<'a, '_> {
    fn node(&mut self, node: Node<'a>) {
        match node.kind() {
            "import_functionality" | "using_statement" | "target_scope_assignment" => {}
            "parameter_declaration"
            | "variable_declaration"
            | "output_declaration"
            | "type_declaration"
            | "module_declaration"
            | "metadata_declaration" => {
                self.rest(node);
            }
            "resource_declaration" => {
                let nested = nested(self.document, node);
                self.with(nested, |walk| walk.rest(node));
            }
            "user_defined_function" => {
                let parameters = self.parameters(node);
                self.with(parameters, |walk| walk.rest(node));
            }
            "parameter" => self.rest(node),
            "decorator" => self.decorator(node),
            "object_property" => self.property(node),
            "for_statement" => {
                let names = self.loop_names(node);
                self.with(names, |walk| walk.children(node));
            }
            "for_loop_parameters" | "property_identifier" => {}
            "call_expression" => self.call(node),
            "lambda_expression" => self.rest(node),
            "resource_expression" => self.nested_resource(node),
            "identifier" => self.name(node),
            _ => self.children(node),
        }
    }

    fn children(&mut self, node: Node<'a>) {
        for child in named(node) {
            self.node(child);
        }
    }

    /// All children but the first, which is a name that is declared here.
    fn rest(&mut self, node: Node<'a>) {
        for child in named(node).into_iter().skip(1) {
            self.node(child);
        }
    }

    fn with(&mut self, names: Vec<String>, work: impl FnOnce(&mut Self)) {
        let before = self.locals.len();
        self.locals.extend(names);
        work(self);
        self.locals.truncate(before);
    }

    fn property(&mut self, node: Node<'a>) {
        match named(node).as_slice() {
            [key, value] => {
                // A quoted key may be an expression.
                if key.kind() == "string" {
                    self.children(*key);
                }
                self.node(*value);
            }
            others => {
                for child in others {
                    self.node(*child);
                }
            }
        }
    }

    fn decorator(&mut self, node: Node<'a>) {
        let Some(call) = named(node).first().copied() else {
            return;
        };
        let parts = named(call);
        if let Some(function) = parts.first() {
            let name = self.document.text(*function).trim_start_matches("sys.");
            if !DECORATORS.contains(&name) {
                self.findings.push(
                    self.document
                        .finding(*function, format!("there is no decorator `{name}`")),
                );
            }
        }
        for arguments in parts.into_iter().skip(1) {
            self.children(arguments);
        }
    }

    fn call(&mut self, node: Node<'a>) {
        let parts = named(node);
        if let Some(function) = parts.first() {
            if function.kind() == "identifier" {
                self.function(*function);
            } else {
                self.node(*function);
            }
        }
        for arguments in parts.into_iter().skip(1) {
            for argument in named(arguments) {
                // The grammar ends a lambda's body too early (`x => x.a` is read as
                // `(x => x).a`), so its names count in the whole argument.
                let names = self.lambda_names(argument);
                self.with(names, |walk| walk.node(argument));
            }
        }
    }

    fn function(&mut self, node: Node<'a>) {
        let name = self.document.text(node);
        if let Some(symbol) = self.symbols.iter().find(|symbol| symbol.name == name)
            && matches!(symbol.kind, Kind::Function | Kind::Import)
        {
            self.used.insert(name.to_owned());
            return;
        }
        if !FUNCTIONS.contains(&name) {
            self.report(node, format!("there is no function `{name}`"));
        } else if PARAMETER_FILE_FUNCTIONS.contains(&name) && !is_parameters(&self.document.path) {
            self.report(
                node,
                format!("`{name}` can only be called in a file of parameters"),
            );
        }
    }

    fn report(&mut self, node: Node<'a>, text: String) {
        self.findings.push(self.document.finding(node, text));
    }

    fn name(&mut self, node: Node<'a>) {
        let name = self.document.text(node);
        if self.locals.iter().any(|local| local == name) || OTHERS.contains(&name) {
            return;
        }
        let declared = self
            .symbols
            .iter()
            .any(|symbol| symbol.name == name && symbol.kind != Kind::Output);
        if declared {
            self.used.insert(name.to_owned());
        } else {
            self.report(node, format!("`{name}` is not declared"));
        }
    }

    /// `outer::inner`: the inner one must be nested in the outer one.
    fn nested_resource(&mut self, node: Node<'a>) {
        let parts = named(node);
        let [outer, inner] = parts.as_slice() else {
            return self.children(node);
        };
        self.node(*outer);
        let name = self.document.text(*inner);
        let known = self
            .declaration(*outer)
            .is_none_or(|outer| nested(self.document, outer).iter().any(|one| one == name));
        if !known {
            self.report(*inner, format!("there is no nested resource `{name}`"));
        }
    }

    /// The resource that an expression names.
    fn declaration(&self, node: Node<'a>) -> Option<Node<'a>> {
        match node.kind() {
            "identifier" => {
                let name = self.document.text(node);
                self.symbols
                    .iter()
                    .find(|symbol| symbol.name == name)
                    .map(|symbol| symbol.node)
            }
            "resource_expression" => {
                let parts = named(node);
                let outer = self.declaration(*parts.first()?)?;
                let name = self.document.text(*parts.get(1)?);
                inner(outer)
                    .into_iter()
                    .find(|one| first_text(self.document, *one) == name)
            }
            _ => None,
        }
    }

    fn parameters(&self, node: Node<'a>) -> Vec<String> {
        named(node)
            .into_iter()
            .filter(|child| child.kind() == "parameters")
            .flat_map(named)
            .map(|parameter| first_text(self.document, parameter).to_owned())
            .collect()
    }

    fn loop_names(&self, node: Node<'a>) -> Vec<String> {
        let one = node.child_by_field_name("initializer");
        let both = named(node)
            .into_iter()
            .filter(|child| child.kind() == "for_loop_parameters")
            .flat_map(named);
        one.into_iter()
            .chain(both)
            .map(|name| self.document.text(name).to_owned())
            .collect()
    }

    fn lambda_names(&self, node: Node<'a>) -> Vec<String> {
        let mut names = Vec::new();
        self.document.visit(node, &mut |node| {
            if node.kind() == "lambda_expression"
                && let Some(parameters) = named(node).first()
            {
                self.document.visit(*parameters, &mut |name| {
                    if name.kind() == "identifier" {
                        names.push(self.document.text(name).to_owned());
                    }
                });
            }
        });
        names
    }
}

fn first_text<'a>(document: &'a Document, node: Node<'_>) -> &'a str {
    named(node)
        .first()
        .map(|name| document.text(*name))
        .unwrap_or_default()
}

/// The resources nested directly in a resource.
fn inner(resource: Node<'_>) -> Vec<Node<'_>> {
    let Some(object) = body(resource) else {
        return Vec::new();
    };
    properties(object)
        .into_iter()
        .flat_map(named)
        .filter(|child| child.kind() == "resource_declaration")
        .collect()
}

fn nested(document: &Document, resource: Node<'_>) -> Vec<String> {
    inner(resource)
        .into_iter()
        .map(|one| first_text(document, one).to_owned())
        .collect()
}
