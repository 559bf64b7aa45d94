//! Counters of requests, for tests that check what a client really sent.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Requests of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counted {
    /// Requests that arrived.
    pub(crate) requests: u64,
    /// Requests that ended in an error.
    pub(crate) failed: u64,
    /// Requests at work now.
    pub(crate) running: u64,
    /// Most requests ever at work at once.
    pub(crate) most_running: u64,
}

/// Counters by kind of request.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<BTreeMap<String, Counted>>);

impl Stats {
    /// A request of this kind begins.
    pub(crate) fn begin(&self, kind: &str) {
        self.with(kind, |counted| {
            counted.requests += 1;
            counted.running += 1;
            counted.most_running = counted.most_running.max(counted.running);
        });
    }

    /// A request of this kind has ended.
    pub(crate) fn end(&self, kind: &str, failed: bool) {
        self.with(kind, |counted| {
            counted.running = counted.running.saturating_sub(1);
            counted.failed += u64::from(failed);
        });
    }

    /// All counters.
    pub(crate) fn all(&self) -> BTreeMap<String, Counted> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn with(&self, kind: &str, change: impl FnOnce(&mut Counted)) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(counters.entry(kind.to_owned()).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_stays() {
        let stats = Stats::default();
        stats.begin("Query");
        stats.begin("Query");
        stats.end("Query", true);
        stats.end("Query", false);
        let expected = Counted {
            requests: 2,
            failed: 1,
            running: 0,
            most_running: 2,
        };
        assert_eq!(stats.all().get("Query"), Some(&expected));
    }
}
