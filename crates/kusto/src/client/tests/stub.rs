//! A server that answers what it is told to, in order, and remembers what it was asked.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// An answer.
    Http {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// The request is read and the connection closed without a word.
    Hangup,
    /// The answer ends in its middle.
    HalfBody,
    /// The request is read and never answered.
    Silence,
}

impl Reply {
    pub(super) fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Self::Http {
            status,
            headers,
            body: body.to_owned(),
        }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::new(200, &[], &body.to_string())
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) connection: usize,
    pub(super) path: String,
    pub(super) body: Value,
    headers: Vec<(String, String)>,
}

impl Request {
    /// A header's value, or nothing.
    pub(super) fn header(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    replies: Vec<Reply>,
    requests: Vec<Request>,
}

pub(super) struct Stub {
    pub(super) uri: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no test panics while it holds this")
}

impl Stub {
    pub(super) async fn start(mut replies: Vec<Reply>) -> Self {
        replies.reverse();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let uri = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State {
            replies,
            requests: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                connections.spawn(serve(stream, number, Arc::clone(&shared)));
            }
        });
        Self { uri, state, task }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        lock(&self.state).requests.clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, connection: usize, state: Arc<Mutex<State>>) {
    while let Some(request) = read_request(&mut stream, connection).await {
        let reply = {
            let mut state = lock(&state);
            state.requests.push(request);
            state.replies.pop().unwrap_or(Reply::Hangup)
        };
        match reply {
            Reply::Http {
                status,
                headers,
                body,
            } => {
                let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let answer = format!("{head}\r\n{body}");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Hangup => return,
            Reply::HalfBody => {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Tables\"";
                // The client may be gone already; the test sees to it.
                let _ = stream.write_all(answer).await;
                return;
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

/// A request with its body, or nothing when the connection ends.
async fn read_request(stream: &mut TcpStream, connection: usize) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")?
        .1
        .parse()
        .ok()?;
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&body).ok()?;
    Some(Request {
        connection,
        path,
        body,
        headers,
    })
}
