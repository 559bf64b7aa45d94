//! Policies that make reads incomplete, moves dangerous or values shorter: one command for the
//! tables of a database each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::database::Database;
use crate::kql;
use crate::kql::preflight::TablePolicy;
use crate::kql::staging::PREFIX;
use crate::rows::{JsonText, row_struct};
use crate::{Call, KustoError};

row_struct! {
    struct PolicyRow {
        entity: String = "EntityName",
        policy: Option<JsonText> = "Policy",
    }
}

/// A function that fills a table from another, as the update policy of that table says (B1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatePolicy {
    /// The table that is filled.
    pub target: String,
    /// The table whose new rows fire it, or a pattern for several.
    pub source: String,
    /// Whether `source` is a pattern, in which `*` stands for any characters.
    pub source_is_pattern: bool,
    /// Whether it fires.
    pub enabled: bool,
    /// Whether its failure makes the move fail.
    pub transactional: bool,
}

impl UpdatePolicy {
    /// Whether new rows of this table fire it.
    #[must_use]
    pub fn fires_on(&self, table: &str) -> bool {
        let is_source = match self.source_is_pattern {
            true => matches_pattern(&self.source, table),
            false => self.source == table,
        };
        self.enabled && is_source
    }

    /// Whether rows that are staged may fire it: staging tables are called `kcopy_…_g<number>`, and
    /// only a pattern can meet them.
    #[must_use]
    pub fn may_fire_on_staging(&self) -> bool {
        let (Some((first, _)), Some((_, last))) =
            (self.source.split_once('*'), self.source.rsplit_once('*'))
        else {
            return false;
        };
        self.enabled
            && self.source_is_pattern
            && (first.starts_with(PREFIX) || PREFIX.starts_with(first))
            && last.chars().last().is_none_or(|c| c.is_ascii_digit())
    }
}

/// Whether a whole name fits a pattern.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let Some((first, others)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
    for part in middle.split('*') {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

impl Database {
    /// The tables whose ingestion-time policy is on (A6). Cursors need it.
    ///
    /// # Errors
    /// As any read.
    pub async fn tables_with_ingestion_time(
        &self,
        call: &Call,
    ) -> Result<BTreeSet<String>, KustoError> {
        self.enabled_tables(call, TablePolicy::IngestionTime).await
    }

    /// The tables with row-level security on (A6b): every read of them is replaced by its query.
    ///
    /// # Errors
    /// As any read.
    pub async fn tables_with_row_level_security(
        &self,
        call: &Call,
    ) -> Result<BTreeSet<String>, KustoError> {
        self.enabled_tables(call, TablePolicy::RowLevelSecurity)
            .await
    }

    /// The tables that only an unrestricted viewer may read (A6c).
    ///
    /// # Errors
    /// As any read.
    pub async fn tables_with_restricted_view(
        &self,
        call: &Call,
    ) -> Result<BTreeSet<String>, KustoError> {
        self.enabled_tables(call, TablePolicy::RestrictedViewAccess)
            .await
    }

    /// All update policies (B1): those with a copied table as source fire on our moves.
    ///
    /// # Errors
    /// As any read.
    pub async fn update_policies(&self, call: &Call) -> Result<Vec<UpdatePolicy>, KustoError> {
        let rows = self.table_policies(call, TablePolicy::Update).await?;
        Ok(rows
            .iter()
            .flat_map(|(target, policy)| {
                let items = policy.as_array().map_or(&[][..], Vec::as_slice);
                items.iter().map(|item| UpdatePolicy {
                    target: target.clone(),
                    source: item["Source"].as_str().unwrap_or_default().to_owned(),
                    source_is_pattern: item["SourceIsWildCard"].as_bool().unwrap_or(false),
                    enabled: item["IsEnabled"].as_bool().unwrap_or(true),
                    transactional: item["IsTransactional"].as_bool().unwrap_or(false),
                })
            })
            .collect())
    }

    /// Tag prefixes that a retention policy drops, by table (B2). Ours hold no colon and cannot
    /// match.
    ///
    /// # Errors
    /// As any read.
    pub async fn tag_retention(
        &self,
        call: &Call,
    ) -> Result<BTreeMap<String, Vec<String>>, KustoError> {
        let rows = self
            .table_policies(call, TablePolicy::ExtentTagsRetention)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(table, policy)| {
                let items = policy.as_array().map_or(&[][..], Vec::as_slice);
                let prefixes = items.iter().filter_map(|item| item["TagPrefix"].as_str());
                (table, prefixes.map(str::to_owned).collect())
            })
            .collect())
    }

    /// Raised size limits of a table's columns in bytes (B4); a column that is not listed has
    /// the default of 1,048,576.
    ///
    /// # Errors
    /// As any read.
    pub async fn value_size_limits(
        &self,
        call: &Call,
        table: &str,
    ) -> Result<BTreeMap<String, u64>, KustoError> {
        let text = kql::preflight::encoding_policy(table);
        let rows: Vec<PolicyRow> = self.rows(call, &text).await?;
        let mut limits = BTreeMap::new();
        for row in &rows {
            if let Some(JsonText(policy)) = &row.policy {
                collect_size_limits(policy, &mut limits);
            }
        }
        Ok(limits)
    }

    /// One policy of all tables that have it, as JSON.
    ///
    /// # Errors
    /// As any read.
    pub async fn table_policies(
        &self,
        call: &Call,
        policy: TablePolicy,
    ) -> Result<BTreeMap<String, Value>, KustoError> {
        let text = kql::preflight::table_policies(policy);
        let rows: Vec<PolicyRow> = self.rows(call, &text).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let JsonText(policy) = row.policy?;
                (!policy.is_null()).then(|| (table_of_entity(&row.entity), policy))
            })
            .collect())
    }

    async fn enabled_tables(
        &self,
        call: &Call,
        policy: TablePolicy,
    ) -> Result<BTreeSet<String>, KustoError> {
        let rows = self.table_policies(call, policy).await?;
        Ok(rows
            .into_iter()
            .filter(|(_, policy)| is_enabled(policy))
            .map(|(table, _)| table)
            .collect())
    }
}

