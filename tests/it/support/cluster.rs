//! What tests do with an embedded cluster: commands, queries, faults, settings, looks at its data.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::http;
use super::process::EmulatorProcess;

/// One row of an answer, by column.
pub(crate) type Row = Map<String, Value>;

impl EmulatorProcess {
    /// Runs a management command and returns the rows of its first table.
    pub(crate) fn command(&self, database: &str, text: &str) -> Vec<Row> {
        self.ask("/v1/rest/mgmt", database, text)
            .unwrap_or_else(|error| panic!("{error}\nin {text:.500}"))
    }

    /// Runs a management command that must be refused and returns the answer's text.
    pub(crate) fn refusal(&self, database: &str, text: &str) -> String {
        match self.ask("/v1/rest/mgmt", database, text) {
            Err(error) => error,
            Ok(rows) => panic!("not refused: {text:.500}\n{rows:?}"),
        }
    }

    /// Runs a query and returns the rows of its first table.
    pub(crate) fn query(&self, database: &str, text: &str) -> Vec<Row> {
        self.ask("/v1/rest/query", database, text)
            .unwrap_or_else(|error| panic!("{error}\nin {text:.500}"))
    }

    fn ask(&self, path: &str, database: &str, text: &str) -> Result<Vec<Row>, String> {
        let body = json!({
            "db": database,
            "csl": text,
            "properties": {"Options": {"notruncation": true}},
        });
        let answer = http::request(&self.uri, "POST", path, body.to_string().as_bytes())
            .map_err(|error| format!("{}: {error}\n{}", self.uri, self.process.log()))?;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status != 200 {
            return Err(format!("HTTP {}: {said}", answer.status));
        }
        rows(&answer.body).ok_or(said)
    }

    /// The number of rows of every table, from the extents: two commands, so that no fault
    /// about queries strikes.
    pub(crate) fn row_counts(&self, database: &str) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = self
            .tables(database)
            .into_iter()
            .map(|table| (table, 0))
            .collect();
        for extent in self.extents(database) {
            let rows = extent["RowCount"].as_u64().expect("a number of rows");
            *counts.entry(text(&extent, "TableName")).or_default() += rows;
        }
        counts
    }

    /// The names of all tables.
    pub(crate) fn tables(&self, database: &str) -> Vec<String> {
        self.command(database, ".show tables")
            .iter()
            .map(|row| text(row, "TableName"))
            .collect()
    }

    /// All extents of a database.
    pub(crate) fn extents(&self, database: &str) -> Vec<Row> {
        self.command(database, &format!(".show database ['{database}'] extents"))
    }

    /// Replaces the rules of the faults; an empty list ends all.
    pub(crate) fn faults(&self, rules: &Value, seed: u64) {
        self.admin("/faults", &json!({"rules": rules, "seed": seed}));
    }

    /// How often faults of each kind struck.
    pub(crate) fn struck(&self) -> BTreeMap<String, u64> {
        let rules = self.look("/faults");
        let mut struck = BTreeMap::new();
        for rule in rules.as_array().expect("a list of rules") {
            let applied = rule["applied"].as_u64().expect("a count");
            let kind = rule["kind"].as_str().expect("a kind");
            *struck.entry(kind.to_owned()).or_default() += applied;
        }
        struck
    }

    /// Lays an object over the settings.
    pub(crate) fn settings(&self, patch: &Value) {
        self.admin("/settings", patch);
    }

    /// As if its nodes restarted: connections are cut and operations at work given up.
    pub(crate) fn restart(&self) {
        self.admin("/restart", &json!({}));
    }

    /// One round of merges now.
    pub(crate) fn merge(&self) {
        self.admin("/merge", &json!({}));
    }

    /// Requests of all kinds that the cluster has seen.
    pub(crate) fn requests_seen(&self) -> u64 {
        let stats = self.look("/stats");
        let kinds = stats["requests"].as_object().expect("counters by kind");
        kinds
            .values()
            .map(|counted| counted["requests"].as_u64().expect("a count"))
            .sum()
    }

    /// A document of the admin port.
    pub(crate) fn look(&self, path: &str) -> Value {
        let answer =
            http::request(&self.admin_uri, "GET", path, b"").expect("the admin port answers");
        serde_json::from_slice(&answer.body).expect("the admin port answers in JSON")
    }

    fn admin(&self, path: &str, document: &Value) {
        let body = document.to_string();
        let answer = http::request(&self.admin_uri, "POST", path, body.as_bytes())
            .expect("the admin port answers");
        let said = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{path} {document}: {said}");
    }
}

/// A text of a row.
pub(crate) fn text(row: &Row, column: &str) -> String {
    match row.get(column).and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => panic!("no text {column} in {row:?}"),
    }
}

fn rows(body: &[u8]) -> Option<Vec<Row>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let table = answer.get("Tables")?.get(0)?;
    let names: Vec<&str> = table["Columns"]
        .as_array()?
        .iter()
        .map(|column| column["ColumnName"].as_str())
        .collect::<Option<_>>()?;
    table["Rows"]
        .as_array()?
        .iter()
        .map(|row| {
            let values = row.as_array()?.iter().cloned();
            Some(
                names
                    .iter()
                    .map(|name| (*name).to_owned())
                    .zip(values)
                    .collect(),
            )
        })
        .collect()
}
