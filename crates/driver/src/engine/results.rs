//! What effects bring back: events to apply, pauses, checks.

use tokio::task::JoinError;

use super::{Done, Engine};
use crate::clock::now;
use crate::complaint::TOLD;
use crate::error::DriverError;

impl Engine {
    /// Takes in what effects brought back.
    ///
    /// # Errors
    /// When an effect ended without a result, which is a defect: nothing says what it was about,
    /// so the run ends and the next one finds out by looking.
    pub(super) fn gather(&mut self) -> Result<(), DriverError> {
        while let Some(done) = self.tasks.try_join_next() {
            self.joined(done)?;
        }
        Ok(())
    }

    pub(super) fn joined(&mut self, done: Result<Done, JoinError>) -> Result<(), DriverError> {
        self.take_in(done.map_err(|error| DriverError::Internal {
            what: format!("an effect ended without a result: {error}"),
        })?);
        Ok(())
    }

    pub(super) fn take_in(&mut self, done: Done) {
        self.observed.in_flight.remove(&done.subject);
        self.querying.remove(&done.subject);
        let Done {
            activity,
            subject,
            outcome,
        } = done;
        if let Some(trouble) = &outcome.trouble {
            if outcome.refused {
                tracing::warn!(target: TOLD, %activity, "{trouble}");
            } else {
                tracing::warn!(%activity, "{trouble}");
            }
        }
        if let Some(pause) = outcome.pause {
            let failures = self.troubled.entry(subject.clone()).or_insert(0);
            *failures += 1;
            let wait = pause << (*failures - 1).min(4);
            let jitter = fastrand::u64(0..=wait / 4);
            self.observed
                .pauses
                .insert(subject.clone(), now().plus(wait + jitter));
        } else {
            self.troubled.remove(&subject);
            self.observed.pauses.remove(&subject);
        }
        if outcome.refused {
            self.observed.refused.insert(subject);
        } else {
            self.observed.refused.remove(&subject);
        }
        if let Some((block, lost)) = outcome.values {
            self.observed.values.insert((activity.clone(), block), lost);
        }
        for block in outcome.still_staged {
            self.observed.still_staged.insert((activity.clone(), block));
        }
        self.results.extend(
            outcome
                .events
                .into_iter()
                .map(|event| (activity.clone(), event)),
        );
    }

    /// Applies what effects brought back, before anything is decided.
    pub(super) async fn absorb(&mut self) -> Result<(), DriverError> {
        // One by one: where this is cut off, what was not taken in yet is left to be stored.
        while let Some((activity, event)) = self.results.pop_front() {
            self.apply(&activity, event).await?;
        }
        Ok(())
    }
}
