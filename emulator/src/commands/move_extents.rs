//! `.move extents` and `.replace extents`: one commit, all or nothing, under new ids.
//!
//! Intent and repetition: the ids name what moves and are single-use, so a second run of the same
//! command fails as its extents are gone. After a lost answer a look at both tables tells; a stale
//! command that runs an hour later finds its ids gone and changes nothing.

use std::sync::Arc;

use kusto_emulator_commands::{MoveExtents, MoveSource, Properties, ReplaceExtents};
use kusto_emulator_values::{ScalarType, Table, Value};
use uuid::Uuid;

use super::Execution;
use super::drop_extents::{extent_not_found, uuids};
use super::properties::CreatedOnRange;
use super::rows::rows_table;
use super::selection::select_extents;
use super::update_policy::{Derived, append_derived, derive_from_moved};
use crate::clock::now_ticks;
use crate::error::KustoError;
use crate::faults::FaultKind;
use crate::model::{DatabaseSnapshot, Extent, MovedExtent};

/// The columns of the answer.
const COLUMNS: [(&str, ScalarType); 3] = [
    ("OriginalExtentId", ScalarType::String),
    ("ResultExtentId", ScalarType::String),
    ("Details", ScalarType::String),
];

/// Extents of one source table that move.
struct Group {
    from: String,
    ids: Vec<Uuid>,
}

/// Moves extents and answers their old and new ids.
///
/// # Errors
/// A missing table or extent, columns that do not fit, or a transactional update policy that
/// fails; nothing is moved then.
pub(crate) async fn move_extents(
    context: &Execution,
    command: &MoveExtents,
) -> Result<Table, KustoError> {
    let database = context.database()?;
    let new_time = new_ingestion_time(&command.properties)?;
    let range = CreatedOnRange::of(&command.properties)?;
    let snapshot = database.snapshot(now_ticks());
    let groups = match &command.source {
        MoveSource::All { table } => {
            let held = table_of(&snapshot, table)?;
            let ids = held.extents.iter().map(|extent| extent.id).collect();
            vec![group(&snapshot, table, ids, range)?]
        }
        MoveSource::Ids { table, ids } => vec![group(&snapshot, table, uuids(ids)?, range)?],
        MoveSource::Query(query) => selected_groups(context, &snapshot, query, range).await?,
    };
    let plan = Plan::make(context, &snapshot, &command.destination, groups).await?;
    let faults = &context.engine.faults;
    let kind = FaultKind::FailMovedRows;
    if faults
        .strike(kind, "MoveExtentsFrom", &context.request.text)
        .is_some()
    {
        return rows_table(&COLUMNS, plan.ids().map(failed_row));
    }
    let moved = context
        .engine
        .commit(&database, |transaction| plan.apply(transaction, new_time))?;
    rows_table(&COLUMNS, moved.iter().map(moved_row))
}

/// Drops extents of a table and moves others into it, in one commit.
///
/// # Errors
/// As for [`move_extents`]; an extent to be dropped that is not in the table fails it too.
pub(crate) async fn replace_extents(
    context: &Execution,
    command: &ReplaceExtents,
) -> Result<Table, KustoError> {
    let database = context.database()?;
    let new_time = new_ingestion_time(&command.properties)?;
    let to = &command.destination;
    let dropped = select_extents(context, &command.drop_query).await?;
    let dropped: Vec<Uuid> = dropped.into_iter().map(|row| row.id).collect();
    let snapshot = database.snapshot(now_ticks());
    table_of(&snapshot, to)?;
    let range = CreatedOnRange::of(&command.properties)?;
    let groups = selected_groups(context, &snapshot, &command.move_query, range).await?;
    let plan = Plan::make(context, &snapshot, to, groups).await?;
    let moved = context.engine.commit(&database, |transaction| {
        transaction.take(to, &dropped)?;
        plan.apply(transaction, new_time)
    })?;
    let gone = dropped.iter().map(|id| {
        vec![
            Value::string(id.to_string()),
            Value::string(""),
            Value::string(""),
        ]
    });
    rows_table(&COLUMNS, gone.chain(moved.iter().map(moved_row)))
}

fn moved_row(moved: &MovedExtent) -> Vec<Value> {
    vec![
        Value::string(moved.original.to_string()),
        Value::string(moved.result.to_string()),
        Value::string(""),
    ]
}

