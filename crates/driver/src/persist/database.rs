//! A database's record, its tables and its markers.

use std::collections::BTreeMap;

use kusto_copy_core::database::{
    Database, DatabaseError, DatabaseEvent, DatabasePhase, DueMarker, TableRecord,
};
use kusto_copy_core::vocabulary::ActivityId;
use kusto_copy_store::{
    Etag, Key, Partition, Row, RowRange, Store, StoreError, Transaction, Write, list_all,
};

use super::{database_partition, decode, put, read};
use crate::error::DriverError;

/// Times that a transaction is sent while its answers are lost and nothing is stored.
const SENDS: usize = 5;

/// Work that an activity has: its window, or what is left to tidy of it.
#[derive(Debug, Clone)]
pub(crate) struct Marker {
    /// The marker.
    pub(crate) marker: DueMarker,
    etag: Etag,
}

/// A database's entities with the versions that were seen of them.
#[derive(Debug)]
pub(crate) struct StoredDatabase {
    /// The record.
    pub(crate) record: Database,
    etag: Option<Etag>,
    /// Known tables by activity.
    pub(crate) tables: BTreeMap<ActivityId, TableRecord>,
    table_etags: BTreeMap<ActivityId, Etag>,
    /// Tables whose window is not completed.
    pub(crate) due: BTreeMap<ActivityId, Marker>,
    /// Tables of which something is left to tidy.
    pub(crate) tidy: BTreeMap<ActivityId, Marker>,
    partition: Partition,
}

impl StoredDatabase {
    /// Reads a database's entities; a new record (not yet stored) when there is none.
    pub(crate) async fn load(
        store: &dyn Store,
        source: &str,
        destination: &str,
        epoch: u64,
    ) -> Result<Self, StoreError> {
        let partition = database_partition(source)?;
        let stored: Option<(Database, Etag)> =
            read(store, &Key::new(partition.clone(), Row::of(&["database"])?)).await?;
        let (record, etag) = match stored {
            Some((record, etag)) => (record, Some(etag)),
            None => (
                Database::new(source.to_owned(), destination.to_owned(), epoch),
                None,
            ),
        };
        let mut loaded = Self {
            record,
            etag,
            tables: BTreeMap::new(),
            table_etags: BTreeMap::new(),
            due: BTreeMap::new(),
            tidy: BTreeMap::new(),
            partition,
        };
        for entity in list_all(store, &loaded.partition, &RowRange::below(&["table"])?).await? {
            let (table, etag): (TableRecord, Etag) = decode(&entity)?;
            loaded.table_etags.insert(table.activity.clone(), etag);
            loaded.tables.insert(table.activity.clone(), table);
        }
        loaded.due = loaded.markers(store, "due").await?;
        loaded.tidy = loaded.markers(store, "tidy").await?;
        Ok(loaded)
    }

