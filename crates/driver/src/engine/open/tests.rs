//! Iterations are opened over a cluster that answers what a test says.

mod cluster;
mod refused;

use std::sync::Arc;
use std::time::Duration;

use kusto_copy_core::activity::{ActivityEvent, Encoding, Layout, Phase};
use kusto_copy_core::decide::Action;
use kusto_copy_core::vocabulary::{ActivityId, TableSchema};
use kusto_copy_kusto::{Cluster, ClusterUri, NoCredentials, RetryPolicy, Settings};
use kusto_copy_staging::LocalLake;
use kusto_copy_store::{MemoryStore, Store};
use tokio::time::Instant;

use super::*;
use crate::control::ControlRecord;
use crate::cost::Meter;
use crate::effects::{Task, execute};
use crate::engine::{Side, Start};
use crate::heartbeat::Pulse;
use crate::lease::JobLease;
use crate::persist::{Copied, Leftovers, StoredDatabase};
use crate::report::{JobState, Report};
use cluster::FakeCluster;

/// A job of some databases of one cluster, each copied into `<name> copy` of the same.
struct Bench {
    cluster: FakeCluster,
    store: Arc<dyn Store>,
    dir: tempfile::TempDir,
    options: RunOptions,
    databases: Vec<&'static str>,
}

