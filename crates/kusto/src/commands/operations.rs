//! Asynchronous operations: their states, and finding one whose answer was lost.

use kusto_copy_core::vocabulary::{OperationId, Ticks};

use crate::database::Database;
use crate::kql;
use crate::kql::operations::OperationKind;
use crate::redact::for_people;
use crate::rows::{FromRow, ReadError, Row};
use crate::{Call, KustoError};

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationState {
    /// Running.
    InProgress,
    /// Waiting to run.
    Scheduled,
    /// Done.
    Completed,
    /// Refused for want of capacity: nothing was run.
    Throttled,
    /// Failed; what it did is to be looked for.
    Failed,
    /// Done in part: as failed.
    PartiallySucceeded,
    /// Given up by the cluster: as failed.
    Abandoned,
    /// Refused for its input: as failed.
    BadInput,
    /// Cancelled by somebody: as failed.
    Canceled,
    /// Not run: as failed.
    Skipped,
    /// A word that we do not know: look again.
    Other(String),
}

impl OperationState {
    /// Reads the word that clusters print.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "InProgress" => Self::InProgress,
            "Scheduled" => Self::Scheduled,
            "Completed" => Self::Completed,
            "Throttled" => Self::Throttled,
            "Failed" => Self::Failed,
            "PartiallySucceeded" => Self::PartiallySucceeded,
            "Abandoned" => Self::Abandoned,
            "BadInput" => Self::BadInput,
            "Canceled" | "Cancelled" => Self::Canceled,
            "Skipped" => Self::Skipped,
            other => Self::Other(other.to_owned()),
        }
    }

    /// What to make of it.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::InProgress | Self::Scheduled | Self::Other(_) => Outcome::Pending,
            Self::Completed => Outcome::Completed,
            Self::Throttled => Outcome::Throttled,
            Self::Failed
            | Self::PartiallySucceeded
            | Self::Abandoned
            | Self::BadInput
            | Self::Canceled
            | Self::Skipped => Outcome::Failed,
        }
    }
}

/// The four things that a state means to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Wait.
    Pending,
    /// Read its details.
    Completed,
    /// Nothing was run; again after a pause, without counting an attempt.
    Throttled,
    /// The attempt is over.
    Failed,
}

/// An operation as the cluster's log shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Its state.
    pub state: OperationState,
    /// The reason of a failure, for people, without secrets.
    pub status: String,
    /// The kind of command, where asked.
    pub kind: Option<String>,
    /// Whether the cluster thinks that a retry may help, where it tells.
    pub should_retry: Option<bool>,
    /// When it started.
    pub started: Option<Ticks>,
    /// When its line was last changed.
    pub updated: Option<Ticks>,
}

impl FromRow for Operation {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        let state: String = row.get("State")?;
        let status: Option<String> = row.get("Status")?;
        Ok(Self {
            id: row.get("OperationId")?,
            state: OperationState::parse(&state),
            status: for_people(status),
            kind: row.get("Operation")?,
            should_retry: row.get("ShouldRetry")?,
            started: row.get("StartedOn")?,
            updated: row.get("LastUpdatedOn")?,
        })
    }
}

/// A command found by our request id (N1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCommand {
    /// The kind of command.
    pub kind: String,
    /// Its state.
    pub state: String,
    /// The activity whose operation it started.
    pub root_activity: Option<String>,
    /// The reason of a failure, for people, without secrets.
    pub failure: String,
}

impl FromRow for FoundCommand {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            kind: row.get("CommandType")?,
            state: row.get("State")?,
            root_activity: row.get("RootActivityId")?,
            failure: for_people(row.get("FailureReason")?),
        })
    }
}

/// Operation ids in one command at most.
pub const OPERATIONS: usize = 1_000;

impl Database {
    /// The latest line of these operations (I1), any operation of the cluster, 1,000 ids a
    /// command. An id that is missing is older than 6 hours or not yet visible.
    ///
    /// # Errors
    /// As any read.
    pub async fn operations(
        &self,
        call: &Call,
        ids: &[OperationId],
    ) -> Result<Vec<Operation>, KustoError> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(OPERATIONS) {
            let rows: Vec<Operation> = self.rows(call, &kql::operations::by_id(chunk)).await?;
            found.extend(rows);
        }
        Ok(found)
    }

    /// The latest line of these operations by the two weeks' log (I2): expensive, for recovery.
    ///
    /// # Errors
    /// As any read.
    pub async fn operations_log(
        &self,
        call: &Call,
        ids: &[OperationId],
        since: Ticks,
    ) -> Result<Vec<Operation>, KustoError> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(OPERATIONS) {
            let rows: Vec<Operation> = self.rows(call, &kql::operations::log(chunk, since)).await?;
            found.extend(rows);
        }
        Ok(found)
    }

    /// All operations of a kind that run now and started after `since`: whether one of ours,
    /// whose answer was lost, may still be running.
    ///
    /// # Errors
    /// As any read.
    pub async fn running_operations(
        &self,
        call: &Call,
        kind: OperationKind,
        since: Ticks,
    ) -> Result<Vec<Operation>, KustoError> {
        self.rows(call, &kql::operations::running(kind, since))
            .await
    }

    /// The commands that carried a request id of ours (N1). Completed ones only, late, and not
    /// all kinds: it may save work and proves nothing.
    ///
    /// # Errors
    /// As any read.
    pub async fn find_commands(
        &self,
        call: &Call,
        request_id: &str,
        since: Ticks,
    ) -> Result<Vec<FoundCommand>, KustoError> {
        self.rows(call, &kql::operations::find_command(request_id, since))
            .await
    }

    /// The operations that an activity started (N1).
    ///
    /// # Errors
    /// As any read; [`KustoError::Protocol`] when the activity's id is no guid.
    pub async fn operations_of_activity(
        &self,
        call: &Call,
        root_activity: &str,
        since: Ticks,
    ) -> Result<Vec<Operation>, KustoError> {
        let activity = OperationId::parse(root_activity).map_err(|error| {
            let text = kql::operations::by_id(&[]);
            self.protocol(call, &text, error.to_string())
        })?;
        self.rows(call, &kql::operations::by_activity(&activity, since))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::{OperationState, Outcome};

    #[test]
    fn every_documented_state_has_an_outcome() {
        for (word, outcome) in [
            ("InProgress", Outcome::Pending),
            ("Scheduled", Outcome::Pending),
            ("Completed", Outcome::Completed),
            ("Throttled", Outcome::Throttled),
            ("Failed", Outcome::Failed),
            ("PartiallySucceeded", Outcome::Failed),
            ("Abandoned", Outcome::Failed),
            ("BadInput", Outcome::Failed),
            ("Canceled", Outcome::Failed),
            ("Skipped", Outcome::Failed),
            ("SomethingNew", Outcome::Pending),
        ] {
            assert_eq!(OperationState::parse(word).outcome(), outcome, "{word}");
        }
    }
}
