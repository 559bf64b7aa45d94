//! Which tables that have a marker are taken to work, and when.

use std::cmp::Reverse;

use futures::future::try_join_all;
use kusto_copy_core::database::{DatabasePhase, DueMarker};

use super::aside::is_held;
use super::{Engine, Live, stuck};
use crate::effects;
use crate::error::DriverError;
use crate::persist::StoredActivity;

/// Tables at work for each slot: one exports while others are prepared, planned and tidied.
const TABLES_OF_A_SLOT: usize = 4;
/// Tables at work at least, as far as there are any.
const FEWEST: usize = 64;
/// Tables at work at most.
const MOST: usize = 1_000;
/// Activities that are read at once.
const LOADS_AT_ONCE: usize = 8;

impl Engine {
    /// Markers of tables that are to be taken to work and are not at work yet.
    pub(super) fn waiting(&self, side: usize) -> impl Iterator<Item = &DueMarker> {
        let database = &self.sides[side].stored;
        // Due again before its last window is tidy: taken to work once.
        let tidy = database.tidy.iter();
        let tidy = tidy.filter(|(id, _)| !database.due.contains_key(*id));
        let markers = database.due.iter().chain(tidy);
        let waits =
            markers.filter(move |(id, _)| !self.live.contains_key(*id) && !self.is_aside(side, id));
        waits.map(|(_, marker)| &marker.marker)
    }

    /// Whether a table of any database waits to be taken to work.
    pub(super) fn has_waiting(&self) -> bool {
        (0..self.sides.len()).any(|side| self.waiting(side).next().is_some())
    }

    /// Whether tables wait that could be taken to work now.
    pub(super) fn may_take_up(&self) -> bool {
        (0..self.sides.len()).any(|side| {
            let place = &self.sides[side];
            let opens = matches!(place.stored.record.phase, DatabasePhase::Opening { .. });
            let reached = !opens && place.obstacle.is_none();
            reached && self.waiting(side).next().is_some() && self.room(side) > 0
        })
    }

    /// A table's place in the user's order.
    pub(super) fn rank(&self, table: &str) -> usize {
        let mut order = self.options.priority.iter();
        order.position(|name| name == table).unwrap_or(usize::MAX)
    }

    /// Tables of a database that may be taken to work beside those that are. Those that wait for
    /// a person, or for nothing but the end of lost commands, take no room.
    fn room(&self, side: usize) -> usize {
        if self.control.retry_held.is_some() {
            // It is answered once every table was looked at.
            return usize::MAX;
        }
        let keep = self.options.continuous;
        let works = |live: &&Live| {
            live.side == side && !live.rests(keep) && !stuck::is_stuck(&live.stored.state)
        };
        let at_work = self.live.values().filter(works).count();
        let most = if self.has_room_for_blocks() {
            let budgets = [
                &self.watcher.exports,
                &self.watcher.ingestions,
                &self.watcher.queries,
            ];
            let slots: u32 = budgets.iter().map(|budget| budget.free(0)).sum();
            let tables = usize::try_from(slots).unwrap_or(usize::MAX);
            let tables = tables.saturating_mul(TABLES_OF_A_SLOT);
            tables.clamp(FEWEST, MOST).div_ceil(self.sides.len())
        } else {
            1
        };
        most.saturating_sub(at_work)
    }

    /// Whether more blocks may be planned.
    pub(super) fn has_room_for_blocks(&self) -> bool {
        let live = self.live.values();
        let active: usize = live
            .map(|live| live.stored.state.unfinished().count())
            .sum();
        active < self.options.limits.active_blocks
    }

    /// What is taken to work next: what is left to tidy, then by the user's order, then tables
    /// with the newest rows.
    fn next_waiting(&self, side: usize, room: usize) -> Vec<DueMarker> {
        let due = &self.sides[side].stored.due;
        let mut waiting: Vec<&DueMarker> = if room == 0 {
            Vec::new()
        } else {
            self.waiting(side).collect()
        };
        waiting.sort_by_cached_key(|marker| {
            (
                due.contains_key(&marker.activity),
                self.rank(&marker.source_table),
                Reverse(marker.newest),
                marker.activity.clone(),
            )
        });
        waiting.into_iter().take(room).cloned().collect()
    }

