//! One execution: every job of the app by one bounded step.
//!
//! What an execution does rests with the jobs' stores before it returns, so nothing here must
//! survive: a kill at any moment, a dropped connection or a second execution at the same time
//! cost time and nothing else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kusto_copy_driver::complaint::Complaint;
use kusto_copy_driver::{Report, StepOutcome, StepReport};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tracing::Instrument;

use crate::reading::Readings;
use crate::runner::Runner;
use crate::settings::{JobSettings, Settings, Time};

/// Steps at the same time at most: each holds some state and a few connections.
const AT_ONCE: usize = 16;

/// The app: what it is told, who does its work, and whether it shall end.
pub(crate) struct App {
    /// What it is told.
    pub(crate) settings: Settings,
    /// Who does its work.
    pub(crate) runner: Arc<dyn Runner>,
    /// Becomes true when the process shall end.
    pub(crate) stop: watch::Receiver<bool>,
    /// The state of its jobs for those who look.
    pub(crate) readings: Readings,
    working: Mutex<BTreeSet<String>>,
}

impl App {
    /// Puts it together.
    pub(crate) fn new(
        settings: Settings,
        runner: Arc<dyn Runner>,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            settings,
            runner,
            stop,
            readings: Readings::default(),
            working: Mutex::default(),
        })
    }

    /// Whether the process is about to end.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Marks a job as at work in this process; `None` when it is already. The lease would refuse
    /// the second worker too, at the cost of a round trip.
    fn work(self: &Arc<Self>, job: &str) -> Option<Working> {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        working.insert(job.to_owned()).then(|| Working {
            app: Arc::clone(self),
            job: job.to_owned(),
        })
    }
}

/// A job is at work as long as this lives.
struct Working {
    app: Arc<App>,
    job: String,
}

impl Drop for Working {
    fn drop(&mut self) {
        let working = self.app.working.lock();
        working
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.job);
    }
}

/// How a job's step ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It came back.
    Step(Box<StepReport>),
    /// Another execution in this process was at it.
    AtWork,
    /// It could not go on.
    Failed(Complaint),
}

/// A job and how its step ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The job's name.
    pub(crate) job: String,
    /// How its step ended.
    pub(crate) end: End,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Advances these jobs, or all. The steps run as tasks of their own.
pub(crate) async fn advance(
    app: Arc<App>,
    invocation: String,
    only: Option<BTreeSet<String>>,
) -> Vec<Ended> {
    let jobs: Vec<JobSettings> = app
        .settings
        .jobs
        .iter()
        .filter(|job| only.as_ref().is_none_or(|only| only.contains(&job.name)))
        .cloned()
        .collect();
    let rounds = u32::try_from(jobs.len().div_ceil(AT_ONCE)).unwrap_or(u32::MAX);
    let began = Instant::now();
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let tasks: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let span = tracing::info_span!(
                "step",
                job = job.name.as_str(),
                invocation = invocation.as_str()
            );
            let name = job.name.clone();
            let (app, permits) = (Arc::clone(&app), Arc::clone(&permits));
            let step = async move {
                // The semaphore is never closed.
                let _permit = permits.acquire_owned().await;
                step(&app, &job, began, rounds).await
            };
            (name, tokio::spawn(step.instrument(span)))
        })
        .collect();
    let mut ended = Vec::new();
    for (job, task) in tasks {
        ended.push(task.await.unwrap_or_else(|error| {
            tracing::error!(
                event = "step",
                job,
                invocation,
                outcome = "failed",
                error = error.to_string(),
                "the step broke off; report this, nothing was lost"
            );
            Ended {
                job,
                end: End::Failed(
                    Complaint::new("the step broke off").remedy("report this; nothing was lost"),
                ),
                took: began.elapsed(),
            }
        }));
    }
    ended
}

async fn step(app: &Arc<App>, job: &JobSettings, began: Instant, rounds: u32) -> Ended {
    let start = Instant::now();
    let end = match app.work(&job.name) {
        None => End::AtWork,
        Some(working) => {
            let end = bounded(app, job, began, rounds).await;
            drop(working);
            end
        }
    };
    let ended = Ended {
        job: job.name.clone(),
        end,
        took: start.elapsed(),
    };
    ended.log();
    ended
}

