//! How much of the time axis one question covers. Widths decide only how many questions are
//! asked and never which rows are planned: the last slice is open at its end.

use super::PlanCursor;
use crate::limits::{Limits, PlanOrder};
use crate::vocabulary::{Millis, TICKS_PER_DAY, Ticks, TimeRange};

/// A resolution that puts the whole time axis into one bin.
pub(super) const ONE_BIN: i64 = Ticks::MAX.0 + 1;

/// 2012-01-01: the service is younger. Where slices begin when a window's bounds are unknown.
const BEFORE_THE_SERVICE: Ticks = Ticks(734_502 * TICKS_PER_DAY);

/// The first slice when a window's bounds are unknown.
pub(super) const FIRST_WIDTH: i64 = TICKS_PER_DAY;

/// A range's finite stand-in `[low, high)`, at least one tick: where its rows probably are.
fn span(range: TimeRange, cursor: &PlanCursor, now: Millis) -> (i64, i64) {
    let bounds = cursor.bounds.unwrap_or(super::Bounds {
        rows: 0,
        min: None,
        max: None,
    });
    let oldest = bounds.min.unwrap_or(BEFORE_THE_SERVICE).0;
    let newest = bounds.max.unwrap_or_else(|| now.ticks()).0;
    let end = newest.saturating_add(1);
    let (mut low, mut high) = match (range.from, range.to) {
        (Some(from), Some(to)) => (from.0, to.0),
        (Some(from), None) => (from.0, end),
        (None, Some(to)) => (oldest, to.0),
        (None, None) => (oldest, end),
    };
    if high <= low {
        // Nothing is expected there: stay at the end that is given.
        match (range.from, range.to) {
            (None, Some(_)) => low = high.saturating_sub(1),
            (Some(_), _) | (None, None) => high = low.saturating_add(1),
        }
    }
    (low, high)
}

/// The next slice of what was not asked for yet, with the resolution of its bins.
pub(super) fn next_slice(
    unasked: TimeRange,
    cursor: &mut PlanCursor,
    limits: &Limits,
    now: Millis,
) -> (TimeRange, i64) {
    let (low, high) = span(unasked, cursor, now);
    let total = high.saturating_sub(low).max(1);
    let expected = cursor
        .bounds
        .map(|bounds| bounds.rows.saturating_sub(cursor.planned_rows));
    let width = cursor.slice_ticks.unwrap_or(match expected {
        Some(rows) if rows > limits.slice_rows => share(total, limits.slice_rows, rows),
        Some(_) | None => total,
    });
    let width = width.clamp(1, total);
    let first_question = cursor.slice_ticks.is_none();
    cursor.slice_ticks = Some(width);
    let whole = width == total;
    let small = first_question && expected.is_some_and(|rows| rows <= limits.block_rows);
    let resolution = if whole && small {
        ONE_BIN
    } else {
        finer(width, limits).max(cursor.resolution.unwrap_or(1))
    };
    let slice = match limits.plan_order {
        _ if whole => unasked,
        PlanOrder::OldestFirst => TimeRange {
            from: unasked.from,
            to: Some(Ticks(low.saturating_add(width))),
        },
        PlanOrder::NewestFirst => TimeRange {
            from: Some(Ticks(high.saturating_sub(width))),
            to: unasked.to,
        },
    };
    (slice, resolution)
}

/// What is left of `unasked` beyond a slice of it.
pub(super) fn beyond(unasked: TimeRange, slice: TimeRange, order: PlanOrder) -> Option<TimeRange> {
    if slice == unasked {
        return None;
    }
    Some(match order {
        PlanOrder::OldestFirst => TimeRange {
            from: slice.to,
            to: unasked.to,
        },
        PlanOrder::NewestFirst => TimeRange {
            from: unasked.from,
            to: slice.from,
        },
    })
}

/// Two parts of a range, older first, whose question failed; `None` when it is one tick.
pub(super) fn halves(
    range: TimeRange,
    cursor: &PlanCursor,
    now: Millis,
) -> Option<(TimeRange, TimeRange)> {
    let (mut low, mut high) = span(range, cursor, now);
    if high.saturating_sub(low) < 2 {
        // An open end where hardly a row is expected: halve all of it, not tick by tick.
        low = range.from.unwrap_or(Ticks::MIN).0;
        high = range.to.map_or(ONE_BIN, |to| to.0);
    }
    let width = high.saturating_sub(low);
    if width < 2 {
        return None;
    }
    let middle = low.saturating_add(width / 2);
    let middle = Some(Ticks(middle));
    Some((
        TimeRange {
            from: range.from,
            to: middle,
        },
        TimeRange {
            from: middle,
            to: range.to,
        },
    ))
}

