//! The log of operations: what `.show operations` and `.show operation X details` answer.
//!
//! An operation is visible by id only while its last change is young, the log keeps it longer, and
//! it appears late: all three as settings.

mod run;

pub(crate) use run::{Work, run_synchronous, start_asynchronous};

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kusto_emulator_values::Table;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::clock::ticks_of_ms;
use crate::settings::OperationLog;

/// States of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationState {
    /// Waits for a slot.
    Scheduled,
    /// At work.
    InProgress,
    /// Done, with its details.
    Completed,
    /// Failed; effects may remain (files of an export).
    Failed,
    /// Found no slot.
    Throttled,
    /// The request itself was wrong.
    BadInput,
    /// The node that worked on it is gone.
    Abandoned,
    /// Cancelled by `.cancel operation`.
    Canceled,
}

impl OperationState {
    /// The name in `.show operations`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::InProgress => "InProgress",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Throttled => "Throttled",
            Self::BadInput => "BadInput",
            Self::Abandoned => "Abandoned",
            Self::Canceled => "Canceled",
        }
    }

    /// Whether nothing changes any more.
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Scheduled | Self::InProgress => false,
            Self::Completed
            | Self::Failed
            | Self::Throttled
            | Self::BadInput
            | Self::Abandoned
            | Self::Canceled => true,
        }
    }
}

/// One row of the log.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// New state.
    pub(crate) state: OperationState,
    /// Kusto's sentence about it; empty when there is nothing to say.
    pub(crate) status: String,
    /// Whether sending the same command again may help.
    pub(crate) should_retry: bool,
    /// Ticks of the change.
    pub(crate) at: i64,
}

/// An operation with its history.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// Identity.
    pub(crate) id: Uuid,
    /// Kind of work: `DataExport`, `DataIngestPull`, ….
    pub(crate) kind: String,
    /// Context database.
    pub(crate) database: String,
    /// The request that started it.
    pub(crate) activity_id: Uuid,
    /// `x-ms-user` of that request.
    pub(crate) user: String,
    /// Ticks of its start.
    pub(crate) started_on: i64,
    /// All changes, oldest first; never empty.
    pub(crate) history: Vec<Change>,
    /// The result that the synchronous command would have answered, once Completed, if it is kept.
    pub(crate) details: Option<Table>,
    task: Option<AbortHandle>,
}

impl Operation {
    /// The latest change.
    pub(crate) fn latest(&self) -> Option<&Change> {
        self.history.last()
    }

    fn is_terminal(&self) -> bool {
        self.latest()
            .is_some_and(|change| change.state.is_terminal())
    }
}

/// What begins an operation.
#[derive(Clone, Debug)]
pub(crate) struct NewOperation {
    /// Kind of work.
    pub(crate) kind: String,
    /// Context database.
    pub(crate) database: String,
    /// The request that starts it.
    pub(crate) activity_id: Uuid,
    /// `x-ms-user` of that request.
    pub(crate) user: String,
    /// Ticks of its start.
    pub(crate) started_on: i64,
}

/// All operations of the cluster.
#[derive(Debug, Default)]
pub(crate) struct Operations(Mutex<BTreeMap<Uuid, Operation>>);

impl Operations {
    /// Notes a new operation in state Scheduled and returns its id.
    pub(crate) fn begin(&self, new: NewOperation) -> Uuid {
        let id = Uuid::new_v4();
        let operation = Operation {
            id,
            kind: new.kind,
            database: new.database,
            activity_id: new.activity_id,
            user: new.user,
            started_on: new.started_on,
            history: vec![Change {
                state: OperationState::Scheduled,
                status: String::new(),
                should_retry: false,
                at: new.started_on,
            }],
            details: None,
            task: None,
        };
        self.held().insert(id, operation);
        id
    }

    fn attach(&self, id: Uuid, task: AbortHandle) {
        if let Some(operation) = self.held().get_mut(&id) {
            operation.task = Some(task);
        }
    }

