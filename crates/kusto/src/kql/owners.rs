//! Owner markers: stored functions whose body holds one JSON string.

use kusto_copy_core::vocabulary::hex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::literal::first_string;
use super::{Text, Writer};

/// Who copies into a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerMarker {
    /// The job's name.
    pub job: String,
    /// The job's random incarnation.
    pub incarnation: String,
    /// The destination table.
    pub table: String,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMarker {
    /// The job's name.
    pub job: String,
    /// The job's random incarnation.
    pub incarnation: String,
    /// The last committed iteration.
    pub iteration: u64,
}

/// The folder of all markers.
pub const FOLDER: &str = super::staging::FOLDER;

/// The name of a table's marker: 16 hex digits of the table name's hash keep it a plain word.
#[must_use]
pub fn owner_name(table: &str) -> String {
    let digest = Sha256::digest(table.as_bytes());
    format!("kcopy_owner_{}", hex(&digest[..8]))
}

/// The name of a job's marker.
#[must_use]
pub fn job_name(incarnation: &str) -> String {
    format!("kcopy_job_{incarnation}")
}

/// Creates a table's marker unless there is one: the claim, atomic.
#[must_use]
pub fn claim(marker: &OwnerMarker) -> Text {
    let body = json!({
        "job": marker.job, "incarnation": marker.incarnation, "table": marker.table,
    });
    let mut w = Writer::new();
    w.words(".create function ifnotexists");
    function(&mut w, &owner_name(&marker.table), &body.to_string());
    w.change("claim a table", "CreateFunction")
}

/// Removes a table's marker.
#[must_use]
pub fn release(table: &str) -> Text {
    let mut w = Writer::new();
    w.words(".drop function ")
        .name(&owner_name(table))
        .words(" ifexists");
    w.change("remove an owner marker", "DropFunction")
}

/// Sets a job's marker.
#[must_use]
pub fn record_job(marker: &JobMarker) -> Text {
    let body = json!({
        "job": marker.job, "incarnation": marker.incarnation, "iteration": marker.iteration,
    });
    let mut w = Writer::new();
    w.words(".create-or-alter function");
    function(&mut w, &job_name(&marker.incarnation), &body.to_string());
    w.change("record an iteration", "CreateOrAlterFunction")
}

/// All markers.
#[must_use]
pub fn list() -> Text {
    Writer::new()
        .words(".show functions\n| where Name startswith_cs 'kcopy_'")
        .words("\n| project Name, Body, Folder")
        .show("owner markers", "ShowFunctions")
}

/// What the body of a marker says.
#[must_use]
pub fn marker_of_body(body: &str) -> Option<String> {
    first_string(body)
}

fn function(w: &mut Writer, name: &str, body: &str) {
    w.words(" with (folder=").string(FOLDER);
    w.words(", docstring='owner marker of kusto-copy', skipvalidation='true') ");
    w.name(name).words("() { print ").string(body).words(" }");
}

#[cfg(test)]
mod tests {
    use super::{OwnerMarker, claim, marker_of_body, owner_name};

    #[test]
    fn a_marker_is_read_back_from_its_body() {
        let marker = OwnerMarker {
            job: "it's \"mine\"\n".to_owned(),
            incarnation: "7f3a9c21".to_owned(),
            table: "where T-1.b x".to_owned(),
        };
        let text = claim(&marker);
        let body = text.expose().split_once("() ").expect("a body").1;
        let json = marker_of_body(body).expect("a string");
        assert_eq!(
            serde_json::from_str::<OwnerMarker>(&json).expect("the marker"),
            marker
        );
    }

    #[test]
    fn names_are_plain_words_and_differ() {
        assert_eq!(owner_name("a").len(), "kcopy_owner_".len() + 16);
        assert_ne!(owner_name("a"), owner_name("A"));
    }
}
