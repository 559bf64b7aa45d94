//! What one bounded step of a job comes to.

use kusto_copy_core::vocabulary::Millis;
use serde::Serialize;

use crate::cost::Cost;
use crate::report::Report;

/// What a step has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// The job as the step left it.
    pub report: Report,
    /// What the step did.
    pub outcome: StepOutcome,
    /// Whether another step would find something to do at once.
    pub work_due: bool,
    /// When the next step finds something to do; `None` when nothing is foreseen.
    pub next_due: Option<Millis>,
    /// What it used.
    pub cost: Cost,
}

impl StepReport {
    /// With what it had used when everything was done, the lease given back included.
    pub(crate) fn at_cost(mut self, cost: Cost) -> Self {
        self.report.cost = Some(cost);
        self.cost = cost;
        self
    }
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It advanced the job.
    Worked,
    /// Nothing was due.
    Idle,
    /// Another worker drives the job; nothing was done.
    Busy {
        /// Seconds until its lease ends, unless it goes on.
        seconds: u64,
    },
    /// A person paused the job: nothing new was begun.
    Paused,
    /// Nothing goes on without a person.
    Held,
}

impl StepOutcome {
    /// One word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worked => "worked",
            Self::Idle => "idle",
            Self::Busy { .. } => "busy",
            Self::Paused => "paused",
            Self::Held => "held",
        }
    }
}
