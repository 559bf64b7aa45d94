//! The host's contract, with its own payloads and a runner that plays the jobs.

mod control;
mod executions;
mod fake;
mod hostile;
mod status;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::advance::App;
use crate::settings::{HostFile, Settings, Variables, names};
use fake::Fake;

/// An app with these jobs.
struct Rig {
    app: Arc<App>,
    fake: Arc<Fake>,
    stop: watch::Sender<bool>,
}

impl Rig {
    fn new(jobs: &[&str]) -> Self {
        Self::with(jobs, &[])
    }

    fn with(jobs: &[&str], more: &[(&str, &str)]) -> Self {
        let jobs: Vec<Value> = jobs.iter().map(|name| job(name)).collect();
        let mut variables: Variables = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        variables
            .entry(names::JOBS.to_owned())
            .or_insert_with(|| Value::from(jobs).to_string());
        let settings = Settings::read(&variables, &HostFile::default());
        let fake = Arc::new(Fake::default());
        let (stop, receive) = watch::channel(false);
        Self {
            app: App::new(settings, Arc::clone(&fake) as _, receive),
            fake,
            stop,
        }
    }

    /// What the server answers.
    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let (status, text) = text(self.response(request).await).await;
        let body = serde_json::from_str(&text).expect("every answer to the host is JSON");
        (status, body)
    }

    async fn response(&self, request: Request<Body>) -> Response<Body> {
        super::serve(State(Arc::clone(&self.app)), request).await
    }

    async fn tick(&self) -> (StatusCode, Value) {
        self.send(post("/advance", &timer())).await
    }
}

async fn text(response: Response<Body>) -> (StatusCode, String) {
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    let body = body.expect("the answer has a body").to_vec();
    (status, String::from_utf8(body).expect("the answer is text"))
}

fn job(name: &str) -> Value {
    json!({
        "name": name,
        "source": "https://from.westeurope.kusto.windows.net",
        "destination": "https://to.westeurope.kusto.windows.net",
        "databases": ["A"],
        "lake": format!("https://account.blob.core.windows.net/staging/{name}"),
    })
}

/// A POST of the host.
fn post(path: &str, body: &Value) -> Request<Body> {
    Request::post(path)
        .header("Content-Type", "application/json")
        .header("X-Azure-Functions-InvocationId", "i-1")
        .header("X-Azure-Functions-HostVersion", "4.1037.0")
        .body(Body::from(body.to_string()))
        .expect("a request")
}

/// A request that is forwarded as it came.
fn original(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .body(Body::from(body.to_owned()))
        .expect("a request")
}

fn metadata(function: &str) -> Value {
    json!({"sys": {
        "MethodName": function,
        "UtcNow": "2026-02-03T04:05:06.789Z",
        "RandGuid": "0a0a0a0a-0000-0000-0000-000000000000",
    }})
}

fn timer() -> Value {
    json!({
        "Data": {"timer": {
            "Schedule": {"AdjustForDST": true},
            "ScheduleStatus": null,
            "IsPastDue": false,
        }},
        "Metadata": metadata("advance"),
    })
}

/// A queue's message as the host gives it: serialised once more.
fn message(message: &Value) -> Value {
    json!({
        "Data": {"message": Value::from(message.to_string()).to_string()},
        "Metadata": {
            "DequeueCount": "1",
            "Id": "\"5a8e1f0c\"",
            "sys": metadata("advance-now")["sys"],
        },
    })
}

/// An HTTP request in the host's own form.
fn enclosed(method: &str, query: &Value, headers: &Value, body: &str) -> Value {
    json!({
        "Data": {"req": {
            "Url": "https://app.azurewebsites.net/api/function?code=key",
            "Method": method,
            "Query": query,
            "Headers": headers,
            "Params": {},
            "Identities": [{"IsAuthenticated": false}],
            "Body": body,
        }},
        "Metadata": {"sys": metadata("status")["sys"]},
    })
}
