//! The state in the store: which entity holds what, and how it is read and written.
//!
//! | partition | rows |
//! |---|---|
//! | `job` | `job` (the definition), `lease`, `control`, `heartbeat` |
//! | `db!<source database>` | `database`, `table!<activity>`, `due!<activity>`, `tidy!<activity>`, `sweep!<when it is due>!<activity>!<iteration>` |
//! | `act!<activity>` | `head`, `block!<number>` |
//!
//! Finished work is not here: finished blocks are folded into the lake's ledger and counters.

mod activity;
mod database;

pub(crate) use activity::{ActivityPages, PAGE, Part, StoredActivity};
pub(crate) use database::{Copied, DueSweeps, FailedSweep, Leftovers, StoredDatabase, StoredSweep};

use kusto_copy_core::vocabulary::{ActivityId, BlockNumber};
use kusto_copy_store::{
    Entity, Etag, Key, Layout, Partition, Row, Store, StoreError, Transaction, Write,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::job::JobDefinition;

/// The layout of every entity of ours. 2 added what a late command may leave, tables that are set
/// aside, staging tables that are made anew and frozen ledger units.
pub(crate) const LAYOUT: Layout = Layout::new(2, env!("CARGO_PKG_VERSION"));

/// The job's own record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    /// What the job is.
    pub(crate) definition: JobDefinition,
    /// 8 random hex digits: part of every name, tag and prefix of the job.
    pub(crate) incarnation: String,
}

pub(crate) fn job_key() -> Result<Key, StoreError> {
    Ok(Key::new(Partition::of(&["job"])?, Row::of(&["job"])?))
}

pub(crate) fn lease_key() -> Result<Key, StoreError> {
    Ok(Key::new(Partition::of(&["job"])?, Row::of(&["lease"])?))
}

pub(crate) fn control_key() -> Result<Key, StoreError> {
    Ok(Key::new(Partition::of(&["job"])?, Row::of(&["control"])?))
}

pub(crate) fn heartbeat_key() -> Result<Key, StoreError> {
    Ok(Key::new(Partition::of(&["job"])?, Row::of(&["heartbeat"])?))
}

pub(crate) fn database_partition(database: &str) -> Result<Partition, StoreError> {
    Ok(Partition::of(&["db", database])?)
}

pub(crate) fn activity_partition(activity: &ActivityId) -> Result<Partition, StoreError> {
    Ok(Partition::of(&["act", activity.as_str()])?)
}

pub(crate) fn block_row(number: BlockNumber) -> Result<Row, StoreError> {
    Ok(Row::of(&["block", &format!("{:08}", number.0)])?)
}

/// Inserts or replaces, by whether a version was seen.
pub(crate) fn put<T: Serialize>(
    key: Key,
    value: &T,
    seen: Option<&Etag>,
) -> Result<Write, StoreError> {
    let body = LAYOUT.write(value)?;
    Ok(match seen {
        None => Write::Insert { key, body },
        Some(etag) => Write::Replace {
            key,
            body,
            if_match: etag.clone(),
        },
    })
}

/// Reads one entity as a value.
pub(crate) async fn read<T: DeserializeOwned>(
    store: &dyn Store,
    key: &Key,
) -> Result<Option<(T, Etag)>, StoreError> {
    match store.get(key).await?.entity {
        None => Ok(None),
        Some(entity) => Ok(Some(decode(&entity)?)),
    }
}

/// An entity's value and version.
pub(crate) fn decode<T: DeserializeOwned>(entity: &Entity) -> Result<(T, Etag), StoreError> {
    Ok((LAYOUT.read(entity)?, entity.etag.clone()))
}

/// Writes one entity; insert-only when no version was seen. On a conflict the stored one wins:
/// it is read and returned with its version.
pub(crate) async fn write_or_read<T: Serialize + DeserializeOwned>(
    store: &dyn Store,
    key: &Key,
    value: T,
    seen: Option<&Etag>,
) -> Result<(T, Etag), StoreError> {
    let transaction = Transaction::new(vec![put(key.clone(), &value, seen)?])?;
    match store.commit(&transaction).await {
        Ok(committed) => match committed.etags.into_iter().next().flatten() {
            Some(etag) => Ok((value, etag)),
            None => read_existing(store, key).await,
        },
        Err(error) if error.is_conflict() || error.is_ambiguous() => {
            match read(store, key).await? {
                Some(found) => Ok(found),
                None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

async fn read_existing<T: DeserializeOwned>(
    store: &dyn Store,
    key: &Key,
) -> Result<(T, Etag), StoreError> {
    read(store, key).await?.ok_or_else(|| StoreError::Corrupt {
        what: format!("entity {key}"),
        source: None,
    })
}
