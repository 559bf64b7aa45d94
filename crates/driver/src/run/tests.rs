//! Steps that need no cluster: what is not due is not asked for. The clusters' addresses lead
//! nowhere, so that a request to one fails the step.

use std::sync::Arc;
use std::time::Duration;

use kusto_copy_core::database::{DatabaseEvent, DueMarker, TableRecord};
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Millis, Window};
use kusto_copy_kusto::NoCredentials;
use kusto_copy_staging::LocalLake;
use kusto_copy_store::faulty::{Call, Fault, Faulty};
use kusto_copy_store::lease::{Acquisition, acquire};
use kusto_copy_store::{ManualClock, MemoryStore, Store, StoreTime, SystemClock};
use tokio::sync::watch;

use crate::clock::now;
use crate::error::DriverError;
use crate::job::{Job, JobDefinition, RunOptions};
use crate::persist::{
    Copied, JobRecord, Leftovers, StoredDatabase, job_key, lease_key, write_or_read,
};
use crate::report::{JobState, Report};
use crate::{Control, Request, StepOutcome, StepReport, Style};

const RPO: Duration = Duration::from_secs(600);

fn job() -> Job {
    Job {
        definition: JobDefinition::nowhere(),
        options: RunOptions {
            continuous: true,
            rpo: RPO,
            ..RunOptions::default()
        },
        credentials: Arc::new(NoCredentials),
    }
}

fn control() -> (Control, watch::Sender<bool>) {
    let (stop, stopped) = watch::channel(false);
    let (progress, _) = watch::channel(Report::default());
    let control = Control {
        progress,
        stop: stopped,
    };
    (control, stop)
}

async fn step(store: &Arc<dyn Store>, job: Job) -> Result<StepReport, DriverError> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().to_str().expect("a path");
    let lake = LocalLake::open(path).await.expect("a lake");
    let (control, _stop) = control();
    super::step(job, Arc::clone(store), Arc::new(lake), control).await
}

/// A job that committed its first iteration, whose end was read at `read_at`, and has tables.
async fn committed(store: &dyn Store, read_at: Millis, tables: u32) {
    let record = JobRecord {
        definition: job().definition,
        incarnation: "0badcafe".to_owned(),
    };
    let key = job_key().expect("a key");
    write_or_read(store, &key, record, None)
        .await
        .expect("stored");
    let mut database = StoredDatabase::load(store, "A", "B", 1)
        .await
        .expect("reads");
    database.claim(store, 1).await.expect("stored");
    let read = DatabaseEvent::CursorRead {
        source_id: "1".to_owned(),
        cursor_end: Cursor("c1".to_owned()),
        read_at,
    };
    database.apply(store, read).await.expect("opens");
    let marked: Vec<_> = (0..tables).map(due).collect();
    let ids: Vec<ActivityId> = marked
        .iter()
        .map(|(table, _)| table.activity.clone())
        .collect();
    database.mark_due(store, marked).await.expect("marks");
    let applied = database.apply(store, DatabaseEvent::Marked).await;
    applied.expect("runs");
    for id in &ids {
        let add = Copied {
            rows: 7,
            ..Copied::default()
        };
        let completed = vec![(id.clone(), add)];
        let completed = database.complete(store, completed).await;
        completed.expect("completes");
        let tidied = vec![(id.clone(), Leftovers::default())];
        database.tidied(store, tidied).await.expect("is tidy");
    }
    let applied = database.apply(store, DatabaseEvent::Committed).await;
    applied.expect("commits");
}

fn due(number: u32) -> (TableRecord, DueMarker) {
    let name = format!("T{number}");
    let activity = ActivityId::of("A", &name);
    let table = serde_json::json!({
        "activity": activity, "source_table": name, "destination_table": name, "table_id": "1",
        "rows_copied": 0, "blocks_copied": 0, "bytes_copied": 0,
    });
    let window = Window {
        after: None,
        up_to: Cursor("c1".to_owned()),
    };
    let marker = serde_json::json!({
        "activity": activity, "iteration": 1, "source_table": name, "destination_table": name,
        "window": window,
    });
    let table = serde_json::from_value(table).expect("a table");
    (table, serde_json::from_value(marker).expect("a marker"))
}

/// A store whose clock is an hour behind the machine's.
fn slow_store() -> (Arc<dyn Store>, Arc<ManualClock>) {
    let behind = i64::try_from(now().0).expect("a time") - 3_600_000;
    let clock = Arc::new(ManualClock::at(StoreTime::from_unix_millis(behind)));
    let store = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn kusto_copy_store::Clock>);
    (Arc::new(store), clock)
}

