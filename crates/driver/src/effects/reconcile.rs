//! Counting a copied window again: queries at the source that change nothing and may be repeated.
//!
//! A large window is counted part by part, one an action. What was counted is stored with the
//! table, so that executions which are short reach the end too. Rows can only leave a window
//! between two of its parts, which is noted as it is between two counts of all.

use kusto_copy_core::activity::{ActivityEvent, Phase, Reconciling};
use kusto_copy_core::vocabulary::{Instants, Slice, Ticks, TimeRange};
use kusto_copy_kusto::commands::planning::ExtentDay;

use super::identity::ensure_same_table;
use super::plan::predicate;
use super::{EffectError, Outcome, Task, Workplace};

/// Counts the window, or its next part: never more than about a slice's rows, never one huge scan.
pub(super) async fn reconcile(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let Phase::Planned {
        window, reconciled, ..
    } = &task.head.phase
    else {
        return Ok(Outcome::default());
    };
    let slice_rows = place.limits.slice_rows.max(1);
    let small = task.head.counters.rows_planned <= slice_rows;
    let mut so_far = match reconciled {
        Some(so_far) => *so_far,
        None => {
            // Rows without ingestion time belong to the first window.
            let rows = if window.after.is_none() {
                count(place, task, missing()).await?
            } else {
                0
            };
            let up_to = task.head.horizon;
            let begun = Reconciling { rows, up_to };
            if !small {
                return Ok(part(begun));
            }
            begun
        }
    };
    let cut = if small {
        None
    } else {
        let call = task.call(place, "reconcile");
        let table = &task.head.source_table;
        let days = place.source.extent_days(&call, table).await?;
        next_cut(&days, so_far.up_to, slice_rows)
    };
    let range = TimeRange {
        from: so_far.up_to,
        to: cut,
    };
    so_far.rows += count(place, task, Slice::range(range)).await?;
    if cut.is_some() {
        so_far.up_to = cut;
        return Ok(part(so_far));
    }
    // After all counts: whatever table they were of, it is this one or the difference is told.
    ensure_same_table(place, task).await?;
    Ok(Outcome::event(ActivityEvent::Reconciled {
        source_rows: so_far.rows,
    }))
}

fn part(so_far: Reconciling) -> Outcome {
    Outcome::event(ActivityEvent::ReconciledInPart { so_far })
}

const fn missing() -> Slice {
    Slice {
        instants: Instants::Missing,
        extents: None,
        part: None,
    }
}

async fn count(place: &Workplace, task: &Task, slice: Slice) -> Result<u64, EffectError> {
    let Some(layout) = task.head.phase.layout() else {
        return Err(EffectError::Table(
            "the table's schema is not known".to_owned(),
        ));
    };
    let call = task.call(place, "reconcile");
    let (table, rows) = (&task.head.source_table, predicate(task, slice));
    let found = place.source.bounds(&call, table, &layout.schema, &rows);
    Ok(found.await?.rows)
}

/// Where the part that begins at `from` ends, by the days on which the source's extents were made:
/// only a guess of where rows are, which the open end of the last part makes complete. `None` for
/// the last part.
fn next_cut(days: &[ExtentDay], from: Option<Ticks>, slice_rows: u64) -> Option<Ticks> {
    let mut later: Vec<(Ticks, u64)> = days
        .iter()
        .filter_map(|day| Some((day.day?, day.rows)))
        .filter(|(day, _)| from.is_none_or(|from| *day > from))
        .collect();
    later.sort_unstable();
    let mut rows = 0_u64;
    later.into_iter().find_map(|(day, of_day)| {
        rows = rows.saturating_add(of_day);
        (rows >= slice_rows).then_some(day)
    })
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::activity::{Encoding, Layout, Phase, Reconciling};
    use kusto_copy_core::vocabulary::{Cursor, TableSchema, Ticks, Window};
    use kusto_copy_kusto::commands::planning::ExtentDay;

    use super::next_cut;

    fn day(at: i64, rows: u64) -> ExtentDay {
        ExtentDay {
            day: Some(Ticks(at)),
            extents: 1,
            rows,
            deleted: None,
            bytes: None,
        }
    }

    #[test]
    fn states_of_before_windows_were_counted_in_parts_are_read() {
        let layout = Layout {
            schema: TableSchema::new([]),
            encoding: Encoding::Csv,
            retention: None,
        };
        let window = Window {
            after: None,
            up_to: Cursor("1".to_owned()),
        };
        let phase = |reconciled| Phase::Planned {
            window: window.clone(),
            layout: layout.clone(),
            reconciled,
        };
        let so_far = Reconciling {
            rows: 7,
            up_to: Some(Ticks(5)),
        };
        let stored = serde_json::to_value(phase(Some(so_far))).expect("JSON");
        let mut old = stored.clone();
        let read = |value| serde_json::from_value::<Phase>(value).expect("reads");
        assert_eq!(read(stored), phase(Some(so_far)));
        let known = old.as_object_mut().and_then(|o| o.remove("reconciled"));
        assert!(known.is_some());
        assert_eq!(read(old), phase(None));
    }

    #[test]
    fn each_part_ends_after_it_begins_and_the_last_one_has_no_end() {
        let days = [day(30, 9), day(10, 4), day(20, 7), day(40, 1)];
        let mut cuts = Vec::new();
        let mut from = None;
        while let Some(cut) = next_cut(&days, from, 8) {
            assert!(from < Some(cut), "{cuts:?}");
            cuts.push(cut.0);
            from = Some(cut);
        }
        assert_eq!(cuts, [20, 30]);
        assert_eq!(next_cut(&days, Some(Ticks(40)), 1), None);
    }
}
