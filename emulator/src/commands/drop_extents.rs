//! `.drop extents`: takes extents away by ids, by a query, or all of a table.
//!
//! Intent and repetition: the ids that the command answers are gone when it answers. After a lost
//! answer a look at the extents tells; a second run by query finds nothing left and answers no rows.

use std::sync::Arc;

use kusto_emulator_commands::DropExtents;
use kusto_emulator_values::{ScalarType, Table, Value};
use uuid::Uuid;

use super::Execution;
use super::rows::rows_table;
use super::selection::select_extents;
use crate::clock::TICKS_PER_SECOND;
use crate::error::KustoError;
use crate::model::{Database, Extent};

/// The columns of the answer.
const COLUMNS: [(&str, ScalarType); 3] = [
    ("ExtentId", ScalarType::Guid),
    ("TableName", ScalarType::String),
    ("CreatedOn", ScalarType::DateTime),
];

/// What to drop once the lock is held.
enum Wanted {
    /// Exactly these; one that is missing is an error.
    All(Vec<Uuid>, Option<String>),
    /// Those of these that are still there: merges may have taken some.
    Any(Vec<Uuid>),
    /// All of a table, or of every table, created before this time (ticks).
    Before(Option<String>, i64),
}

/// Drops extents in one commit and answers what was dropped.
///
/// # Errors
/// A missing table, a missing id of an explicit list (nothing is dropped then), or what the query
/// answers.
pub(crate) async fn drop_extents(
    context: &Execution,
    command: &DropExtents,
) -> Result<Table, KustoError> {
    let database = context.database()?;
    let (wanted, what_if) = match command {
        DropExtents::Ids { ids, table } => (Wanted::All(uuids(ids)?, table.clone()), false),
        DropExtents::Query { query, what_if } => {
            let selected = select_extents(context, query).await?;
            let ids = selected.into_iter().map(|row| row.id).collect();
            (Wanted::Any(ids), *what_if)
        }
        DropExtents::From {
            table,
            older_than_hours,
        } => {
            let before = match older_than_hours {
                Some(hours) => hours_before(context.request.started_on, *hours),
                None => i64::MAX,
            };
            (Wanted::Before(table.clone(), before), false)
        }
    };
    let dropped = if what_if {
        database.read(|database| find(database, &wanted))?
    } else {
        context.engine.commit(&database, |transaction| {
            let found = find(transaction.database(), &wanted)?;
            for (table, extent) in &found {
                transaction.take(table, &[extent.id])?;
            }
            Ok(found)
        })?
    };
    let rows = dropped.into_iter().map(|(table, extent)| {
        vec![
            Value::Guid(extent.id.to_string()),
            Value::string(table),
            Value::DateTime(extent.max_created_on),
        ]
    });
    rows_table(&COLUMNS, rows)
}

fn hours_before(time: i64, hours: u64) -> i64 {
    let ticks = i64::try_from(hours)
        .unwrap_or(i64::MAX)
        .saturating_mul(3_600 * TICKS_PER_SECOND);
    time.saturating_sub(ticks)
}

/// Ids as the parser checked them.
///
/// # Errors
/// A text that is no guid.
pub(crate) fn uuids(ids: &[String]) -> Result<Vec<Uuid>, KustoError> {
    let mut known = Vec::with_capacity(ids.len());
    for id in ids {
        let id = Uuid::parse_str(id).map_err(|_| {
            KustoError::bad_request(
                "BadRequest_InvalidExtentId",
                format!("'{id}' is not a guid."),
            )
        })?;
        if !known.contains(&id) {
            known.push(id);
        }
    }
    Ok(known)
}

fn find(database: &Database, wanted: &Wanted) -> Result<Vec<(String, Arc<Extent>)>, KustoError> {
    let of_table = |name: &str| -> Result<Vec<(String, Arc<Extent>)>, KustoError> {
        let table = database.table(name)?;
        let extents = table.extents.iter();
        Ok(extents
            .map(|extent| (name.to_owned(), Arc::clone(extent)))
            .collect())
    };
    let of_all = |table: Option<&String>| match table {
        Some(table) => of_table(table),
        None => {
            let mut all = Vec::new();
            for name in database.tables.keys() {
                all.extend(of_table(name)?);
            }
            Ok(all)
        }
    };
    match wanted {
        Wanted::Before(table, before) => {
            let mut found = of_all(table.as_ref())?;
            found.retain(|(_, extent)| extent.max_created_on < *before);
            Ok(found)
        }
        Wanted::Any(ids) => {
            let ids: std::collections::HashSet<&Uuid> = ids.iter().collect();
            let mut found = of_all(None)?;
            found.retain(|(_, extent)| ids.contains(&extent.id));
            Ok(found)
        }
        Wanted::All(ids, table) => {
            let held = of_all(table.as_ref())?;
            ids.iter()
                .map(|id| {
                    held.iter()
                        .find(|(_, extent)| extent.id == *id)
                        .cloned()
                        .ok_or_else(|| extent_not_found(*id))
                })
                .collect()
        }
    }
}

/// Kusto's answer for an extent that is not there.
pub(crate) fn extent_not_found(id: Uuid) -> KustoError {
    KustoError::entity_not_found(
        "BadRequest_ExtentNotFound",
        &format!("Extent '{id}' was not found."),
    )
}
