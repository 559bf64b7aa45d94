//! What a job has done and is doing, as data for people and machines.

use kusto_copy_core::decide::Wait;
use kusto_copy_core::vocabulary::Millis;
use serde::Serialize;

/// A job at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Whether it is at work, complete or stuck.
    pub state: JobState,
    /// The newest iteration of its databases (they count apart; the highest).
    pub iteration: u32,
    /// The end of that iteration.
    pub cursor_end: Option<String>,
    /// Milliseconds from the moment the last committed end was read to this report.
    pub lag_ms: Option<u64>,
    /// Every table that is known, by database and name.
    pub tables: Vec<TableReport>,
    /// When this report was made.
    pub at: Option<Millis>,
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
    /// The last iteration is committed and nothing is left to tidy.
    Complete,
    /// At least one table is held and nothing else goes on.
    Failed,
    /// Stopped before its end; starting it again resumes it.
    Stopped,
}

/// A table at one moment. Counts are of the open or last iteration; totals add the earlier ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
