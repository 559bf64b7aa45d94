//! The executable: it serves its port, logs JSON lines, and ends as the host expects.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

fn handler(port: Option<u16>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
    command
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(port) = port {
        command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string());
    }
    command
}

struct Running {
    child: Child,
    port: u16,
    log: BufReader<ChildStdout>,
}

impl Running {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let mut child = handler(Some(port)).spawn().expect("the handler starts");
        let log = child.stdout.take().expect("its log is piped");
        let mut running = Self {
            child,
            port,
            log: BufReader::new(log),
        };
        // It says so once the port is bound.
        assert_eq!(running.line()["event"], "start");
        running
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.log.read_line(&mut line).expect("its log is read");
        serde_json::from_str(&line).expect("each line is JSON")
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        write!(stream, "{request}\r\nHost: x\r\nConnection: close\r\n\r\n")
            .expect("it takes a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_and_ends_when_it_is_asked_to() {
    let mut running = Running::start();
    let ready = running.ask("GET / HTTP/1.1");
    assert!(ready.starts_with("HTTP/1.1 200 OK"), "{ready}");
    let failed = running.ask("POST /advance HTTP/1.1\r\nContent-Length: 0");
    assert!(failed.starts_with("HTTP/1.1 500 "), "{failed}");
    assert!(failed.contains("KUSTO_COPY_JOBS is not set"), "{failed}");
    let pid = running.child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let status = running.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    let mut events = Vec::new();
    for line in (&mut running.log).lines() {
        let line: Value = serde_json::from_str(&line.expect("its log is read")).expect("JSON");
        events.push(line["event"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(events, ["invocation", "settings", "stop"]);
}

#[test]
fn what_keeps_it_from_serving_is_one_line_and_a_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    for (port, part) in [
        (None, "FUNCTIONS_CUSTOMHANDLER_PORT is not set"),
        (Some(0), "is not a port"),
        (Some(port), "cannot be taken"),
    ] {
        let output = handler(port).output().expect("the handler starts");
        assert_eq!(output.status.code(), Some(1), "{part}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.starts_with("error: ") && text.contains(part), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(output.stdout.is_empty());
    }
}
