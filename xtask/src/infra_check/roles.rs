//! Role ids are those of the roles that they are called by.

use tree_sitter::Node;

use super::document::{Document, named};
use super::source::Finding;

/// Azure's built-in roles that `infra/` may assign, by the name that Bicep uses for them. The ids
/// are the same in every tenant and never change.
const ROLES: [(&str, &str); 6] = [
    (
        "monitoringMetricsPublisher",
        "3913510d-42f4-4e42-8a64-420c390055eb",
    ),
    (
        "storageBlobDataContributor",
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    ),
    (
        "storageBlobDataOwner",
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    ),
    (
        "storageBlobDelegator",
        "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
    ),
    (
        "storageQueueDataContributor",
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    ),
    (
        "storageTableDataContributor",
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    ),
];

/// Checks one template. Files of parameters may hold ids of anything.
pub(crate) fn check(document: &Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    if super::document::is_parameters(&document.path) {
        return findings;
    }
    document.visit(document.root(), &mut |node| {
        if let Some(id) = document.literal(node).filter(|text| is_guid(text)) {
            findings.extend(problem(document, node, &id));
        }
    });
    findings
}

fn problem(document: &Document, node: Node<'_>, id: &str) -> Option<Finding> {
    let name = node
        .parent()
        .filter(|parent| parent.kind() == "object_property")
        .and_then(|parent| named(parent).first().copied())
        .map(|key| document.text(key));
    let text = match (name, ROLES.iter().find(|(_, known)| *known == id)) {
        (_, None) => format!("`{id}` is the id of no role that is known here"),
        (Some(name), Some((role, _))) if name == *role => return None,
        (_, Some((role, _))) => format!("`{id}` is the id of `{role}`: give it that name"),
    };
    Some(document.finding(node, text))
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
