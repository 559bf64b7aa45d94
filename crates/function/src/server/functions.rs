//! `advance`, which the timer fires, and `advance-now`, which a queue's message fires.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tracing::Instrument;

use super::contract::{Answer, Invocation};
use crate::advance::{App, Ended, advance as execute};

/// The queue output binding in `function.json`.
const CHAIN: &str = "chain";

/// Executions that one timer's tick may call for, one after the other. Each tick begins anew,
/// so this bounds the number of chains and not the work.
const HOPS: u64 = 100;

/// Lines of `Logs` at most.
const LINES: usize = 20;

/// Runs one execution as a task of its own: a connection that is lost does not end it.
pub(super) async fn advance(
    app: &Arc<App>,
    invocation: &Invocation,
    function: &str,
) -> (StatusCode, Answer) {
    let message = invocation.message().unwrap_or_default();
    let id = invocation.id.clone();
    let span = tracing::info_span!("invocation", invocation = id.as_str());
    let past_due = invocation.is_past_due();
    span.in_scope(|| {
        tracing::info!(
            event = "invocation",
            function,
            past_due,
            "an execution begins"
        )
    });
    if let Some(refused) = span.in_scope(|| refusal(app)) {
        return refused;
    }
    let task = tokio::spawn(execute(Arc::clone(app), id, only(&message)).instrument(span.clone()));
    match task.await {
        Ok(ended) => span.in_scope(|| outcome(app, &ended, hop(&message))),
        Err(error) => {
            span.in_scope(|| {
                tracing::error!(
                    event = "invocation",
                    error = error.to_string(),
                    "the execution broke off; report this, nothing was lost"
                );
            });
            (StatusCode::INTERNAL_SERVER_ERROR, Answer::default())
        }
    }
}

/// Why no execution can begin.
fn refusal(app: &App) -> Option<(StatusCode, Answer)> {
    if app.is_stopping() {
        tracing::info!(event = "invocation", "the handler is about to end");
        return Some((StatusCode::SERVICE_UNAVAILABLE, Answer::default()));
    }
    for problem in &app.settings.problems {
        tracing::error!(event = "settings", "{problem}");
    }
    (!app.settings.problems.is_empty()).then(|| {
        let logs = app.settings.problems.iter().take(LINES).cloned().collect();
        let answer = Answer {
            logs,
            ..Answer::default()
        };
        (StatusCode::INTERNAL_SERVER_ERROR, answer)
    })
}

fn outcome(app: &App, ended: &[Ended], hop: u64) -> (StatusCode, Answer) {
    let mut logs: Vec<String> = ended.iter().map(Ended::summary).take(LINES).collect();
    if ended.len() > LINES {
        logs.push(format!("and {} more jobs", ended.len() - LINES));
    }
    let due: Vec<&str> = ended
        .iter()
        .filter(|ended| ended.is_work_due())
        .map(|ended| ended.job.as_str())
        .collect();
    let mut outputs = BTreeMap::new();
    if app.settings.chain && !due.is_empty() && hop < HOPS {
        // As text: the host would write an object in its own way.
        let message = json!({"jobs": due, "hop": hop + 1}).to_string();
        outputs.insert(CHAIN, Value::String(message));
    }
    // A failed invocation's outputs are discarded: one job's failure would end the chains of all
    // others. The lines of the steps tell it, and this chain ends in an execution that fails.
    let status = if outputs.is_empty() && ended.iter().any(Ended::is_failure) {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::OK
    };
    let answer = Answer {
        outputs,
        logs,
        return_value: None,
    };
    (status, answer)
}

/// The jobs that a message names: `{"job": "a"}` or `{"jobs": ["a", "b"]}`; otherwise all.
fn only(message: &Map<String, Value>) -> Option<BTreeSet<String>> {
    let one = message.get("job").and_then(Value::as_str);
    let several = message.get("jobs").and_then(Value::as_array);
    if one.is_none() && several.is_none() {
        return None;
    }
    let several = several.into_iter().flatten().filter_map(Value::as_str);
    Some(one.into_iter().chain(several).map(str::to_owned).collect())
}

fn hop(message: &Map<String, Value>) -> u64 {
    message.get("hop").and_then(Value::as_u64).unwrap_or(0)
}
