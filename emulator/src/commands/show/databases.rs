//! `.show databases`, `.show database` and their flavours.

use std::sync::Arc;

use kusto_emulator_commands::ShowDatabaseFlavor;
use kusto_emulator_values::{ScalarType, Table, Value};

use crate::commands::Execution;
use crate::commands::rows::rows_table;
use crate::error::KustoError;
use crate::model::{Database, DatabaseHandle, policy_defaults};

/// Policies shown by the detailed flavours, with their columns.
const POLICIES: [(&str, &str); 6] = [
    ("RetentionPolicy", "retention"),
    ("MergePolicy", "merge"),
    ("CachingPolicy", "caching"),
    ("ShardingPolicy", "sharding"),
    ("StreamingIngestionPolicy", "streamingingestion"),
    ("IngestionBatchingPolicy", "ingestionbatching"),
];

/// The named databases, or all of them.
///
/// # Errors
/// A name that does not exist.
pub(super) fn many(
    context: &Execution,
    names: &[String],
    flavor: ShowDatabaseFlavor,
) -> Result<Table, KustoError> {
    let databases = match names.is_empty() {
        true => context.engine.databases(),
        false => names
            .iter()
            .map(|name| context.engine.database(name))
            .collect::<Result<Vec<_>, _>>()?,
    };
    shown(context, &databases, flavor)
}

/// The context database.
///
/// # Errors
/// It does not exist.
pub(super) fn one(context: &Execution, flavor: ShowDatabaseFlavor) -> Result<Table, KustoError> {
    shown(context, &[context.database()?], flavor)
}

fn shown(
    context: &Execution,
    databases: &[Arc<DatabaseHandle>],
    flavor: ShowDatabaseFlavor,
) -> Result<Table, KustoError> {
    use ScalarType::{Bool, Guid, Real, String};
    let mut columns = vec![
        ("DatabaseName", String),
        ("PersistentStorage", String),
        ("Version", String),
        ("IsCurrent", Bool),
        ("DatabaseAccessMode", String),
        ("PrettyName", String),
    ];
    let has_policies = match flavor {
        ShowDatabaseFlavor::Plain => {
            columns.push(("ReservedSlot1", Bool));
            false
        }
        ShowDatabaseFlavor::Identity => {
            columns.push(("CurrentUserIsUnrestrictedViewer", Bool));
            false
        }
        ShowDatabaseFlavor::Details | ShowDatabaseFlavor::Policies => {
            columns.push(("AuthorizedPrincipals", String));
            columns.extend(POLICIES.map(|(column, _)| (column, String)));
            columns.push(("TotalSize", Real));
            true
        }
    };
    columns.extend([
        ("DatabaseId", Guid),
        ("InTransitionTo", String),
        ("SuspensionState", String),
    ]);
    let is_viewer = context.engine.settings().unrestricted_viewer;
    let rows: Vec<Vec<Value>> = databases
        .iter()
        .map(|handle| {
            let is_current = handle
                .name()
                .eq_ignore_ascii_case(&context.request.database);
            handle.read(|database| {
                let mut row = identity(database, is_current);
                if has_policies {
                    row.push(Value::string("[]"));
                    row.extend(POLICIES.map(|(_, policy)| policy_text(database, policy)));
                    row.push(Value::Real(size(database)));
                } else {
                    row.push(Value::Bool(is_viewer));
                }
                row.push(Value::Guid(database.id.to_string()));
                row.extend([Value::string(""), Value::string("")]);
                row
            })
        })
        .collect();
    rows_table(&columns, rows)
}

fn identity(database: &Database, is_current: bool) -> Vec<Value> {
    vec![
        Value::string(database.name.as_str()),
        Value::string("volatile"),
        Value::string(database.version_text()),
        Value::Bool(is_current),
        Value::string(database.access.name()),
        Value::string(database.pretty_name.as_str()),
    ]
}

fn policy_text(database: &Database, policy: &str) -> Value {
    let value = match database.policies.get(policy) {
        Some(held) => held.clone(),
        None => policy_defaults(policy),
    };
    Value::string(value.to_string())
}

fn size(database: &Database) -> f64 {
    let bytes: u64 = database
        .tables
        .values()
        .flat_map(|table| &table.extents)
        .map(|extent| extent.original_size)
        .sum();
    bytes as f64
}
