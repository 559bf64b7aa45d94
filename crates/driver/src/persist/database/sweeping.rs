//! Second deletions: recorded when tidying ends, read when they are due.
//!
//! Their rows are in the order of their time, and the database's record says when the first is
//! due: executions before that read none of them, however many there are.

use std::collections::BTreeSet;

use kusto_copy_core::database::Sweep;
use kusto_copy_core::vocabulary::{ActivityId, Millis};
use kusto_copy_store::{Etag, Key, RowRange, Store, StoreError, Write};

use super::StoredDatabase;
use crate::persist::{decode, put};

/// Second deletions of one turn: each takes two writes at most beside the record.
const SWEEPS_AT_ONCE: usize = 40;
/// Tables whose second deletions fail, as far as the record tells of them.
const TOLD: usize = 8;

/// A second deletion as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredSweep {
    /// What is deleted.
    pub(crate) sweep: Sweep,
    key: Key,
    etag: Etag,
}

/// What a turn found.
#[derive(Debug, Default)]
pub(crate) struct DueSweeps {
    /// What is to be deleted now, the longest due first.
    pub(crate) due: Vec<StoredSweep>,
    /// When the first of the others is due.
    next: Option<Millis>,
}

/// A second deletion that failed, and is tried again later.
#[derive(Debug)]
pub(crate) struct FailedSweep {
    /// It.
    pub(crate) stored: StoredSweep,
    /// Why, with the remedy.
    pub(crate) what: String,
    /// Not again before.
    pub(crate) until: Millis,
}

impl StoredDatabase {
    /// When the first second deletion is due: then, or later.
    pub(crate) const fn next_sweep(&self) -> Option<Millis> {
        self.record.sweep_due
    }

    /// What is to be deleted once more now, as much of it as one turn takes.
    pub(crate) async fn due_sweeps(
        &self,
        store: &dyn Store,
        now: Millis,
    ) -> Result<Option<DueSweeps>, StoreError> {
        if self.next_sweep().is_none_or(|at| at > now) {
            return Ok(None);
        }
        let range = RowRange::below(&["sweep"])?;
        let page = store.list(&self.partition, &range, SWEEPS_AT_ONCE, None);
        let page = page.await?;
        let mut found = DueSweeps {
            due: Vec::new(),
            next: page.next.is_some().then_some(now),
        };
        for entity in &page.entities {
            let (sweep, etag): (Sweep, Etag) = decode(entity)?;
            if sweep.due <= now {
                let key = entity.key.clone();
                found.due.push(StoredSweep { sweep, key, etag });
            } else {
                found.next = Some(found.next.map_or(sweep.due, |next| next.min(sweep.due)));
            }
        }
        Ok(Some(found))
    }

    /// The insertion of a second deletion; the record is to be stored with it.
    pub(super) fn recorded(&mut self, sweep: &Sweep) -> Result<Write, StoreError> {
        self.is_due_at(sweep.due);
        put(self.sweep_key(sweep)?, sweep, None)
    }

    fn is_due_at(&mut self, at: Millis) {
        let first = self.record.sweep_due;
        self.record.sweep_due = Some(first.map_or(at, |first| first.min(at)));
    }

    fn sweep_key(&self, sweep: &Sweep) -> Result<Key, StoreError> {
        let due = format!("{:015}", sweep.due.0);
        let iteration = format!("{:08}", sweep.iteration);
        self.key(&["sweep", &due, sweep.activity.as_str(), &iteration])
    }

    /// Stores what became of the second deletions of a turn, all at once: those that failed are
    /// told and go behind the others, those of `found` in neither list stay as they are.
    pub(crate) async fn swept(
        &mut self,
        store: &dyn Store,
        found: DueSweeps,
        done: &[StoredSweep],
        failed: Vec<FailedSweep>,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        let failing = failed.iter().map(|failed| &failed.stored.key);
        let settled: BTreeSet<&Key> = done.iter().map(|done| &done.key).chain(failing).collect();
        let left = found
            .due
            .iter()
            .filter(|stored| !settled.contains(&stored.key));
        let left = left.map(|stored| stored.sweep.due).min();
        let delete = |stored: &StoredSweep| Write::Delete {
            key: stored.key.clone(),
            if_match: stored.etag.clone(),
        };
        self.record.sweep_due = found.next.into_iter().chain(left).min();
        for stored in done {
            writes.push(delete(stored));
            self.record.unswept.remove(&stored.sweep.activity);
        }
        for failed in failed {
            writes.push(delete(&failed.stored));
            let mut sweep = failed.stored.sweep;
            sweep.tries += 1;
            sweep.due = failed.until;
            writes.push(self.recorded(&sweep)?);
            self.tell_unswept(sweep.activity, sweep.iteration, sweep.tries, &failed.what);
        }
        self.commit(store, writes).await?;
        Ok(())
    }

    fn tell_unswept(&mut self, activity: ActivityId, iteration: u32, tries: u32, what: &str) {
        let told = &mut self.record.unswept;
        if told.len() < TOLD || told.contains_key(&activity) {
            let words = format!(
                "what commands without an answer may have left of iteration {iteration} could not be deleted \
                 (tried {tries} times): {what}"
            );
            told.insert(activity, words);
        }
    }
}
