//! How many requests were sent.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::kql::Endpoint;

/// Counts of requests sent, repetitions included. Several clusters may share one.
#[derive(Debug, Default)]
pub struct Traffic {
    queries: AtomicU64,
    commands: AtomicU64,
}

impl Traffic {
    /// Requests to query endpoints.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// Requests to management endpoints.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, endpoint: Endpoint) {
        let counter = match endpoint {
            Endpoint::Management => &self.commands,
            Endpoint::Query => &self.queries,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
