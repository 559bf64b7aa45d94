//! Activities at work: read from the store, changed by events, stored again.

use std::collections::BTreeSet;

use futures::future::join_all;
use kusto_copy_core::activity::{ActivityError, ActivityEvent, ActivityState, Phase};
use kusto_copy_core::block::BlockEvent;
use kusto_copy_core::database::DueMarker;
use kusto_copy_core::decide::Subject;
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber};

use super::finish::subject_is_of;
use super::{Engine, Live};
use crate::clock::now;
use crate::error::DriverError;
use crate::persist::StoredActivity;

/// Tries to take an activity over: a lost answer is looked at each time.
const TAKE_OVERS: usize = 5;

impl Engine {
    /// Takes an activity over under our epoch and begins the marker's iteration. After a lost
    /// answer the stored state is read again and both are repeated where they are missing.
    pub(super) async fn load_or_begin(
        &self,
        side: usize,
        marker: DueMarker,
        may_release: bool,
    ) -> Result<StoredActivity, DriverError> {
        let releases = may_release && self.retries_held();
        let mut has_problem = false;
        for _ in 0..TAKE_OVERS {
            let (mut stored, begins_held) = self.claimed(side, &marker).await?;
            has_problem |= begins_held;
            match stored.flush(self.store.as_ref()).await {
                // What was found wrong when the table was marked is not forgotten at once.
                Ok(()) if releases && !has_problem => return self.released(stored).await,
                Ok(()) => return Ok(stored),
                Err(error) if error.is_conflict() || error.is_ambiguous() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(DriverError::TakenOver)
    }

    /// The activity with the marker's iteration begun, and whether that begins held.
    async fn claimed(
        &self,
        side: usize,
        marker: &DueMarker,
    ) -> Result<(StoredActivity, bool), DriverError> {
        let record = &self.sides[side].stored.record;
        let epoch = self.lease.epoch();
        let (limits, moment) = (&self.options.limits, now());
        let loaded = StoredActivity::load(self.store.as_ref(), &marker.activity).await?;
        let Some(mut stored) = loaded else {
            if !self.sides[side].stored.due.contains_key(&marker.activity) {
                return Err(DriverError::Internal {
                    what: format!("nothing is stored of table `{}`", marker.source_table),
                });
            }
            let begun = StoredActivity::new(ActivityState::begin(
                &record.source,
                &marker.source_table,
                &record.destination,
                &marker.destination_table,
                marker.iteration,
                marker.window.clone(),
                marker.bounds,
                epoch,
                moment,
            ));
            return self.with_problem(begun, marker);
        };
        if stored.state.head.epoch > epoch {
            return Err(DriverError::TakenOver);
        }
        stored
            .apply(ActivityEvent::Claimed { epoch }, moment, limits)
            .map_err(unfit)?;
        // A table that was set aside is due again before its last window is tidy: that comes first,
        // and so does the record of what late commands may leave, which goes with the marker.
        let head = &stored.state.head;
        let may_leave = head.may_come_late || !head.dropped_staging.is_empty();
        let is_recorded = !self.sides[side].stored.tidy.contains_key(&marker.activity);
        let tidies = matches!(head.phase, Phase::Completed { .. })
            && (!stored.state.blocks.is_empty() || (may_leave && !is_recorded));
        if stored.state.head.iteration < marker.iteration && !tidies {
            let begun = ActivityEvent::Begun {
                iteration: marker.iteration,
                window: marker.window.clone(),
                bounds: marker.bounds,
            };
            stored.apply(begun, moment, limits).map_err(unfit)?;
            return self.with_problem(stored, marker);
        }
        Ok((stored, false))
    }

    /// Holds a table whose iteration just began, if something was found wrong when it was marked.
    fn with_problem(
        &self,
        mut stored: StoredActivity,
        marker: &DueMarker,
    ) -> Result<(StoredActivity, bool), DriverError> {
        let Some(reason) = marker.problem.clone() else {
            return Ok((stored, false));
        };
        let held = ActivityEvent::Held { reason };
        let applied = stored.apply(held, now(), &self.options.limits);
        applied.map_err(unfit)?;
        Ok((stored, true))
    }

    /// Another try of the table and its held blocks: each by itself, since all of them may not
    /// fit into one transaction. Where this is cut off, the next run releases the rest.
    async fn released(&self, mut stored: StoredActivity) -> Result<StoredActivity, DriverError> {
        let limits = &self.options.limits;
        let blocks: Vec<BlockNumber> = stored
            .state
            .blocks
            .values()
            .filter(|block| block.is_releasable())
            .map(|block| block.number)
            .collect();
        for number in blocks {
            let event = BlockEvent::Released;
            let released = ActivityEvent::Block { number, event };
            if !stored.has_room_for(&released) {
                stored.flush(self.store.as_ref()).await?;
            }
            if let Err(error) = stored.apply(released, now(), limits) {
                tracing::debug!(%error, "a block stays held");
            }
        }
        // No block is left to it but those that are never tried again.
        if let Err(error) = stored.apply(ActivityEvent::Released, now(), limits) {
            tracing::debug!(%error, "the table stays held");
        }
        stored.flush(self.store.as_ref()).await?;
        Ok(stored)
    }

    /// Another try of an activity at work.
    pub(super) async fn release(&mut self, id: &ActivityId) -> Result<(), DriverError> {
        if !self.flush(id).await? {
            return Ok(());
        }
        let Some(live) = self.live.remove(id) else {
            return Ok(());
        };
        let stored = self.released(live.stored).await?;
        self.observed
            .refused
            .retain(|subject| !subject_is_of(subject, id));
        // Values may have been repaired, or the destination may keep longer ones.
        self.observed
            .values
            .retain(|(activity, _), _| activity != id);
        self.live.insert(id.clone(), Live { stored, ..live });
        Ok(())
    }

    /// Applies an event, storing what was gathered before when it would not fit into one
    /// transaction. False when the activity had to be read again.
    pub(super) async fn apply(
        &mut self,
        id: &ActivityId,
        event: ActivityEvent,
    ) -> Result<bool, DriverError> {
        let full = self
            .live
            .get(id)
            .is_some_and(|live| !live.stored.has_room_for(&event));
        if full && !self.flush(id).await? {
            return Ok(false);
        }
        if let ActivityEvent::Folded { blocks } = &event {
            for block in blocks {
                self.observed.values.remove(&(id.clone(), *block));
            }
        }
        let counted = if let ActivityEvent::Troubled {
            block: Some(block),
            passes: false,
            ..
        } = &event
        {
            Some(*block)
        } else {
            None
        };
        let Some(live) = self.live.get_mut(id) else {
            return Ok(false);
        };
        let before = live.stored.state.head.counters;
        if let Err(error) = live.stored.apply(event, now(), &self.options.limits) {
            tracing::debug!(table = %live.stored.state.head.source_table, %error, "a late result was left aside");
        }
        if let (Some(block), Some(_)) = (counted, &live.stored.state.head.held) {
            // One try too many: not again before somebody released the table.
            let subjects = [
                Subject::Block(id.clone(), block),
                Subject::Values(id.clone(), block),
            ];
            self.observed.refused.extend(subjects);
        }
        let after = live.stored.state.head.counters;
        self.meter.moved(
            after.blocks_moved.saturating_sub(before.blocks_moved),
            after.rows_moved.saturating_sub(before.rows_moved),
        );
        Ok(true)
    }

    /// Stores an activity's changes. False when somebody else changed it, or the answer was
    /// lost: it was read again then.
    pub(crate) async fn flush(&mut self, id: &ActivityId) -> Result<bool, DriverError> {
        let Some(live) = self.live.get_mut(id) else {
            return Ok(false);
        };
        match live.stored.flush(self.store.as_ref()).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_conflict() || error.is_ambiguous() => {
                self.reload(id).await?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Stores the changes of several activities at once, each in its own transaction. Those whose
    /// changes are stored: of the others, as [`Self::flush`] tells, none is.
    pub(super) async fn flush_all(
        &mut self,
        ids: &[ActivityId],
    ) -> Result<BTreeSet<ActivityId>, DriverError> {
        let chosen: BTreeSet<&ActivityId> = ids.iter().collect();
        let store = self.store.as_ref();
        let live = self.live.iter_mut();
        let flushes = live
            .filter(|(id, _)| chosen.contains(*id))
            .map(|(id, live)| async move { (id.clone(), live.stored.flush(store).await) });
        let mut stored = BTreeSet::new();
        for (id, flushed) in join_all(flushes).await {
            match flushed {
                Ok(()) => {
                    stored.insert(id);
                }
                Err(error) if error.is_conflict() || error.is_ambiguous() => {
                    self.reload(&id).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(stored)
    }

    async fn reload(&mut self, id: &ActivityId) -> Result<(), DriverError> {
        let stored = StoredActivity::load(self.store.as_ref(), id).await?;
        let Some(stored) = stored else {
            return Err(DriverError::TakenOver);
        };
        if stored.state.head.epoch != self.lease.epoch() {
            return Err(DriverError::TakenOver);
        }
        if let Some(live) = self.live.get_mut(id) {
            live.stored = stored;
        }
        Ok(())
    }
}

fn unfit(error: ActivityError) -> DriverError {
    DriverError::Internal {
        what: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use kusto_copy_store::faulty::{Call, Fault, Faulty};
    use kusto_copy_store::{MemoryStore, Store};

    use super::super::testing;
    use super::*;
    use crate::persist::activity_partition;

    /// Nothing is sent of an activity whose intent is not stored, whatever became of the others.
    #[tokio::test]
    async fn of_activities_that_are_stored_at_once_one_that_fails_is_read_again_alone() {
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let refused = activity_partition(&ActivityId::of("A", "Refused")).expect("a partition");
        let strikes = Arc::new(AtomicBool::new(false));
        let strike = {
            let strikes = Arc::clone(&strikes);
            move |call: Call<'_>| {
                let of_table = matches!(call, Call::Commit(sent) if *sent.partition() == refused);
                (of_table && strikes.load(Ordering::SeqCst)).then_some(Fault::Conflict)
            }
        };
        let store: Arc<dyn Store> = Arc::new(Faulty::new(memory, Box::new(strike)));
        let mut engine = testing::engine(Arc::clone(&store), testing::options()).await;
        let good = testing::planned(&mut engine, "Good").await;
        let refused = testing::planned(&mut engine, "Refused").await;
        let idle = testing::planned(&mut engine, "Idle").await;
        strikes.store(true, Ordering::SeqCst);
        for id in [&good, &refused] {
            let reason = "a permission is missing".to_owned();
            let held = ActivityEvent::Held { reason };
            assert!(engine.apply(id, held).await.expect("fits"));
        }
        let ids = [good.clone(), refused.clone(), idle.clone()];
        let stored = engine.flush_all(&ids).await.expect("goes on");
        assert_eq!(stored, BTreeSet::from([good.clone(), idle]));
        let held = |id: &ActivityId| engine.live[id].stored.state.head.held.is_some();
        assert!(held(&good) && !held(&refused), "it was read again");
        let found = StoredActivity::load(store.as_ref(), &good).await;
        let found = found.expect("loads").expect("is stored");
        assert!(found.state.head.held.is_some());
    }
}
