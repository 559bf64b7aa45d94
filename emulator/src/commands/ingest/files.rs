//! `.ingest into` and `.ingest inline`: files or text become extents in one commit.
//!
//! Intent and repetition: nothing guards against a second run except `ingestIfNotExists`; a caller
//! that must not ingest twice gives a tag of its own and looks for it. All files of a command and
//! all that update policies derive from them are committed together or not at all.

use std::time::Instant;

use kusto_emulator_commands::{Ingest, IngestInline, Properties, StorageUri};
use kusto_emulator_values::{ScalarType, Table, Value};
use uuid::Uuid;

use super::checks::check_streaming;
use super::cut::{Loaded, cut, deliver_twice};
use super::options::IngestOptions;
use super::read::Target;
use crate::clock::{now_ticks, ticks};
use crate::commands::rows::rows_table;
use crate::commands::update_policy::{append_derived, derive_from_new};
use crate::commands::{Execution, storage_failures};
use crate::error::KustoError;
use crate::faults::FaultKind;
use crate::model::NewExtent;
use crate::storage::Storage;

/// The columns of the answer, one row an extent.
const COLUMNS: [(&str, ScalarType); 5] = [
    ("ExtentId", ScalarType::Guid),
    ("ItemLoaded", ScalarType::String),
    ("Duration", ScalarType::TimeSpan),
    ("HasErrors", ScalarType::Bool),
    ("OperationId", ScalarType::Guid),
];

/// What stands between the files of one extent in `ItemLoaded`. Kusto documents that several files
/// can be listed there, and not how.
const ITEM_SEPARATOR: &str = "\r\n";

/// Reads files from storage and ingests them.
///
/// # Errors
/// A missing table or file, wrong properties, or a file that is malformed; nothing is ingested then.
pub(crate) async fn ingest(context: &Execution, command: &Ingest) -> Result<Table, KustoError> {
    let started = Instant::now();
    let (target, options) = prepare(context, &command.table, &command.properties)?;
    if is_present(context, &command.table, &options)? {
        return result(context, started, Vec::new(), false);
    }
    let storage = context.engine.storage();
    let sources = command.sources.clone();
    let mut files = tokio::task::spawn_blocking(move || {
        let files = sources.iter();
        files
            .map(|source| load(&storage, source, &target))
            .collect::<Result<Vec<_>, _>>()
    })
    .await
    .map_err(|_| KustoError::service("Reading the files was interrupted."))??;
    let faults = &context.engine.faults;
    let strike = |kind| faults.strike(kind, "IngestIntoTable", &context.request.text);
    if strike(FaultKind::DeliverTwice).is_some() {
        deliver_twice(&mut files);
    }
    let is_partial = strike(FaultKind::PartialIngestion).is_some();
    if is_partial {
        files.pop();
    }
    let extents = commit(context, &command.table, &options, &files).await?;
    result(context, started, extents, is_partial)
}

/// Ingests the text of a command.
///
/// # Errors
/// As for [`ingest`].
pub(crate) async fn ingest_inline(
    context: &Execution,
    command: &IngestInline,
) -> Result<Table, KustoError> {
    let started = Instant::now();
    let (target, options) = prepare(context, &command.table, &command.properties)?;
    if is_present(context, &command.table, &options)? {
        return result(context, started, Vec::new(), false);
    }
    let batches = target.read(command.data.clone().into_bytes(), "inline")?;
    let path = format!("inproc:{}", Uuid::new_v4());
    let files = [Loaded { path, batches }];
    let extents = commit(context, &command.table, &options, &files).await?;
    result(context, started, extents, false)
}

/// Ingests a request's body (the streaming endpoint) and answers the number of rows.
///
/// # Errors
/// As for [`ingest`], and a table whose policy does not allow it.
pub(crate) async fn ingest_body(
    context: &Execution,
    table: &str,
    properties: &Properties,
    body: &[u8],
) -> Result<usize, KustoError> {
    let (target, options) = prepare(context, table, properties)?;
    context.database()?.read(|database| {
        let policy = database.effective_policy(database.table(table)?, "streamingingestion");
        check_streaming(table, &policy)
    })?;
    let batches = target.read(body.to_vec(), "stream")?;
    let path = format!("inproc:{}", Uuid::new_v4());
    let files = [Loaded { path, batches }];
    commit(context, table, &options, &files).await?;
    Ok(files.iter().map(Loaded::rows).sum())
}

fn prepare(
    context: &Execution,
    table: &str,
    properties: &Properties,
) -> Result<(Target, IngestOptions), KustoError> {
    context.database()?.read(|database| {
        let held = database.table(table)?;
        let options = IngestOptions::of(properties, database, held, now_ticks())?;
        Ok((Target::of(held, &options)?, options))
    })
}

fn is_present(
    context: &Execution,
    table: &str,
    options: &IngestOptions,
) -> Result<bool, KustoError> {
    context
        .database()?
        .read(|database| Ok(options.is_present_in(database.table(table)?)))
}

fn load(storage: &dyn Storage, source: &StorageUri, target: &Target) -> Result<Loaded, KustoError> {
    let bytes = storage
        .read(source.expose())
        .map_err(storage_failures::of_download)?;
    let path = source.location().to_owned();
    let batches = target.read(bytes, &path)?;
    Ok(Loaded { path, batches })
}

/// One extent that was made, and its files.
struct Made {
    id: Uuid,
    paths: Vec<String>,
}

/// Appends the files and what update policies derive from them, in one commit.
async fn commit(
    context: &Execution,
    table: &str,
    options: &IngestOptions,
    files: &[Loaded],
) -> Result<Vec<Made>, KustoError> {
    let max_rows = context.engine.settings().ingestion.max_rows_per_extent;
    let cuts = cut(files, max_rows);
    let (extents, paths): (Vec<NewExtent>, Vec<Vec<String>>) = cuts
        .into_iter()
        .map(|cut| {
            let extent = NewExtent {
                batches: cut.batches,
                tags: options.tags.clone(),
                created_on: options.created_on,
            };
            (extent, cut.paths)
        })
        .unzip();
    let derived = derive_from_new(context, table, &extents).await?;
    let database = context.database()?;
    let ids = context.engine.commit(&database, |transaction| {
        // Another ingestion may have brought the tag since the first look.
        if options.is_present_in(transaction.database().table(table)?) {
            return Ok(Vec::new());
        }
        let ids = transaction.append(table, extents)?;
        append_derived(transaction, derived)?;
        Ok(ids)
    })?;
    let made = ids.into_iter().zip(paths);
    Ok(made.map(|(id, paths)| Made { id, paths }).collect())
}

fn result(
    context: &Execution,
    started: Instant,
    made: Vec<Made>,
    has_errors: bool,
) -> Result<Table, KustoError> {
    let duration = ticks(started.elapsed());
    let row = |id: Uuid, items: String| {
        vec![
            Value::Guid(id.to_string()),
            Value::string(items),
            Value::TimeSpan(duration),
            Value::Bool(has_errors),
            Value::Guid(context.operation_id.to_string()),
        ]
    };
    if made.is_empty() {
        return rows_table(&COLUMNS, [row(Uuid::nil(), String::new())]);
    }
    let rows = made
        .into_iter()
        .map(|made| row(made.id, made.paths.join(ITEM_SEPARATOR)));
    rows_table(&COLUMNS, rows)
}
