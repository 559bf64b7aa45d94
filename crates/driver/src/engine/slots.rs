//! Free slots at the clusters, from their budgets and from what is at work.

use kusto_copy_core::activity::SlotKind;
use kusto_copy_core::decide::FreeSlots;
use kusto_copy_core::slots::Budget;

use super::Engine;

impl Engine {
    pub(super) fn free_slots(&self) -> FreeSlots {
        let used = |kind| {
            self.live
                .values()
                .map(|live| live.stored.state.slots_used(kind))
                .sum()
        };
        FreeSlots {
            exports: self.watcher.exports.free(used(SlotKind::Export)),
            ingestions: self.watcher.ingestions.free(used(SlotKind::Ingest)),
            queries: more_queries(&self.watcher.queries.budget, self.queries()),
        }
    }

    /// Actions in flight that run queries at the source.
    pub(super) fn queries(&self) -> u32 {
        u32::try_from(self.querying.len()).unwrap_or(u32::MAX)
    }
}

/// Queries that may begin beside those in flight. However little is left, one query at a time
/// may run: a source that others keep busy would else never be planned.
fn more_queries(budget: &Budget, in_flight: u32) -> u32 {
    budget.free(in_flight).max(u32::from(in_flight == 0))
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::slots::{Budget, Capacity, Share};
    use kusto_copy_core::vocabulary::Millis;

    use super::more_queries;

    fn budget(remaining: u32) -> Budget {
        let mut budget = Budget::new(Share {
            of_total: 0.1,
            at_most: None,
            when_unknown: 4,
        });
        let total = 30;
        budget.observe(Capacity { total, remaining }, 0, Millis(1));
        budget
    }

    #[test]
    fn queries_stay_within_their_share_and_one_may_always_run() {
        let third = |in_flight| more_queries(&budget(30), in_flight);
        assert_eq!([third(0), third(2), third(3), third(4)], [3, 1, 0, 0]);
        let full = |in_flight| more_queries(&budget(0), in_flight);
        assert_eq!([full(0), full(1), full(2)], [1, 0, 0]);
    }
}
