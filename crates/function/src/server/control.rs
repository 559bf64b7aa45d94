//! What people ask of a job: pause, resume, retry what is held, start an iteration now.
//!
//! The request is stored with the job; whoever drives it reads it within seconds. An answer that
//! is lost loses nothing: asking again changes nothing or opens one more iteration.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use kusto_copy_driver::Request;
use serde_json::{Value, json};

use super::web::{WebReply, WebRequest};
use super::{PATIENCE, does_not_answer};
use crate::advance::App;

/// Bytes of a request at most.
const LIMIT: usize = 16 << 10;

/// `POST control` with `{"job": "name", "action": "pause"}`.
pub(super) async fn reply(app: &Arc<App>, request: &WebRequest, invocation: &str) -> WebReply {
    if request.method != "POST" {
        let refusal = WebReply::refusal(StatusCode::METHOD_NOT_ALLOWED, "ask with POST");
        return refusal.with(header::ALLOW, "POST");
    }
    // A foreign page cannot send this type without the browser asking us first.
    let content = request.header("content-type");
    if content.split(';').next().map(str::trim) != Some("application/json") {
        return WebReply::refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send JSON with content-type application/json",
        );
    }
    if request.body.len() > LIMIT {
        return WebReply::refusal(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
    }
    let body: Value = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(_) => return WebReply::refusal(StatusCode::BAD_REQUEST, "the request is no JSON"),
    };
    let text = |name| body.get(name).and_then(Value::as_str);
    let (Some(name), Some(action)) = (text("job"), text("action")) else {
        return WebReply::refusal(
            StatusCode::BAD_REQUEST,
            "write {\"job\": \"name\", \"action\": \"pause\"}",
        );
    };
    let Some((wish, done)) = wish(action) else {
        return WebReply::refusal(
            StatusCode::BAD_REQUEST,
            "there is no such action; use pause, resume, retry or start",
        );
    };
    let Some(job) = app.settings.job(name) else {
        return WebReply::refusal(StatusCode::NOT_FOUND, "there is no job of this name");
    };
    // Stored or not, asking again does no harm.
    let asked = tokio::time::timeout(PATIENCE, app.runner.request(job, wish)).await;
    match asked.unwrap_or_else(|_| Err(does_not_answer())) {
        Ok(false) => WebReply::refusal(
            StatusCode::CONFLICT,
            "the job has not run yet; ask again after its first execution",
        ),
        Ok(true) => {
            tracing::info!(event = "control", job = name, invocation, action, "{done}");
            WebReply::json(StatusCode::OK, &json!({"ok": true, "message": done}))
        }
        Err(complaint) => {
            tracing::error!(
                event = "control",
                job = name,
                invocation,
                action,
                remedy = complaint.remedy.as_deref(),
                "{}",
                complaint.message
            );
            let body = json!({
                "ok": false,
                "message": complaint.message,
                "remedy": complaint.remedy,
            });
            WebReply::json(StatusCode::INTERNAL_SERVER_ERROR, &body)
        }
    }
}

/// What an action asks, and what to say when it is stored.
fn wish(action: &str) -> Option<(Request, &'static str)> {
    match action {
        "pause" => Some((
            Request::Pause,
            "The job pauses: nothing new begins, and what runs is watched to its end.",
        )),
        "resume" => Some((Request::Resume, "The job goes on with its next execution.")),
        "retry" => Some((
            Request::RetryHeld,
            "What is held is tried again by the next execution.",
        )),
        "start" => Some((
            Request::StartNow,
            "An iteration starts with the next execution.",
        )),
        _ => None,
    }
}
