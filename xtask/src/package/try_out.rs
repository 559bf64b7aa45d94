//! Unpacks the zip and starts it as the Functions host would: it must answer, find names, end.

use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::archive;
use crate::host::Host;
use crate::say::say;
use crate::{cargo, http};

/// Far beyond what a handler needs to ask for a name and connect.
const HANGS_AFTER: Duration = Duration::from_secs(120);

pub(super) fn run(root: &Path, zip: &Path) -> Result<()> {
    let host = [("kusto-copy-stand-in-host", "stand-in-host")];
    let [program] = cargo::build_debug(root, host)?;
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    archive::unpack(zip, folder.path())?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    let port = listener.local_addr()?.port();
    let args = arguments(port);
    let started = Instant::now();
    let mut host = Host::start(&program, folder.path(), &args)?;
    say!(
        "tried out: it started and answered after {:.0?}",
        started.elapsed()
    );

    let status = http::request(&host.url, "/api/status?format=json", None)?;
    ensure!(status.status == 200, "status answers {}", status.status);
    let status: Value = serde_json::from_str(&status.body).context("the status is not JSON")?;
    let problems = &status["problems"];
    ensure!(
        problems.as_array().is_some_and(Vec::is_empty),
        "the handler has problems with its settings: {problems}"
    );
    say!("tried out: status answers, version {}", status["version"]);
    finds_names(&host, listener)?;
    host.stop()?;
    ended_in_order(&host)
}

/// A job whose clusters and storage are all at a port of this machine, by name.
fn arguments(port: u16) -> Vec<String> {
    let place = |name: &str| format!("http://{name}:{port}");
    let jobs = json!([{
        "name": "try-out",
        "source": place("localhost"),
        "destination": place("127.0.0.1"),
        "databases": ["A"],
        "lake": format!("{}/devstoreaccount1/lake", place("localhost")),
        "state": format!("{}/devstoreaccount1/kustocopy", place("localhost")),
    }]);
    let settings = [
        ("KUSTO_COPY_JOBS", jobs.to_string()),
        ("KUSTO_COPY_SCHEDULE", "0 0 0 1 1 *".to_owned()),
        ("KUSTO_COPY_TOKEN", "none".to_owned()),
    ];
    let mut args = vec!["--on-command".to_owned()];
    for (name, value) in settings {
        args.extend(["--set".to_owned(), format!("{name}={value}")]);
    }
    args
}

/// A static executable has lost the C library's way to find names; one execution shows whether
/// the handler has its own. Nothing answers at that port, so the execution itself fails.
fn finds_names(host: &Host, listener: TcpListener) -> Result<()> {
    let (send, connected) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            if connection.is_err() || send.send(()).is_err() {
                return;
            }
        }
    });
    let admin = host.admin.clone();
    // It goes on after this test has seen enough, and ends with the host.
    thread::spawn(move || http::request(&admin, "/tick/advance", Some("")));
    if connected.recv_timeout(HANGS_AFTER).is_err() {
        let lines: Vec<String> = host
            .events
            .try_iter()
            .map(|event| event.to_string())
            .collect();
        bail!(
            "the handler did not find `localhost`:\n{}",
            lines.join("\n")
        );
    }
    say!("tried out: it found localhost and connected");
    Ok(())
}

fn ended_in_order(host: &Host) -> Result<()> {
    let ended = host
        .events
        .iter()
        .filter(|event| event["event"] == "ended")
        .last()
        .context("the handler never ended")?;
    ensure!(
        ended["code"] == 0,
        "the handler ended with {} instead of 0",
        ended["code"]
    );
    say!("tried out: it ended in order when asked to");
    Ok(())
}
