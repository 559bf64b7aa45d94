//! Why a run cannot go on.

use kusto_copy_kusto::KustoError;

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
    /// A name that the lake refuses: a defect of this program.
    #[error("a name in the lake is not allowed")]
    Name(#[from] kusto_copy_staging::NameError),
    /// A cluster failed before anything could be copied.
    #[error(transparent)]
    Kusto(#[from] KustoError),
    /// The lake belongs to another job.
    #[error("this lake belongs to another job: {difference}")]
    OtherJob {
        /// What differs.
        difference: String,
    },
    /// Another worker drives the job now.
    #[error(
        "another process is driving this job now (its lease ends in {seconds} s unless it goes on)"
    )]
    Busy {
        /// Seconds until its lease ends.
        seconds: u64,
    },
    /// Another worker took the job over while this one worked.
    #[error("another process took this job over")]
    TakenOver,
    /// A check before the copy failed.
    #[error("{what}")]
    Preflight {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The state and the program disagree: a defect of this program, never the user's.
    #[error("the stored state does not fit: {what}")]
    Internal {
        /// What was found.
        what: String,
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
            Self::TakenOver => {
                Some("leave the job to it, or stop it and start this one again".to_owned())
            }
            Self::Preflight { remedy, .. } => Some(remedy.clone()),
            Self::Kusto(error) => Some(error.remedy().to_owned()),
            Self::Internal { .. } | Self::Name(_) => {
                Some("keep the lake as it is and report this; nothing was lost".to_owned())
            }
            Self::Store(_) | Self::Lake(_) => None,
        }
    }
}
