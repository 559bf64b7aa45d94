//! Runs the core against real clusters: load, observe, decide, commit the intent, act, record.
//!
//! [`run`] advances a job until it is complete, stuck, stopped or out of budget; whoever starts
//! it again continues where the store says. [`status`] reads the store alone.

mod catalog;
mod clock;
mod effects;
mod engine;
mod error;
mod job;
mod lease;
mod persist;
mod progress;
mod report;
mod run;
pub mod settings;

pub use error::DriverError;
pub use job::{DatabasePair, JobDefinition, RunOptions};
pub use report::{JobState, Report, TableReport, WaitReport};

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
    definition: JobDefinition,
    options: RunOptions,
    store: Arc<dyn Store>,
    lake: Arc<dyn Lake>,
    control: Control,
) -> Result<Report, DriverError> {
    run::run(definition, options, store, lake, control).await
}

/// The report of a job from its store alone; no cluster is asked.
///
/// # Errors
/// When the store cannot be read, or holds no job.
pub async fn status(store: Arc<dyn Store>) -> Result<Report, DriverError> {
    run::status(store).await
}
