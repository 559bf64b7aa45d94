//! The admin port: the commands of [`crate::Handle`] for other processes.
//!
//! | request | does |
//! |---|---|
//! | `POST /tick/{function}` | fires a timer; `?pastDue=true&chunked=true&unmonitored=true&retries=1` |
//! | `POST /double-tick/{function}` | fires it twice at once, past the singleton lock |
//! | `POST /deliver/{function}` | delivers the next queue message; `?forget=true` leaves it there |
//! | `POST /enqueue/{queue}` | adds the body as a message |
//! | `GET /messages/{queue}` | the queue's messages |
//! | `POST /second` | starts a second handler process |
//! | `POST /kill`, `POST /restart` | SIGKILL or SIGTERM, then a new handler |
//! | `POST /drop-next` | throws the next answer away |
//! | `POST /cut-next/{ms}`, `POST /kill-during-next/{ms}` | cuts the connection, kills the handler |
//! | `POST /stop` | asks the program that serves the host to shut it down in order |
//! | `GET /state` | handler, addresses, functions |
//! | `GET /events` | what happened so far |

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use crate::payload::Tick;
use crate::{Handle, HostError};

/// Serves the commands until the task is dropped.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, handle: Handle) -> std::io::Result<()> {
    axum::serve(listener, router(handle)).await
}

fn router(handle: Handle) -> Router {
    Router::new()
        .route("/tick/{function}", post(tick))
        .route("/double-tick/{function}", post(double_tick))
        .route("/deliver/{function}", post(deliver))
        .route("/enqueue/{queue}", post(enqueue))
        .route("/messages/{queue}", get(messages))
        .route("/second", post(second))
        .route("/kill", post(kill))
        .route("/restart", post(restart))
        .route("/drop-next", post(drop_next))
        .route("/cut-next/{ms}", post(cut_next))
        .route("/kill-during-next/{ms}", post(kill_during_next))
        .route("/stop", post(stop))
        .route("/state", get(state))
        .route("/events", get(events))
        .with_state(handle)
}

impl IntoResponse for HostError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NoFunction { .. } => StatusCode::NOT_FOUND,
            Self::Package(_) | Self::Listen { .. } | Self::NotReady(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

type Answer<T> = Result<Json<T>, HostError>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct TickQuery {
    past_due: bool,
    chunked: bool,
    unmonitored: bool,
    retries: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DeliverQuery {
    forget: bool,
}

async fn tick(
    State(handle): State<Handle>,
    Path(function): Path<String>,
    Query(query): Query<TickQuery>,
) -> Answer<impl Serialize> {
    let tick = Tick {
        past_due: query.past_due,
        chunked: query.chunked,
        unmonitored: query.unmonitored,
        retries: query.retries,
    };
    Ok(Json(handle.tick_with(&function, tick).await?))
}

async fn double_tick(
    State(handle): State<Handle>,
    Path(function): Path<String>,
) -> Answer<impl Serialize> {
    Ok(Json(handle.double_tick(&function).await?))
}

async fn deliver(
    State(handle): State<Handle>,
    Path(function): Path<String>,
    Query(query): Query<DeliverQuery>,
) -> Answer<impl Serialize> {
    Ok(Json(if query.forget {
        handle.deliver_and_forget(&function).await?
    } else {
        handle.deliver(&function).await?
    }))
}

async fn enqueue(State(handle): State<Handle>, Path(queue): Path<String>, text: String) {
    handle.enqueue(&queue, text);
}

async fn messages(State(handle): State<Handle>, Path(queue): Path<String>) -> impl IntoResponse {
    Json(handle.messages(&queue))
}

async fn second(State(handle): State<Handle>) -> Result<(), HostError> {
    handle.start_second().await
}

async fn kill(State(handle): State<Handle>) -> Result<(), HostError> {
    handle.kill().await
}

async fn restart(State(handle): State<Handle>) -> Result<(), HostError> {
    handle.restart().await
}

async fn drop_next(State(handle): State<Handle>) {
    handle.drop_next_answer();
}

async fn cut_next(State(handle): State<Handle>, Path(ms): Path<u64>) {
    handle.cut_next_request(Duration::from_millis(ms));
}

async fn kill_during_next(State(handle): State<Handle>, Path(ms): Path<u64>) {
    handle.kill_during_next(Duration::from_millis(ms));
}

async fn stop(State(handle): State<Handle>) {
    handle.0.stop_asked.notify_one();
}

async fn state(State(handle): State<Handle>) -> impl IntoResponse {
    let functions: Vec<&String> = handle.package().functions.keys().collect();
    Json(json!({
        "url": handle.url(),
        "pid": handle.pid(),
        "gaveUp": handle.gave_up(),
        "functions": functions,
        "queues": handle.0.options.storage.queues(),
    }))
}

async fn events(State(handle): State<Handle>) -> impl IntoResponse {
    Json(handle.events())
}
