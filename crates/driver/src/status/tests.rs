use std::sync::Arc;

use kusto_copy_core::block::{Block, BlockState, HeldReason};
use kusto_copy_core::database::{DatabaseEvent, DueMarker, TableRecord};
use kusto_copy_core::vocabulary::{BlockNumber, Cursor, Slice, Ticks, Window};
use kusto_copy_store::{Key, MemoryStore, Transaction};

use super::*;
use crate::job::{DatabasePair, JobDefinition};
use crate::persist::{
    JobRecord, StoredActivity, activity_partition, block_row, job_key, put, write_or_read,
};

fn window() -> Window {
    Window {
        after: None,
        up_to: Cursor("1".to_owned()),
    }
}

fn due(name: &str) -> (TableRecord, DueMarker) {
    let activity = ActivityId::of("A", name);
    let table = TableRecord::new(activity.clone(), name, String::new());
    let marker = DueMarker {
        activity,
        iteration: 1,
        source_table: name.to_owned(),
        destination_table: name.to_owned(),
        window: window(),
        bounds: None,
        newest: None,
        table_id: None,
        problem: None,
    };
    (table, marker)
}

/// Blocks of four states in turn, each begun a millisecond after the one before.
fn block(number: u32) -> Block {
    let since = Millis(1_000 + u64::from(number));
    let mut block = Block::planned(BlockNumber(number), Slice::missing(), 1, 1, Ticks(0), since);
    block.state = match number % 4 {
        0 => BlockState::Planned { not_before: None },
        1 => BlockState::Replanning,
        2 => BlockState::Expired,
        _ => BlockState::Held {
            reason: HeldReason::MoveLost,
            files: None,
        },
    };
    block
}

async fn leave(store: &dyn Store, name: &str, blocks: u32) {
    let state = ActivityState::begin("A", name, "B", name, 1, window(), None, 1, Millis(7));
    let mut stored = StoredActivity::new(state);
    stored.flush(store).await.expect("stored");
    let partition = activity_partition(&ActivityId::of("A", name)).expect("a partition");
    let write = |number: u32| {
        let row = block_row(BlockNumber(number)).expect("a row");
        put(Key::new(partition.clone(), row), &block(number), None).expect("a write")
    };
    let writes: Vec<_> = (0..blocks).map(write).collect();
    for some in writes.chunks(90) {
        let transaction = Transaction::new(some.to_vec()).expect("fits");
        store.commit(&transaction).await.expect("stored");
    }
}

/// A job with one open iteration of these tables, each with so many blocks.
async fn job(tables: &[(String, u32)]) -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let record = JobRecord {
        definition: JobDefinition::nowhere(),
        incarnation: "0badcafe".to_owned(),
    };
    let key = job_key().expect("a key");
    let written = write_or_read(store.as_ref(), &key, record, None).await;
    written.expect("stored");
    let database = StoredDatabase::load(store.as_ref(), "A", "B", 1).await;
    let mut database = database.expect("loads");
    let read = DatabaseEvent::CursorRead {
        source_id: "1".to_owned(),
        cursor_end: window().up_to,
        read_at: Millis(1),
    };
    let opened = database.apply(store.as_ref(), read).await;
    opened.expect("opens");
    let marked = tables.iter().map(|(name, _)| due(name)).collect();
    let marked = database.mark_due(store.as_ref(), marked).await;
    marked.expect("marks");
    let runs = database.apply(store.as_ref(), DatabaseEvent::Marked).await;
    runs.expect("runs");
    for (name, blocks) in tables {
        leave(store.as_ref(), name, *blocks).await;
    }
    store
}

/// A database whose first iteration is committed, or was refused.
async fn database(store: &dyn Store, name: &str, refused: Option<&str>) -> StoredDatabase {
    let loaded = StoredDatabase::load(store, name, name, 1).await;
    let mut database = loaded.expect("loads");
    if let Some(reason) = refused {
        let told = database.tell(store, Some(reason.to_owned())).await;
        told.expect("stored");
        return database;
    }
    let read = read_end(&database, 1);
    for event in [read, DatabaseEvent::Marked, DatabaseEvent::Committed] {
        database.apply(store, event).await.expect("fits");
    }
    database
}

fn read_end(database: &StoredDatabase, read_at: u64) -> DatabaseEvent {
    DatabaseEvent::CursorRead {
        source_id: "1".to_owned(),
        cursor_end: Cursor(format!("c{}", database.record.committed + 1)),
        read_at: Millis(read_at),
    }
}

