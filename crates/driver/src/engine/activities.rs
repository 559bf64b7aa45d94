//! Activities at work: read from the store, changed by events, stored again.

use kusto_copy_core::activity::{ActivityError, ActivityEvent, ActivityState};
use kusto_copy_core::block::BlockEvent;
use kusto_copy_core::database::DueMarker;
use kusto_copy_core::vocabulary::ActivityId;

use super::{Engine, Live};
use crate::clock::now;
use crate::effects;
use crate::error::DriverError;
use crate::persist::StoredActivity;

impl Engine {
    /// Takes activities of markers to work that are not at work yet.
    pub(super) async fn take_up(&mut self, side: usize) -> Result<(), DriverError> {
        let database = &self.sides[side].stored;
        let markers: Vec<_> = database
            .due
            .values()
            .chain(database.tidy.values())
            .map(|marker| marker.marker.clone())
            .filter(|marker| !self.live.contains_key(&marker.activity))
            .collect();
        for marker in markers {
            let id = marker.activity.clone();
            let stored = self.load_or_begin(side, marker).await?;
            let tag_prefix = effects::tag_prefix(&self.incarnation, &id);
            self.live.insert(
                id,
                Live {
                    stored,
                    side,
                    check_values: None,
                    tag_prefix,
                },
            );
        }
        Ok(())
    }

    async fn load_or_begin(
        &self,
        side: usize,
        marker: DueMarker,
    ) -> Result<StoredActivity, DriverError> {
        let record = &self.sides[side].stored.record;
        let epoch = self.lease.epoch();
        let loaded = StoredActivity::load(self.store.as_ref(), &marker.activity).await?;
        let (limits, moment) = (&self.options.limits, now());
        let unfit = |error: ActivityError| DriverError::Internal {
            what: error.to_string(),
        };
        let mut stored = match loaded {
            None => StoredActivity::new(ActivityState::begin(
                &record.source,
                &marker.source_table,
                &record.destination,
                &marker.destination_table,
                marker.iteration,
                marker.window,
                marker.bounds,
                epoch,
                moment,
            )),
            Some(mut stored) => {
                stored
                    .apply(ActivityEvent::Claimed { epoch }, moment, limits)
                    .map_err(unfit)?;
                if stored.state.head.iteration < marker.iteration {
                    let DueMarker {
                        iteration,
                        window,
                        bounds,
                        ..
                    } = marker;
                    let begun = ActivityEvent::Begun {
                        iteration,
                        window,
                        bounds,
                    };
                    stored.apply(begun, moment, limits).map_err(unfit)?;
                }
                if self.options.retry_held {
                    stored
                        .apply(ActivityEvent::Released, moment, limits)
                        .map_err(unfit)?;
                }
                stored
            }
        };
        match stored.flush(self.store.as_ref()).await {
            Ok(()) => Ok(stored),
            Err(error) if error.is_conflict() || error.is_ambiguous() => {
                let again: Result<Option<StoredActivity>, kusto_copy_store::StoreError> =
                    StoredActivity::load(self.store.as_ref(), &stored.state.head.id).await;
                match again? {
                    Some(found) if found.state.head.epoch == epoch => Ok(found),
                    Some(_) | None => Err(DriverError::TakenOver),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Applies an event, storing what was gathered before when it would not fit into one
    /// transaction. False when the activity had to be read again.
    pub(super) async fn apply(
        &mut self,
        id: &ActivityId,
        event: ActivityEvent,
    ) -> Result<bool, DriverError> {
        let room = blocks_touched(&event);
        let full = self
            .live
            .get(id)
            .is_some_and(|live| !live.stored.has_room_for(room));
        if full && !self.flush(id).await? {
            return Ok(false);
        }
        if let ActivityEvent::Folded { blocks } = &event {
            for block in blocks {
                self.observed.values.remove(&(id.clone(), *block));
            }
        }
        let Some(live) = self.live.get_mut(id) else {
            return Ok(false);
        };
        if let Err(error) = live.stored.apply(event, now(), &self.options.limits) {
            tracing::debug!(table = %live.stored.state.head.source_table, %error, "a late result was left aside");
        }
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

/// Blocks that an event writes at most.
fn blocks_touched(event: &ActivityEvent) -> usize {
    match event {
        ActivityEvent::Planned { progress } => progress.blocks.len(),
        ActivityEvent::Replanned { removed, progress } => removed.len() + progress.blocks.len(),
        ActivityEvent::Folded { blocks } => blocks.len(),
        // A group fails together.
        ActivityEvent::Block {
            event: BlockEvent::Failed { .. } | BlockEvent::Recounted { .. },
            ..
        } => 41,
        ActivityEvent::Block { .. } => 1,
        ActivityEvent::Begun { .. }
        | ActivityEvent::Claimed { .. }
        | ActivityEvent::LayoutRead { .. }
        | ActivityEvent::StagingIntended { .. }
        | ActivityEvent::StagingReady { .. }
        | ActivityEvent::Reconciled { .. }
        | ActivityEvent::StagingDropped { .. }
        | ActivityEvent::StagingRetired
        | ActivityEvent::GhostsGone { .. }
        | ActivityEvent::Held { .. }
        | ActivityEvent::Released => 0,
    }
}
