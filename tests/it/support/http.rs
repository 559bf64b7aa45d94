//! HTTP for tests: one request, one answer, nothing shared with the code under test.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Far beyond what any answer takes, so no verdict depends on it.
const HANGS_AFTER: Duration = Duration::from_secs(120);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// Sends one request to `http://host:port` and reads the whole answer.
///
/// # Errors
/// When nobody listens or the connection is cut.
pub(crate) fn request(uri: &str, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
    let host = uri.strip_prefix("http://").unwrap_or(uri);
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(HANGS_AFTER))?;
    // Version 1.0: the answer ends with the connection, so it never comes in chunks.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other("the answer is not HTTP"))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let border = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..border]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        body: answer[border + 4..].to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let answer = parse(b"HTTP/1.1 429 Too Many\r\na: b\r\n\r\n{}").expect("it is HTTP");
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (429, b"{}".as_slice())
        );
        assert!(parse(b"HTTP/1.1 200 OK\r\n").is_none());
    }
}
