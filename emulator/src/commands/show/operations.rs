//! `.show operations`, `.show operation X details`, `.cancel operation`.

use kusto_emulator_commands::CancelOperation;
use kusto_emulator_values::{ScalarType, Table, Value};
use uuid::Uuid;

use crate::clock::now_ticks;
use crate::commands::Execution;
use crate::commands::rows::rows_table;
use crate::error::KustoError;
use crate::operations::{Change, Operation, OperationState};

const COLUMNS: [(&str, ScalarType); 16] = [
    ("OperationId", ScalarType::Guid),
    ("Operation", ScalarType::String),
    ("NodeId", ScalarType::String),
    ("StartedOn", ScalarType::DateTime),
    ("LastUpdatedOn", ScalarType::DateTime),
    ("Duration", ScalarType::TimeSpan),
    ("State", ScalarType::String),
    ("Status", ScalarType::String),
    ("RootActivityId", ScalarType::Guid),
    ("ShouldRetry", ScalarType::Bool),
    ("Database", ScalarType::String),
    ("Principal", ScalarType::String),
    ("User", ScalarType::String),
    ("AdminEpochStartTime", ScalarType::DateTime),
    ("VirtualCluster", ScalarType::String),
    ("ResourceUtilization", ScalarType::String),
];

/// Without ids the log, one row for each change; with ids the latest row of each that is young.
///
/// # Errors
/// None in practice.
pub(super) fn operations(context: &Execution, ids: &[String]) -> Result<Table, KustoError> {
    let settings = context.engine.settings();
    let (log, now) = (&context.engine.operations, now_ticks());
    let rows: Vec<Vec<Value>> = match ids.is_empty() {
        true => log
            .log(&settings.operations, now)
            .iter()
            .flat_map(|operation| {
                operation
                    .history
                    .iter()
                    .map(|change| row(operation, change))
            })
            .collect(),
        false => ids
            .iter()
            .filter_map(|id| log.by_id(Uuid::parse_str(id).ok()?, &settings.operations, now))
            .filter_map(|operation| operation.latest().map(|change| row(&operation, change)))
            .collect(),
    };
    rows_table(&COLUMNS, rows)
}

fn row(operation: &Operation, change: &Change) -> Vec<Value> {
    vec![
        Value::Guid(operation.id.to_string()),
        Value::string(operation.kind.as_str()),
        Value::string("KEngine000000000"),
        Value::DateTime(operation.started_on),
        Value::DateTime(change.at),
        Value::TimeSpan(change.at - operation.started_on),
        Value::string(change.state.name()),
        Value::string(change.status.as_str()),
        Value::Guid(operation.activity_id.to_string()),
        Value::Bool(change.should_retry),
        Value::string(operation.database.as_str()),
        Value::string(operation.user.as_str()),
        Value::string(operation.user.as_str()),
        Value::Null(ScalarType::DateTime),
        Value::string(""),
        Value::string(""),
    ]
}

/// What the synchronous command would have answered.
///
/// # Errors
/// An operation that is unknown, too old, or not Completed.
pub(super) fn details(context: &Execution, id: &str) -> Result<Table, KustoError> {
    let settings = context.engine.settings();
    let not_found = || {
        KustoError::entity_not_found(
            "BadRequest_OperationNotFound",
            &format!("Operation '{id}' was not found, or has no details."),
        )
    };
    let id = Uuid::parse_str(id).map_err(|_| not_found())?;
    let operation = context
        .engine
        .operations
        .by_id(id, &settings.operations, now_ticks())
        .ok_or_else(not_found)?;
    match (operation.latest(), &operation.details) {
        (Some(change), Some(details)) if change.state == OperationState::Completed => {
            Ok(details.clone())
        }
        (Some(change), _) => Err(KustoError::bad_request(
            "BadRequest_OperationNotCompleted",
            format!(
                "Operation '{id}' has no details: its state is '{}'.",
                change.state.name()
            ),
        )),
        (None, _) => Err(not_found()),
    }
}

