//! A job's report from its store alone.

use std::sync::Arc;

use futures::future::try_join_all;
use kusto_copy_core::vocabulary::ActivityId;
use kusto_copy_store::Store;

use crate::clock::now;
use crate::error::DriverError;
use crate::persist::{JobEntities, StoredActivity, StoredDatabase};
use crate::progress::{self, Circumstances};
use crate::report::{JobState, Report};
use crate::step::StepOutcome;

/// Activities that are read at once.
const LOADS_AT_ONCE: usize = 8;

/// See [`crate::status`].
pub(crate) async fn status(store: Arc<dyn Store>) -> Result<Report, DriverError> {
    let known = JobEntities::load(store.as_ref()).await?;
    let Some(record) = &known.job else {
        return Err(DriverError::NotARun);
    };
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
            let loads = some
                .iter()
                .map(|id| StoredActivity::load(store.as_ref(), id));
            let found = try_join_all(loads).await?;
            live.extend(found.into_iter().flatten().map(|found| found.state));
        }
        databases.push(stored);
    }
    let open = databases
        .iter()
        .any(|database| database.record.open().is_some())
        || !live.iter().all(|state| state.is_haunted(true));
    let copied = databases
        .iter()
        .any(|database| database.record.committed > 0);
    let pulse = known.heartbeat.map(|(pulse, _)| pulse);
    let beat = pulse.as_ref().and_then(|pulse| pulse.beat.as_ref());
    let held = beat.is_some_and(|beat| beat.outcome == StepOutcome::Held.name());
    let state = match (open, copied) {
        (true, _) if held => JobState::Failed,
        (true, _) => JobState::Running,
        (false, true) => JobState::Complete,
        (false, false) => JobState::New,
    };
    let circumstances = Circumstances {
        paused: known.control.paused,
        pulse: pulse.as_ref(),
        cost: None,
    };
    let report = progress::report(databases.iter(), live.iter(), state, now());
    Ok(circumstances.add_to(report))
}