/// A step inside the execution's time. When there are more jobs than steps at the same time,
/// each round has its share of the budget, so that no job has to wait for another execution.
async fn bounded(app: &Arc<App>, job: &JobSettings, began: Instant, rounds: u32) -> End {
    let time = app.settings.time;
    let gone = began.elapsed();
    let time = Time {
        budget: (time.budget / rounds.max(1)).min(time.budget.saturating_sub(gone)),
        grace: time.grace,
        end: time.end.saturating_sub(gone),
    };
    let step = app.runner.step(job, time, app.stop.clone());
    match tokio::time::timeout(time.end, step).await {
        Ok(Ok(report)) => End::Step(Box::new(report)),
        Ok(Err(complaint)) => End::Failed(complaint),
        Err(_) => End::Failed(
            Complaint::new("the step did not return in its time and was left behind").remedy(
                "nothing was lost, the next execution goes on; when this comes again, lower the \
                 budget or look whether storage and clusters answer slowly",
            ),
        ),
    }
}

impl Ended {
    /// Whether a retry or a person must see it.
    pub(crate) fn is_failure(&self) -> bool {
        match &self.end {
            End::Step(report) => report.outcome == StepOutcome::Held,
            End::AtWork => false,
            End::Failed(_) => true,
        }
    }

    /// Whether the next execution would have something to do at once.
    pub(crate) fn is_work_due(&self) -> bool {
        match &self.end {
            End::Step(report) => report.work_due,
            End::AtWork | End::Failed(_) => false,
        }
    }

    fn outcome(&self) -> &'static str {
        match &self.end {
            End::Step(report) => match report.outcome {
                StepOutcome::Worked => "worked",
                StepOutcome::Idle => "idle",
                StepOutcome::Busy { .. } => "busy",
                StepOutcome::Paused => "paused",
                StepOutcome::Held => "held",
            },
            End::AtWork => "busy",
            End::Failed(_) => "failed",
        }
    }

    /// It in a few words.
    pub(crate) fn summary(&self) -> String {
        let words = match &self.end {
            End::Step(report) => match report.outcome {
                StepOutcome::Worked => worked(report),
                StepOutcome::Idle => format!("nothing was due{}", lag(&report.report)),
                StepOutcome::Busy { seconds } => format!(
                    "another execution is at it (its lease ends in {seconds} s unless it goes on)"
                ),
                StepOutcome::Paused => "paused by a person; resume it to go on".to_owned(),
                StepOutcome::Held => held(&report.report),
            },
            End::AtWork => "another execution is at it".to_owned(),
            End::Failed(complaint) => match &complaint.remedy {
                Some(remedy) => format!("{}; {remedy}", complaint.message),
                None => complaint.message.clone(),
            },
        };
        format!("{}: {words}", self.job)
    }

    /// The line that dashboards and alerts read.
    fn log(&self) {
        let report = match &self.end {
            End::Step(report) => Some(report),
            End::AtWork | End::Failed(_) => None,
        };
        let cost = report.map(|report| report.cost);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    event = "step",
                    outcome = self.outcome(),
                    lag_ms = report.and_then(|report| report.report.lag_ms),
                    rpo_ms = report.map(|report| report.report.rpo_ms),
                    rows_moved = cost.map(|cost| cost.rows_moved),
                    blocks_moved = cost.map(|cost| cost.blocks_moved),
                    store_reads = cost.map(|cost| cost.store_reads),
                    store_commits = cost.map(|cost| cost.store_commits),
                    kusto_requests = cost.map(|cost| cost.kusto_queries + cost.kusto_commands),
                    work_due = report.map(|report| report.work_due),
                    took_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
                    "{}",
                    self.summary()
                )
            };
        }
        if self.is_failure() {
            line!(error);
        } else {
            line!(info);
        }
    }
}

fn worked(report: &StepReport) -> String {
    let cost = report.cost;
    let more = if report.work_due { ", more is due" } else { "" };
    format!(
        "{} rows in {} blocks arrived{}{more}",
        cost.rows_moved,
        cost.blocks_moved,
        lag(&report.report)
    )
}

fn lag(report: &Report) -> String {
    report
        .lag_ms
        .map_or(String::new(), |lag| format!(", lag {} s", lag / 1_000))
}

fn held(report: &Report) -> String {
    let mut errors = report
        .tables
        .iter()
        .filter_map(|table| table.error.as_ref().map(|error| (table, error)));
    let what = match errors.next() {
        Some((table, error)) => format!("table '{}' is held: {error}", table.table),
        None => "a table is held".to_owned(),
    };
    let more = match errors.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!("{what}{more}; correct what the message names, then retry on the status page")
}
