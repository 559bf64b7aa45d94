//! What people are told when something fails: one sentence, and what to do.

use std::error::Error;

use kusto_copy_staging::LakeError;
use kusto_copy_store::StoreError;

use crate::error::DriverError;

/// The target of log events that a report tells as well: who shows reports to people may leave
/// them out of the log.
pub const TOLD: &str = "kusto_copy_driver::told";

/// Why something cannot be done, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What happened, in one sentence without its full stop.
    pub message: String,
    /// What the user can do.
    pub remedy: Option<String>,
}

impl Complaint {
    /// A sentence of its own.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the cause and its causes.
    #[must_use]
    pub fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        let cause = chain(cause);
        if !self.message.contains(&cause) {
            self.message = format!("{}: {cause}", self.message);
        }
        self
    }

    /// An error whose text may end in `; <what to do>`, as those of lake and store do.
    #[must_use]
    pub fn with_remedy_inside(error: &(dyn Error + 'static)) -> Self {
        let text = error.to_string();
        let (what, remedy) = match text.rsplit_once("; ") {
            Some((what, remedy)) => (what, Some(remedy)),
            None => (text.as_str(), None),
        };
        let complaint = match error.source() {
            Some(cause) => Self::new(what).because(cause),
            None => Self::new(what),
        };
        match remedy {
            Some(remedy) => complaint.remedy(remedy),
            None => complaint,
        }
    }
}

/// An error and its causes as one text, without saying anything twice.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = one_line(&error.to_string());
    let mut next = error.source();
    while let Some(cause) = next {
        let said = one_line(&cause.to_string());
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// Services answer in paragraphs; a message has one line and no full stop of its own.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    line.strip_suffix('.').map_or(line.clone(), str::to_owned)
}

impl From<LakeError> for Complaint {
    fn from(error: LakeError) -> Self {
        Self::with_remedy_inside(&error)
    }
}

impl From<StoreError> for Complaint {
    fn from(error: StoreError) -> Self {
        Self::with_remedy_inside(&error)
    }
}

impl From<DriverError> for Complaint {
    fn from(error: DriverError) -> Self {
        let remedy = error.remedy();
        match (error, remedy) {
            // Their own words are better than a heading above them.
            (DriverError::Store(error), None) => error.into(),
            (DriverError::Lake(error), None) => error.into(),
            (error, Some(remedy)) => Self::new(chain(&error)).remedy(remedy),
            (error, None) => Self::new(chain(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }

    #[test]
    fn a_chain_says_each_thing_once() {
        let inner = Layer("refused by\n  the peer.", None);
        let middle = Layer("connection refused by the peer", Some(Box::new(inner)));
        let outer = Layer("cluster x cannot be reached", Some(Box::new(middle)));
        assert_eq!(
            chain(&outer),
            "cluster x cannot be reached: connection refused by the peer"
        );
    }

    #[test]
    fn a_lake_error_gives_its_sentence_its_cause_and_its_remedy() {
        let error = LakeError::Denied {
            what: "/lake".to_owned(),
            source: Some(Box::new(io::Error::other("read-only file system"))),
        };
        let complaint = Complaint::from(DriverError::Lake(error));
        assert_eq!(
            complaint.message,
            "no permission for /lake in the lake: read-only file system"
        );
        assert_eq!(
            complaint.remedy.as_deref(),
            Some("grant it, then start again")
        );
    }

    #[test]
    fn a_remedy_of_the_driver_stays_beside_its_sentence() {
        let complaint = Complaint::from(DriverError::OtherJob {
            difference: "it copies database A to B".to_owned(),
        });
        assert_eq!(
            complaint.message,
            "this lake belongs to another job: it copies database A to B"
        );
        assert!(complaint.remedy.is_some());
    }
}
