//! A9, F5, I, N: capacity and operations.

use kusto_copy_core::vocabulary::{OperationId, Ticks};

use super::{Text, Writer};

/// The kind of an operation, as the log's `Operation` names it in one way or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// `.export`
    Export,
    /// `.ingest`
    Ingest,
    /// `.move extents`
    Move,
}

impl OperationKind {
    /// What every spelling of the kind contains. The exact words are documented nowhere.
    const fn word(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Ingest => "ingest",
            Self::Move => "move",
        }
    }
}

/// A9.
#[must_use]
pub fn capacity() -> Text {
    Writer::new()
        .words(".show capacity | project Resource, Total, Consumed, Remaining")
        .show("the capacity", "ShowCapacity")
}

/// I1.
#[must_use]
pub fn by_id(ids: &[OperationId]) -> Text {
    let mut w = Writer::new();
    w.words(".show operations (").list(", ", ids, |w, id| {
        w.operation(id);
    });
    w.words(
        ")\n| project OperationId, Operation, State, Status, ShouldRetry, StartedOn, \
         LastUpdatedOn",
    )
    .show("operations", "ShowOperations")
}

/// I2.
#[must_use]
pub fn log(ids: &[OperationId], since: Ticks) -> Text {
    let mut w = Writer::new();
    w.words(".show operations\n| where StartedOn > ")
        .datetime(since);
    w.words(" and OperationId in (").list(", ", ids, |w, id| {
        w.operation_guid(id);
    });
    w.words(")")
        .words(LATEST)
        .show("the operations' log", "ShowOperations")
}

const LATEST: &str =
    "\n| summarize arg_max(LastUpdatedOn, State, Status, Operation, StartedOn) by OperationId";

/// All operations of a kind that run.
#[must_use]
pub fn running(kind: OperationKind, since: Ticks) -> Text {
    Writer::new()
        .words(".show operations\n| where StartedOn > ")
        .datetime(since)
        .words(" and Operation contains ")
        .string(kind.word())
        .words(LATEST)
        .words("\n| where State in ('InProgress', 'Scheduled')")
        .show("running operations", "ShowOperations")
}

/// The operations of an activity (N1).
#[must_use]
pub fn by_activity(activity: &OperationId, since: Ticks) -> Text {
    Writer::new()
        .words(".show operations\n| where StartedOn > ")
        .datetime(since)
        .words(" and RootActivityId == ")
        .operation_guid(activity)
        .words(LATEST)
        .show("an activity's operations", "ShowOperations")
}

/// F5, I3 and the results of moves and tag removals, with every column: optional ones count.
#[must_use]
pub fn details(operation: &OperationId) -> Text {
    Writer::new()
        .words(".show operation ")
        .operation(operation)
        .words(" details")
        .show("an operation's result", "ShowOperationDetails")
}

/// N1.
#[must_use]
pub fn find_command(request_id: &str, since: Ticks) -> Text {
    Writer::new()
        .words(".show commands\n| where StartedOn > ")
        .datetime(since)
        .words(" and ClientActivityId == ")
        .string(request_id)
        .words("\n| project CommandType, State, RootActivityId, FailureReason")
        .show("a lost command", "ShowCommands")
}
