//! A custom handler that does what the function's name says.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path as UrlPath;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde_json::{Value, json};

/// Not a test: the process that the other tests start. Without their setting it ends at once.
#[test]
fn process() {
    if std::env::var_os("FAKE_HANDLER").is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(serve());
    std::process::exit(0);
}

async fn serve() {
    if let Some(code) = setting("EXIT_AT_START") {
        std::process::exit(code.parse().expect("a code"));
    }
    if setting("NEVER_LISTEN").is_some() {
        std::future::pending::<()>().await;
    }
    let port: u16 = setting("FUNCTIONS_CUSTOMHANDLER_PORT")
        .and_then(|port| port.parse().ok())
        .expect("the host gives a port");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port is free");
    let router = Router::new()
        .route("/", get(|| async { StatusCode::NOT_FOUND }))
        .route("/api/{*rest}", any(original))
        .route("/{function}", post(invoked));
    let served = axum::serve(listener, router).into_future();
    tokio::select! {
        _ = served => {}
        () = until_sigterm() => {}
    }
}

#[cfg(unix)]
async fn until_sigterm() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut signal = signal(SignalKind::terminate()).expect("a signal");
    loop {
        signal.recv().await;
        if setting("STUBBORN").is_none() {
            return;
        }
    }
}

#[cfg(not(unix))]
async fn until_sigterm() {
    std::future::pending::<()>().await;
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn marks_folder() -> PathBuf {
    setting("MARKS").expect("the tests give a folder").into()
}

/// Runs that began.
pub(super) fn marks(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("the folder of marks");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with("began-")).count()
}

fn mark() {
    let name = format!("began-{}", uuid::Uuid::new_v4());
    fs::write(marks_folder().join(name), "").expect("a mark");
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A request that the host handed on as it was.
async fn original(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let id = headers
        .get("x-azure-functions-invocationid")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let text = json!({
        "forwarded": true,
        "method": method.as_str(),
        "uri": uri.to_string(),
        "body": String::from_utf8_lossy(&body),
        "hasId": id.is_some(),
    });
    (StatusCode::IM_A_TEAPOT, axum::Json(text)).into_response()
}

async fn invoked(UrlPath(function): UrlPath<String>, headers: HeaderMap, body: Bytes) -> Response {
    let json = |text: &'static str| ([(header::CONTENT_TYPE, "application/json")], text);
    match function.as_str() {
        "ok" => {
            let mut stderr = std::io::stderr();
            stderr.write_all(b"a WARNing\nan error\n").expect("stderr");
            axum::Json(json!({"Outputs": {"chain": {"n": 1}}, "Logs": ["did it"]})).into_response()
        }
        "echo" => {
            let payload: Value = serde_json::from_slice(&body).expect("JSON");
            let chunked = headers.contains_key(header::TRANSFER_ENCODING);
            let id = headers.contains_key("x-azure-functions-invocationid");
            let said = json!({"payload": payload, "chunked": chunked, "hasId": id});
            axum::Json(json!({"ReturnValue": said})).into_response()
        }
        "page" => axum::Json(json!({"Outputs": {"res": {
            "statusCode": 201,
            "headers": {"Content-Type": "text/html", "X-Test": "yes"},
            "body": "<h1>it</h1>",
        }}}))
        .into_response(),
        "null" => json("null").into_response(),
        "empty" => StatusCode::OK.into_response(),
        "fail" => (
            StatusCode::INTERNAL_SERVER_ERROR,
            json("{\"Logs\":[\"a\"]}"),
        )
            .into_response(),
        "text" => "fine".into_response(),
        "wait" => {
            mark();
            until(|| marks_folder().join("release").exists()).await;
            json("{}").into_response()
        }
        "meet" => {
            mark();
            until(|| marks(&marks_folder()) >= 2).await;
            axum::Json(json!({"ReturnValue": std::process::id()})).into_response()
        }
        other => match other.strip_prefix("exit-") {
            Some(code) => std::process::exit(code.parse().expect("a code")),
            None => StatusCode::NOT_FOUND.into_response(),
        },
    }
}
