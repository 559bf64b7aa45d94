//! What every form of ingestion checks before it writes.

use kusto_emulator_commands::Properties;
use serde_json::Value;

use crate::commands::properties::text_list;
use crate::error::KustoError;
use crate::model::{Database, Table};

/// The tags whose presence makes an ingestion needless; `ingestIfNotExists` gives them bare.
///
/// # Errors
/// A value that is no JSON array of strings.
pub(super) fn ingest_by(properties: &Properties) -> Result<Vec<String>, KustoError> {
    let values = text_list(properties, "ingestIfNotExists")?;
    Ok(values
        .into_iter()
        .map(|value| format!("ingest-by:{value}"))
        .collect())
}

/// Refuses a creation time that retention would remove at once.
///
/// # Errors
/// `BadRequest_CreationTimeEarlierThanSoftDeletePeriod`, permanent (`error-codes.md`).
pub(super) fn check_creation_time(
    created_on: i64,
    database: &Database,
    table: &Table,
    now: i64,
) -> Result<(), KustoError> {
    if created_on >= now.saturating_sub(database.soft_delete_period(table)) {
        return Ok(());
    }
    Err(KustoError::bad_request(
        "BadRequest_CreationTimeEarlierThanSoftDeletePeriod",
        format!(
            "The creation time is earlier than the soft delete period of table '{}'.",
            table.name
        ),
    ))
}

/// Refuses streaming into a table whose effective policy does not allow it.
///
/// # Errors
/// `BadRequest_StreamingIngestionPolicyNotEnabled`, permanent.
pub(super) fn check_streaming(table: &str, policy: &Value) -> Result<(), KustoError> {
    if policy.get("IsEnabled").and_then(Value::as_bool) == Some(true) {
        return Ok(());
    }
    Err(KustoError::bad_request(
        "BadRequest_StreamingIngestionPolicyNotEnabled",
        format!("Streaming ingestion policy is not enabled for table '{table}'."),
    ))
}
