//! The stand-in Functions host as a process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::http;

/// The host gives the handler ten seconds to end.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// A running stand-in host. Dropped, it is asked to stop, then killed.
#[derive(Debug)]
pub(crate) struct Host {
    child: Child,
    /// Address of the HTTP functions.
    pub(crate) url: String,
    /// Address of the commands.
    pub(crate) admin: String,
    /// What happens, line by line, from the start on.
    pub(crate) events: Receiver<Value>,
}

impl Host {
    /// Starts `program` for a package and waits until its handler answers.
    pub(crate) fn start(program: &Path, package: &Path, args: &[String]) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg(package).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        spare_from_ctrl_c(&mut command);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("its stdout is not there")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let first: Value = serde_json::from_str(&first)
            .context("the stand-in host did not start; its error is above")?;
        let address = |name: &str| {
            let address = first.get(name).and_then(Value::as_str);
            address.map(str::to_owned).context("an address is missing")
        };
        let (send, events) = mpsc::channel();
        let host = Self {
            url: address("url")?,
            admin: address("admin")?,
            events,
            child,
        };
        thread::spawn(move || {
            let events = lines.map_while(Result::ok);
            for event in events.filter_map(|line| serde_json::from_str(&line).ok()) {
                // Read on when nobody listens any more: a full pipe would block the host.
                let _ = send.send(event);
            }
        });
        Ok(host)
    }

    /// Asks it to shut down in order and waits for its end.
    pub(crate) fn stop(&mut self) -> Result<()> {
        http::request(&self.admin, "/stop", Some(""))?;
        let started = Instant::now();
        while started.elapsed() < STOPS_WITHIN {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("the stand-in host did not stop");
    }
}

/// A terminal's Ctrl-C goes to every process of its group: this one alone shall get it, and end
/// the others in order.
pub(crate) fn spare_from_ctrl_c(command: &mut Command) {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    #[cfg(not(unix))]
    let _ = command;
}

impl Drop for Host {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) && self.stop().is_err() {
            // It may have ended meanwhile.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
