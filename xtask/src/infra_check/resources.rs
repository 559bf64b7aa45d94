//! Resources have the members that Azure's types have, as far as they are transcribed here.

use super::Documents;
use super::declarations::{self, Kind};
use super::document::{Document, body, named};
use super::shape::{self, Shape};
use super::source::Finding;
use super::values::{self, Demand};

use anyhow::{Result, bail};

/// The transcribed types.
const TYPES: &str = include_str!("azure_types.bicep");

/// What Bicep itself understands in any resource.
const GENERAL: [&str; 3] = ["dependsOn", "parent", "scope"];

/// The types of Azure's resources, by their type and version.
pub(crate) struct Azure(Shape);

impl Azure {
    /// Reads the transcribed types.
    pub(crate) fn read() -> Result<Self> {
        let path = "azure_types.bicep";
        let document = Document::parse(path, TYPES)?;
        if let Some(error) = document.syntax_errors().first() {
            bail!("{error}");
        }
        let documents = Documents::new();
        Ok(Self(shape::named_type(&document, "resources", &documents)))
    }

    fn resource(&self, kind: &str) -> Option<&Shape> {
        match &self.0 {
            Shape::Record { members, .. } => members.get(kind).map(|member| &member.shape),
            Shape::Any
            | Shape::Text
            | Shape::Number
            | Shape::Flag
            | Shape::List(_)
            | Shape::OneOf(_) => None,
        }
    }
}

/// Checks one file.
pub(crate) fn check(document: &Document, azure: &Azure) -> Vec<Finding> {
    let mut findings = Vec::new();
    for symbol in declarations::of(document) {
        let children = named(symbol.node);
        let kind = children.get(1).and_then(|kind| document.literal(*kind));
        let (Some(kind), Some(object)) = (kind, body(symbol.node)) else {
            continue;
        };
        match symbol.kind {
            Kind::Resource | Kind::Existing => {}
            Kind::Parameter
            | Kind::Variable
            | Kind::Module
            | Kind::Type
            | Kind::Function
            | Kind::Import
            | Kind::Output => continue,
        }
        let Some(shape) = azure.resource(&kind) else {
            let text = format!("`{kind}` is not in azure_types.bicep of this check");
            findings.push(document.finding(symbol.node, text));
            continue;
        };
        if document.member(object, "name").is_none() {
            findings.push(document.finding(symbol.node, "`name` is missing"));
        }
        let plain = Shape::Record {
            members: [].into(),
            rest: None,
        };
        let shape = match (symbol.kind == Kind::Existing, shape) {
            (true, Shape::Record { .. }) => &plain,
            (_, shape) => shape,
        };
        let own = document
            .members(object)
            .into_iter()
            .filter(|(key, _)| !GENERAL.contains(&key.as_str()));
        for (key, value) in own {
            // Only the name says which one is meant.
            if symbol.kind == Kind::Existing && key == "name" {
                continue;
            }
            values::member(document, &key, value, shape, Demand::Nothing, &mut findings);
        }
    }
    findings
}
