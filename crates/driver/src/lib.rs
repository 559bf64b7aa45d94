//! Runs the core against real clusters: load, observe, decide, commit the intent, act, record.
//!
//! [`run`] advances a job until it is complete, stuck, stopped or out of budget; [`step`] advances
//! it by one bounded step. Whoever starts either again continues where the store says.
//! [`status`] reads the store alone, [`request`] leaves a wish in it.

mod catalog;
mod clock;
mod clusters;
pub mod complaint;
mod control;
mod cost;
mod effects;
mod engine;
mod entities;
mod error;
mod heartbeat;
mod job;
mod lease;
mod patient;
mod persist;
mod progress;
mod report;
mod run;
pub mod settings;
mod status;
mod step;
mod tally;
#[cfg(feature = "testing")]
pub mod testing;

pub use control::Request;
pub use cost::Cost;
pub use error::DriverError;
pub use job::{DatabasePair, Job, JobDefinition, RunOptions, Style};
pub use report::{DatabaseReport, Heartbeat, JobState, Report, Sample, TableReport, WaitReport};
pub use step::{StepOutcome, StepReport};

use std::sync::Arc;

use kusto_copy_staging::Lake;
use kusto_copy_store::Store;
use tokio::sync::watch;

/// Where a run's progress goes and its wish to stop comes from.
#[derive(Debug, Clone)]
pub struct Control {
    /// Receives a fresh report a few times a second while something changes.
    pub progress: watch::Sender<Report>,
    /// Becomes true when the run should hand over and return.
    pub stop: watch::Receiver<bool>,
}

/// Runs a job until it is complete (not continuous), nothing but held tables is left, it is
/// stopped, or its budget is used. The returned report says which.
///
/// # Errors
/// When the job cannot go on at all: each error is one sentence, with
/// [`DriverError::remedy`] beside it.
pub async fn run(
    job: Job,
    store: Arc<dyn Store>,
    lake: Arc<dyn Lake>,
    control: Control,
) -> Result<Report, DriverError> {
    run::run(job, store, lake, control).await
}

/// Advances a job by one step: until nothing is due that is worth staying for (by
/// [`RunOptions::style`]), its budget is used, or it is stopped. Iterations follow each other by
/// the objective when the job is continuous; otherwise the first is the only one, unless
/// [`Request::StartNow`] asks for another. Any number of steps may be started, at any time and
/// place: all but one find the job busy, which is no error.
///
/// # Errors
/// As [`run`].
pub async fn step(
    job: Job,
    store: Arc<dyn Store>,
    lake: Arc<dyn Lake>,
    control: Control,
) -> Result<StepReport, DriverError> {
    run::step(job, store, lake, control).await
}

/// Leaves a request for whoever drives the job; it is read within seconds, or by the next
/// execution.
///
/// # Errors
/// When the store fails, or holds no job.
pub async fn request(store: Arc<dyn Store>, request: Request) -> Result<(), DriverError> {
    control::request(store, request).await
}

/// The report of a job from its store alone; no cluster is asked.
///
/// # Errors
/// When the store cannot be read, or holds no job.
pub async fn status(store: Arc<dyn Store>) -> Result<Report, DriverError> {
    status::status(store).await
}