#[tokio::test]
async fn an_idle_step_costs_a_few_transactions_however_many_tables_there_are() {
    for tables in [1, 2_500] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let read_at = now();
        committed(store.as_ref(), read_at, tables).await;
        for steps in 1..=3 {
            let ended = step(&store, job())
                .await
                .expect("nothing is asked of a cluster");
            assert_eq!(ended.outcome, StepOutcome::Idle);
            assert_eq!(ended.next_due, Some(read_at.plus(300_000)));
            assert!(!ended.work_due);
            assert_eq!(ended.report.state, JobState::Complete);
            assert_eq!(ended.report.rpo_ms, 600_000);
            assert_eq!(ended.report.databases[0].iteration, 1);
            let beat = ended.report.heartbeat.expect("a sign of life");
            assert_eq!((beat.steps, beat.outcome.as_str()), (steps, "idle"));
            let cost = ended.cost;
            assert_eq!((cost.kusto_queries, cost.kusto_commands), (0, 0));
            assert!(cost.store_reads <= 5, "{tables} tables: {cost:?}");
            assert_eq!(
                cost.store_commits, 3,
                "lease, sign of life, lease: {cost:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_step_whose_time_has_come_asks_the_source() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    committed(store.as_ref(), Millis(now().0 - 301_000), 1).await;
    let mut job = job();
    job.options.budget = Some(Duration::ZERO);
    job.options.grace = Duration::from_secs(60);
    // Its address leads nowhere: nothing at all could be done.
    let failed = step(&store, job).await;
    assert!(matches!(failed, Err(DriverError::Kusto(_))), "{failed:?}");
}

/// Nothing is new at the source, and a cluster is away: nobody would see that the wish was not
/// fulfilled if that was an idle step.
#[tokio::test]
async fn a_start_that_could_not_be_tried_fails_with_the_reason_and_is_asked_still() {
    for continuous in [true, false] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        committed(store.as_ref(), now(), 1).await;
        let asked = crate::request(Arc::clone(&store), Request::StartNow).await;
        asked.expect("stored");
        let mut job = job();
        job.options.continuous = continuous;
        job.options.style = Style::Economy;
        let failed = step(&store, job).await;
        assert!(matches!(failed, Err(DriverError::Kusto(_))), "{failed:?}");
        let status = crate::status(Arc::clone(&store)).await.expect("a job");
        let beat = status.heartbeat.expect("a sign of life");
        assert_eq!(beat.outcome, "failed");
        assert!(beat.error.is_some_and(|error| error.contains("127.0.0.1")));
        let left = crate::control::look(store.as_ref()).await.expect("reads");
        assert!(left.start_now.is_some());
    }
}

#[tokio::test]
async fn a_paused_job_rests_when_its_time_has_come_until_it_is_resumed() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let refused = crate::request(Arc::clone(&store), Request::Pause).await;
    assert!(matches!(refused, Err(DriverError::NotARun)));
    committed(store.as_ref(), Millis(0), 1).await;
    for asked in [Request::Pause, Request::Pause] {
        crate::request(Arc::clone(&store), asked)
            .await
            .expect("stored");
    }
    let ended = step(&store, job())
        .await
        .expect("nothing is asked of a cluster");
    assert_eq!((ended.outcome, ended.next_due), (StepOutcome::Paused, None));
    assert_eq!(ended.cost.kusto_commands, 0);
    let status = crate::status(Arc::clone(&store)).await.expect("a job");
    assert!(
        status.paused
            && status
                .heartbeat
                .is_some_and(|beat| beat.outcome == "paused")
    );
    crate::request(Arc::clone(&store), Request::Resume)
        .await
        .expect("stored");
    let status = crate::status(Arc::clone(&store)).await.expect("a job");
    assert!(!status.paused);
}

/// The lease is judged by the store's clock: the machine's is an hour off.
#[tokio::test]
async fn one_step_of_many_has_the_job_to_itself_by_the_store_s_clock() {
    let (store, clock) = slow_store();
    committed(store.as_ref(), now(), 1).await;
    let key = lease_key().expect("a key");
    let term = Duration::from_secs(60);
    let other = acquire(store.as_ref(), &key, "somebody else", term).await;
    assert!(matches!(other, Ok(Acquisition::Acquired(_))));
    let busy = step(&store, job()).await.expect("busy is no failure");
    assert!(
        matches!(busy.outcome, StepOutcome::Busy { seconds: 1..=61 }),
        "{:?}",
        busy.outcome
    );
    assert_eq!((busy.cost.store_commits, busy.cost.kusto_commands), (0, 0));
    clock.advance(term);
    let ended = step(&store, job()).await.expect("the lease has ended");
    assert_eq!(ended.outcome, StepOutcome::Idle);
    // It gave the lease back: the next one need not wait.
    let ended = step(&store, job()).await.expect("free");
    assert_eq!(ended.outcome, StepOutcome::Idle);
}

#[tokio::test]
async fn a_step_that_fails_says_so_and_gives_its_lease_back() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)));
    committed(store.as_ref(), now(), 1).await;
    let mut other = job();
    other.definition.destination = "http://127.0.0.1:3".to_owned();
    let refused = step(&store, other).await;
    assert!(matches!(refused, Err(DriverError::OtherJob { .. })));
    let mut broken = job();
    broken.options.rpo = Duration::ZERO;
    let of_database = |call: Call<'_>| {
        let Call::Commit(transaction) = call else {
            return None;
        };
        let is_of_database = transaction.partition().as_str().starts_with("db");
        is_of_database.then_some(Fault::Conflict)
    };
    let fails = Faulty::new(Arc::clone(&store), Box::new(of_database));
    let fails: Arc<dyn Store> = Arc::new(fails);
    let failed = step(&fails, broken).await;
    assert!(matches!(failed, Err(DriverError::Store(_))), "{failed:?}");
    let status = crate::status(Arc::clone(&store)).await.expect("a job");
    let beat = status.heartbeat.expect("a sign of life");
    assert_eq!(beat.outcome, "failed");
    assert!(beat.error.is_some_and(|error| error.contains("store")));
    let ended = step(&store, job()).await.expect("the lease is free");
    assert_eq!(ended.outcome, StepOutcome::Idle);
}
