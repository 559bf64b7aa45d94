//! Exports and what is asked of the source beside them.
//!
//! Intent: the block is `Exporting` with an attempt of its own prefix. Lost answer: the attempt
//! is abandoned and its files are never read. Twice: never, since the transport does not repeat
//! it and whoever finds the intent without its sender abandons it. A stale worker's export an
//! hour later writes under a prefix that nobody reads.

use std::collections::BTreeMap;

use kusto_copy_core::block::{
    Block, BlockEvent, BlockState, ExportedFile, Failure, Manifest, ManifestFiles, Mode,
};
use kusto_copy_core::decide::LostValues;
use kusto_copy_core::limits::Verify;
use kusto_copy_core::vocabulary::{OperationId, Predicate, ScalarType};
use kusto_copy_kusto::KustoError;
use kusto_copy_kusto::commands::values::ValueCheck;
use kusto_copy_kusto::kql::export::ExportRequest;
use kusto_copy_kusto::kql::values::Scope;
use kusto_copy_staging::digest;

use super::identity::ensure_same_table;
use super::names::attempt_folder;
use super::{EffectError, Outcome, Task, Workplace, unprepared, unsent_or_lost};

/// Manifests of at most so many files are stored in the block itself.
const INLINE_FILES: usize = 12;

pub(super) fn block_predicate(task: &Task, block: &Block) -> Predicate {
    Predicate {
        window: task.head.phase.window().clone(),
        slice: block.slice.clone(),
    }
}

pub(super) async fn export(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let block = task.block()?;
    let (BlockState::Exporting { attempt, mode, .. }, Some(layout)) =
        (&block.state, task.head.phase.layout())
    else {
        return Ok(Outcome::default());
    };
    let attempt = *attempt;
    let targets = match targets(place, task, block, attempt).await {
        Ok(targets) => targets,
        // Nothing was sent.
        Err(error) => {
            return Ok(unprepared(
                block.number,
                attempt,
                &error,
                task,
                &place.limits,
            ));
        }
    };
    let predicate = block_predicate(task, block);
    let request = ExportRequest {
        table: &task.head.source_table,
        schema: &layout.schema,
        predicate: &predicate,
        encoding: layout.encoding,
        targets: &targets,
        size_limit: place.limits.block_bytes.clamp(100 << 20, 4 << 30),
    };
    let call = task.call(place, "export");
    let sent = match mode {
        Mode::Sync => match place.source.export_now(&call, &request).await {
            Ok(files) => Ok(reported(place, task, block, attempt, files).await),
            Err(error) => Err(error),
        },
        Mode::Async => place
            .source
            .export_start(&call, &request)
            .await
            .map(|operation| {
                Ok(Outcome::block(
                    block.number,
                    BlockEvent::Started { attempt, operation },
                ))
            }),
    };
    match sent {
        Ok(outcome) => outcome,
        Err(error) => Ok(unsent_or_lost(
            block.number,
            attempt,
            &error,
            task,
            &place.limits,
        )),
    }
}

async fn targets(
    place: &Workplace,
    task: &Task,
    block: &Block,
    attempt: u32,
) -> Result<Vec<kusto_copy_kusto::Secret>, EffectError> {
    let folder = attempt_folder(&place.incarnation, &task.head, block.number, attempt)?;
    let targets = place.lake.export_targets(&folder).await?;
    Ok(targets
        .iter()
        .map(|target| kusto_copy_kusto::Secret::new(target.expose()))
        .collect())
}

pub(super) async fn read(
    place: &Workplace,
    task: &Task,
    operation: &OperationId,
) -> Result<Outcome, EffectError> {
    let block = task.block()?;
    let BlockState::Exporting { attempt, .. } = &block.state else {
        return Ok(Outcome::default());
    };
    match place
        .source
        .export_details(&task.call(place, "export-details"), operation)
        .await
    {
        Ok(files) => reported(place, task, block, *attempt, files).await,
        Err(KustoError::NotFound { .. } | KustoError::Permanent { .. }) => {
            let failure = Failure::OperationForgotten;
            Ok(Outcome::block(
                block.number,
                BlockEvent::Failed {
                    attempt: *attempt,
                    failure,
                },
            ))
        }
        Err(error) => Err(error.into()),
    }
}

/// Records the files with rows: an empty one cannot be ingested and holds nothing.
async fn reported(
    place: &Workplace,
    task: &Task,
    block: &Block,
    attempt: u32,
    files: Vec<kusto_copy_kusto::commands::export::ExportedFile>,
) -> Result<Outcome, EffectError> {
    let mut files: Vec<ExportedFile> = files
        .into_iter()
        .filter(|file| file.rows > 0)
        .map(|file| ExportedFile {
            path: file.path,
            rows: file.rows,
            bytes: file.bytes.unwrap_or(0),
        })
        .collect();
    // Whoever reads the result again writes the same list.
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let rows = files.iter().map(|file| file.rows).sum();
    let bytes = files.iter().map(|file| file.bytes).sum();
    let files = if files.len() <= INLINE_FILES {
        ManifestFiles::Inline(files)
    } else {
        stored(place, task, block, attempt, &files).await?
    };
    let manifest = Manifest { files, rows, bytes };
    Ok(Outcome::block(
        block.number,
        BlockEvent::ExportReported { attempt, manifest },
    ))
}

