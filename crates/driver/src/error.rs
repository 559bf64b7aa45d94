//! Why a run cannot go on.

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// No job is stored here.
    #[error("no job is stored in this lake")]
    NotARun,
    /// The store failed.
    #[error("the progress store failed")]
    Store(#[from] kusto_copy_store::StoreError),
    /// The lake failed.
    #[error("the lake failed")]
    Lake(#[from] kusto_copy_staging::LakeError),
    /// The lake belongs to another job.
    #[error("this lake belongs to another job: {difference}")]
    OtherJob {
        /// What differs.
        difference: String,
    },
    /// Another worker drives the job now.
    #[error("another process is driving this job now (until about {seconds} s from now)")]
    Busy {
        /// Seconds until its lease ends.
        seconds: u64,
    },
    /// A check before the copy failed.
    #[error("{what}")]
    Preflight {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
}

impl DriverError {
    /// What the user can do, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::NotARun => Some("start a copy with this lake first".to_owned()),
            Self::OtherJob { .. } => Some("give each job a lake folder of its own".to_owned()),
            Self::Busy { .. } => Some("wait for it to end, or stop it first".to_owned()),
            Self::Preflight { remedy, .. } => Some(remedy.clone()),
            Self::Store(_) | Self::Lake(_) => None,
        }
    }
}
