//! `.show tables` and `.show tables details`.

use std::sync::Arc;

use kusto_emulator_commands::Properties;
use kusto_emulator_values::{ScalarType, Table as Values, Value};

use crate::commands::Execution;
use crate::commands::rows::rows_table;
use crate::error::KustoError;
use crate::model::{Database, Table};

const PLAIN: [(&str, ScalarType); 4] = [
    ("TableName", ScalarType::String),
    ("DatabaseName", ScalarType::String),
    ("Folder", ScalarType::String),
    ("DocString", ScalarType::String),
];

/// Policies shown by `details`, effective ones, with their columns.
const POLICIES: [(&str, &str); 7] = [
    ("RetentionPolicy", "retention"),
    ("CachingPolicy", "caching"),
    ("ShardingPolicy", "sharding"),
    ("MergePolicy", "merge"),
    ("StreamingIngestionPolicy", "streamingingestion"),
    ("IngestionBatchingPolicy", "ingestionbatching"),
    ("RowOrderPolicy", "roworder"),
];

/// The named tables, or all that are not hidden.
///
/// # Errors
/// A name that does not exist.
pub(super) fn tables(
    context: &Execution,
    names: &[String],
    details: bool,
    properties: &Properties,
) -> Result<Values, KustoError> {
    properties.allow(&["IncludeHiddenTables"])?;
    let with_hidden = properties.boolean("IncludeHiddenTables")?.unwrap_or(false);
    context.database()?.read(|database| {
        let tables: Vec<&Arc<Table>> = match names.is_empty() {
            true => database
                .tables
                .values()
                .filter(|table| with_hidden || !table.hidden)
                .collect(),
            false => names
                .iter()
                .map(|name| database.table(name))
                .collect::<Result<_, _>>()?,
        };
        match details {
            true => details_rows(database, &tables),
            false => tables_rows(&database.name, &tables),
        }
    })
}

/// Tables as rows of `.show tables`.
///
/// # Errors
/// None in practice.
pub(in crate::commands) fn tables_rows(
    database: &str,
    tables: &[&Arc<Table>],
) -> Result<Values, KustoError> {
    rows_table(
        &PLAIN,
        tables.iter().map(|table| plain_row(database, table)),
    )
}

fn plain_row(database: &str, table: &Table) -> Vec<Value> {
    [&table.name, database, &table.folder, &table.docstring]
        .map(Value::string)
        .to_vec()
}

fn details_rows(database: &Database, tables: &[&Arc<Table>]) -> Result<Values, KustoError> {
    let mut columns = PLAIN.to_vec();
    columns.extend([
        ("TotalExtents", ScalarType::Long),
        ("TotalExtentSize", ScalarType::Real),
        ("TotalOriginalSize", ScalarType::Real),
        ("TotalRowCount", ScalarType::Long),
        ("HotExtents", ScalarType::Long),
        ("HotExtentSize", ScalarType::Real),
        ("HotOriginalSize", ScalarType::Real),
        ("HotRowCount", ScalarType::Long),
    ]);
    columns.extend(POLICIES.map(|(column, _)| (column, ScalarType::String)));
    columns.extend([
        ("MinExtentsCreationTime", ScalarType::DateTime),
        ("MaxExtentsCreationTime", ScalarType::DateTime),
        ("TableId", ScalarType::Guid),
    ]);
    let rows = tables.iter().map(|table| details_row(database, table));
    rows_table(&columns, rows)
}

fn details_row(database: &Database, table: &Table) -> Vec<Value> {
    let bytes: u64 = table
        .extents
        .iter()
        .map(|extent| extent.original_size)
        .sum();
    let sizes = [
        long(table.extents.len()),
        Value::Real(bytes as f64),
        Value::Real(bytes as f64),
        long(table.rows()),
    ];
    let time = |ticks: Option<i64>| match ticks {
        Some(ticks) => Value::DateTime(ticks),
        None => Value::Null(ScalarType::DateTime),
    };
    let mut row = plain_row(&database.name, table);
    row.extend(sizes.clone());
    row.extend(sizes);
    row.extend(
        POLICIES
            .map(|(_, policy)| Value::string(database.effective_policy(table, policy).to_string())),
    );
    row.extend([
        time(
            table
                .extents
                .iter()
                .map(|extent| extent.min_created_on)
                .min(),
        ),
        time(
            table
                .extents
                .iter()
                .map(|extent| extent.max_created_on)
                .max(),
        ),
        Value::Guid(table.id.to_string()),
    ]);
    row
}

/// A count as a long.
pub(super) fn long(count: usize) -> Value {
    Value::Long(i64::try_from(count).unwrap_or(i64::MAX))
}