    /// Appends a change unless the operation has ended; tells whether it did.
    pub(crate) fn change(&self, id: Uuid, change: Change, details: Option<Table>) -> bool {
        match self.held().get_mut(&id) {
            Some(operation) if !operation.is_terminal() => {
                operation.history.push(change);
                operation.details = details;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Stops an operation that has not ended: its task goes no further.
    pub(crate) fn stop(&self, id: Uuid, change: Change) -> bool {
        let task = self.held().get(&id).and_then(|held| held.task.clone());
        let stopped = self.change(id, change, None);
        if let (true, Some(task)) = (stopped, task) {
            task.abort();
        }
        stopped
    }

    /// A restart: every operation at work is abandoned.
    pub(crate) fn abandon_all(&self, now: i64) {
        let running: Vec<Uuid> = self
            .held()
            .values()
            .filter(|operation| !operation.is_terminal())
            .map(|operation| operation.id)
            .collect();
        for id in running {
            let change = Change {
                state: OperationState::Abandoned,
                status: "The node that executed the operation was restarted.".to_owned(),
                should_retry: true,
                at: now,
            };
            self.stop(id, change);
        }
    }

    /// Operations that have not ended.
    pub(crate) fn running(&self) -> usize {
        self.held()
            .values()
            .filter(|operation| !operation.is_terminal())
            .count()
    }

    /// The whole log as visible at `now`, oldest first. Forgets what is too old.
    pub(crate) fn log(&self, settings: &OperationLog, now: i64) -> Vec<Operation> {
        let kept = ticks_of_ms(settings.kept_for_ms);
        let mut held = self.held();
        held.retain(|_, operation| {
            !operation.is_terminal() || now.saturating_sub(operation.started_on) <= kept
        });
        let mut visible: Vec<Operation> = held
            .values()
            .filter(|operation| operation.appeared(settings, now))
            .cloned()
            .collect();
        visible.sort_by_key(|operation| operation.started_on);
        visible
    }

    /// The operation of this id if it can be asked for by id at `now`.
    pub(crate) fn by_id(&self, id: Uuid, settings: &OperationLog, now: i64) -> Option<Operation> {
        let held = self.held();
        let operation = held.get(&id)?;
        let age = now.saturating_sub(operation.latest()?.at);
        let is_young = age < ticks_of_ms(settings.by_id_for_ms);
        (is_young && operation.appeared(settings, now)).then(|| operation.clone())
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Operation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operation {
    fn appeared(&self, settings: &OperationLog, now: i64) -> bool {
        now.saturating_sub(self.started_on) >= ticks_of_ms(settings.appear_after_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(operations: &Operations, started_on: i64) -> Uuid {
        operations.begin(NewOperation {
            kind: "DataExport".to_owned(),
            database: "D".to_owned(),
            activity_id: Uuid::new_v4(),
            user: String::new(),
            started_on,
        })
    }

    fn change(state: OperationState, at: i64) -> Change {
        Change {
            state,
            status: String::new(),
            should_retry: false,
            at,
        }
    }

    #[test]
    fn an_operation_appears_late_and_is_forgotten_by_id_first() {
        let settings = OperationLog {
            by_id_for_ms: 10,
            kept_for_ms: 100,
            appear_after_ms: 5,
        };
        let operations = Operations::default();
        let id = begun(&operations, 0);
        let ms = ticks_of_ms;
        assert!(operations.by_id(id, &settings, ms(4)).is_none());
        assert!(operations.by_id(id, &settings, ms(5)).is_some());
        operations.change(id, change(OperationState::Completed, ms(6)), None);
        assert!(operations.by_id(id, &settings, ms(15)).is_some());
        assert!(operations.by_id(id, &settings, ms(16)).is_none());
        assert_eq!(operations.log(&settings, ms(16)).len(), 1);
        assert_eq!(operations.log(&settings, ms(101)).len(), 0);
    }

    #[test]
    fn what_has_ended_stays_as_it_is() {
        let operations = Operations::default();
        let id = begun(&operations, 0);
        assert!(operations.change(id, change(OperationState::Completed, 1), None));
        operations.abandon_all(2);
        assert!(!operations.change(id, change(OperationState::Failed, 3), None));
        let held = operations.by_id(id, &OperationLog::default(), 3);
        let states: Vec<_> = held
            .map(|operation| operation.history.iter().map(|c| c.state).collect())
            .unwrap_or_default();
        assert_eq!(
            states,
            [OperationState::Scheduled, OperationState::Completed]
        );
    }

    #[test]
    fn a_restart_abandons_what_runs() {
        let operations = Operations::default();
        let id = begun(&operations, 0);
        assert_eq!(operations.running(), 1);
        operations.abandon_all(1);
        assert_eq!(operations.running(), 0);
        let held = operations
            .by_id(id, &OperationLog::default(), 1)
            .expect("it is young");
        assert_eq!(
            held.latest().map(|change| change.state),
            Some(OperationState::Abandoned)
        );
    }
}
