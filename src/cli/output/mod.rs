//! The only place that prints: data to stdout, messages and logs to stderr.
//!
//! | module | what it holds |
//! |---|---|
//! | [`progress`] | shows a run while it works: live, in lines, or not at all |
//! | [`live`], [`lines`] | the two views: lines made from a report |
//! | [`meter`] | rows per second and the time left |
//! | [`tables`] | the tables of `status` and of a run's end |
//! | [`document`] | the JSON documents |
//! | [`words`] | numbers, sizes and times as people read them |

mod document;
mod lines;
mod live;
mod meter;
mod progress;
mod tables;
mod words;

#[cfg(test)]
mod samples;

use std::io::{self, IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{MultiProgress, ProgressDrawTarget};
use kusto_copy_core::vocabulary::Millis;
use kusto_copy_driver::{JobState, Report};

use super::args::Format;
use super::exit::{Exit, Failure};

#[cfg(feature = "emulator")]
pub(crate) use lines::iteration_started;
pub(crate) use progress::Progress;
#[cfg(feature = "emulator")]
pub(crate) use tables::{Proof, proof};
#[cfg(feature = "emulator")]
pub(crate) use words::{count, span};

/// The terminal, shared by the live view and the logs so that neither overwrites the other.
#[derive(Clone)]
pub(crate) struct Screen {
    lines: MultiProgress,
}

impl Screen {
    /// Nothing is drawn until a live view begins.
    pub(crate) fn new() -> Self {
        Self {
            lines: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
        }
    }

    /// Writes a line to stderr above the live view.
    pub(crate) fn say(&self, text: &str) {
        self.lines.suspend(|| message(text));
    }

    /// Writes a log event to stderr while the live view stands aside.
    pub(crate) fn log(&self, text: &[u8]) {
        self.lines.suspend(|| {
            // Losing a log line is no reason to stop a copy.
            let _ = io::stderr().lock().write_all(text);
        });
    }
}

/// Writes a line to stdout. A reader that is gone (`| head`) wants no more, which is no failure.
fn line(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Writes a line to stderr.
fn message(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The machine's clock, for `since` and `ago` alone.
fn now() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Rows and columns of stdout, when it is a terminal.
fn size() -> Option<(u16, u16)> {
    let size = || console::Term::stdout().size_checked().unwrap_or((24, 80));
    io::stdout().is_terminal().then(size)
}

/// Columns of stderr, when it is a terminal.
fn error_width() -> Option<usize> {
    let width = || {
        console::Term::stderr()
            .size_checked()
            .map(|(_, width)| width)
    };
    let width = io::stderr().is_terminal().then(width).flatten()?;
    Some(usize::from(width))
}

/// Columns of stdout, when it is a terminal.
fn width() -> Option<u16> {
    size().map(|(_, columns)| columns)
}

/// Whether stdout takes colours.
fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// What clap found wrong with the command line, or the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    // Losing the text is no reason for another exit code.
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Complete
    }
}

/// An error: one sentence, and what to do.
pub(crate) fn failure(failure: &Failure) -> Exit {
    message(&error_text(failure, error_width()));
    failure.exit
}

/// The text of an error, cut between words for a terminal of so many columns.
fn error_text(failure: &Failure, width: Option<usize>) -> String {
    let wrapped = |text: &str, indent: &str| match width {
        None => text.to_owned(),
        Some(width) => words::wrap(text, width.saturating_sub(2), indent),
    };
    let mut lines = vec![wrapped(&format!("error: {}", failure.message), "  ")];
    let items = failure.items.iter();
    lines.extend(items.map(|item| format!("  {}", wrapped(item, "    "))));
    let remedy = failure.remedy.iter();
    lines.extend(remedy.map(|remedy| wrapped(&format!("what to do: {remedy}"), "  ")));
    lines.join("\n")
}

/// What is said when a second signal ends the program at once.
pub(crate) fn last_words(text: &str) {
    // A live view may stand there, and the terminal's own `^C` behind it.
    let begin = if io::stdout().is_terminal() { "\n" } else { "" };
    message(&format!("{begin}{text}"));
}

/// A line for people about what happens next.
pub(crate) fn say(text: &str) {
    line(text);
}

/// One line of JSON.
#[cfg(feature = "emulator")]
pub(crate) fn record(record: &impl serde::Serialize) {
    line(&document::text(record));
}

/// Every table of a job.
pub(crate) fn status(format: Format, report: &Report) {
    match format {
        Format::Json => line(&document::report(report)),
        Format::Text => line(&tables::status(report, now(), width(), colours())),
    }
}

/// How a run ended.
pub(crate) fn outcome(format: Format, report: &Report) {
    match format {
        Format::Json => line(&document::report(report)),
        Format::Text => line(&tables::outcome(report, width(), colours())),
    }
}

/// What a run that could not go on had done; the error itself is told apart from it.
pub(crate) fn failed(format: Format, report: &Report, failure: &Failure) {
    match format {
        Format::Json => line(&document::failed(report, failure)),
        Format::Text if report.tables.is_empty() => {}
        Format::Text => outcome(
            format,
            &Report {
                state: JobState::Failed,
                ..report.clone()
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_sentence_and_what_to_do() {
        let failure = Failure::new("the lake is full").remedy("free some space");
        assert_eq!(
            error_text(&failure, None),
            "error: the lake is full\nwhat to do: free some space"
        );
        assert_eq!(
            error_text(&failure, Some(20)),
            "error: the lake is\n  full\nwhat to do: free\n  some space"
        );
        let several = Failure::new("two broke").items(vec!["A".to_owned(), "it is cut".to_owned()]);
        assert_eq!(
            error_text(&several, Some(9)),
            "error:\n  two\n  broke\n  A\n  it is\n    cut"
        );
    }
}
