//! Reports made from the state alone.

use std::collections::BTreeMap;

use kusto_copy_core::activity::{ActivityState, Phase};
use kusto_copy_core::database::TableRecord;
use kusto_copy_core::decide::waits;
use kusto_copy_core::vocabulary::{ActivityId, Millis};

use crate::persist::StoredDatabase;
use crate::report::{JobState, Report, TableReport, WaitReport};

/// The report of databases and of the activities that are at work on them.
pub(crate) fn report<'a>(
    databases: impl Iterator<Item = &'a StoredDatabase>,
    live: impl Iterator<Item = &'a ActivityState>,
    state: JobState,
    now: Millis,
) -> Report {
    let live: BTreeMap<&ActivityId, &ActivityState> =
        live.map(|state| (&state.head.id, state)).collect();
    let mut report = Report {
        state,
        at: Some(now),
        ..Report::default()
    };
    let mut read_at: Option<Millis> = None;
    for database in databases {
        let record = &database.record;
        let (iteration, end) = record.open().map_or_else(
            || (record.committed, record.committed_end.clone()),
            |(n, end)| (n, Some(end.clone())),
        );
        if iteration >= report.iteration {
            report.iteration = iteration;
            report.cursor_end = end.map(|end| end.0);
        }
        if let Some(at) = record.committed_read_at {
            read_at = Some(read_at.map_or(at, |before| before.min(at)));
        }
        for table in database.tables.values() {
            let due = database.due.contains_key(&table.activity);
            let live = live.get(&table.activity).copied();
            let mut of_table = of_table(&record.source, table, due, live, now);
            if live.is_none() && table.last_iteration == iteration {
                of_table.rows_planned = table.last_rows;
                of_table.rows_moved = table.last_rows;
            }
            report.tables.push(of_table);
        }
    }
    report.lag_ms = read_at.map(|at| now.since(at));
    report
        .tables
        .sort_by(|a, b| (&a.database, &a.table).cmp(&(&b.database, &b.table)));
    report
}

fn of_table(
    database: &str,
    table: &TableRecord,
    due: bool,
    live: Option<&ActivityState>,
    now: Millis,
) -> TableReport {
    let mut report = TableReport {
        database: database.to_owned(),
        table: table.source_table.clone(),
        state: if due { "waiting" } else { "completed" }.to_owned(),
        rows: table.rows_copied,
        blocks: table.blocks_copied,
        bytes: table.bytes_copied,
        rows_planned: 0,
        rows_moved: 0,
        percent: if due { None } else { Some(100.0) },
        blocks_by_state: BTreeMap::new(),
        waits: Vec::new(),
        error: None,
        notes: Vec::new(),
    };
    let Some(live) = live else { return report };
    add_live(&mut report, live, due, now);
    report
}

fn add_live(report: &mut TableReport, live: &ActivityState, due: bool, now: Millis) {
    let counters = &live.head.counters;
    // The record of the table takes the counts over when its window completes.
    if due {
        report.rows += counters.rows_moved;
        report.blocks += counters.blocks_moved;
        report.bytes += counters.bytes_moved;
    }
    live.head.phase.name().clone_into(&mut report.state);
    report.rows_planned = counters.rows_planned;
    report.rows_moved = counters.rows_moved;
    report.percent = percent(live);
    for block in live.blocks.values() {
        *report
            .blocks_by_state
            .entry(block.state.name().to_owned())
            .or_insert(0) += 1;
    }
    report.waits = waits(live, now)
        .into_iter()
        .map(|(reason, blocks, since)| WaitReport {
            reason,
            text: reason.words().to_owned(),
            blocks: u64::try_from(blocks).unwrap_or(u64::MAX),
            since,
        })
        .collect();
    report.notes.clone_from(&live.head.notes);
    report.error = error(live);
    if report.error.is_some() {
        "held".clone_into(&mut report.state);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn percent(live: &ActivityState) -> Option<f64> {
    let counters = &live.head.counters;
    match live.head.phase {
        Phase::Completed { .. } => Some(100.0),
        Phase::Starting { .. } => None,
        Phase::Planning { .. } | Phase::Planned { .. } if counters.rows_planned == 0 => None,
        Phase::Planning { .. } | Phase::Planned { .. } => {
            Some(100.0 * counters.rows_moved as f64 / counters.rows_planned as f64)
        }
    }
}

fn error(live: &ActivityState) -> Option<String> {
    use kusto_copy_core::block::BlockState;
    if let Some(held) = &live.head.held {
        return Some(held.clone());
    }
    let mut reasons = live.blocks.values().filter_map(|block| {
        let BlockState::Held { reason, .. } = &block.state else {
            return None;
        };
        Some(format!("block {}: {reason}", block.number.0))
    });
    let first = reasons.next()?;
    let others = reasons.count();
    Some(if others == 0 {
        first
    } else {
        format!("{first} (and {others} more blocks)")
    })
}
