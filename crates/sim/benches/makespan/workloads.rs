//! The workloads. A row of the model stands for a few hundred thousand real ones; times are
//! those of real operations.

use kusto_copy_core::database::{Database, DatabaseEvent, TableRecord};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{ActivityId, Millis};
use kusto_copy_sim::history::{History, START};
use kusto_copy_sim::model::nature::Batch;
use kusto_copy_sim::model::source::cursor_text;
use kusto_copy_sim::model::store::{Key, Value, Write};
use kusto_copy_sim::model::{Times, World};

/// A workload's name and how it is made.
pub(super) type Workload = (&'static str, fn() -> History);

/// All of them.
pub(super) const ALL: &[Workload] = &[
    ("one huge table", huge),
    ("200 mixed tables", mixed),
    ("10,000 tables, 50 with a delta", mostly_idle),
    ("one table with a small delta", small_delta),
];

/// An export of a full block takes about two minutes, an ingestion three.
const TIMES: Times = Times {
    way: 10,
    query: 100,
    store: 8,
    export: (1_000, 1_500),
    ingest: (1_500, 2_000),
    shift: 800,
    jitter: 30,
};

const BLOCK_ROWS: u64 = 80;

fn base() -> History {
    let mut history = History::quiet(1);
    history.manner.limits = Limits {
        block_rows: BLOCK_ROWS,
        small_rows: 1,
        ..Limits::default()
    };
    history.manner.pause = 0;
    {
        let mut world = history.sim.world();
        world.times = TIMES;
        world.capacity = (20, 20);
        world.file_rows = 40;
        world.source.result_limit = 200_000;
        world.checker.off = true;
        world.goal.iterations = Some(1);
        world.goal.keep_staging = true;
    }
    history
}

const fn batch(rows: usize) -> Batch {
    Batch {
        rows,
        apart: 10_000,
        days_old: 0,
        timed: true,
        streaming: false,
    }
}

fn fill(world: &mut World, table: &str, rows: usize) {
    // About two extents a block.
    let mut left = rows;
    let mut at = START - 86_400_000;
    while left > 0 {
        let now = left.min(40);
        world.arrive(table, batch(now), at);
        left -= now;
        at += 60_000;
    }
}

fn huge() -> History {
    let history = base();
    {
        let mut world = history.sim.world();
        fill(&mut world, "Huge", 400 * 80);
        world.assign_cursors();
    }
    history
}

fn mixed() -> History {
    let history = base();
    {
        let mut world = history.sim.world();
        for number in 0..200_usize {
            let rows = match number % 20 {
                0 => 200,
                1..=4 => 20,
                _ => 1 + number % 5,
            };
            fill(&mut world, &format!("T{number}"), rows);
        }
        world.assign_cursors();
    }
    history
}

/// Tables whose first iteration is committed, the first so many with new rows.
fn after_backfill(tables: usize, changed: usize, rows: usize) -> History {
    let history = base();
    {
        let mut world = history.sim.world();
        let end = cursor_text(world.source.cursor);
        let mut database = Database::new("db".to_owned(), "db".to_owned(), 0);
        let read = DatabaseEvent::CursorRead {
            source_id: world.source.id.clone(),
            cursor_end: end.clone(),
            read_at: Millis(START),
        };
        for event in [read, DatabaseEvent::Marked, DatabaseEvent::Committed] {
            if let Err(error) = database.apply(event) {
                world.checker.note(error.to_string());
            }
        }
        let mut writes = vec![Write::Put(Key::Database, Value::Database(database))];
        for number in 0..tables {
            let table = format!("T{number}");
            let delta = if number < changed {
                1 + (number * 7) % rows
            } else {
                0
            };
            world.arrive(&table, batch(delta), START - 1_000);
            let id = ActivityId::of("db", &table);
            let record = TableRecord {
                completed_to: Some(end.clone()),
                ..TableRecord::new(id, &table, String::new())
            };
            writes.push(Write::Put(
                Key::Table(record.activity.clone()),
                Value::Table(record),
            ));
        }
        for part in writes.chunks(90) {
            if world.store.commit(part, 0).is_err() {
                world
                    .checker
                    .note("the first iteration could not be stored".to_owned());
            }
        }
        world.assign_cursors();
        world.goal.iterations = Some(2);
    }
    history
}

fn mostly_idle() -> History {
    after_backfill(10_000, 50, 100)
}

fn small_delta() -> History {
    after_backfill(1, 1, 2)
}
