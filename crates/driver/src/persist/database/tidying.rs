//! What is left of tables between iterations: tidying, kept staging tables.

use kusto_copy_core::database::{DueMarker, Sweep, TableRecord};
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Window};
use kusto_copy_store::{Store, StoreError, Write};

use super::{COMPLETED_OF_A_COMMIT, Marker, StoredDatabase, TABLES_OF_A_COMMIT};
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
    /// Tables that are at rest and whose staging table is kept.
    pub(crate) fn kept_staging(&self) -> impl Iterator<Item = (&TableRecord, &Cursor)> {
        self.tables.values().filter_map(|table| {
            let id = &table.activity;
            let rests = !self.due.contains_key(id) && !self.tidy.contains_key(id);
            let completed_to = table.completed_to.as_ref()?;
            (table.has_staging && rests).then_some((table, completed_to))
        })
    }

    /// Nothing is left to tidy of tables, but what is kept and what is swept later.
    pub(crate) async fn tidied(
        &mut self,
        store: &dyn Store,
        tidied: Vec<(ActivityId, Leftovers)>,
    ) -> Result<(), StoreError> {
        for chunk in tidied.chunks(COMPLETED_OF_A_COMMIT) {
            let (mut writes, mut changed) = (Vec::new(), Vec::new());
            for (activity, left) in chunk {
                let Some(tidy) = self.tidy.get(activity).cloned() else {
                    continue;
                };
                let id = activity.as_str();
                writes.push(Write::Delete {
                    key: self.key(&["tidy", id])?,
                    if_match: tidy.etag,
                });
                self.know_table(store, activity).await?;
                let mut table = self.tables.get(activity).cloned();
                table = table.filter(|table| table.has_staging != left.has_staging);
                if let Some(table) = &mut table {
                    table.has_staging = left.has_staging;
                    let seen = self.table_etags.get(activity);
                    writes.push(put(self.key(&["table", id])?, table, seen)?);
                }
                if let Some(sweep) = &left.sweep {
                    writes.push(self.recorded(sweep)?);
                }
                changed.push((activity, table, left.sweep.is_some()));
            }
            if changed.is_empty() {
                continue;
            }
            let mut etags = self.commit(store, writes).await?.into_iter();
            for (activity, table, has_sweep) in changed {
                // As they were written: the marker, the table, what is swept.
                etags.next();
                if let Some(table) = table {
                    if let Some(etag) = etags.next().flatten() {
                        self.table_etags.insert(activity.clone(), etag);
                    }
                    self.tables.insert(activity.clone(), table);
                }
                if has_sweep {
                    etags.next();
                }
                self.tidy.remove(activity);
            }
        }
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
}
