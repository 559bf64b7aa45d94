//! How the program ends: exit codes, and errors as one sentence with what to do.

use std::error::Error;
use std::process::ExitCode;

use kusto_copy_driver::complaint::{Complaint, chain};
use kusto_copy_driver::{DriverError, JobState};
use kusto_copy_staging::LakeError;
use kusto_copy_store::StoreError;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: everything asked for is done.
    Complete,
    /// 1: it failed; the message says what to do.
    Failed,
    /// 2: the command line is wrong; nothing was started.
    Usage,
    /// 3: stopped; the same command line goes on where it stopped.
    Stopped,
}

impl Exit {
    /// The number.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Stopped => 3,
        }
    }

    /// The number as the operating system takes it.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }

    /// What the state in which a run returned means. A run that returns before its job is
    /// complete or stuck was stopped.
    pub(crate) const fn of_state(state: JobState) -> Self {
        match state {
            JobState::Complete => Self::Complete,
            JobState::Failed => Self::Failed,
            JobState::New | JobState::Running | JobState::Stopped => Self::Stopped,
        }
    }
}

/// Why the program cannot do what was asked: one sentence for people, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// With which code to end.
    pub(crate) exit: Exit,
    /// What happened, in one sentence without its full stop.
    pub(crate) message: String,
    /// What it comes from, one by one, when it is several things.
    pub(crate) items: Vec<String>,
    /// What the user can do.
    pub(crate) remedy: Option<String>,
}

impl Failure {
    /// A failure with exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.into(),
            items: Vec::new(),
            remedy: None,
        }
    }

    /// A wrong command line: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::new(message)
        }
    }

    /// Adds what to do.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the things that it comes from.
    pub(crate) fn items(mut self, items: Vec<String>) -> Self {
        self.items = items;
        self
    }

    /// Adds the cause and its causes.
    pub(crate) fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        let cause = chain(cause);
        if !self.message.contains(&cause) {
            self.message = format!("{}: {cause}", self.message);
        }
        self
    }
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        Self {
            remedy: complaint.remedy,
            ..Self::new(complaint.message)
        }
    }
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        Complaint::from(error).into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Complaint::from(error).into()
    }
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Complaint::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_lake_error_gives_its_sentence_its_cause_and_its_remedy() {
        let error = LakeError::Denied {
            what: "/lake".to_owned(),
            source: Some(Box::new(io::Error::other("read-only file system"))),
        };
        let failure = Failure::from(DriverError::Lake(error));
        assert_eq!(failure.exit, Exit::Failed);
        assert_eq!(
            failure.message,
            "no permission for /lake in the lake: read-only file system"
        );
        assert_eq!(
            failure.remedy.as_deref(),
            Some("grant it, then start again")
        );
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes = [Exit::Complete, Exit::Failed, Exit::Usage, Exit::Stopped].map(Exit::number);
        assert_eq!(codes, [0, 1, 2, 3]);
        assert_eq!(Exit::of_state(JobState::Complete), Exit::Complete);
        assert_eq!(Exit::of_state(JobState::Failed), Exit::Failed);
        assert_eq!(Exit::of_state(JobState::Running), Exit::Stopped);
    }
}
