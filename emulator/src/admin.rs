//! The admin port: settings, faults, merges, restarts, and independent records for tests.
//!
//! JSON over HTTP, apart from the REST endpoint so that nothing of it can be mistaken for Kusto.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use kusto_emulator_values::datetime;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::background;
use crate::capacity::Resource;
use crate::clock::now_ticks;
use crate::engine::Engine;
use crate::faults::FaultRule;
use crate::model::{CommitRecord, DatabaseAccess};
use crate::settings::{AccountKey, Settings};

/// The routes of the admin port.
pub(crate) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/settings", get(settings).post(patch_settings))
        .route("/faults", get(faults).post(set_faults))
        .route("/merge", post(merge))
        .route("/restart", post(restart))
        .route("/cursors", get(cursors))
        .route("/commits", get(commits))
        .route("/stats", get(stats))
        .route("/database", post(administer))
        .with_state(engine)
}

type Engines = State<Arc<Engine>>;

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn settings(State(engine): Engines) -> Response {
    shown(&engine.settings())
}

/// Settings without the keys of storage accounts.
fn shown(settings: &Settings) -> Response {
    let hidden = |name: &String| (name.clone(), AccountKey::new("***"));
    let mut settings = settings.clone();
    let keys = &mut settings.storage.identity_keys;
    *keys = keys.keys().map(hidden).collect();
    Json(settings).into_response()
}

/// Lays a JSON object over the settings; it holds for everything that starts after the answer.
async fn patch_settings(State(engine): Engines, Json(patch): Json<Value>) -> Response {
    match engine.patch_settings(&patch) {
        Ok(settings) => shown(&settings),
        Err(error) => refused(&error.to_string()),
    }
}

async fn faults(State(engine): Engines) -> Json<Value> {
    Json(engine.faults.report())
}

/// The document of `POST /faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRules {
    rules: Vec<FaultRule>,
    #[serde(default)]
    seed: Option<u64>,
}

/// Replaces all rules; an empty list ends all faults.
async fn set_faults(State(engine): Engines, Json(document): Json<Value>) -> Response {
    match serde_json::from_value::<FaultRules>(document) {
        Ok(document) => {
            engine.faults.replace(document.rules, document.seed);
            Json(engine.faults.report()).into_response()
        }
        Err(error) => refused(&error.to_string()),
    }
}

/// One round of merges now, whatever the background does.
async fn merge(State(engine): Engines) -> Response {
    let settings = engine.settings();
    match background::merge_all(&engine, &settings.merge).await {
        Ok(merged) => Json(json!({"merged": merged})).into_response(),
        Err(error) => refused(&error.message),
    }
}

/// As if the nodes restarted: connections are cut, operations at work abandoned; data, cursors and
/// the operations' log stay.
async fn restart(State(engine): Engines) -> Json<Value> {
    let running = engine.operations.running();
    engine.operations.abandon_all(now_ticks());
    engine.connections.cut_all();
    Json(json!({"abandoned": running}))
}

/// Every commit of rows with its cursor value, by database.
async fn cursors(State(engine): Engines) -> Json<Value> {
    let now = now_ticks();
    let databases: serde_json::Map<String, Value> = engine
        .databases()
        .into_iter()
        .map(|database| {
            database.settle_cursors(now);
            let record = database.read(|held| {
                json!({
                    "newest": held.cursors.newest().to_string(),
                    "commits": held.commits.iter().map(commit_document).collect::<Vec<_>>(),
                })
            });
            (database.name().to_owned(), record)
        })
        .collect();
    Json(Value::Object(databases))
}

/// What `GET /commits` asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    database: String,
    #[serde(default)]
    table: Option<String>,
    #[serde(default)]
    at_or_before: Option<i64>,
}

/// The commits of one database, oldest first: of one table if it is named, and of those whose rows
/// are at or before a cursor if one is given. `rows` sums them up, so that a test can say how many
/// rows a copy up to that cursor must hold; `ingestion_time` tells which ones they are.
async fn commits(State(engine): Engines, Query(wanted): Query<Wanted>) -> Response {
    let database = match engine.database(&wanted.database) {
        Ok(database) => database,
        Err(error) => return refused(&error.message),
    };
    database.settle_cursors(now_ticks());
    database.read(|held| {
        let chosen: Vec<&CommitRecord> = held
            .commits
            .iter()
            .filter(|commit| {
                wanted
                    .table
                    .as_ref()
                    .is_none_or(|name| *name == commit.table)
            })
            .filter(|commit| {
                let cursor = commit.cursor.as_ref().and_then(|slot| slot.value());
                wanted
                    .at_or_before
                    .is_none_or(|end| cursor.is_some_and(|cursor| cursor <= end))
            })
            .collect();
        Json(json!({
            "database": held.name,
            "newest": held.cursors.newest().to_string(),
            "rows": chosen.iter().map(|commit| commit.rows).sum::<usize>(),
            "commits": chosen.into_iter().map(commit_document).collect::<Vec<_>>(),
        }))
        .into_response()
    })
}

fn commit_document(commit: &CommitRecord) -> Value {
    json!({
        "table": commit.table,
        "table_id": commit.table_id.to_string(),
        "kind": commit.kind,
        "rows": commit.rows,
        "committed_on": commit.committed_on.to_string(),
        "ingestion_time": commit.cursor.is_some().then(|| datetime::format(commit.committed_on)),
        "extents": commit.extents,
        "has_ingestion_time": commit.cursor.is_some(),
        "cursor": commit.cursor.as_ref().and_then(|slot| slot.value()).map(|value| value.to_string()),
    })
}

/// Requests by kind, and slots in use with their high-water marks.
async fn stats(State(engine): Engines) -> Json<Value> {
    let slots: serde_json::Map<String, Value> = Resource::ALL
        .into_iter()
        .map(|resource| {
            let used = engine.capacity.used(resource);
            (
                resource.name().to_owned(),
                json!({"now": used.now, "most": used.most}),
            )
        })
        .collect();
    Json(json!({
        "requests": engine.stats.all(),
        "slots": slots,
        "running_operations": engine.operations.running(),
    }))
}

/// The document of `POST /database`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Administered {
    name: String,
    #[serde(default)]
    access: Option<DatabaseAccess>,
    #[serde(default)]
    pretty_name: Option<String>,
}

/// Sets the access mode (`ReadWrite`, `ReadOnlyFollowing`) or the pretty name of a database.
async fn administer(State(engine): Engines, Json(document): Json<Value>) -> Response {
    let document = match serde_json::from_value::<Administered>(document) {
        Ok(document) => document,
        Err(error) => return refused(&error.to_string()),
    };
    match engine.database(&document.name) {
        Ok(database) => {
            database.administer(|held| {
                if let Some(access) = document.access {
                    held.access = access;
                }
                if let Some(pretty_name) = document.pretty_name {
                    held.pretty_name = pretty_name;
                }
            });
            Json(json!({"database": database.name()})).into_response()
        }
        Err(error) => refused(&error.message),
    }
}

fn refused(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": reason}))).into_response()
}
