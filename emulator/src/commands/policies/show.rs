//! `.show … policy X`: one row an entity, the policy as JSON text or `null`.

use std::sync::Arc;

use kusto_emulator_commands::{PolicyEntity, PolicyKind};
use kusto_emulator_values::{ScalarType, Table, Value};
use serde_json::{Value as Json, json};

use super::Target;
use crate::commands::rows::rows_table;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::model::{Database, DatabaseHandle};

/// One row of the answer.
pub(super) struct Shown {
    entity_name: String,
    policy: Json,
    children: Vec<String>,
    entity_type: &'static str,
}

/// The columns of every answer about a policy.
const COLUMNS: [(&str, ScalarType); 5] = [
    ("PolicyName", ScalarType::String),
    ("EntityName", ScalarType::String),
    ("Policy", ScalarType::String),
    ("ChildEntities", ScalarType::String),
    ("EntityType", ScalarType::String),
];

/// Shows a policy of one entity, of all tables, or of all databases.
///
/// # Errors
/// A missing database, table or column.
pub(crate) fn show_policy(
    engine: &Engine,
    context: &DatabaseHandle,
    entity: &PolicyEntity,
    policy: PolicyKind,
) -> Result<Table, KustoError> {
    let one = |target: Target| {
        let named = database_of(engine, context, entity)?;
        let database = named.as_deref().unwrap_or(context);
        let row = database.read(|database| shown(database, &target, policy))?;
        Ok::<_, KustoError>(vec![row])
    };
    let rows = match entity {
        PolicyEntity::Table { table, .. } => one(Target::Table(table.clone()))?,
        PolicyEntity::Column { table, column } => {
            one(Target::Column(table.clone(), column.clone()))?
        }
        PolicyEntity::Database(_) => one(Target::Database)?,
        PolicyEntity::Tables(tables) => {
            let mut rows = Vec::with_capacity(tables.len());
            for table in tables {
                rows.extend(one(Target::Table(table.clone()))?);
            }
            rows
        }
        PolicyEntity::AllTables => context.read(|database| {
            let tables = database.tables.keys().cloned();
            tables
                .map(|table| shown(database, &Target::Table(table), policy))
                .collect::<Result<Vec<_>, _>>()
        })?,
        PolicyEntity::AllDatabases => engine
            .databases()
            .iter()
            .map(|database| database.read(|database| shown(database, &Target::Database, policy)))
            .collect::<Result<Vec<_>, _>>()?,
        PolicyEntity::Cluster => vec![Shown {
            entity_name: String::new(),
            policy: Json::Null,
            children: Vec::new(),
            entity_type: "Cluster",
        }],
        PolicyEntity::ColumnsOf(_) => {
            return Err(KustoError::unsupported(
                "A policy of several columns at once",
            ));
        }
    };
    policy_rows(policy, rows)
}

/// The database that the entity names; none is the context database.
pub(super) fn database_of(
    engine: &Engine,
    context: &DatabaseHandle,
    entity: &PolicyEntity,
) -> Result<Option<Arc<DatabaseHandle>>, KustoError> {
    let name = match entity {
        PolicyEntity::Table { database, .. } => database.as_deref(),
        PolicyEntity::Database(database) => database.as_deref(),
        PolicyEntity::Tables(_)
        | PolicyEntity::AllTables
        | PolicyEntity::Column { .. }
        | PolicyEntity::ColumnsOf(_)
        | PolicyEntity::AllDatabases
        | PolicyEntity::Cluster => None,
    };
    match name {
        Some(name) if !name.eq_ignore_ascii_case(context.name()) => engine.database(name).map(Some),
        Some(_) | None => Ok(None),
    }
}

/// What one entity shows.
pub(super) fn shown(
    database: &Database,
    target: &Target,
    policy: PolicyKind,
) -> Result<Shown, KustoError> {
    let column_names = |table: &crate::model::Table| {
        table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    };
    Ok(match target {
        Target::Database => Shown {
            entity_name: format!("[{}]", database.name),
            policy: held(database.policies.get(policy.name())),
            children: database.tables.keys().cloned().collect(),
            entity_type: "Database",
        },
        Target::Table(name) => {
            let table = database.table(name)?;
            let stored = table.policies.get(policy.name());
            // A new table has this policy without anybody's doing.
            let policy = if policy == PolicyKind::IngestionTime && stored.is_none() {
                json!({"IsEnabled": true})
            } else {
                held(stored)
            };
            Shown {
                entity_name: format!("[{}].[{name}]", database.name),
                policy,
                children: column_names(table),
                entity_type: "Table",
            }
        }
        Target::Column(name, column) => {
            let table = database.table(name)?;
            if table.column(column).is_none() {
                return Err(KustoError::entity_not_found(
                    "BadRequest_ColumnNotExist",
                    &format!("Column '{column}' was not found in table '{name}'."),
                ));
            }
            let stored = table.policies.get(policy.name());
            Shown {
                entity_name: format!("[{}].[{name}].[{column}]", database.name),
                policy: held(stored.and_then(|policy| policy.get(column))),
                children: Vec::new(),
                entity_type: "Column",
            }
        }
    })
}

fn held(stored: Option<&Json>) -> Json {
    stored.cloned().unwrap_or(Json::Null)
}

/// The rows as a result.
pub(super) fn policy_rows(policy: PolicyKind, rows: Vec<Shown>) -> Result<Table, KustoError> {
    let rows = rows.into_iter().map(|shown| {
        vec![
            Value::string(policy.display_name()),
            Value::string(shown.entity_name),
            Value::string(shown.policy.to_string()),
            Value::string(json!(shown.children).to_string()),
            Value::string(shown.entity_type),
        ]
    });
    rows_table(&COLUMNS, rows)
}
