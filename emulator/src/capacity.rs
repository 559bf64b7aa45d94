//! Slots by kind of work, with the totals of the settings at the moment of asking.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::settings::Capacity;

/// A kind of work that Kusto limits, as a row of `.show capacity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    /// `.ingest` and ingest-from-query.
    Ingestions,
    /// `.export`.
    DataExport,
    /// Merges of extents.
    Merge,
    /// Queries.
    Queries,
}

impl Resource {
    /// All of them, in the order of `.show capacity`.
    pub(crate) const ALL: [Self; 4] = [
        Self::Ingestions,
        Self::DataExport,
        Self::Merge,
        Self::Queries,
    ];

    /// The name in `.show capacity`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ingestions => "Ingestions",
            Self::DataExport => "DataExport",
            Self::Merge => "Merge",
            Self::Queries => "Queries",
        }
    }

    /// The part of the capacity policy that the total comes from.
    pub(crate) fn origin(self) -> &'static str {
        match self {
            Self::Ingestions => "Ingestion",
            Self::DataExport => "Export",
            Self::Merge => "ExtentsMerge",
            Self::Queries => "Queries",
        }
    }

    /// The total in these settings.
    pub(crate) fn total(self, capacity: &Capacity) -> u32 {
        match self {
            Self::Ingestions => capacity.ingestions,
            Self::DataExport => capacity.data_export,
            Self::Merge => capacity.merge,
            Self::Queries => capacity.queries,
        }
    }
}

#[derive(Debug, Default)]
struct Gate {
    used: Mutex<BTreeMap<Resource, Use>>,
    freed: Notify,
}

/// Use of one kind of slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Use {
    /// Slots taken now.
    pub(crate) now: u32,
    /// Most slots ever taken at once.
    pub(crate) most: u32,
}

/// Counts the slots in use.
#[derive(Clone, Debug, Default)]
pub(crate) struct CapacityGate(Arc<Gate>);

impl CapacityGate {
    /// Takes a slot, waiting up to `wait`; `None` when there is none in that time.
    pub(crate) async fn acquire(
        &self,
        resource: Resource,
        total: impl Fn() -> u32,
        wait: Duration,
    ) -> Option<Slot> {
        let deadline = Instant::now() + wait;
        loop {
            let freed = self.0.freed.notified();
            if let Some(slot) = self.try_acquire(resource, total()) {
                return Some(slot);
            }
            if timeout_at(deadline, freed).await.is_err() {
                return self.try_acquire(resource, total());
            }
        }
    }

    fn try_acquire(&self, resource: Resource, total: u32) -> Option<Slot> {
        let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = used.entry(resource).or_default();
        if counted.now >= total {
            return None;
        }
        counted.now += 1;
        counted.most = counted.most.max(counted.now);
        Some(Slot {
            gate: Arc::clone(&self.0),
            resource,
        })
    }

    /// Slots of this kind in use.
    pub(crate) fn used(&self, resource: Resource) -> Use {
        self.0
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&resource)
            .copied()
            .unwrap_or_default()
    }

    /// Tells those who wait that the totals may have changed.
    pub(crate) fn changed(&self) {
        self.0.freed.notify_waiters();
    }
}

/// A slot; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Slot {
    gate: Arc<Gate>,
    resource: Resource,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut used = self
            .gate
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = used.get_mut(&self.resource) {
            counted.now = counted.now.saturating_sub(1);
        }
        drop(used);
        self.gate.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn slots_are_given_up_to_the_total_and_come_back() {
        let gate = CapacityGate::default();
        let take = || gate.acquire(Resource::DataExport, || 2, Duration::ZERO);
        let first = take().await.expect("two slots");
        let _second = take().await.expect("one slot left");
        assert!(take().await.is_none());
        drop(first);
        assert!(take().await.is_some());
        assert_eq!(gate.used(Resource::DataExport), Use { now: 1, most: 2 });
    }

    #[tokio::test]
    async fn who_waits_gets_the_slot_that_is_freed() {
        let gate = CapacityGate::default();
        let held = gate
            .acquire(Resource::Queries, || 1, Duration::ZERO)
            .await
            .expect("one slot");
        let waiting = gate.acquire(Resource::Queries, || 1, Duration::from_secs(60));
        tokio::pin!(waiting);
        assert!(futures_poll(&mut waiting).await.is_none());
        drop(held);
        assert!(waiting.await.is_some());
    }

    /// Polls once: `None` while pending.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
                std::task::Poll::Ready(value) => Some(value),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
