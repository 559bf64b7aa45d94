//! Staging: the frozen table that attempts are ingested into and moved from.

use kusto_copy_core::vocabulary::Ticks;
use serde_json::Value;

use crate::database::Database;
use crate::kql;
use crate::kql::staging::StagingRequest;
use crate::rows::{JsonText, row_struct};
use crate::{Call, KustoError};

row_struct! {
    struct ScriptRow {
        command: String = "CommandText",
        result: String = "Result",
        reason: Option<String> = "Reason",
    }
}

row_struct! {
    struct MappingRow {
        name: String = "Name",
        mapping: Option<JsonText> = "Mapping",
    }
}

row_struct! {
    /// A table that looks like staging of a copier (L4). It is ours only if folder *and*
    /// docstring say so.
    pub struct StagingTable {
        /// Its name.
        pub name: String = "TableName",
        /// Its folder.
        pub folder: Option<String> = "Folder",
        /// Its documentation.
        pub docstring: Option<String> = "DocString",
    }
}

/// What differs between a staging table and what it must be; empty means ready.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StagingFaults {
    /// One sentence each.
    pub faults: Vec<String>,
}

impl Database {
    /// Creates and freezes a staging table (H1). Neither transactional nor rolled back: safe to
    /// repeat until [`Database::staging_faults`] is empty.
    ///
    /// # Errors
    /// As any idempotent command; [`KustoError::Permanent`] names the command of the script that
    /// failed.
    pub async fn staging_create(
        &self,
        call: &Call,
        request: &StagingRequest<'_>,
    ) -> Result<(), KustoError> {
        let text = kql::staging::create(request);
        let rows: Vec<ScriptRow> = self.rows(call, &text).await?;
        match rows.iter().find(|row| row.result != "Completed") {
            None => Ok(()),
            Some(row) => {
                let reason = row.reason.clone().unwrap_or_default();
                let message = format!("`{}` ended as {}: {reason}", row.command, row.result);
                Err(self.permanent(call, &text, message))
            }
        }
    }

    /// Reads a staging table back (H2): columns, merge and retention policies, the mapping. The
    /// database level may still impose a policy, and creating answers success whatever a table
    /// of that name holds.
    ///
    /// # Errors
    /// As any read.
    pub async fn staging_faults(
        &self,
        call: &Call,
        request: &StagingRequest<'_>,
    ) -> Result<StagingFaults, KustoError> {
        let mut found = StagingFaults::default();
        match self.table_schema(call, request.name).await? {
            None => {
                found.faults.push("it does not exist".to_owned());
                return Ok(found);
            }
            Some(schema) if schema != *request.destination_schema => {
                found
                    .faults
                    .push("its columns differ from the destination's".to_owned());
            }
            Some(_) => {}
        }
        let details = self.tables_details_of(call, &[request.name]).await?;
        let details = details.iter().find(|details| details.name == request.name);
        let merge = details.and_then(|details| details.merge.as_ref());
        for switch in ["AllowMerge", "AllowRebuild"] {
            if merge.and_then(|policy| policy.0[switch].as_bool()) != Some(false) {
                found
                    .faults
                    .push(format!("its merge policy has {switch} on"));
            }
        }
        let retention =
            details.and_then(crate::commands::preflight::TableDetails::soft_delete_period);
        if retention.is_none_or(|ticks| ticks < kql::staging::RETENTION_TICKS) {
            found
                .faults
                .push("its retention is shorter than asked".to_owned());
        }
        if !self.has_mapping(call, request).await? {
            found
                .faults
                .push("its ingestion mapping is missing or differs".to_owned());
        }
        Ok(found)
    }

    async fn has_mapping(
        &self,
        call: &Call,
        request: &StagingRequest<'_>,
    ) -> Result<bool, KustoError> {
        let text = kql::staging::mappings(request.name, request.encoding);
        let rows: Vec<MappingRow> = self.rows(call, &text).await?;
        let wanted = kql::staging::mapping(request.schema, request.encoding);
        Ok(rows.iter().any(|row| {
            row.name == request.encoding.mapping_name()
                && row
                    .mapping
                    .as_ref()
                    .is_some_and(|mapping| same_mapping(&mapping.0, &wanted))
        }))
    }

    /// Pushes the date forward on which an abandoned staging table deletes itself.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn staging_extend(
        &self,
        call: &Call,
        table: &str,
        expiry: Ticks,
    ) -> Result<(), KustoError> {
        self.run(call, &kql::staging::extend(table, expiry))
            .await
            .map(drop)
    }

    /// Drops staging tables (L3), those that exist. Only recorded names, with nothing of a move
    /// staged; safe to repeat: a late command may make one again.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn staging_drop(&self, call: &Call, tables: &[&str]) -> Result<(), KustoError> {
        self.run(call, &kql::staging::drop_tables(tables))
            .await
            .map(drop)
    }

    /// All tables whose name begins as our staging tables' (L4).
    ///
    /// # Errors
    /// As any read.
    pub async fn staging_tables(&self, call: &Call) -> Result<Vec<StagingTable>, KustoError> {
        self.rows(call, &kql::staging::list()).await
    }
}

/// Clusters normalise mappings when they store them: only columns and their sources count.
fn same_mapping(found: &Value, wanted: &Value) -> bool {
    let (Some(found), Some(wanted)) = (found.as_array(), wanted.as_array()) else {
        return false;
    };
    found.len() == wanted.len()
        && wanted.iter().all(|want| {
            found
                .iter()
                .any(|have| mapping_key(have) == mapping_key(want))
        })
}

fn mapping_key(entry: &Value) -> (String, Option<String>) {
    let field = |value: &Value, names: [&str; 2]| {
        names.iter().find_map(|name| match value.get(*name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
    };
    let lower = ["column", "Column"];
    let properties = entry.get("Properties").or_else(|| entry.get("properties"));
    let source = properties.and_then(|properties| {
        field(properties, ["Ordinal", "ordinal"]).or_else(|| field(properties, ["Path", "path"]))
    });
    (field(entry, lower).unwrap_or_default(), source)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::same_mapping;

    #[test]
    fn mappings_are_compared_by_column_and_source() {
        let wanted = json!([{"Column": "a", "Properties": {"Ordinal": "1"}}]);
        let stored = json!([{"column": "a", "datatype": "", "Properties": {"Ordinal": 1}}]);
        assert!(same_mapping(&stored, &wanted));
        let other = json!([{"column": "a", "Properties": {"Ordinal": "2"}}]);
        assert!(!same_mapping(&other, &wanted));
        assert!(!same_mapping(&json!(null), &wanted));
    }
}
