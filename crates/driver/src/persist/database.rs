//! A database's record, its tables and its markers.

use std::collections::BTreeMap;

use kusto_copy_core::database::{Database, DatabaseError, DatabaseEvent, DueMarker, TableRecord};
use kusto_copy_core::vocabulary::ActivityId;
use kusto_copy_store::{
    Etag, Key, Partition, Row, RowRange, Store, StoreError, Transaction, Write, list_all,
};

use super::{database_partition, decode, put, read};
use crate::error::DriverError;

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

    /// Applies an event and stores the record, together with `others`.
    async fn commit(
        &mut self,
        store: &dyn Store,
        others: Vec<Write>,
    ) -> Result<Vec<Option<Etag>>, StoreError> {
        let mut writes = vec![put(
            self.key(&["database"])?,
            &self.record,
            self.etag.as_ref(),
        )?];
        writes.extend(others);
        let mut etags = store
            .commit(&Transaction::new(writes)?)
            .await?
            .etags
            .into_iter();
        self.etag = etags.next().flatten();
        Ok(etags.collect())
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
