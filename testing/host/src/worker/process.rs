//! The handler as a process of the operating system.

use std::io;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::{Running, Start};
use crate::exchange;
use crate::journal::{Event, Journal, Level};

/// How often the host looks whether the handler answers.
const LOOKS_EVERY: Duration = Duration::from_millis(25);

/// What the process inherits: enough to run programs and keep temporary files. Everything else
/// comes from the app's settings, so that no variable of the developer's machine decides anything.
const INHERITED: [&str; 8] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SystemRoot",
    "LD_LIBRARY_PATH",
    "RUST_BACKTRACE",
];

/// Starts the process with the environment of a custom handler and a free port.
pub(super) fn spawn(start: &Start, journal: &Arc<Journal>) -> io::Result<(Child, Running)> {
    let port = free_port()?;
    let mut command = Command::new(&start.executable);
    command
        .args(&start.arguments)
        .current_dir(&start.root)
        .env_clear()
        .envs(INHERITED.iter().filter_map(|name| {
            let value = std::env::var_os(name)?;
            Some((name, value))
        }))
        .envs(&start.settings)
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("FUNCTIONS_HTTPWORKER_PORT", port.to_string())
        .env(
            "FUNCTIONS_CUSTOMHANDLER_WORKER_ID",
            uuid::Uuid::new_v4().to_string(),
        )
        .env("FUNCTIONS_APP_ROOT_PATH", &start.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let pid = child.id().unwrap_or_default();
    journal.note(Event::Started { pid, port });
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, journal, |_| Level::Information);
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, journal, Level::of_stderr);
    }
    Ok((child, Running { pid, port }))
}

/// A port that was free a moment ago. If somebody takes it meanwhile, the handler exits with an
/// error and is started again with another.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn forward(
    stream: impl AsyncRead + Send + Unpin + 'static,
    journal: &Arc<Journal>,
    level: fn(&str) -> Level,
) {
    let journal = Arc::clone(journal);
    let mut lines = BufReader::new(stream).lines();
    tokio::spawn(async move {
        while let Ok(Some(text)) = lines.next_line().await {
            let level = level(&text);
            journal.note(Event::Line { level, text });
        }
    });
}

/// Any answer counts, an error too.
pub(super) async fn until_it_answers(port: u16) {
    while !exchange::answers(port).await {
        tokio::time::sleep(LOOKS_EVERY).await;
    }
}

/// SIGTERM, where there is such a thing.
pub(super) fn ask_to_end(pid: u32) {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        // An error means that it is gone already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    #[cfg(not(unix))]
    let _ = pid;
}
