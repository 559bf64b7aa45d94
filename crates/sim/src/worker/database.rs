//! A database's iterations: open, mark due tables, drive them, commit; at the end tidy and sweep.

use std::collections::BTreeMap;
use std::rc::Rc;

use kusto_copy_core::activity::{ActivityEvent, ActivityState};
use kusto_copy_core::database::{Database, DatabaseEvent, DatabasePhase, DueMarker, TableRecord};
use kusto_copy_core::plan::Bounds;
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Predicate, Slice, TimeRange, Window};
use std::cell::RefCell;

use super::Worker;
use super::pacing::until_turn;
use super::table::Table;
use crate::model::source::cursor_text;
use crate::model::store::{Key, Value, Write};

/// The source database's name in ids.
const DATABASE: &str = "db";
/// After so long without a change, a table with something held counts as stuck.
const STUCK: u64 = 2 * 3_600_000;

impl Worker {
    /// Runs iterations until the goal is reached, nothing goes on, or the lease is lost.
    pub(super) async fn iterate(self: &Rc<Self>) {
        if self.stored_database().is_none() {
            let database =
                Database::new(DATABASE.to_owned(), DATABASE.to_owned(), self.epoch.get());
            let _ = self
                .commit(vec![Write::Insert(
                    Key::Database,
                    Value::Database(database),
                )])
                .await;
        }
        while !self.lost.get() {
            if !self.with_database(|_| Some(Vec::new())).await {
                return;
            }
            let Some((database, _)) = self.stored_database() else {
                continue;
            };
            if let Some(why) = database.held {
                self.link.sim.world().goal.stuck = Some(why);
                return;
            }
            let go_on = match database.phase {
                DatabasePhase::Idle => {
                    if self.goal_reached(database.committed) {
                        self.end().await;
                        return;
                    }
                    self.open(database.committed).await
                }
                DatabasePhase::Opening {
                    iteration,
                    cursor_end,
                    ..
                } => self.mark(iteration, &cursor_end).await,
                DatabasePhase::Running { .. } => self.run_tables().await,
            };
            if !go_on {
                return;
            }
        }
    }

    fn goal_reached(&self, committed: u32) -> bool {
        self.link
            .sim
            .look()
            .goal
            .iterations
            .is_some_and(|wanted| committed >= wanted)
    }

    async fn open(&self, committed: u32) -> bool {
        if committed > 0 {
            self.link.sim.clock.sleep(self.manner.pause).await;
        }
        let interval = self.manner.pacing.map_or(0, |pacing| pacing.plan);
        self.link
            .sim
            .clock
            .sleep(until_turn(self.link.sim.now(), interval))
            .await;
        let read = self
            .link
            .ask("cursor", None, |world| {
                (world.source.id.clone(), cursor_text(world.source.cursor))
            })
            .await;
        let Ok((source_id, cursor_end)) = read else {
            self.link.sim.clock.sleep(1_000).await;
            return true;
        };
        let read_at = self.now();
        self.with_database(|database| {
            let event = DatabaseEvent::CursorRead {
                source_id: source_id.clone(),
                cursor_end: cursor_end.clone(),
                read_at,
            };
            if let Err(error) = database.apply(event) {
                database.held = Some(error.to_string());
            }
            Some(Vec::new())
        })
        .await;
        true
    }

    /// Marks every table with rows in its window as due.
    async fn mark(&self, iteration: u32, end: &Cursor) -> bool {
        let known: BTreeMap<ActivityId, TableRecord> = {
            let world = self.link.sim.look();
            world
                .store
                .all()
                .filter_map(|(_, entity)| entity.value.table().cloned())
                .map(|record| (record.activity.clone(), record))
                .collect()
        };
        let own = end.clone();
        let asked = self
            .link
            .ask("changes", None, move |world| {
                let tables: Vec<String> = world.source.tables.keys().cloned().collect();
                let windows = tables.into_iter().map(|table| {
                    let id = ActivityId::of(DATABASE, &table);
                    let record = known.get(&id);
                    let after = record.and_then(|record| record.completed_to.clone());
                    let window = Window {
                        after,
                        up_to: own.clone(),
                    };
                    let slice = Slice::range(TimeRange::ALL);
                    let bounds = world.source.bounds(
                        &table,
                        &Predicate {
                            window: window.clone(),
                            slice,
                        },
                    );
                    (table, id, record.is_some(), window, bounds)
                });
                windows.collect::<Vec<_>>()
            })
            .await;
        let Ok(tables) = asked else {
            self.link.sim.clock.sleep(1_000).await;
            return true;
        };
        let due: Vec<_> = tables
            .into_iter()
            .filter(|(_, _, _, window, bounds)| window.after.is_none() || bounds.rows > 0)
            .collect();
        for part in due.chunks(30) {
            let writes: Vec<Write> = part
                .iter()
                .flat_map(|(table, id, known, window, bounds)| {
                    due_writes(iteration, table, id, *known, window, *bounds)
                })
                .collect();
            if !self.with_database(|_| Some(writes.clone())).await {
                return false;
            }
        }
        self.with_database(|database| {
            database
                .apply(DatabaseEvent::Marked)
                .ok()
                .map(|()| Vec::new())
        })
        .await;
        true
    }

