//! Readings of the clusters' capacities: how many slots others leave.

use kusto_copy_core::activity::SlotKind;
use kusto_copy_core::slots::{Budget, Capacity};
use kusto_copy_core::vocabulary::Millis;
use kusto_copy_kusto::commands::capacity::Resource;

use super::Engine;
use crate::clock::now;
use crate::heartbeat::Reading;

/// Capacities are read again after so many milliseconds.
const CAPACITY_EVERY: u64 = 180_000;
/// And sooner while work waits for slots that others use.
pub(super) const CAPACITY_WHILE_WAITING: u64 = 5_000;

/// Slots of one kind at one cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    /// How many may be in use.
    pub(crate) budget: Budget,
    /// Whether others left less than our share by the last reading.
    crowded: bool,
}

impl Slots {
    /// Slots as the last reading told them.
    pub(super) fn new(budget: Budget, known: Option<(Reading, Millis)>) -> Self {
        let crowded = false;
        let mut slots = Self { budget, crowded };
        if let Some((reading, at)) = known {
            let (capacity, ours) = reading.get();
            slots.observe(capacity, ours, at);
        }
        slots
    }

    /// Slots still free when we use `ours`.
    pub(super) const fn free(&self, ours: u32) -> u32 {
        self.budget.free(ours)
    }

    /// Takes a reading while `ours` were in use by us.
    fn observe(&mut self, capacity: Capacity, ours: u32, now: Millis) {
        self.budget.observe(capacity, ours, now);
        let mut alone = self.budget;
        let remaining = capacity.total;
        alone.observe(
            Capacity {
                remaining,
                ..capacity
            },
            0,
            now,
        );
        self.crowded = self.budget.slots() < alone.slots();
    }

    /// Whether another reading may find more while we use `ours`: all that is left is in use, and
    /// it is less than our share. With all of our share in use there is nothing to wait for.
    const fn may_grow(&self, ours: u32) -> bool {
        self.crowded && self.free(ours) == 0
    }
}

impl Engine {
    pub(super) async fn look_at_capacity(&mut self) {
        let moment = now();
        let used = |kind| {
            self.live
                .values()
                .map(|live| live.stored.state.slots_used(kind))
                .sum::<u32>()
        };
        let (exports, ingestions) = (used(SlotKind::Export), used(SlotKind::Ingest));
        let queries = self.queries();
        let short =
            self.watcher.exports.may_grow(exports) || self.watcher.ingestions.may_grow(ingestions);
        let every = if short {
            CAPACITY_WHILE_WAITING
        } else {
            CAPACITY_EVERY
        };
        if self.live.is_empty()
            || self
                .watcher
                .capacity_tried
                .is_some_and(|tried| moment.since(tried) < every)
        {
            return;
        }
        self.watcher.capacity_tried = Some(moment);
        self.pulse.record.capacities.at = Some(moment);
        let call = self.call("capacity");
        for kind in [SlotKind::Export, SlotKind::Ingest] {
            let Some(cluster) = self.cluster_of(kind) else {
                return;
            };
            // A role that may not read it is no fault: the configured slots apply then.
            let Ok(resources) = cluster.capacity(&call).await else {
                continue;
            };
            let find = |resource| {
                let found = resources.iter().find(|found| found.is(resource))?;
                let slots = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
                Some(Capacity {
                    total: slots(found.total),
                    remaining: slots(found.remaining),
                })
            };
            let known = &mut self.pulse.record.capacities;
            let watcher = &mut self.watcher;
            let (all, ours, known) = match kind {
                SlotKind::Export => {
                    if let Some(capacity) = find(Resource::Query) {
                        watcher.queries.observe(capacity, queries, moment);
                        known.queries = Some(Reading::new(capacity, queries));
                    }
                    (&mut watcher.exports, exports, &mut known.exports)
                }
                SlotKind::Ingest => (&mut watcher.ingestions, ingestions, &mut known.ingestions),
            };
            let resource = match kind {
                SlotKind::Export => Resource::Export,
                SlotKind::Ingest => Resource::Ingestion,
            };
            if let Some(capacity) = find(resource) {
                all.observe(capacity, ours, moment);
                *known = Some(Reading::new(capacity, ours));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::slots::Share;

    use super::*;

    fn slots(at_most: Option<u32>) -> Slots {
        let share = Share {
            of_total: 1.0,
            at_most,
            when_unknown: 4,
        };
        Slots::new(Budget::new(share), None)
    }

    #[test]
    fn more_is_hoped_for_only_where_others_use_what_would_be_ours() {
        let reading = |remaining| Capacity {
            total: 10,
            remaining,
        };
        let mut all = slots(None);
        assert!(!all.may_grow(4), "nothing is known of others");
        all.observe(reading(10), 0, Millis(1));
        assert_eq!((all.free(0), all.may_grow(10)), (10, false));
        all.observe(reading(0), 10, Millis(2));
        assert!(!all.may_grow(10), "all are ours");
        all.observe(reading(1), 3, Millis(3));
        assert_eq!((all.free(3), all.may_grow(3)), (1, false));
        assert!(all.may_grow(4), "others may end");
        let mut few = slots(Some(2));
        few.observe(reading(4), 0, Millis(1));
        assert!(!few.may_grow(2), "the user wants no more");
        few.observe(reading(0), 1, Millis(2));
        assert!(few.may_grow(1));
    }
}
