//! What happened, for tests to read and for the program to print.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::broadcast;

/// Events kept for [`Journal::events`].
const KEPT: usize = 20_000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A handler process was started.
    Started {
        /// Its process id.
        pid: u32,
        /// The port it shall listen on.
        port: u16,
    },
    /// It answered for the first time.
    Ready {
        /// Its process id.
        pid: u32,
        /// Since its start, to the 25 ms at which the host looks.
        after: Duration,
    },
    /// It wrote a line.
    Line {
        /// As which the real host logs it.
        level: Level,
        /// The line.
        text: String,
    },
    /// It ended.
    Ended {
        /// Its process id.
        pid: u32,
        /// Its exit code; `None` when a signal ended it.
        code: Option<i32>,
        /// Whether this host ended it.
        by_host: bool,
    },
    /// The host gave up and stopped.
    GaveUp {
        /// Why.
        reason: String,
    },
    /// A function was started.
    Invoked {
        /// The function.
        function: String,
        /// The invocation's id.
        id: String,
    },
    /// A function ended.
    Finished {
        /// The function.
        function: String,
        /// The invocation's id.
        id: String,
        /// How, in one word and a reason.
        outcome: String,
    },
}

/// How the real host logs a line of the handler's console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// From stdout.
    Information,
    /// From stderr, with the word "warn" in it.
    Warning,
    /// From stderr.
    Error,
}

impl Level {
    pub(crate) fn of_stderr(line: &str) -> Self {
        if line.to_lowercase().contains("warn") {
            Self::Warning
        } else {
            Self::Error
        }
    }
}

/// Keeps the newest events and hands each to whoever listens.
#[derive(Debug)]
pub(crate) struct Journal {
    kept: Mutex<VecDeque<Event>>,
    live: broadcast::Sender<Event>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            kept: Mutex::new(VecDeque::new()),
            live: broadcast::channel(4096).0,
        }
    }

    pub(crate) fn note(&self, event: Event) {
        let mut kept = locked(&self.kept);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(event.clone());
        // Nobody may be listening.
        let _ = self.live.send(event);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        locked(&self.kept).iter().cloned().collect()
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.live.subscribe()
    }
}

/// A lock whose holder panicked is taken over: what it guards is changed in one step everywhere.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_on_stderr_are_told_by_the_word() {
        assert_eq!(Level::of_stderr("WARN: slow"), Level::Warning);
        assert_eq!(Level::of_stderr("failed"), Level::Error);
    }

    #[test]
    fn the_oldest_events_go_first() {
        let journal = Journal::new();
        for number in 0..=KEPT {
            journal.note(Event::GaveUp {
                reason: number.to_string(),
            });
        }
        let events = journal.events();
        assert_eq!(events.len(), KEPT);
        assert_eq!(events[0], Event::GaveUp { reason: "1".into() });
    }
}
