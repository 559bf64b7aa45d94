//! Reports made from the state alone.

use std::collections::BTreeMap;

use kusto_copy_core::activity::{Activity, Phase, Trouble};
use kusto_copy_core::database::{Database, DatabasePhase, TableRecord};
use kusto_copy_core::decide::Wait;
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Millis};

use crate::cost::Cost;
use crate::heartbeat::HeartbeatRecord;
use crate::persist::StoredDatabase;
use crate::report::{DatabaseReport, JobState, Report, TableReport, WaitReport};
use crate::tally::Counted;

/// What a report tells beside tables and databases.
#[derive(Default)]
pub(crate) struct Circumstances<'a> {
    /// Since when the job is paused.
    pub(crate) paused: Option<Millis>,
    /// What the last execution left.
    pub(crate) pulse: Option<&'a HeartbeatRecord>,
    /// What this execution used.
    pub(crate) cost: Option<Cost>,
}

impl Circumstances<'_> {
    /// Adds them to a report.
    pub(crate) fn add_to(&self, mut report: Report) -> Report {
        if let Some(since) = self.paused {
            report.paused = true;
            for table in &mut report.tables {
                pause(&mut table.waits, since);
            }
        }
        if let Some(pulse) = self.pulse {
            report.rpo_ms = pulse.rpo_ms;
            report.heartbeat.clone_from(&pulse.beat);
            report.history.clone_from(&pulse.history);
        }
        report.cost = self.cost;
        report
    }
}

/// What would begin now waits for the job to be resumed; what runs goes on.
fn pause(waits: &mut Vec<WaitReport>, since: Millis) {
    let (held_back, mut kept): (Vec<WaitReport>, Vec<WaitReport>) = std::mem::take(waits)
        .into_iter()
        .partition(|wait| wait.reason.needs_new_work());
    let blocks = held_back.iter().map(|wait| wait.blocks).sum();
    if blocks > 0 {
        kept.push(WaitReport {
            reason: Wait::Paused,
            text: Wait::Paused.words().to_owned(),
            blocks,
            since,
        });
    }
    *waits = kept;
}

/// How far the database that is furthest behind is behind; `None` while one was never committed.
pub(crate) fn lag<'a>(records: impl Iterator<Item = &'a Database>, now: Millis) -> Option<u64> {
    let lags: Option<Vec<u64>> = records
        .map(|record| record.committed_read_at.map(|at| now.since(at)))
        .collect();
    lags?.into_iter().max()
}

/// The state of a job of which nothing is at work: told by its databases.
pub(crate) fn state_at_rest<'a>(records: impl Iterator<Item = &'a Database>) -> JobState {
    let (mut refused, mut copied, mut uncopied) = (false, false, false);
    for record in records {
        refused |= record.held.is_some();
        copied |= record.committed > 0;
        uncopied |= record.committed == 0;
    }
    match (refused, copied, uncopied) {
        (true, _, _) => JobState::Failed,
        (false, true, false) => JobState::Complete,
        // Something stood in the way of the others, which passes.
        (false, true, true) => JobState::Running,
        (false, false, _) => JobState::New,
    }
}

fn of_database(record: &Database, now: Millis) -> DatabaseReport {
    let (iteration, cursor_end) = iteration_of(record);
    let state = match record.phase {
        DatabasePhase::Idle if record.committed == 0 => "new",
        DatabasePhase::Idle => "idle",
        DatabasePhase::Opening { .. } => "opening",
        DatabasePhase::Running { .. } => "running",
    };
    DatabaseReport {
        source: record.source.clone(),
        destination: record.destination.clone(),
        iteration,
        cursor_end: cursor_end.map(|end| end.0),
        committed_end: record.committed_end.clone().map(|end| end.0),
        committed_read_at: record.committed_read_at,
        lag_ms: record.committed_read_at.map(|at| now.since(at)),
        state: state.to_owned(),
        error: record.held.clone(),
    }
}

/// The open iteration, or the last one, and its end.
fn iteration_of(record: &Database) -> (u32, Option<Cursor>) {
    record.open().map_or_else(
        || (record.committed, record.committed_end.clone()),
        |(n, end)| (n, Some(end.clone())),
    )
}

