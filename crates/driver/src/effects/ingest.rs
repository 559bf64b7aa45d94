//! Ingestions into staging, and the removal of what abandoned attempts staged.
//!
//! Intent: the block is `Ingesting` with a tag that no other send carries. Lost answer or stale
//! worker: whatever appears under an abandoned tag is dropped and never moved. Judged only when
//! the operation is terminal, by files, rows and extents together.

use std::collections::BTreeMap;

use kusto_copy_core::block::{
    Block, BlockEvent, BlockState, ExportedFile, Failure, IngestReport, ItemLoaded, Manifest,
    ManifestFiles, Mode, StagedExtents, judge_ingestion,
};
use kusto_copy_core::limits::Verify;
use kusto_copy_core::vocabulary::{AttemptTag, OperationId};
use kusto_copy_kusto::KustoError;
use kusto_copy_kusto::kql::ingest::IngestRequest;
use kusto_copy_kusto::kql::values::Scope;
use kusto_copy_staging::{ObjectName, StorageUri, digest};

use super::names::block_folder;
use super::prepare::{is_lost, lost};
use super::staged::{Haste, look, staging};
use super::tidy::in_vain;
use super::{EffectError, Outcome, Task, Workplace, unprepared, unsent_or_lost};

/// Times that the drop of an attempt is repeated within one action.
const DROPS: usize = 3;

/// The manifest's files; a stored list must be the one that was recorded.
async fn files(place: &Workplace, manifest: &Manifest) -> Result<Vec<ExportedFile>, EffectError> {
    match &manifest.files {
        ManifestFiles::Inline(files) => Ok(files.clone()),
        ManifestFiles::Stored { name, sha256, .. } => {
            let contents = place
                .lake
                .get(&ObjectName::new(name)?)
                .await?
                .unwrap_or_default();
            if digest(&contents) != *sha256 {
                return Err(EffectError::Table(format!(
                    "the manifest `{name}` is gone or was changed"
                )));
            }
            serde_json::from_slice(&contents).map_err(|error| {
                EffectError::Table(format!("the manifest `{name}` cannot be read: {error}"))
            })
        }
    }
}

/// The manifest's files with the addresses that are handed to the cluster.
async fn addresses(
    place: &Workplace,
    task: &Task,
    block: &Block,
    files: &[ExportedFile],
) -> Result<Vec<StorageUri>, EffectError> {
    let folder = block_folder(&place.incarnation, &task.head, block.number)?;
    let mut uris = Vec::with_capacity(files.len());
    for file in files {
        uris.push(place.lake.ingest_uri(&file.path, &folder).await?);
    }
    Ok(uris)
}

/// What an ingestion needs before anything is sent: its files, their addresses, its table.
async fn prepared<'a>(
    place: &Workplace,
    task: &'a Task,
    block: &Block,
    manifest: &Manifest,
) -> Result<(Vec<ExportedFile>, Vec<StorageUri>, &'a str), EffectError> {
    let files = files(place, manifest).await?;
    let uris = addresses(place, task, block, &files).await?;
    Ok((files, uris, staging(task)?))
}

/// Whether files of a group's member are gone: deleted by somebody, or by a rule of the storage
/// account. They are all that it can go on with, so it would only fail again. To look takes a
/// request a file: it is done once an attempt has failed. What cannot be looked at is tried.
async fn are_gone(place: &Workplace, task: &Task, block: &Block, files: &[ExportedFile]) -> bool {
    if block.group.is_none() || block.last_failure.is_none() {
        return false;
    }
    let Ok(folder) = block_folder(&place.incarnation, &task.head, block.number) else {
        return false;
    };
    for file in files {
        if let Ok(None) = place.lake.staged_size(&file.path, &folder).await {
            return true;
        }
    }
    false
}