fn failed_row(id: &Uuid) -> Vec<Value> {
    vec![
        Value::string(id.to_string()),
        Value::string("Failed"),
        Value::string("The extent could not be moved."),
    ]
}

fn new_ingestion_time(properties: &Properties) -> Result<bool, KustoError> {
    properties.allow(&[
        "setNewIngestionTime",
        "extentCreatedOnFrom",
        "extentCreatedOnTo",
    ])?;
    let set = properties.boolean("setNewIngestionTime")?;
    Ok(set.unwrap_or(false))
}

fn table_of<'a>(
    snapshot: &'a DatabaseSnapshot,
    name: &str,
) -> Result<&'a Arc<crate::model::Table>, KustoError> {
    snapshot
        .tables
        .get(name)
        .ok_or_else(|| KustoError::table_not_found(&snapshot.name, name))
}

/// The extents of these ids whose creation time lies in the range; all of them must exist.
fn group(
    snapshot: &DatabaseSnapshot,
    from: &str,
    ids: Vec<Uuid>,
    range: CreatedOnRange,
) -> Result<Group, KustoError> {
    let table = table_of(snapshot, from)?;
    let mut inside = Vec::with_capacity(ids.len());
    for id in ids {
        let extent = table.extent(id).ok_or_else(|| extent_not_found(id))?;
        if range.contains(extent) {
            inside.push(id);
        }
    }
    Ok(Group {
        from: from.to_owned(),
        ids: inside,
    })
}

async fn selected_groups(
    context: &Execution,
    snapshot: &DatabaseSnapshot,
    query: &str,
    range: CreatedOnRange,
) -> Result<Vec<Group>, KustoError> {
    let mut groups: Vec<Group> = Vec::new();
    for row in select_extents(context, query).await? {
        let from = match row.table {
            Some(table) => table,
            None => snapshot
                .tables
                .values()
                .find(|table| table.extent(row.id).is_some())
                .map(|table| table.name.clone())
                .ok_or_else(|| extent_not_found(row.id))?,
        };
        let held = table_of(snapshot, &from)?.extent(row.id);
        if held.is_some_and(|extent| !range.contains(extent)) {
            continue;
        }
        match groups.iter_mut().find(|group| group.from == from) {
            Some(group) if group.ids.contains(&row.id) => {}
            Some(group) => group.ids.push(row.id),
            None => groups.push(Group {
                from,
                ids: vec![row.id],
            }),
        }
    }
    Ok(groups)
}

/// What a commit will do: the moves, and the rows derived from them.
struct Plan {
    to: String,
    groups: Vec<Group>,
    derived: Vec<Derived>,
}

impl Plan {
    async fn make(
        context: &Execution,
        snapshot: &DatabaseSnapshot,
        to: &str,
        groups: Vec<Group>,
    ) -> Result<Self, KustoError> {
        table_of(snapshot, to)?;
        let mut derived = Vec::new();
        for group in &groups {
            if group.from == to {
                return Err(KustoError::bad_request(
                    "BadRequest_SameTable",
                    format!("Extents of table '{to}' cannot be moved into itself."),
                ));
            }
            let from = table_of(snapshot, &group.from)?;
            let extents: Vec<Arc<Extent>> = group
                .ids
                .iter()
                .map(|id| {
                    from.extent(*id)
                        .cloned()
                        .ok_or_else(|| extent_not_found(*id))
                })
                .collect::<Result<_, _>>()?;
            if !extents.is_empty() {
                derived.extend(derive_from_moved(context, snapshot, from, to, extents).await?);
            }
        }
        Ok(Self {
            to: to.to_owned(),
            groups,
            derived,
        })
    }

    fn ids(&self) -> impl Iterator<Item = &Uuid> {
        self.groups.iter().flat_map(|group| &group.ids)
    }

    fn apply(
        self,
        transaction: &mut crate::model::Transaction<'_>,
        new_time: bool,
    ) -> Result<Vec<MovedExtent>, KustoError> {
        let mut moved = Vec::new();
        for group in &self.groups {
            moved.extend(transaction.move_extents(&group.from, &self.to, &group.ids, new_time)?);
        }
        append_derived(transaction, self.derived)?;
        Ok(moved)
    }
}
