//! From the written form of a policy to the JSON that is stored.

use kusto_emulator_commands::{PolicyKind, PolicyValue};
use kusto_emulator_values::{datetime, timespan};
use serde_json::{Value as Json, json};

use crate::clock::now_ticks;
use crate::error::KustoError;
use crate::model::{Table, policy_defaults};

/// What a table keeps after its policy was deleted.
///
/// Without the ingestion-time policy rows get no ingestion time, though a new table has it: so its
/// absence must be kept.
pub(super) fn deleted(policy: PolicyKind) -> Option<Json> {
    (policy == PolicyKind::IngestionTime).then(|| json!({"IsEnabled": false}))
}

/// The JSON to store. `present` is what holds now; `table` is none for a database.
pub(super) fn stored(
    policy: PolicyKind,
    value: &PolicyValue,
    merge: bool,
    present: &Json,
    table: Option<&Table>,
) -> Result<Json, KustoError> {
    let stored = match value {
        PolicyValue::Json(text) => from_json(policy, text, merge, present)?,
        PolicyValue::Switch(on) if policy == PolicyKind::RestrictedViewAccess => Json::Bool(*on),
        PolicyValue::Switch(on) => json!({"IsEnabled": on}),
        PolicyValue::Hot(ticks) => {
            let span = timespan::format(*ticks);
            json!({
                "DataHotSpan": {"Value": span},
                "IndexHotSpan": {"Value": span},
                "HotWindows": [],
            })
        }
        PolicyValue::Retention {
            soft_delete,
            recoverability,
        } => {
            let mut patch = json!({});
            if let Some(ticks) = soft_delete {
                patch["SoftDeletePeriod"] = json!(timespan::format(*ticks));
            }
            if let Some(on) = recoverability {
                patch["Recoverability"] = json!(if *on { "Enabled" } else { "Disabled" });
            }
            overlaid(present, &patch)
        }
        PolicyValue::RowLevelSecurity { is_enabled, query } => {
            json!({"IsEnabled": is_enabled, "Query": query})
        }
        PolicyValue::RowOrder(columns) => row_order(columns, table)?,
        PolicyValue::EncodingType(_) => {
            return Err(KustoError::unsupported(
                "An encoding policy of anything but a column",
            ));
        }
    };
    check(policy, &stored)?;
    Ok(stored)
}

fn from_json(
    policy: PolicyKind,
    text: &str,
    merge: bool,
    present: &Json,
) -> Result<Json, KustoError> {
    let written: Json = serde_json::from_str(text).map_err(|_| malformed(policy))?;
    Ok(match (written, present) {
        (Json::Array(new), Json::Array(held)) if merge => held.iter().cloned().chain(new).collect(),
        (written @ Json::Object(_), present) if merge => overlaid(present, &written),
        (written @ Json::Object(_), _) => overlaid(&policy_defaults(policy.name()), &written),
        (written, _) => written,
    })
}

/// An object with the members of another laid over it, member by member.
fn overlaid(base: &Json, patch: &Json) -> Json {
    let (Json::Object(base), Json::Object(patch)) = (base, patch) else {
        return patch.clone();
    };
    let mut merged = base.clone();
    merged.extend(
        patch
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    Json::Object(merged)
}

fn row_order(columns: &[(String, bool)], table: Option<&Table>) -> Result<Json, KustoError> {
    columns
        .iter()
        .map(|(column, ascending)| {
            if table.is_some_and(|table| table.column(column).is_none()) {
                return Err(KustoError::entity_not_found(
                    "BadRequest_ColumnNotExist",
                    &format!("Column '{column}' was not found."),
                ));
            }
            let order = if *ascending { "asc" } else { "desc" };
            Ok(json!({"ColumnName": column, "Order": order}))
        })
        .collect()
}

/// Refuses a value in which what this cluster acts on has the wrong form.
fn check(policy: PolicyKind, stored: &Json) -> Result<(), KustoError> {
    let is_right = match policy {
        PolicyKind::Retention => ["SoftDeletePeriod"].iter().all(|name| {
            stored
                .get(name)
                .and_then(Json::as_str)
                .is_some_and(|text| timespan::parse(text).is_some_and(|ticks| ticks >= 0))
        }),
        PolicyKind::Merge => ["AllowMerge", "AllowRebuild"]
            .iter()
            .all(|name| stored.get(name).is_some_and(Json::is_boolean)),
        PolicyKind::Update => every_entry(stored, |entry| {
            is_text(entry, "Source") && is_text(entry, "Query")
        }),
        PolicyKind::ExtentTagsRetention => every_entry(stored, |entry| {
            let text = |name: &str| entry.get(name).and_then(Json::as_str);
            let is_prefix = |text: &str| text.find(':') == text.len().checked_sub(1);
            text("TagPrefix").is_some_and(is_prefix)
                && text("RetentionPeriod").is_some_and(|text| timespan::parse(text).is_some())
        }),
        PolicyKind::RestrictedViewAccess => stored.is_boolean(),
        PolicyKind::RowLevelSecurity => {
            stored.get("IsEnabled").is_some_and(Json::is_boolean) && is_text(stored, "Query")
        }
        PolicyKind::IngestionTime | PolicyKind::StreamingIngestion => {
            stored.get("IsEnabled").is_some_and(Json::is_boolean)
        }
        PolicyKind::AutoDelete => stored
            .get("ExpiryDate")
            .and_then(Json::as_str)
            .and_then(datetime::parse)
            .is_some_and(|expiry| expiry > now_ticks()),
        PolicyKind::Caching
        | PolicyKind::Encoding
        | PolicyKind::IngestionBatching
        | PolicyKind::ManagedIdentity
        | PolicyKind::Partitioning
        | PolicyKind::RowOrder
        | PolicyKind::Sharding => true,
    };
    if is_right {
        Ok(())
    } else {
        Err(malformed(policy))
    }
}

fn every_entry(stored: &Json, is_right: impl Fn(&Json) -> bool) -> bool {
    stored
        .as_array()
        .is_some_and(|entries| entries.iter().all(is_right))
}

fn is_text(value: &Json, name: &str) -> bool {
    value.get(name).is_some_and(Json::is_string)
}

fn malformed(policy: PolicyKind) -> KustoError {
    KustoError::bad_request(
        "BadRequest_InvalidPolicy",
        format!("The value is not a policy of kind '{}'.", policy.name()),
    )
}

/// Restricted view and row-level security exclude each other on one table.
pub(super) fn check_exclusion(
    table: &Table,
    policy: PolicyKind,
    value: &PolicyValue,
) -> Result<(), KustoError> {
    let conflict = match (policy, value) {
        (PolicyKind::RestrictedViewAccess, PolicyValue::Switch(true)) => {
            table.row_level_security().is_some()
        }
        (
            PolicyKind::RowLevelSecurity,
            PolicyValue::RowLevelSecurity {
                is_enabled: true, ..
            },
        ) => table.is_restricted(),
        _ => false,
    };
    if conflict {
        return Err(KustoError::bad_request(
            "BadRequest_PolicyConflict",
            format!(
                "Table '{}' cannot have both the restricted view access policy and an enabled \
                 row level security policy.",
                table.name
            ),
        ));
    }
    Ok(())
}
