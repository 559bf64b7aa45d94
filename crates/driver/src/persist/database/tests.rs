//! Iterations meet lost answers, stale workers, set-aside tables and late leftovers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kusto_copy_core::database::Sweep;
use kusto_copy_core::vocabulary::{Cursor, Millis, Window};
use kusto_copy_store::faulty::{Call, Fault, Faulty};
use kusto_copy_store::{MemoryStore, SystemClock};

use super::*;

fn due() -> (TableRecord, DueMarker) {
    let activity = ActivityId::of("a", "T");
    let record = TableRecord::new(activity.clone(), "T", "1".to_owned());
    let marker = DueMarker {
        activity,
        iteration: 1,
        source_table: "T".to_owned(),
        destination_table: "T".to_owned(),
        window: Window {
            after: None,
            up_to: Cursor("c".to_owned()),
        },
        bounds: None,
        newest: None,
        table_id: None,
        problem: None,
    };
    (record, marker)
}

async fn iteration(store: &dyn Store) -> Result<StoredDatabase, DriverError> {
    let mut database = StoredDatabase::load(store, "a", "b", 1).await?;
    database.claim(store, 1).await?;
    let read = DatabaseEvent::CursorRead {
        source_id: "1".to_owned(),
        cursor_end: Cursor("c".to_owned()),
        read_at: Millis(1),
    };
    database.apply(store, read).await?;
    database.mark_due(store, vec![due()]).await?;
    database.apply(store, DatabaseEvent::Marked).await?;
    let activity = ActivityId::of("a", "T");
    let add = Copied {
        rows: 7,
        ..Copied::default()
    };
    // Twice, as it is repeated after a lost answer.
    for _ in 0..2 {
        let completed = vec![(activity.clone(), add)];
        database.complete(store, completed).await?;
    }
    database.apply(store, DatabaseEvent::Committed).await?;
    let sweep = Sweep {
        activity: activity.clone(),
        iteration: 1,
        files: true,
        staging: vec!["s".to_owned()],
        due: Millis(9),
        tries: 0,
    };
    let left = Leftovers {
        has_staging: true,
        sweep: Some(sweep),
    };
    let tidied = vec![(activity.clone(), left)];
    database.tidied(store, tidied).await?;
    let found = database.due_sweeps(store, Millis(9)).await?;
    let found = found.unwrap_or_default();
    let done = found.due.clone();
    database.swept(store, found, &done, Vec::new()).await?;
    Ok(database)
}

/// Each transaction of an iteration meets each fault once: rows count once and memory is
/// what the store holds.
#[tokio::test]
async fn lost_answers_leave_memory_and_store_together() {
    for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::Late] {
        for at in 0..8 {
            let memory: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)));
            let commits = AtomicUsize::new(0);
            let choose = move |call: Call<'_>| {
                let commit = matches!(call, Call::Commit(_));
                (commit && commits.fetch_add(1, Ordering::Relaxed) == at).then_some(fault)
            };
            let store = Faulty::new(Arc::clone(&memory), Box::new(choose));
            let database = iteration(&store).await.expect("completes");
            let stored = StoredDatabase::load(memory.as_ref(), "a", "b", 1)
                .await
                .expect("loads");
            assert_eq!(stored.record, database.record, "{fault:?} at {at}");
            assert_eq!(stored.record.phase, DatabasePhase::Idle);
            assert_eq!(stored.tables, database.tables);
            let rows: Vec<u64> = stored.tables.values().map(|t| t.rows_copied).collect();
            assert_eq!(rows, [7], "{fault:?} at {at}");
            assert!(stored.due.is_empty() && stored.tidy.is_empty());
            assert_eq!(stored.next_sweep(), None);
            assert!(sweeps(memory.as_ref()).await.is_empty());
        }
    }
}

#[tokio::test]
async fn a_worker_that_was_taken_over_writes_nothing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)));
    let load = |epoch| StoredDatabase::load(store.as_ref(), "a", "b", epoch);
    let mut old = load(1).await.expect("loads");
    old.claim(store.as_ref(), 1).await.expect("claims");
    let mut new = load(2).await.expect("loads");
    new.claim(store.as_ref(), 2).await.expect("claims");
    let stale = old.mark_due(store.as_ref(), vec![due()]).await;
    assert!(stale.is_err_and(|error| error.is_conflict()));
}

