//! Kusto's 100 ns ticks and the orchestrator's milliseconds.

use serde::{Deserialize, Serialize};

/// Ticks in a millisecond.
pub const TICKS_PER_MILLISECOND: i64 = 10_000;
/// Ticks in a day.
pub const TICKS_PER_DAY: i64 = 86_400_000 * TICKS_PER_MILLISECOND;

/// A Kusto datetime: 100 ns ticks since 0001-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticks(pub i64);

impl Ticks {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// 9999-12-31T23:59:59.9999999Z.
    pub const MAX: Self = Self(3_155_378_975_999_999_999);

    /// The number of the UTC day that holds this instant.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(TICKS_PER_DAY)
    }

    /// This instant moved by a number of ticks, held within Kusto's range.
    #[must_use]
    pub fn saturating_add(self, ticks: i64) -> Self {
        Self(self.0.saturating_add(ticks).clamp(Self::MIN.0, Self::MAX.0))
    }
}

/// The orchestrator's clock: milliseconds since 1970-01-01T00:00:00Z. Only waits and progress
/// reports rest on it; no row's fate does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// Ticks at 1970-01-01T00:00:00Z.
    const UNIX_EPOCH_TICKS: i64 = 621_355_968_000_000_000;

    /// Milliseconds from an earlier moment to this one, zero when it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment and so many milliseconds.
    #[must_use]
    pub const fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// The same moment as a Kusto datetime.
    #[must_use]
    pub fn ticks(self) -> Ticks {
        let milliseconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        Ticks(
            Self::UNIX_EPOCH_TICKS
                .saturating_add(milliseconds.saturating_mul(TICKS_PER_MILLISECOND))
                .min(Ticks::MAX.0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Millis, Ticks};

    #[test]
    fn days_and_the_epoch_are_where_they_should_be() {
        assert_eq!(Millis(0).ticks(), Ticks(621_355_968_000_000_000));
        assert_eq!(Millis(0).ticks().day(), 719_162);
        assert_eq!(Ticks::MAX.day(), 3_652_058);
        assert_eq!(Ticks::MAX.saturating_add(1), Ticks::MAX);
    }
}