    fn markers(&self) -> (Vec<DueMarker>, Vec<ActivityId>) {
        let world = self.link.sim.look();
        let mut due = Vec::new();
        let mut tidy = Vec::new();
        for (key, entity) in world
            .store
            .from(Key::Due(ActivityId::of("", "")))
            .chain(world.store.all())
        {
            match (key, &entity.value) {
                (_, Value::Due(marker)) if !due.contains(marker) => due.push(marker.clone()),
                (Key::Tidy(id), _) if !tidy.contains(id) => tidy.push(id.clone()),
                _ => {}
            }
        }
        (due, tidy)
    }

    async fn run_tables(self: &Rc<Self>) -> bool {
        let (due, tidy) = self.markers();
        if due.is_empty() {
            let committed = |database: &mut Database| {
                database
                    .apply(DatabaseEvent::Committed)
                    .ok()
                    .map(|()| Vec::new())
            };
            self.with_database(committed).await;
            return true;
        }
        for id in tidy {
            if !self.start_table(&id).await {
                return false;
            }
        }
        for marker in &due {
            if !self.start_due(marker).await {
                return false;
            }
        }
        // Operations that another worker began are looked at from now on.
        self.wake_poller();
        let now = self.link.sim.now();
        self.link.sim.clock.wait(now + 60_000).await;
        if self.is_stuck(&due) {
            // A worker that slept through everything is not one to tell.
            if !self.with_database(|_| Some(Vec::new())).await {
                return false;
            }
            self.link.sim.world().goal.stuck = Some("tables are held".to_owned());
            return false;
        }
        true
    }

    fn is_stuck(&self, due: &[DueMarker]) -> bool {
        let shared = self.shared.borrow();
        let now = self.link.sim.now();
        !due.is_empty()
            && due.iter().all(|marker| {
                shared.tables.get(&marker.activity).is_some_and(|table| {
                    let table = table.borrow();
                    now.saturating_sub(table.since) > STUCK
                })
            })
    }

    /// Begins a due table's iteration if it has not begun, and drives it.
    async fn start_due(self: &Rc<Self>, marker: &DueMarker) -> bool {
        let id = &marker.activity;
        let stored = self
            .link
            .sim
            .look()
            .store
            .get(&Key::Head(id.clone()))
            .is_some();
        if !stored {
            let state = ActivityState::begin(
                DATABASE,
                &marker.source_table,
                DATABASE,
                &marker.destination_table,
                marker.iteration,
                marker.window.clone(),
                marker.bounds,
                self.epoch.get(),
                self.now(),
            );
            let head = Value::Head(Box::new(state.head));
            let _ = self
                .commit(vec![Write::Insert(Key::Head(id.clone()), head)])
                .await;
        }
        let Some(table) = self.load(id).await else {
            return !self.lost.get();
        };
        let (behind, tidy) = {
            let rests = Table::rests(&table);
            let table = table.borrow();
            let behind = table.state.head.iteration < marker.iteration;
            (behind, table.state.is_tidy(true) && rests)
        };
        if behind && tidy {
            let begun = ActivityEvent::Begun {
                iteration: marker.iteration,
                window: marker.window.clone(),
                bounds: marker.bounds,
            };
            if self.record(&table, vec![begun], Vec::new()).await.is_none() {
                return false;
            }
            table.borrow_mut().reported = false;
        }
        self.run_loop(&table);
        true
    }

    async fn start_table(self: &Rc<Self>, id: &ActivityId) -> bool {
        let Some(table) = self.load(id).await else {
            return !self.lost.get();
        };
        let tidy = table.borrow().state.is_tidy(self.keeps_staging());
        if !tidy {
            self.run_loop(&table);
        }
        true
    }

    fn run_loop(self: &Rc<Self>, table: &Rc<RefCell<Table>>) {
        if !Table::rests(table) {
            return;
        }
        let (own, of) = (Rc::clone(self), Rc::clone(table));
        table.borrow_mut().idle = false;
        let task = self
            .link
            .sim
            .spawn(self.link.owner, async move { own.drive(of).await });
        table.borrow_mut().task = task;
    }