    /// Whether nothing of it is open, due or left to tidy.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.record.phase == DatabasePhase::Idle && self.due.is_empty() && self.tidy.is_empty()
    }

    async fn markers(
        &self,
        store: &dyn Store,
        kind: &str,
    ) -> Result<BTreeMap<ActivityId, Marker>, StoreError> {
        let mut markers = BTreeMap::new();
        for entity in list_all(store, &self.partition, &RowRange::below(&[kind])?).await? {
            let (marker, etag): (DueMarker, Etag) = decode(&entity)?;
            markers.insert(marker.activity.clone(), Marker { marker, etag });
        }
        Ok(markers)
    }

    fn key(&self, parts: &[&str]) -> Result<Key, StoreError> {
        Ok(Key::new(self.partition.clone(), Row::of(parts)?))
    }

    /// Stores the record, together with `others`; their new versions. After a lost answer the
    /// record's revision tells whether it was stored: then it is done, else it is sent again.
    ///
    /// # Errors
    /// After an error memory and store may differ: load again before anything else.
    async fn commit(
        &mut self,
        store: &dyn Store,
        others: Vec<Write>,
    ) -> Result<Vec<Option<Etag>>, StoreError> {
        self.record.revision += 1;
        let record = self.key(&["database"])?;
        let mut writes = vec![put(record.clone(), &self.record, self.etag.as_ref())?];
        writes.extend(others);
        let transaction = Transaction::new(writes)?;
        let mut sends = 0;
        let etags = loop {
            sends += 1;
            match store.commit(&transaction).await {
                Ok(committed) => break committed.etags,
                // A conflict after a lost answer may be our own write, arrived late.
                Err(error) if error.is_ambiguous() || (sends > 1 && error.is_conflict()) => {
                    let found: Option<(Database, Etag)> = read(store, &record).await?;
                    if found.as_ref().is_some_and(|(found, _)| self.is_ours(found)) {
                        break versions(store, &transaction).await?;
                    }
                    let unchanged = found.map(|(_, etag)| etag) == self.etag;
                    if !unchanged || sends == SENDS {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        };
        let mut etags = etags.into_iter();
        self.etag = etags.next().flatten();
        Ok(etags.collect())
    }

    const fn is_ours(&self, found: &Database) -> bool {
        found.epoch == self.record.epoch && found.revision == self.record.revision
    }

    /// Applies an event and stores it.
    pub(crate) async fn apply(
        &mut self,
        store: &dyn Store,
        event: DatabaseEvent,
    ) -> Result<(), DriverError> {
        self.record.apply(event).map_err(|error| match error {
            DatabaseError::OtherSource { .. } => DriverError::Preflight {
                what: error.to_string(),
                remedy: "start a new job in an empty lake".to_owned(),
            },
            DatabaseError::Phase => DriverError::Internal {
                what: error.to_string(),
            },
        })?;
        self.commit(store, Vec::new()).await?;
        Ok(())
    }

    /// Takes the record over for a worker's epoch.
    pub(crate) async fn claim(&mut self, store: &dyn Store, epoch: u64) -> Result<(), StoreError> {
        self.record.epoch = epoch;
        self.commit(store, Vec::new()).await?;
        Ok(())
    }

    /// Marks tables as due and keeps their records, before the iteration runs. Known markers and
    /// unchanged records cost nothing.
    pub(crate) async fn mark_due(
        &mut self,
        store: &dyn Store,
        due: Vec<(TableRecord, DueMarker)>,
    ) -> Result<(), StoreError> {
        for chunk in due.chunks(40) {
            let mut writes = Vec::new();
            for (table, marker) in chunk {
                let activity = marker.activity.as_str();
                let seen = self.table_etags.get(&marker.activity);
                writes.push(put(self.key(&["table", activity])?, table, seen)?);
                let seen = self.due.get(&marker.activity).map(|known| &known.etag);
                writes.push(put(self.key(&["due", activity])?, marker, seen)?);
            }
            let mut etags = self.commit(store, writes).await?.into_iter();
            for (table, marker) in chunk {
                if let (Some(Some(table_etag)), Some(Some(etag))) = (etags.next(), etags.next()) {
                    self.table_etags.insert(table.activity.clone(), table_etag);
                    self.tables.insert(table.activity.clone(), table.clone());
                    let marker = Marker {
                        marker: marker.clone(),
                        etag,
                    };
                    self.due.insert(table.activity.clone(), marker);
                }
            }
        }
        Ok(())
    }

    /// A table's window is completed: its marker goes, its own end advances, its tidying begins.
    /// One transaction; a repetition after a lost answer finds nothing to do.
    pub(crate) async fn complete(
        &mut self,
        store: &dyn Store,
        activity: &ActivityId,
        advance: impl FnOnce(&mut TableRecord),
    ) -> Result<(), StoreError> {
        let Some(due) = self.due.get(activity).cloned() else {
            return Ok(());
        };
        let Some(mut table) = self.tables.get(activity).cloned() else {
            return Ok(());
        };
        advance(&mut table);
        table.completed_to = Some(due.marker.window.up_to.clone());
        let id = activity.as_str();
        let writes = vec![
            put(
                self.key(&["table", id])?,
                &table,
                self.table_etags.get(activity),
            )?,
            put(
                self.key(&["tidy", id])?,
                &due.marker,
                self.tidy.get(activity).map(|known| &known.etag),
            )?,
            Write::Delete {
                key: self.key(&["due", id])?,
                if_match: due.etag,
            },
        ];
        let etags = self.commit(store, writes).await?;
        if let [Some(table_etag), Some(tidy_etag), None] = etags.as_slice() {
            self.table_etags
                .insert(activity.clone(), table_etag.clone());
            let marker = Marker {
                marker: due.marker,
                etag: tidy_etag.clone(),
            };
            self.tidy.insert(activity.clone(), marker);
        }
        self.tables.insert(activity.clone(), table);
        self.due.remove(activity);
        Ok(())
    }

    /// Nothing is left to tidy of a table.
    pub(crate) async fn tidied(
        &mut self,
        store: &dyn Store,
        activity: &ActivityId,
    ) -> Result<(), StoreError> {
        let Some(tidy) = self.tidy.get(activity).cloned() else {
            return Ok(());
        };
        let delete = Write::Delete {
            key: self.key(&["tidy", activity.as_str()])?,
            if_match: tidy.etag,
        };
        self.commit(store, vec![delete]).await?;
        self.tidy.remove(activity);
        Ok(())
    }
}

/// The versions of what a transaction stored; `None` for what it deleted.
async fn versions(
    store: &dyn Store,
    transaction: &Transaction,
) -> Result<Vec<Option<Etag>>, StoreError> {
    let mut etags = Vec::new();
    for write in transaction.writes() {
        etags.push(store.get(write.key()).await?.entity.map(|found| found.etag));
    }
    Ok(etags)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kusto_copy_core::vocabulary::{Cursor, Millis, Window};
    use kusto_copy_store::faulty::{Call, Fault, Faulty};
    use kusto_copy_store::{MemoryStore, SystemClock};

    use super::*;

    fn due() -> (TableRecord, DueMarker) {
        let activity = ActivityId::of("a", "T");
        let record = TableRecord {
            activity: activity.clone(),
            source_table: "T".to_owned(),
            destination_table: "T".to_owned(),
            table_id: "1".to_owned(),
            completed_to: None,
            rows_copied: 0,
            blocks_copied: 0,
            bytes_copied: 0,
            last_iteration: 0,
            last_rows: 0,
            has_staging: false,
        };
        let marker = DueMarker {
            activity,
            iteration: 1,
            source_table: "T".to_owned(),
            destination_table: "T".to_owned(),
            window: Window {
                after: None,
                up_to: Cursor("c".to_owned()),
            },
            bounds: None,
        };
        (record, marker)
    }

    async fn iteration(store: &dyn Store) -> Result<StoredDatabase, DriverError> {
        let mut database = StoredDatabase::load(store, "a", "b", 1).await?;
        database.claim(store, 1).await?;
        let read = DatabaseEvent::CursorRead {
            source_id: "1".to_owned(),
            cursor_end: Cursor("c".to_owned()),
            read_at: Millis(1),
        };
        database.apply(store, read).await?;
        database.mark_due(store, vec![due()]).await?;
        database.apply(store, DatabaseEvent::Marked).await?;
        let activity = ActivityId::of("a", "T");
        let add = |table: &mut TableRecord| table.rows_copied += 7;
        database.complete(store, &activity, add).await?;
        database.complete(store, &activity, add).await?;
        database.apply(store, DatabaseEvent::Committed).await?;
        database.tidied(store, &activity).await?;
        Ok(database)
    }

    /// Each transaction of an iteration meets each fault once: rows count once and memory is
    /// what the store holds.
    #[tokio::test]
    async fn lost_answers_leave_memory_and_store_together() {
        for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::Late] {
            for at in 0..7 {
                let memory: Arc<dyn Store> =
                    Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)));
                let commits = AtomicUsize::new(0);
                let choose = move |call: Call<'_>| {
                    let commit = matches!(call, Call::Commit(_));
                    (commit && commits.fetch_add(1, Ordering::Relaxed) == at).then_some(fault)
                };
                let store = Faulty::new(Arc::clone(&memory), Box::new(choose));
                let database = iteration(&store).await.expect("completes");
                let stored = StoredDatabase::load(memory.as_ref(), "a", "b", 1)
                    .await
                    .expect("loads");
                assert_eq!(stored.record, database.record, "{fault:?} at {at}");
                assert_eq!(stored.record.phase, DatabasePhase::Idle);
                assert_eq!(stored.tables, database.tables);
                let rows: Vec<u64> = stored.tables.values().map(|t| t.rows_copied).collect();
                assert_eq!(rows, [7], "{fault:?} at {at}");
                assert!(stored.due.is_empty() && stored.tidy.is_empty());
            }
        }
    }

    #[tokio::test]
    async fn a_worker_that_was_taken_over_writes_nothing() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)));
        let load = |epoch| StoredDatabase::load(store.as_ref(), "a", "b", epoch);
        let mut old = load(1).await.expect("loads");
        old.claim(store.as_ref(), 1).await.expect("claims");
        let mut new = load(2).await.expect("loads");
        new.claim(store.as_ref(), 2).await.expect("claims");
        let stale = old.mark_due(store.as_ref(), vec![due()]).await;
        assert!(stale.is_err_and(|error| error.is_conflict()));
    }
}
