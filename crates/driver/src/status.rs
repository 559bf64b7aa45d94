//! A job's report from its store alone.

use std::sync::Arc;

use futures::future::try_join_all;
use kusto_copy_core::activity::{Activity, ActivityState};
use kusto_copy_core::vocabulary::{ActivityId, Millis};
use kusto_copy_store::{Entity, Store, StoreError};

use crate::clock::now;
use crate::entities::JobEntities;
use crate::error::DriverError;
use crate::persist::{ActivityPages, PAGE, Part, StoredDatabase};
use crate::progress::{self, Circumstances};
use crate::report::{JobState, Report};
use crate::step::StepOutcome;
use crate::tally::{Counted, Tally};

/// Activities of which the first page is read at once.
const LOADS_AT_ONCE: usize = 8;
/// Entities of a first page: all of them together are no more than one page of a large activity.
const FIRST_PAGE: usize = PAGE / LOADS_AT_ONCE;

/// See [`crate::status`].
pub(crate) async fn status(store: Arc<dyn Store>) -> Result<Report, DriverError> {
    let known = JobEntities::load(store.as_ref()).await?;
    let Some(record) = &known.job else {
        return Err(DriverError::NotARun);
    };
    let moment = now();
    let mut databases = Vec::new();
    let mut live = Vec::new();
    for pair in &record.definition.databases {
        let stored =
            StoredDatabase::load(store.as_ref(), &pair.source, &pair.destination, 0).await?;
        // Older windows are those of tables that are set aside.
        let open = stored.record.committed + 1;
        let due = stored
            .due
            .iter()
            .filter(|(_, due)| due.marker.iteration >= open);
        let marked: Vec<&ActivityId> = due.map(|(id, _)| id).chain(stored.tidy.keys()).collect();
        for some in marked.chunks(LOADS_AT_ONCE) {
            live.extend(counts(store.as_ref(), some, moment).await?);
        }
        databases.push(stored);
    }
    let records = || databases.iter().map(|database| &database.record);
    let refused =
        |source: &String| records().any(|record| record.source == *source && record.held.is_some());
    // What was refused goes on when a person has looked.
    let at_work = records().any(|record| record.open().is_some() && record.held.is_none())
        || live
            .iter()
            .any(|activity| !activity.rests && !refused(&activity.head.source_database));
    let pulse = known.heartbeat.map(|(pulse, _)| pulse);
    let beat = pulse.as_ref().and_then(|pulse| pulse.beat.as_ref());
    let held = beat.is_some_and(|beat| beat.outcome == StepOutcome::Held.name());
    let state = match (at_work, held) {
        (true, true) => JobState::Failed,
        (true, false) => JobState::Running,
        (false, _) => progress::state_at_rest(records()),
    };
    let circumstances = Circumstances {
        paused: known.control.paused,
        pulse: pulse.as_ref(),
        cost: None,
    };
    let counted = live
        .iter()
        .map(|activity| Counted::new(&activity.head, activity.tally.clone()));
    let report = progress::report(databases.iter(), counted, state, moment);
    Ok(circumstances.add_to(report))
}

/// An activity of which nothing but its head was kept.
struct Bare {
    head: Activity,
    tally: Tally,
    /// Whether nothing is left of it but commands without an answer.
    rests: bool,
}

/// Counts several activities. The first pages of all are read at once, what follows of large ones
/// page after page: no more entities than one page has are in memory at any moment.
async fn counts(
    store: &dyn Store,
    ids: &[&ActivityId],
    now: Millis,
) -> Result<Vec<Bare>, StoreError> {
    let firsts = ids.iter().map(|id| async {
        let mut counting = Counting::of(id)?;
        counting.go_on(store, FIRST_PAGE, now).await?;
        Ok::<_, StoreError>(counting)
    });
    let mut found = Vec::new();
    for mut counting in try_join_all(firsts).await? {
        while !counting.pages.has_ended() {
            counting.go_on(store, PAGE, now).await?;
        }
        found.extend(counting.ended());
    }
    Ok(found)
}

/// An activity of which some pages are counted.
struct Counting {
    pages: ActivityPages,
    head: Option<Activity>,
    tally: Tally,
}

impl Counting {
    fn of(id: &ActivityId) -> Result<Self, StoreError> {
        Ok(Self {
            pages: ActivityPages::of(id)?,
            head: None,
            tally: Tally::default(),
        })
    }

    /// Counts the next page.
    async fn go_on(
        &mut self,
        store: &dyn Store,
        limit: usize,
        now: Millis,
    ) -> Result<(), StoreError> {
        let page: Vec<Entity> = self.pages.next(store, limit).await?.unwrap_or_default();
        for entity in &page {
            match self.pages.part(entity)? {
                Part::Head(head, _) => self.head = Some(*head),
                Part::Block(block, _) => self.tally.add(&block, now),
            }
        }
        Ok(())
    }

    /// What was counted; `None` when nothing is stored of the activity yet.
    fn ended(self) -> Option<Bare> {
        let (blocks, tally) = (std::collections::BTreeMap::new(), self.tally);
        let bare = ActivityState {
            head: self.head?,
            blocks,
        };
        Some(Bare {
            rests: tally.is_empty() && bare.is_haunted(true),
            head: bare.head,
            tally,
        })
    }
}

#[cfg(test)]
mod tests;