/// `true`, `{"IsEnabled":true,…}`.
fn is_enabled(policy: &Value) -> bool {
    policy
        .as_bool()
        .or_else(|| policy.get("IsEnabled").and_then(Value::as_bool))
        .unwrap_or(false)
}

/// `[db].[table]`, or a bare name, to the table's name. A name holds no bracket.
fn table_of_entity(entity: &str) -> String {
    let last = entity.rsplit_once("].[").map_or(entity, |(_, table)| table);
    last.trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned()
}

/// Finds every `MaxValueSize` and the column that it belongs to, whatever surrounds them.
fn collect_size_limits(policy: &Value, limits: &mut BTreeMap<String, u64>) {
    match policy {
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_size_limits(item, limits)),
        Value::Object(fields) => {
            let column = ["ColumnName", "EntityName", "Name", "Column"]
                .iter()
                .find_map(|key| fields.get(*key)?.as_str());
            let size = fields.get("MaxValueSize").and_then(Value::as_u64);
            if let (Some(column), Some(size)) = (column, size) {
                limits.insert(column.to_owned(), size);
            }
            for (key, value) in fields {
                if let Some(size) = value.get("MaxValueSize").and_then(Value::as_u64) {
                    limits.entry(key.clone()).or_insert(size);
                }
                collect_size_limits(value, limits);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{UpdatePolicy, collect_size_limits, is_enabled, table_of_entity};

    fn policy(source: &str, source_is_pattern: bool) -> UpdatePolicy {
        UpdatePolicy {
            target: "Target".to_owned(),
            source: source.to_owned(),
            source_is_pattern,
            enabled: true,
            transactional: false,
        }
    }

    #[test]
    fn policies_fire_on_the_tables_that_their_source_means() {
        for (source, table, as_pattern) in [
            ("Raw1", "Raw1", true),
            ("Raw*", "Raw1", true),
            ("Raw*", "Raw", true),
            ("Raw*", "MyRaw1", false),
            ("*", "anything", true),
            ("*Log", "WebLog", true),
            ("*Log", "WebLogs", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*ba", "aba", false),
        ] {
            let fires = |is_pattern| policy(source, is_pattern).fires_on(table);
            assert_eq!(fires(true), as_pattern, "{source} {table}");
            assert_eq!(fires(false), source == table, "{source} {table}");
        }
        let off = UpdatePolicy {
            enabled: false,
            ..policy("*", true)
        };
        assert!(!off.fires_on("T") && !off.may_fire_on_staging());
    }

    #[test]
    fn patterns_may_meet_staging_tables() {
        for (source, may) in [
            ("*", true),
            ("k*", true),
            ("kcopy_0badcafe_*", true),
            ("*_g1", true),
            ("Raw*", false),
            ("*Log", false),
            ("Raw1", false),
        ] {
            assert_eq!(policy(source, true).may_fire_on_staging(), may, "{source}");
            assert!(!policy(source, false).may_fire_on_staging(), "{source}");
        }
    }

    #[test]
    fn entities_name_their_table() {
        assert_eq!(
            table_of_entity("[My Db-1.x].[where T-1.b x]"),
            "where T-1.b x"
        );
        assert_eq!(table_of_entity("T"), "T");
    }

    #[test]
    fn policies_are_on_in_both_spellings() {
        assert!(is_enabled(&json!(true)));
        assert!(is_enabled(&json!({"IsEnabled": true, "Query": "f()"})));
        assert!(!is_enabled(&json!({"IsEnabled": false})));
        assert!(!is_enabled(&json!(false)));
    }

    #[test]
    fn raised_limits_are_found_by_column() {
        let mut limits = std::collections::BTreeMap::new();
        collect_size_limits(
            &json!({"Columns": [{"ColumnName": "a", "MaxValueSize": 2_097_152}, {"ColumnName": "b"}]}),
            &mut limits,
        );
        collect_size_limits(&json!({"c": {"MaxValueSize": 5}}), &mut limits);
        assert_eq!(limits.get("a"), Some(&2_097_152));
        assert_eq!(limits.get("c"), Some(&5));
        assert_eq!(limits.len(), 2);
    }
}
