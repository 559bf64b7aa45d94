//! What a job has done and is doing, as data for people and machines.

use kusto_copy_core::decide::Wait;
use kusto_copy_core::vocabulary::Millis;
use serde::{Deserialize, Serialize};

use crate::cost::Cost;

/// A job at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Whether it is at work, complete or stuck.
    pub state: JobState,
    /// The newest iteration of its databases (they count apart; the highest).
    pub iteration: u32,
    /// The end of that iteration.
    pub cursor_end: Option<String>,
    /// How far the replica is behind: milliseconds from just before the last committed end was
    /// read to this report, of the database that is furthest behind. `None` while a database has
    /// no committed iteration.
    pub lag_ms: Option<u64>,
    /// Every table that is known, by database and name. The report of a step names only what it
    /// had to read: all tables when it opened an iteration, else those at work, of which then
    /// `rows`, `blocks` and `bytes` count the open iteration alone.
    pub tables: Vec<TableReport>,
    /// When this report was made.
    pub at: Option<Millis>,
    /// Whether a person paused the job: nothing new begins until it is resumed.
    pub paused: bool,
    /// The objective for [`Self::lag_ms`], milliseconds, as it was set last; 0 when unknown.
    pub rpo_ms: u64,
    /// The databases one by one.
    pub databases: Vec<DatabaseReport>,
    /// The last sign of life that an execution left; `None` before the first.
    pub heartbeat: Option<Heartbeat>,
    /// Lag and rows over the last day, oldest first.
    pub history: Vec<Sample>,
    /// What this execution has used so far; `None` in a report made from the store alone.
    pub cost: Option<Cost>,
}

/// A database at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DatabaseReport {
    /// The database at the source.
    pub source: String,
    /// The database at the destination.
    pub destination: String,
    /// The open iteration, or the last committed one.
    pub iteration: u32,
    /// That iteration's end.
    pub cursor_end: Option<String>,
    /// The last committed iteration's end: at the destination are, in every table, all rows up to
    /// here. `None` before the first.
    pub committed_end: Option<String>,
    /// When that end was about to be read: whatever was committed at the source by then is at the
    /// destination. By the clock of whoever read it.
    pub committed_read_at: Option<Millis>,
    /// Milliseconds from [`Self::committed_read_at`] to this report.
    pub lag_ms: Option<u64>,
    /// `new` (nothing committed or open yet), `idle`, `opening` (tables are being marked) or
    /// `running`.
    pub state: String,
    /// Why its next iteration cannot be opened, with the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What an execution left when it ended, or every few minutes while it went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// When it was written.
    pub at: Millis,
    /// The epoch of the worker that wrote it.
    pub epoch: u64,
    /// `running` (a long execution goes on), `worked`, `idle`, `paused`, `held` or `failed`.
    pub outcome: String,
    /// Executions since the job began.
    pub steps: u64,
    /// When the next execution has something to do; `None` when nothing is foreseen.
    pub next_due: Option<Millis>,
    /// The version of the program that wrote it.
    pub version: String,
    /// Why the execution failed, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Lag and rows at one moment of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Millis,
    /// The largest lag of the five minutes before; `None` while nothing was committed.
    pub lag_ms: Option<u64>,
    /// Rows copied since the job began.
    pub rows: u64,
}

/// A job's state in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Nothing was copied yet.
    #[default]
    New,
    /// Tables are being copied.
    Running,
    /// The last iteration of every database is committed and nothing is left to tidy.
    Complete,
    /// A table is held or a database was refused, and nothing else goes on. Their errors say why.
    Failed,
    /// Stopped before its end; starting it again resumes it.
    Stopped,
}

/// A table at one moment. Counts are of the open or last iteration; totals add the earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableReport {
    /// The source database.
    pub database: String,
    /// The table's name at the source.
    pub table: String,
    /// `waiting`, `starting`, `planning`, `planned`, `completed`, `held`.
    pub state: String,
    /// Rows in the destination, over all iterations.
    pub rows: u64,
    /// Blocks in the destination, over all iterations.
    pub blocks: u64,
    /// Bytes of the files that carried them.
    pub bytes: u64,
    /// Rows planned in the open iteration.
    pub rows_planned: u64,
    /// Rows moved in the open iteration.
    pub rows_moved: u64,
    /// Percent of the open iteration's planned rows that are moved; `None` while planning has
    /// not told the number.
    pub percent: Option<f64>,
    /// Unfinished and unfolded blocks by state.
    pub blocks_by_state: std::collections::BTreeMap<String, u64>,
    /// What it waits for: the reason, how many blocks, since when.
    pub waits: Vec<WaitReport>,
    /// Why it is held, with the remedy.
    pub error: Option<String>,
    /// Notes on accepted differences.
    pub notes: Vec<String>,
}

/// One reason for which a table waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitReport {
    /// The reason.
    pub reason: Wait,
    /// The reason in words.
    pub text: String,
    /// How many blocks wait for it (1 for the table itself).
    pub blocks: u64,
    /// Since when.
    pub since: Millis,
}
