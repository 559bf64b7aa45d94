//! What is left of tables between iterations: tidying, kept staging tables, second deletions.

use kusto_copy_core::database::{DueMarker, Sweep, TableRecord};
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Millis, Window};
use kusto_copy_store::{Key, Store, StoreError, Write};

use super::{Marker, StoredDatabase, TABLES_OF_A_COMMIT};
use crate::persist::put;

/// What tidying leaves of a table's iteration.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// Whether its staging table is kept for the next iteration.
    pub(crate) has_staging: bool,
    /// What is deleted once more later.
    pub(crate) sweep: Option<Sweep>,
}

impl StoredDatabase {
    /// What is to be deleted once more now.
    pub(crate) fn due_sweeps(&self, now: Millis) -> impl Iterator<Item = &Sweep> {
        let sweeps = self.sweeps.values().map(|(sweep, _)| sweep);
        sweeps.filter(move |sweep| sweep.due <= now)
    }

    /// Tables that are at rest and whose staging table is kept.
    pub(crate) fn kept_staging(&self) -> impl Iterator<Item = (&TableRecord, &Cursor)> {
        self.tables.values().filter_map(|table| {
            let id = &table.activity;
            let rests = !self.due.contains_key(id) && !self.tidy.contains_key(id);
            let completed_to = table.completed_to.as_ref()?;
            (table.has_staging && rests).then_some((table, completed_to))
        })
    }

    /// Nothing is left to tidy of a table, but what is kept and what is swept later.
    pub(crate) async fn tidied(
        &mut self,
        store: &dyn Store,
        activity: &ActivityId,
        left: Leftovers,
    ) -> Result<(), StoreError> {
        let Some(tidy) = self.tidy.get(activity).cloned() else {
            return Ok(());
        };
        let id = activity.as_str();
        let mut writes = vec![Write::Delete {
            key: self.key(&["tidy", id])?,
            if_match: tidy.etag,
        }];
        self.know_table(store, activity).await?;
        let mut table = self.tables.get(activity).cloned();
        table = table.filter(|table| table.has_staging != left.has_staging);
        if let Some(table) = &mut table {
            table.has_staging = left.has_staging;
            let seen = self.table_etags.get(activity);
            writes.push(put(self.key(&["table", id])?, table, seen)?);
        }
        let sweep = left.sweep.map(|mut sweep| {
            let key = (sweep.activity.clone(), sweep.iteration);
            if let Some((known, _)) = self.sweeps.get(&key) {
                sweep.staging.extend(known.staging.iter().cloned());
                sweep.staging.sort();
                sweep.staging.dedup();
                sweep.files |= known.files;
            }
            (key, sweep)
        });
        if let Some((key, sweep)) = &sweep {
            let seen = self.sweeps.get(key).map(|(_, etag)| etag);
            writes.push(put(self.sweep_key(key)?, sweep, seen)?);
        }
        let mut etags = self.commit(store, writes).await?.into_iter().skip(1);
        if let Some(table) = table {
            if let Some(etag) = etags.next().flatten() {
                self.table_etags.insert(activity.clone(), etag);
            }
            self.tables.insert(activity.clone(), table);
        }
        if let Some((key, sweep)) = sweep
            && let Some(etag) = etags.next().flatten()
        {
            self.sweeps.insert(key, (sweep, etag));
        }
        self.tidy.remove(activity);
        Ok(())
    }

    /// Marks kept staging tables as to be tidied: the job ends.
    pub(crate) async fn retire_staging(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let markers: Vec<DueMarker> = self
            .kept_staging()
            .map(|(table, completed_to)| DueMarker {
                activity: table.activity.clone(),
                iteration: table.last_iteration,
                source_table: table.source_table.clone(),
                destination_table: table.destination_table.clone(),
                window: Window {
                    after: None,
                    up_to: completed_to.clone(),
                },
                bounds: None,
                newest: None,
                table_id: None,
                problem: None,
            })
            .collect();
        for chunk in markers.chunks(TABLES_OF_A_COMMIT) {
            let mut writes = Vec::new();
            for marker in chunk {
                let key = self.key(&["tidy", marker.activity.as_str()])?;
                writes.push(put(key, marker, None)?);
            }
            let etags = self.commit(store, writes).await?;
            for (marker, etag) in chunk.iter().zip(etags) {
                if let Some(etag) = etag {
                    let (id, marker) = (marker.activity.clone(), marker.clone());
                    self.tidy.insert(id, Marker { marker, etag });
                }
            }
        }
        Ok(())
    }

    fn sweep_key(&self, (activity, iteration): &(ActivityId, u32)) -> Result<Key, StoreError> {
        self.key(&["sweep", activity.as_str(), &format!("{iteration:08}")])
    }

    /// Second deletions are done: so many at once as fit beside the record.
    pub(crate) async fn swept(
        &mut self,
        store: &dyn Store,
        keys: Vec<(ActivityId, u32)>,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for key in &keys {
            if let Some((_, etag)) = self.sweeps.get(key).cloned() {
                writes.push(Write::Delete {
                    key: self.sweep_key(key)?,
                    if_match: etag,
                });
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.commit(store, writes).await?;
        for key in &keys {
            self.sweeps.remove(key);
        }
        Ok(())
    }
}