pub(super) async fn ingest(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let block = task.block()?;
    let (
        BlockState::Ingesting {
            attempt,
            manifest,
            tag,
            mode,
            ..
        },
        Some(layout),
    ) = (&block.state, task.head.phase.layout())
    else {
        return Ok(Outcome::default());
    };
    let (files, uris, table) = match prepared(place, task, block, manifest).await {
        Ok(prepared) => prepared,
        // Nothing was sent.
        Err(error) => {
            return Ok(unprepared(
                block.number,
                *attempt,
                &error,
                task,
                &place.limits,
            ));
        }
    };
    if are_gone(place, task, block, &files).await {
        let (attempt, failure) = (*attempt, Failure::FilesGone);
        let event = BlockEvent::Failed { attempt, failure };
        return Ok(Outcome::block(block.number, event));
    }
    let secrets: Vec<_> = uris
        .iter()
        .map(|uri| kusto_copy_kusto::Secret::new(uri.expose()))
        .collect();
    let request = IngestRequest {
        table,
        files: &secrets,
        encoding: layout.encoding,
        tag,
        creation_time: block.creation_time,
    };
    let call = task.call(place, "ingest");
    let sent = match mode {
        Mode::Async => match place.destination.ingest_start(&call, &request).await {
            Ok(operation) => {
                let event = BlockEvent::Started {
                    attempt: *attempt,
                    operation,
                };
                return Ok(Outcome::block(block.number, event));
            }
            Err(error) => Err(error),
        },
        Mode::Sync => place.destination.ingest_now(&call, &request).await,
    };
    match sent {
        Ok(items) => {
            // After the answer: nothing is added under the tag any more.
            let staged = look(place, task, tag, Haste::Now).await;
            judged(place, task, block, (&files, &uris), items, staged).await
        }
        Err(error) => Ok(not_sent(place, task, block, *attempt, &error).await),
    }
}

/// A send that failed; where staging is gone, that too.
async fn not_sent(
    place: &Workplace,
    task: &Task,
    block: &Block,
    attempt: u32,
    error: &KustoError,
) -> Outcome {
    let mut outcome = unsent_or_lost(block.number, attempt, error, task, &place.limits);
    // What cannot be asked now is asked when the attempt's extents are dropped.
    if let (true, Ok(table)) = (is_refusal(error), staging(task))
        && is_lost(place, task, table).await.unwrap_or(false)
    {
        outcome.events.push(lost(table));
    }
    outcome
}

/// Whether a command was refused as such: what it names may be gone.
const fn is_refusal(error: &KustoError) -> bool {
    matches!(
        error,
        KustoError::NotFound { .. } | KustoError::Permanent { .. }
    )
}

