//! The cluster's shared state: databases, settings and the parts that watch over requests.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::capacity::CapacityGate;
use crate::clock::{now_ticks, ticks_of_ms};
use crate::connections::Connections;
use crate::error::KustoError;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::model::{CommitSettings, Database, DatabaseHandle, Transaction};
use crate::operations::Operations;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::storage::{BlobClient, Files};

/// Everything that requests share. One per cluster, behind an `Arc`.
pub(crate) struct Engine {
    settings: RwLock<Arc<Settings>>,
    databases: RwLock<BTreeMap<String, Arc<DatabaseHandle>>>,
    /// Slots by kind of work.
    pub(crate) capacity: CapacityGate,
    /// Asynchronous commands and their log.
    pub(crate) operations: Operations,
    /// Finished and running requests, for `.show commands` and `.show queries`.
    pub(crate) journal: Journal,
    /// Faults switched on through the admin port.
    pub(crate) faults: Faults,
    /// Counters for tests.
    pub(crate) stats: Stats,
    /// Open connections, so that faults can cut them.
    pub(crate) connections: Connections,
    /// Reaches blobs for [`Engine::storage`].
    blobs: BlobClient,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// A cluster with the databases of its settings.
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        let now = now_ticks();
        let databases = settings
            .databases
            .iter()
            .map(|name| {
                let handle = DatabaseHandle::new(Database::new(name, now));
                (name.to_lowercase(), Arc::new(handle))
            })
            .collect();
        Arc::new(Self {
            capacity: CapacityGate::default(),
            operations: Operations::default(),
            journal: Journal::default(),
            faults: Faults::new(settings.seed),
            stats: Stats::default(),
            connections: Connections::default(),
            blobs: BlobClient::new(),
            databases: RwLock::new(databases),
            settings: RwLock::new(Arc::new(settings)),
        })
    }

    /// The settings as they are now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lays a JSON object over the settings; it holds for everything that starts after.
    ///
    /// # Errors
    /// A member that does not exist or has the wrong type; nothing is changed then.
    pub(crate) fn patch_settings(&self, patch: &Value) -> Result<Arc<Settings>, serde_json::Error> {
        let mut settings = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *settings = Arc::new(settings.patched(patch)?);
        self.capacity.changed();
        Ok(Arc::clone(&settings))
    }

    /// Where exports write and ingestions read, with the settings as they are now.
    pub(crate) fn storage(&self) -> Files {
        Files::new(self.blobs.clone(), self.settings().storage.clone())
    }

    /// The database of this name; case does not matter, a pretty name works too.
    ///
    /// # Errors
    /// Kusto's answer for a missing database.
    pub(crate) fn database(&self, name: &str) -> Result<Arc<DatabaseHandle>, KustoError> {
        let databases = self
            .databases
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = databases.get(&name.to_lowercase()) {
            return Ok(Arc::clone(handle));
        }
        databases
            .values()
            .find(|handle| {
                handle.read(|database| {
                    !database.pretty_name.is_empty()
                        && database.pretty_name.eq_ignore_ascii_case(name)
                })
            })
            .map(Arc::clone)
            .ok_or_else(|| KustoError::database_not_found(name))
    }

    /// All databases in the order of their names.
    pub(crate) fn databases(&self) -> Vec<Arc<DatabaseHandle>> {
        self.databases
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(Arc::clone)
            .collect()
    }

    /// Creates a database.
    ///
    /// # Errors
    /// One of this name exists.
    pub(crate) fn create_database(&self, name: &str) -> Result<Arc<DatabaseHandle>, KustoError> {
        let mut databases = self
            .databases
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let key = name.to_lowercase();
        if databases.contains_key(&key) {
            return Err(KustoError::already_exists("Database", name));
        }
        let handle = Arc::new(DatabaseHandle::new(Database::new(name, now_ticks())));
        databases.insert(key, Arc::clone(&handle));
        Ok(handle)
    }

    /// Drops a database with all it holds.
    ///
    /// # Errors
    /// Kusto's answer for a missing database.
    pub(crate) fn drop_database(&self, name: &str) -> Result<(), KustoError> {
        self.databases
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&name.to_lowercase())
            .map(drop)
            .ok_or_else(|| KustoError::database_not_found(name))
    }

    /// Changes a database, all or nothing, with the cluster's clock and cursor lag. A follower
    /// refuses.
    ///
    /// # Errors
    /// What `change` returns, and Kusto's refusal to write to a follower.
    pub(crate) fn commit<R>(
        &self,
        database: &DatabaseHandle,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<R, KustoError>,
    ) -> Result<R, KustoError> {
        if database.read(|held| held.access) == crate::model::DatabaseAccess::ReadOnlyFollowing {
            return Err(KustoError::forbidden(format!(
                "Database '{}' is a follower and cannot be written.",
                database.name()
            )));
        }
        database.commit(self.commit_settings(), change)
    }

    /// Clock and cursor lag for a commit that starts now.
    pub(crate) fn commit_settings(&self) -> CommitSettings {
        CommitSettings {
            now: now_ticks(),
            cursor_lag: ticks_of_ms(self.settings().cursor_lag_ms),
        }
    }
}
