//! The little HTTP that tasks need to talk to what they start on this machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};

/// Far beyond what anything here takes.
const HANGS_AFTER: Duration = Duration::from_secs(300);

/// A status and a body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Sends one request to `http://host:port` and reads the whole answer. With a body it is a POST.
pub(crate) fn request(base: &str, path: &str, body: Option<&str>) -> Result<Answer> {
    let host = base.strip_prefix("http://").unwrap_or(base);
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let mut stream =
        TcpStream::connect(host).with_context(|| format!("{base} cannot be reached"))?;
    stream.set_read_timeout(Some(HANGS_AFTER))?;
    // Version 1.0: the answer ends with the connection, so it never comes in chunks.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .with_context(|| format!("the answer of {base}{path} broke off"))?;
    parse(&String::from_utf8_lossy(&answer))
        .with_context(|| format!("the answer of {base}{path} is not HTTP"))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let answer = parse("HTTP/1.1 429 Too Many\r\na: b\r\n\r\n{}").expect("it is HTTP");
        assert_eq!((answer.status, answer.body.as_str()), (429, "{}"));
        assert!(parse("HTTP/1.1 200 OK").is_none());
    }
}
