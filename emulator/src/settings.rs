//! What can be set about an embedded cluster, with defaults that make it quick and well-behaved.
//!
//! The same document is read from the builder, from JSON, and patched through the admin port.

mod storage;

pub use storage::{AccountKey, StorageAccess};

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All settings of one embedded cluster. Durations are milliseconds unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of the REST endpoint; port 0 takes a free one. Fixed at start.
    pub listen: SocketAddr,
    /// Address of the admin endpoint; port 0 takes a free one. Fixed at start.
    pub admin: SocketAddr,
    /// Databases that exist from the start. Read at start only.
    pub databases: Vec<String>,
    /// Name of the cluster in `.show cluster` and in `cluster('…')`.
    pub cluster_name: String,
    /// Slots by kind of work, as `.show capacity` tells them.
    pub capacity: Capacity,
    /// How long commands and queries take on top of the work really done.
    pub service_times: ServiceTimes,
    /// How long a commit waits for its cursor value (Kusto commits first, the cursor follows).
    pub cursor_lag_ms: u64,
    /// What happens to an asynchronous command above the capacity.
    pub throttling: Throttling,
    /// How long a command or query above the capacity waits for a slot before it is throttled.
    pub throttle_wait_ms: u64,
    /// The log of operations.
    pub operations: OperationLog,
    /// Merges in the background.
    pub merge: Merge,
    /// Retention in the background.
    pub retention: Retention,
    /// How `.export` divides its result.
    pub export: Export,
    /// How ingestions build extents.
    pub ingestion: Ingestion,
    /// How blobs are reached.
    pub storage: StorageAccess,
    /// Whether callers hold UnrestrictedViewer, so that restricted tables answer queries.
    pub unrestricted_viewer: bool,
    /// What cursor functions say of rows that have no ingestion time.
    pub rows_without_ingestion_time: RowsWithoutIngestionTime,
    /// Seed of everything random: faults, file names and merges.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: loopback,
            admin: loopback,
            databases: vec!["NetDefaultDB".to_owned()],
            cluster_name: "emulator".to_owned(),
            capacity: Capacity::default(),
            service_times: ServiceTimes::default(),
            cursor_lag_ms: 0,
            throttling: Throttling::Operation,
            throttle_wait_ms: 1_000,
            operations: OperationLog::default(),
            merge: Merge::default(),
            retention: Retention::default(),
            export: Export::default(),
            ingestion: Ingestion::default(),
            storage: StorageAccess::default(),
            unrestricted_viewer: true,
            rows_without_ingestion_time: RowsWithoutIngestionTime::MatchNoCursor,
            seed: 1,
        }
    }
}

impl Settings {
    /// These settings with a JSON object laid over them, member by member.
    ///
    /// # Errors
    /// A member that does not exist or has the wrong type; nothing is changed then.
    pub fn patched(&self, patch: &Value) -> Result<Self, serde_json::Error> {
        let mut document = serde_json::to_value(self)?;
        overlay(&mut document, patch);
        serde_json::from_value(document)
    }
}

fn overlay(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                overlay(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch.clone(),
    }
}

/// Slots by kind of work. Zero means that nothing of this kind ever runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capacity {
    /// Concurrent `.export` commands (`DataExport`).
    pub data_export: u32,
    /// Concurrent ingestion commands (`Ingestions`).
    pub ingestions: u32,
    /// Concurrent queries (`Queries`).
    pub queries: u32,
    /// Concurrent merges (`Merge`); shown, and the number of merges at once in the background.
    pub merge: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            data_export: 8,
            ingestions: 12,
            queries: 80,
            merge: 2,
        }
    }
}

/// Extra time by kind of request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceTimes {
    /// Queries.
    pub query: ServiceTime,
    /// `.export`.
    pub export: ServiceTime,
    /// `.ingest` and the ingest-from-query commands.
    pub ingest: ServiceTime,
    /// `.move extents` and `.replace extents`.
    pub move_extents: ServiceTime,
    /// All other commands.
    pub command: ServiceTime,
}

