//! The job's lease, as one entity that changes only under its version.

use super::Worker;
use super::persist::Refusal;
use crate::model::store::{Key, Lease, Value, Write};

/// How long a lease runs, milliseconds.
const TERM: u64 = 60_000;

impl Worker {
    /// Takes the lease once it is free; false when the job is done.
    pub(super) async fn acquire(&self) -> bool {
        loop {
            let (stored, done) = {
                let world = self.link.sim.look();
                (world.store.get(&Key::Lease).cloned(), world.goal.done)
            };
            if done {
                return false;
            }
            let now = self.link.sim.now();
            let held = stored.as_ref().and_then(|entity| {
                entity
                    .value
                    .lease()
                    .map(|lease| (lease.clone(), entity.etag))
            });
            let free = held.as_ref().is_none_or(|(lease, _)| lease.expires <= now);
            if !free && !self.manner.impatient {
                self.link.sim.clock.sleep(1_000).await;
                continue;
            }
            let epoch = held.as_ref().map_or(0, |(lease, _)| lease.epoch) + 1;
            let lease = Value::Lease(Lease {
                owner: self.link.owner,
                epoch,
                expires: now + TERM,
            });
            let write = match held {
                Some((_, etag)) => Write::Replace(Key::Lease, lease, etag),
                None => Write::Insert(Key::Lease, lease),
            };
            self.epoch.set(epoch);
            if self.commit(vec![write]).await.is_ok() {
                return true;
            }
            self.link.sim.clock.sleep(1_000).await;
        }
    }

    /// Renews the lease until it is lost.
    pub(super) async fn keep_lease(&self) {
        while !self.lost.get() {
            let stored = self.link.sim.look().store.get(&Key::Lease).cloned();
            let Some(entity) = stored else { return };
            let ours = entity.value.lease().is_some_and(|lease| {
                lease.owner == self.link.owner && lease.epoch == self.epoch.get()
            });
            if !ours {
                self.leave();
                return;
            }
            let expires = self.link.sim.now() + TERM;
            let lease = Lease {
                owner: self.link.owner,
                epoch: self.epoch.get(),
                expires,
            };
            let write = Write::Replace(Key::Lease, Value::Lease(lease), entity.etag);
            if let Err(Refusal::Conflict) = self.commit(vec![write]).await {
                self.leave();
                return;
            }
            self.link.sim.clock.sleep(TERM / 3).await;
        }
    }
}
