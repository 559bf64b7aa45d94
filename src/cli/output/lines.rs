//! Plain lines for a stdout that is no terminal: what happened, and now and then how far it is.

use std::collections::BTreeMap;
use std::time::Duration;

use kusto_copy_core::vocabulary::Millis;
use kusto_copy_driver::Report;

use super::meter::{Meter, Totals};
use super::words;

/// Milliseconds between two lines about the whole job.
const PERIOD: u64 = 5_000;

/// Remembers what was told.
#[derive(Debug, Clone, Default)]
pub(super) struct Teller {
    started: Option<Millis>,
    told_at: Option<Millis>,
    told: Option<Totals>,
    iteration: u32,
    /// What was told of databases that are not taken up.
    databases: BTreeMap<String, String>,
    /// Of each table the state told last, and its rows then.
    tables: BTreeMap<(String, String), (String, u64)>,
}

impl Teller {
    /// The lines to print now.
    pub(super) fn lines(&mut self, report: &Report, meter: &Meter, now: Millis) -> Vec<String> {
        let started = *self.started.get_or_insert(now);
        let mut lines = Vec::new();
        if report.iteration > self.iteration {
            self.iteration = report.iteration;
            lines.push(iteration_started(report.iteration));
        }
        for database in &report.databases {
            let Some(error) = &database.error else {
                self.databases.remove(&database.source);
                continue;
            };
            let told = self
                .databases
                .insert(database.source.clone(), error.clone());
            if told.as_ref() != Some(error) {
                lines.push(format!(
                    "database '{}' is not taken up: {}",
                    database.source,
                    words::one_line(error)
                ));
            }
        }
        let several = words::several_databases(&report.tables);
        for table in &report.tables {
            let key = (table.database.clone(), table.table.clone());
            let told = (table.state.clone(), table.rows);
            let before = self.tables.get(&key);
            let name = words::name(table, several);
            match (table.state.as_str(), &table.error) {
                // Without rows of this iteration nothing has happened to it.
                ("completed", _)
                    if table.rows_moved > 0 && before.map_or(0, |(_, rows)| *rows) < table.rows =>
                {
                    let rows = words::counted(table.rows, "row");
                    lines.push(format!("table '{name}' completed: {rows}"));
                    self.tables.insert(key, told);
                }
                ("held", Some(error)) if before.is_none_or(|(state, _)| state != "held") => {
                    lines.push(format!("table '{name}' held: {}", words::one_line(error)));
                    self.tables.insert(key, told);
                }
                _ => {}
            }
        }
        let totals = Totals::of(report);
        let due = now.since(self.told_at.unwrap_or(started)) >= PERIOD;
        if due && self.told != Some(totals) {
            self.told_at = Some(now);
            self.told = Some(totals);
            lines.push(progress(report, &totals, meter));
        }
        let elapsed = Duration::from_millis(now.since(started)).as_secs();
        let stamp = format!(
            "[{:02}:{:02}:{:02}]",
            elapsed / 3_600,
            elapsed / 60 % 60,
            elapsed % 60
        );
        lines
            .into_iter()
            .map(|line| format!("{stamp} {line}"))
            .collect()
    }
}

/// What a line ends with when an iteration has begun.
pub(crate) fn iteration_started(iteration: u32) -> String {
    format!("iteration {iteration} started")
}

fn progress(report: &Report, totals: &Totals, meter: &Meter) -> String {
    let mut text = format!(
        "{} of {} tables completed, {} of {}{} rows moved",
        words::count(totals.completed),
        words::count(totals.tables),
        words::count(totals.moved),
        words::count(totals.planned),
        if totals.open { "+" } else { "" },
    );
    if let Some(rate) = meter.rate() {
        text.push_str(&format!(", {} rows/s", words::count(rate)));
    }
    if let Some(left) = meter.left(totals).filter(|left| !left.is_zero()) {
        text.push_str(&format!(", {} left", words::span(left)));
    }
    let mut waits: BTreeMap<&str, u64> = BTreeMap::new();
    for wait in report.tables.iter().flat_map(|table| &table.waits) {
        *waits.entry(&wait.text).or_default() += wait.blocks;
    }
    let waits: Vec<String> = waits
        .iter()
        .map(|(text, blocks)| format!("{text} {blocks}"))
        .collect();
    if !waits.is_empty() {
        text.push_str(&format!(" ({})", waits.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn events_are_told_once_and_progress_now_and_then() {
        let mut teller = Teller::default();
        let mut meter = Meter::default();
        let mut report = samples::running();
        assert_eq!(
            teller.lines(&report, &meter, Millis(0)),
            [
                "[00:00:00] iteration 1 started",
                "[00:00:00] table 'errors-2026.q1' completed: 8,000 rows",
                "[00:00:00] table 'Sites' held: column 'Area' has another type at the destination",
            ]
        );
        assert_eq!(teller.lines(&report, &meter, Millis(1_000)), [""; 0]);
        meter.note(Millis(0), 32_000);
        meter.note(Millis(5_000), 128_000);
        assert_eq!(
            teller.lines(&report, &meter, Millis(5_000)),
            [
                "[00:00:05] 1 of 4 tables completed, 128,000 of 200,000+ rows moved, 19,200 rows/s \
              (exporting 2, held 1, planning 1, waiting for the table's move 1)"
            ]
        );
        // Nothing has changed: a log file should not grow.
        assert_eq!(teller.lines(&report, &meter, Millis(3_605_000)), [""; 0]);
        report.iteration = 2;
        report.tables[1].rows += 5;
        assert_eq!(
            teller.lines(&report, &meter, Millis(3_605_000)),
            [
                "[01:00:05] iteration 2 started",
                "[01:00:05] table 'errors-2026.q1' completed: 8,005 rows",
            ]
        );
    }

    #[test]
    fn a_start_with_nothing_new_tells_no_table() {
        let mut report = samples::complete();
        report.iteration = 2;
        for table in &mut report.tables {
            (table.rows_moved, table.rows_planned) = (0, 0);
        }
        let lines = Teller::default().lines(&report, &Meter::default(), Millis(0));
        assert_eq!(lines, ["[00:00:00] iteration 2 started"]);
    }

    #[test]
    fn a_database_that_is_not_taken_up_is_told_once() {
        let mut teller = Teller::default();
        let report = Report {
            databases: vec![samples::refused_database()],
            ..Report::default()
        };
        let mut lines = || teller.lines(&report, &Meter::default(), Millis(0));
        assert_eq!(
            lines(),
            [
                "[00:00:00] database 'Orders' is not taken up: source database `Orders` has no table; \
              create one"
            ]
        );
        assert_eq!(lines(), [""; 0]);
    }
}
