//! Tables of text: the state of every table, the end of a run, a proof of equality.

use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};
use kusto_copy_core::vocabulary::Millis;
use kusto_copy_driver::{JobState, Report, TableReport};

use super::{live, words};

/// How a table is drawn: to a terminal's width, or one row a line for other programs.
struct Style {
    width: Option<u16>,
    colours: bool,
}

impl Style {
    fn table(&self, columns: &[(&str, bool)]) -> Table {
        let mut table = Table::new();
        table.load_preset(NOTHING);
        match self.width {
            Some(width) => {
                table.set_width(width);
                table.set_content_arrangement(ContentArrangement::Dynamic);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        table.set_header(
            columns
                .iter()
                .map(|(name, _)| self.cell(name, Some(Attribute::Bold), None)),
        );
        for (at, (_, is_number)) in columns.iter().enumerate() {
            if let Some(column) = table.column_mut(at).filter(|_| *is_number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        if self.colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table
    }

    /// Several things in one cell: below each other on a terminal, in one line for programs.
    fn list(&self, parts: &[String]) -> String {
        parts.join(if self.width.is_some() { "\n" } else { ", " })
    }

    fn cell(&self, text: &str, attribute: Option<Attribute>, colour: Option<Color>) -> Cell {
        let mut cell = Cell::new(text);
        if self.colours {
            cell = attribute.into_iter().fold(cell, Cell::add_attribute);
            cell = colour.into_iter().fold(cell, Cell::fg);
        }
        cell
    }

    fn state(&self, state: &str) -> Cell {
        let colour = match state {
            "completed" => Some(Color::Green),
            "held" => Some(Color::Red),
            _ => None,
        };
        self.cell(state, None, colour)
    }
}

/// `status`: every table with its blocks by state, what it waits for and since when.
pub(super) fn status(report: &Report, now: Millis, width: Option<u16>, colours: bool) -> String {
    let style = Style { width, colours };
    let several = words::several_databases(&report.tables);
    let mut table = style.table(&[
        ("Table", false),
        ("State", false),
        ("Done", true),
        ("Rows", true),
        ("Blocks", false),
        ("Waits for", false),
    ]);
    for one in &report.tables {
        table.add_row([
            Cell::new(words::name(one, several)),
            style.state(&one.state),
            Cell::new(one.percent.map(words::percent).unwrap_or_default()),
            Cell::new(words::count(one.rows)),
            Cell::new(style.list(&blocks(one))),
            Cell::new(style.list(&live::waits(one, now))),
        ]);
    }
    let mut text = headline(report, now);
    if !report.tables.is_empty() {
        let _ = write!(text, "\n{}", trimmed(&table));
    }
    push_notes(&mut text, report);
    text
}

fn headline(report: &Report, now: Millis) -> String {
    let mut text = format!("Job {}", words::state(report.state));
    if report.iteration > 0 {
        let _ = write!(text, ", iteration {}", report.iteration);
    }
    if let Some(cursor) = &report.cursor_end {
        let _ = write!(text, ", up to cursor {cursor}");
    }
    if let Some(lag) = report.lag_ms {
        // The report's own age comes on top: the source has gone on meanwhile.
        let age = report.at.map_or(0, |at| now.since(at));
        let lag = words::span(Duration::from_millis(lag.saturating_add(age)));
        let _ = write!(text, ", {lag} behind the source");
    }
    text
}

/// Blocks in the destination, then the unfinished ones by state.
fn blocks(table: &TableReport) -> Vec<String> {
    let mut parts = Vec::new();
    if table.blocks > 0 || table.blocks_by_state.is_empty() {
        parts.push(format!("{} moved", words::count(table.blocks)));
    }
    let open = table
        .blocks_by_state
        .iter()
        .filter(|(state, number)| **number > 0 && *state != "moved");
    parts.extend(open.map(|(state, number)| format!("{} {state}", words::count(*number))));
    parts
}

/// The end of a run: every table and a line about the whole.
pub(super) fn outcome(report: &Report, width: Option<u16>, colours: bool) -> String {
    let style = Style { width, colours };
    let several = words::several_databases(&report.tables);
    let mut table = style.table(&[
        ("Table", false),
        ("State", false),
        ("Rows", true),
        ("Blocks", true),
        ("Size", true),
    ]);
    for one in &report.tables {
        table.add_row([
            Cell::new(words::name(one, several)),
            style.state(&one.state),
            Cell::new(words::count(one.rows)),
            Cell::new(words::count(one.blocks)),
            Cell::new(words::bytes(one.bytes)),
        ]);
    }
    let mut text = String::new();
    if !report.tables.is_empty() {
        let _ = writeln!(text, "{}", trimmed(&table));
    }
    let rows = report.tables.iter().map(|table| table.rows).sum();
    let tables = words::counted(report.tables.len() as u64, "table");
    let rows = words::counted(rows, "row");
    text.push_str(&match report.state {
        JobState::Complete => format!(
            "Complete: iteration {}, {tables}, {rows} at the destination.",
            report.iteration
        ),
        JobState::Failed => {
            format!("Failed: {rows} at the destination; the errors below say what to do.")
        }
        JobState::New | JobState::Running | JobState::Stopped => {
            format!("Stopped: {rows} at the destination. The same command goes on from here.")
        }
    });
    for one in report.tables.iter().filter(|table| table.error.is_some()) {
        let error = words::one_line(one.error.as_deref().unwrap_or_default());
        let _ = write!(text, "\n  {}: {error}", words::name(one, several));
    }
    push_notes(&mut text, report);
    text
}

fn push_notes(text: &mut String, report: &Report) {
    for database in &report.databases {
        if let Some(error) = &database.error {
            let _ = write!(
                text,
                "\nDatabase {} is not taken up: {error}",
                database.source
            );
        }
    }
    let several = words::several_databases(&report.tables);
    for table in &report.tables {
        for note in &table.notes {
            let _ = write!(
                text,
                "\n  note on {}: {}",
                words::name(table, several),
                words::one_line(note)
            );
        }
    }
}

/// A table without the blanks at its lines' ends, which only make logs larger.
fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// One table of two databases, compared.
#[cfg(feature = "emulator")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The table.
    pub(crate) table: String,
    /// Rows at the source.
    pub(crate) source_rows: u64,
    /// Rows at the destination.
    pub(crate) destination_rows: u64,
    /// A fingerprint of the source's content, and the destination's.
    pub(crate) fingerprints: (u64, u64),
    /// Whether rows and all parts of the fingerprints are equal.
    pub(crate) equal: bool,
}

/// What was compared and whether it is equal.
#[cfg(feature = "emulator")]
pub(crate) fn proof(proofs: &[Proof]) -> String {
    proof_table(proofs, super::width(), super::colours())
}

#[cfg(feature = "emulator")]
fn proof_table(proofs: &[Proof], width: Option<u16>, colours: bool) -> String {
    let style = Style { width, colours };
    let mut table = style.table(&[
        ("Table", false),
        ("Source rows", true),
        ("Destination rows", true),
        ("Content", false),
        ("Equal", false),
    ]);
    for proof in proofs {
        let (source, destination) = proof.fingerprints;
        let content = if source == destination {
            format!("{source:016x}")
        } else {
            format!("{source:016x} / {destination:016x}")
        };
        let (word, colour) = if proof.equal {
            ("yes", Color::Green)
        } else {
            ("NO", Color::Red)
        };
        table.add_row([
            Cell::new(&proof.table),
            Cell::new(words::count(proof.source_rows)),
            Cell::new(words::count(proof.destination_rows)),
            Cell::new(content),
            style.cell(word, None, Some(colour)),
        ]);
    }
    trimmed(&table)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    const NOW: Millis = Millis(60_000);

    #[test]
    fn status_is_readable_at_eighty_columns() {
        let text = status(&samples::running(), NOW, Some(80), false);
        let first: Vec<&str> = text.lines().take(3).collect();
        assert_eq!(
            first[0],
            "Job running, iteration 1, up to cursor 638000000000000002"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        for part in [
            "62 %",
            "120,000",
            "5 moved",
            "2 exporting",
            "1 ingested",
            "held",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "no colours were asked for");
    }

    #[test]
    fn a_piped_status_has_one_line_a_table() {
        let text = status(&samples::running(), NOW, None, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert!(
            lines[5].ends_with("held: column 'Area' has another type at the destination"),
            "{text}"
        );
        assert!(
            lines[2].ends_with("exporting (2) 3 s, waiting for the table's move 1 s"),
            "{text}"
        );
    }

    #[test]
    fn colours_come_when_asked_for() {
        assert!(status(&samples::running(), NOW, Some(80), true).contains('\u{1b}'));
    }

    #[test]
    fn lag_counts_from_the_report_on() {
        let report = Report {
            lag_ms: Some(5_000),
            ..samples::complete()
        };
        let text = status(&report, Millis(65_000), None, false);
        assert!(text.starts_with("Job complete, iteration 1, up to cursor 638000000000000002, 10 s behind the source\n"), "{text}");
    }

    #[test]
    fn the_end_of_a_run_is_told() {
        let text = outcome(&samples::complete(), None, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(
            lines[1].contains("192,000") && lines[1].ends_with("7.3 MB"),
            "{text}"
        );
        assert_eq!(
            lines[3],
            "Complete: iteration 1, 2 tables, 200,000 rows at the destination."
        );

        let failed = Report {
            state: JobState::Failed,
            ..samples::running()
        };
        let text = outcome(&failed, None, false);
        assert!(
            text.ends_with("  Sites: column 'Area' has another type at the destination"),
            "{text}"
        );
    }

    #[cfg(feature = "emulator")]
    #[test]
    fn a_difference_is_plain_without_colours() {
        let mut proofs = vec![Proof {
            table: "T".to_owned(),
            source_rows: 1_000,
            destination_rows: 1_000,
            fingerprints: (7, 7),
            equal: true,
        }];
        assert!(proof_table(&proofs, None, false).ends_with("0000000000000007  yes"));
        proofs[0].equal = false;
        proofs[0].fingerprints.1 = 8;
        assert!(proof_table(&proofs, None, false).ends_with("0000000000000008  NO"));
    }
}
