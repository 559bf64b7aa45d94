//! Tables and columns: create, alter, rename, clear, drop.

use std::sync::Arc;

use kusto_emulator_commands::{Properties, TableCommand, TableDefinition, TableSchemaVerb};
use kusto_emulator_values::{ScalarType, Table as Values, Value};
use uuid::Uuid;

use super::Execution;
use super::rows::rows_table;
use super::show::{schema_json, table_schema_rows, tables_rows};
use crate::error::KustoError;
use crate::model::{DatabaseHandle, Table, Transaction};

/// Changes tables in one commit and answers in the command's form.
///
/// Repeating `.create` and `.create-merge` changes nothing; repeating a drop or a rename meets a
/// missing table.
///
/// # Errors
/// Missing or existing tables and columns, conflicting types, `.alter column type`.
pub(super) fn run(context: &Execution, command: &TableCommand) -> Result<Values, KustoError> {
    let database = context.database()?;
    let commit = |change: &dyn Fn(&mut Transaction<'_>) -> Result<(), KustoError>| {
        context.engine.commit(&database, change)
    };
    match command {
        TableCommand::Schema {
            verb,
            tables,
            plural,
            properties,
        } => change_schema(context, &database, *verb, tables, *plural, properties),
        TableCommand::CreateBasedOn {
            name,
            based_on,
            if_not_exists,
            properties,
        } => {
            properties.allow(&["folder", "docstring"])?;
            commit(&|tx| create_based_on(tx, name, based_on, *if_not_exists, properties))?;
            answer_schema(&database, &[name], false)
        }
        TableCommand::SetFolder { table, folder } => alter(context, table, |held| {
            held.folder.clone_from(folder);
            Ok(())
        }),
        TableCommand::SetDocString { table, text } => alter(context, table, |held| {
            held.docstring.clone_from(text);
            Ok(())
        }),
        TableCommand::ColumnDocStrings {
            table,
            columns,
            merge,
        } => alter(context, table, |held| {
            column_docstrings(held, columns, *merge)
        }),
        TableCommand::Drop {
            tables, if_exists, ..
        } => {
            commit(&|transaction| drop_tables(transaction, tables, *if_exists))?;
            remaining(&database)
        }
        TableCommand::Rename { pairs, .. } => {
            commit(&|transaction| rename(transaction, pairs))?;
            remaining(&database)
        }
        TableCommand::Clear { table, .. } => {
            commit(&|tx| tx.table_mut(table).map(|held| held.extents.clear()))?;
            cleared(context, &database, table)
        }
        TableCommand::DropColumns { table, columns } => {
            alter(context, table, |held| drop_columns(held, columns))
        }
        TableCommand::RenameColumn { table, column, to } => {
            alter(context, table, |held| rename_column(held, column, to))
        }
        TableCommand::AlterColumnType { .. } => Err(KustoError::unsupported(
            "'.alter column type' (Kusto would lose the column's data)",
        )),
    }
}

/// Changes one table and shows its schema.
fn alter(
    context: &Execution,
    table: &str,
    change: impl FnOnce(&mut Table) -> Result<(), KustoError>,
) -> Result<Values, KustoError> {
    let database = context.database()?;
    context
        .engine
        .commit(&database, |tx| change(tx.table_mut(table)?))?;
    answer_schema(&database, &[table], false)
}

fn change_schema(
    context: &Execution,
    database: &DatabaseHandle,
    verb: TableSchemaVerb,
    tables: &[TableDefinition],
    plural: bool,
    properties: &Properties,
) -> Result<Values, KustoError> {
    properties.allow(&["folder", "docstring", "hidden"])?;
    context.engine.commit(database, |transaction| {
        tables
            .iter()
            .try_for_each(|table| apply_schema(transaction, verb, table, properties))
    })?;
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    answer_schema(database, &names, plural)
}

fn apply_schema(
    transaction: &mut Transaction<'_>,
    verb: TableSchemaVerb,
    definition: &TableDefinition,
    properties: &Properties,
) -> Result<(), KustoError> {
    let name = &definition.name;
    let exists = transaction.database().tables.contains_key(name);
    match (verb, exists) {
        (TableSchemaVerb::Create, true) => return Ok(()),
        (TableSchemaVerb::Create | TableSchemaVerb::CreateMerge, false) => {
            transaction.put_table(Table::new(name, &definition.columns));
        }
        (TableSchemaVerb::CreateMerge | TableSchemaVerb::AlterMerge, true) => {
            transaction
                .table_mut(name)?
                .merge_columns(&definition.columns)?;
        }
        (TableSchemaVerb::Alter, true) => {
            transaction
                .table_mut(name)?
                .replace_columns(&definition.columns)?;
        }
        (TableSchemaVerb::Alter | TableSchemaVerb::AlterMerge, false) => {
            return Err(KustoError::table_not_found(
                &transaction.database().name,
                name,
            ));
        }
    }
    describe(transaction.table_mut(name)?, properties)
}

fn describe(table: &mut Table, properties: &Properties) -> Result<(), KustoError> {
    if let Some(folder) = properties.text("folder") {
        folder.clone_into(&mut table.folder);
    }
    if let Some(docstring) = properties.text("docstring") {
        docstring.clone_into(&mut table.docstring);
    }
    if let Some(hidden) = properties.boolean("hidden")? {
        table.hidden = hidden;
    }
    Ok(())
}

