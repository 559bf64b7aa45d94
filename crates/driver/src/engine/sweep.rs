//! The second deletion of what a late command may have left.
//!
//! The intent is the sweep's record, inserted when the table's tidying ended. Deleting twice
//! finds nothing; after a lost answer it is done again; a stale worker deletes nothing that could
//! be in use, since neither an iteration's folder nor a staging table's name is used again.

use kusto_copy_core::database::Sweep;
use kusto_copy_core::vocabulary::Millis;

use super::Engine;
use crate::clock::now;
use crate::effects::files_of_iteration;
use crate::error::DriverError;

/// Second deletions of one turn: one command drops the staging tables of all.
const SWEEPS_AT_ONCE: usize = 50;

impl Engine {
    /// Deletes once more what is due. A cluster or lake that fails is asked again later: nothing
    /// waits for it.
    pub(super) async fn sweep(&mut self) -> Result<(), DriverError> {
        let moment = now();
        if self.is_paused() || self.sweep_pause.is_some_and(|until| moment < until) {
            return Ok(());
        }
        for side in 0..self.sides.len() {
            let due = self.sides[side].stored.due_sweeps(moment);
            let due: Vec<Sweep> = due.take(SWEEPS_AT_ONCE).cloned().collect();
            if due.is_empty() {
                continue;
            }
            if let Err(error) = self.swept(side, &due).await {
                tracing::warn!(%error, "what late commands may have left was not deleted yet");
                self.sweep_pause = Some(moment.plus(self.options.limits.operation_visibility));
                return Ok(());
            }
            let keys = due
                .into_iter()
                .map(|sweep| (sweep.activity, sweep.iteration));
            let database = &mut self.sides[side].stored;
            database.swept(self.store.as_ref(), keys.collect()).await?;
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

    async fn swept(&self, side: usize, due: &[Sweep]) -> Result<(), DriverError> {
        let place = &self.sides[side].place;
        for sweep in due.iter().filter(|sweep| sweep.files) {
            let folder = files_of_iteration(&self.incarnation, &sweep.activity, sweep.iteration)?;
            place.lake.delete_prefix(&folder).await?;
        }
        let names = due.iter().flat_map(|sweep| &sweep.staging);
        let names: Vec<&str> = names.map(String::as_str).collect();
        if !names.is_empty() {
            let call = self.call("sweep");
            place.destination.staging_drop(&call, &names).await?;
        }
        Ok(())
    }
}
