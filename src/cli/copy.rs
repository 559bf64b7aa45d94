//! The copy: arguments to a job, the job run with its progress shown, its end told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kusto_copy_azure::tokens::{AzureTokens, Identity};
use kusto_copy_azure::transport::transport;
use kusto_copy_core::limits::{Limits, PlanOrder, Verify};
use kusto_copy_driver::{Control, DatabasePair, Job, JobDefinition, JobState, Report, RunOptions};
use kusto_copy_kusto::{ClusterUri, Credentials, Secret, StaticToken};
use tokio::sync::watch;

use super::args::{CopyArgs, OrderArg, VerifyArg};
use super::exit::{Exit, Failure};
use super::output::{self, Progress, Screen};
use super::{lake, settings, signals, trouble};

/// How long a run may take to hand over once it is asked to stop. What it was doing is stored, so
/// nothing is lost when it takes longer and is left behind.
const HAND_OVER: Duration = Duration::from_secs(9);

/// Runs a copy and prints its end.
///
/// # Errors
/// A wrong command line, or a job that cannot go on; with `--output json` the document tells it.
pub(crate) async fn run(args: CopyArgs, screen: &Screen) -> Result<Exit, Failure> {
    let format = args.output;
    let progress = Progress::new(format, screen);
    let Ended { report, failure } = supervised(args, progress)
        .await
        .unwrap_or_else(Ended::never_begun);
    match failure {
        None => {
            output::outcome(format, &report);
            Ok(Exit::of_state(report.state))
        }
        Some(failure) => {
            if failure.exit == Exit::Failed {
                output::failed(format, &report, &failure);
            }
            Err(failure)
        }
    }
}

/// How a run ended: what it had done, and why it could not go on if so.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The last report.
    pub(crate) report: Report,
    /// One failure for all that needs somebody.
    pub(crate) failure: Option<Failure>,
}

impl Ended {
    fn new(done: Result<Report, Failure>, last: Report) -> Self {
        let (report, error) = match done {
            Ok(report) if report.state == JobState::Failed => (report, None),
            Ok(report) => {
                return Self {
                    report,
                    failure: None,
                };
            }
            Err(error) => (last, Some(error)),
        };
        let failure = trouble::told(&report, error);
        Self {
            report,
            failure: Some(failure),
        }
    }

    fn never_begun(failure: Failure) -> Self {
        Self {
            report: Report::default(),
            failure: Some(failure),
        }
    }
}

async fn supervised(args: CopyArgs, progress: Progress) -> Result<Ended, Failure> {
    let job = job(&args)?;
    let stop = signals::stop("Ended at once. The same command goes on from here.")?;
    let home = lake::open((&args).into()).await?;
    let (send, receive) = watch::channel(Report::default());
    let control = Control {
        progress: send,
        stop: stop.clone(),
    };
    let (store, place) = (Arc::clone(&home.store), Arc::clone(&home.lake));
    let run = kusto_copy_driver::run(job, store, place, control);
    let done = until_stopped(run, receive, stop, progress).await;
    lake::close(home).await;
    Ok(done)
}

/// Shows progress while a run works; leaves it behind when it does not hand over in time.
pub(crate) async fn until_stopped<E>(
    run: impl Future<Output = Result<Report, E>>,
    reports: watch::Receiver<Report>,
    mut stop: watch::Receiver<bool>,
    progress: Progress,
) -> Ended
where
    Failure: From<E>,
{
    let last = reports.clone();
    let shown = progress.follow(reports);
    let too_late = async {
        signals::asked(&mut stop).await;
        shown.say("Stopping: what runs is handed over within seconds. Ctrl-C again ends at once.");
        tokio::time::sleep(HAND_OVER).await;
    };
    let done = tokio::select! {
        done = run => done.map_err(Failure::from),
        () = too_late => {
            tracing::warn!("the run did not hand over in time and is left behind");
            Ok(Report { state: JobState::Stopped, ..last.borrow().clone() })
        }
    };
    shown.end().await;
    let last = last.borrow().clone();
    Ended::new(done, last)
}