/// Extra time of one request: `base + rows * per_row`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceTime {
    /// For each request.
    pub base_ms: u64,
    /// For each row read or written, in nanoseconds.
    pub per_row_ns: u64,
}

/// What an asynchronous command above the capacity meets. Synchronous ones always get HTTP 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttling {
    /// It gets an operation id, and the operation ends in state `Throttled`.
    Operation,
    /// It is refused at once with HTTP 429 and gets no operation.
    Refusal,
}

/// Visibility of operations (`.show operations`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperationLog {
    /// How long an operation can be asked for by id, from its last change. Kusto: 6 hours.
    pub by_id_for_ms: u64,
    /// How long the log keeps it. Kusto: two weeks.
    pub kept_for_ms: u64,
    /// How long after its start it is not visible at all.
    pub appear_after_ms: u64,
}

impl Default for OperationLog {
    fn default() -> Self {
        const HOUR: u64 = 3_600_000;
        Self {
            by_id_for_ms: 6 * HOUR,
            kept_for_ms: 14 * 24 * HOUR,
            appear_after_ms: 0,
        }
    }
}

/// Background merges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Merge {
    /// Time between two rounds; 0 switches them off.
    pub every_ms: u64,
    /// Extents joined into one at most.
    pub max_extents: usize,
    /// Rows of a merged extent at most. Kusto: 16,000,000.
    pub max_rows: usize,
}

impl Default for Merge {
    fn default() -> Self {
        Self {
            every_ms: 0,
            max_extents: 100,
            max_rows: 16_000_000,
        }
    }
}

/// Background retention: an extent whose newest creation time is older than its table's
/// `SoftDeletePeriod` disappears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Time between two rounds; 0 switches them off.
    pub every_ms: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { every_ms: 1_000 }
    }
}

/// How `.export` divides its result into files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Export {
    /// Nodes of the cluster: files written side by side with `distribution=per_node`.
    pub nodes: usize,
    /// Files written side by side with `distribution=per_shard`.
    pub shards: usize,
    /// Least `sizeLimit` that is accepted, in bytes. Kusto: 100 MB.
    pub least_size_limit: u64,
}

impl Default for Export {
    fn default() -> Self {
        Self {
            nodes: 2,
            shards: 4,
            least_size_limit: 100_000_000,
        }
    }
}

/// How ingestions build extents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingestion {
    /// Rows of a new extent at most. Kusto: 1,048,576.
    pub max_rows_per_extent: usize,
    /// Body of a streaming ingestion at most, in bytes. Kusto: 4 MB.
    pub streaming_max_bytes: usize,
}

impl Default for Ingestion {
    fn default() -> Self {
        Self {
            max_rows_per_extent: 1_048_576,
            streaming_max_bytes: 4 << 20,
        }
    }
}

/// What cursor functions say of rows without ingestion time; Kusto does not document it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowsWithoutIngestionTime {
    /// They match no cursor predicate.
    MatchNoCursor,
    /// They are older than every cursor: `cursor_after('')` and `cursor_before_or_at` find them.
    BeforeEveryCursor,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let settings = Settings::default()
            .patched(&json!({"capacity": {"data_export": 3}, "cursor_lag_ms": 250}))
            .expect("the patch names existing members");
        assert_eq!(settings.capacity.data_export, 3);
        assert_eq!(settings.capacity.ingestions, Capacity::default().ingestions);
        assert_eq!(settings.cursor_lag_ms, 250);
    }

    #[test]
    fn a_patch_with_an_unknown_member_is_refused() {
        let refused = Settings::default().patched(&json!({"capacity": {"exports": 3}}));
        assert!(refused.is_err());
    }

    #[test]
    fn an_empty_document_is_the_default() {
        let settings: Settings = serde_json::from_str("{}").expect("all members have defaults");
        assert_eq!(settings, Settings::default());
    }
}
