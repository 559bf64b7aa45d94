//! The second deletion of what a late command may have left.
//!
//! The intent is the sweep's record, inserted when the table's tidying ended. Deleting twice
//! finds nothing; after a lost answer it is done again; a stale worker deletes nothing that could
//! be in use, since neither an iteration's folder nor a staging table's name is used again.

use kusto_copy_core::database::Sweep;
use kusto_copy_core::vocabulary::Millis;

use super::Engine;
use crate::clock::now;
use crate::complaint::chain;
use crate::effects::files_of_iteration;
use crate::error::DriverError;
use crate::persist::{DueSweeps, FailedSweep, StoredSweep};

/// The pause after a failed try doubles so many times at most.
const DOUBLINGS: u32 = 6;

impl Engine {
    /// Deletes once more what is due, each table's by itself: what fails is counted, told and
    /// tried again later, and the others go on. Nothing else waits for it.
    pub(super) async fn sweep(&mut self) -> Result<(), DriverError> {
        for side in 0..self.sides.len() {
            let moment = now();
            if self.is_paused() || self.sweep_pause.is_some_and(|until| moment < until) {
                return Ok(());
            }
            let database = &self.sides[side].stored;
            let found = database.due_sweeps(self.store.as_ref(), moment).await?;
            let Some(found) = found else {
                continue;
            };
            let (done, failed) = self.swept(side, &found, moment).await;
            let database = &mut self.sides[side].stored;
            let stored = database.swept(self.store.as_ref(), found, &done, failed);
            stored.await?;
        }
        Ok(())
    }

    /// When the next second deletion is due.
    pub(super) fn next_sweep(&self) -> Option<Millis> {
        if self.is_paused() {
            return None;
        }
        let of_sides = self.sides.iter().map(|side| side.stored.next_sweep());
        let at = of_sides.flatten().min()?;
        Some(self.sweep_pause.map_or(at, |pause| at.max(pause)))
    }

    /// What was deleted and what was not. A cluster or lake that is away for the moment is not
    /// asked for the rest.
    async fn swept(
        &mut self,
        side: usize,
        found: &DueSweeps,
        moment: Millis,
    ) -> (Vec<StoredSweep>, Vec<FailedSweep>) {
        let pause = self.options.limits.operation_visibility;
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        let dropped = self.drop_together(side, &found.due).await;
        for stored in &found.due {
            if self.is_out_of_budget() && !done.is_empty() {
                break;
            }
            let Err(error) = self.sweep_one(side, &stored.sweep, dropped).await else {
                done.push(stored.clone());
                continue;
            };
            let (sweep, what) = (&stored.sweep, told(&error));
            let (activity, iteration, tries) = (&sweep.activity, sweep.iteration, sweep.tries + 1);
            tracing::warn!(%activity, iteration, tries, "not deleted once more yet: {what}");
            failed.push(FailedSweep {
                stored: stored.clone(),
                what,
                until: moment.plus(pause << sweep.tries.min(DOUBLINGS)),
            });
            if passes(&error) {
                self.sweep_pause = Some(moment.plus(pause));
                break;
            }
        }
        (done, failed)
    }

    /// Drops the staging tables of all by one command; where that fails, each is dropped by
    /// itself.
    async fn drop_together(&self, side: usize, due: &[StoredSweep]) -> bool {
        let names = due.iter().flat_map(|stored| &stored.sweep.staging);
        let names: Vec<&str> = names.map(String::as_str).collect();
        names.len() > 1 && self.drop_staging(side, &names).await.is_ok()
    }

    async fn sweep_one(
        &self,
        side: usize,
        sweep: &Sweep,
        dropped: bool,
    ) -> Result<(), DriverError> {
        if sweep.files {
            let folder = files_of_iteration(&self.incarnation, &sweep.activity, sweep.iteration)?;
            self.sides[side].place.lake.delete_prefix(&folder).await?;
        }
        let names: Vec<&str> = sweep.staging.iter().map(String::as_str).collect();
        if !dropped && !names.is_empty() {
            self.drop_staging(side, &names).await?;
        }
        Ok(())
    }

    async fn drop_staging(&self, side: usize, names: &[&str]) -> Result<(), DriverError> {
        let destination = &self.sides[side].place.destination;
        destination.staging_drop(&self.call("sweep"), names).await?;
        Ok(())
    }
}

fn told(error: &DriverError) -> String {
    let words = chain(error);
    match error.remedy() {
        Some(remedy) => format!("{words}; {remedy}"),
        None => words,
    }
}

/// Whether whatever is asked next fails too, for a while.
fn passes(error: &DriverError) -> bool {
    match error {
        DriverError::Kusto(error) => error.is_passing(),
        DriverError::Lake(error) => error.is_unavailable(),
        DriverError::NotARun
        | DriverError::Store(_)
        | DriverError::Name(_)
        | DriverError::OtherJob { .. }
        | DriverError::Busy { .. }
        | DriverError::TakenOver
        | DriverError::Preflight { .. }
        | DriverError::Internal { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kusto_copy_core::database::Sweep;
    use kusto_copy_core::vocabulary::{ActivityId, Millis};
    use kusto_copy_store::{MemoryStore, Store};

    use super::super::testing;
    use crate::clock::now;
    use crate::persist::{Copied, Leftovers};
    use crate::report::JobState;

    #[tokio::test]
    async fn one_table_that_cannot_be_swept_keeps_no_other_from_it_and_is_told() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let mut engine = testing::engine(Arc::clone(&store), testing::options()).await;
        let tables = ["Bad", "Good", "Late"];
        testing::open(&mut engine, &tables).await;
        for (due, name) in (1..).zip(tables) {
            let activity = ActivityId::of("A", name);
            let sweep = Sweep {
                activity: activity.clone(),
                iteration: 1,
                files: true,
                staging: Vec::new(),
                due: Millis(due),
                tries: 0,
            };
            let database = &mut engine.sides[0].stored;
            let completed = vec![(activity.clone(), Copied::default())];
            let completed = database.complete(store.as_ref(), completed).await;
            completed.expect("completes");
            let left = Leftovers {
                has_staging: false,
                sweep: Some(sweep),
            };
            let tidied = vec![(activity, left)];
            let tidied = database.tidied(store.as_ref(), tidied).await;
            tidied.expect("is tidy");
        }
        testing::refuse_files_of(&mut engine, &ActivityId::of("A", "Bad")).await;
        engine.sweep().await.expect("goes on");
        let left = testing::sweeps(store.as_ref()).await;
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(
            (&left[0].activity, left[0].tries),
            (&ActivityId::of("A", "Bad"), 1)
        );
        assert!(left[0].due > now(), "it is tried again later");
        let sides = engine.sides.iter().map(|side| &side.stored);
        let report = crate::progress::report(sides, std::iter::empty(), JobState::Running, now());
        let notes: Vec<&String> = report
            .tables
            .iter()
            .flat_map(|table| &table.notes)
            .collect();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("tried 1 time") && notes[0].contains("no permission"));
    }
}
