//! Shows a run while it works: live on a terminal, in plain lines elsewhere, not at all beside a
//! JSON document.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kusto_copy_driver::Report;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::lines::Teller;
use super::live::{self, Tone};
use super::meter::{Meter, Totals};
use super::{Screen, line, now, size};
use crate::cli::args::Format;

/// How often the view is drawn again though no report came: the times in it pass.
const TICK: Duration = Duration::from_millis(250);

/// How progress is shown.
pub(crate) struct Progress {
    view: View,
    screen: Screen,
}

enum View {
    Live(Vec<ProgressBar>),
    Lines(Teller),
    Silent,
}

/// A view that follows a run.
pub(crate) struct Following {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
    screen: Screen,
}

impl Following {
    /// Says something to the person beside the view.
    pub(crate) fn say(&self, text: &str) {
        self.screen.say(text);
    }

    /// Shows the last report, then takes the live view away.
    pub(crate) async fn end(self) {
        // Both fail only when the task has ended already.
        let _ = self.end.send(());
        let _ = self.task.await;
    }
}

impl Progress {
    /// The right view for this format and for where stdout goes.
    pub(crate) fn new(format: Format, screen: &Screen) -> Self {
        let view = match format {
            Format::Json => View::Silent,
            Format::Text if std::io::stdout().is_terminal() => View::Live(Vec::new()),
            Format::Text => View::Lines(Teller::default()),
        };
        Self {
            view,
            screen: screen.clone(),
        }
    }

    /// Shows each report until told to end.
    pub(crate) fn follow(mut self, mut reports: watch::Receiver<Report>) -> Following {
        let (end, mut ended) = oneshot::channel();
        let screen = self.screen.clone();
        let task = tokio::spawn(async move {
            let mut meter = Meter::default();
            let mut tick = tokio::time::interval(TICK);
            loop {
                let last = tokio::select! {
                    _ = &mut ended => true,
                    _ = tick.tick() => false,
                };
                let report = reports.borrow_and_update().clone();
                // Before the first report nothing is known of rows that an earlier run has moved.
                if report.at.is_some() {
                    meter.note(now(), Totals::of(&report).moved);
                }
                self.show(&report, &meter);
                if last {
                    break;
                }
            }
            self.clear();
        });
        Following { end, task, screen }
    }

    fn show(&mut self, report: &Report, meter: &Meter) {
        match &mut self.view {
            View::Silent => {}
            View::Lines(teller) => {
                for text in teller.lines(report, meter, now()) {
                    line(&text);
                }
            }
            View::Live(bars) => draw(&self.screen, bars, report, meter),
        }
    }

    fn clear(&mut self) {
        if let View::Live(bars) = &mut self.view {
            for bar in bars.drain(..) {
                bar.finish_and_clear();
            }
            // Nothing is left to be erased on an error.
            let _ = self.screen.lines.clear();
            self.screen
                .lines
                .set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

fn draw(screen: &Screen, bars: &mut Vec<ProgressBar>, report: &Report, meter: &Meter) {
    if bars.is_empty() {
        screen.lines.set_draw_target(ProgressDrawTarget::stdout());
    }
    let (rows, columns) = size().unwrap_or((24, 80));
    // The last column stays free: some terminals wrap a line that fills it.
    let room = (usize::from(columns).max(20) - 1, usize::from(rows).max(4));
    let lines = live::view(report, meter, now(), room);
    while bars.len() > lines.len() {
        if let Some(bar) = bars.pop() {
            bar.finish_and_clear();
            screen.lines.remove(&bar);
        }
    }
    for (at, line) in lines.into_iter().enumerate() {
        if at == bars.len() {
            bars.push(screen.lines.add(ProgressBar::no_length()));
        }
        let bar = &bars[at];
        bar.set_style(style(line.tone));
        bar.set_message(line.text);
    }
}

fn style(tone: Tone) -> ProgressStyle {
    let template = match tone {
        Tone::Heading => "{msg:.bold}",
        Tone::Plain => "{msg}",
        Tone::Alarm => "{msg:.red}",
        Tone::Quiet => "{msg:.dim}",
    };
    // The templates are constants: without one of them the text is shown as it is.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tone_has_a_template() {
        for tone in [Tone::Heading, Tone::Plain, Tone::Alarm, Tone::Quiet] {
            drop(style(tone));
        }
    }

    #[tokio::test]
    async fn a_view_ends_when_told_to() {
        let (_send, reports) = watch::channel(Report::default());
        let screen = Screen::new();
        Progress::new(Format::Json, &screen)
            .follow(reports)
            .end()
            .await;
    }
}