    /// Takes tables that have a marker to work, as many as blocks and slots have room for; the
    /// others follow as these finish. It ends early when the budget is used.
    pub(super) async fn take_up(&mut self, side: usize) -> Result<(), DriverError> {
        let mut is_first = true;
        loop {
            let markers = self.next_waiting(side, self.room(side));
            if markers.is_empty() {
                return Ok(());
            }
            for markers in markers.chunks(LOADS_AT_ONCE) {
                if !is_first && self.is_out_of_budget() {
                    return Ok(());
                }
                is_first = false;
                let loads = markers.iter().map(|marker| {
                    let may_release = self.options.chooses(&marker.source_table);
                    self.load_or_begin(side, marker.clone(), may_release)
                });
                for (stored, marker) in try_join_all(loads).await?.into_iter().zip(markers) {
                    self.taken(side, stored, marker);
                }
            }
        }
    }

    fn taken(&mut self, side: usize, stored: StoredActivity, marker: &DueMarker) {
        let id = marker.activity.clone();
        if !self.options.chooses(&marker.source_table) && is_held(&stored.state) {
            self.aside.insert(id);
            return;
        }
        let tag_prefix = effects::tag_prefix(&self.incarnation, &id);
        self.live.insert(
            id,
            Live {
                stored,
                side,
                newest: marker.newest,
                check_values: None,
                files_deleted: false,
                tag_prefix,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use std::time::Duration;

    use kusto_copy_core::activity::{ActivityEvent, Ghost, SlotKind};
    use kusto_copy_core::database::DatabasePhase;
    use kusto_copy_core::vocabulary::{ActivityId, Millis, Ticks};
    use kusto_copy_store::{MemoryStore, Store};

    use super::super::testing;
    use super::{Engine, FEWEST, LOADS_AT_ONCE};
    use crate::clock::now;
    use crate::job::RunOptions;
    use crate::persist::StoredDatabase;
    use crate::report::JobState;

    /// A table that was set aside is due again before its last window was tidied, in which answers
    /// were lost: what may come late is recorded before the next window begins.
    #[tokio::test]
    async fn what_may_come_late_is_recorded_before_the_next_window_begins() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let mut engine = testing::engine(Arc::clone(&store), testing::options()).await;
        testing::open(&mut engine, &["T"]).await;
        let mut state = testing::completed("T");
        state.head.may_come_late = true;
        state.head.dropped_staging = vec!["s".to_owned()];
        state.head.ghosts.push(Ghost {
            kind: SlotKind::Export,
            at: now(),
        });
        testing::complete(&mut engine, "T", state).await;
        testing::open(&mut engine, &["T"]).await;
        let id = ActivityId::of("A", "T");
        engine.take_up(0).await.expect("takes up");
        assert_eq!(engine.live[&id].stored.state.head.iteration, 1);
        engine.finish_tables().await.expect("puts away");
        assert!(!engine.live.contains_key(&id), "it begins anew");
        assert!(!engine.sides[0].stored.tidy.contains_key(&id));
        let sweeps = testing::sweeps(store.as_ref()).await;
        assert_eq!(sweeps.len(), 1);
        assert!(sweeps[0].files && sweeps[0].due > now());
        assert_eq!(
            (sweeps[0].iteration, sweeps[0].staging.as_slice()),
            (1, ["s".to_owned()].as_slice())
        );
        engine.take_up(0).await.expect("takes up");
        let head = &engine.live[&id].stored.state.head;
        assert_eq!(head.iteration, 2);
        assert!(!head.may_come_late);
        assert_eq!(head.ghosts.len(), 1, "its slot is taken still");
    }

    fn names(many: u32) -> Vec<String> {
        (0..many).map(|number| format!("T{number:03}")).collect()
    }

    /// An engine whose database has many due tables.
    async fn crowded(options: RunOptions) -> (Arc<dyn Store>, Engine) {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let mut engine = testing::engine(Arc::clone(&store), options).await;
        let names = names(200);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        testing::open(&mut engine, &names).await;
        (store, engine)
    }

    #[tokio::test]
    async fn tables_are_taken_to_work_in_order_as_there_is_room_and_the_others_are_counted() {
        let options = RunOptions {
            priority: vec!["T150".to_owned()],
            ..testing::options()
        };
        let (store, mut engine) = crowded(options).await;
        let newest = ActivityId::of("A", "T120");
        let due = &mut engine.sides[0].stored.due;
        if let Some(due) = due.get_mut(&newest) {
            due.marker.newest = Some(Ticks(7));
        }
        let first = engine.next_waiting(0, 2);
        let first: Vec<&str> = first.iter().map(|due| due.source_table.as_str()).collect();
        assert_eq!(first, ["T150", "T120"]);
        engine.take_up(0).await.expect("takes up");
        assert_eq!(engine.live.len(), FEWEST);
        assert!(engine.has_waiting() && !engine.may_take_up());
        // A person must look at all of them: the others go on meanwhile.
        for id in engine.live.keys().cloned().collect::<Vec<_>>() {
            let reason = "a permission is missing".to_owned();
            let held = ActivityEvent::Held { reason };
            engine.apply(&id, held).await.expect("fits");
            engine.flush(&id).await.expect("stored");
        }
        assert!(engine.may_take_up());
        assert!(!engine.is_stuck(), "tables wait that nobody looked at");
        engine.take_up(0).await.expect("takes up");
        assert_eq!(engine.live.len(), 2 * FEWEST);
        let database = StoredDatabase::load_markers(store.as_ref(), "A", "B", 1).await;
        let database = database.expect("loads");
        let (sides, live) = (std::iter::once(&database), engine.counted(now()));
        let report = crate::progress::report(sides, live, JobState::Running, now());
        assert_eq!(report.tables.len(), 200);
        let waits = report
            .tables
            .iter()
            .filter(|table| table.state == "waiting");
        assert_eq!(waits.count(), 200 - 2 * FEWEST);
    }

    #[tokio::test]
    async fn tables_that_nobody_took_up_keep_a_job_from_being_complete() {
        let (_, mut engine) = crowded(testing::options()).await;
        engine.sides[0].stored.record.phase = DatabasePhase::Idle;
        assert!(engine.live.is_empty());
        assert!(engine.is_at_work());
        engine.sides[0].stored.due.clear();
        assert!(!engine.is_at_work());
    }

    #[tokio::test]
    async fn taking_up_ends_with_the_budget_and_a_retry_looks_at_every_table() {
        let options = RunOptions {
            budget: Some(Duration::ZERO),
            ..testing::options()
        };
        let (_, mut engine) = crowded(options).await;
        engine.take_up(0).await.expect("takes up");
        assert_eq!(
            engine.live.len(),
            LOADS_AT_ONCE,
            "what can be sent at once is"
        );
        engine.options.budget = None;
        engine.control.retry_held = Some("a wish".to_owned());
        engine.take_up(0).await.expect("takes up");
        assert_eq!(engine.live.len(), 200);
    }

    /// A lost answer delays the next iteration no longer than the deletion of files takes.
    #[tokio::test]
    async fn nothing_waits_for_commands_without_an_answer() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let mut engine = testing::engine(Arc::clone(&store), testing::options()).await;
        testing::open(&mut engine, &["T"]).await;
        let mut state = testing::completed("T");
        state.head.may_come_late = true;
        state.head.ghosts.push(Ghost {
            kind: SlotKind::Export,
            at: now(),
        });
        testing::complete(&mut engine, "T", state).await;
        engine.take_up(0).await.expect("takes up");
        assert!(engine.has_live(0), "its files are not deleted yet");
        engine.finish_tables().await.expect("deletes files");
        assert_eq!(engine.live.len(), 1, "its slot is taken still");
        assert!(!engine.has_live(0));
        let opens = engine.next_opening().expect("an iteration follows");
        assert!(opens > Millis(0));
    }
}
