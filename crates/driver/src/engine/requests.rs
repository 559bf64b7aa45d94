//! What a person asks while an execution goes on, and the signs of life that it leaves.

use std::collections::BTreeSet;

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
        // Tables that wait to be taken up again may have blocks that are not counted here.
        (completed + open).max(self.pulse.rows_before)
    }

    /// Whether a person asked for an iteration that a database has not opened yet.
    pub(super) fn is_asked_to_start(&self, side: usize) -> bool {
        let (request, started) = &self.started;
        let known = *request == self.control.start_now && started.contains(&side);
        self.control.start_now.is_some() && !known
    }

    /// Tells that requests were done once they were: held work was released as it was taken up,
    /// in every database, and every database opened an iteration, or had one open. A database
    /// that is being tidied first opens it later, and the wish stays until then.
    pub(super) async fn answer_requests(&mut self) -> Result<(), DriverError> {
        if !self.control.has_requests() || self.is_paused() {
            return Ok(());
        }
        if self.started.0 != self.control.start_now {
            self.started = (self.control.start_now.clone(), BTreeSet::new());
        }
        let sides = 0..self.sides.len();
        // One that was refused has told so: the others must not begin again for its sake.
        let open = |side: &usize| {
            self.sides[*side].stored.record.open().is_some() || self.is_refused(*side)
        };
        let opened: Vec<usize> = sides.clone().filter(open).collect();
        self.started.1.extend(opened);
        let started = sides.clone().all(|side| !self.is_asked_to_start(side));
        let (retry, start) = (&self.control.retry_held, &self.control.start_now);
        let done = ControlRecord {
            paused: None,
            retry_held: retry.clone().filter(|_| !self.has_waiting()),
            start_now: start.clone().filter(|_| started),
        };
        if done.has_requests() {
            self.control = control::acknowledge(self.store.as_ref(), &done).await?;
        }
        Ok(())
    }

    async fn release_all(&mut self) -> Result<(), DriverError> {
        // What a person corrected is seen only by looking again.
        for side in 0..self.sides.len() {
            self.forget_catalog(side);
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kusto_copy_core::activity::ActivityEvent;
    use kusto_copy_store::{MemoryStore, Store};

    use super::super::testing;
    use crate::control::{self, Request};
    use crate::persist::StoredActivity;

    async fn asked(request: Request) -> (Arc<dyn Store>, super::Engine) {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        testing::job(store.as_ref()).await;
        let mut engine = testing::engine(Arc::clone(&store), testing::options()).await;
        control::request(Arc::clone(&store), request)
            .await
            .expect("stored");
        engine.control = control::look(store.as_ref()).await.expect("reads");
        (store, engine)
    }

    #[tokio::test]
    async fn a_start_is_acknowledged_when_an_iteration_was_opened_not_while_one_is_tidied() {
        let (store, mut engine) = asked(Request::StartNow).await;
        testing::open(&mut engine, &["T"]).await;
        testing::complete(&mut engine, "T", testing::completed("T")).await;
        engine.take_up(0).await.expect("takes up");
        assert!(engine.has_live(0), "it is tidied");
        engine.answer_requests().await.expect("reads");
        let left = control::look(store.as_ref()).await.expect("reads");
        assert!(left.start_now.is_some(), "nothing was opened");
        assert!(engine.is_asked_to_start(0));
        testing::open(&mut engine, &["T"]).await;
        engine.answer_requests().await.expect("writes");
        let left = control::look(store.as_ref()).await.expect("reads");
        assert!(left.start_now.is_none());
    }

    #[tokio::test]
    async fn a_retry_is_acknowledged_when_every_table_was_taken_up() {
        let (store, mut engine) = asked(Request::RetryHeld).await;
        testing::open(&mut engine, &["T"]).await;
        let mut held = StoredActivity::new(testing::state("T"));
        let id = held.state.head.id.clone();
        let reason = "a permission is missing".to_owned();
        let event = ActivityEvent::Held { reason };
        let limits = &engine.options.limits;
        held.apply(event, super::now(), limits).expect("fits");
        held.flush(store.as_ref()).await.expect("stored");
        // The database could not be taken up: its cluster was away.
        engine.answer_requests().await.expect("reads");
        let left = control::look(store.as_ref()).await.expect("reads");
        assert!(left.retry_held.is_some(), "the table is held still");
        engine.take_up(0).await.expect("takes up");
        engine.answer_requests().await.expect("writes");
        let left = control::look(store.as_ref()).await.expect("reads");
        assert!(left.retry_held.is_none());
        assert_eq!(engine.live[&id].stored.state.head.held, None);
    }
}
