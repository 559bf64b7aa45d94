//! A table's preparation: its layout, the destination table, staging. Every command here may be
//! repeated; staging is not used before it was read back.

use std::collections::BTreeMap;

use kusto_copy_core::activity::{
    Activity, ActivityEvent, ActivityState, Layout, Phase, StagingState,
};
use kusto_copy_core::vocabulary::{TICKS_PER_DAY, TableSchema, Window};
use kusto_copy_kusto::commands::owners::{Claim, OwnerMarker};
use kusto_copy_kusto::kql::encoding::choose;
use kusto_copy_kusto::kql::staging::StagingRequest;

use super::names::staging_name;
use super::{EffectError, Outcome, Task, Workplace};
use crate::catalog::Catalog;

/// Days after which the service drops a staging table that everybody forgot.
const STAGING_DAYS: i64 = 180;

pub(super) async fn prepare(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let head = &task.head;
    let (layout, starts) = match &head.phase {
        Phase::Starting {
            window,
            layout: None,
            ..
        } => return destination(place, task, window).await,
        Phase::Starting {
            layout: Some(layout),
            ..
        } => (layout, true),
        Phase::Planning { layout, .. } | Phase::Planned { layout, .. } => (layout, false),
        Phase::Completed { .. } => return Ok(Outcome::default()),
    };
    let staging = head.staging.as_ref();
    let event = match staging.map(|staging| (staging.state, staging.name.as_str())) {
        Some((StagingState::Intended, name)) => {
            make_staging(place, task, layout, name).await?;
            Some(ready(place, name))
        }
        Some((StagingState::Ready, _)) if !starts => None,
        Some((StagingState::Ready | StagingState::Renewing | StagingState::Lost, _)) | None => {
            next_staging(place, head)
        }
    };
    Ok(event.map_or_else(Outcome::default, Outcome::event))
}

/// Makes the destination table fit and claims it.
async fn destination(
    place: &Workplace,
    task: &Task,
    window: &Window,
) -> Result<Outcome, EffectError> {
    let head = &task.head;
    let call = task.call(place, "prepare");
    let catalog = place.catalog(&call).await?;
    let Some(info) = catalog.source.get(&head.source_table) else {
        return Err(EffectError::Table(format!(
            "source table `{}` is gone; exclude it, or restore it",
            head.source_table
        )));
    };
    let schema = info
        .schema
        .as_ref()
        .map_err(|error| EffectError::Table(error.to_string()))?;
    refuse_problems(place, catalog, task, schema)?;
    claim(place, catalog, task, window.after.is_none()).await?;
    let existing = catalog.destination.get(&head.destination_table);
    let known = existing.and_then(|table| table.schema.as_ref().ok());
    let lacks = |known: &TableSchema| {
        schema
            .columns
            .iter()
            .any(|c| known.column(&c.name).is_none())
    };
    if known.is_none_or(lacks) {
        let table = head.destination_table.as_str();
        if existing.is_none() {
            place
                .destination
                .create_table(&call, table, schema, &info.folder, &info.docstring)
                .await?;
        } else {
            place
                .destination
                .create_merge_table(&call, table, schema, "", "")
                .await?;
        }
        let found = place.destination.table_schema(&call, table).await?;
        check_columns(head, schema, found.as_ref())?;
    }
    let layout = Layout {
        schema: schema.clone(),
        encoding: choose(schema).0,
        retention: catalog.retention(&head.destination_table),
    };
    Ok(with_staging(place, task, layout))
}

/// The layout, and what follows of the staging table that it leaves: stored together, since
/// nothing is sent in between. Where something else comes first, that is decided anew.
fn with_staging(place: &Workplace, task: &Task, layout: Layout) -> Outcome {
    let read = ActivityEvent::LayoutRead { layout };
    let mut after = ActivityState {
        head: task.head.clone(),
        blocks: BTreeMap::new(),
    };
    let mut outcome = Outcome::event(read.clone());
    let fits = after.apply(read, task.now, &place.limits).is_ok();
    if fits && after.head.retired_staging.is_empty() {
        outcome.events.extend(next_staging(place, &after.head));
    }
    outcome
}

/// What is to be recorded of a starting table's staging before anything of it is sent; `None`
/// while a table is intended that is to be made.
fn next_staging(place: &Workplace, head: &Activity) -> Option<ActivityEvent> {
    let staging = head.staging.as_ref();
    match staging.map(|staging| (staging.state, staging.name.as_str())) {
        Some((StagingState::Intended, _)) => None,
        Some((StagingState::Ready, name)) => Some(ready(place, name)),
        None | Some((StagingState::Renewing | StagingState::Lost, _)) => {
            let name = staging_name(&place.incarnation, head, head.staging_generation + 1);
            Some(ActivityEvent::StagingIntended { name })
        }
    }
}

