//! Database cursors: increasing values that follow commits after a lag.
//!
//! Kusto commits rows first and gives them their cursor value later; rows without a value yet are
//! seen by queries and by no cursor predicate (`query/database-cursor.md`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The cursor value of one commit's rows; empty until the lag has passed.
#[derive(Clone, Debug, Default)]
pub(crate) struct CursorSlot(Arc<AtomicI64>);

impl CursorSlot {
    /// The value as of a snapshot whose newest cursor is `newest`: later values do not count yet.
    pub(crate) fn as_of(&self, newest: i64) -> Option<i64> {
        let value = self.0.load(Ordering::Acquire);
        (value != 0 && value <= newest).then_some(value)
    }

    /// The value, if it is there.
    pub(crate) fn value(&self) -> Option<i64> {
        self.as_of(i64::MAX)
    }

    fn assign(&self, value: i64) {
        self.0.store(value, Ordering::Release);
    }
}

/// Gives commits their cursor values, in the order of the commits.
#[derive(Debug)]
pub(crate) struct CursorClock {
    newest: i64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    due: i64,
    slot: CursorSlot,
}

impl CursorClock {
    /// A clock whose newest value is the time of the database's creation, in ticks.
    pub(crate) fn new(created: i64) -> Self {
        Self {
            newest: created,
            waiting: VecDeque::new(),
        }
    }

    /// A slot for a commit at `now`, to be filled `lag` ticks later.
    pub(crate) fn reserve(&mut self, now: i64, lag: i64) -> CursorSlot {
        let after_previous = self.waiting.back().map_or(i64::MIN, |last| last.due);
        let slot = CursorSlot::default();
        self.waiting.push_back(Waiting {
            due: now.saturating_add(lag).max(after_previous),
            slot: slot.clone(),
        });
        slot
    }

    /// Whether some commit's lag has passed at `now`.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        self.waiting.front().is_some_and(|first| first.due <= now)
    }

    /// Fills every slot whose lag has passed at `now`.
    pub(crate) fn settle(&mut self, now: i64) {
        while let Some(first) = self.waiting.pop_front() {
            if first.due > now {
                self.waiting.push_front(first);
                return;
            }
            self.newest = first.due.max(self.newest + 1);
            first.slot.assign(self.newest);
        }
    }

    /// The newest value given so far: what `cursor_current()` tells.
    pub(crate) fn newest(&self) -> i64 {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_no_value_before_its_lag_has_passed() {
        let mut clock = CursorClock::new(1_000);
        let slot = clock.reserve(2_000, 500);
        clock.settle(2_499);
        assert_eq!((slot.value(), clock.newest()), (None, 1_000));
        clock.settle(2_500);
        assert_eq!((slot.value(), clock.newest()), (Some(2_500), 2_500));
    }

    #[test]
    fn values_keep_the_order_of_commits_when_the_lag_shrinks() {
        let mut clock = CursorClock::new(0);
        let first = clock.reserve(10, 100);
        let second = clock.reserve(11, 0);
        clock.settle(11);
        assert_eq!(second.value(), None);
        clock.settle(110);
        assert_eq!((first.value(), second.value()), (Some(110), Some(111)));
    }

    #[test]
    fn a_snapshot_does_not_see_values_given_after_it() {
        let mut clock = CursorClock::new(5);
        let slot = clock.reserve(10, 0);
        let newest_at_snapshot = clock.newest();
        clock.settle(10);
        assert_eq!(slot.as_of(newest_at_snapshot), None);
        assert_eq!(slot.as_of(clock.newest()), Some(10));
    }
}