pub(super) async fn read(
    place: &Workplace,
    task: &Task,
    operation: &OperationId,
) -> Result<Outcome, EffectError> {
    let block = task.block()?;
    let BlockState::Ingesting {
        attempt,
        manifest,
        tag,
        ..
    } = &block.state
    else {
        return Ok(Outcome::default());
    };
    let files = files(place, manifest).await?;
    let uris = addresses(place, task, block, &files).await?;
    // The operation was seen to have completed: its details and what it staged stand.
    let call = task.call(place, "ingest-details");
    let (details, staged) = tokio::join!(
        place.destination.ingest_details(&call, operation),
        look(place, task, tag, Haste::Gather),
    );
    match details {
        Ok(items) => judged(place, task, block, (&files, &uris), items, staged).await,
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

/// Reports what the ingestion answered and what was staged after its end.
async fn judged(
    place: &Workplace,
    task: &Task,
    block: &Block,
    (files, uris): (&[ExportedFile], &[StorageUri]),
    items: Vec<kusto_copy_kusto::commands::ingest::IngestedItem>,
    staged: Result<StagedExtents, EffectError>,
) -> Result<Outcome, EffectError> {
    let BlockState::Ingesting { attempt, .. } = &block.state else {
        return Ok(Outcome::default());
    };
    let reported: BTreeMap<&str, &str> = uris
        .iter()
        .zip(files)
        .map(|(uri, file)| (uri.address(), file.path.as_str()))
        .collect();
    // The cluster names a file by the address it was handed; the manifest by the export's path.
    let of_manifest = |path: String| {
        reported
            .get(path.as_str())
            .map_or(path.clone(), |known| (*known).to_owned())
    };
    let items = items
        .into_iter()
        .map(|item| ItemLoaded {
            extent: item.extent,
            paths: item.paths.into_iter().map(of_manifest).collect(),
            has_errors: item.has_errors,
        })
        .collect();
    let staged = match staged {
        Err(EffectError::Kusto(error)) if is_refusal(&error) => {
            let table = staging(task)?;
            if !is_lost(place, task, table).await? {
                return Err(error.into());
            }
            let failure = Failure::StagingLost;
            let attempt = *attempt;
            let mut outcome = Outcome::block(block.number, BlockEvent::Failed { attempt, failure });
            outcome.events.push(lost(table));
            return Ok(outcome);
        }
        staged => staged?,
    };
    let report = IngestReport { items, staged };
    if place.limits.verify == Verify::Fingerprint
        && let Ok(extents) = judge_ingestion(files, &report)
        && !same_content(place, task, block, &extents).await?
    {
        let event = BlockEvent::Failed {
            attempt: *attempt,
            failure: Failure::Fingerprint,
        };
        return Ok(Outcome::block(block.number, event));
    }
    let event = BlockEvent::IngestReported {
        attempt: *attempt,
        files: files.to_vec(),
        report,
    };
    Ok(Outcome::block(block.number, event))
}

/// Whether what was staged is what the source held when the block's values were checked.
async fn same_content(
    place: &Workplace,
    task: &Task,
    block: &Block,
    extents: &[kusto_copy_core::vocabulary::ExtentId],
) -> Result<bool, EffectError> {
    let Some(layout) = task.head.phase.layout() else {
        return Ok(false);
    };
    let Some(content) = &block.content else {
        // Only a group that was begun while contents were not compared yet is ingested without:
        // the source may no longer know its extents.
        return Ok(block.group.is_some());
    };
    let call = task.call(place, "fingerprint");
    let limits = place
        .destination
        .value_size_limits(&call, &task.head.destination_table)
        .await?;
    let (table, schema) = (staging(task)?, &layout.schema);
    let scope = Scope::Extents(extents);
    let staged = place
        .destination
        .fingerprint(&call, table, schema, scope, &limits)
        .await?;
    Ok(staged.content() == *content && staged.lost.is_empty())
}

/// Drops what an abandoned attempt staged. Never for an attempt that has a move intent: the
/// block would not be `Abandoning`. Safe to repeat; what a late ingestion stages afterwards under
/// the tag is in nobody's move and goes with the staging table.
pub(super) async fn drop_staged(
    place: &Workplace,
    task: &Task,
    tag: &AttemptTag,
) -> Result<Outcome, EffectError> {
    let block = task.block()?;
    let BlockState::Abandoning { attempt, .. } = &block.state else {
        return Ok(Outcome::default());
    };
    let gone = Outcome::block(
        block.number,
        BlockEvent::NothingStaged { attempt: *attempt },
    );
    let table = staging(task)?;
    for _ in 0..DROPS {
        let looked = match look(place, task, tag, Haste::Now).await {
            Err(EffectError::Kusto(error)) if is_refusal(&error) => {
                if !is_lost(place, task, table).await? {
                    return Err(error.into());
                }
                let mut gone = gone;
                gone.events.push(lost(table));
                return Ok(gone);
            }
            looked => looked?,
        };
        if looked.extents.is_empty() {
            return Ok(gone);
        }
        place
            .destination
            .drop_staged(&task.call(place, "drop-staged"), table, tag)
            .await?;
    }
    let what = format!(
        "rows of an abandoned attempt are still in the staging table `{table}`, though the cluster \
         answers that they were dropped; look at the extents with the tag {}",
        tag.as_str()
    );
    Ok(in_vain(place, Some(block.number), what))
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::activity::ActivityEvent;
    use kusto_copy_core::block::{Group, Sending};
    use kusto_copy_core::decide::Action;
    use kusto_copy_core::vocabulary::{BlockNumber, Millis, Slice, Ticks};

    use super::super::execute;
    use super::super::testing::{self, Cluster};
    use super::*;

    /// A member of a group whose only file is not in the lake.
    async fn outcome(last_failure: Option<Failure>) -> (Outcome, usize) {
        let cluster = Cluster::start(0, "now");
        let place = testing::place(&cluster).await;
        let number = BlockNumber(0);
        let mut task = testing::staged(Action::Ingest { block: number });
        let folder = block_folder(&place.incarnation, &task.head, number).expect("a folder");
        let targets = place.lake.export_targets(&folder).await.expect("a place");
        let mut block = Block::planned(number, Slice::missing(), 1, 1, Ticks(0), Millis(0));
        block.group = Some(Group {
            first: number,
            members: 2,
        });
        block.last_failure = last_failure;
        block.state = BlockState::Ingesting {
            attempt: 1,
            manifest: Manifest {
                files: ManifestFiles::Inline(vec![ExportedFile {
                    path: format!("{}/gone.csv.gz", targets[0].address()),
                    rows: 1,
                    bytes: 1,
                }]),
                rows: 1,
                bytes: 1,
            },
            tag: testing::tag(),
            mode: Mode::Sync,
            sending: Sending::Intended {
                epoch: 1,
                at: Millis(0),
            },
        };
        task.blocks = vec![block];
        (execute(place, task).await, cluster.commands())
    }

    #[tokio::test]
    async fn files_that_are_gone_are_told_once_an_attempt_has_failed() {
        let gone = ActivityEvent::Block {
            number: BlockNumber(0),
            event: BlockEvent::Failed {
                attempt: 1,
                failure: Failure::FilesGone,
            },
        };
        let (told, sent) = outcome(Some(Failure::IngestErrors)).await;
        assert_eq!((told.events, sent), (vec![gone.clone()], 0));
        let (told, sent) = outcome(None).await;
        assert!(sent > 0, "the first attempt does not look");
        assert!(!told.events.contains(&gone), "{told:?}");
    }
}
