//! Tables that completed their window, iterations that are thereby committed, and the last of
//! the tidying.

#[cfg(test)]
mod tests;

use kusto_copy_core::activity::{Activity, ActivityEvent, Phase};
use kusto_copy_core::database::{DatabaseEvent, DatabasePhase, Sweep};
use kusto_copy_core::decide::Subject;
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber};
use kusto_copy_kusto::Call;
use kusto_copy_kusto::commands::owners::JobMarker;

use super::{Engine, opening_due};
use crate::clock::now;
use crate::effects::iteration_folder;
use crate::error::DriverError;
use crate::persist::Leftovers;

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
            self.retire_staging(side).await?;
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
        let keep = self.options.continuous;
        let tidy = live.stored.state.is_tidy(keep);
        let haunted = live.stored.state.is_haunted(keep);
        let files_deleted = haunted && live.files_deleted;
        let side = live.side;
        let database = &mut self.sides[side].stored;
        let is_due = database
            .due
            .get(id)
            .is_some_and(|due| due.marker.iteration == head.iteration);
        if is_due {
            database
                .complete(self.store.as_ref(), id, |table| {
                    table.has_staging = head.staging.is_some();
                    table.rows_copied += head.counters.rows_moved;
                    table.blocks_copied += head.counters.blocks_moved;
                    table.bytes_copied += head.counters.bytes_moved;
                    table.last_iteration = head.iteration;
                    table.last_rows = head.counters.rows_moved;
                })
                .await?;
        }
        let is_of = |subject: &Subject| subject_is_of(subject, id);
        let may = head.held.is_none() && !self.observed.in_flight.iter().any(is_of);
        if !may || !(tidy || haunted) {
            return Ok(());
        }
        if !files_deleted && !self.delete_files(id, side, &head).await? {
            return Ok(());
        }
        // The next window does not wait for commands without an answer to end: what they leave is
        // swept, and the slots that they may take are remembered with the table.
        let due = self.sides[side].stored.due.get(id);
        let is_due_again = due.is_some_and(|due| due.marker.iteration > head.iteration);
        if tidy || is_due_again {
            self.put_away(id, side, &head).await?;
        }
        Ok(())
    }

    /// Deletes the files of a table's iteration; whether they are deleted.
    async fn delete_files(
        &mut self,
        id: &ActivityId,
        side: usize,
        head: &Activity,
    ) -> Result<bool, DriverError> {
        let (moment, subject) = (now(), Subject::Table(id.clone()));
        let paused = self.observed.pauses.get(&subject);
        if paused.is_some_and(|until| moment < *until) {
            return Ok(false);
        }
        // Files of attempts that were planned anew have no block any more.
        let folder = iteration_folder(&self.incarnation, head)?;
        if let Err(error) = self.sides[side].place.lake.delete_prefix(&folder).await {
            let until = moment.plus(self.options.limits.retry_pause);
            self.observed.pauses.insert(subject, until);
            let told = ActivityEvent::Troubled {
                block: None,
                what: error.to_string(),
                passes: error.is_unavailable(),
            };
            tracing::warn!(table = %head.source_table, %error, "files were not deleted yet");
            self.apply(id, told).await?;
            self.flush(id).await?;
            return Ok(false);
        }
        if let Some(live) = self.live.get_mut(id) {
            live.files_deleted = true;
        }
        Ok(true)
    }

    /// Ends a table's tidying: its marker and its place among the activities at work.
    async fn put_away(
        &mut self,
        id: &ActivityId,
        side: usize,
        head: &Activity,
    ) -> Result<(), DriverError> {
        let late = head.may_come_late || !head.dropped_staging.is_empty();
        let left = Leftovers {
            has_staging: head.staging.is_some(),
            sweep: late.then(|| Sweep {
                activity: id.clone(),
                iteration: head.iteration,
                files: head.may_come_late,
                staging: head.dropped_staging.clone(),
                due: now().plus(self.options.limits.sweep_after),
                tries: 0,
            }),
        };
        let database = &mut self.sides[side].stored;
        database.tidied(self.store.as_ref(), id, left).await?;
        self.live.remove(id);
        let others = |(activity, _): &(ActivityId, BlockNumber)| activity != id;
        self.observed.values.retain(|block, _| others(block));
        Ok(())
    }

    /// A job that does not go on keeps no staging table, of idle tables neither.
    async fn retire_staging(&mut self, side: usize) -> Result<(), DriverError> {
        let database = &self.sides[side].stored;
        let ends = !self.options.continuous
            && database.record.phase == DatabasePhase::Idle
            && opening_due(
                &database.record,
                &self.options,
                self.pace,
                self.sides[side].opened,
            )
            .is_none();
        if !ends || self.is_paused() || database.kept_staging().next().is_none() {
            return Ok(());
        }
        let database = &mut self.sides[side].stored;
        database.retire_staging(self.store.as_ref()).await?;
        self.take_up(side).await
    }

    async fn commit(&mut self, side: usize) -> Result<(), DriverError> {
        let database = &self.sides[side].stored;
        let running = matches!(database.record.phase, DatabasePhase::Running { .. });
        if !running || !self.all_due_aside(side) {
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

pub(super) fn subject_is_of(subject: &Subject, id: &ActivityId) -> bool {
    match subject {
        Subject::Table(activity)
        | Subject::Block(activity, _)
        | Subject::Values(activity, _)
        | Subject::Move(activity) => activity == id,
    }
}
