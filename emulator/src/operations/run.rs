//! Runs a command within its slots, in the caller's time or as an operation.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kusto_emulator_values::Table;
use uuid::Uuid;

use super::{Change, NewOperation, OperationState};
use crate::capacity::{Resource, Slot};
use crate::clock::now_ticks;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::faults::FaultKind;
use crate::request::Request;
use crate::settings::{ServiceTime, Throttling};

/// A command that is ready to run.
pub(crate) struct Work {
    /// Kind by the name of the grammar (`ExportToStorage`), for faults and counters.
    pub(crate) command: String,
    /// Kind of work in the operations' log.
    pub(crate) operation: String,
    /// The slots it needs.
    pub(crate) resource: Option<Resource>,
    /// Extra time.
    pub(crate) service_time: ServiceTime,
    /// Whether its result can be asked for afterwards (`persistDetails`).
    pub(crate) keeps_details: bool,
    /// The work itself; it gets the operation's id.
    pub(crate) task: Box<dyn FnOnce(Uuid) -> Running + Send + Sync>,
}

/// The work under way.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Table, KustoError>> + Send>>;

impl std::fmt::Debug for Work {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Work")
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// Runs the work and returns its result. It goes on when the client goes away, as in Kusto.
///
/// # Errors
/// No slot (HTTP 429) or what the work returns.
pub(crate) async fn run_synchronous(
    engine: &Arc<Engine>,
    request: &Request,
    work: Work,
) -> Result<Table, KustoError> {
    let id = engine.operations.begin(new_operation(request, &work));
    let slot = match slot(engine, &work, is_throttled(engine, request, &work)).await {
        Ok(slot) => slot,
        Err(refused) => {
            record_end(engine, id, &Err(refused.clone()), None);
            return Err(refused);
        }
    };
    let task = tokio::spawn(perform(Arc::clone(engine), request.clone(), work, id, slot));
    engine.operations.attach(id, task.abort_handle());
    match task.await {
        Ok(result) => result,
        Err(_) => Err(KustoError::service("The request was abandoned.")),
    }
}

/// Starts the work as an operation and returns its id.
///
/// # Errors
/// No slot, when the settings ask for a refusal instead of a throttled operation.
pub(crate) async fn start_asynchronous(
    engine: &Arc<Engine>,
    request: &Request,
    work: Work,
) -> Result<Uuid, KustoError> {
    let throttled = is_throttled(engine, request, &work);
    let early = match engine.settings().throttling {
        Throttling::Refusal => Some(slot(engine, &work, throttled).await?),
        Throttling::Operation => None,
    };
    let id = engine.operations.begin(new_operation(request, &work));
    let (engine_of_task, request) = (Arc::clone(engine), request.clone());
    let task = tokio::spawn(async move {
        let engine = engine_of_task;
        let slot = match early {
            Some(slot) => Ok(slot),
            None => slot(&engine, &work, throttled).await,
        };
        match slot {
            Ok(slot) => {
                // The result is in the operation's log.
                drop(perform(Arc::clone(&engine), request, work, id, slot).await);
            }
            Err(refused) => record_end(&engine, id, &Err(refused), None),
        }
    });
    engine.operations.attach(id, task.abort_handle());
    Ok(id)
}

fn new_operation(request: &Request, work: &Work) -> NewOperation {
    NewOperation {
        kind: work.operation.clone(),
        database: request.database.clone(),
        activity_id: request.activity_id,
        user: request.user.clone(),
        started_on: now_ticks(),
    }
}

fn is_throttled(engine: &Engine, request: &Request, work: &Work) -> bool {
    engine
        .faults
        .strike(FaultKind::Throttle, &work.command, &request.text)
        .is_some()
}

async fn slot(
    engine: &Arc<Engine>,
    work: &Work,
    throttled: bool,
) -> Result<Option<Slot>, KustoError> {
    let Some(resource) = work.resource else {
        return match throttled {
            true => Err(KustoError::throttled(&work.operation, 0, "Ingestion")),
            false => Ok(None),
        };
    };
    let total = || resource.total(&engine.settings().capacity);
    let refusal = || KustoError::throttled(&work.operation, total(), resource.origin());
    if throttled {
        return Err(refusal());
    }
    let wait = Duration::from_millis(engine.settings().throttle_wait_ms);
    let slot = engine.capacity.acquire(resource, total, wait).await;
    slot.map(Some).ok_or_else(refusal)
}

async fn perform(
    engine: Arc<Engine>,
    request: Request,
    work: Work,
    id: Uuid,
    slot: Option<Slot>,
) -> Result<Table, KustoError> {
    let in_progress = Change {
        state: OperationState::InProgress,
        status: String::new(),
        should_retry: false,
        at: now_ticks(),
    };
    engine.operations.change(id, in_progress, None);
    let strike = |kind| engine.faults.strike(kind, &work.command, &request.text);
    let lost = || KustoError::service("The operation failed on one of the nodes.");
    let (fails, late) = (
        strike(FaultKind::FailOperation).is_some(),
        strike(FaultKind::LateEffect),
    );
    let (fails_after, is_emptied) = (
        strike(FaultKind::FailAfterEffect).is_some(),
        strike(FaultKind::EmptyResult).is_some(),
    );
    pause(work.service_time.base_ms.saturating_mul(1_000_000)).await;
    if let Some(rule) = late {
        let result = Err(lost());
        record_end(&engine, id, &result, None);
        let wait = Duration::from_millis(rule.delay_ms);
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            // Nobody is told how it went.
            drop((work.task)(id).await);
        });
        return result;
    }
    let result = match fails {
        true => Err(lost()),
        false => match (work.task)(id).await {
            Ok(_) if fails_after => Err(lost()),
            Ok(table) if is_emptied => Ok(Table::empty(table.schema)),
            done => done,
        },
    };
    if let Ok(table) = &result {
        let rows = u64::try_from(affected_rows(table)).unwrap_or(u64::MAX);
        pause(work.service_time.per_row_ns.saturating_mul(rows)).await;
    }
    let details = result.as_ref().ok().filter(|_| work.keeps_details).cloned();
    record_end(&engine, id, &result, details);
    drop(slot);
    result
}

async fn pause(nanoseconds: u64) {
    if nanoseconds > 0 {
        tokio::time::sleep(Duration::from_nanos(nanoseconds)).await;
    }
}

/// Rows that the result says were written, else the rows of the result itself.
fn affected_rows(table: &Table) -> usize {
    use kusto_emulator_values::Value;
    let Some(column) = table
        .column_index("NumRecords")
        .or_else(|| table.column_index("RowCount"))
    else {
        return table.num_rows();
    };
    table
        .rows()
        .unwrap_or_default()
        .iter()
        .filter_map(|row| match row.get(column) {
            Some(Value::Long(rows)) => usize::try_from(*rows).ok(),
            _ => None,
        })
        .sum()
}

fn record_end(
    engine: &Engine,
    id: Uuid,
    result: &Result<Table, KustoError>,
    details: Option<Table>,
) {
    let (state, status, should_retry) = match result {
        Ok(_) => (OperationState::Completed, String::new(), false),
        Err(error) => {
            let state = match (error.status, error.permanent) {
                (429, _) => OperationState::Throttled,
                (400, true) => OperationState::BadInput,
                _ => OperationState::Failed,
            };
            (state, error.message.clone(), !error.permanent)
        }
    };
    let change = Change {
        state,
        status,
        should_retry,
        at: now_ticks(),
    };
    engine.operations.change(id, change, details);
}
