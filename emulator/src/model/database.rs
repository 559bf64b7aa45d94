//! Databases and the one lock around each of them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CommitSettings, CursorClock, CursorSlot, Mapping, Policies, Table, Transaction};
use crate::error::KustoError;

/// How a database can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DatabaseAccess {
    /// Reads and writes.
    #[default]
    ReadWrite,
    /// A follower: reads only.
    ReadOnlyFollowing,
}

impl DatabaseAccess {
    /// The name in `.show databases`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "ReadWrite",
            Self::ReadOnlyFollowing => "ReadOnlyFollowing",
        }
    }
}

/// A stored function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Name, case-sensitive.
    pub(crate) name: String,
    /// Parameters with their parentheses.
    pub(crate) parameters: String,
    /// Body with its braces.
    pub(crate) body: String,
    /// Folder shown in tools.
    pub(crate) folder: String,
    /// Description.
    pub(crate) docstring: String,
}

/// One commit of rows, kept as an independent record for tests.
#[derive(Clone, Debug)]
pub(crate) struct CommitRecord {
    /// Table that received the rows, by the name it had.
    pub(crate) table: String,
    /// Its identity.
    pub(crate) table_id: Uuid,
    /// What brought them: `append`, `move`.
    pub(crate) kind: &'static str,
    /// Rows.
    pub(crate) rows: usize,
    /// Ticks of the commit, also the rows' ingestion time if the table has the policy.
    pub(crate) committed_on: i64,
    /// Extents made.
    pub(crate) extents: Vec<Uuid>,
    /// The cursor, if the table has the policy.
    pub(crate) cursor: Option<CursorSlot>,
}

/// A database as a transaction sees and changes it.
#[derive(Debug)]
pub(crate) struct Database {
    /// Identity: a database dropped and created again is another one.
    pub(crate) id: Uuid,
    /// Name as created; names of databases are compared without case.
    pub(crate) name: String,
    /// Name for people.
    pub(crate) pretty_name: String,
    /// Whether it can be written.
    pub(crate) access: DatabaseAccess,
    /// Raised by every change of data or schema, merges included.
    pub(crate) version: u64,
    /// Tables by name.
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
    /// Functions by name.
    pub(crate) functions: BTreeMap<String, Arc<Function>>,
    /// Policies of the database.
    pub(crate) policies: Policies,
    /// Mappings of the database by kind and name.
    pub(crate) mappings: BTreeMap<(String, String), Mapping>,
    /// Cursor values.
    pub(crate) cursors: CursorClock,
    /// Every commit of rows, oldest first.
    pub(crate) commits: Vec<CommitRecord>,
    pub(super) last_stamp: i64,
}

impl Database {
    /// An empty database created at `now` (ticks).
    pub(crate) fn new(name: &str, now: i64) -> Self {
        Self {
            id: Uuid::new_v4(),
            name: name.to_owned(),
            pretty_name: String::new(),
            access: DatabaseAccess::default(),
            version: 1,
            tables: BTreeMap::new(),
            functions: BTreeMap::new(),
            policies: Policies::new(),
            mappings: BTreeMap::new(),
            cursors: CursorClock::new(now),
            commits: Vec::new(),
            last_stamp: now,
        }
    }

    /// The table of this name.
    ///
    /// # Errors
    /// Kusto's answer for a missing table.
    pub(crate) fn table(&self, name: &str) -> Result<&Arc<Table>, KustoError> {
        self.tables
            .get(name)
            .ok_or_else(|| KustoError::table_not_found(&self.name, name))
    }

    /// The version as Kusto writes it: `v<major>.<minor>`.
    pub(crate) fn version_text(&self) -> String {
        format!("v{}.{}", self.version, 0)
    }
}

/// What a reader sees of a database: nothing changes under it.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseSnapshot {
    /// Name of the database.
    pub(crate) name: String,
    /// Newest cursor value at the time of the snapshot.
    pub(crate) cursor: i64,
    /// Tables by name.
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
    /// Functions by name.
    pub(crate) functions: BTreeMap<String, Arc<Function>>,
}

/// A database behind its lock.
#[derive(Debug)]
pub(crate) struct DatabaseHandle {
    name: String,
    inner: RwLock<Database>,
}

impl DatabaseHandle {
    /// Puts a database behind a lock.
    pub(crate) fn new(database: Database) -> Self {
        Self {
            name: database.name.clone(),
            inner: RwLock::new(database),
        }
    }

    /// Name as created.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Reads under the lock; keep it short.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&Database) -> R) -> R {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a query that starts at `now` (ticks) sees: cursor values that are due are given first.
    pub(crate) fn snapshot(&self, now: i64) -> DatabaseSnapshot {
        self.settle_cursors(now);
        self.read(|database| DatabaseSnapshot {
            name: database.name.clone(),
            cursor: database.cursors.newest(),
            tables: database.tables.clone(),
            functions: database.functions.clone(),
        })
    }

    /// Gives every commit whose lag has passed at `now` its cursor value.
    pub(crate) fn settle_cursors(&self, now: i64) {
        if self.read(|database| database.cursors.is_due(now)) {
            self.inner
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .cursors
                .settle(now);
        }
    }

    /// Changes the database under its lock, all or nothing: on an error tables, functions, policies
    /// and mappings are as before. A change raises the version once.
    ///
    /// # Errors
    /// What `change` returns.
    pub(crate) fn commit<R, E>(
        &self,
        settings: CommitSettings,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut database = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        database.cursors.settle(settings.now);
        let mut transaction = Transaction::begin(&mut database, settings);
        match change(&mut transaction) {
            Ok(done) => {
                transaction.finish();
                Ok(done)
            }
            Err(refused) => {
                transaction.undo();
                Err(refused)
            }
        }
    }

    /// Sets what an administrator can set from outside: access mode and pretty name.
    pub(crate) fn administer(&self, change: impl FnOnce(&mut Database)) {
        let mut database = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut database);
        database.version += 1;
    }
}
