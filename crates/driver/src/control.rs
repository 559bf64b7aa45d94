//! What a person asks of a job from outside: pause, resume, another try of what is held, an
//! iteration at once. One entity holds it; whoever drives the job reads it at its start and with
//! each renewal of its lease.
//!
//! | request | answer lost | run twice | executed twice |
//! |---|---|---|---|
//! | pause, resume | read again: the stored flag tells | no change | no change |
//! | retry, start | read again: the stored id tells | one id replaces the other | held work is tried once more, or one more iteration is opened: no harm |
//!
//! Which databases have opened an iteration for a wish to start is known to an execution alone:
//! while one of several databases cannot open its own yet, each execution that begins may open one
//! more in the others. They copy what is new earlier than they would; nothing is copied twice.

use std::sync::Arc;

use kusto_copy_core::vocabulary::Millis;
use kusto_copy_store::{Etag, Store, StoreError, Transaction};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::now;
use crate::error::DriverError;
use crate::persist::{JobRecord, control_key, job_key, put, read};

/// Tries of a change that meets other changes or lost answers.
const TRIES: usize = 10;

/// What may be asked of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Begin no new effect. What runs at the clusters is watched to its end and recorded.
    Pause,
    /// Go on.
    Resume,
    /// Try held tables and blocks once more.
    RetryHeld,
    /// Open the next iteration without waiting for its time.
    StartNow,
}

/// What is asked, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ControlRecord {
    /// Since when the job is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<Millis>,
    /// The id of a wish to retry what is held, until it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_held: Option<String>,
    /// The id of a wish to start an iteration, until it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_now: Option<String>,
}

impl ControlRecord {
    /// Whether something waits to be done once.
    pub(crate) const fn has_requests(&self) -> bool {
        self.retry_held.is_some() || self.start_now.is_some()
    }

    fn with(mut self, request: Request, id: &str, at: Millis) -> Self {
        match request {
            Request::Pause => self.paused = self.paused.or(Some(at)),
            Request::Resume => self.paused = None,
            Request::RetryHeld => self.retry_held = Some(id.to_owned()),
            Request::StartNow => self.start_now = Some(id.to_owned()),
        }
        self
    }

    /// Without the requests that were done. A newer request of the same kind stays.
    fn without(mut self, done: &Self) -> Self {
        if self.retry_held == done.retry_held {
            self.retry_held = None;
        }
        if self.start_now == done.start_now {
            self.start_now = None;
        }
        self
    }
}

/// See [`crate::request`].
pub(crate) async fn request(store: Arc<dyn Store>, request: Request) -> Result<(), DriverError> {
    let store = store.as_ref();
    if read::<JobRecord>(store, &job_key()?).await?.is_none() {
        return Err(DriverError::NotARun);
    }
    let (id, at) = (Uuid::new_v4().to_string(), now());
    change(store, |record| record.with(request, &id, at)).await?;
    Ok(())
}

/// Takes back the requests that were done; what is asked now.
pub(crate) async fn acknowledge(
    store: &dyn Store,
    done: &ControlRecord,
) -> Result<ControlRecord, DriverError> {
    change(store, |record| record.without(done)).await
}

/// What is asked now.
pub(crate) async fn look(store: &dyn Store) -> Result<ControlRecord, DriverError> {
    let found = read(store, &control_key()?).await?;
    Ok(found.map(|(record, _)| record).unwrap_or_default())
}

/// Reads, changes, writes under the version read; again while others change it or answers are
/// lost. The change must come to the same whenever it is repeated.
async fn change(
    store: &dyn Store,
    edit: impl Fn(ControlRecord) -> ControlRecord,
) -> Result<ControlRecord, DriverError> {
    let key = control_key()?;
    let mut tries = 0;
    loop {
        tries += 1;
        let found: Option<(ControlRecord, Etag)> = read(store, &key).await?;
        let (before, etag) = found.map_or((ControlRecord::default(), None), |(record, etag)| {
            (record, Some(etag))
        });
        let after = edit(before.clone());
        if after == before {
            return Ok(after);
        }
        let write = Transaction::new(vec![put(key.clone(), &after, etag.as_ref())?])
            .map_err(StoreError::from)?;
        match store.commit(&write).await {
            Ok(_) => return Ok(after),
            Err(error) if (error.is_conflict() || error.is_ambiguous()) && tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}