fn ready(place: &Workplace, name: &str) -> ActivityEvent {
    ActivityEvent::StagingReady {
        name: name.to_owned(),
        horizon: place.horizon,
    }
}

/// What may have changed at either side since the job began.
fn refuse_problems(
    place: &Workplace,
    catalog: &Catalog,
    task: &Task,
    schema: &TableSchema,
) -> Result<(), EffectError> {
    let head = &task.head;
    let copied = catalog.source_tables().collect();
    let pinned = task.table_id.as_deref().unwrap_or_default();
    let problem = catalog
        .another_table(&head.source_table, pinned)
        .or_else(|| catalog.source_problem(&head.source_table, place.force_incomplete_reads))
        .or_else(|| catalog.destination_problem(&head.destination_table, schema, &copied));
    problem.map_or(Ok(()), |problem| Err(EffectError::Table(problem)))
}

/// Creating answers success whatever columns an existing table has: only reading back tells.
fn check_columns(
    head: &Activity,
    wanted: &TableSchema,
    found: Option<&TableSchema>,
) -> Result<(), EffectError> {
    let fits = found.is_some_and(|found| {
        wanted
            .columns
            .iter()
            .all(|column| found.column(&column.name) == Some(column.ty))
    });
    if fits {
        return Ok(());
    }
    Err(EffectError::Table(format!(
        "destination table `{}` does not have the source's columns; rename or drop it",
        head.destination_table
    )))
}

/// Claims the destination table for this job. A first copy also wants it empty.
async fn claim(
    place: &Workplace,
    catalog: &Catalog,
    task: &Task,
    first: bool,
) -> Result<(), EffectError> {
    let table = task.head.destination_table.as_str();
    let ours = catalog
        .owner(table)
        .is_some_and(|owner| owner.incarnation == place.incarnation);
    if ours {
        return Ok(());
    }
    let call = task.call(place, "claim");
    if let Some(owner) = catalog.owner(table) {
        if !place.adopt_destination {
            return Err(owned(table, owner));
        }
        place.destination.release_table(&call, table).await?;
    }
    if first && !place.adopt_destination && catalog.destination.contains_key(table) {
        let rows = place.destination.count(&call, table).await?;
        if rows > 0 {
            return Err(EffectError::Table(format!(
                "destination table `{table}` holds {rows} rows already; empty it, or copy beside them with \
                 --adopt-destination"
            )));
        }
    }
    let marker = OwnerMarker {
        job: place.job.clone(),
        incarnation: place.incarnation.clone(),
        table: table.to_owned(),
    };
    match place.destination.claim_table(&call, &marker).await? {
        Claim::Ours => Ok(()),
        Claim::Theirs(owner) => Err(owned(table, &owner)),
    }
}

fn owned(table: &str, owner: &OwnerMarker) -> EffectError {
    EffectError::Table(format!(
        "destination table `{table}` is written by another job ({}, incarnation {}); end that job, or take the \
         table over with --adopt-destination",
        owner.job, owner.incarnation
    ))
}

async fn make_staging(
    place: &Workplace,
    task: &Task,
    layout: &Layout,
    name: &str,
) -> Result<(), EffectError> {
    let call = task.call(place, "staging");
    let table = task.head.destination_table.as_str();
    let destination_schema = place
        .destination
        .table_schema(&call, table)
        .await?
        .ok_or_else(|| EffectError::Table(format!("destination table `{table}` is gone")))?;
    let request = StagingRequest {
        name,
        destination: table,
        destination_schema: &destination_schema,
        schema: &layout.schema,
        encoding: layout.encoding,
        incarnation: &place.incarnation,
        row_level_security: place.catalog(&call).await?.destination_is_secured(table),
        expiry: task
            .now
            .ticks()
            .saturating_add(STAGING_DAYS * TICKS_PER_DAY),
    };
    let created = place.destination.staging_create(&call, &request).await;
    created.map_err(EffectError::Script)?;
    let found = place.destination.staging_faults(&call, &request).await?;
    if found.faults.is_empty() {
        return Ok(());
    }
    Err(EffectError::Table(format!(
        "staging table `{name}` is not as it must be: {}; drop it at the destination, then retry",
        found.faults.join(", ")
    )))
}

/// Whether somebody dropped a staging table that was ready. Asked only after something that needs
/// it was refused.
pub(super) async fn is_lost(
    place: &Workplace,
    task: &Task,
    name: &str,
) -> Result<bool, EffectError> {
    let call = task.call(place, "staging");
    Ok(place.destination.table_schema(&call, name).await?.is_none())
}

/// The event of a staging table that is gone.
pub(super) fn lost(name: &str) -> ActivityEvent {
    ActivityEvent::StagingLost {
        name: name.to_owned(),
    }
}