async fn two_databases() -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let pair = |name: &str| DatabasePair {
        source: name.to_owned(),
        destination: name.to_owned(),
    };
    let record = JobRecord {
        definition: JobDefinition {
            databases: vec![pair("A"), pair("C")],
            ..JobDefinition::nowhere()
        },
        incarnation: "0badcafe".to_owned(),
    };
    let key = job_key().expect("a key");
    let written = write_or_read(store.as_ref(), &key, record, None).await;
    written.expect("stored");
    store
}

#[tokio::test]
async fn a_job_is_complete_when_all_its_databases_are_and_failed_when_one_was_refused() {
    let store = two_databases().await;
    let state = async || {
        let report = status(Arc::clone(&store)).await.expect("a report");
        report.state
    };
    assert_eq!(state().await, JobState::New);
    database(store.as_ref(), "A", None).await;
    assert_eq!(state().await, JobState::Running, "the other is to come");
    let mut other = database(store.as_ref(), "C", Some("it is gone; create it")).await;
    assert_eq!(state().await, JobState::Failed);
    let told = other.tell(store.as_ref(), None).await;
    told.expect("stored");
    database(store.as_ref(), "C", None).await;
    assert_eq!(state().await, JobState::Complete);
}

#[tokio::test]
async fn what_is_open_at_a_refused_database_keeps_no_job_running() {
    let store = two_databases().await;
    let mut gone = database(store.as_ref(), "A", None).await;
    let read = read_end(&gone, 2);
    gone.apply(store.as_ref(), read).await.expect("opens");
    let told = gone.tell(store.as_ref(), Some("gone".to_owned())).await;
    told.expect("stored");
    let mut other = database(store.as_ref(), "C", None).await;
    let report = status(Arc::clone(&store)).await.expect("a report");
    assert_eq!(report.state, JobState::Failed);
    let read = read_end(&other, 2);
    other.apply(store.as_ref(), read).await.expect("opens");
    let report = status(Arc::clone(&store)).await.expect("a report");
    assert_eq!(report.state, JobState::Running, "the other goes on");
}

#[tokio::test]
async fn the_last_committed_end_is_told_while_another_iteration_is_open() {
    let store = two_databases().await;
    let mut open = database(store.as_ref(), "A", None).await;
    let read = read_end(&open, 5_000);
    open.apply(store.as_ref(), read).await.expect("opens");
    let report = status(Arc::clone(&store)).await.expect("a report");
    let told = &report.databases[0];
    assert_eq!(
        (told.iteration, told.cursor_end.as_deref()),
        (2, Some("c2"))
    );
    assert_eq!(told.committed_end.as_deref(), Some("c1"));
    assert_eq!(told.committed_read_at, Some(Millis(1)));
    let new = &report.databases[1];
    assert_eq!((&new.committed_end, new.committed_read_at), (&None, None));
}

#[tokio::test]
async fn what_is_counted_page_by_page_is_what_a_worker_that_holds_everything_reports() {
    let pages = u32::try_from(2 * PAGE + FIRST_PAGE).expect("a number");
    let small = u32::try_from(FIRST_PAGE).expect("a number");
    let mut tables: Vec<(String, u32)> = (0..2 * LOADS_AT_ONCE)
        .map(|number| (format!("T{number}"), number as u32))
        .collect();
    // The head comes last: alone on its page, and on a page of blocks.
    tables.push(("Exact".to_owned(), small));
    tables.push(("Large".to_owned(), pages + 3));
    let store = job(&tables).await;
    let report = status(Arc::clone(&store)).await.expect("a report");
    assert_eq!(report.state, JobState::Running);

    let moment = report.at.expect("a moment");
    let mut states = Vec::new();
    for (name, _) in &tables {
        let id = ActivityId::of("A", name);
        let found = StoredActivity::load(store.as_ref(), &id).await;
        states.push(found.expect("loads").expect("is stored").state);
    }
    let database = StoredDatabase::load(store.as_ref(), "A", "B", 0).await;
    let database = database.expect("loads");
    let counted = states.iter().map(|state| Counted::of(state, moment));
    let whole = progress::report(
        std::iter::once(&database),
        counted,
        JobState::Running,
        moment,
    );
    assert_eq!(report.tables, whole.tables);
    assert_eq!(report.databases, whole.databases);

    let large = report.tables.iter().find(|table| table.table == "Large");
    let large = large.expect("it is told");
    let blocks: u64 = large.blocks_by_state.values().sum();
    assert_eq!(blocks, u64::from(pages + 3));
    let held = (0..pages + 3).filter(|number| number % 4 == 3).count();
    let told = large.error.as_deref().expect("it is held");
    assert!(
        told.starts_with("block 3:") && told.ends_with(&format!("(and {} more blocks)", held - 1)),
        "{told}"
    );
}

/// The first pages of all that are read at once are no more than one page of a large activity.
const _: () = assert!(FIRST_PAGE * LOADS_AT_ONCE <= PAGE);
