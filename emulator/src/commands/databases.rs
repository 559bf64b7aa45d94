//! `.create database … volatile`, `.drop database`, pretty names.

use kusto_emulator_commands::DatabaseCommand;
use kusto_emulator_values::{ScalarType, Table, Value};

use super::Execution;
use super::rows::rows_table;
use crate::error::KustoError;
use crate::model::DatabaseHandle;

/// Creates, drops or labels a database. Running it twice meets the existing or missing database,
/// as the command asks.
///
/// # Errors
/// A database that exists, is missing, or should be persisted (everything here is volatile).
pub(super) fn run(context: &Execution, command: &DatabaseCommand) -> Result<Table, KustoError> {
    match command {
        DatabaseCommand::Create {
            name,
            persist,
            if_not_exists,
        } => create(context, name, persist, *if_not_exists),
        DatabaseCommand::Drop { name, if_exists } => drop_database(context, name, *if_exists),
        DatabaseCommand::PrettyName { name, pretty_name } => {
            let name = name.as_deref().unwrap_or(&context.request.database);
            let database = context.engine.database(name)?;
            database.administer(|database| {
                database.pretty_name = pretty_name.clone().unwrap_or_default();
            });
            let label = pretty_name.clone().unwrap_or_default();
            rows_table(
                &[
                    ("DatabaseName", ScalarType::String),
                    ("PrettyName", ScalarType::String),
                ],
                [vec![Value::string(database.name()), Value::string(label)]],
            )
        }
    }
}

fn create(
    context: &Execution,
    name: &str,
    persist: &[String],
    if_not_exists: bool,
) -> Result<Table, KustoError> {
    if !persist.is_empty() {
        return Err(KustoError::unsupported(
            "A persistent database (use 'volatile')",
        ));
    }
    let database = match context.engine.create_database(name) {
        Ok(created) => created,
        Err(_) if if_not_exists => context.engine.database(name)?,
        Err(refused) => return Err(refused),
    };
    created_row(&database)
}

fn created_row(database: &DatabaseHandle) -> Result<Table, KustoError> {
    rows_table(
        &[
            ("DatabaseName", ScalarType::String),
            ("PersistentPath", ScalarType::String),
            ("Created", ScalarType::Bool),
            ("StoresMetadata", ScalarType::Bool),
            ("StoresData", ScalarType::Bool),
        ],
        [vec![
            Value::string(database.name()),
            Value::string("volatile"),
            Value::Bool(true),
            Value::Bool(true),
            Value::Bool(true),
        ]],
    )
}

fn drop_database(context: &Execution, name: &str, if_exists: bool) -> Result<Table, KustoError> {
    match context.engine.drop_database(name) {
        Ok(()) => {}
        Err(_) if if_exists => {}
        Err(refused) => return Err(refused),
    }
    let rows = context
        .engine
        .databases()
        .into_iter()
        .map(|database| vec![Value::string(database.name())]);
    rows_table(&[("DatabaseName", ScalarType::String)], rows)
}
