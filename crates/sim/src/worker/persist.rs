//! Transactions with the store: conditional, sometimes refused, sometimes without an answer.

use super::Worker;
use crate::model::store::{Conflict, Key, Value, Write};
use kusto_copy_core::database::Database;

/// Why a transaction did not commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Somebody else wrote.
    Conflict,
    /// The store could not be reached; nothing was written.
    Down,
}

impl Worker {
    /// Commits writes; a lost answer is resolved by looking for our nonce.
    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<u64, Refusal> {
        let Some(first) = writes.first().map(|write| write.key().clone()) else {
            return Ok(0);
        };
        let sim = &self.link.sim;
        let way = sim.look().times.store;
        sim.clock.sleep(way.div_ceil(2)).await;
        let (answer, nonce) = {
            let mut world = sim.world();
            let odds = world.faults;
            let nonce = world.fresh();
            if world.roll(odds.store_down) {
                (Some(Err(Refusal::Down)), nonce)
            } else {
                let arrives = !world.roll(odds.ambiguous / 2.0);
                let answers = !world.roll(odds.ambiguous / 2.0);
                let done = if arrives {
                    world.write(&writes, nonce, self.epoch.get())
                } else {
                    Err(Conflict)
                };
                (
                    (arrives && answers).then(|| done.map_err(|Conflict| Refusal::Conflict)),
                    nonce,
                )
            }
        };
        sim.happens("commit", self.link.owner);
        sim.clock.sleep(way / 2).await;
        if let Some(answer) = answer {
            return answer;
        }
        sim.clock.sleep(way).await;
        let stored = sim
            .look()
            .store
            .get(&first)
            .map(|entity| (entity.etag, entity.nonce));
        match (stored, writes.first()) {
            (Some((etag, written)), _) if written == nonce => Ok(etag),
            (Some((etag, _)), Some(Write::Replace(_, _, expected))) if etag == *expected => {
                Err(Refusal::Down)
            }
            (None, Some(Write::Insert(..))) => Err(Refusal::Down),
            (Some(_) | None, _) => Err(Refusal::Conflict),
        }
    }

    /// The stored database with its version.
    pub(super) fn stored_database(&self) -> Option<(Database, u64)> {
        let world = self.link.sim.look();
        let entity = world.store.get(&Key::Database)?;
        entity
            .value
            .database()
            .map(|database| (database.clone(), entity.etag))
    }

    /// Changes the database's record and what rests beside it; tries again when the record was
    /// changed by this worker meanwhile. False when the lease is lost or `change` declines.
    pub(super) async fn with_database(
        &self,
        change: impl Fn(&mut Database) -> Option<Vec<Write>>,
    ) -> bool {
        loop {
            let Some((mut database, etag)) = self.stored_database() else {
                return false;
            };
            if self.lost.get() || database.epoch > self.epoch.get() {
                self.leave();
                return false;
            }
            database.epoch = self.epoch.get();
            let Some(others) = change(&mut database) else {
                return false;
            };
            let committed = database.committed;
            let mut writes = vec![Write::Replace(
                Key::Database,
                Value::Database(database),
                etag,
            )];
            writes.extend(others);
            if self.commit(writes).await.is_ok() {
                self.link
                    .sim
                    .world()
                    .iteration_is(committed, self.link.sim.now());
                return true;
            }
            self.link.sim.clock.sleep(50).await;
        }
    }
}
