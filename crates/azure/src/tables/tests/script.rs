//! A network that does as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{AUTHORIZATION, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, Transport};
use kusto_copy_kusto::RetryPolicy;
use kusto_copy_store::{Key, Layout, Partition, Row, Transaction, Write};

use crate::tables::{AzureTableStore, Table};
use crate::{Access, Secret};

/// What the network does with one request.
#[derive(Debug, Clone)]
pub(super) enum Turn {
    /// No connection.
    Unreachable,
    /// Sent, and no answer.
    Lost,
    /// An answer.
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
}

pub(super) fn answer(status: u16, code: &str) -> Turn {
    let body = serde_json::json!({
        "odata.error": { "code": code, "message": { "lang": "en-US", "value": "0:words" } }
    });
    Turn::Answer {
        status,
        headers: vec![date()],
        body: body.to_string(),
    }
}

pub(super) fn date() -> (&'static str, String) {
    ("date", "Sat, 21 Nov 2026 08:00:01 GMT".to_owned())
}

pub(super) fn written() -> Turn {
    let etag = ("etag", "W/\"datetime'1'\"".to_owned());
    Turn::Answer {
        status: 204,
        headers: vec![date(), etag],
        body: String::new(),
    }
}

/// A network that does its turns in order and remembers what was sent.
#[derive(Debug, Default)]
pub(super) struct Script {
    turns: Mutex<VecDeque<Turn>>,
    sent: Mutex<Vec<String>>,
    shown: Mutex<Vec<String>>,
}

#[async_trait]
impl HttpClient for Script {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = match request.body() {
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Body::SeekableStream(_) => panic!("no request streams"),
        };
        let line = format!("{} {} {body}", request.method().as_ref(), request.url());
        self.sent.lock().expect("the list").push(line);
        let shown = request.headers().get_optional_string(&AUTHORIZATION);
        self.shown.lock().expect("the list").extend(shown);
        match self.turns.lock().expect("the turns").pop_front() {
            None => panic!("a request too many: {}", request.url()),
            Some(Turn::Unreachable) => Err(Error::with_message(ErrorKind::Connection, "refused")),
            Some(Turn::Lost) => Err(Error::with_message(ErrorKind::Io, "reset")),
            Some(Turn::Answer {
                status,
                headers: named,
                body,
            }) => {
                let mut headers = Headers::new();
                for (name, value) in named {
                    headers.insert(name, value);
                }
                Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
            }
        }
    }
}

impl Script {
    /// The first line of each request sent.
    pub(super) fn lines(&self) -> Vec<String> {
        let sent = self.sent.lock().expect("the list");
        let first = |text: &String| text.lines().next().unwrap_or_default().trim().to_owned();
        sent.iter().map(first).collect()
    }

    /// Bytes of each request.
    pub(super) fn bytes(&self) -> Vec<usize> {
        let sent = self.sent.lock().expect("the list");
        sent.iter().map(String::len).collect()
    }

    /// What each request showed to be let in.
    pub(super) fn shown(&self) -> Vec<String> {
        self.shown.lock().expect("the list").clone()
    }
}

pub(super) const SERVICE: &str = "https://account.table.core.windows.net";

/// A store over a network of these turns.
pub(super) fn scripted(turns: &[Turn]) -> (Arc<Script>, AzureTableStore) {
    let access = Access::shared_key("account", Secret::new("a2V5")).expect("a key");
    scripted_with(turns, &access)
}

pub(super) fn scripted_with(turns: &[Turn], access: &Access) -> (Arc<Script>, AzureTableStore) {
    let script = Arc::new(Script {
        turns: Mutex::new(turns.iter().cloned().collect()),
        ..Script::default()
    });
    let service = SERVICE.parse();
    let transport = Transport::new(Arc::clone(&script) as Arc<dyn HttpClient>);
    let table = Table::new(service.expect("an address"), "state", access, transport)
        .expect("a table")
        .with_retry(RetryPolicy {
            sends: 3,
            first_pause: Duration::ZERO,
            longest_pause: Duration::from_secs(5),
        });
    (
        script,
        AzureTableStore::new(table, "lake").expect("a store"),
    )
}

pub(super) fn key(row: &str) -> Key {
    Key::new(
        Partition::encode("p").expect("a partition"),
        Row::encode(row).expect("a row"),
    )
}

pub(super) fn insert(row: &str) -> Write {
    let body = Layout::new(1, "0").write("x").expect("a body");
    Write::Insert {
        key: key(row),
        body,
    }
}

pub(super) fn transaction(writes: Vec<Write>) -> Transaction {
    Transaction::new(writes).expect("a transaction")
}
