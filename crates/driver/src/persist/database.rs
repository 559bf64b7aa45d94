//! A database's record, its tables and its markers.

mod sweeping;
mod telling;
#[cfg(test)]
mod tests;
mod tidying;

use std::collections::BTreeMap;

use kusto_copy_core::database::{
    Database, DatabaseError, DatabaseEvent, DatabasePhase, DueMarker, TableRecord,
};
use kusto_copy_core::vocabulary::{ActivityId, Millis, Window};
use kusto_copy_store::{
    Entity, Etag, Key, Partition, Row, RowRange, Store, StoreError, Transaction, Write, list_all,
};

use super::{database_partition, decode, put, read};
use crate::error::DriverError;
use crate::job::RunOptions;

pub(crate) use sweeping::{DueSweeps, FailedSweep, StoredSweep};
pub(crate) use tidying::Leftovers;

/// Times that a transaction is sent while its answers are lost and nothing is stored.
const SENDS: usize = 5;

/// Work that an activity has: its window, or what is left to tidy of it.
#[derive(Debug, Clone)]
pub(crate) struct Marker {
    /// The marker.
    pub(crate) marker: DueMarker,
    etag: Etag,
}

/// Tables of one transaction: each takes two writes beside the record.
const TABLES_OF_A_COMMIT: usize = 40;

/// Tables whose completion, or the end of whose tidying, is one transaction: three writes each.
const COMPLETED_OF_A_COMMIT: usize = 30;

/// What the completed window of a table brought.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Copied {
    /// Whether the table has a staging table.
    pub(crate) has_staging: bool,
    /// The iteration.
    pub(crate) iteration: u32,
    /// Rows that arrived.
    pub(crate) rows: u64,
    /// Blocks that arrived.
    pub(crate) blocks: u64,
    /// Bytes of the files that carried them.
    pub(crate) bytes: u64,
}

