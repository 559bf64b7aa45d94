//! What an execution uses: transactions of the store, requests to the clusters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use kusto_copy_kusto::Traffic;
use kusto_copy_store::{
    Committed, Continuation, Key, Page, Partition, Read, RowRange, Store, StoreError, Transaction,
};
use serde::Serialize;

/// What an execution used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Reads of the store: single entities and pages of lists.
    pub store_reads: u64,
    /// Transactions sent to the store.
    pub store_commits: u64,
    /// Queries sent to the clusters, repetitions included.
    pub kusto_queries: u64,
    /// Management commands sent to the clusters, repetitions included.
    pub kusto_commands: u64,
    /// Blocks whose rows arrived at the destination.
    pub blocks_moved: u64,
    /// Their rows.
    pub rows_moved: u64,
}

/// Counts while an execution goes on.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    store_reads: AtomicU64,
    store_commits: AtomicU64,
    blocks_moved: AtomicU64,
    rows_moved: AtomicU64,
    /// Requests to both clusters.
    pub(crate) traffic: Arc<Traffic>,
}

impl Meter {
    /// Blocks arrived.
    pub(crate) fn moved(&self, blocks: u64, rows: u64) {
        self.blocks_moved.fetch_add(blocks, Ordering::Relaxed);
        self.rows_moved.fetch_add(rows, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn cost(&self) -> Cost {
        Cost {
            store_reads: self.store_reads.load(Ordering::Relaxed),
            store_commits: self.store_commits.load(Ordering::Relaxed),
            kusto_queries: self.traffic.queries(),
            kusto_commands: self.traffic.commands(),
            blocks_moved: self.blocks_moved.load(Ordering::Relaxed),
            rows_moved: self.rows_moved.load(Ordering::Relaxed),
        }
    }
}

/// A store that counts what it is asked.
pub(crate) struct Metered {
    inner: Arc<dyn Store>,
    meter: Arc<Meter>,
}

impl Metered {
    /// Counts into `meter`.
    pub(crate) fn over(inner: Arc<dyn Store>, meter: Arc<Meter>) -> Arc<dyn Store> {
        Arc::new(Self { inner, meter })
    }

    fn read(&self) {
        self.meter.store_reads.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Store for Metered {
    async fn get(&self, key: &Key) -> Result<Read, StoreError> {
        self.read();
        self.inner.get(key).await
    }

    async fn list(
        &self,
        partition: &Partition,
        range: &RowRange,
        limit: usize,
        after: Option<&Continuation>,
    ) -> Result<Page, StoreError> {
        self.read();
        self.inner.list(partition, range, limit, after).await
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Committed, StoreError> {
        self.meter.store_commits.fetch_add(1, Ordering::Relaxed);
        self.inner.commit(transaction).await
    }
}