impl Bench {
    async fn new(databases: &[&'static str]) -> Self {
        let mut options = RunOptions {
            continuous: true,
            rpo: Duration::ZERO,
            ..RunOptions::default()
        };
        options.limits.retry_pause = 0;
        Self {
            cluster: FakeCluster::start().await,
            store: Arc::new(MemoryStore::default()),
            dir: tempfile::tempdir().expect("a folder"),
            options,
            databases: databases.to_vec(),
        }
    }

    /// A new execution over what is stored.
    async fn engine(&self) -> Engine {
        let (uri, _) = ClusterUri::parse(&self.cluster.uri).expect("an address");
        let settings = Settings {
            retry: RetryPolicy {
                sends: 1,
                ..RetryPolicy::default()
            },
            ..Settings::default()
        };
        let cluster = Cluster::connect(uri, Arc::new(NoCredentials), settings).expect("a client");
        let path = self.dir.path().to_str().expect("a path");
        let lake = LocalLake::open(path).await.expect("a lake");
        let lease = JobLease::take(&self.store).await.expect("the lease");
        let mut sides = Vec::new();
        for name in &self.databases {
            let copy = format!("{name} copy");
            let store = self.store.as_ref();
            let loaded = StoredDatabase::load(store, name, &copy, lease.epoch()).await;
            let mut stored = loaded.expect("loads");
            let claimed = stored.claim(store, lease.epoch()).await;
            claimed.expect("is claimed");
            let place = Workplace {
                source: cluster.database(*name),
                destination: cluster.database(copy),
                lake: Arc::new(lake.clone()),
                catalog: Arc::new(LateCatalog::default()),
                looks: Arc::default(),
                job: "job".to_owned(),
                incarnation: "0badcafe".to_owned(),
                limits: self.options.limits.clone(),
                horizon: None,
                adopt_destination: false,
                force_incomplete_reads: false,
            };
            sides.push(Side {
                stored,
                place: Arc::new(place),
                opened: false,
                obstacle: None,
            });
        }
        Engine::new(Start {
            store: Arc::clone(&self.store),
            options: self.options.clone(),
            pulse: Pulse::new(None, lease.epoch(), 0, now()),
            lease,
            incarnation: "0badcafe".to_owned(),
            job: "job".to_owned(),
            sides,
            control: ControlRecord::default(),
            meter: Arc::new(Meter::default()),
            pace: Pace::Loop,
            begun: Instant::now(),
        })
    }

    /// Opens the next iteration of a job and completes its tables.
    async fn iterate(&self, engine: &mut Engine) {
        engine.open_iterations().await.expect("opens");
        for side in 0..engine.sides.len() {
            assert!(
                engine.sides[side].obstacle.is_none(),
                "{:?}",
                engine.sides[side].obstacle
            );
            // Not all tables are taken to work at once.
            while !engine.sides[side].stored.due.is_empty() {
                self.complete(engine, side).await;
                engine.take_up(side).await.expect("takes up");
            }
            let database = &mut engine.sides[side].stored;
            let committed = database.apply(self.store.as_ref(), DatabaseEvent::Committed);
            committed.await.expect("is committed");
        }
    }

    /// Completes the tables of a database that are at work.
    async fn complete(&self, engine: &mut Engine, side: usize) {
        let mut ids: Vec<_> = engine.live.keys().cloned().collect();
        ids.retain(|id| engine.live[id].side == side);
        assert!(!ids.is_empty(), "nothing is at work");
        for id in ids {
            let mut live = engine.live.remove(&id).expect("it is at work");
            let head = &mut live.stored.state.head;
            let columns = Vec::new();
            head.phase = Phase::Completed {
                window: head.phase.window().clone(),
                layout: Layout {
                    schema: TableSchema { columns },
                    encoding: Encoding::Csv,
                    retention: None,
                },
                at: now(),
            };
            let epoch = head.epoch;
            let claimed = ActivityEvent::Claimed { epoch };
            let applied = live.stored.apply(claimed, now(), &self.options.limits);
            applied.expect("applies");
            let store = self.store.as_ref();
            live.stored.flush(store).await.expect("is stored");
            let database = &mut engine.sides[side].stored;
            let completed = vec![(id.clone(), Copied::default())];
            let completed = database.complete(store, completed).await;
            completed.expect("completes");
            let tidied = vec![(id, Leftovers::default())];
            database.tidied(store, tidied).await.expect("is tidy");
        }
    }
}

fn report(engine: &Engine) -> Report {
    let sides = engine.sides.iter().map(|side| &side.stored);
    crate::progress::report(sides, engine.counted(now()), JobState::Running, now())
}

/// Due tables of a database, with their problems.
fn due(engine: &Engine, side: usize) -> Vec<(String, Option<String>)> {
    let due = engine.sides[side].stored.due.values();
    let mut due: Vec<_> = due
        .map(|due| (due.marker.source_table.clone(), due.marker.problem.clone()))
        .collect();
    due.sort();
    due
}

#[tokio::test]
async fn a_schema_is_never_older_than_the_end_whatever_fails_between_them() {
    let bench = Bench::new(&["A"]).await;
    let later = (
        "T".to_owned(),
        "n:long,later:string".to_owned(),
        "cslschema".to_owned(),
    );
    bench.cluster.state().table("A", "T");
    bench.cluster.state().at_cursor = Some(later);
    let mut engine = bench.engine().await;
    engine
        .open_iterations()
        .await
        .expect("a passing fault ends nothing");
    assert!(
        engine.sides[0].obstacle.is_some(),
        "the schemas could not be read"
    );
    assert!(
        engine.sides[0].stored.record.open().is_some(),
        "the end is fixed"
    );
    assert!(engine.sides[0].place.catalog.known().source.is_empty());
    engine.open_iterations().await.expect("opens");
    let catalog = engine.sides[0].place.catalog.known();
    let schema = catalog.source["T"].schema.as_ref().expect("a schema");
    assert_eq!(schema.columns.len(), 2, "the column came before the end");
    assert_eq!(due(&engine, 0), [("T".to_owned(), None)]);
}

#[tokio::test]
async fn whichever_table_is_dropped_the_end_is_read_with_another_and_it_is_told() {
    for (dropped, left) in [("T1", "T2"), ("T2", "T1")] {
        let mut bench = Bench::new(&["A"]).await;
        for table in ["T1", "T2", "Not ours"] {
            bench.cluster.state().table("A", table);
        }
        bench.options.tables_exclude = vec!["Not ours".to_owned(), "No such table".to_owned()];
        let mut engine = bench.engine().await;
        bench.iterate(&mut engine).await;
        bench.cluster.state().remove("A", dropped);
        bench.cluster.state().take_asked("");
        bench.iterate(&mut engine).await;
        let asked = bench.cluster.state().take_asked("cursor_current()");
        let last = asked.last().expect("a cursor");
        assert!(last.contains(&format!("table('{left}'")), "{asked:?}");
        assert!(asked.iter().all(|q| !q.contains("Not ours")), "{asked:?}");
        let told = report(&engine);
        let table = told.tables.iter().find(|table| table.table == dropped);
        let notes = &table.expect("it is in the report").notes;
        assert!(notes[0].contains("since iteration 2"), "{notes:?}");

        bench.iterate(&mut engine).await;
        let asked = bench.cluster.state().take_asked("cursor_current()");
        assert!(asked.iter().all(|q| !q.contains(dropped)), "{asked:?}");
        bench.cluster.state().table("A", dropped);
        bench.iterate(&mut engine).await;
        let told = report(&engine);
        assert!(
            told.tables.iter().all(|table| table.notes.is_empty()),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_source_that_lost_all_tables_is_refused_and_no_iteration_is_committed() {
    let bench = Bench::new(&["A"]).await;
    bench.cluster.state().table("A", "T");
    let mut engine = bench.engine().await;
    bench.iterate(&mut engine).await;
    let lost = bench
        .cluster
        .state()
        .remove("A", "T")
        .expect("it was there");
    engine.open_iterations().await.expect("it is kept apart");
    assert!(matches!(
        engine.sides[0].stored.record.phase,
        DatabasePhase::Opening { iteration: 2, .. }
    ));
    let told = report(&engine).databases[0]
        .error
        .clone()
        .unwrap_or_default();
    assert!(
        told.contains("none of the job's tables any more: `T`"),
        "{told}"
    );
    assert!(told.contains("restore them"), "{told}");
    assert!(!engine.is_at_work(), "nothing else goes on");
    assert!(
        engine.verdict(false, false).is_some(),
        "so the execution ends"
    );
    assert!(matches!(
        engine.take_failure(false, false),
        Some(DriverError::Preflight { .. })
    ));

    *bench.cluster.state().table("A", "T") = lost;
    engine.lease.give_up().await;
    let mut engine = bench.engine().await;
    bench.iterate(&mut engine).await;
    assert_eq!(engine.sides[0].stored.record.committed, 2);
    assert_eq!(report(&engine).databases[0].error, None);
}

#[tokio::test]
async fn a_table_that_cannot_go_on_is_held_with_the_remedy_and_the_others_go_on() {
    let mut bench = Bench::new(&["A"]).await;
    for table in ["Changed", "Idle", "No policy", "Recreated", "Unreadable"] {
        bench.cluster.state().table("A", table);
    }
    let mut engine = bench.engine().await;
    bench.iterate(&mut engine).await;
    bench.cluster.state().table("A", "Changed").window = Some(3);
    bench
        .cluster
        .state()
        .table("A", "No policy")
        .has_ingestion_time = false;
    bench.cluster.state().table("A", "Recreated").id = "another".to_owned();
    bench.cluster.state().table("A", "Unreadable").window = None;
    engine.open_iterations().await.expect("opens");
    let held = [
        ("No policy", "policy ingestiontime true"),
        ("Recreated", "dropped and created again"),
        ("Unreadable", "SEM0001"),
    ];
    let due = due(&engine, 0);
    assert_eq!(due.len(), 4, "{due:?}");
    assert_eq!(due[0], ("Changed".to_owned(), None));
    let told = report(&engine);
    for (name, words) in held {
        let table = told.tables.iter().find(|table| table.table == name);
        let table = table.expect("it is in the report");
        assert_eq!(table.state, "held", "{table:?}");
        let error = table.error.clone().unwrap_or_default();
        assert!(error.contains(words), "{error}");
    }
    let others = told.tables.iter().filter(|table| table.error.is_none());
    assert_eq!(others.count(), 2);
    assert!(!engine.all_due_aside(0), "they hold the commit back");

    // Another try of the table that is another now must not copy it.
    let id = ActivityId::of("A", "Recreated");
    engine.release(&id).await.expect("releases");
    let stored = &engine.live[&id].stored;
    assert_eq!(stored.state.head.held, None);
    let task = Task {
        action: Action::Prepare,
        head: stored.state.head.clone(),
        blocks: Vec::new(),
        now: now(),
        table_id: engine.sides[0].stored.table_id(&id),
    };
    let outcome = execute(Arc::clone(&engine.sides[0].place), task).await;
    assert!(outcome.refused, "{outcome:?}");

    // Another start is another try of all of them.
    let held_now = |engine: &Engine| {
        let heads = engine.live.values().map(|live| &live.stored.state.head);
        heads.filter(|head| head.held.is_some()).count()
    };
    assert_eq!(held_now(&engine), 2, "they are not tried again at once");
    engine.lease.give_up().await;
    let mut engine = bench.engine().await;
    engine.open_iterations().await.expect("goes on");
    assert_eq!((engine.live.len(), held_now(&engine)), (4, 0));

    // Whoever excludes them goes on without them.
    engine.lease.give_up().await;
    bench.options.tables_exclude = held.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut engine = bench.engine().await;
    engine.open_iterations().await.expect("opens");
    let at_work: Vec<_> = engine.live.keys().cloned().collect();
    assert_eq!(at_work, [ActivityId::of("A", "Changed")]);
}

#[tokio::test]
async fn proofs_that_were_cut_off_go_on_where_they_stood() {
    let bench = Bench::new(&["A"]).await;
    let names: Vec<String> = (0..950).map(|number| format!("T{number:03}")).collect();
    for name in &names {
        bench.cluster.state().table("A", name);
    }
    let mut engine = bench.engine().await;
    bench.iterate(&mut engine).await;
    for name in ["T010", "T555", "T949"] {
        bench.cluster.state().table("A", name).window = Some(1);
    }
    // The sixth query fails for the moment.
    bench
        .cluster
        .state()
        .failing
        .push("table('T555'".to_owned());
    bench.cluster.state().take_asked("");
    engine
        .open_iterations()
        .await
        .expect("a passing fault ends nothing");
    assert!(engine.sides[0].obstacle.is_some());
    let first = bench.cluster.state().take_asked("project Leg").len();
    assert!(
        (6..=9).contains(&first),
        "no more after the failure: {first}"
    );
    let stored = StoredDatabase::load(bench.store.as_ref(), "A", "A copy", 0);
    let stored = stored.await.expect("loads");
    assert!(
        stored.due.contains_key(&ActivityId::of("A", "T010")),
        "kept at once"
    );

    engine.lease.give_up().await;
    let mut engine = bench.engine().await;
    engine.open_iterations().await.expect("opens");
    let second = bench.cluster.state().take_asked("project Leg");
    let legs: usize = second.iter().map(|q| q.matches("table('").count()).sum();
    assert_eq!(
        legs,
        950 - (first - 1) * 100,
        "what was proven is not asked again"
    );
    let due: Vec<String> = due(&engine, 0).into_iter().map(|(name, _)| name).collect();
    assert_eq!(due, ["T010", "T555", "T949"]);
    let proven = bench.dir.path().join("idle/j0badcafe");
    let folders = walk(&proven)
        .into_iter()
        .filter(|path| path.contains("/proven/"));
    assert_eq!(folders.count(), 0, "and nothing of it is left");
}

fn walk(dir: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path.to_string_lossy().into_owned()]
            }
        })
        .collect()
}