/// The resolution that divides so many ticks into the bins of one question; finer than the
/// ticks themselves unless they are one.
pub(super) fn finer(width: i64, limits: &Limits) -> i64 {
    let bins = limits.bins.max(2);
    let exact = width / bins;
    (exact + i64::from(width % bins != 0)).max(1)
}

/// Ticks of a range as far as rows are expected in it.
pub(super) fn width(range: TimeRange, cursor: &PlanCursor, now: Millis) -> i64 {
    let (low, high) = span(range, cursor, now);
    high.saturating_sub(low).max(1)
}

fn share(total: i64, part: u64, of: u64) -> i64 {
    let exact = i128::from(total) * i128::from(part) / i128::from(of.max(1));
    i64::try_from(exact).unwrap_or(total)
}

#[cfg(test)]
mod tests {
    use super::{ONE_BIN, beyond, finer, halves, next_slice};
    use crate::limits::{Limits, PlanOrder};
    use crate::plan::{Bounds, PlanCursor};
    use crate::vocabulary::{Millis, Ticks, TimeRange};

    fn cursor(rows: u64) -> PlanCursor {
        PlanCursor::delta(Some(Bounds {
            rows,
            min: Some(Ticks(1_000)),
            max: Some(Ticks(1_999)),
        }))
    }

    #[test]
    fn a_small_window_is_one_open_slice_in_one_bin() {
        let asked = next_slice(
            TimeRange::ALL,
            &mut cursor(5),
            &Limits::default(),
            Millis(0),
        );
        assert_eq!(asked, (TimeRange::ALL, ONE_BIN));
    }

    #[test]
    fn a_large_window_is_cut_in_proportion_at_the_end_planned_first() {
        let limits = |plan_order| Limits {
            slice_rows: 100,
            block_rows: 10,
            bins: 10,
            plan_order,
            ..Limits::default()
        };
        let oldest = limits(PlanOrder::OldestFirst);
        let (slice, resolution) =
            next_slice(TimeRange::ALL, &mut cursor(1_000), &oldest, Millis(0));
        assert_eq!((slice.from, slice.to), (None, Some(Ticks(1_100))));
        assert_eq!(resolution, 10);
        let newest = limits(PlanOrder::NewestFirst);
        let (slice, _) = next_slice(TimeRange::ALL, &mut cursor(1_000), &newest, Millis(0));
        assert_eq!((slice.from, slice.to), (Some(Ticks(1_900)), None));
        let rest = beyond(TimeRange::ALL, slice, PlanOrder::NewestFirst).expect("more to ask");
        assert_eq!((rest.from, rest.to), (None, Some(Ticks(1_900))));
    }

    #[test]
    fn halving_ends_at_one_tick_and_never_loses_an_open_end() {
        let known = cursor(5);
        let one = TimeRange {
            from: Some(Ticks(7)),
            to: Some(Ticks(8)),
        };
        assert_eq!(halves(one, &known, Millis(0)), None);
        let (older, newer) = halves(TimeRange::ALL, &known, Millis(0)).expect("wide");
        assert_eq!((older.from, older.to), (None, Some(Ticks(1_500))));
        assert_eq!((newer.from, newer.to), (Some(Ticks(1_500)), None));
        let end = TimeRange {
            from: Some(Ticks(1_999)),
            to: None,
        };
        let (near, far) = halves(end, &known, Millis(0)).expect("open");
        assert_eq!((near.from, near.to), (Some(Ticks(1_999)), far.from));
        assert_eq!(far.to, None);
        assert!(far.from > Some(Ticks(1_000_000)), "far from one tick");
    }

    #[test]
    fn finer_bins_are_finer() {
        let two = Limits {
            bins: 1,
            ..Limits::default()
        };
        for width in 2..100 {
            assert!(finer(width, &two) < width);
        }
        assert_eq!(finer(1, &two), 1);
    }
}
