//! A source database's iterations: the cursor end read once for all its tables, the tables that
//! are due, the commit.
//!
//! ```text
//! Idle -> Opening(n, cursor end) -> Running(n) -> Idle, committed n
//! ```
//!
//! Markers beside this record say which tables are due (`due`) and which still have to be
//! tidied. An iteration is committed when no `due` marker is left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::Bounds;
use crate::vocabulary::{ActivityId, Cursor, Millis, Ticks, Window};

/// The record of one source database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// The source database.
    pub source: String,
    /// The destination database.
    pub destination: String,
    /// The source's DatabaseId: cursors of another database mean nothing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The last committed iteration; 0 when none is.
    pub committed: u32,
    /// Its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_end: Option<Cursor>,
    /// When its end was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_read_at: Option<Millis>,
    /// Where the next iteration stands.
    pub phase: DatabasePhase,
    /// Why the database as a whole cannot go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// When the first of the recorded second deletions is due, or earlier; `None` when there is
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_due: Option<Millis>,
    /// Tables of which a second deletion fails again and again: what is told of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unswept: BTreeMap<ActivityId, String>,
    /// The epoch of the worker that wrote it last.
    pub epoch: u64,
    /// Grows with every write, so that a worker whose answer was lost sees whether it wrote.
    #[serde(default)]
    pub revision: u64,
}

/// Where a database's next iteration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum DatabasePhase {
    /// None is open.
    Idle,
    /// Its end is fixed; due tables are being marked.
    Opening {
        /// The iteration.
        iteration: u32,
        /// Its end, never read again.
        cursor_end: Cursor,
        /// When the end was read.
        read_at: Millis,
    },
    /// Every due table is marked; tables are copied.
    Running {
        /// The iteration.
        iteration: u32,
        /// Its end.
        cursor_end: Cursor,
        /// When the end was read.
        read_at: Millis,
    },
}

/// Something that happened to a database's iteration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseEvent {
    /// The end was read, before any table's schema.
    CursorRead {
        /// The source's DatabaseId at that moment.
        source_id: String,
        /// The end.
        cursor_end: Cursor,
        /// When.
        read_at: Millis,
    },
    /// Every due table is marked.
    Marked,
    /// No due table is left.
    Committed,
}

/// An event that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// It does not fit the phase.
    #[error("the database's iteration is in another phase")]
    Phase,
    /// The source database was dropped and created again, or is another one.
    #[error(
        "source database `{database}` is not the one that this job copied from (its id was {stored}, now \
         {found}): it was dropped and created again or another cluster answers; start a new job in an empty \
         lake"
    )]
    OtherSource {
        /// The database.
        database: String,
        /// The pinned id.
        stored: String,
        /// The id now.
        found: String,
    },
}

impl Database {
    /// A database of a new job.
    #[must_use]
    pub const fn new(source: String, destination: String, epoch: u64) -> Self {
        Self {
            source,
            destination,
            source_id: None,
            committed: 0,
            committed_end: None,
            committed_read_at: None,
            phase: DatabasePhase::Idle,
            held: None,
            sweep_due: None,
            unswept: BTreeMap::new(),
            epoch,
            revision: 0,
        }
    }

    /// The iteration that is open, if one is, with its end.
    #[must_use]
    pub const fn open(&self) -> Option<(u32, &Cursor)> {
        match &self.phase {
            DatabasePhase::Idle => None,
            DatabasePhase::Opening {
                iteration,
                cursor_end,
                ..
            }
            | DatabasePhase::Running {
                iteration,
                cursor_end,
                ..
            } => Some((*iteration, cursor_end)),
        }
    }

    /// Applies an event.
    ///
    /// # Errors
    /// When it does not fit the phase, or the source is another database.
    pub fn apply(&mut self, event: DatabaseEvent) -> Result<(), DatabaseError> {
        match event {
            DatabaseEvent::CursorRead {
                source_id,
                cursor_end,
                read_at,
            } => {
                if self.phase != DatabasePhase::Idle {
                    return Err(DatabaseError::Phase);
                }
                self.check_source(&source_id)?;
                self.source_id = Some(source_id);
                self.phase = DatabasePhase::Opening {
                    iteration: self.committed + 1,
                    cursor_end,
                    read_at,
                };
            }
            DatabaseEvent::Marked => {
                let DatabasePhase::Opening {
                    iteration,
                    cursor_end,
                    read_at,
                } = &self.phase
                else {
                    return Err(DatabaseError::Phase);
                };
                self.phase = DatabasePhase::Running {
                    iteration: *iteration,
                    cursor_end: cursor_end.clone(),
                    read_at: *read_at,
                };
            }
            DatabaseEvent::Committed => {
                let DatabasePhase::Running {
                    iteration,
                    cursor_end,
                    read_at,
                } = &self.phase
                else {
                    return Err(DatabaseError::Phase);
                };
                self.committed = *iteration;
                self.committed_end = Some(cursor_end.clone());
                self.committed_read_at = Some(*read_at);
                self.phase = DatabasePhase::Idle;
            }
        }
        Ok(())
    }

