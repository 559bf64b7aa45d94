//! The live view: one line for the job, one for each table that is at work, in plain words.

use std::time::Duration;

use kusto_copy_core::decide::Wait;
use kusto_copy_core::vocabulary::Millis;
use kusto_copy_driver::{Report, TableReport, WaitReport};

use super::meter::{Meter, Totals};
use super::words;

/// What a line is about, for its colour; the words say it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// The job's line.
    Heading,
    /// Work that goes on.
    Plain,
    /// Work that waits for somebody.
    Alarm,
    /// A summary of what is not shown.
    Quiet,
}

/// One line of the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its tone.
    pub(super) tone: Tone,
    /// Its text, at most as wide as asked for.
    pub(super) text: String,
}

/// The view of a report in so many columns and lines.
pub(super) fn view(
    report: &Report,
    meter: &Meter,
    now: Millis,
    (columns, rows): (usize, usize),
) -> Vec<Line> {
    let line = |tone, text: String| Line {
        tone,
        text: words::cut(&text, columns),
    };
    let totals = Totals::of(report);
    let mut lines = vec![line(Tone::Heading, heading(report, &totals, meter))];
    let several = words::several_databases(&report.tables);
    let mut shown: Vec<&TableReport> = report
        .tables
        .iter()
        .filter(|table| is_shown(table))
        .collect();
    for database in &report.databases {
        if let Some(error) = &database.error {
            let text = format!(
                "  {} is not taken up: {}",
                database.source,
                words::one_line(error)
            );
            lines.push(line(Tone::Alarm, text));
        }
    }
    let room = rows.saturating_sub(2 + lines.len()).max(1);
    // Held tables first: they need somebody. Otherwise the job's own order, which is steady, but
    // where not all have room those for which a cluster works are seen.
    let crowded = shown.len() > room;
    shown.sort_by_key(|table| (table.state != "held", crowded && !is_worked_for(table)));
    let names = shown
        .iter()
        .take(room)
        .map(|table| words::name(table, several).chars().count());
    let name_width = names.max().unwrap_or(0).clamp(1, (columns / 3).max(1));
    for table in shown.iter().take(room) {
        let tone = if table.state == "held" {
            Tone::Alarm
        } else {
            Tone::Plain
        };
        lines.push(line(
            tone,
            table_line(table, several, name_width, columns, now),
        ));
    }
    if let Some(rest) = rest(report, &totals, shown.len().saturating_sub(room)) {
        lines.push(line(Tone::Quiet, rest));
    }
    lines
}

/// Tables that are at work or held; the others are counted in the last line.
fn is_shown(table: &TableReport) -> bool {
    !matches!(table.state.as_str(), "waiting" | "completed")
}

fn heading(report: &Report, totals: &Totals, meter: &Meter) -> String {
    let mut parts = vec![match report.iteration {
        0 => "Starting".to_owned(),
        iteration => format!("Iteration {iteration}"),
    }];
    if totals.planned > 0 && !totals.open {
        parts.push(format!("{} %", words::share(totals.moved, totals.planned)));
    }
    if totals.planned > 0 {
        let more = if totals.open { "+" } else { "" };
        parts.push(format!(
            "{} of {}{more} rows",
            words::count(totals.moved),
            words::count(totals.planned)
        ));
    }
    if let Some(rate) = meter.rate() {
        parts.push(format!("{} rows/s", words::count(rate)));
    }
    if let Some(left) = meter.left(totals).filter(|left| !left.is_zero()) {
        parts.push(format!("{} left", words::span(left)));
    }
    parts.join(" · ")
}

fn table_line(
    table: &TableReport,
    several: bool,
    name_width: usize,
    columns: usize,
    now: Millis,
) -> String {
    let name = words::cut(&words::name(table, several), name_width);
    let padding = " ".repeat(name_width - name.chars().count());
    let bar_width = if columns >= 100 { 20 } else { 10 };
    let done = match table.rows_planned {
        0 => " ".repeat(bar_width + 6),
        planned => format!(
            "{} {:>3} %",
            words::bar(table.rows_moved, planned, bar_width),
            words::share(table.rows_moved, planned)
        ),
    };
    format!("  {name}{padding}  {done}  {}", doing(table, now))
}

/// What a table does or waits for, in words.
fn doing(table: &TableReport, now: Millis) -> String {
    let waits = waits(table, now);
    if waits.is_empty() {
        table.state.clone()
    } else {
        waits.join(", ")
    }
}