async fn stored(
    place: &Workplace,
    task: &Task,
    block: &Block,
    attempt: u32,
    files: &[ExportedFile],
) -> Result<ManifestFiles, EffectError> {
    let name = attempt_folder(&place.incarnation, &task.head, block.number, attempt)?
        .object("manifest.json")?;
    let contents = serde_json::to_vec(files)
        .map_err(|error| EffectError::Table(format!("a manifest cannot be written: {error}")))?;
    match place.lake.put_if_absent(&name, &contents).await? {
        kusto_copy_staging::Put::Created | kusto_copy_staging::Put::Identical => {}
        kusto_copy_staging::Put::Different => {
            return Err(EffectError::Table(format!(
                "the manifest `{name}` exists with other contents"
            )));
        }
    }
    Ok(ManifestFiles::Stored {
        name: name.as_str().to_owned(),
        sha256: digest(&contents),
        count: u32::try_from(files.len()).unwrap_or(u32::MAX),
    })
}

pub(super) async fn check_values(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let block = task.block()?;
    let Some(layout) = task.head.phase.layout() else {
        return Ok(Outcome::default());
    };
    let predicate = block_predicate(task, block);
    let call = task.call(place, "check");
    let (table, schema) = (&task.head.source_table, &layout.schema);
    let scope = Scope::Block(&predicate);
    let none = BTreeMap::new();
    let (mut found, content) = if place.limits.verify == Verify::Fingerprint {
        let asked = place.source.fingerprint(&call, table, schema, scope, &none);
        let read = asked.await?;
        let (content, rows, lost) = (read.content(), read.rows, read.lost);
        (ValueCheck { rows, lost }, Some(content))
    } else {
        let asked = place.source.value_check(&call, table, schema, scope, &none);
        (asked.await?, None)
    };
    if !found.lost.is_empty() {
        // Values are cut where they are ingested: staging keeps the sizes that the destination had
        // when staging was made, whatever the destination keeps by now.
        let ingested_into = task
            .head
            .staging
            .as_ref()
            .map_or(&task.head.destination_table, |staging| &staging.name);
        let limits = place
            .destination
            .value_size_limits(&call, ingested_into)
            .await?;
        if !limits.is_empty() {
            found = place
                .source
                .value_check(&call, table, schema, scope, &limits)
                .await?;
        }
    }
    if block.group.is_some() && found.rows < block.planned_rows {
        // A merge at the source changed the extents that the predicate names: rows that were
        // exported before it would pass unseen. The group is planned anew.
        let failure = Failure::Count {
            planned: block.planned_rows,
            exported: found.rows,
        };
        let attempt = block.attempts;
        return Ok(Outcome::block(
            block.number,
            BlockEvent::Failed { attempt, failure },
        ));
    }
    let Some(lost) = found.lost.into_iter().next() else {
        let staging = task.head.staging_generation;
        let event = BlockEvent::ValuesPassed { staging, content };
        return Ok(Outcome::block(block.number, event));
    };
    let lost = LostValues {
        column: lost.column,
        count: lost.rows,
        what: "they do not convert back from their text, or are longer than the destination keeps"
            .to_owned(),
    };
    Ok(Outcome {
        values: Some((block.number, lost)),
        ..Outcome::default()
    })
}

pub(super) async fn recount(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let block = task.block()?;
    let (
        BlockState::Exported {
            attempt, manifest, ..
        },
        Some(layout),
    ) = (&block.state, task.head.phase.layout())
    else {
        return Ok(Outcome::default());
    };
    let predicate = block_predicate(task, block);
    let call = task.call(place, "recount");
    let found = place
        .source
        .bounds(&call, &task.head.source_table, &layout.schema, &predicate)
        .await?;
    if found.rows == manifest.rows {
        // It will be taken as the source's own change: not the rows of another table.
        ensure_same_table(place, task).await?;
    }
    Ok(Outcome::block(
        block.number,
        BlockEvent::Recounted {
            attempt: *attempt,
            rows: found.rows,
        },
    ))
}

/// Types some of whose values may not come back from their text, or not in full length.
const fn can_lose(ty: ScalarType) -> bool {
    matches!(
        ty,
        ScalarType::Real | ScalarType::String | ScalarType::Dynamic | ScalarType::Decimal
    )
}

/// Whether a table's blocks must be checked at all: types whose every value has a text that
/// converts back need no question but for what they hold, where that is compared.
pub(crate) fn needs_value_check(
    layout: &kusto_copy_core::activity::Layout,
    verify: Verify,
) -> bool {
    let mut columns = layout.schema.columns.iter();
    match verify {
        Verify::Counts => false,
        Verify::Values => columns.any(|column| can_lose(column.ty)),
        Verify::Fingerprint => true,
    }
}