/// However late it comes, and whether it read before or after the newer worker's claim.
#[tokio::test]
async fn a_stale_claim_is_refused() {
    let store = memory();
    let load = |epoch| StoredDatabase::load(store.as_ref(), "a", "b", epoch);
    let mut first = load(1).await.expect("loads");
    first.claim(store.as_ref(), 1).await.expect("claims");
    let mut read_before = load(1).await.expect("loads");
    let mut new = load(2).await.expect("loads");
    new.claim(store.as_ref(), 2).await.expect("claims");
    let mut read_after = load(1).await.expect("loads");
    for stale in [&mut read_before, &mut read_after] {
        let claimed = stale.claim(store.as_ref(), 1).await;
        assert!(
            matches!(claimed, Err(DriverError::TakenOver)),
            "{claimed:?}"
        );
    }
    assert_eq!(load(3).await.expect("loads").record, new.record);
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)))
}

fn read(cursor: &str) -> DatabaseEvent {
    DatabaseEvent::CursorRead {
        source_id: "1".to_owned(),
        cursor_end: Cursor(cursor.to_owned()),
        read_at: Millis(1),
    }
}

/// A table that the user excluded lets iterations commit; included again it completes its old
/// window first, then the window up to the open iteration's end.
#[tokio::test]
async fn a_table_that_was_set_aside_goes_on_where_it_stood() {
    let store = memory();
    let mut database = StoredDatabase::load(store.as_ref(), "a", "b", 1)
        .await
        .expect("loads");
    let begin = [read("c"), DatabaseEvent::Marked];
    let again = [DatabaseEvent::Committed, read("e"), DatabaseEvent::Marked];
    let (record, marker) = due();
    let activity = marker.activity.clone();
    for (number, event) in begin.into_iter().enumerate() {
        if number == 1 {
            let due = vec![(record.clone(), marker.clone())];
            database.mark_due(store.as_ref(), due).await.expect("marks");
        }
        let applied = database.apply(store.as_ref(), event).await;
        applied.expect("applies");
    }
    for event in again {
        let applied = database.apply(store.as_ref(), event).await;
        applied.expect("an excluded table holds nothing back");
    }
    assert_eq!(database.tables[&activity].completed_to, None);
    let completed = || vec![(activity.clone(), Copied::default())];
    let done = database.complete(store.as_ref(), completed()).await;
    done.expect("completes its old window");
    let loaded = StoredDatabase::load(store.as_ref(), "a", "b", 1)
        .await
        .expect("loads");
    for database in [&database, &loaded] {
        let next = &database.due[&activity].marker;
        let (from, to) = (Cursor("c".to_owned()), Cursor("e".to_owned()));
        assert_eq!(database.tables[&activity].completed_to, Some(from.clone()));
        assert_eq!(next.iteration, 2);
        assert_eq!(
            (next.window.after.clone(), &next.window.up_to),
            (Some(from), &to)
        );
        assert_eq!(database.tidy[&activity].marker.iteration, 1);
    }
    let done = database.complete(store.as_ref(), completed()).await;
    done.expect("completes");
    let end = Some(Cursor("e".to_owned()));
    assert_eq!(database.tables[&activity].completed_to, end);
    assert!(!database.due.contains_key(&activity));
}

