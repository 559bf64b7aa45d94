//! Commands on a cluster in memory and files in a folder: what they answer and what they change.

mod export;
mod extents;
mod faults;
mod from_query;
mod ingest;
mod update;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use kusto_emulator_values::{Column, ScalarType, Table, Value, arrow_schema};

use super::run_command;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::model::{Extent, NewExtent};
use crate::request::Request;
use crate::settings::Settings;

/// A cluster with one database `D`.
struct Cluster {
    engine: Arc<Engine>,
}

impl Cluster {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let engine = Engine::new(Settings {
            databases: vec!["D".to_owned()],
            ..settings
        });
        Self { engine }
    }

    async fn try_run(&self, text: &str) -> Result<Table, KustoError> {
        let parsed = kusto_emulator_commands::parse(text)?;
        run_command(&self.engine, &Request::for_test("D", text), parsed).await
    }

    async fn run(&self, text: &str) -> Vec<Vec<Value>> {
        match self.try_run(text).await {
            Ok(table) => table.rows().expect("the result is well formed"),
            Err(refused) => panic!("{refused}: {text}"),
        }
    }

    /// Runs a command that must be refused and returns the code.
    async fn refusal(&self, text: &str) -> String {
        match self.try_run(text).await {
            Ok(_) => panic!("it was not refused: {text}"),
            Err(refused) => refused.code.into_owned(),
        }
    }

    /// Switches one fault on, to strike once.
    fn fault(&self, kind: &str) {
        let rule = serde_json::json!({"kind": kind, "count": 1});
        let rule = serde_json::from_value(rule).expect("the rule is well formed");
        self.engine.faults.replace(vec![rule], None);
    }

    /// Runs a command as an operation to its end; its id and its last state.
    async fn ended(&self, command: &str) -> (String, String) {
        let id = text(&self.run(command).await[0][0]);
        let look = format!(".show operations {id} | project State");
        for _ in 0..100_000 {
            let state = text(&self.run(&look).await[0][0]);
            if !["Scheduled", "InProgress"].contains(&state.as_str()) {
                return (id, state);
            }
            tokio::task::yield_now().await;
        }
        panic!("the operation never ends: {command}");
    }

    fn extents(&self, table: &str) -> Vec<Arc<Extent>> {
        let database = self.engine.database("D").expect("the settings name it");
        database.read(|database| database.table(table).expect("it exists").extents.clone())
    }

    fn ids(&self, table: &str) -> Vec<String> {
        let extents = self.extents(table);
        extents.iter().map(|extent| extent.id.to_string()).collect()
    }

    fn rows(&self, table: &str) -> usize {
        self.extents(table).iter().map(|extent| extent.rows).sum()
    }

    /// A table `name (a:long, s:string)` with one extent tagged `t` for each of these lists of
    /// values of `a`.
    async fn table(&self, name: &str, extents: &[&[i64]]) {
        self.run(&format!(".create table {name} (a:long, s:string)"))
            .await;
        for values in extents {
            self.append(name, &["t"], values);
        }
    }

    /// One extent of rows `(a, "s<a>")`.
    fn append(&self, table: &str, tags: &[&str], values: &[i64]) {
        let schema = arrow_schema(&[
            Column::new("a", ScalarType::Long),
            Column::new("s", ScalarType::String),
        ]);
        let texts = values.iter().map(|a| format!("s{a}"));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(values.to_vec())),
            Arc::new(StringArray::from_iter_values(texts)),
        ];
        let batch = RecordBatch::try_new(schema, columns).expect("the columns fit");
        let extent = NewExtent {
            batches: vec![batch],
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            created_on: None,
        };
        let database = self.engine.database("D").expect("the settings name it");
        self.engine
            .commit(&database, |transaction| {
                transaction.append(table, vec![extent])
            })
            .expect("the table exists");
    }
}

/// The text of a value.
fn text(value: &Value) -> String {
    value.to_text()
}
