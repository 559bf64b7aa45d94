//! Rows per second over the last seconds, and the time left.

use std::collections::VecDeque;
use std::time::Duration;

use kusto_copy_core::vocabulary::Millis;
use kusto_copy_driver::Report;

/// Milliseconds over which the rate is measured: long enough that blocks which arrive at once do
/// not make it jump, short enough to follow a change.
const WINDOW: u64 = 15_000;

/// What is known of all tables together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Rows in the destination, of the open or last iteration.
    pub(super) moved: u64,
    /// Rows planned.
    pub(super) planned: u64,
    /// Whether some table's rows are not all planned, so that more may come.
    pub(super) open: bool,
    /// Tables by what became of them.
    pub(super) completed: u64,
    /// Tables that are held.
    pub(super) held: u64,
    /// All tables.
    pub(super) tables: u64,
}

impl Totals {
    /// Adds all tables up.
    pub(super) fn of(report: &Report) -> Self {
        let mut totals = Self::default();
        for table in &report.tables {
            totals.moved += table.rows_moved;
            totals.planned += table.rows_planned;
            totals.tables += 1;
            match table.state.as_str() {
                "completed" => totals.completed += 1,
                "held" => totals.held += 1,
                "planned" => {}
                _ => totals.open = true,
            }
        }
        totals
    }
}

/// Remembers how many rows had arrived when.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    seen: VecDeque<(Millis, u64)>,
}

impl Meter {
    /// Notes how many rows have arrived by now. A number below the last one (a new iteration)
    /// starts anew.
    pub(super) fn note(&mut self, now: Millis, rows: u64) {
        if self.seen.back().is_some_and(|(_, last)| *last > rows) {
            self.seen.clear();
        }
        self.seen.push_back((now, rows));
        // One note beyond the window stays, so that the window is full.
        while self
            .seen
            .get(1)
            .is_some_and(|(at, _)| now.since(*at) >= WINDOW)
        {
            self.seen.pop_front();
        }
    }

    /// Rows per second; `None` before half a second has been seen.
    pub(super) fn rate(&self) -> Option<u64> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let millis = last.0.since(first.0);
        let rows = last.1.saturating_sub(first.1);
        (millis >= 500).then(|| rows.saturating_mul(1_000) / millis)
    }

    /// The time in which the rest will have arrived at this rate; `None` while too little has
    /// arrived to tell.
    pub(super) fn left(&self, totals: &Totals) -> Option<Duration> {
        let rate = self.rate().filter(|rate| *rate > 0)?;
        let rows = totals.planned.checked_sub(totals.moved)?;
        let tells = !totals.open && totals.moved >= totals.planned / 20;
        tells.then(|| Duration::from_secs(rows.div_ceil(rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_window() {
        let mut meter = Meter::default();
        assert_eq!(meter.rate(), None);
        meter.note(Millis(0), 0);
        assert_eq!(meter.rate(), None);
        meter.note(Millis(10_000), 1_000);
        assert_eq!(meter.rate(), Some(100));
        for second in 11..=40 {
            meter.note(Millis(second * 1_000), 1_000 + (second - 10) * 500);
        }
        assert_eq!(meter.rate(), Some(500));
        let totals = Totals {
            moved: 16_000,
            planned: 21_000,
            ..Totals::default()
        };
        assert_eq!(meter.left(&totals), Some(Duration::from_secs(10)));
        assert_eq!(
            meter.left(&Totals {
                open: true,
                ..totals
            }),
            None
        );
    }

    #[test]
    fn a_new_iteration_starts_anew() {
        let mut meter = Meter::default();
        meter.note(Millis(0), 1_000);
        meter.note(Millis(1_000), 10);
        assert_eq!(meter.rate(), None);
        meter.note(Millis(2_000), 20);
        assert_eq!(meter.rate(), Some(10));
    }
}