/// The report of databases and of the activities that are at work on them.
pub(crate) fn report<'a>(
    databases: impl Iterator<Item = &'a StoredDatabase>,
    live: impl Iterator<Item = Counted<'a>>,
    state: JobState,
    now: Millis,
) -> Report {
    let live: BTreeMap<&ActivityId, Counted<'a>> =
        live.map(|counted| (&counted.head.id, counted)).collect();
    let mut report = Report {
        state,
        at: Some(now),
        ..Report::default()
    };
    let databases: Vec<&StoredDatabase> = databases.collect();
    report.lag_ms = lag(databases.iter().map(|database| &database.record), now);
    for database in databases {
        let record = &database.record;
        let (iteration, end) = iteration_of(record);
        report.databases.push(of_database(record, now));
        if iteration >= report.iteration {
            report.iteration = iteration;
            report.cursor_end = end.map(|end| end.0);
        }
        for table in database.tables.values() {
            let due = database.due.contains_key(&table.activity);
            let live = live.get(&table.activity);
            let mut of_table = of_table(&record.source, table, due, live);
            if live.is_none() && table.last_iteration == iteration {
                of_table.rows_planned = table.last_rows;
                of_table.rows_moved = table.last_rows;
            }
            let unswept = record.unswept.get(&table.activity);
            of_table.notes.extend(unswept.cloned());
            report.tables.push(of_table);
        }
        let unknown = live.iter().filter(|(id, live)| {
            live.head.source_database == record.source && !database.tables.contains_key(**id)
        });
        for (id, live) in unknown {
            let due = database.due.contains_key(*id);
            let mut of_table = empty(&record.source, &live.head.source_table);
            add_live(&mut of_table, live, due);
            report.tables.push(of_table);
        }
        let waiting = database
            .due
            .iter()
            .filter(|(id, _)| !live.contains_key(*id) && !database.tables.contains_key(*id));
        for (_, due) in waiting {
            let mut of_table = empty(&record.source, &due.marker.source_table);
            "waiting".clone_into(&mut of_table.state);
            report.tables.push(of_table);
        }
    }
    report
        .tables
        .sort_by(|a, b| (&a.database, &a.table).cmp(&(&b.database, &b.table)));
    report
}

fn of_table(
    database: &str,
    table: &TableRecord,
    due: bool,
    live: Option<&Counted<'_>>,
) -> TableReport {
    let mut report = TableReport {
        state: if due { "waiting" } else { "completed" }.to_owned(),
        rows: table.rows_copied,
        blocks: table.blocks_copied,
        bytes: table.bytes_copied,
        percent: if due { None } else { Some(100.0) },
        ..empty(database, &table.source_table)
    };
    report.notes.extend(missing(table));
    let Some(live) = live else { return report };
    add_live(&mut report, live, due);
    report
}

fn missing(table: &TableRecord) -> Option<String> {
    let iteration = table.missing_since?;
    Some(format!(
        "the source has had no such table since iteration {iteration}: what was copied stays; restore it, or \
         exclude it with --tables-exclude"
    ))
}

fn empty(database: &str, table: &str) -> TableReport {
    TableReport {
        database: database.to_owned(),
        table: table.to_owned(),
        state: String::new(),
        rows: 0,
        blocks: 0,
        bytes: 0,
        rows_planned: 0,
        rows_moved: 0,
        percent: None,
        blocks_by_state: BTreeMap::new(),
        waits: Vec::new(),
        error: None,
        notes: Vec::new(),
    }
}

fn add_live(report: &mut TableReport, live: &Counted<'_>, due: bool) {
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
    report.percent = percent(live.head);
    report.blocks_by_state = live.by_state();
    report.waits = live
        .waits()
        .into_iter()
        .map(|(reason, blocks, since)| WaitReport {
            reason,
            text: reason.words().to_owned(),
            blocks: u64::try_from(blocks).unwrap_or(u64::MAX),
            since,
        })
        .collect();
    report.notes.extend(live.head.notes.iter().cloned());
    report.notes.extend(live.head.troubles.iter().map(trouble));
    report.error = live.error();
    if report.error.is_some() {
        "held".clone_into(&mut report.state);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn percent(head: &Activity) -> Option<f64> {
    let counters = &head.counters;
    match head.phase {
        Phase::Completed { .. } => Some(100.0),
        Phase::Starting { .. } => None,
        Phase::Planning { .. } | Phase::Planned { .. } if counters.rows_planned == 0 => None,
        Phase::Planning { .. } | Phase::Planned { .. } => {
            Some(100.0 * counters.rows_moved as f64 / counters.rows_planned as f64)
        }
    }
}

/// Something that fails and is tried again, for people.
fn trouble(trouble: &Trouble) -> String {
    let of = trouble
        .block
        .map_or_else(String::new, |block| format!("block {}: ", block.0));
    let what = &trouble.what;
    match trouble.tries {
        0 => format!("{of}{what} (it is tried again)"),
        1 => format!("{of}{what} (tried once)"),
        tries => format!("{of}{what} (tried {tries} times)"),
    }
}
