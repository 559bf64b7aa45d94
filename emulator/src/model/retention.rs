//! Retention: an extent goes when its newest creation time is older than the soft-delete period.

use uuid::Uuid;

use super::{Database, Transaction};
use crate::error::KustoError;

impl Database {
    /// Extents whose time is over at `now`, by table.
    pub(crate) fn expired(&self, now: i64) -> Vec<(String, Vec<Uuid>)> {
        self.tables
            .values()
            .filter(|table| !table.extents.is_empty())
            .map(|table| {
                let oldest_kept = now.saturating_sub(self.soft_delete_period(table));
                let ids = table
                    .extents
                    .iter()
                    .filter(|extent| extent.max_created_on < oldest_kept)
                    .map(|extent| extent.id)
                    .collect();
                (table.name.clone(), ids)
            })
            .filter(|(_, ids): &(String, Vec<Uuid>)| !ids.is_empty())
            .collect()
    }
}

impl Transaction<'_> {
    /// Drops what has expired at the transaction's time.
    ///
    /// # Errors
    /// None in practice: the extents are read under the same lock.
    pub(crate) fn drop_expired(&mut self) -> Result<(), KustoError> {
        for (table, ids) in self.database().expired(self.now()) {
            self.take(&table, &ids)?;
        }
        Ok(())
    }
}
