//! What an execution knows of its job before it holds the lease.

use kusto_copy_store::{Etag, RowRange, Store, StoreError, list_all};

use crate::control::ControlRecord;
use crate::heartbeat::HeartbeatRecord;
use crate::persist::{JobRecord, control_key, decode, heartbeat_key, job_key};

/// What the job's partition holds beside the lease.
#[derive(Debug, Default)]
pub(crate) struct JobEntities {
    /// The job's record; `None` before its first execution.
    pub(crate) job: Option<JobRecord>,
    /// What a person asks.
    pub(crate) control: ControlRecord,
    /// The last sign of life.
    pub(crate) heartbeat: Option<(HeartbeatRecord, Etag)>,
}

impl JobEntities {
    /// Reads them all at once.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let mut found = Self::default();
        let (job, control, heartbeat) = (job_key()?, control_key()?, heartbeat_key()?);
        for entity in list_all(store, &job.partition, &RowRange::all()).await? {
            if entity.key == job {
                found.job = Some(decode(&entity)?.0);
            } else if entity.key == control {
                found.control = decode(&entity)?.0;
            } else if entity.key == heartbeat {
                found.heartbeat = Some(decode(&entity)?);
            }
        }
        Ok(found)
    }
}
