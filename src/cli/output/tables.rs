//! Tables of text: the state of every table, the end of a run, a proof of equality.

use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table,
};
use kusto_copy_core::vocabulary::Millis;
use kusto_copy_driver::{DatabaseReport, JobState, Report, TableReport};

use super::{live, words};

/// Below so many columns a terminal shows less, so that no number and no state is cut.
const NARROW: u16 = 64;

/// Names are cut after so many characters: one of a thousand would push all else out of sight.
const LONGEST_NAME: usize = 60;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Words, which wrap.
    Text,
    /// One word, which does not.
    Word,
    /// A number: to the right, and it does not wrap.
    Number,
}

/// How a table is drawn: to a terminal's width, or one row a line for other programs.
struct Style {
    width: Option<u16>,
    colours: bool,
}

impl Style {
    fn is_narrow(&self) -> bool {
        self.width.is_some_and(|width| width < NARROW)
    }

    fn table(&self, columns: &[(&str, Holds)]) -> Table {
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
        for (at, (_, holds)) in columns.iter().enumerate() {
            let Some(column) = table.column_mut(at) else {
                continue;
            };
            if *holds == Holds::Number {
                column.set_cell_alignment(CellAlignment::Right);
            }
            if *holds != Holds::Text {
                column.set_constraint(ColumnConstraint::ContentWidth);
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

    /// A sentence, cut between words for a terminal, the lines after the first indented.
    fn sentence(&self, text: &str, indent: &str) -> String {
        match self.width {
            // Some terminals wrap a line that fills the last column; two more are for an indent.
            Some(width) => words::wrap(text, usize::from(width).saturating_sub(3), indent),
            None => text.to_owned(),
        }
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
    let mut columns = vec![
        ("Table", Holds::Text),
        ("State", Holds::Word),
        ("Done", Holds::Number),
        ("Rows", Holds::Number),
    ];
    if !style.is_narrow() {
        columns.extend([("Blocks", Holds::Text), ("Waits for", Holds::Text)]);
    }
    let mut table = style.table(&columns);
    for one in &report.tables {
        let mut row = vec![
            Cell::new(words::cut(&words::name(one, several), LONGEST_NAME)),
            style.state(&one.state),
            Cell::new(one.percent.map(words::percent).unwrap_or_default()),
            Cell::new(words::count(one.rows)),
        ];
        if !style.is_narrow() {
            row.push(Cell::new(style.list(&blocks(one))));
            row.push(Cell::new(style.list(&live::waits(one, now))));
        }
        table.add_row(row);
    }
    let mut text = style.sentence(&headline(report, now), "  ");
    if !report.tables.is_empty() {
        let _ = write!(text, "\n{}", trimmed(&table));
    }
    if style.is_narrow() {
        push_waits(&mut text, &style, report, now);
    }
    push_committed(&mut text, &style, report, now);
    push_databases(&mut text, &style, report);
    push_notes(&mut text, &style, report);
    text
}

/// What each table waits for, below the table where it has no room in it.
fn push_waits(text: &mut String, style: &Style, report: &Report, now: Millis) {
    let several = words::several_databases(&report.tables);
    for one in &report.tables {
        let waits = live::waits(one, now);
        if !waits.is_empty() {
            let name = words::name(one, several);
            let line = style.sentence(&format!("{name}: {}", waits.join(", ")), "  ");
            let _ = write!(text, "\n {line}");
        }
    }
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
    let mut columns = vec![
        ("Table", Holds::Text),
        ("State", Holds::Word),
        ("Rows", Holds::Number),
    ];
    if !style.is_narrow() {
        columns.extend([("Blocks", Holds::Number), ("Size", Holds::Number)]);
    }
    let mut table = style.table(&columns);
    for one in &report.tables {
        let mut row = vec![
            Cell::new(words::cut(&words::name(one, several), LONGEST_NAME)),
            style.state(&one.state),
            Cell::new(words::count(one.rows)),
        ];
        if !style.is_narrow() {
            row.push(Cell::new(words::count(one.blocks)));
            row.push(Cell::new(words::bytes(one.bytes)));
        }
        table.add_row(row);
    }
    let mut text = String::new();
    if !report.tables.is_empty() {
        let _ = writeln!(text, "{}", trimmed(&table));
    }
    let rows = report.tables.iter().map(|table| table.rows).sum();
    let tables = words::counted(report.tables.len() as u64, "table");
    let rows = words::counted(rows, "row");
    let end = match report.state {
        JobState::Complete => format!(
            "Complete: iteration {}, {tables}, {rows} at the destination.",
            report.iteration
        ),
        JobState::Failed => format!("Failed: {rows} at the destination."),
        JobState::New | JobState::Running | JobState::Stopped => {
            format!("Stopped: {rows} at the destination. The same command goes on from here.")
        }
    };
    text.push_str(&style.sentence(&end, "  "));
    // What made a run fail is told as its error.
    if report.state != JobState::Failed {
        for one in &report.tables {
            if let Some(error) = &one.error {
                let line = format!("{}: {}", words::name(one, several), words::one_line(error));
                let _ = write!(text, "\n  {}", style.sentence(&line, "    "));
            }
        }
        push_databases(&mut text, &style, report);
    }
    push_notes(&mut text, &style, report);
    text
}

/// Up to where each database is complete, where the headline does not tell it.
fn push_committed(text: &mut String, style: &Style, report: &Report, now: Millis) {
    let told = |database: &DatabaseReport| {
        report.databases.len() == 1 && database.committed_end == report.cursor_end
    };
    for database in report.databases.iter().filter(|database| !told(database)) {
        let Some(end) = &database.committed_end else {
            continue;
        };
        let mut line = format!(
            "Database {} is complete up to cursor {end}",
            database.source
        );
        if let Some(read_at) = database.committed_read_at {
            let ago = words::span(Duration::from_millis(now.since(read_at)));
            let _ = write!(line, ", read {ago} ago");
        }
        let _ = write!(text, "\n{}", style.sentence(&line, "  "));
    }
}

fn push_databases(text: &mut String, style: &Style, report: &Report) {
    for database in &report.databases {
        if let Some(error) = &database.error {
            let line = format!("Database {} is not taken up: {error}", database.source);
            let _ = write!(text, "\n{}", style.sentence(&line, "  "));
        }
    }
}

fn push_notes(text: &mut String, style: &Style, report: &Report) {
    let several = words::several_databases(&report.tables);
    for table in &report.tables {
        for note in &table.notes {
            let name = words::name(table, several);
            let line = format!("note on {name}: {}", words::one_line(note));
            let _ = write!(text, "\n  {}", style.sentence(&line, "    "));
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
        ("Table", Holds::Text),
        ("Source rows", Holds::Number),
        ("Destination rows", Holds::Number),
        ("Content", Holds::Text),
        ("Equal", Holds::Word),
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
mod tests;
