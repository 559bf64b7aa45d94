//! `.show … extents`.

use std::collections::HashSet;

use kusto_emulator_commands::{ExtentScope, ShowExtents};
use kusto_emulator_values::{ScalarType, Table as Values, Value};
use uuid::Uuid;

use super::tables::long;
use crate::commands::Execution;
use crate::commands::rows::rows_table;
use crate::error::KustoError;
use crate::model::{Database, Extent, Table};

/// The columns of Kusto's grammar, in their order.
const COLUMNS: [(&str, ScalarType); 18] = [
    ("ExtentId", ScalarType::Guid),
    ("DatabaseName", ScalarType::String),
    ("TableName", ScalarType::String),
    ("MaxCreatedOn", ScalarType::DateTime),
    ("OriginalSize", ScalarType::Real),
    ("ExtentSize", ScalarType::Real),
    ("CompressedSize", ScalarType::Real),
    ("IndexSize", ScalarType::Real),
    ("Blocks", ScalarType::Long),
    ("Segments", ScalarType::Long),
    ("ExtentContainerId", ScalarType::String),
    ("RowCount", ScalarType::Long),
    ("MinCreatedOn", ScalarType::DateTime),
    ("Tags", ScalarType::String),
    ("Kind", ScalarType::String),
    ("ReservedSlot1", ScalarType::String),
    ("ReservedSlot2", ScalarType::String),
    ("DeletedRowCount", ScalarType::Long),
];

/// The extents of a scope that pass the filters, as they are at this moment.
///
/// # Errors
/// A database or table that does not exist.
pub(in crate::commands) fn show_extents(
    context: &Execution,
    show: &ShowExtents,
) -> Result<Values, KustoError> {
    let ids: HashSet<Uuid> = show
        .ids
        .iter()
        .filter_map(|id| Uuid::parse_str(id).ok())
        .collect();
    let keep = |extent: &Extent| {
        (show.ids.is_empty() || ids.contains(&extent.id))
            && show
                .filters
                .iter()
                .all(|filter| filter.matches(extent.tags.iter().map(String::as_str)))
    };
    let mut rows = Vec::new();
    match &show.scope {
        ExtentScope::Cluster => {
            for database in context.engine.databases() {
                database.read(|held| {
                    held.tables
                        .values()
                        .for_each(|table| add_rows(held, table, &keep, &mut rows));
                });
            }
        }
        ExtentScope::Database(name) => {
            let name = name.as_deref().unwrap_or(&context.request.database);
            context.engine.database(name)?.read(|held| {
                held.tables
                    .values()
                    .for_each(|table| add_rows(held, table, &keep, &mut rows));
            });
        }
        ExtentScope::Tables(names) => context.database()?.read(|held| {
            names.iter().try_for_each(|name| {
                add_rows(held, held.table(name)?, &keep, &mut rows);
                Ok::<_, KustoError>(())
            })
        })?,
    }
    rows_table(&COLUMNS, rows)
}

fn add_rows(
    database: &Database,
    table: &Table,
    keep: &impl Fn(&Extent) -> bool,
    rows: &mut Vec<Vec<Value>>,
) {
    let kept = table.extents.iter().filter(|extent| keep(extent));
    rows.extend(kept.map(|extent| row(database, table, extent)));
}

fn row(database: &Database, table: &Table, extent: &Extent) -> Vec<Value> {
    let size = extent.original_size as f64;
    vec![
        Value::Guid(extent.id.to_string()),
        Value::string(database.name.as_str()),
        Value::string(table.name.as_str()),
        Value::DateTime(extent.max_created_on),
        Value::Real(size),
        Value::Real(size),
        Value::Real(size),
        Value::Real(0.0),
        Value::Long(1),
        long(extent.segments.len()),
        Value::string(table.id.to_string()),
        long(extent.rows),
        Value::DateTime(extent.min_created_on),
        Value::string(extent.tags_text()),
        Value::string("Regular"),
        Value::string(""),
        Value::string(""),
        Value::Long(0),
    ]
}