    /// Whether a source of this id is the one that the job copies from.
    ///
    /// # Errors
    /// When it is another.
    pub fn check_source(&self, found: &str) -> Result<(), DatabaseError> {
        match &self.source_id {
            Some(stored) if stored != found => Err(DatabaseError::OtherSource {
                database: self.source.clone(),
                stored: stored.clone(),
                found: found.to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// What is known of a table of a database between iterations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Its activity.
    pub activity: ActivityId,
    /// Its name at the source.
    pub source_table: String,
    /// Its name at the destination.
    pub destination_table: String,
    /// The source's TableId: a table dropped and created, or renamed over, is another.
    pub table_id: String,
    /// The end of its own last completed window: where its next window starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_to: Option<Cursor>,
    /// Rows copied since the first iteration.
    pub rows_copied: u64,
    /// Blocks copied since the first iteration.
    pub blocks_copied: u64,
    /// Bytes of the files of all iterations.
    pub bytes_copied: u64,
    /// The last iteration in which it was due and completed.
    #[serde(default)]
    pub last_iteration: u32,
    /// Rows copied in that iteration.
    #[serde(default)]
    pub last_rows: u64,
    /// Whether its staging table was kept for the next iteration: it is dropped when the job
    /// ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_staging: bool,
    /// The first iteration in which the source had no such table any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<u32>,
}

impl TableRecord {
    /// A table of which nothing was copied yet, under its own name at the destination.
    #[must_use]
    pub fn new(activity: ActivityId, table: &str, table_id: String) -> Self {
        Self {
            activity,
            source_table: table.to_owned(),
            destination_table: table.to_owned(),
            table_id,
            completed_to: None,
            rows_copied: 0,
            blocks_copied: 0,
            bytes_copied: 0,
            last_iteration: 0,
            last_rows: 0,
            has_staging: false,
            missing_since: None,
        }
    }
}

/// A table that is due in an iteration: inserted before the iteration runs, deleted when the
/// table's window is completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueMarker {
    /// The activity.
    pub activity: ActivityId,
    /// The iteration.
    pub iteration: u32,
    /// The table's name at the source.
    pub source_table: String,
    /// The table's name at the destination.
    pub destination_table: String,
    /// The window, from the table's own last end.
    pub window: Window,
    /// Rows and bounds of the window, where the proof told them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// When the table's newest extent was made, where that was known: tables with newer rows
    /// come first, however many executions the iteration takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Ticks>,
    /// The TableId that the window belongs to: rows of another table are not copied under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_id: Option<String>,
    /// Why the table cannot be copied as it was found when it was marked, with the remedy: its
    /// activity begins held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What is deleted once more after a while, since a command that came late may have made it
/// again. Inserted when the table's tidying ends, deleted when it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The activity.
    pub activity: ActivityId,
    /// The iteration.
    pub iteration: u32,
    /// Whether the files of the iteration, all of them, are deleted: a command without an answer
    /// may have written some.
    #[serde(default)]
    pub files: bool,
    /// Staging tables that are dropped. Their names are never used again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staging: Vec<String>,
    /// Not before.
    pub due: Millis,
    /// Tries that failed.
    #[serde(default)]
    pub tries: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: &str, cursor: &str) -> DatabaseEvent {
        DatabaseEvent::CursorRead {
            source_id: id.to_owned(),
            cursor_end: Cursor(cursor.to_owned()),
            read_at: Millis(1),
        }
    }

    #[test]
    fn an_iteration_opens_runs_and_commits_in_this_order_only() {
        let mut database = Database::new("a".to_owned(), "b".to_owned(), 1);
        assert_eq!(
            database.apply(DatabaseEvent::Marked),
            Err(DatabaseError::Phase)
        );
        assert_eq!(
            database.apply(DatabaseEvent::Committed),
            Err(DatabaseError::Phase)
        );
        database.apply(read("1", "c1")).expect("opens");
        assert_eq!(
            database.apply(read("1", "c2")),
            Err(DatabaseError::Phase),
            "the stored end wins"
        );
        database.apply(DatabaseEvent::Marked).expect("runs");
        database.apply(DatabaseEvent::Committed).expect("commits");
        assert_eq!(
            (database.committed, database.committed_end),
            (1, Some(Cursor("c1".to_owned())))
        );
        assert_eq!(database.committed_read_at, Some(Millis(1)));
    }

    #[test]
    fn a_database_created_again_under_its_name_is_refused() {
        let mut database = Database::new("a".to_owned(), "b".to_owned(), 1);
        database.apply(read("1", "c1")).expect("opens");
        database.apply(DatabaseEvent::Marked).expect("runs");
        database.apply(DatabaseEvent::Committed).expect("commits");
        assert!(matches!(
            database.apply(read("2", "c2")),
            Err(DatabaseError::OtherSource { .. })
        ));
    }
}
