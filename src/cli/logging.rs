//! Logs go to stderr, above the live view when there is one.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::args::LogArgs;
use super::output::Screen;
use super::settings::Filter;

/// Starts logging as the arguments say; only the first call in a process does anything.
pub(crate) fn start(args: &LogArgs, screen: &Screen) {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter(args))
        .with_ansi(colour)
        .with_writer(LogWriter(screen.clone()))
        .try_init();
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

fn filter(args: &LogArgs) -> EnvFilter {
    args.log
        .clone()
        .map_or_else(|| EnvFilter::new(level(args.verbose)), Filter::into_inner)
}

/// What `-v`, `-vv` and more mean: libraries stay quieter than this program.
const fn level(verbose: u8) -> &'static str {
    match verbose {
        // What a report tells as well is told by the report.
        0 => "warn,kusto_copy_driver::told=error",
        1 => {
            "warn,kusto_copy=info,kusto_copy_azure=info,kusto_copy_driver=info,\
              kusto_copy_kusto=info,kusto_emulator=info"
        }
        2 => {
            "info,kusto_copy=debug,kusto_copy_azure=debug,kusto_copy_core=debug,\
              kusto_copy_driver=debug,kusto_copy_kusto=debug,kusto_copy_staging=debug,\
              kusto_copy_store=debug,kusto_emulator=debug"
        }
        _ => "trace",
    }
}

/// Writes each event in one piece while the live view stands aside.
struct LogWriter(Screen);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine {
            screen: &self.0,
            text: Vec::new(),
        }
    }
}

/// One event's text, written when it is complete.
struct LogLine<'a> {
    screen: &'a Screen,
    text: Vec<u8>,
}

impl Write for LogLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine<'_> {
    fn drop(&mut self) {
        self.screen.log(&self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_a_filter() {
        for verbose in 0..5 {
            assert!(EnvFilter::try_new(level(verbose)).is_ok(), "{verbose}");
        }
        assert!(level(0).contains(&format!("{}=error", kusto_copy_driver::complaint::TOLD)));
    }
}
