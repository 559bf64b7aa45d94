//! `.show …`: everything that reads and changes nothing.

mod cluster;
mod databases;
mod extents;
mod operations;
mod requests;
mod schema;
mod tables;

pub(super) use extents::show_extents;
pub(super) use operations::cancel_operation;
pub(super) use schema::{schema_json, table_schema_rows};
pub(super) use tables::tables_rows;

use kusto_emulator_commands::Show;
use kusto_emulator_values::{ScalarType, Table, Value};

use super::functions::{function_rows, not_found};
use super::rows::rows_table;
use super::{Execution, mappings, policies};
use crate::error::KustoError;

/// Answers a `.show` command.
///
/// # Errors
/// Entities that do not exist, and forms that this cluster does not know.
pub(super) fn run(context: &Execution, show: &Show) -> Result<Table, KustoError> {
    match show {
        Show::Version => cluster::version(),
        Show::Cluster => cluster::cluster(context),
        Show::Capacity { resource } => cluster::capacity(context, resource.as_deref()),
        Show::Databases { names, flavor } => databases::many(context, names, *flavor),
        Show::Database { flavor } => databases::one(context, *flavor),
        Show::DatabaseSchema {
            database,
            form,
            if_later_than,
            properties,
        } => schema::database(
            context,
            database.as_deref(),
            *form,
            if_later_than.as_deref(),
            properties,
        ),
        Show::Tables {
            names,
            details,
            properties,
            ..
        } => tables::tables(context, names, *details, properties),
        Show::TableColumns { .. } => Err(KustoError::unsupported(
            "'.show table T' (use '.show table T cslschema')",
        )),
        Show::TableCslSchema { table } => schema::table(context, table, schema::csl_schema),
        Show::TableSchemaAsJson { table } => {
            schema::table(context, table, |table| schema_json(table).to_string())
        }
        Show::Extents(extents) => show_extents(context, extents),
        Show::Functions => functions(context),
        Show::Function { name } => function(context, name),
        Show::Operations { ids } => operations::operations(context, ids),
        Show::OperationDetails { id } => operations::details(context, id),
        Show::Queries | Show::RunningQueries => {
            requests::queries(context, matches!(show, Show::RunningQueries))
        }
        Show::Commands => requests::commands(context),
        Show::CommandsAndQueries => requests::commands_and_queries(context),
        Show::IngestionFailures { operation_id } => {
            operations::ingestion_failures(context, operation_id.as_deref())
        }
        Show::MaterializedViews => materialized_views(),
        Show::Policy { entity, policy } => {
            policies::show_policy(&context.engine, &*context.database()?, entity, *policy)
        }
        Show::Mappings { entity, kind, name } => mappings::show_mappings(
            &context.engine,
            &*context.database()?,
            entity.as_ref(),
            *kind,
            name.as_deref(),
        ),
    }
}

fn functions(context: &Execution) -> Result<Table, KustoError> {
    let held: Vec<_> = context
        .database()?
        .read(|database| database.functions.values().cloned().collect());
    function_rows(&held)
}

fn function(context: &Execution, name: &str) -> Result<Table, KustoError> {
    let held = context
        .database()?
        .read(|database| database.functions.get(name).cloned())
        .ok_or_else(|| not_found(name))?;
    function_rows(&[held])
}

/// There are none: commands that create them are refused.
fn materialized_views() -> Result<Table, KustoError> {
    use ScalarType::{Bool, DateTime, String, TimeSpan};
    rows_table(
        &[
            ("Name", String),
            ("SourceTable", String),
            ("Query", String),
            ("MaterializedTo", DateTime),
            ("LastRun", DateTime),
            ("LastRunResult", String),
            ("IsHealthy", Bool),
            ("IsEnabled", Bool),
            ("Folder", String),
            ("DocString", String),
            ("AutoUpdateSchema", Bool),
            ("EffectiveDateTime", DateTime),
            ("Lookback", TimeSpan),
        ],
        Vec::<Vec<Value>>::new(),
    )
}