/// Copies columns, mappings and every policy but the update policy; no data and no principals.
fn create_based_on(
    transaction: &mut Transaction<'_>,
    name: &str,
    based_on: &str,
    if_not_exists: bool,
    properties: &Properties,
) -> Result<(), KustoError> {
    if transaction.database().tables.contains_key(name) {
        return match if_not_exists {
            true => Ok(()),
            false => Err(KustoError::already_exists("Table", name)),
        };
    }
    let source = Arc::clone(transaction.database().table(based_on)?);
    let mut table = Table::new(name, &source.schema());
    for (made, copied) in table.columns.iter_mut().zip(&source.columns) {
        made.docstring.clone_from(&copied.docstring);
    }
    table.folder.clone_from(&source.folder);
    table.docstring.clone_from(&source.docstring);
    table.mappings = source.mappings.clone();
    table.policies = source.policies.clone();
    table.policies.remove("update");
    describe(&mut table, properties)?;
    transaction.put_table(table);
    Ok(())
}

fn column_docstrings(
    table: &mut Table,
    texts: &[(String, String)],
    merge: bool,
) -> Result<(), KustoError> {
    if let Some((missing, _)) = texts.iter().find(|(name, _)| table.column(name).is_none()) {
        return Err(column_not_found(&table.name, missing));
    }
    for column in &mut table.columns {
        match texts.iter().find(|(name, _)| *name == column.name) {
            Some((_, text)) => column.docstring.clone_from(text),
            None if merge => {}
            None => column.docstring.clear(),
        }
    }
    Ok(())
}

fn drop_tables(
    transaction: &mut Transaction<'_>,
    tables: &[String],
    if_exists: bool,
) -> Result<(), KustoError> {
    for name in tables {
        if transaction.remove_table(name).is_none() && !if_exists {
            return Err(KustoError::table_not_found(
                &transaction.database().name,
                name,
            ));
        }
    }
    Ok(())
}

fn rename(transaction: &mut Transaction<'_>, pairs: &[(String, String)]) -> Result<(), KustoError> {
    let mut taken = Vec::with_capacity(pairs.len());
    for (from, to) in pairs {
        transaction.database().table(from)?;
        if let Some(table) = transaction.remove_table(from) {
            taken.push((Arc::unwrap_or_clone(table), to));
        }
    }
    for (mut table, to) in taken {
        if transaction.database().tables.contains_key(to) {
            return Err(KustoError::already_exists("Table", to));
        }
        table.name.clone_from(to);
        transaction.put_table(table);
    }
    Ok(())
}

fn drop_columns(table: &mut Table, columns: &[String]) -> Result<(), KustoError> {
    if let Some(missing) = columns.iter().find(|name| table.column(name).is_none()) {
        return Err(column_not_found(&table.name, missing));
    }
    table
        .columns
        .retain(|column| !columns.contains(&column.name));
    match table.columns.is_empty() {
        true => Err(KustoError::bad_request(
            "General_BadRequest",
            format!("Table '{}' must keep at least one column.", table.name),
        )),
        false => Ok(()),
    }
}

fn rename_column(table: &mut Table, from: &str, to: &str) -> Result<(), KustoError> {
    if table.column(to).is_some() {
        return Err(KustoError::already_exists("Column", to));
    }
    let missing = column_not_found(&table.name, from);
    let column = table
        .columns
        .iter_mut()
        .find(|column| column.name == from)
        .ok_or(missing)?;
    to.clone_into(&mut column.name);
    Ok(())
}

fn column_not_found(table: &str, column: &str) -> KustoError {
    KustoError::entity_not_found(
        "BadRequest_ColumnNotExist",
        &format!("Column '{column}' was not found in table '{table}'."),
    )
}

fn answer_schema(
    database: &DatabaseHandle,
    names: &[&str],
    plural: bool,
) -> Result<Values, KustoError> {
    database.read(|held| {
        let tables = names
            .iter()
            .map(|name| held.table(name))
            .collect::<Result<Vec<_>, _>>()?;
        match plural {
            true => tables_rows(&held.name, &tables),
            false => table_schema_rows(&held.name, &tables, |table| schema_json(table).to_string()),
        }
    })
}

fn remaining(database: &DatabaseHandle) -> Result<Values, KustoError> {
    database.read(|held| {
        let tables: Vec<_> = held.tables.values().filter(|table| !table.hidden).collect();
        tables_rows(&held.name, &tables)
    })
}

fn cleared(
    context: &Execution,
    database: &DatabaseHandle,
    table: &str,
) -> Result<Values, KustoError> {
    let id = match context.operation_id.is_nil() {
        true => Uuid::new_v4(),
        false => context.operation_id,
    };
    rows_table(
        &[
            ("OperationId", ScalarType::Guid),
            ("Database", ScalarType::String),
            ("Table", ScalarType::String),
        ],
        [vec![
            Value::Guid(id.to_string()),
            Value::string(database.name()),
            Value::string(table),
        ]],
    )
}