/// The end of a continuous job finds the staging tables of tables that are idle.
#[tokio::test]
async fn kept_staging_is_found_when_the_job_ends() {
    let store = memory();
    let mut database = StoredDatabase::load(store.as_ref(), "a", "b", 1)
        .await
        .expect("loads");
    for event in [read("c"), DatabaseEvent::Marked] {
        database
            .apply(store.as_ref(), event)
            .await
            .expect("applies");
    }
    database
        .mark_due(store.as_ref(), vec![due()])
        .await
        .expect("marks");
    let activity = ActivityId::of("a", "T");
    let kept = Copied {
        has_staging: true,
        ..Copied::default()
    };
    database
        .complete(store.as_ref(), vec![(activity.clone(), kept)])
        .await
        .expect("completes");
    let left = || Leftovers {
        has_staging: true,
        sweep: None,
    };
    let committed = database
        .apply(store.as_ref(), DatabaseEvent::Committed)
        .await;
    committed.expect("commits");
    database
        .tidied(store.as_ref(), vec![(activity.clone(), left())])
        .await
        .expect("tidies");
    let options = |continuous| RunOptions {
        continuous,
        ..RunOptions::default()
    };
    assert!(database.is_at_rest(&options(true), Millis(5)));
    assert!(!database.is_at_rest(&options(false), Millis(5)));
    database
        .retire_staging(store.as_ref())
        .await
        .expect("retires");
    let marker = &database.tidy[&activity].marker;
    assert_eq!(marker.iteration, database.tables[&activity].last_iteration);
    let gone = database
        .tidied(
            store.as_ref(),
            vec![(activity.clone(), Leftovers::default())],
        )
        .await;
    gone.expect("tidies");
    let loaded = StoredDatabase::load(store.as_ref(), "a", "b", 1)
        .await
        .expect("loads");
    assert!(loaded.is_at_rest(&options(false), Millis(5)));
    assert_eq!(loaded.tables, database.tables);
}

async fn sweeps(store: &dyn Store) -> Vec<Sweep> {
    let partition = database_partition("a").expect("a partition");
    let range = RowRange::below(&["sweep"]).expect("a range");
    let found = list_all(store, &partition, &range).await.expect("lists");
    let sweeps = found
        .iter()
        .map(|entity| decode(entity).expect("a sweep").0);
    sweeps.collect()
}

fn sweep(due: u64) -> Sweep {
    Sweep {
        activity: ActivityId::of("a", "T"),
        iteration: 1,
        files: true,
        staging: vec!["s".to_owned()],
        due: Millis(due),
        tries: 0,
    }
}

/// A database with second deletions that are due at these moments.
async fn leaves(store: &dyn Store, moments: &[u64]) -> StoredDatabase {
    let mut database = StoredDatabase::load(store, "a", "b", 1)
        .await
        .expect("loads");
    for moment in moments {
        let write = database.recorded(&sweep(*moment)).expect("a write");
        let written = database.commit(store, vec![write]).await;
        written.expect("commits");
    }
    database
}

/// What late commands may have left stays recorded until it is swept, and is due in time.
#[tokio::test]
async fn leftovers_are_swept_once_they_are_due_and_no_execution_reads_them_before() {
    let store = memory();
    leaves(store.as_ref(), &[100, 300, 200]).await;
    let unread = |call: Call<'_>| matches!(call, Call::List(_)).then_some(Fault::Unavailable);
    let blind = Faulty::new(Arc::clone(&store), Box::new(unread));
    let loaded = StoredDatabase::load(store.as_ref(), "a", "b", 1).await;
    let mut loaded = loaded.expect("loads");
    assert_eq!(loaded.next_sweep(), Some(Millis(100)));
    let found = loaded.due_sweeps(&blind, Millis(99)).await;
    assert!(found.expect("nothing is read").is_none());
    let found = loaded.due_sweeps(store.as_ref(), Millis(250)).await;
    let found = found.expect("reads").expect("some are due");
    let due: Vec<&Sweep> = found.due.iter().map(|stored| &stored.sweep).collect();
    assert_eq!(due, [&sweep(100), &sweep(200)]);
    // One of them is left for the next turn.
    let done = found.due[..1].to_vec();
    let swept = loaded.swept(store.as_ref(), found, &done, Vec::new());
    swept.await.expect("stored");
    assert_eq!(loaded.next_sweep(), Some(Millis(200)));
    let found = loaded.due_sweeps(store.as_ref(), Millis(250)).await;
    let found = found.expect("reads").expect("one is due");
    let done = found.due.clone();
    let swept = loaded.swept(store.as_ref(), found, &done, Vec::new());
    swept.await.expect("stored");
    assert_eq!(loaded.next_sweep(), Some(Millis(300)));
    assert_eq!(sweeps(store.as_ref()).await, [sweep(300)]);
    let again = StoredDatabase::load(store.as_ref(), "a", "b", 1).await;
    assert_eq!(again.expect("loads").next_sweep(), Some(Millis(300)));
}

