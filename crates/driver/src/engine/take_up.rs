//! Which tables that have a marker are taken to work, and when.

use kusto_copy_core::database::DueMarker;

use super::aside::is_held;
use super::{Engine, Live};
use crate::effects;
use crate::error::DriverError;

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

    /// Takes activities of markers to work that are not at work yet.
    pub(super) async fn take_up(&mut self, side: usize) -> Result<(), DriverError> {
        let markers: Vec<DueMarker> = self.waiting(side).cloned().collect();
        for marker in markers {
            let id = marker.activity.clone();
            let excluded = !self.options.chooses(&marker.source_table);
            let newest = marker.newest;
            let stored = self.load_or_begin(side, marker, !excluded).await?;
            if excluded && is_held(&stored.state) {
                self.aside.insert(id);
                continue;
            }
            let tag_prefix = effects::tag_prefix(&self.incarnation, &id);
            self.live.insert(
                id,
                Live {
                    stored,
                    side,
                    newest,
                    check_values: None,
                    files_deleted: false,
                    tag_prefix,
                },
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kusto_copy_core::activity::{Ghost, SlotKind};
    use kusto_copy_core::vocabulary::{ActivityId, Millis};
    use kusto_copy_store::{MemoryStore, Store};

    use super::super::testing;
    use crate::clock::now;

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
