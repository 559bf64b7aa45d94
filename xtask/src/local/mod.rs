//! `cargo xtask local`: the whole serverless system on this machine, without Azure.
//!
//! Storage is Azurite, the clusters are two embedded ones, and the stand-in Functions host fires
//! the real handler every few seconds while rows keep arriving at the source.

mod cluster;
mod telling;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kusto_copy_azurite::{ACCOUNT, Azurite};
use serde_json::json;

use crate::host::Host;
use crate::package::stage;
use crate::say::say;
use crate::{cargo, tools};
use cluster::Cluster;

const JOB: &str = "local";
const CONTAINER: &str = "staging";

/// How often this program looks whether it shall end.
const LOOKS_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, PartialEq, Eq)]
struct Args {
    /// Seconds from one tick to the next.
    every: u64,
    /// Rows at the start.
    rows: u64,
    /// Rows that arrive each second.
    arrivals: u64,
    chaining: bool,
    /// Seconds until it ends by itself.
    ends_after: Option<u64>,
}

const OPTIONS: &str = "--every SECONDS (5), --rows N (20000), --arrivals N a second (20), \
     --chaining, --for SECONDS";

fn read(args: &[String]) -> Result<Args> {
    let mut read = Args {
        every: 5,
        rows: 20_000,
        arrivals: 20,
        chaining: false,
        ends_after: None,
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64> {
            let text = words
                .next()
                .with_context(|| format!("{word} needs a number"))?;
            text.parse()
                .with_context(|| format!("{word} needs a number, not {text:?}"))
        };
        match word.as_str() {
            "--every" => read.every = number()?,
            "--rows" => read.rows = number()?,
            "--arrivals" => read.arrivals = number()?,
            "--for" => read.ends_after = Some(number()?),
            "--chaining" => read.chaining = true,
            other => bail!("there is no option {other:?}; the options are {OPTIONS}"),
        }
    }
    if !(1..=59).contains(&read.every) {
        bail!("--every is a number of seconds from 1 to 59");
    }
    Ok(read)
}

/// Starts everything, tells what happens, ends everything on Ctrl-C.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<ExitCode> {
    let args = read(args)?;
    let asked = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&asked);
    ctrlc::set_handler(move || flag.store(true, Ordering::Release))
        .context("Ctrl-C cannot be waited for")?;

    tools::install(root)?;
    say!("building the copier with its embedded cluster, the handler, the stand-in host");
    let members = [
        ("kusto-copy", "kusto-copy"),
        ("kusto-copy-function", "handler"),
        ("kusto-copy-stand-in-host", "stand-in-host"),
    ];
    let [copier, handler, program] = cargo::build_debug(root, members)?;

    let azurite = Azurite::start(kusto_copy_azurite::Options {
        spared_from_ctrl_c: true,
        ..kusto_copy_azurite::Options::default()
    })?;
    say!("storage      {}", azurite.blob_endpoint(ACCOUNT));
    let source = Cluster::start(&copier)?;
    say!("source       {}", source.uri);
    let destination = Cluster::start(&copier)?;
    say!("destination  {}", destination.uri);
    let tables = cluster::fill(&source, args.rows, &asked)?;
    say!(
        "data         {} rows in {tables} tables of {}",
        args.rows,
        cluster::DATABASE
    );

    let package = tempfile::tempdir().context("no temporary folder can be made")?;
    let definitions = stage::Definitions {
        chaining: args.chaining,
    };
    let app = package.path().join("app");
    stage::stage(root, &handler, &definitions, &app)?;
    let settings = settings(&args, &azurite, &source, &destination);
    let mut host = Host::start(&program, &app, &settings)?;
    say!("status page  {}/api/status", host.url);
    say!(
        "admin port   {} (testing/host says what it knows)",
        host.admin
    );
    say!("one tick every {} s; Ctrl-C ends everything\n", args.every);

    let outcome = watch(&args, &asked, &host, &source);
    say!("\nending");
    host.stop()?;
    // What ended it tells more than what fails because of it.
    outcome?;
    let (at_source, at_destination) = (source.count()?, destination.count()?);
    say!("rows at the source {at_source}, at the destination {at_destination}");
    Ok(ExitCode::SUCCESS)
}

fn settings(
    args: &Args,
    azurite: &Azurite,
    source: &Cluster,
    destination: &Cluster,
) -> Vec<String> {
    let jobs = json!([{
        "name": JOB,
        "source": source.uri,
        "destination": destination.uri,
        "databases": [cluster::DATABASE],
        "rpo": format!("{}s", (4 * args.every).max(10)),
        "lake": format!("{}/{CONTAINER}", azurite.blob_endpoint(ACCOUNT)),
        "state": format!("{}/kustocopy", azurite.table_endpoint(ACCOUNT)),
    }]);
    let settings = [
        ("KUSTO_COPY_JOBS", jobs.to_string()),
        ("KUSTO_COPY_SCHEDULE", format!("*/{} * * * * *", args.every)),
        ("KUSTO_COPY_BUDGET", format!("{}s", args.every)),
        ("KUSTO_COPY_CHAIN", args.chaining.to_string()),
        ("KUSTO_COPY_TOKEN", "local".to_owned()),
    ];
    let pairs = settings.map(|(name, value)| ["--set".to_owned(), format!("{name}={value}")]);
    pairs.into_iter().flatten().collect()
}

/// Until it is asked to end, or the host ends.
fn watch(args: &Args, asked: &AtomicBool, host: &Host, source: &Cluster) -> Result<()> {
    let started = Instant::now();
    let mut next_arrival = 1;
    while !asked.load(Ordering::Acquire) {
        let seconds = started.elapsed().as_secs();
        if args.ends_after.is_some_and(|limit| seconds >= limit) {
            return Ok(());
        }
        if args.arrivals > 0 && seconds >= next_arrival {
            cluster::arrive(source, args.arrivals)?;
            next_arrival = seconds + 1;
        }
        match host.events.recv_timeout(LOOKS_EVERY) {
            Ok(event) => {
                if let Some(line) = telling::line(&event) {
                    say!("{:>6.1} s  {line}", started.elapsed().as_secs_f64());
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("the stand-in host ended"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let args = read(&words(
            "--every 2 --rows 100 --arrivals 0 --for 9 --chaining",
        ));
        assert_eq!(
            args.expect("all exist"),
            Args {
                every: 2,
                rows: 100,
                arrivals: 0,
                chaining: true,
                ends_after: Some(9),
            }
        );
        for wrong in ["--every", "--every x", "--every 60", "--every 0", "--what"] {
            assert!(read(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
