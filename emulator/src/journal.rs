//! What was asked and how it went: `.show commands`, `.show queries`.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::request::Request;

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestState {
    /// At work.
    InProgress,
    /// Done.
    Completed,
    /// Refused or failed.
    Failed,
    /// Refused for lack of capacity.
    Throttled,
}

impl RequestState {
    /// The name in `.show commands`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Throttled => "Throttled",
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The cluster's id of the request.
    pub(crate) activity_id: Uuid,
    /// The client's id of the request.
    pub(crate) client_request_id: String,
    /// Kind of the command; `Query` for queries.
    pub(crate) kind: String,
    /// The text, without secrets and cut after 64 KB.
    pub(crate) text: String,
    /// Context database.
    pub(crate) database: String,
    /// `x-ms-app`.
    pub(crate) application: String,
    /// `x-ms-user`.
    pub(crate) user: String,
    /// Ticks of its start.
    pub(crate) started_on: i64,
    /// Ticks of its last change.
    pub(crate) last_updated_on: i64,
    /// How it stands.
    pub(crate) state: RequestState,
    /// Why it failed; empty otherwise.
    pub(crate) failure: String,
}

/// Requests kept at most; older ones are forgotten.
const KEPT: usize = 100_000;
/// Kusto cuts the text of a query in its lists at 64 KB.
const TEXT_BYTES: usize = 64 << 10;

/// The latest requests.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<VecDeque<Entry>>);

impl Journal {
    /// Notes the start of a request; `text` must be free of secrets.
    pub(crate) fn begin(&self, request: &Request, kind: &str, text: &str) {
        let mut entries = self.entries();
        if entries.len() >= KEPT {
            entries.pop_front();
        }
        entries.push_back(Entry {
            activity_id: request.activity_id,
            client_request_id: request.client_request_id.clone(),
            kind: kind.to_owned(),
            text: cut(text).to_owned(),
            database: request.database.clone(),
            application: request.application.clone(),
            user: request.user.clone(),
            started_on: request.started_on,
            last_updated_on: request.started_on,
            state: RequestState::InProgress,
            failure: String::new(),
        });
    }

    /// Notes the end of a request at `now` (ticks).
    pub(crate) fn end(&self, activity_id: Uuid, state: RequestState, failure: &str, now: i64) {
        let mut entries = self.entries();
        let found = entries
            .iter_mut()
            .rev()
            .find(|entry| entry.activity_id == activity_id);
        if let Some(entry) = found {
            entry.state = state;
            entry.failure = failure.to_owned();
            entry.last_updated_on = now;
        }
    }

    /// The requests that satisfy `keep`, oldest first.
    pub(crate) fn list(&self, keep: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.entries()
            .iter()
            .filter(|entry| keep(entry))
            .cloned()
            .collect()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut(text: &str) -> &str {
    match text.len() > TEXT_BYTES {
        true => {
            let end = (0..=TEXT_BYTES)
                .rev()
                .find(|end| text.is_char_boundary(*end))
                .unwrap_or(0);
            &text[..end]
        }
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(TEXT_BYTES);
        assert_eq!(cut(&text).len(), TEXT_BYTES);
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn an_ended_request_keeps_its_failure() {
        let journal = Journal::default();
        let request = Request::for_test("D", "T");
        journal.begin(&request, "Query", "T");
        journal.end(
            request.activity_id,
            RequestState::Failed,
            "no such table",
            7,
        );
        let failed = journal.list(|entry| entry.state == RequestState::Failed);
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].failure, "no such table");
    }
}
