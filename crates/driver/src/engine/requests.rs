//! What a person asks while an execution goes on, and the signs of life that it leaves.

use kusto_copy_core::vocabulary::{ActivityId, Millis};

use super::Engine;
use crate::clock::now;
use crate::control::{self, ControlRecord};
use crate::error::DriverError;
use crate::progress::Circumstances;

impl Engine {
    /// Whether nothing new may begin.
    pub(super) const fn is_paused(&self) -> bool {
        self.control.paused.is_some()
    }

    /// Whether held tables are released as they are taken to work.
    pub(super) const fn retries_held(&self) -> bool {
        self.options.retry_held || self.control.retry_held.is_some()
    }

    /// Keeps the lease; with each renewal reads what is asked and, when it is time, leaves a
    /// sign of life.
    pub(super) async fn keep(&mut self) -> Result<(), DriverError> {
        self.lease.ensure().await?;
        if !self.lease.was_renewed() {
            return Ok(());
        }
        let before = self.control.retry_held.clone();
        match control::look(self.store.as_ref()).await {
            Ok(asked) => self.control = asked,
            Err(DriverError::Store(error)) if error.is_unavailable() => {
                tracing::warn!(%error, "what is asked of the job could not be read");
            }
            Err(error) => return Err(error),
        }
        if self.control.retry_held.is_some() && self.control.retry_held != before {
            self.release_all().await?;
        }
        let moment = now();
        if self.pulse.is_due(moment) {
            let due = self.next_moment();
            self.beat("running", due, None, moment).await;
        }
        Ok(())
    }

    /// Leaves a sign of life.
    pub(crate) async fn beat(
        &mut self,
        outcome: &str,
        next_due: Option<Millis>,
        error: Option<String>,
        moment: Millis,
    ) {
        let (lag, rows) = (self.lag(moment), self.rows());
        self.pulse.sample(moment, lag, rows);
        self.pulse
            .beat(self.store.as_ref(), outcome, next_due, error, moment)
            .await;
    }

    fn lag(&self, moment: Millis) -> Option<u64> {
        let records = self.sides.iter().map(|side| &side.stored.record);
        crate::progress::lag(records, moment)
    }

    /// Rows copied since the job began: counted from the tables where all are known, else what
    /// the last execution counted and what arrived since.
    fn rows(&self) -> u64 {
        let mut databases = self.sides.iter().map(|side| &side.stored);
        if databases.any(|database| !database.knows_tables()) {
            return self.pulse.rows_before + self.meter.cost().rows_moved;
        }
        let known = self
            .sides
            .iter()
            .flat_map(|side| side.stored.tables.values());
        let completed: u64 = known.map(|table| table.rows_copied).sum();
        let is_due = |(id, live): &(&ActivityId, &super::Live)| {
            self.sides[live.side].stored.due.contains_key(*id)
        };
        let open: u64 = self
            .live
            .iter()
            .filter(is_due)
            .map(|(_, live)| live.stored.state.head.counters.rows_moved)
            .sum();
        completed + open
    }

    /// Tells that requests were done once they were: held work is released as it is taken up, and
    /// an iteration was opened, or is open, in every database.
    pub(super) async fn answer_requests(&mut self) -> Result<(), DriverError> {
        if !self.control.has_requests() || self.is_paused() {
            return Ok(());
        }
        let started = (0..self.sides.len())
            .all(|side| self.sides[side].stored.record.open().is_some() || self.has_live(side));
        let done = ControlRecord {
            paused: None,
            retry_held: self.control.retry_held.clone(),
            start_now: self.control.start_now.clone().filter(|_| started),
        };
        if done.has_requests() {
            self.control = control::acknowledge(self.store.as_ref(), &done).await?;
        }
        Ok(())
    }

    async fn release_all(&mut self) -> Result<(), DriverError> {
        let ids: Vec<ActivityId> = self.live.keys().cloned().collect();
        for id in ids {
            self.release(&id).await?;
        }
        Ok(())
    }

    /// What a report tells beside the tables.
    pub(super) fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            paused: self.control.paused,
            pulse: Some(&self.pulse.record),
            cost: Some(self.meter.cost()),
        }
    }
}
