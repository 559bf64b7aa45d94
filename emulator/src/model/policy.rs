//! Policies as stored: a table's own over its database's over Kusto's defaults.

use std::collections::BTreeMap;

use kusto_emulator_values::timespan;
use serde_json::{Value, json};

use super::{Database, Table};
use crate::clock::TICKS_PER_DAY;

/// Policies by name in lower case (`merge`, `retention`, `row_level_security`, …).
pub(crate) type Policies = BTreeMap<String, Value>;

/// Retention when nobody set one: 36,500 days.
const DEFAULT_SOFT_DELETE_TICKS: i64 = 36_500 * TICKS_PER_DAY;

/// What Kusto applies when neither the table nor the database has the policy.
pub(crate) fn defaults(policy: &str) -> Value {
    match policy {
        "retention" => json!({"SoftDeletePeriod": "36500.00:00:00", "Recoverability": "Enabled"}),
        "merge" => json!({
            "RowCountUpperBoundForMerge": 16_000_000,
            "OriginalSizeMBUpperBoundForMerge": 30_000,
            "MaxExtentsToMerge": 100,
            "MaxRangeInHours": 24,
            "AllowRebuild": true,
            "AllowMerge": true,
            "Lookback": {"Kind": "Default", "CustomPeriod": null},
        }),
        "caching" => json!({
            "DataHotSpan": {"Value": "31.00:00:00"},
            "IndexHotSpan": {"Value": "31.00:00:00"},
            "HotWindows": [],
        }),
        "sharding" => json!({
            "MaxRowCount": 1_048_576,
            "MaxExtentSizeInMb": 8_192,
            "MaxOriginalSizeInMb": 3_072,
            "UseShardEngine": true,
        }),
        "ingestionbatching" => json!({
            "MaximumBatchingTimeSpan": "00:05:00",
            "MaximumNumberOfItems": 500,
            "MaximumRawDataSizeMB": 1_024,
        }),
        _ => Value::Null,
    }
}

impl Database {
    /// The policy that holds for a table: its own, else the database's, else Kusto's default.
    pub(crate) fn effective_policy(&self, table: &Table, policy: &str) -> Value {
        table
            .policies
            .get(policy)
            .or_else(|| self.policies.get(policy))
            .filter(|value| !value.is_null())
            .cloned()
            .unwrap_or_else(|| defaults(policy))
    }

    /// How long rows of a table live after their extent's creation, in ticks.
    pub(crate) fn soft_delete_period(&self, table: &Table) -> i64 {
        self.effective_policy(table, "retention")
            .get("SoftDeletePeriod")
            .and_then(Value::as_str)
            .and_then(timespan::parse)
            .unwrap_or(DEFAULT_SOFT_DELETE_TICKS)
    }

    /// Whether the background may merge extents of a table.
    pub(crate) fn allows_merge(&self, table: &Table) -> bool {
        self.effective_policy(table, "merge")
            .get("AllowMerge")
            .and_then(Value::as_bool)
            .unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tables_policy_wins_over_its_databases() {
        let mut database = Database::new("D", 0);
        let mut table = Table::new("T", &[]);
        assert!(database.allows_merge(&table));
        database
            .policies
            .insert("merge".to_owned(), json!({"AllowMerge": false}));
        assert!(!database.allows_merge(&table));
        table
            .policies
            .insert("merge".to_owned(), json!({"AllowMerge": true}));
        assert!(database.allows_merge(&table));
    }

    #[test]
    fn the_soft_delete_period_is_read_from_the_policy() {
        let database = Database::new("D", 0);
        let mut table = Table::new("T", &[]);
        assert_eq!(
            database.soft_delete_period(&table),
            DEFAULT_SOFT_DELETE_TICKS
        );
        table.policies.insert(
            "retention".to_owned(),
            json!({"SoftDeletePeriod": "3.00:00:00"}),
        );
        assert_eq!(database.soft_delete_period(&table), 3 * TICKS_PER_DAY);
    }
}
