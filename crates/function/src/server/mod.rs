//! The HTTP side: what the Functions host and, through it, people ask.
//!
//! | module | what it holds |
//! |---|---|
//! | `contract` | the host's messages |
//! | `web` | requests of people in both of the host's forms |
//! | `functions` | `advance` and `advance-now` |
//! | `status` | the page and its JSON |
//! | `control` | pause, resume, retry, start |

mod contract;
mod control;
mod functions;
mod status;
#[cfg(test)]
mod tests;
mod web;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use kusto_copy_driver::complaint::Complaint;

use crate::advance::App;
use contract::{Answer, Invocation};
use web::{WebReply, WebRequest};

/// Bytes of a request's body at most. The host's own messages are a few kilobytes; a queue's
/// message has at most 64 KiB.
const BODY_LIMIT: usize = 1 << 20;

/// How long a person waits for the storage of one job at most; a state of 100,000 blocks is a
/// hundred requests. The page waits a minute.
const PATIENCE: Duration = Duration::from_secs(45);

/// What they are told then.
fn does_not_answer() -> Complaint {
    Complaint::new("the progress store does not answer").remedy("try again in a minute")
}

/// Everything that the handler serves.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new().fallback(serve).with_state(app)
}

/// Takes requests apart by hand: the same function comes as `POST /status` in the host's own
/// form and as `GET /api/status` as it was sent, and without a prefix both have the same path.
async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.uri.path() == "/" {
        // The host asks until there is any answer, and goes on asking to see that it lives.
        return answer(StatusCode::OK, &Answer::default());
    }
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return WebReply::refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request is too large or broke off",
        )
        .into_response();
    };
    route(&app, &parts.method, &parts.uri, &parts.headers, &body).await
}

async fn route(
    app: &Arc<App>,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    // The host's routes have no case, and what it forwards is as it was written.
    let path = uri.path().trim_matches('/').to_ascii_lowercase();
    if method == Method::POST {
        match path.as_str() {
            function @ ("advance" | "advance-now") => {
                let invocation = Invocation::read(headers, body);
                let (status, reply) = functions::advance(app, &invocation, function).await;
                return answer(status, &reply);
            }
            function @ ("status" | "control") => {
                let invocation = Invocation::read(headers, body);
                if let Some(request) = invocation.http_request() {
                    let request = WebRequest::enclosed(request);
                    let reply = web_function(app, function, &request, &invocation.id).await;
                    return answer(StatusCode::OK, &reply.into_answer());
                }
            }
            _ => {}
        }
    }
    let prefix = app.settings.route_prefix.to_ascii_lowercase();
    let function = match prefix.as_str() {
        "" => Some(path.as_str()),
        prefix => path
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('/')),
    };
    match function {
        Some(function @ ("status" | "control")) => {
            let request = WebRequest::original(method, uri, headers, body);
            let invocation = contract::invocation_id(headers);
            web_function(app, function, &request, &invocation)
                .await
                .into_response()
        }
        Some(_) | None => {
            WebReply::refusal(StatusCode::NOT_FOUND, "there is nothing here").into_response()
        }
    }
}

async fn web_function(
    app: &Arc<App>,
    function: &str,
    request: &WebRequest,
    invocation: &str,
) -> WebReply {
    match function {
        "status" => status::reply(app, request).await,
        _ => control::reply(app, request, invocation).await,
    }
}

/// An answer to the host: always JSON, never empty.
fn answer(status: StatusCode, answer: &Answer) -> Response {
    let body = serde_json::to_string(answer).unwrap_or_else(|_| "{}".to_owned());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
