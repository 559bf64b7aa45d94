//! `.set`, `.append`, `.set-or-append`, `.set-or-replace`: a query's rows become extents.
//!
//! Intent and repetition: a second run of an append appends again; `ingestIfNotExists` prevents it.
//! A change of the table's columns is a commit of its own before the data, as in Kusto.

use arrow::record_batch::RecordBatch;
use kusto_emulator_commands::{IngestFromQuery, Properties, TableWrite};
use kusto_emulator_values::{Column, ScalarType, Table as Values, Value};

use super::checks::{check_creation_time, ingest_by};
use crate::clock::now_ticks;
use crate::commands::Execution;
use crate::commands::properties::{datetime_property, text_list};
use crate::commands::rows::rows_table;
use crate::commands::split::split;
use crate::commands::update_policy::{append_derived, derive_from_new, replace_derived};
use crate::error::KustoError;
use crate::model::{NewExtent, Table, Transaction};
use crate::query::Overrides;

/// The columns of the answer, one row an extent.
const COLUMNS: [(&str, ScalarType); 6] = [
    ("ExtentId", ScalarType::Guid),
    ("OriginalSize", ScalarType::Real),
    ("ExtentSize", ScalarType::Real),
    ("CompressedSize", ScalarType::Real),
    ("IndexSize", ScalarType::Real),
    ("RowCount", ScalarType::Long),
];

/// Properties that these commands know.
const KNOWN: [&str; 10] = [
    "tags",
    "creationTime",
    "ingestIfNotExists",
    "folder",
    "docstring",
    "extend_schema",
    "recreate_schema",
    "distributed",
    "persistDetails",
    "policy_ingestiontime",
];

/// Runs the query and writes its rows.
///
/// # Errors
/// A table that exists (`.set`) or does not (`.append`), columns that do not fit, wrong properties,
/// or what the query answers; no rows are written then.
pub(crate) async fn ingest_from_query(
    context: &Execution,
    command: &IngestFromQuery,
) -> Result<Values, KustoError> {
    let properties = &command.properties;
    properties.allow(&KNOWN)?;
    let tags = text_list(properties, "tags")?;
    let unless_tagged = ingest_by(properties)?;
    let created_on = datetime_property(properties, "creationTime")?;
    refuse_wrong_existence(context, command)?;
    let rows = context.result_of(&command.query, Overrides::new()).await?;
    let database = context.database()?;
    context.engine.commit(&database, |transaction| {
        shape_table(transaction, command, &rows)?;
        if let Some(created_on) = created_on {
            let held = transaction.database();
            let table = held.table(&command.table)?;
            check_creation_time(created_on, held, table, now_ticks())?;
        }
        Ok(())
    })?;
    let extents: Vec<NewExtent> = chunks(&rows.batches, context)
        .into_iter()
        .map(|batches| NewExtent {
            batches,
            tags: tags.clone(),
            created_on,
        })
        .collect();
    let derived = derive_from_new(context, &command.table, &extents).await?;
    let made = context.engine.commit(&database, |transaction| {
        let table = transaction.database().table(&command.table)?;
        let is_present = |tag: &String| table.extents.iter().any(|extent| extent.has_tag(tag));
        if unless_tagged.iter().any(is_present) {
            return Ok(Vec::new());
        }
        if command.write == TableWrite::SetOrReplace {
            let old: Vec<_> = table.extents.iter().map(|extent| extent.id).collect();
            transaction.take(&command.table, &old)?;
        }
        let ids = transaction.append(&command.table, extents)?;
        match command.write {
            TableWrite::SetOrReplace => replace_derived(transaction, derived)?,
            TableWrite::Set | TableWrite::Append | TableWrite::SetOrAppend => {
                append_derived(transaction, derived)?;
            }
        }
        let table = transaction.database().table(&command.table)?;
        let made = ids.iter().filter_map(|id| table.extent(*id).cloned());
        Ok(made.collect())
    })?;
    rows_table(
        &COLUMNS,
        made.iter().map(|extent| {
            let size = extent.original_size as f64;
            vec![
                Value::Guid(extent.id.to_string()),
                Value::Real(size),
                Value::Real(size),
                Value::Real(size),
                Value::Real(0.0),
                Value::Long(i64::try_from(extent.rows).unwrap_or(i64::MAX)),
            ]
        }),
    )
}

fn refuse_wrong_existence(
    context: &Execution,
    command: &IngestFromQuery,
) -> Result<(), KustoError> {
    context.database()?.read(|database| {
        let table = database.table(&command.table);
        match (command.write, table) {
            (TableWrite::Set, Ok(_)) => Err(KustoError::already_exists("Table", &command.table)),
            (TableWrite::Append, Err(missing)) => Err(missing),
            (
                TableWrite::Set
                | TableWrite::Append
                | TableWrite::SetOrAppend
                | TableWrite::SetOrReplace,
                _,
            ) => Ok(()),
        }
    })
}

/// Creates the table or makes its columns fit the query's: by position and type.
fn shape_table(
    transaction: &mut Transaction<'_>,
    command: &IngestFromQuery,
    rows: &Values,
) -> Result<(), KustoError> {
    let properties = &command.properties;
    let name = command.table.as_str();
    let held = transaction
        .database()
        .table(name)
        .map(|table| table.schema());
    let Ok(held) = held else {
        let mut table = Table::new(name, &rows.schema);
        describe(&mut table, properties);
        if properties.boolean("policy_ingestiontime")? == Some(false) {
            let off = serde_json::json!({"IsEnabled": false});
            table.policies.insert("ingestiontime".to_owned(), off);
        }
        transaction.put_table(table);
        return Ok(());
    };
    if properties.text("folder").is_some() || properties.text("docstring").is_some() {
        describe(transaction.table_mut(name)?, properties);
    }
    let recreates = command.write == TableWrite::SetOrReplace
        && properties.boolean("recreate_schema")?.unwrap_or(false);
    if recreates && held != rows.schema {
        let mut table = Table::new(name, &rows.schema);
        table
            .folder
            .clone_from(&transaction.database().table(name)?.folder);
        transaction.put_table(table);
        return Ok(());
    }
    let extends = properties.boolean("extend_schema")?.unwrap_or(false);
    let types = |columns: &[Column]| columns.iter().map(|column| column.ty).collect::<Vec<_>>();
    let (known, new) = rows.schema.split_at(held.len().min(rows.schema.len()));
    if known.len() < held.len() || types(known) != types(&held) || (!new.is_empty() && !extends) {
        return Err(KustoError::bad_request(
            "BadRequest_SchemaMismatch",
            format!(
                "The query's columns do not match those of table '{name}' by position and type."
            ),
        ));
    }
    if !new.is_empty() {
        transaction.table_mut(name)?.merge_columns(new)?;
    }
    Ok(())
}

/// Gives a table the folder and the description that the command names.
fn describe(table: &mut Table, properties: &Properties) {
    if let Some(folder) = properties.text("folder") {
        folder.clone_into(&mut table.folder);
    }
    if let Some(docstring) = properties.text("docstring") {
        docstring.clone_into(&mut table.docstring);
    }
}

/// Rows in runs of at most as many as an extent holds.
fn chunks(batches: &[RecordBatch], context: &Execution) -> Vec<Vec<RecordBatch>> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let most = context
        .engine
        .settings()
        .ingestion
        .max_rows_per_extent
        .max(1);
    split(batches, rows.div_ceil(most))
}
