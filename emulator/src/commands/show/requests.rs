//! `.show commands`, `.show queries`: what was asked lately.

use kusto_emulator_values::{ScalarType, Table, Value};

use crate::commands::Execution;
use crate::commands::rows::rows_table;
use crate::error::KustoError;
use crate::journal::{Entry, RequestState};

const QUERY: &str = "Query";

/// The columns that both lists share.
const COMMON: [(&str, ScalarType); 13] = [
    ("ClientActivityId", ScalarType::String),
    ("Text", ScalarType::String),
    ("Database", ScalarType::String),
    ("StartedOn", ScalarType::DateTime),
    ("LastUpdatedOn", ScalarType::DateTime),
    ("Duration", ScalarType::TimeSpan),
    ("State", ScalarType::String),
    ("RootActivityId", ScalarType::Guid),
    ("User", ScalarType::String),
    ("FailureReason", ScalarType::String),
    ("Application", ScalarType::String),
    ("Principal", ScalarType::String),
    ("WorkloadGroup", ScalarType::String),
];

/// Queries, only those at work if asked so.
///
/// # Errors
/// None in practice.
pub(super) fn queries(context: &Execution, running: bool) -> Result<Table, KustoError> {
    let entries = context
        .engine
        .journal
        .list(|entry| entry.kind == QUERY && (!running || entry.state == RequestState::InProgress));
    rows_table(&COMMON, entries.iter().map(row))
}

/// Commands that have ended: those at work are not listed, as in Kusto.
///
/// # Errors
/// None in practice.
pub(super) fn commands(context: &Execution) -> Result<Table, KustoError> {
    with_type(
        &context
            .engine
            .journal
            .list(|entry| entry.kind != QUERY && entry.state != RequestState::InProgress),
    )
}

/// Both.
///
/// # Errors
/// None in practice.
pub(super) fn commands_and_queries(context: &Execution) -> Result<Table, KustoError> {
    with_type(
        &context
            .engine
            .journal
            .list(|entry| entry.state != RequestState::InProgress),
    )
}

fn with_type(entries: &[Entry]) -> Result<Table, KustoError> {
    let mut columns = COMMON.to_vec();
    columns.insert(1, ("CommandType", ScalarType::String));
    let rows = entries.iter().map(|entry| {
        let mut row = row(entry);
        row.insert(1, Value::string(entry.kind.as_str()));
        row
    });
    rows_table(&columns, rows)
}

fn row(entry: &Entry) -> Vec<Value> {
    vec![
        Value::string(entry.client_request_id.as_str()),
        Value::string(entry.text.as_str()),
        Value::string(entry.database.as_str()),
        Value::DateTime(entry.started_on),
        Value::DateTime(entry.last_updated_on),
        Value::TimeSpan(entry.last_updated_on - entry.started_on),
        Value::string(entry.state.name()),
        Value::Guid(entry.activity_id.to_string()),
        Value::string(entry.user.as_str()),
        Value::string(entry.failure.as_str()),
        Value::string(entry.application.as_str()),
        Value::string(entry.user.as_str()),
        Value::string("default"),
    ]
}
