//! A client of the cluster that shares no code with it: HTTP by hand.

use kusto_emulator::{Cluster, Settings, start};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request with a document.
pub(crate) async fn post(uri: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    send("POST", uri, path, &body.to_string()).await
}

/// One HTTP/1.0 request: its answer is never chunked and ends with the connection. `None` when the
/// connection ended without an answer.
async fn send(verb: &str, uri: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    let host = uri.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.ok()?;
    let head = format!(
        "{verb} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         x-ms-client-request-id: test;7\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

/// A client of a cluster with one database, `D`.
pub(crate) struct Client(pub(crate) Cluster);

impl Client {
    /// A cluster with default settings.
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// A cluster with these settings.
    pub(crate) async fn with(settings: Settings) -> Self {
        let settings = Settings {
            databases: vec!["D".to_owned()],
            ..settings
        };
        Self(start(settings).await.expect("port 0 is free"))
    }

    /// Sends a command; `None` when the connection ended without an answer.
    pub(crate) async fn mgmt(&self, text: &str) -> Option<(u16, Value)> {
        let body = json!({"db": "D", "csl": text});
        post(self.0.uri(), "/v1/rest/mgmt", &body).await
    }

    /// The rows of a command that succeeds.
    pub(crate) async fn rows(&self, text: &str) -> Value {
        let (status, answer) = self.mgmt(text).await.expect("an answer");
        assert_eq!(status, 200, "{text}: {answer}");
        answer["Tables"][0]["Rows"].clone()
    }

    /// Sends a query; the answer's status and frames.
    pub(crate) async fn query(&self, text: &str, options: Value) -> (u16, Value) {
        let body = json!({"db": "D", "csl": text, "properties": {"Options": options}});
        post(self.0.uri(), "/v2/rest/query", &body)
            .await
            .expect("an answer")
    }

    /// Posts to the admin port.
    pub(crate) async fn admin(&self, path: &str, body: Value) -> Value {
        let (status, answer) = post(self.0.admin_uri(), path, &body)
            .await
            .expect("an answer");
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
    /// Asks the admin port; `rest.rs` has no need of it.
    #[allow(dead_code)]
    pub(crate) async fn look(&self, path: &str) -> (u16, Value) {
        let answer = send("GET", self.0.admin_uri(), path, "").await;
        answer.expect("an answer")
    }
}
