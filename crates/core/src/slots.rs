//! One budget of slots for each kind of work and cluster: what others leave, and never more
//! than our share.

use crate::vocabulary::Millis;

/// What `.show capacity` said of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Slots in all.
    pub total: u32,
    /// Slots that nobody uses.
    pub remaining: u32,
}

/// How much of a resource we take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Our share of `total`, between 0 and 1; at least one slot results.
    pub of_total: f64,
    /// A fixed bound on top, as the user gave it.
    pub at_most: Option<u32>,
    /// Slots while the capacity is unknown.
    pub when_unknown: u32,
}

/// Slots of one kind on one cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    share: Share,
    slots: u32,
    read_at: Option<Millis>,
}

impl Budget {
    /// A budget before the capacity was ever read.
    #[must_use]
    pub fn new(share: Share) -> Self {
        let slots = share.at_most.unwrap_or(share.when_unknown).max(1);
        Self {
            share,
            slots,
            read_at: None,
        }
    }

    /// Takes a reading of the capacity while `ours` slots were in use by us:
    /// `min(share × total, ours + remaining)`.
    pub fn observe(&mut self, capacity: Capacity, ours: u32, now: Millis) {
        let total = f64::from(capacity.total) * self.share.of_total;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 <= share <= 1"
        )]
        let by_share = (total.floor() as u32).max(1);
        self.slots = by_share
            .min(ours.saturating_add(capacity.remaining))
            .min(self.share.at_most.unwrap_or(u32::MAX));
        self.read_at = Some(now);
    }

    /// Slots that may be in use at once.
    #[must_use]
    pub const fn slots(&self) -> u32 {
        self.slots
    }

    /// Slots still free when we use `ours`.
    #[must_use]
    pub const fn free(&self, ours: u32) -> u32 {
        self.slots.saturating_sub(ours)
    }

    /// When the capacity was read last.
    #[must_use]
    pub const fn read_at(&self) -> Option<Millis> {
        self.read_at
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Capacity, Share};
    use crate::vocabulary::Millis;

    #[test]
    fn others_leave_us_less_and_our_share_bounds_us() {
        let share = Share {
            of_total: 0.5,
            at_most: None,
            when_unknown: 2,
        };
        let mut budget = Budget::new(share);
        assert_eq!(budget.slots(), 2);
        budget.observe(
            Capacity {
                total: 20,
                remaining: 15,
            },
            3,
            Millis(1),
        );
        assert_eq!(budget.slots(), 10);
        budget.observe(
            Capacity {
                total: 20,
                remaining: 1,
            },
            3,
            Millis(2),
        );
        assert_eq!((budget.slots(), budget.free(4), budget.free(3)), (4, 0, 1));
        budget.observe(
            Capacity {
                total: 1,
                remaining: 0,
            },
            0,
            Millis(3),
        );
        assert_eq!(budget.slots(), 0);
    }

    #[test]
    fn the_users_bound_holds_and_a_small_share_is_one_slot() {
        let share = |at_most, when_unknown| Share {
            of_total: 0.1,
            at_most,
            when_unknown,
        };
        let read = |at_most, total| {
            let mut budget = Budget::new(share(at_most, 1));
            let remaining = total;
            budget.observe(Capacity { total, remaining }, 0, Millis(1));
            budget.slots()
        };
        assert_eq!(read(None, 5), 1);
        assert_eq!((read(None, 90), read(Some(3), 90)), (9, 3));
        assert_eq!(
            Budget::new(share(None, 0)).slots(),
            1,
            "or nothing would begin"
        );
        assert_eq!(Budget::new(share(Some(3), 7)).slots(), 3);
    }
}
