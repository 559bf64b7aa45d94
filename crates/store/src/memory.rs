//! A store in memory: the reference of what every backend does, for tests and simulations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::body::Body;
use crate::entity::{Entity, Etag};
use crate::error::{ConflictKind, StoreError};
use crate::key::{Key, Partition, Row};
use crate::range::RowRange;
use crate::store::{Committed, Continuation, MAX_PAGE, Page, Read, Store};
use crate::time::{Clock, SystemClock};
use crate::transaction::{Transaction, Write};

#[derive(Default)]
struct State {
    /// Number of the last transaction; the version of every entity that it wrote.
    sequence: u64,
    partitions: BTreeMap<Partition, BTreeMap<Row, (u64, Body)>>,
}

/// A store in memory. Clones share their contents, as processes share a file.
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }
}

impl MemoryStore {
    /// An empty store that takes its time from this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Arc::default(),
            clock,
        }
    }

    /// No code panics while it holds the lock, so a poisoned state is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entity(partition: &Partition, row: &Row, version: u64, body: &Body) -> Entity {
    Entity {
        key: Key::new(partition.clone(), row.clone()),
        etag: etag(version),
        body: body.clone(),
    }
}

fn etag(version: u64) -> Etag {
    Etag::from_stored(version.to_string())
}

fn check(rows: Option<&BTreeMap<Row, (u64, Body)>>, write: &Write) -> Result<(), StoreError> {
    let stored = rows
        .and_then(|rows| rows.get(&write.key().row))
        .map(|(version, _)| etag(*version));
    let kind = match (write, stored) {
        (Write::Insert { .. }, None) => return Ok(()),
        (Write::Insert { .. }, Some(_)) => ConflictKind::AlreadyExists,
        (Write::Replace { .. } | Write::Delete { .. }, None) => ConflictKind::Missing,
        (Write::Replace { if_match, .. } | Write::Delete { if_match, .. }, Some(stored)) => {
            if *if_match == stored {
                return Ok(());
            }
            ConflictKind::Changed
        }
    };
    Err(StoreError::Conflict {
        key: Some(write.key().clone()),
        kind,
    })
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Read, StoreError> {
        let state = self.state();
        let stored = state
            .partitions
            .get(&key.partition)
            .and_then(|rows| rows.get(&key.row));
        Ok(Read {
            entity: stored.map(|(version, body)| entity(&key.partition, &key.row, *version, body)),
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
        let state = self.state();
        let limit = limit.clamp(1, MAX_PAGE);
        let mut found = state
            .partitions
            .get(partition)
            .into_iter()
            .flatten()
            .filter(|(row, _)| range.contains(row))
            .filter(|(row, _)| after.is_none_or(|after| row.as_str() > after.as_str()))
            .map(|(row, (version, body))| entity(partition, row, *version, body));
        let entities: Vec<Entity> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        let next = entities
            .last()
            .filter(|_| more)
            .map(|last| Continuation::from_stored(last.key.row.as_str().to_owned()));
        Ok(Page {
            entities,
            next,
            store_time: self.clock.now(),
        })
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Committed, StoreError> {
        let mut state = self.state();
        let rows = state.partitions.get(transaction.partition());
        for write in transaction.writes() {
            check(rows, write)?;
        }
        state.sequence += 1;
        let version = state.sequence;
        let rows = state
            .partitions
            .entry(transaction.partition().clone())
            .or_default();
        let mut etags = Vec::with_capacity(transaction.writes().len());
        for write in transaction.writes() {
            let row = write.key().row.clone();
            match write.body() {
                Some(body) => {
                    rows.insert(row, (version, body.clone()));
                    etags.push(Some(etag(version)));
                }
                None => {
                    rows.remove(&row);
                    etags.push(None);
                }
            }
        }
        Ok(Committed {
            etags,
            store_time: self.clock.now(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Fixture;

    struct Memory(MemoryStore);

    #[async_trait]
    impl Fixture for Memory {
        async fn open(&self) -> Arc<dyn Store> {
            Arc::new(self.0.clone())
        }
    }

    crate::store_contract!(Memory(MemoryStore::default()));
}