/// Cancels ingestion from a query; exports, moves and ingestions from storage cannot be cancelled.
///
/// # Errors
/// An operation that is unknown.
pub(in crate::commands) fn cancel_operation(
    context: &Execution,
    command: &CancelOperation,
) -> Result<Table, KustoError> {
    let settings = context.engine.settings();
    let now = now_ticks();
    let operation = Uuid::parse_str(&command.operation_id)
        .ok()
        .and_then(|id| {
            context
                .engine
                .operations
                .by_id(id, &settings.operations, now)
        })
        .ok_or_else(|| {
            KustoError::entity_not_found(
                "BadRequest_OperationNotFound",
                &format!("Operation '{}' was not found.", command.operation_id),
            )
        })?;
    let is_from_query = ["TableSet", "TableAppend"]
        .iter()
        .any(|prefix| operation.kind.starts_with(prefix));
    let reason = command.reason.as_deref().unwrap_or("");
    let is_done = is_from_query
        && context.engine.operations.stop(
            operation.id,
            Change {
                state: OperationState::Canceled,
                status: format!("The operation was canceled. {reason}"),
                should_retry: false,
                at: now,
            },
        );
    let (state, phrase) = match (is_done, is_from_query) {
        (true, _) => ("Canceled successfully", reason),
        (false, true) => ("Failed", "The operation has ended already."),
        (false, false) => ("Failed", "Operations of this kind cannot be canceled."),
    };
    rows_table(
        &[
            ("OperationId", ScalarType::Guid),
            ("Operation", ScalarType::String),
            ("StartedOn", ScalarType::DateTime),
            ("CancellationState", ScalarType::String),
            ("ReasonPhrase", ScalarType::String),
        ],
        [vec![
            Value::Guid(operation.id.to_string()),
            Value::string(operation.kind.as_str()),
            Value::DateTime(operation.started_on),
            Value::string(state),
            Value::string(phrase),
        ]],
    )
}

/// Failed ingestions of the log.
///
/// # Errors
/// None in practice.
pub(super) fn ingestion_failures(
    context: &Execution,
    wanted: Option<&str>,
) -> Result<Table, KustoError> {
    let settings = context.engine.settings();
    let wanted = wanted.and_then(|id| Uuid::parse_str(id).ok());
    let rows: Vec<Vec<Value>> = context
        .engine
        .operations
        .log(&settings.operations, now_ticks())
        .into_iter()
        .filter(|operation| operation.kind.starts_with("DataIngest"))
        .filter(|operation| wanted.is_none_or(|id| id == operation.id))
        .filter_map(|operation| failure_row(&operation))
        .collect();
    rows_table(
        &[
            ("OperationId", ScalarType::Guid),
            ("Database", ScalarType::String),
            ("FailedOn", ScalarType::DateTime),
            ("Details", ScalarType::String),
            ("FailureKind", ScalarType::String),
            ("RootActivityId", ScalarType::Guid),
            ("OperationKind", ScalarType::String),
            ("ShouldRetry", ScalarType::Bool),
            ("User", ScalarType::String),
        ],
        rows,
    )
}

fn failure_row(operation: &Operation) -> Option<Vec<Value>> {
    let change = operation.latest()?;
    let kind = match change.state {
        OperationState::Failed | OperationState::Throttled | OperationState::Abandoned => {
            "Transient"
        }
        OperationState::BadInput => "Permanent",
        OperationState::Scheduled
        | OperationState::InProgress
        | OperationState::Completed
        | OperationState::Canceled => return None,
    };
    Some(vec![
        Value::Guid(operation.id.to_string()),
        Value::string(operation.database.as_str()),
        Value::DateTime(change.at),
        Value::string(change.status.as_str()),
        Value::string(kind),
        Value::Guid(operation.activity_id.to_string()),
        Value::string(operation.kind.as_str()),
        Value::Bool(change.should_retry),
        Value::string(operation.user.as_str()),
    ])
}
