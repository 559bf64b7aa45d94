//! An engine of one database for tests. The clusters' addresses lead nowhere.

use std::sync::Arc;

use kusto_copy_core::activity::{ActivityState, Encoding, Layout, Phase};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Millis, TableSchema, Window};
use kusto_copy_kusto::NoCredentials;
use kusto_copy_staging::LocalLake;
use kusto_copy_store::Store;
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
use crate::job::{DatabasePair, Job, JobDefinition, RunOptions, Style};
use crate::lease::JobLease;
use crate::persist::{StoredActivity, StoredDatabase};
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
        definition: JobDefinition {
            source: "http://127.0.0.1:1".to_owned(),
            destination: "http://127.0.0.1:2".to_owned(),
            databases: vec![DatabasePair {
                source: "A".to_owned(),
                destination: "B".to_owned(),
            }],
        },
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
    let dir = tempfile::tempdir().expect("a folder");
    let lake = LocalLake::open(dir.path().to_str().expect("a path")).await;
    let place = Workplace {
        source: clusters.source.database("A"),
        destination: clusters.destination.database("B"),
        lake: Arc::new(lake.expect("a lake")),
        catalog: Arc::new(LateCatalog::default()),
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
    state.head.phase = Phase::Planned {
        window: window(),
        layout: layout(),
    };
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