/// The job and how to run it.
///
/// # Errors
/// A wrong or contradictory command line.
pub(crate) fn job(args: &CopyArgs) -> Result<Job, Failure> {
    let definition = JobDefinition {
        source: cluster("--source", &args.source)?,
        destination: cluster("--destination", &args.destination)?,
        databases: args
            .db
            .iter()
            .map(|name| DatabasePair {
                source: name.clone(),
                destination: name.clone(),
            })
            .collect(),
    };
    contradictions(args, &definition)?;
    let options = RunOptions {
        tables_include: args.tables_include.clone(),
        tables_exclude: args.tables_exclude.clone(),
        continuous: args.continuous,
        rpo: args.rpo,
        backfill_horizon: args.backfill_horizon,
        query_slots: args.query_slots,
        export_slots: args.export_slots,
        ingestion_slots: args.ingestion_slots,
        share: args.share,
        priority: args.priority.clone(),
        adopt_destination: args.adopt_destination,
        force_incomplete_reads: args.force,
        retry_held: !args.keep_held,
        budget: args.budget,
        limits: limits(args)?,
        ..RunOptions::default()
    };
    Ok(Job {
        definition,
        options,
        credentials: credentials(),
    })
}

/// The token that the environment holds, or those of its identity. Embedded clusters of this
/// machine are shown none.
fn credentials() -> Arc<dyn Credentials> {
    match std::env::var(StaticToken::VARIABLE) {
        Ok(token) => Arc::new(StaticToken::new(Secret::new(token))),
        Err(_) => {
            let transport = transport();
            let make = move || Identity::from_environment().credential(&transport);
            Arc::new(AzureTokens::new(Box::new(make)))
        }
    }
}

/// A cluster's address in its one form, so that a lake is recognised whatever way it was written.
fn cluster(flag: &str, text: &str) -> Result<String, Failure> {
    let (uri, database) = ClusterUri::parse(text).map_err(|error| {
        Failure::usage(format!("{flag}: {error}")).remedy(
            "give the query endpoint, for example https://mycluster.westeurope.kusto.windows.net",
        )
    })?;
    match database {
        None => Ok(uri.to_string()),
        Some(database) => Err(Failure::usage(format!(
            "{flag}: the address names the database '{database}'"
        ))
        .remedy("name databases with --db, and give the cluster's address alone")),
    }
}

fn contradictions(args: &CopyArgs, definition: &JobDefinition) -> Result<(), Failure> {
    if definition.source == definition.destination {
        return Err(
            Failure::usage("source and destination are the same cluster")
                .remedy("give another cluster with --destination"),
        );
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = args
        .db
        .iter()
        .find(|name| !seen.insert(name.to_lowercase()))
    {
        return Err(Failure::usage(format!("--db names '{twice}' twice"))
            .remedy("name each database once (their names have no case)"));
    }
    let excluded = |table: &&String| args.tables_exclude.contains(table);
    if let Some(both) = args.tables_include.iter().find(excluded) {
        return Err(
            Failure::usage(format!("table '{both}' is both included and excluded"))
                .remedy("take it out of --tables-include or of --tables-exclude"),
        );
    }
    let left_out = |table: &&String| {
        excluded(table) || !(args.tables_include.is_empty() || args.tables_include.contains(table))
    };
    if let Some(first) = args.priority.iter().find(left_out) {
        return Err(
            Failure::usage(format!("table '{first}' has priority but is not copied"))
                .remedy("take it out of --priority, or let it be copied"),
        );
    }
    Ok(())
}

fn limits(args: &CopyArgs) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for assignment in &args.set {
        settings::set(&mut limits, assignment)?;
    }
    if let Some(rows) = args.block_rows {
        limits.block_rows = rows;
    }
    if let Some(bytes) = args.block_bytes {
        limits.block_bytes = bytes;
    }
    if let Some(rows) = args.small_rows {
        limits.small_rows = rows;
    }
    if let Some(blocks) = args.active_blocks {
        limits.active_blocks = usize::try_from(blocks).unwrap_or(usize::MAX);
    }
    if let Some(verify) = args.verify {
        limits.verify = match verify {
            VerifyArg::Counts => Verify::Counts,
            VerifyArg::Values => Verify::Values,
            VerifyArg::Fingerprint => Verify::Fingerprint,
        };
    }
    if let Some(order) = args.order {
        limits.plan_order = match order {
            OrderArg::Oldest => PlanOrder::OldestFirst,
            OrderArg::Newest => PlanOrder::NewestFirst,
        };
    }
    if limits.poll.min > limits.poll.max {
        return Err(Failure::usage("`--set`: poll.min is above poll.max")
            .remedy("lower poll.min or raise poll.max"));
    }
    Ok(limits)
}

#[cfg(test)]
mod tests;
