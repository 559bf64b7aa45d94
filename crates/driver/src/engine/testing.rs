//! An engine of one database for tests. The clusters' addresses lead nowhere.

use std::sync::Arc;

use async_trait::async_trait;
use kusto_copy_core::activity::{ActivityState, Encoding, Layout, Phase};
use kusto_copy_core::database::{DatabaseEvent, DueMarker, Sweep, TableRecord};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Millis, TableSchema, Window};
use kusto_copy_kusto::NoCredentials;
use kusto_copy_staging::{
    Deleted, Lake, LakeError, Listed, LocalLake, ObjectName, Prefix, Put, StorageUri,
};
use kusto_copy_store::{RowRange, Store, list_all};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Engine, Live, Pace, Side, Start};
use crate::Control;
use crate::catalog::LateCatalog;
use crate::clock::now;
use crate::clusters::Clusters;
use crate::control::ControlRecord;
use crate::cost::Meter;
use crate::effects::{Workplace, tag_prefix};
use crate::heartbeat::Pulse;
use crate::job::{Job, JobDefinition, RunOptions, Style};
use crate::lease::JobLease;
use crate::persist::{
    Copied, JobRecord, StoredActivity, StoredDatabase, database_partition, decode, job_key,
    write_or_read,
};
use crate::report::Report;
use crate::step::StepReport;

pub(super) const INCARNATION: &str = "0badcafe";

pub(super) fn options() -> RunOptions {
    RunOptions {
        continuous: true,
        retry_held: false,
        rpo: std::time::Duration::from_secs(3_600),
        ..RunOptions::default()
    }
}

/// An engine of a step that took the lease and claimed its database.
pub(super) async fn engine(store: Arc<dyn Store>, options: RunOptions) -> Engine {
    let job = Job {
        definition: JobDefinition::nowhere(),
        options: options.clone(),
        credentials: Arc::new(NoCredentials),
    };
    let meter = Arc::new(Meter::default());
    let clusters = Clusters::connect(&job, &meter).expect("clients");
    let lease = JobLease::take(&store).await.expect("free");
    let mut stored = StoredDatabase::load(store.as_ref(), "A", "B", lease.epoch())
        .await
        .expect("loads");
    let claimed = stored.claim(store.as_ref(), lease.epoch()).await;
    claimed.expect("claims");
    let place = Workplace {
        source: clusters.source.database("A"),
        destination: clusters.destination.database("B"),
        lake: Arc::new(lake().await),
        catalog: Arc::new(LateCatalog::default()),
        looks: Arc::default(),
        job: "a job".to_owned(),
        incarnation: INCARNATION.to_owned(),
        limits: Limits::default(),
        horizon: None,
        adopt_destination: false,
        force_incomplete_reads: false,
    };
    let side = Side {
        stored,
        place: Arc::new(place),
        opened: false,
        obstacle: None,
    };
    let pulse = Pulse::new(None, lease.epoch(), 1, now());
    Engine::new(Start {
        store,
        lease,
        incarnation: INCARNATION.to_owned(),
        job: "a job".to_owned(),
        sides: vec![side],
        control: ControlRecord::default(),
        pulse,
        meter,
        pace: Pace::Step(Style::Throughput),
        begun: Instant::now(),
        options,
    })
}

/// Stores the job's record.
pub(super) async fn job(store: &dyn Store) {
    let record = JobRecord {
        definition: JobDefinition::nowhere(),
        incarnation: INCARNATION.to_owned(),
    };
    let key = job_key().expect("a key");
    let written = write_or_read(store, &key, record, None).await;
    written.expect("stored");
}

/// Opens the next iteration with these tables due.
pub(super) async fn open(engine: &mut Engine, tables: &[&str]) {
    let database = &mut engine.sides[0].stored;
    let store = engine.store.as_ref();
    let cursor_end = Cursor(format!("c{}", database.record.committed + 1));
    let read = DatabaseEvent::CursorRead {
        source_id: "1".to_owned(),
        cursor_end: cursor_end.clone(),
        read_at: now(),
    };
    database.apply(store, read).await.expect("opens");
    let iteration = database.record.committed + 1;
    let due: Vec<_> = tables
        .iter()
        .map(|name| due(name, iteration, &cursor_end))
        .collect();
    database.mark_due(store, due).await.expect("marks");
    let applied = database.apply(store, DatabaseEvent::Marked).await;
    applied.expect("runs");
}

pub(super) fn due(name: &str, iteration: u32, up_to: &Cursor) -> (TableRecord, DueMarker) {
    let both = serde_json::json!({
        "activity": ActivityId::of("A", name), "iteration": iteration, "source_table": name,
        "destination_table": name, "table_id": "1", "window": { "after": null, "up_to": up_to },
        "rows_copied": 0, "blocks_copied": 0, "bytes_copied": 0,
    });
    let table = serde_json::from_value(both.clone()).expect("a table");
    (table, serde_json::from_value(both).expect("a marker"))
}

