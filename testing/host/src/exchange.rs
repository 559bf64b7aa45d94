//! One HTTP request to the handler, over a connection of its own.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, Uri, header};
use futures::stream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Longest wait for the answer to a readiness check, after which another one is sent.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer that the stand-in reads.
const MAX_ANSWER: usize = 64 << 20;

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// In chunks of unannounced length, as the host may.
    pub(crate) chunked: bool,
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// A connection that cannot be made, or that breaks.
pub(crate) async fn exchange(port: u16, call: Call) -> Result<Answer, String> {
    let response = send(port, call).await?;
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, MAX_ANSWER)
        .await
        .map_err(|error| format!("the handler's answer broke off: {error}"))?;
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.to_vec(),
    })
}

async fn send(port: u16, call: Call) -> Result<Response<Body>, String> {
    let stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .map_err(|error| format!("the handler cannot be reached: {error}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| format!("the handler speaks no HTTP: {error}"))?;
    // Ends with the answer, or when the sender is dropped.
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(call.method).uri(call.uri);
    if let Some(headers) = request.headers_mut() {
        *headers = call.headers;
        let host = format!("127.0.0.1:{port}");
        if let Ok(host) = host.parse() {
            headers.entry(header::HOST).or_insert(host);
        }
    }
    let body = if call.chunked {
        let pieces: Vec<Result<Vec<u8>, std::convert::Infallible>> = call
            .body
            .chunks(7)
            .map(|piece| Ok(piece.to_vec()))
            .collect();
        Body::from_stream(stream::iter(pieces))
    } else {
        Body::from(call.body)
    };
    let request = request
        .body(body)
        .map_err(|error| format!("no request can be made of this: {error}"))?;
    let abort = AbortOnDrop(connection.abort_handle());
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| format!("the handler gave no answer: {error}"))?;
    Ok(response.map(|body| {
        Body::new(Guarded {
            body,
            _abort: abort,
        })
    }))
}

/// Whether anything answers a GET of `/`.
pub(crate) async fn answers(port: u16) -> bool {
    let call = Call {
        method: Method::GET,
        uri: Uri::from_static("/"),
        headers: HeaderMap::new(),
        body: Vec::new(),
        chunked: false,
    };
    matches!(
        tokio::time::timeout(LOOK_TIMEOUT, send(port, call)).await,
        Ok(Ok(_))
    )
}

/// Closes the connection when the caller no longer waits: that is how a request is cut off.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A body that keeps its connection for as long as it is read.
struct Guarded {
    body: hyper::body::Incoming,
    _abort: AbortOnDrop,
}

impl hyper::body::Body for Guarded {
    type Data = hyper::body::Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
