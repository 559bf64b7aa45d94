//! How long operations of a table took, for a guess of when the next ones end at the earliest:
//! before that nobody looks at them. It saves looks and decides nothing.

use std::collections::{BTreeMap, VecDeque};

use kusto_copy_core::activity::SlotKind;
use kusto_copy_core::vocabulary::ActivityId;

/// Operations of a table and kind that are remembered.
const RECENT: usize = 16;

/// What an operation works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// The table.
    pub(super) activity: ActivityId,
    /// Exports and ingestions take different times.
    pub(super) kind: SlotKind,
    /// Rows of its block.
    pub(super) rows: u64,
}

#[derive(Debug, Clone, Copy)]
struct Took {
    rows: u64,
    millis: u64,
}

/// How long operations took lately.
#[derive(Debug, Default)]
pub(super) struct Durations {
    recent: BTreeMap<(ActivityId, SlotKind), VecDeque<Took>>,
}

impl Durations {
    /// An operation completed after so many milliseconds.
    pub(super) fn took(&mut self, work: &Work, millis: u64) {
        let key = (work.activity.clone(), work.kind);
        let recent = self.recent.entry(key).or_default();
        if recent.len() == RECENT {
            recent.pop_front();
        }
        let rows = work.rows.max(1);
        recent.push_back(Took { rows, millis });
    }

    /// An operation of a kind ended otherwise. Such ends come early, as those of operations that
    /// find no slot: nothing is guessed before another one completed.
    pub(super) fn failed(&mut self, kind: SlotKind) {
        self.recent.retain(|(_, known), _| *known != kind);
    }

    /// Before so many milliseconds nobody needs to look at such an operation: nine tenths of the
    /// time that the fastest of the last ones would have taken for as many rows, and of the
    /// longest of them. A smaller block takes longer for each row, since every operation takes
    /// some time however few rows it has: the guess is too early for it rather than too late.
    pub(super) fn quiet_for(&self, work: &Work) -> u64 {
        let Some(recent) = self.recent.get(&(work.activity.clone(), work.kind)) else {
            return 0;
        };
        let for_as_many = |took: &Took| {
            let scaled = u128::from(took.millis) * u128::from(work.rows) / u128::from(took.rows);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        let fastest = recent.iter().map(for_as_many).min().unwrap_or(0);
        let longest = recent.iter().map(|took| took.millis).max().unwrap_or(0);
        let guess = fastest.min(longest);
        guess - guess / 10
    }

    /// Forgets tables that are not at work.
    pub(super) fn retain(&mut self, is_at_work: impl Fn(&ActivityId) -> bool) {
        self.recent.retain(|(activity, _), _| is_at_work(activity));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(table: &str, kind: SlotKind, rows: u64) -> Work {
        let activity = ActivityId::of("A", table);
        Work {
            activity,
            kind,
            rows,
        }
    }

    fn export(rows: u64) -> Work {
        work("T", SlotKind::Export, rows)
    }

    #[test]
    fn without_knowledge_nobody_waits() {
        let mut durations = Durations::default();
        assert_eq!(durations.quiet_for(&export(10)), 0);
        durations.took(&export(10), 1_000);
        assert_eq!(durations.quiet_for(&export(10)), 900);
        let others = [
            work("T", SlotKind::Ingest, 10),
            work("U", SlotKind::Export, 10),
        ];
        for other in others {
            assert_eq!(durations.quiet_for(&other), 0, "{other:?}");
        }
        durations.failed(SlotKind::Ingest);
        assert_eq!(durations.quiet_for(&export(10)), 900);
        durations.failed(SlotKind::Export);
        assert_eq!(durations.quiet_for(&export(10)), 0);
        durations.took(&export(10), 1_000);
        durations.retain(|activity| *activity != ActivityId::of("A", "T"));
        assert_eq!(durations.quiet_for(&export(10)), 0);
    }

    /// Operations that take a second and a millisecond for each row.
    #[test]
    fn no_guess_is_later_than_the_end_while_operations_take_as_long_as_before() {
        let time = |rows: u64| 1_000 + rows;
        let mut durations = Durations::default();
        let mut seen = Vec::new();
        for rows in [5_000, 100, 60_000, 2_000, 60_000] {
            durations.took(&export(rows), time(rows));
            seen.push(rows);
            for rows in [1, 100, 2_000, 5_000, 30_000, 60_000, 200_000] {
                let quiet = durations.quiet_for(&export(rows));
                assert!(quiet <= time(rows), "{rows} rows after {seen:?}: {quiet}");
            }
        }
        let alike = durations.quiet_for(&export(60_000));
        assert!(alike > time(60_000) * 8 / 10, "{alike}");
    }

    #[test]
    fn one_that_was_faster_counts_until_it_is_forgotten() {
        let mut durations = Durations::default();
        durations.took(&export(10), 100);
        for _ in 1..RECENT {
            durations.took(&export(10), 1_000);
        }
        assert_eq!(durations.quiet_for(&export(10)), 90);
        durations.took(&export(10), 1_000);
        assert_eq!(durations.quiet_for(&export(10)), 900);
    }
}