    /// Records a completed table and takes its marker away; false when the lease is lost.
    pub(super) async fn report_completed(&self, table: &Rc<RefCell<Table>>) -> bool {
        let (id, iteration, window, counters) = {
            let head = &table.borrow().state.head;
            (
                head.id.clone(),
                head.iteration,
                head.phase.window().clone(),
                head.counters,
            )
        };
        self.with_database(|_| {
            let world = self.link.sim.look();
            let marked = world.store.get(&Key::Due(id.clone())).is_some_and(|entity| {
                matches!(&entity.value, Value::Due(marker) if marker.iteration == iteration)
            });
            let record = world.store.get(&Key::Table(id.clone()));
            let record = record.and_then(|entity| entity.value.table().cloned());
            let Some(mut record) = record.filter(|_| marked) else {
                return Some(Vec::new());
            };
            record.completed_to = Some(window.up_to.clone());
            record.rows_copied += counters.rows_moved;
            Some(vec![
                Write::Delete(Key::Due(id.clone())),
                Write::Put(Key::Table(id.clone()), Value::Table(record)),
                Write::Put(Key::Tidy(id.clone()), Value::Marker),
            ])
        })
        .await
    }

    /// After the last iteration: staging tables are dropped, and late leftovers swept.
    async fn end(self: &Rc<Self>) {
        self.last_tidy.set(true);
        let ids: Vec<ActivityId> = {
            let world = self.link.sim.look();
            let heads = world
                .store
                .all()
                .filter_map(|(_, entity)| entity.value.head());
            heads.map(|head| head.id.clone()).collect()
        };
        loop {
            let mut open = false;
            for id in &ids {
                let Some(table) = self.load(id).await else {
                    return;
                };
                let done = {
                    let rests = Table::rests(&table);
                    table.borrow().state.is_tidy(false) && rests
                };
                if !done {
                    open = true;
                    self.run_loop(&table);
                }
            }
            if self.lost.get() {
                return;
            }
            if !open {
                break;
            }
            self.link.sim.clock.wait(self.link.sim.now() + 60_000).await;
        }
        for id in &ids {
            if !self
                .with_database(|_| Some(vec![Write::Delete(Key::Tidy(id.clone()))]))
                .await
            {
                return;
            }
        }
        if self.sweep().await {
            let goal = &mut self.link.sim.world().goal;
            goal.done = true;
            goal.stuck = None;
        }
    }

    /// Deletes recorded prefixes and staging tables once more, when nothing can come late.
    async fn sweep(&self) -> bool {
        loop {
            let next = {
                let world = self.link.sim.look();
                world
                    .store
                    .all()
                    .find_map(|(key, entity)| match (key, &entity.value) {
                        (Key::Sweep(id, what), Value::Sweep(due)) => {
                            Some((id.clone(), what.clone(), *due))
                        }
                        _ => None,
                    })
            };
            let Some((id, what, due)) = next else {
                return true;
            };
            let now = self.link.sim.now();
            self.link.sim.clock.sleep(due.saturating_sub(now)).await;
            if self.lost.get() {
                return false;
            }
            let own = what.clone();
            let swept = self
                .link
                .ask("sweep", Some(&id), move |world| {
                    if let Some(name) = own.strip_prefix("table:") {
                        world.drop_staging(name);
                    } else if let Some(prefix) = own.strip_prefix("files:") {
                        world.delete_files(prefix);
                    }
                })
                .await;
            if swept.is_err() {
                continue;
            }
            let Some(table) = self.load(&id).await else {
                return false;
            };
            let gone = vec![Write::Delete(Key::Sweep(id.clone(), what))];
            if self.record(&table, Vec::new(), gone).await.is_none() {
                return false;
            }
        }
    }
}

fn due_writes(
    iteration: u32,
    table: &str,
    id: &ActivityId,
    known: bool,
    window: &Window,
    bounds: Bounds,
) -> Vec<Write> {
    let marker = DueMarker {
        activity: id.clone(),
        iteration,
        source_table: table.to_owned(),
        destination_table: table.to_owned(),
        window: window.clone(),
        bounds: Some(bounds),
        newest: None,
        table_id: None,
        problem: None,
    };
    let mut writes = vec![Write::Put(Key::Due(id.clone()), Value::Due(marker))];
    if !known {
        let record = TableRecord::new(id.clone(), table, String::new());
        writes.push(Write::Put(Key::Table(id.clone()), Value::Table(record)));
    }
    writes
}