/// More than one turn takes are read turn by turn; what fails goes behind the others and is told.
#[tokio::test]
async fn a_second_deletion_that_fails_goes_behind_the_others() {
    let store = memory();
    let moments: Vec<u64> = (100..150).collect();
    let mut database = leaves(store.as_ref(), &moments).await;
    let (mut turns, mut done) = (0, 0);
    while let Some(mut found) = database
        .due_sweeps(store.as_ref(), Millis(1_000))
        .await
        .expect("reads")
    {
        let failing = found.due.first().filter(|_| turns == 0).cloned();
        let failed = failing.map(|stored| FailedSweep {
            stored,
            what: "no permission".to_owned(),
            until: Millis(5_000),
        });
        let works = found.due.split_off(usize::from(failed.is_some()));
        turns += 1;
        done += works.len();
        found.due.extend(works.iter().cloned());
        let failed = failed.into_iter().collect();
        let swept = database.swept(store.as_ref(), found, &works, failed);
        swept.await.expect("stored");
    }
    assert_eq!((turns, done), (2, 49));
    let left = sweeps(store.as_ref()).await;
    let expected = Sweep {
        due: Millis(5_000),
        tries: 1,
        ..sweep(100)
    };
    assert_eq!(left, [expected]);
    assert_eq!(database.next_sweep(), Some(Millis(5_000)));
}

/// Tables that complete, and are tidy, at about the same time share transactions.
#[tokio::test]
async fn many_tables_complete_in_a_few_transactions() {
    let commits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&commits);
    let count = move |call: Call<'_>| {
        count.fetch_add(
            usize::from(matches!(call, Call::Commit(_))),
            Ordering::Relaxed,
        );
        None
    };
    let store: Arc<dyn Store> = Arc::new(Faulty::new(memory(), Box::new(count)));
    let database = StoredDatabase::load(store.as_ref(), "a", "b", 1).await;
    let mut database = database.expect("loads");
    let (table, marker) = due();
    let named = |number: u32| {
        let activity = ActivityId::of("a", &format!("T{number}"));
        let (mut table, mut marker) = (table.clone(), marker.clone());
        table.activity = activity.clone();
        marker.activity = activity;
        (table, marker)
    };
    for event in [read("c"), DatabaseEvent::Marked] {
        let applied = database.apply(store.as_ref(), event).await;
        applied.expect("applies");
    }
    let marked = (0..65).map(named).collect();
    let marked = database.mark_due(store.as_ref(), marked).await;
    marked.expect("marks");
    let ids: Vec<ActivityId> = database.due.keys().cloned().collect();
    commits.store(0, Ordering::Relaxed);
    let copied = |(id, rows): (&ActivityId, u64)| {
        let copied = Copied {
            rows,
            ..Copied::default()
        };
        (id.clone(), copied)
    };
    let completed = ids.iter().zip(1..).map(copied).collect();
    let done = database.complete(store.as_ref(), completed).await;
    done.expect("completes");
    assert_eq!(commits.load(Ordering::Relaxed), 3);
    let sweep = |id: &ActivityId| Sweep {
        activity: id.clone(),
        iteration: 1,
        files: true,
        staging: Vec::new(),
        due: Millis(9),
        tries: 0,
    };
    // What each of them writes differs: the versions must not be taken for one another's.
    let left = |(id, number): (&ActivityId, u64)| {
        let left = Leftovers {
            has_staging: number % 2 == 0,
            sweep: (number % 3 == 0).then(|| sweep(id)),
        };
        (id.clone(), left)
    };
    let tidied = ids.iter().zip(1..).map(left).collect();
    let done = database.tidied(store.as_ref(), tidied).await;
    done.expect("is tidy");
    assert_eq!(commits.load(Ordering::Relaxed), 6);
    assert!(database.due.is_empty() && database.tidy.is_empty());
    let loaded = StoredDatabase::load(store.as_ref(), "a", "b", 1).await;
    let loaded = loaded.expect("loads");
    assert_eq!(loaded.tables, database.tables);
    assert_eq!(loaded.table_etags, database.table_etags);
    assert!(loaded.due.is_empty() && loaded.tidy.is_empty());
    let rows = ids.iter().map(|id| loaded.tables[id].rows_copied);
    assert!(rows.eq(1..=65));
}
