//! The end of a table's tidying, without a cluster: a lake that refuses, files that come late.

use std::sync::Arc;

use async_trait::async_trait;
use kusto_copy_core::activity::{ActivityState, Encoding, Layout, Phase};
use kusto_copy_core::database::{DatabaseEvent, DueMarker, Sweep, TableRecord};
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Millis, TableSchema, Window};
use kusto_copy_kusto::NoCredentials;
use kusto_copy_staging::{
    Deleted, Lake, LakeError, Listed, LocalLake, ObjectName, Prefix, Put, StorageUri,
};
use kusto_copy_store::{Key, MemoryStore, Row, Store, Transaction};
use tokio::sync::watch;

use crate::clock::now;
use crate::effects::files_of_iteration;
use crate::job::{DatabasePair, Job, JobDefinition, RunOptions};
use crate::persist::{
    JobRecord, StoredActivity, StoredDatabase, database_partition, job_key, put, read,
    write_or_read,
};
use crate::report::Report;
use crate::step::{StepOutcome, StepReport};
use crate::{Control, Style};

const INCARNATION: &str = "0badcafe";

/// A lake that deletes nothing.
struct Refusing(LocalLake);

#[async_trait]
impl Lake for Refusing {
    async fn put_if_absent(&self, name: &ObjectName, contents: &[u8]) -> Result<Put, LakeError> {
        self.0.put_if_absent(name, contents).await
    }