impl Copied {
    const fn add_to(&self, table: &mut TableRecord) {
        table.has_staging = self.has_staging;
        table.rows_copied += self.rows;
        table.blocks_copied += self.blocks;
        table.bytes_copied += self.bytes;
        table.last_iteration = self.iteration;
        table.last_rows = self.rows;
    }
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
    knows_tables: bool,
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
        let mut loaded = Self::load_markers(store, source, destination, epoch).await?;
        loaded.know_tables(store).await?;
        Ok(loaded)
    }

    /// The same without the tables, which are read once they are needed: what this reads grows
    /// with the tables that are due, not with all that there are. What is swept later is read
    /// when it is due.
    pub(crate) async fn load_markers(
        store: &dyn Store,
        source: &str,
        destination: &str,
        epoch: u64,
    ) -> Result<Self, StoreError> {
        let mut loaded = Self::unread(source, destination, epoch)?;
        let (sweeps, after) = (Row::of(&["sweep"])?, Row::of(&["tidy"])?);
        let ranges = [
            RowRange::between(None, Some(&sweeps)),
            RowRange::between(Some(&after), None),
        ];
        for range in &ranges {
            loaded.read(store, range).await?;
        }
        Ok(loaded)
    }

    fn unread(source: &str, destination: &str, epoch: u64) -> Result<Self, StoreError> {
        let partition = database_partition(source)?;
        Ok(Self {
            record: Database::new(source.to_owned(), destination.to_owned(), epoch),
            etag: None,
            tables: BTreeMap::new(),
            table_etags: BTreeMap::new(),
            due: BTreeMap::new(),
            tidy: BTreeMap::new(),
            knows_tables: false,
            partition,
        })
    }

    async fn read(&mut self, store: &dyn Store, range: &RowRange) -> Result<(), StoreError> {
        for entity in list_all(store, &self.partition, range).await? {
            self.take(&entity)?;
        }
        Ok(())
    }

    /// Whether every table is in memory.
    pub(crate) const fn knows_tables(&self) -> bool {
        self.knows_tables
    }

    /// Reads the tables unless they are in memory.
    pub(crate) async fn know_tables(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        if !self.knows_tables {
            self.read(store, &RowRange::below(&["table"])?).await?;
            self.knows_tables = true;
        }
        Ok(())
    }

    async fn know_table(
        &mut self,
        store: &dyn Store,
        activity: &ActivityId,
    ) -> Result<(), StoreError> {
        if self.knows_tables || self.tables.contains_key(activity) {
            return Ok(());
        }
        let key = self.key(&["table", activity.as_str()])?;
        if let Some(entity) = store.get(&key).await?.entity {
            self.take(&entity)?;
        }
        Ok(())
    }

    fn take(&mut self, entity: &Entity) -> Result<(), StoreError> {
        let marker = |entity: &Entity| {
            let (marker, etag): (DueMarker, Etag) = decode(entity)?;
            Ok::<_, StoreError>((marker.activity.clone(), Marker { marker, etag }))
        };
        match entity.key.row.parts().first().map(String::as_str) {
            Some("database") => {
                let (record, etag) = decode(entity)?;
                (self.record, self.etag) = (record, Some(etag));
            }
            Some("table") => {
                let (table, etag): (TableRecord, Etag) = decode(entity)?;
                self.table_etags.insert(table.activity.clone(), etag);
                self.tables.insert(table.activity.clone(), table);
            }
            Some("due") => self.due.extend([marker(entity)?]),
            Some("tidy") => self.tidy.extend([marker(entity)?]),
            Some(_) | None => {
                return Err(StoreError::Corrupt {
                    what: format!("entity {}", entity.key),
                    source: None,
                });
            }
        }
        Ok(())
    }

    /// Whether nothing of it is open, due or left to tidy or to sweep. Tables that the user
    /// excludes rest whatever is left of them.
    pub(crate) fn is_at_rest(&self, options: &RunOptions, now: Millis) -> bool {
        let rests = |marker: &Marker| !options.chooses(&marker.marker.source_table);
        self.record.phase == DatabasePhase::Idle
            && self.due.values().all(rests)
            && self.tidy.is_empty()
            && self.next_sweep().is_none_or(|at| at > now)
            && (options.continuous || self.kept_staging().next().is_none())
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

    /// Takes the record over for a worker's epoch, which only grows: a worker that was taken over
    /// while it began claims nothing.
    ///
    /// # Errors
    /// [`DriverError::TakenOver`] when a newer worker claimed it, before or meanwhile.
    pub(crate) async fn claim(&mut self, store: &dyn Store, epoch: u64) -> Result<(), DriverError> {
        if self.record.epoch > epoch {
            return Err(DriverError::TakenOver);
        }
        self.record.epoch = epoch;
        match self.commit(store, Vec::new()).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_conflict() => {
                let found: Option<(Database, Etag)> =
                    read(store, &self.key(&["database"])?).await?;
                let newer = found.is_some_and(|(found, _)| found.epoch > epoch);
                Err(if newer {
                    DriverError::TakenOver
                } else {
                    error.into()
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Marks tables as due and keeps their records, before the iteration runs. Known markers and
    /// unchanged records cost nothing.
    pub(crate) async fn mark_due(
        &mut self,
        store: &dyn Store,
        due: Vec<(TableRecord, DueMarker)>,
    ) -> Result<(), StoreError> {
        for chunk in due.chunks(TABLES_OF_A_COMMIT) {
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

    /// The windows of tables are completed: their markers go, their own ends advance, their
    /// tidying begins. Where a table was set aside while iterations went on, the marker of the
    /// open one takes the place of the old: its next window reaches from its own end to the
    /// iteration's. As many tables in one transaction as it holds, each of them whole; a
    /// repetition after a lost answer finds nothing to do.
    pub(crate) async fn complete(
        &mut self,
        store: &dyn Store,
        completed: Vec<(ActivityId, Copied)>,
    ) -> Result<(), StoreError> {
        for chunk in completed.chunks(COMPLETED_OF_A_COMMIT) {
            let (mut writes, mut changed) = (Vec::new(), Vec::new());
            for (activity, copied) in chunk {
                let Some(due) = self.due.get(activity).cloned() else {
                    continue;
                };
                self.know_table(store, activity).await?;
                let Some(mut table) = self.tables.get(activity).cloned() else {
                    continue;
                };
                copied.add_to(&mut table);
                table.completed_to = Some(due.marker.window.up_to.clone());
                let next = self.next_marker(&due.marker);
                writes.extend(self.completion(&table, &due, next.as_ref())?);
                changed.push((table, due.marker, next));
            }
            if changed.is_empty() {
                continue;
            }
            let etags = self.commit(store, writes).await?;
            for ((table, marker, next), etags) in changed.into_iter().zip(etags.chunks(3)) {
                let id = table.activity.clone();
                self.tables.insert(id.clone(), table);
                let [Some(table_etag), Some(tidy_etag), due_etag] = etags else {
                    continue;
                };
                self.table_etags.insert(id.clone(), table_etag.clone());
                let etag = tidy_etag.clone();
                self.tidy.insert(id.clone(), Marker { marker, etag });
                match (next, due_etag.clone()) {
                    (Some(marker), Some(etag)) => self.due.insert(id, Marker { marker, etag }),
                    (Some(_) | None, _) => self.due.remove(&id),
                };
            }
        }
        Ok(())
    }

    /// What completing a table writes: its record, what is to be tidied, what is due.
    fn completion(
        &self,
        table: &TableRecord,
        due: &Marker,
        next: Option<&DueMarker>,
    ) -> Result<[Write; 3], StoreError> {
        let id = table.activity.as_str();
        let key = self.key(&["due", id])?;
        let due_write = match next {
            Some(next) => put(key, next, Some(&due.etag))?,
            None => Write::Delete {
                key,
                if_match: due.etag.clone(),
            },
        };
        let tidy_seen = self.tidy.get(&table.activity).map(|known| &known.etag);
        let table_seen = self.table_etags.get(&table.activity);
        Ok([
            put(self.key(&["table", id])?, table, table_seen)?,
            put(self.key(&["tidy", id])?, &due.marker, tidy_seen)?,
            due_write,
        ])
    }

    /// What a table is due for after an older window, while an iteration is open.
    fn next_marker(&self, done: &DueMarker) -> Option<DueMarker> {
        let (iteration, end) = self.record.open()?;
        (done.iteration < iteration).then(|| DueMarker {
            iteration,
            window: Window {
                after: Some(done.window.up_to.clone()),
                up_to: end.clone(),
            },
            bounds: None,
            problem: None,
            ..done.clone()
        })
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
