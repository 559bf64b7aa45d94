//! What is kept of a database for people: why it cannot go on, which tables are missing.

use kusto_copy_core::database::TableRecord;
use kusto_copy_core::vocabulary::ActivityId;
use kusto_copy_store::{Store, StoreError};

use super::{StoredDatabase, TABLES_OF_A_COMMIT};
use crate::persist::put;

impl StoredDatabase {
    /// Keeps why the database as a whole cannot go on, or that nothing is in its way any more.
    /// What is known already costs nothing.
    pub(crate) async fn tell(
        &mut self,
        store: &dyn Store,
        held: Option<String>,
    ) -> Result<(), StoreError> {
        if self.record.held == held {
            return Ok(());
        }
        self.record.held = held;
        self.commit(store, Vec::new()).await?;
        Ok(())
    }

    /// Keeps records of tables that changed outside of any window.
    pub(crate) async fn keep_tables(
        &mut self,
        store: &dyn Store,
        changed: Vec<TableRecord>,
    ) -> Result<(), StoreError> {
        for chunk in changed.chunks(TABLES_OF_A_COMMIT) {
            let mut writes = Vec::new();
            for table in chunk {
                let key = self.key(&["table", table.activity.as_str()])?;
                writes.push(put(key, table, self.table_etags.get(&table.activity))?);
            }
            let etags = self.commit(store, writes).await?;
            for (table, etag) in chunk.iter().zip(etags) {
                if let Some(etag) = etag {
                    self.table_etags.insert(table.activity.clone(), etag);
                    self.tables.insert(table.activity.clone(), table.clone());
                }
            }
        }
        Ok(())
    }

    /// The TableId that a table's window belongs to, where it is known.
    pub(crate) fn table_id(&self, activity: &ActivityId) -> Option<String> {
        let of_marker = |due: &super::Marker| due.marker.table_id.clone();
        self.due.get(activity).and_then(of_marker)
    }
}
