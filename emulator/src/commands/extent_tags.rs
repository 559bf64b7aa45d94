//! `.drop`, `.alter` and `.alter-merge … extent tags`: every extent that changes is made again under
//! a new id.
//!
//! The extents are chosen first and changed afterwards, as in Kusto: one that a merge took meanwhile
//! is answered as `Failed`, and the caller repeats. A tag that is absent needs no work, so running a
//! command twice changes nothing more.

use kusto_emulator_commands::{TagChange, TagCommand};
use kusto_emulator_values::{ScalarType, Table, Value};
use uuid::Uuid;

use super::Execution;
use super::properties::CreatedOnRange;
use super::rows::rows_table;
use super::selection::select_extents;
use crate::error::KustoError;
use crate::model::{DatabaseHandle, Extent, Transaction};

/// The columns of the answer.
const COLUMNS: [(&str, ScalarType); 4] = [
    ("OriginalExtentId", ScalarType::String),
    ("ResultExtentId", ScalarType::String),
    ("ResultExtentTags", ScalarType::String),
    ("Details", ScalarType::String),
];

/// An extent and the tags that it shall have.
struct Wanted {
    id: Uuid,
    change: Change,
}

enum Change {
    Set(Vec<String>),
    Add(Vec<String>),
    Remove(Vec<String>),
}

impl Change {
    fn applied(&self, tags: &[String]) -> Vec<String> {
        match self {
            Change::Set(new) => new.clone(),
            Change::Add(new) => {
                let mut joined = tags.to_vec();
                for tag in new {
                    if !joined.contains(tag) {
                        joined.push(tag.clone());
                    }
                }
                joined
            }
            Change::Remove(gone) => {
                let kept = tags.iter().filter(|tag| !gone.contains(tag));
                kept.cloned().collect()
            }
        }
    }
}

/// Changes the tags of a table's extents.
///
/// # Errors
/// A missing table, an unknown property, or what the query answers.
pub(crate) async fn change_tags(
    context: &Execution,
    command: &TagCommand,
) -> Result<Table, KustoError> {
    let database = context.database()?;
    command
        .properties
        .allow(&["extentCreatedOnFrom", "extentCreatedOnTo"])?;
    let range = CreatedOnRange::of(&command.properties)?;
    let by_query = |selected: Vec<super::selection::Selected>, change: &dyn Fn() -> Change| {
        selected
            .into_iter()
            .map(|row| Wanted {
                id: row.id,
                change: change(),
            })
            .collect::<Vec<_>>()
    };
    let wanted = match &command.change {
        TagChange::Set { tags, query } => {
            let selected = select_extents(context, query).await?;
            by_query(selected, &|| Change::Set(tags.clone()))
        }
        TagChange::Add { tags, query } => {
            let selected = select_extents(context, query).await?;
            by_query(selected, &|| Change::Add(tags.clone()))
        }
        TagChange::DropByQuery { query } => select_extents(context, query)
            .await?
            .into_iter()
            .map(|row| Wanted {
                id: row.id,
                change: Change::Remove(row.tags),
            })
            .collect(),
        TagChange::Drop { tags } => tagged(&database, &command.table, tags, range)?,
    };
    let rows = context.engine.commit(&database, |transaction| {
        transaction.database().table(&command.table)?;
        let mut rows = Vec::with_capacity(wanted.len());
        for wanted in &wanted {
            rows.extend(change_one(transaction, &command.table, wanted)?);
        }
        Ok(rows)
    })?;
    rows_table(&COLUMNS, rows)
}

/// The extents that carry any of the tags.
fn tagged(
    database: &DatabaseHandle,
    table: &str,
    tags: &[String],
    range: CreatedOnRange,
) -> Result<Vec<Wanted>, KustoError> {
    let is_tagged = |extent: &Extent| tags.iter().any(|tag| extent.has_tag(tag));
    database.read(|database| {
        let extents = &database.table(table)?.extents;
        Ok(extents
            .iter()
            .filter(|extent| is_tagged(extent) && range.contains(extent))
            .map(|extent| Wanted {
                id: extent.id,
                change: Change::Remove(tags.to_vec()),
            })
            .collect())
    })
}

/// Changes one extent and answers its row; none if its tags are right already.
fn change_one(
    transaction: &mut Transaction<'_>,
    table: &str,
    wanted: &Wanted,
) -> Result<Option<Vec<Value>>, KustoError> {
    let held = transaction.database().table(table)?;
    let Some(extent) = held.extent(wanted.id) else {
        return Ok(Some(vec![
            Value::string(wanted.id.to_string()),
            Value::string("Failed"),
            Value::string(""),
            Value::string("The extent was not found: it was merged or dropped meanwhile."),
        ]));
    };
    let tags = wanted.change.applied(&extent.tags);
    if tags == extent.tags {
        return Ok(None);
    }
    let moved =
        transaction.recreate(table, &[wanted.id], |extent| extent.tags.clone_from(&tags))?;
    Ok(moved.first().map(|moved| {
        vec![
            Value::string(moved.original.to_string()),
            Value::string(moved.result.to_string()),
            Value::string(tags.join("\r\n")),
            Value::string(""),
        ]
    }))
}
