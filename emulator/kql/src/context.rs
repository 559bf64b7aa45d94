//! What a request gives to a query beside its text, and what it gets back.

use std::collections::BTreeMap;

use kusto_emulator_values::Table;

/// Rows that a result may have unless the request lifts the limit (`K:concepts/query-limits.md`).
pub const DEFAULT_TRUNCATION_MAX_RECORDS: usize = 500_000;

/// What a request says beside its text.
#[derive(Debug, Clone, Default)]
pub struct QueryContext {
    /// Name of the context database, for `current_database()`.
    pub database: String,
    /// Name of the cluster, for `current_cluster_endpoint()`.
    pub cluster_name: String,
    /// The time that `now()` gives, ticks.
    pub now: i64,
    /// Request options: `notruncation`, `truncationmaxrecords`, … Statements `set` override them.
    pub options: BTreeMap<String, serde_json::Value>,
    /// Values for `declare query_parameters`, as KQL literals or plain strings.
    pub parameters: BTreeMap<String, String>,
    /// Bytes that one query may hold; none is no limit.
    pub memory_limit: Option<usize>,
    /// Whether the limit on the rows of a result is lifted, as for `.export` and `.set`.
    pub no_truncation: bool,
}

/// The answer to a query.
#[derive(Debug, Clone)]
pub struct QueryOutput {
    /// One table for each tabular statement.
    pub tables: Vec<Table>,
    /// Current cursor, when the query used a cursor function: `@ExtendedProperties` carries it.
    pub cursor: Option<String>,
    /// What `render` asked for: `{"Visualization":"timechart",…}`; JSON `null` fields otherwise.
    pub visualization: Option<String>,
}
