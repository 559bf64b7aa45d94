//! What a job is, and how it is run.

use std::sync::Arc;
use std::time::Duration;

use kusto_copy_core::limits::Limits;
use kusto_copy_kusto::{Credentials, Settings};
use serde::{Deserialize, Serialize};

/// A job, how to run it, and who it is to the clusters.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it is.
    pub definition: JobDefinition,
    /// How it is run this time.
    pub options: RunOptions,
    /// Where tokens for its clusters come from.
    pub credentials: Arc<dyn Credentials>,
}

/// When a step returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Stay while operations run or something is due within seconds: nothing waits for the next
    /// execution.
    #[default]
    Throughput,
    /// Return as soon as nothing is due at this moment, even while operations run at the
    /// clusters: executions are short, and what ends between two of them waits for the next.
    Economy,
}

/// What makes a job this job and no other. It is stored with the job; a lake whose stored
/// definition differs belongs to another job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDefinition {
    /// The source cluster's URI, without credentials.
    pub source: String,
    /// The destination cluster's URI, without credentials.
    pub destination: String,
    /// The databases.
    pub databases: Vec<DatabasePair>,
}

/// One database and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabasePair {
    /// The database at the source.
    pub source: String,
    /// The database at the destination.
    pub destination: String,
}

/// How a job is run this time; may differ from start to start.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Only these tables; empty means all.
    pub tables_include: Vec<String>,
    /// Not these tables.
    pub tables_exclude: Vec<String>,
    /// Go on with iteration after iteration until stopped.
    pub continuous: bool,
    /// The time between two iterations' ends in continuous mode.
    pub rpo: Duration,
    /// In the backfill, leave out rows ingested longer ago than this.
    pub backfill_horizon: Option<Duration>,
    /// Concurrent queries at most.
    pub query_slots: Option<u32>,
    /// Concurrent exports at most.
    pub export_slots: Option<u32>,
    /// Concurrent ingestions at most.
    pub ingestion_slots: Option<u32>,
    /// Our share of the clusters' export and ingestion capacity.
    pub share: f64,
    /// Tables in this order first, the others newest data first.
    pub priority: Vec<String>,
    /// Copy into destination tables that hold rows or that another job owned.
    pub adopt_destination: bool,
    /// Copy although reads of the source may be incomplete (row-level security, followers).
    pub force_incomplete_reads: bool,
    /// Retry tables and blocks that are held. Steps do so only on [`crate::Request::RetryHeld`].
    pub retry_held: bool,
    /// How long to work at most before returning with the job resumable; `None` is unbounded.
    /// What can be sent at once is sent even when it is shorter than one effect.
    pub budget: Option<Duration>,
    /// How long, once the budget is used, answers of what was sent are waited for. Later ones
    /// count as lost: the next execution looks.
    pub grace: Duration,
    /// When a step returns.
    pub style: Style,
    /// Bytes of a cluster's answer at most. Clusters cut results at 64 MB.
    pub largest_answer: usize,
    /// Bounds of the core.
    pub limits: Limits,
}

impl RunOptions {
    /// Whether the user's lists choose a table.
    #[must_use]
    pub(crate) fn chooses(&self, table: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|name| name == table);
        let included = self.tables_include.is_empty() || listed(&self.tables_include);
        included && !listed(&self.tables_exclude)
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            tables_include: Vec::new(),
            tables_exclude: Vec::new(),
            continuous: false,
            rpo: Duration::from_secs(5 * 60),
            backfill_horizon: None,
            query_slots: None,
            export_slots: None,
            ingestion_slots: None,
            share: 1.0,
            priority: Vec::new(),
            adopt_destination: false,
            force_incomplete_reads: false,
            retry_held: true,
            budget: None,
            grace: Duration::from_secs(60),
            style: Style::default(),
            largest_answer: Settings::default().largest_answer,
            limits: Limits::default(),
        }
    }
}

#[cfg(test)]
impl JobDefinition {
    /// From `A` to `B`, at addresses where nobody answers.
    pub(crate) fn nowhere() -> Self {
        Self {
            source: "http://127.0.0.1:1".to_owned(),
            destination: "http://127.0.0.1:2".to_owned(),
            databases: vec![DatabasePair {
                source: "A".to_owned(),
                destination: "B".to_owned(),
            }],
        }
    }
}
