//! When to ask again: bounded, spread at random, and never sooner than the cluster asks.

use std::time::{Duration, SystemTime};

/// Bounds of repetition. Effects that must happen once are never repeated, whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Sends in all, the first included.
    pub sends: u32,
    /// The pause after the first send; doubled after each further one.
    pub first_pause: Duration,
    /// The longest pause. A cluster that asks for more gets its answer passed on to the caller.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            sends: 5,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(15),
        }
    }
}

impl RetryPolicy {
    /// The pause after `sent` sends, or `None` when there shall be no further one. `random` lies
    /// in `[0, 1)` and spreads the pause between its half and its whole.
    #[must_use]
    pub fn pause(&self, sent: u32, retry_after: Option<Duration>, random: f64) -> Option<Duration> {
        if sent >= self.sends || retry_after.is_some_and(|asked| asked > self.longest_pause) {
            return None;
        }
        let doubled = 2_u32.saturating_pow(sent.saturating_sub(1));
        let whole = self
            .first_pause
            .saturating_mul(doubled)
            .min(self.longest_pause);
        let spread = whole.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0));
        Some(spread.max(retry_after.unwrap_or_default()))
    }
}

/// What a `Retry-After` header asks: seconds, or a date, which is read against the `Date` of the
/// same answer, so that no clock of ours is involved. Only an answer that has none (some proxies'
/// errors) is read against our clock, `now`.
#[must_use]
pub fn retry_after(header: Option<&str>, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let header = header?.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = chrono::DateTime::parse_from_rfc2822(header).ok()?;
    let answered = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
    let now = answered.map_or_else(|| now.into(), |date| date.to_utc());
    // A moment that has passed asks for no pause.
    Some((until.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{RetryPolicy, retry_after};

    #[test]
    fn pauses_double_up_to_a_bound_and_end() {
        let policy = RetryPolicy {
            sends: 5,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(3),
        };
        let pauses: Vec<_> = (1..=5).map(|sent| policy.pause(sent, None, 1.0)).collect();
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(
            pauses,
            [seconds(1), seconds(2), seconds(3), seconds(3), None]
        );
        assert_eq!(policy.pause(1, None, 0.0), Some(Duration::from_millis(500)));
    }

    #[test]
    fn the_clusters_wish_is_honoured_or_passed_on() {
        let policy = RetryPolicy::default();
        let asked = Duration::from_secs(9);
        assert_eq!(policy.pause(1, Some(asked), 0.5), Some(asked));
        assert_eq!(policy.pause(1, Some(Duration::from_secs(60)), 0.5), None);
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let wish = "Fri, 02 Jan 2026 03:04:15 GMT";
        let ours =
            |second: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_000 + second);
        let seconds = |n| Some(Duration::from_secs(n));
        let read = |header, date| retry_after(Some(header), date, ours(0));
        assert_eq!(read("7", None), seconds(7));
        let date = Some("Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(read(wish, date), seconds(10), "by the answer's own clock");
        assert_eq!(retry_after(Some(wish), None, ours(40)), seconds(15));
        assert_eq!(retry_after(Some(wish), None, ours(99)), seconds(0));
        assert_eq!(read("soon", date), None);
        assert_eq!(retry_after(None, date, ours(0)), None);
    }
}
