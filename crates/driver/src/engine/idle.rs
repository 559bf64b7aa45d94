//! With many tables, the proof that a table is idle waits while metadata say that nothing changed.
//!
//! One command tells the signatures of all tables; what is known of them rests in the lake, one
//! immutable object an iteration. Without it, or when anything of this fails, every table is
//! proven: it saves queries and decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use kusto_copy_core::database::DatabasePhase;
use kusto_copy_core::idle::Idleness;
use kusto_copy_core::vocabulary::{Millis, Window};
use kusto_copy_staging::{ObjectName, Put};

use super::Engine;
use super::open::LEGS;
use crate::clock::now;
use crate::effects::idleness_folder;
use crate::error::DriverError;

/// What an iteration knows of idle tables and learns of them.
#[derive(Debug)]
pub(super) struct Gate {
    known: Idleness,
    signatures: BTreeMap<String, u64>,
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
            hasher.finish()
        };
        let signatures = found
            .iter()
            .map(|table| (table.table.clone(), signature(table)))
            .collect();
        let mut known = self
            .idleness(side, record.committed)
            .await
            .unwrap_or_default();
        let names: BTreeSet<&str> = proofs.iter().map(|(table, _)| table.as_str()).collect();
        known.retain(|table| names.contains(table));
        let gate = Gate {
            known,
            signatures,
            read_at,
            iteration,
        };
        let catalog = self.sides[side].place.catalog.known();
        let streams = |table: &str| {
            let details = catalog.source_details.get(table);
            details.is_none_or(kusto_copy_kusto::commands::preflight::TableDetails::is_streaming)
        };
        let limits = &self.options.limits;
        proofs.retain(|(table, _)| {
            let signature = gate.signature(table);
            // Rows of a streaming table may be in no extent yet.
            streams(table) || !gate.known.may_wait(table, signature, read_at, limits)
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
    fn signature(&self, table: &str) -> u64 {
        self.signatures.get(table).copied().unwrap_or(0)
    }

    /// Takes the answer to a table's proof.
    pub(super) fn take(&mut self, table: &str, is_empty: bool) {
        let signature = self.signature(table);
        let moment = now();
        self.known
            .take(table, signature, self.read_at, is_empty, moment);
    }
}
