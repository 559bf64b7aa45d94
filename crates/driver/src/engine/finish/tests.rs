//! The end of a table's tidying, without a cluster: a lake that refuses, files that come late.

use std::sync::Arc;

use kusto_copy_core::activity::{ActivityState, Encoding, Layout, Phase};
use kusto_copy_core::database::{DatabaseEvent, DueMarker, TableRecord};
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Millis, TableSchema, Window};
use kusto_copy_kusto::NoCredentials;
use kusto_copy_staging::{Lake, LocalLake, Put};
use kusto_copy_store::{MemoryStore, Store};
use tokio::sync::watch;

use super::super::testing::{Refusing, sweeps};
use crate::clock::now;
use crate::effects::files_of_iteration;
use crate::job::{Job, JobDefinition, RunOptions};
use crate::persist::{
    Copied, FailedSweep, JobRecord, StoredActivity, StoredDatabase, job_key, write_or_read,
};
use crate::report::Report;
use crate::step::{StepOutcome, StepReport};
use crate::{Control, Style};

const INCARNATION: &str = "0badcafe";

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
        definition: JobDefinition::nowhere(),
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
    let completed = vec![(id.clone(), Copied::default())];
    let completed = database.complete(store, completed).await;
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
    let ended = step(&store, Arc::new(Refusing::all(lake(&dir).await))).await;
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
    assert!(loaded.next_sweep().is_some_and(|at| at > now()), "not yet");

    let put = lake.put_if_absent(&file, b"late").await;
    assert_eq!(put.expect("is put"), Put::Created);
    step(&store, Arc::clone(&lake) as Arc<dyn Lake>).await;
    assert!(lake.get(&file).await.expect("reads").is_some(), "not yet");
    make_due(store.as_ref()).await;
    step(&store, Arc::clone(&lake) as Arc<dyn Lake>).await;
    assert_eq!(lake.get(&file).await.expect("reads"), None);
    let left = sweeps(store.as_ref()).await.len();
    assert_eq!(left, 0, "it is deleted once more, not for ever");
}

/// The time of the table's second deletion has come.
async fn make_due(store: &dyn Store) {
    let mut database = StoredDatabase::load(store, "A", "B", 9)
        .await
        .expect("loads");
    let found = database.due_sweeps(store, Millis(u64::MAX)).await;
    let found = found.expect("reads").expect("one is recorded");
    let stored = found.due[0].clone();
    let failed = FailedSweep {
        stored,
        what: String::new(),
        until: Millis(0),
    };
    let swept = database.swept(store, found, &[], vec![failed]).await;
    swept.expect("stored");
}
