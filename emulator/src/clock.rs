//! The cluster's clock, in .NET ticks (100 ns) since 0001-01-01 UTC: the unit of Kusto's datetimes
//! and of what its cursors look like.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ticks between 0001-01-01 and 1970-01-01.
pub(crate) const UNIX_EPOCH_TICKS: i64 = 621_355_968_000_000_000;
/// Ticks in one second.
pub(crate) const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks in one millisecond.
pub(crate) const TICKS_PER_MILLISECOND: i64 = 10_000;
/// Ticks in one day.
pub(crate) const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;

/// The machine's time as ticks. A clock before 1970 reads as 1970.
pub(crate) fn now_ticks() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    UNIX_EPOCH_TICKS + ticks(since_epoch)
}

/// A duration as ticks; what does not fit is the greatest value.
pub(crate) fn ticks(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX)
}

/// Milliseconds of a setting as ticks.
pub(crate) fn ticks_of_ms(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(TICKS_PER_MILLISECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_ticks() {
        assert_eq!(ticks(Duration::from_micros(1)), 10);
        assert_eq!(ticks(Duration::MAX), i64::MAX);
        assert_eq!(ticks_of_ms(1_500), 15_000_000);
        assert_eq!(ticks_of_ms(u64::MAX), i64::MAX);
    }

    #[test]
    fn now_is_after_the_year_2020() {
        assert!(now_ticks() > 637_134_336_000_000_000);
    }
}
