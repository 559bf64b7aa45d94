//! What time takes away: extents beyond the retention of their table, tables beyond their expiry
//! date, and tags beyond the retention of tags.

use kusto_emulator_values::{datetime, timespan};
use serde_json::Value;
use uuid::Uuid;

use super::{Database, Table, Transaction};
use crate::error::KustoError;

/// What is over at some moment.
#[derive(Debug, Default)]
pub(crate) struct Expired {
    /// Extents whose newest creation time is older than the soft-delete period, by table.
    extents: Vec<(String, Vec<Uuid>)>,
    /// Tables whose auto-delete policy has come due.
    tables: Vec<String>,
    /// Tags that the policy of their retention takes: table, extent, what is left.
    tags: Vec<(String, Uuid, Vec<String>)>,
}

impl Expired {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.extents.is_empty() && self.tables.is_empty() && self.tags.is_empty()
    }
}

impl Database {
    /// What is over at `now` (ticks).
    pub(crate) fn expired(&self, now: i64) -> Expired {
        let mut expired = Expired::default();
        for table in self.tables.values() {
            if is_to_be_deleted(table, now) {
                expired.tables.push(table.name.clone());
                continue;
            }
            let oldest_kept = now.saturating_sub(self.soft_delete_period(table));
            let (gone, kept): (Vec<_>, Vec<_>) = table
                .extents
                .iter()
                .partition(|extent| extent.max_created_on < oldest_kept);
            if !gone.is_empty() {
                let ids = gone.iter().map(|extent| extent.id).collect();
                expired.extents.push((table.name.clone(), ids));
            }
            let periods = self.tag_periods(table);
            for extent in kept.iter().filter(|_| !periods.is_empty()) {
                let age = now.saturating_sub(extent.max_created_on);
                let is_kept = |tag: &&String| {
                    !periods
                        .iter()
                        .any(|(prefix, period)| tag.starts_with(prefix) && age > *period)
                };
                let left: Vec<String> = extent.tags.iter().filter(is_kept).cloned().collect();
                if left.len() < extent.tags.len() {
                    expired.tags.push((table.name.clone(), extent.id, left));
                }
            }
        }
        expired
    }

    /// How long tags live after the creation of their extent, in ticks, by their prefix.
    fn tag_periods(&self, table: &Table) -> Vec<(String, i64)> {
        let policy = self.effective_policy(table, "extent_tags_retention");
        let entries = policy.as_array().into_iter().flatten();
        entries
            .filter_map(|entry| {
                let text = |name: &str| entry.get(name).and_then(Value::as_str);
                let period = timespan::parse(text("RetentionPeriod")?)?;
                Some((text("TagPrefix")?.to_owned(), period))
            })
            .collect()
    }
}

/// Whether the auto-delete policy takes the table: its date has come, and it is empty or may go with
/// what it holds.
fn is_to_be_deleted(table: &Table, now: i64) -> bool {
    let Some(policy) = table.policies.get("auto_delete") else {
        return false;
    };
    let expiry = policy.get("ExpiryDate").and_then(Value::as_str);
    let may_hold_rows = policy.get("DeleteIfNotEmpty").and_then(Value::as_bool);
    expiry.and_then(datetime::parse).is_some_and(|at| at <= now)
        && (table.extents.is_empty() || may_hold_rows.unwrap_or(false))
}

impl Transaction<'_> {
    /// Takes away what is over at the transaction's time.
    ///
    /// # Errors
    /// None in practice: what is over is read under the same lock.
    pub(crate) fn drop_expired(&mut self) -> Result<(), KustoError> {
        let expired = self.database().expired(self.now());
        for (table, ids) in expired.extents {
            self.take(&table, &ids)?;
        }
        for (table, id, tags) in expired.tags {
            self.recreate(&table, &[id], |extent| extent.tags.clone_from(&tags))?;
        }
        for table in expired.tables {
            self.remove_table(&table);
        }
        Ok(())
    }
}