/// Each thing that a table waits for, with the number of blocks and the time; only the error of
/// a table that is held.
pub(super) fn waits(table: &TableReport, now: Millis) -> Vec<String> {
    if let Some(error) = &table.error {
        return vec![format!("held: {}", words::one_line(error))];
    }
    let words = |wait: &WaitReport| {
        let since = words::span(Duration::from_millis(now.since(wait.since)));
        match wait.blocks {
            1 => format!("{} {since}", wait.text),
            blocks => format!("{} ({blocks}) {since}", wait.text),
        }
    };
    // What runs comes before what waits: it is what a narrow terminal should show.
    let mut waits: Vec<&WaitReport> = table.waits.iter().collect();
    waits.sort_by_key(|wait| is_queued(wait));
    waits.into_iter().map(words).collect()
}

/// Whether a cluster works for a table now.
fn is_worked_for(table: &TableReport) -> bool {
    table.waits.iter().any(|wait| !is_queued(wait))
}

/// Whether something waits in a queue, and nothing runs.
const fn is_queued(wait: &WaitReport) -> bool {
    match wait.reason {
        Wait::ExportSlot | Wait::IngestSlot | Wait::MoveTurn => true,
        Wait::Preparation
        | Wait::Plan
        | Wait::Export
        | Wait::Check
        | Wait::Ingestion
        | Wait::Move
        | Wait::Cleaning
        | Wait::Throttled
        | Wait::Reconciliation
        | Wait::Paused
        | Wait::Held => false,
    }
}

fn rest(report: &Report, totals: &Totals, unseen: usize) -> Option<String> {
    let waiting = report
        .tables
        .iter()
        .filter(|table| table.state == "waiting")
        .count();
    let parts: Vec<String> = [
        (unseen as u64, "more at work"),
        (waiting as u64, "waiting for their turn"),
        (totals.completed, "completed"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", words::count(number)))
    .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "  {} tables: {}",
            words::count(totals.tables),
            parts.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn a_running_job_reads_like_this() {
        let mut meter = Meter::default();
        meter.note(Millis(58_000), 32_000);
        meter.note(Millis(60_000), 128_000);
        let lines = view(&samples::running(), &meter, Millis(60_000), (90, 24));
        assert_eq!(
            texts(&lines),
            [
                "Iteration 1 · 128,000 of 200,000+ rows · 48,000 rows/s",
                "  Sites                              held: column 'Area' has another type at the destinat…",
                "  Device Readings  ━━━━━━╌╌╌╌  62 %  exporting (2) 3 s, waiting for the table's move 1 s",
                "  where                              planning 0 s",
                "  4 tables: 1 completed",
            ]
        );
        assert_eq!(lines[1].tone, Tone::Alarm);
    }

    #[test]
    fn it_keeps_to_the_terminals_size() {
        let mut report = samples::running();
        for number in 0..100 {
            report
                .tables
                .push(samples::table(&format!("T{number}"), "starting"));
        }
        for (columns, rows) in [(80, 24), (40, 6), (20, 2), (1, 1)] {
            let lines = view(&report, &Meter::default(), Millis(60_000), (columns, rows));
            assert!(
                lines.len() <= rows.max(3),
                "{columns}x{rows}: {}",
                lines.len()
            );
            assert!(
                texts(&lines)
                    .iter()
                    .all(|text| text.chars().count() <= columns)
            );
        }
        let lines = view(&report, &Meter::default(), Millis(60_000), (80, 24));
        assert_eq!(
            lines.last().map(|line| line.text.as_str()),
            Some("  104 tables: 82 more at work, 1 completed")
        );
    }

    #[test]
    fn where_not_all_have_room_those_at_work_are_seen() {
        let mut report = samples::running();
        report.tables.rotate_left(1);
        let queued = |number: u32| {
            let mut table = samples::table(&format!("T{number}"), "planned");
            table.waits = vec![samples::wait(Wait::ExportSlot, 4, 50_000)];
            table
        };
        report.tables.splice(0..0, (0..20).map(queued));
        let starts = |rows| -> Vec<String> {
            let lines = view(&report, &Meter::default(), Millis(60_000), (80, rows));
            let names = lines.iter().skip(1).take(4);
            names
                .filter_map(|line| line.text.split_whitespace().next().map(str::to_owned))
                .collect()
        };
        assert_eq!(starts(8), ["Sites", "where", "Device", "T0"]);
        assert_eq!(starts(40), ["Sites", "T0", "T1", "T2"]);
    }

    #[test]
    fn a_database_that_is_not_taken_up_is_seen() {
        let report = Report {
            databases: vec![samples::refused_database()],
            ..samples::running()
        };
        let lines = view(&report, &Meter::default(), Millis(60_000), (70, 24));
        assert_eq!(lines[1].tone, Tone::Alarm);
        assert_eq!(
            lines[1].text,
            "  Orders is not taken up: source database `Orders` has no table; crea…"
        );
    }

    #[test]
    fn an_empty_report_says_that_it_starts() {
        let lines = view(&Report::default(), &Meter::default(), Millis(0), (80, 24));
        assert_eq!(texts(&lines), ["Starting"]);
    }
}