/// Stores a completed table, and commits the iteration: the table is left to be tidied.
pub(super) async fn complete(engine: &mut Engine, name: &str, state: ActivityState) {
    let store = engine.store.as_ref();
    let mut stored = StoredActivity::new(state);
    stored.flush(store).await.expect("stored");
    let database = &mut engine.sides[0].stored;
    let id = ActivityId::of("A", name);
    let completed = vec![(id, Copied::default())];
    let completed = database.complete(store, completed).await;
    completed.expect("completes");
    let applied = database.apply(store, DatabaseEvent::Committed).await;
    applied.expect("commits");
}

pub(super) fn window() -> Window {
    Window {
        after: None,
        up_to: Cursor("c1".to_owned()),
    }
}

fn layout() -> Layout {
    let columns = Vec::new();
    Layout {
        schema: TableSchema { columns },
        encoding: Encoding::Csv,
        retention: None,
    }
}

/// A table as it is stored in its first iteration.
pub(super) fn state(name: &str) -> ActivityState {
    ActivityState::begin("A", name, "B", name, 1, window(), None, 1, Millis(1))
}

/// A table that completed its first iteration.
pub(super) fn completed(name: &str) -> ActivityState {
    let mut state = state(name);
    state.head.phase = Phase::Completed {
        window: window(),
        layout: layout(),
        at: Millis(1),
    };
    state
}

/// Takes a stored table to work whose blocks are all planned; it is paused, so that nothing is
/// decided for it.
pub(super) async fn planned(engine: &mut Engine, name: &str) -> ActivityId {
    let mut state = state(name);
    state.head.phase = serde_json::from_value(serde_json::json!({
        "phase": "planned", "window": window(), "layout": layout(),
    }))
    .expect("a phase");
    state.head.epoch = engine.lease.epoch();
    let mut stored = StoredActivity::new(state);
    let stores = stored.flush(engine.store.as_ref()).await;
    stores.expect("stored");
    let id = stored.state.head.id.clone();
    let subject = kusto_copy_core::decide::Subject::Table(id.clone());
    let pauses = &mut engine.observed.pauses;
    pauses.insert(subject, now().plus(3_600_000));
    let live = Live {
        stored,
        side: 0,
        newest: None,
        check_values: None,
        files_deleted: false,
        tag_prefix: tag_prefix(INCARNATION, &id),
    };
    engine.live.insert(id.clone(), live);
    id
}

/// Drives an engine whose time is over to its end.
pub(super) async fn drive_cut(engine: Engine) -> StepReport {
    let (_stop, stop) = watch::channel(false);
    let (progress, _) = watch::channel(Report::default());
    let meter = Meter::default();
    let driven = crate::run::drive(engine, Control { progress, stop }, &meter).await;
    driven.expect("it ends in order")
}

/// Every recorded second deletion.
pub(super) async fn sweeps(store: &dyn Store) -> Vec<Sweep> {
    let partition = database_partition("A").expect("a partition");
    let range = RowRange::below(&["sweep"]).expect("a range");
    let found = list_all(store, &partition, &range).await.expect("lists");
    let sweeps = found
        .iter()
        .map(|entity| decode(entity).expect("a sweep").0);
    sweeps.collect()
}

/// A lake that deletes nothing whose name contains a word.
pub(super) struct Refusing {
    lake: LocalLake,
    word: String,
}

impl Refusing {
    /// One that deletes nothing.
    pub(super) const fn all(lake: LocalLake) -> Self {
        let word = String::new();
        Self { lake, word }
    }
}

/// Lets the lake refuse to delete a table's files.
pub(super) async fn refuse_files_of(engine: &mut Engine, id: &ActivityId) {
    let word = id.as_str().to_owned();
    let lake = lake().await;
    let place = Arc::get_mut(&mut engine.sides[0].place).expect("nothing is at work");
    place.lake = Arc::new(Refusing { lake, word });
}

async fn lake() -> LocalLake {
    let dir = tempfile::tempdir().expect("a folder");
    let lake = LocalLake::open(dir.path().to_str().expect("a path")).await;
    lake.expect("a lake")
}

#[async_trait]
impl Lake for Refusing {
    async fn put_if_absent(&self, name: &ObjectName, contents: &[u8]) -> Result<Put, LakeError> {
        self.lake.put_if_absent(name, contents).await
    }

    async fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>, LakeError> {
        self.lake.get(name).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Listed>, LakeError> {
        self.lake.list(prefix).await
    }

    async fn export_targets(&self, prefix: &Prefix) -> Result<Vec<StorageUri>, LakeError> {
        self.lake.export_targets(prefix).await
    }

    async fn ingest_uri(&self, reported: &str, under: &Prefix) -> Result<StorageUri, LakeError> {
        self.lake.ingest_uri(reported, under).await
    }

    async fn staged_size(&self, reported: &str, under: &Prefix) -> Result<Option<u64>, LakeError> {
        self.lake.staged_size(reported, under).await
    }

    async fn delete_prefix(&self, prefix: &Prefix) -> Result<Deleted, LakeError> {
        if !prefix.to_string().contains(&self.word) {
            return self.lake.delete_prefix(prefix).await;
        }
        Err(LakeError::Denied {
            what: format!("deleting {prefix}"),
            source: None,
        })
    }
}
