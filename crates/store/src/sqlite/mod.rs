//! A store in one local SQLite file.
//!
//! The file is in write-ahead mode with `synchronous=FULL`: every commit reaches the disk before
//! its answer. `NORMAL` would keep the file whole too, but could forget the last commits when the
//! machine loses power, and then an effect on a cluster would have no recorded intent.
//!
//! Several processes may open the file; the conditions of the writes and SQLite's locks keep them
//! apart. Write-ahead mode shares memory between them, so the file must be on a local disk.
//! The store's clock is the machine's.

mod open;
mod queries;
mod worker;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::key::{Key, Partition};
use crate::range::RowRange;
use crate::store::{Committed, Continuation, MAX_PAGE, Page, Read, Store};
use crate::time::{Clock, SystemClock};
use crate::transaction::Transaction;
use worker::Worker;

/// A store in one local SQLite file. Its thread and the file close some time after it is dropped;
/// [`SqliteStore::close`] waits for that.
pub struct SqliteStore {
    worker: Worker,
    location: Arc<str>,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file, creating it (readable by its owner alone) when there is none. Its folder
    /// must exist. A file that is damaged, foreign or newer is left exactly as it was.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Newer`], [`StoreError::Denied`],
    /// [`StoreError::Failed`], or [`StoreError::Unavailable`] when another process keeps it busy.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with_clock(path, Arc::new(SystemClock)).await
    }

    /// As [`SqliteStore::open`], with another clock than the machine's.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_with_clock(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let location: Arc<str> = path.display().to_string().into();
        let worker = Worker::start(path.to_owned(), Arc::clone(&location)).await?;
        Ok(Self {
            worker,
            location,
            clock,
        })
    }

    /// Closes the file and waits until that is done. No work is lost without it.
    pub async fn close(self) {
        self.worker.stop().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Read, StoreError> {
        let (key, location) = (key.clone(), Arc::clone(&self.location));
        let entity = self
            .worker
            .read(move |connection| queries::get(connection, &location, &key))
            .await?;
        Ok(Read {
            entity,
            store_time: self.clock.now(),
        })
    }

    async fn list(
        &self,
        partition: &Partition,
        range: &RowRange,
        limit: usize,
        after: Option<&Continuation>,
    ) -> Result<Page, StoreError> {
        let (partition, range) = (partition.clone(), range.clone());
        let (after, location) = (after.cloned(), Arc::clone(&self.location));
        let limit = limit.clamp(1, MAX_PAGE);
        let (entities, next) = self
            .worker
            .read(move |connection| {
                queries::list(
                    connection,
                    &location,
                    &partition,
                    &range,
                    limit,
                    after.as_ref(),
                )
            })
            .await?;
        Ok(Page {
            entities,
            next,
            store_time: self.clock.now(),
        })
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Committed, StoreError> {
        let (transaction, location) = (transaction.clone(), Arc::clone(&self.location));
        let etags = self
            .worker
            .write(move |connection| queries::commit(connection, &location, &transaction))
            .await?;
        Ok(Committed {
            etags,
            store_time: self.clock.now(),
        })
    }
}

#[cfg(test)]
mod tests;
