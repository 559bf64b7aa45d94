//! What the server asks of jobs, behind a trait so that its HTTP is tested without clusters.

use async_trait::async_trait;
use kusto_copy_driver::complaint::Complaint;
use kusto_copy_driver::{Report, Request, StepReport};
use tokio::sync::watch;

use crate::settings::{JobSettings, Time};

/// Advances jobs, reads their state and passes requests on to them.
#[async_trait]
pub(crate) trait Runner: Send + Sync {
    /// One bounded step. Dropped at any moment it leaves what a killed process leaves.
    ///
    /// # Errors
    /// When the job cannot go on. Another worker at work is no error.
    async fn step(
        &self,
        job: &JobSettings,
        time: Time,
        stop: watch::Receiver<bool>,
    ) -> Result<StepReport, Complaint>;

    /// The job's state; `None` when nothing was stored yet.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn status(&self, job: &JobSettings) -> Result<Option<Report>, Complaint>;

    /// Stores a request to the job; `false` when there is no job yet that could be asked.
    ///
    /// # Errors
    /// When it cannot be stored.
    async fn request(&self, job: &JobSettings, request: Request) -> Result<bool, Complaint>;
}
