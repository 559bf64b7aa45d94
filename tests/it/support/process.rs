//! Processes that a test starts and ends: the copier, embedded clusters.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::temp_dir;

/// Past this a process hangs; far beyond what any of them needs, so no verdict depends on it.
const HANGS_AFTER: Duration = Duration::from_secs(120);
/// How much of a process's log a failure shows.
const LOG_TAIL_BYTES: usize = 4_000;

/// The binary under test, with nothing inherited that changes what it does.
pub(crate) fn kusto_copy() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kusto-copy"));
    command.stdin(Stdio::null());
    command
}

/// A child process that is killed with the value, whatever becomes of the test.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    /// Holds the log.
    _dir: TempDir,
}

impl Running {
    /// Starts a command with stdout piped and stderr in a file.
    pub(crate) fn start(mut command: Command) -> Self {
        let dir = temp_dir();
        let log = dir.path().join("stderr.log");
        let stderr = File::create(&log).expect("a log file can be made");
        let child = command
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self {
            child,
            log,
            _dir: dir,
        }
    }

    /// Waits for the first line of stdout; what follows is read and dropped, so that the process
    /// never waits for its reader. Panics with the log if there is no such line.
    pub(crate) fn first_line(&mut self) -> String {
        let stdout = self.child.stdout.take().expect("stdout is read only once");
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            if let Some(line) = lines.next() {
                // Nobody waits any more if the test has failed meanwhile.
                let _ = send.send(line);
            }
            lines.for_each(drop);
        });
        match receive.recv_timeout(HANGS_AFTER) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.wait();
                panic!(
                    "the process ended ({status}) without a line on stdout\n{}",
                    self.log()
                )
            }
            Err(RecvTimeoutError::Timeout) => {
                panic!(
                    "the process wrote no line within {HANGS_AFTER:?}\n{}",
                    self.log()
                )
            }
        }
    }

    /// The end of what it wrote to stderr.
    pub(crate) fn log(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let tail = &text[text.len().saturating_sub(LOG_TAIL_BYTES)..];
        String::from_utf8_lossy(tail).into_owned()
    }

    /// The operating system's number for it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, in the middle of whatever it does (SIGKILL).
    pub(crate) fn kill(&mut self) -> ExitStatus {
        // An error means that it has ended already.
        let _ = self.child.kill();
        self.wait()
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    #[cfg(unix)]
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.wait()
    }

    /// Asks it to end as Ctrl-C does (SIGINT), and does not wait.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.id().to_string()])
            .status()
            .expect("`kill` can be started");
        assert!(sent.success(), "{signal} was not delivered");
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child can be waited for")
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(
                started.elapsed() < HANGS_AFTER,
                "the process did not end within {HANGS_AFTER:?}\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An embedded cluster in a process of its own.
#[derive(Debug)]
pub(crate) struct EmulatorProcess {
    /// Where Kusto's REST API is.
    pub(crate) uri: String,
    /// Where faults and settings are switched.
    pub(crate) admin_uri: String,
    /// The process.
    pub(crate) process: Running,
}

impl EmulatorProcess {
    /// Starts a cluster with these databases on ports that the system chooses, and waits until it
    /// can be used.
    pub(crate) fn start(databases: &[&str], extra: &[&str]) -> Self {
        let mut command = kusto_copy();
        command.args(["emulator", "--listen", "127.0.0.1:0"]);
        command.args(["--admin", "127.0.0.1:0"]);
        for database in databases {
            command.args(["--database", database]);
        }
        command.args(extra);
        Self::from_command(command)
    }

    /// Starts any program that announces itself as an embedded cluster does.
    pub(crate) fn from_command(command: Command) -> Self {
        let mut process = Running::start(command);
        let line = process.first_line();
        match ready_record(&line) {
            Some((uri, admin_uri)) => Self {
                uri,
                admin_uri,
                process,
            },
            None => panic!(
                "the first line of stdout is no ready record: {line}\n{}",
                process.log()
            ),
        }
    }
}

/// Reads `{"event":"ready","uri":"http://…","admin_uri":"http://…"}`.
fn ready_record(line: &str) -> Option<(String, String)> {
    let record: Value = serde_json::from_str(line).ok()?;
    if record.get("event")? != "ready" {
        return None;
    }
    let uri = record.get("uri")?.as_str()?;
    let admin_uri = record.get("admin_uri")?.as_str()?;
    Some((uri.to_owned(), admin_uri.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_records_are_read() {
        let line = r#"{"event":"ready","uri":"http://127.0.0.1:1","admin_uri":"http://h:2"}"#;
        assert_eq!(
            ready_record(line),
            Some(("http://127.0.0.1:1".to_owned(), "http://h:2".to_owned()))
        );
        assert_eq!(ready_record(r#"{"event":"stopped"}"#), None);
        assert_eq!(ready_record("starting"), None);
    }

    #[cfg(unix)]
    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[cfg(unix)]
    #[test]
    fn a_process_is_waited_for_and_ended() {
        let record = r#"{"event":"ready","uri":"http://a","admin_uri":"http://b"}"#;
        let script = format!("echo '{record}'; exec sleep 600");
        let mut cluster = EmulatorProcess::from_command(shell(&script));
        assert_eq!(
            (cluster.uri.as_str(), cluster.admin_uri.as_str()),
            ("http://a", "http://b")
        );
        assert!(!cluster.process.terminate().success(), "ended by a signal");

        let cluster = EmulatorProcess::from_command(shell(&script));
        let id = cluster.process.id().to_string();
        drop(cluster);
        let alive = shell(&format!("kill -0 {id} 2>/dev/null")).status();
        assert!(
            !alive.expect("a shell").success(),
            "{id} outlived its value"
        );
    }

    #[cfg(unix)]
    #[test]
    #[should_panic(expected = "no such flag")]
    fn a_process_that_dies_early_shows_its_log() {
        EmulatorProcess::from_command(shell("echo 'no such flag' >&2; exit 2"));
    }
}