    async fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>, LakeError> {
        self.0.get(name).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Listed>, LakeError> {
        self.0.list(prefix).await
    }

    async fn export_targets(&self, prefix: &Prefix) -> Result<Vec<StorageUri>, LakeError> {
        self.0.export_targets(prefix).await
    }

    async fn ingest_uri(&self, reported: &str, under: &Prefix) -> Result<StorageUri, LakeError> {
        self.0.ingest_uri(reported, under).await
    }

    async fn staged_size(&self, reported: &str, under: &Prefix) -> Result<Option<u64>, LakeError> {
        self.0.staged_size(reported, under).await
    }

    async fn delete_prefix(&self, prefix: &Prefix) -> Result<Deleted, LakeError> {
        Err(LakeError::Denied {
            what: format!("deleting {prefix}"),
            source: None,
        })
    }
}

fn job() -> Job {
    let mut options = RunOptions {
        continuous: true,
        rpo: std::time::Duration::from_secs(3_600),
        ..RunOptions::default()
    };
    options.style = Style::Throughput;
    options.retry_held = false;
    options.limits.retry_pause = 0;
    Job {
        definition: JobDefinition {
            source: "http://127.0.0.1:1".to_owned(),
            destination: "http://127.0.0.1:2".to_owned(),
            databases: vec![DatabasePair {
                source: "A".to_owned(),
                destination: "B".to_owned(),
            }],
        },
        options,
        credentials: Arc::new(NoCredentials),
    }
}

fn window() -> Window {
    Window {
        after: None,
        up_to: Cursor("c1".to_owned()),
    }
}

/// A table that completed an iteration in which an answer was lost; its files are left.
async fn completed(store: &dyn Store) -> ActivityId {
    let record = JobRecord {
        definition: job().definition,
        incarnation: INCARNATION.to_owned(),
    };
    let key = job_key().expect("a key");
    let written = write_or_read(store, &key, record, None).await;
    written.expect("stored");
    let window = window();
    let mut state = ActivityState::begin("A", "T", "B", "T", 1, window.clone(), None, 1, now());
    let columns = Vec::new();
    state.head.phase = Phase::Completed {
        window: window.clone(),
        layout: Layout {
            schema: TableSchema { columns },
            encoding: Encoding::Csv,
            retention: None,
        },
        at: now(),
    };
    state.head.may_come_late = true;
    let id = state.head.id.clone();
    let mut activity = StoredActivity::new(state);
    activity.flush(store).await.expect("stored");
    let mut database = StoredDatabase::load(store, "A", "B", 1)
        .await
        .expect("loads");
    let read = DatabaseEvent::CursorRead {
        source_id: "1".to_owned(),
        cursor_end: Cursor("c1".to_owned()),
        read_at: now(),
    };
    database.apply(store, read).await.expect("opens");
    let due = serde_json::json!({
        "activity": id, "iteration": 1, "source_table": "T", "destination_table": "T",
        "table_id": "1", "window": window, "rows_copied": 0, "blocks_copied": 0, "bytes_copied": 0,
    });
    let table: TableRecord = serde_json::from_value(due.clone()).expect("a table");
    let marker: DueMarker = serde_json::from_value(due).expect("a marker");
    let marked = database.mark_due(store, vec![(table, marker)]).await;
    marked.expect("marks");
    let applied = database.apply(store, DatabaseEvent::Marked).await;
    applied.expect("runs");
    let completed = database.complete(store, &id, |_| {}).await;
    completed.expect("completes");
    let applied = database.apply(store, DatabaseEvent::Committed).await;
    applied.expect("commits");
    id
}

async fn step(store: &Arc<dyn Store>, lake: Arc<dyn Lake>) -> StepReport {
    let (_stop, stop) = watch::channel(false);
    let (progress, _) = watch::channel(Report::default());
    let control = Control { progress, stop };
    let stepped = crate::step(job(), Arc::clone(store), lake, control).await;
    stepped.expect("no cluster is asked")
}

async fn lake(dir: &tempfile::TempDir) -> LocalLake {
    let path = dir.path().to_str().expect("a path");
    LocalLake::open(path).await.expect("a lake")
}

#[tokio::test(start_paused = true)]
async fn a_lake_that_refuses_holds_the_table_with_the_remedy_and_does_not_end_the_step() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    completed(store.as_ref()).await;
    let dir = tempfile::tempdir().expect("a folder");
    let ended = step(&store, Arc::new(Refusing(lake(&dir).await))).await;
    assert_eq!(ended.outcome, StepOutcome::Held);
    let error = ended.report.tables[0].error.clone().unwrap_or_default();
    assert!(error.contains("no permission for deleting"), "{error}");
    assert!(error.contains("grant it"), "{error}");
    let notes = &ended.report.tables[0].notes;
    let told = |note: &String| note.contains("tried 6 times");
    assert!(notes.iter().any(told), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_is_deleted_once_more() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let id = completed(store.as_ref()).await;
    let dir = tempfile::tempdir().expect("a folder");
    let lake = Arc::new(lake(&dir).await);
    let folder = files_of_iteration(INCARNATION, &id, 1).expect("a folder's name");
    let file = folder.object("late.csv").expect("a name");
    let put = lake.put_if_absent(&file, b"early").await;
    assert_eq!(put.expect("is put"), Put::Created);
    step(&store, Arc::clone(&lake) as Arc<dyn Lake>).await;
    let loaded = StoredDatabase::load(store.as_ref(), "A", "B", 1);
    let loaded = loaded.await.expect("loads");
    assert!(loaded.tidy.is_empty(), "the table is tidy");
    assert_eq!(lake.get(&file).await.expect("reads"), None);
    assert_eq!(loaded.due_sweeps(now()).count(), 0, "not yet");

    let put = lake.put_if_absent(&file, b"late").await;
    assert_eq!(put.expect("is put"), Put::Created);
    step(&store, Arc::clone(&lake) as Arc<dyn Lake>).await;
    assert!(lake.get(&file).await.expect("reads").is_some(), "not yet");
    make_due(store.as_ref(), &id).await;
    step(&store, Arc::clone(&lake) as Arc<dyn Lake>).await;
    assert_eq!(lake.get(&file).await.expect("reads"), None);
    let loaded = StoredDatabase::load(store.as_ref(), "A", "B", 1);
    let left = loaded.await.expect("loads").sweeps.len();
    assert_eq!(left, 0, "it is deleted once more, not for ever");
}

/// The time of the table's second deletion has come.
async fn make_due(store: &dyn Store, id: &ActivityId) {
    let partition = database_partition("A").expect("a partition");
    let row = Row::of(&["sweep", id.as_str(), "00000001"]).expect("a row");
    let key = Key::new(partition, row);
    let found = read::<Sweep>(store, &key).await.expect("reads");
    let (mut sweep, etag) = found.expect("a second deletion is recorded");
    sweep.due = Millis(0);
    let write = put(key, &sweep, Some(&etag)).expect("is written");
    let transaction = Transaction::new(vec![write]).expect("a transaction");
    store.commit(&transaction).await.expect("commits");
}
