//! Tables that completed their window, iterations that are thereby committed, and the last of
//! the tidying.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use kusto_copy_core::activity::{Activity, ActivityEvent, Phase};
use kusto_copy_core::database::{DatabaseEvent, DatabasePhase, Sweep};
use kusto_copy_core::decide::Subject;
use kusto_copy_core::vocabulary::ActivityId;
use kusto_copy_kusto::Call;
use kusto_copy_kusto::commands::owners::JobMarker;

use super::{Engine, Live, opening_due};
use crate::clock::now;
use crate::effects::iteration_folder;
use crate::error::DriverError;
use crate::persist::{Copied, Leftovers};

impl Engine {
    /// Moves every table on that has completed or is tidy, then commits iterations without due
    /// tables. Each step is one conditional transaction, of several tables where there are; to
    /// repeat it finds nothing to do.
    pub(super) async fn finish_tables(&mut self) -> Result<(), DriverError> {
        let store = Arc::clone(&self.store);
        for side in 0..self.sides.len() {
            let completed = self.completed(side);
            let database = &mut self.sides[side].stored;
            database.complete(store.as_ref(), completed).await?;
            let mut tidied = Vec::new();
            for id in self.stored_completed(side) {
                tidied.extend(self.tidied(id).await?);
            }
            self.put_away(side, tidied).await?;
        }
        for side in 0..self.sides.len() {
            self.commit(side).await?;
            self.retire_staging(side).await?;
        }
        Ok(())
    }

    /// Tables of a database whose iteration is completed by what is stored of them.
    fn stored_completed(&self, side: usize) -> Vec<ActivityId> {
        let is_completed = |live: &Live| {
            let phase = &live.stored.state.head.phase;
            live.side == side && !live.stored.is_dirty() && matches!(phase, Phase::Completed { .. })
        };
        let live = self.live.iter();
        live.filter(|(_, live)| is_completed(live))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Tables that completed the window of their marker, with what it brought.
    fn completed(&self, side: usize) -> Vec<(ActivityId, Copied)> {
        let due = &self.sides[side].stored.due;
        let copied = |id: ActivityId| {
            let head = &self.live.get(&id)?.stored.state.head;
            let is_due = due.get(&id)?.marker.iteration == head.iteration;
            let counters = &head.counters;
            let copied = Copied {
                has_staging: head.staging.is_some(),
                iteration: head.iteration,
                rows: counters.rows_moved,
                blocks: counters.blocks_moved,
                bytes: counters.bytes_moved,
            };
            is_due.then_some((id, copied))
        };
        let completed = self.stored_completed(side).into_iter();
        completed.filter_map(copied).collect()
    }

    /// A completed table of which nothing is left to tidy, with what that leaves; its files are
    /// deleted then.
    async fn tidied(
        &mut self,
        id: ActivityId,
    ) -> Result<Option<(ActivityId, Leftovers)>, DriverError> {
        let Some(live) = self.live.get(&id) else {
            return Ok(None);
        };
        let head = live.stored.state.head.clone();
        let keep = self.options.continuous;
        let tidy = live.stored.state.is_tidy(keep);
        let haunted = live.stored.state.is_haunted(keep);
        let files_deleted = haunted && live.files_deleted;
        let side = live.side;
        let is_of = |subject: &Subject| subject_is_of(subject, &id);
        let may = head.held.is_none() && !self.observed.in_flight.iter().any(is_of);
        if !may || !(tidy || haunted) {
            return Ok(None);
        }
        if !files_deleted && !self.delete_files(&id, side, &head).await? {
            return Ok(None);
        }
        // The next window does not wait for commands without an answer to end: what they leave is
        // swept, and the slots that they may take are remembered with the table.
        let due = self.sides[side].stored.due.get(&id);
        let is_due_again = due.is_some_and(|due| due.marker.iteration > head.iteration);
        let left = self.leftovers(&head);
        Ok((tidy || is_due_again).then_some((id, left)))
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

    /// What a table's iteration leaves when it is tidy.
    fn leftovers(&self, head: &Activity) -> Leftovers {
        let late = head.may_come_late || !head.dropped_staging.is_empty();
        Leftovers {
            has_staging: head.staging.is_some(),
            sweep: late.then(|| Sweep {
                activity: head.id.clone(),
                iteration: head.iteration,
                files: head.may_come_late,
                staging: head.dropped_staging.clone(),
                due: now().plus(self.options.limits.sweep_after),
                tries: 0,
            }),
        }
    }

    /// Ends the tidying of tables: their markers and their places among the activities at work.
    async fn put_away(
        &mut self,
        side: usize,
        tidied: Vec<(ActivityId, Leftovers)>,
    ) -> Result<(), DriverError> {
        let ids: BTreeSet<ActivityId> = tidied.iter().map(|(id, _)| id.clone()).collect();
        let database = &mut self.sides[side].stored;
        database.tidied(self.store.as_ref(), tidied).await?;
        self.live.retain(|id, _| !ids.contains(id));
        let values = &mut self.observed.values;
        values.retain(|(activity, _), _| !ids.contains(activity));
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
