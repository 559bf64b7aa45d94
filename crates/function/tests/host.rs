//! The handler as a process below the stand-in Functions host, with the app's own definitions.

mod handler;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use kusto_copy_stand_in_host::{Host, Options, Outcome, Tick};
use serde_json::Value;

/// A job that lacks almost everything: an execution has something to complain of, and nothing
/// beyond this machine is asked.
const INCOMPLETE: &str = r#"[{"name":"incomplete"}]"#;

fn options() -> Options {
    let mut options = Options::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    options.executable = Some(env!("CARGO_BIN_EXE_handler").into());
    options
        .setting("KUSTO_COPY_SCHEDULE", "0 * * * * *")
        .setting("KUSTO_COPY_JOBS", INCOMPLETE)
}

/// Status and body of an answer to `GET`.
fn get(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").expect("an address");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("the host listens");
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("HTTP");
    let status = head.split(' ').nth(1).expect("a status");
    (status.to_owned(), body.to_owned())
}

async fn got(url: String) -> (String, String) {
    tokio::task::spawn_blocking(move || get(&url))
        .await
        .expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_with_wrong_settings_fails_and_tells_why() {
    let host = Host::start(options()).await.expect("the handler answers");
    for tick in [
        Tick::default(),
        Tick {
            unmonitored: true,
            past_due: true,
            chunked: true,
            retries: Some(3),
        },
    ] {
        let invocation = host.tick_with("advance", tick).await.expect("a timer");
        assert!(matches!(invocation.outcome, Outcome::Failed(_)));
        assert_eq!(invocation.status, Some(500));
        assert!(!invocation.killed);
    }
    let lines = host.lines();
    let records = lines.iter().map(|line| {
        let record: Value = serde_json::from_str(line).expect("every line of stdout is JSON");
        record
    });
    let errors: Vec<Value> = records
        .filter(|record| record["level"] == "error")
        .collect();
    assert!(!errors.is_empty(), "{lines:?}");
    assert!(
        errors[0]["message"]
            .as_str()
            .expect("a text")
            .contains("source")
    );
    assert_eq!(host.stop().await, Some(0), "it ends in order when asked to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_served_whether_or_not_the_host_forwards() {
    for forwards in ["true", "false"] {
        let setting = "AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest";
        let options = options().setting(setting, forwards);
        let host = Host::start(options).await.expect("the handler answers");
        let (status, body) = got(host.function_url("status?format=json")).await;
        assert_eq!(status, "200", "forwarding {forwards}: {body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let problems = body["problems"].as_array().expect("problems");
        assert!(!problems.is_empty());
        let (status, page) = got(host.function_url("status")).await;
        assert_eq!(status, "200");
        assert!(page.contains("<html"), "forwarding {forwards}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_served_is_put_aside() {
    let mut options = options();
    options.chaining = true;
    let host = Host::start(options).await.expect("the handler answers");
    host.enqueue("kusto-copy-advance", "{}");
    let invocation = host.deliver("advance-now").await.expect("a queue function");
    let invocation = invocation.expect("there is a message");
    assert!(matches!(invocation.outcome, Outcome::Failed(_)));
    assert_eq!(invocation.status, Some(500));
    assert!(host.messages("kusto-copy-advance").is_empty());
    assert_eq!(host.messages("kusto-copy-advance-poison").len(), 1);
}

#[test]
fn nobody_reaches_a_function_over_http_without_a_key() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../function-definitions");
    let mut reachable = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the definitions are there") {
        let path = entry.expect("the folder can be read").path();
        for name in ["function.json", "function.chained.json"] {
            let Ok(text) = std::fs::read(path.join(name)) else {
                continue;
            };
            let definition: Value = serde_json::from_slice(&text).expect("it is JSON");
            let bindings = definition["bindings"].as_array().expect("bindings");
            for binding in bindings.iter().filter(|one| one["type"] == "httpTrigger") {
                assert_eq!(binding["authLevel"], "function", "{}", path.display());
                reachable.push(binding["route"].as_str().map(str::to_owned));
            }
        }
    }
    reachable.sort();
    let routes = ["control", "status"].map(|route| Some(route.to_owned()));
    assert_eq!(reachable, routes);
}
