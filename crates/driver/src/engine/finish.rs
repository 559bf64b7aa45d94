//! Tables that completed their window, iterations that are thereby committed, and the last of
//! the tidying.

use kusto_copy_core::activity::Phase;
use kusto_copy_core::database::DatabaseEvent;
use kusto_copy_core::vocabulary::ActivityId;
use kusto_copy_kusto::Call;
use kusto_copy_kusto::commands::owners::JobMarker;

use super::Engine;
use crate::effects::iteration_folder;
use crate::error::DriverError;

impl Engine {
    /// Moves every table on that has completed or is tidy, then commits iterations without due
    /// tables. Each step is one conditional transaction; repeating it finds nothing to do.
    pub(super) async fn finish_tables(&mut self) -> Result<(), DriverError> {
        let ids: Vec<ActivityId> = self.live.keys().cloned().collect();
        for id in ids {
            self.finish_table(&id).await?;
        }
        for side in 0..self.sides.len() {
            self.commit(side).await?;
        }
        Ok(())
    }

    async fn finish_table(&mut self, id: &ActivityId) -> Result<(), DriverError> {
        let Some(live) = self.live.get(id) else {
            return Ok(());
        };
        if live.stored.is_dirty()
            || !matches!(live.stored.state.head.phase, Phase::Completed { .. })
        {
            return Ok(());
        }
        let head = live.stored.state.head.clone();
        let tidy = live.stored.state.is_tidy(self.options.continuous);
        let side = live.side;
        let database = &mut self.sides[side].stored;
        let is_due = database
            .due
            .get(id)
            .is_some_and(|due| due.marker.iteration == head.iteration);
        if is_due {
            database
                .complete(self.store.as_ref(), id, |table| {
                    table.rows_copied += head.counters.rows_moved;
                    table.blocks_copied += head.counters.blocks_moved;
                    table.bytes_copied += head.counters.bytes_moved;
                    table.last_iteration = head.iteration;
                    table.last_rows = head.counters.rows_moved;
                })
                .await?;
        }
        if tidy
            && !self
                .observed
                .in_flight
                .iter()
                .any(|subject| subject_is_of(subject, id))
        {
            // Files of attempts that were planned anew have no block any more.
            let folder = iteration_folder(&self.incarnation, &head)?;
            self.sides[side].place.lake.delete_prefix(&folder).await?;
            self.sides[side]
                .stored
                .tidied(self.store.as_ref(), id)
                .await?;
            self.live.remove(id);
            self.observed
                .values
                .retain(|(activity, _), _| activity != id);
        }
        Ok(())
    }

    async fn commit(&mut self, side: usize) -> Result<(), DriverError> {
        let database = &self.sides[side].stored;
        let running = matches!(
            database.record.phase,
            kusto_copy_core::database::DatabasePhase::Running { .. }
        );
        if !running || !database.due.is_empty() {
            return Ok(());
        }
        self.sides[side]
            .stored
            .apply(self.store.as_ref(), DatabaseEvent::Committed)
            .await?;
        let iteration = self.sides[side].stored.record.committed;
        let marker = JobMarker {
            job: self.job.clone(),
            incarnation: self.incarnation.clone(),
            iteration: u64::from(iteration),
        };
        let call = Call::new(
            format!("KC.{}.i{iteration}.commit", self.incarnation),
            format!("kusto-copy job={} commit", self.incarnation),
        );
        // It informs whoever looks at the destination; nothing is decided by it.
        if let Err(error) = self.sides[side]
            .place
            .destination
            .record_job(&call, &marker)
            .await
        {
            tracing::warn!(%error, "the destination's marker of the job was not updated");
        }
        Ok(())
    }
}

pub(super) fn subject_is_of(subject: &kusto_copy_core::decide::Subject, id: &ActivityId) -> bool {
    use kusto_copy_core::decide::Subject;
    match subject {
        Subject::Table(activity)
        | Subject::Block(activity, _)
        | Subject::Values(activity, _)
        | Subject::Move(activity) => activity == id,
    }
}
