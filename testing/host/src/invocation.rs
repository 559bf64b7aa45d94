//! An invocation that has ended, and what was to go wrong with it.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::answer::Said;
use crate::exchange::Answer;

/// What goes wrong with the next invocation.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) drop_answer: bool,
    pub(crate) cut_after: Option<Duration>,
    pub(crate) kill_after: Option<Duration>,
}

/// How an invocation ended, as the host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "kebab-case")]
pub enum Outcome {
    /// With an answer that the host accepts.
    Succeeded,
    /// Otherwise, and why.
    Failed(String),
    /// Not before functionTimeout; the handler was killed.
    TimedOut,
    /// It never began, since another one waits already.
    Collapsed,
}

/// An invocation that has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invocation {
    /// Its id, empty if it was collapsed.
    pub id: String,
    /// The function.
    pub function: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The status of the handler's answer, if there was one.
    pub status: Option<u16>,
    /// The handler's answer: what went over the wire, also where the host does not look at it.
    pub body: Option<String>,
    /// `Outputs`, after success.
    pub outputs: Map<String, Value>,
    /// `Logs`, after success; a failure loses them.
    pub logs: Vec<String>,
    /// `ReturnValue`, after success.
    pub return_value: Option<Value>,
    /// Whether the handler was killed meanwhile: by functionTimeout, or as asked.
    pub killed: bool,
}

impl Invocation {
    /// Whether it succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.outcome == Outcome::Succeeded
    }

    pub(crate) fn new(function: &str, id: &str, outcome: Outcome) -> Self {
        Self {
            id: id.to_owned(),
            function: function.to_owned(),
            outcome,
            status: None,
            body: None,
            outputs: Map::new(),
            logs: Vec::new(),
            return_value: None,
            killed: false,
        }
    }

    pub(crate) fn answered(mut self, answer: &Answer) -> Self {
        self.status = Some(answer.status);
        self.body = Some(String::from_utf8_lossy(&answer.body).into_owned());
        self
    }

    pub(crate) fn said(mut self, said: Said) -> Self {
        self.outputs = said.outputs;
        self.logs = said.logs;
        self.return_value = said.return_value;
        self
    }
}

/// An invocation's id, as the host makes them.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
