//! With many tables, the proof that a table is idle waits while metadata say that nothing changed.
//!
//! One command tells the signatures of all tables; what is known of them rests in the lake, one
//! immutable object an iteration. Without it, or when anything of this fails, every table is
//! proven: it saves queries and decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use kusto_copy_core::database::DatabasePhase;
use kusto_copy_core::idle::{Extents, Idleness};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{ActivityId, Millis, Window};
use kusto_copy_staging::{ObjectName, Prefix, Put};

use super::Engine;
use crate::clock::now;
use crate::effects::idleness_folder;
use crate::error::DriverError;

/// Legs of one query that proves windows.
pub(super) const LEGS: usize = 100;

/// What an iteration knows of idle tables and learns of them.
#[derive(Debug)]
pub(super) struct Gate {
    known: Idleness,
    extents: BTreeMap<String, Extents>,
    /// Tables whose rows may be in no extent yet.
    streaming: BTreeSet<String>,
    read_at: Millis,
    iteration: u32,
}

impl Engine {
    /// Leaves out the tables whose proof may wait. `None` where so few are to be proven that one
    /// query does it.
    pub(super) async fn postpone(
        &self,
        side: usize,
        proofs: &mut Vec<(String, Window)>,
    ) -> Option<Gate> {
        let record = &self.sides[side].stored.record;
        let DatabasePhase::Opening {
            iteration, read_at, ..
        } = record.phase
        else {
            return None;
        };
        if proofs.len() <= LEGS {
            return None;
        }
        let source = &self.sides[side].place.source;
        let found = match source.table_signatures(&self.call("signatures")).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "all tables are proven: their signatures cannot be read");
                return None;
            }
        };
        let signature = |table: &kusto_copy_kusto::commands::changes::TableSignature| {
            let mut hasher = DefaultHasher::new();
            (table.extents, table.rows, table.deleted).hash(&mut hasher);
            (table.newest.map(|ticks| ticks.0), table.signature).hash(&mut hasher);
            Extents {
                signature: hasher.finish(),
                rows: table.rows,
            }
        };
        let extents = found
            .iter()
            .map(|table| (table.table.clone(), signature(table)))
            .collect();
        let mut known = self
            .idleness(side, record.committed)
            .await
            .unwrap_or_default();
        let names: BTreeSet<&str> = proofs.iter().map(|(table, _)| table.as_str()).collect();
        known.retain(|table| names.contains(table));
        let catalog = self.sides[side].place.catalog.known();
        let streams = |table: &&str| {
            let details = catalog.source_details.get(*table);
            details.is_none_or(kusto_copy_kusto::commands::preflight::TableDetails::is_streaming)
        };
        let gate = Gate {
            known,
            extents,
            streaming: names
                .into_iter()
                .filter(streams)
                .map(str::to_owned)
                .collect(),
            read_at,
            iteration,
        };
        let limits = &self.options.limits;
        proofs.retain(|(table, _)| {
            let signature = gate.extents(table).signature;
            gate.streaming.contains(table)
                || !gate.known.may_wait(table, signature, read_at, limits)
        });
        Some(gate)
    }

    /// What an earlier iteration knew, if it kept anything.
    async fn idleness(&self, side: usize, iteration: u32) -> Option<Idleness> {
        let name = self.idleness_name(side, iteration).ok()?;
        let contents = self.sides[side].place.lake.get(&name).await.ok()??;
        serde_json::from_slice(&contents).ok()
    }

    fn idleness_name(&self, side: usize, iteration: u32) -> Result<ObjectName, DriverError> {
        let database = &self.sides[side].stored.record.source;
        let folder = idleness_folder(&self.incarnation, database, iteration)?;
        Ok(folder.object("proofs.json")?)
    }

    /// Leaves out the tables that a worker which was cut off has proven idle up to the same end.
    pub(super) async fn leave_out_proven(
        &self,
        side: usize,
        iteration: u32,
        proofs: &mut Vec<(String, Window)>,
        mut gate: Option<&mut Gate>,
    ) {
        if proofs.len() <= LEGS {
            return;
        }
        let proven = match self.proven(side, iteration).await {
            Ok(proven) => proven,
            Err(error) => {
                tracing::warn!(%error, "what was proven before is proven again");
                return;
            }
        };
        proofs.retain(|(table, _)| {
            let is_proven = proven.contains(table);
            if let (true, Some(gate)) = (is_proven, gate.as_deref_mut()) {
                gate.take(table, true, &self.options.limits);
            }
            !is_proven
        });
    }

    async fn proven(&self, side: usize, iteration: u32) -> Result<BTreeSet<String>, DriverError> {
        let lake = &self.sides[side].place.lake;
        let mut proven = BTreeSet::new();
        for found in lake.list(&self.proven_folder(side, iteration)?).await? {
            let contents = lake.get(&found.name).await?.unwrap_or_default();
            let names: Vec<String> = serde_json::from_slice(&contents).unwrap_or_default();
            proven.extend(names);
        }
        Ok(proven)
    }

    /// Keeps which tables a query proved idle, until the iteration runs: an end is never read
    /// again, so what was empty up to it stays empty. What fails here is proven again.
    pub(super) async fn keep_proven(&self, side: usize, iteration: u32, idle: &[String]) {
        let Some(first) = idle.first() else {
            return;
        };
        let lake = &self.sides[side].place.lake;
        let database = &self.sides[side].stored.record.source;
        let keep = async {
            let folder = self.proven_folder(side, iteration)?;
            let name = folder.object(&format!("{}.json", ActivityId::of(database, first)))?;
            let contents = serde_json::to_vec(idle).map_err(|error| DriverError::Internal {
                what: format!("names cannot be written: {error}"),
            })?;
            match lake.put_if_absent(&name, &contents).await? {
                Put::Created | Put::Identical | Put::Different => {}
            }
            Ok::<_, DriverError>(())
        };
        if let Err(error) = keep.await {
            tracing::warn!(%error, "which tables are proven idle was not kept");
        }
    }

    fn proven_folder(&self, side: usize, iteration: u32) -> Result<Prefix, DriverError> {
        let database = &self.sides[side].stored.record.source;
        let folder = idleness_folder(&self.incarnation, database, iteration)?;
        Ok(folder.folder("proven")?)
    }

    /// Keeps what was learned for the next iteration and deletes what the last one kept. What
    /// fails here is not repeated: the next iteration proves every table then.
    pub(super) async fn keep_idleness(&self, side: usize, gate: Gate) {
        let lake = &self.sides[side].place.lake;
        let database = &self.sides[side].stored.record.source;
        let keep = async {
            let name = self.idleness_name(side, gate.iteration)?;
            let contents = serde_json::to_vec(&gate.known).map_err(|error| {
                let what = format!("signatures cannot be written: {error}");
                DriverError::Internal { what }
            })?;
            // A worker that was cut off may have kept what it learned of the same end: as good.
            match lake.put_if_absent(&name, &contents).await? {
                Put::Created | Put::Identical | Put::Different => {}
            }
            lake.delete_prefix(&self.proven_folder(side, gate.iteration)?)
                .await?;
            let last = gate.iteration.saturating_sub(1);
            let folder = idleness_folder(&self.incarnation, database, last)?;
            lake.delete_prefix(&folder).await?;
            Ok::<_, DriverError>(())
        };
        if let Err(error) = keep.await {
            tracing::warn!(%error, "what is known of idle tables was not kept");
        }
    }
}

impl Gate {
    /// A table without extents has no signature.
    fn extents(&self, table: &str) -> Extents {
        self.extents.get(table).copied().unwrap_or_default()
    }

    /// Takes the answer to a table's proof; whether rows came that no cursor shows. Rows of a
    /// streaming table come by their cursor first and into extents later.
    pub(super) fn take(&mut self, table: &str, is_empty: bool, limits: &Limits) -> bool {
        let (extents, moment) = (self.extents(table), now());
        let known = &mut self.known;
        let grew = known.take(table, extents, self.read_at, is_empty, moment, limits);
        grew && !self.streaming.contains(table)
    }
}
