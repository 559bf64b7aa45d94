//! What can go wrong, told apart by what the caller must do next.

use std::time::Duration;

use crate::key::{Key, KeyError};
use crate::transaction::TransactionError;

/// The cause below an error.
pub type BoxedSource = Box<dyn std::error::Error + Send + Sync>;

/// Which condition of a write did not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConflictKind {
    /// An insert met an entity of that name.
    AlreadyExists,
    /// A replace or delete met another version than the one it had seen.
    Changed,
    /// A replace or delete met no entity.
    Missing,
}

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold and nothing of the transaction was written. Reload; go on only
    /// when what is stored was written by the caller itself (an earlier answer that was lost).
    #[error("another writer was first at {}", .key.as_ref().map_or_else(|| "an entity".to_owned(), Key::to_string))]
    Conflict {
        /// The first entity whose condition failed, where the store tells it.
        key: Option<Key>,
        /// Which condition.
        kind: ConflictKind,
    },
    /// The answer is lost: all of the transaction was or will be written, or none. Read to see;
    /// never send it again unseen.
    #[error("it is unknown whether the state was written")]
    Ambiguous {
        /// What was seen instead of an answer.
        #[source]
        source: Option<BoxedSource>,
    },
    /// Nothing was written; the store may answer later.
    #[error("the state store is busy or cannot be reached; try again later")]
    Unavailable {
        /// How long the store asks to wait.
        retry_after: Option<Duration>,
        /// What was seen.
        #[source]
        source: Option<BoxedSource>,
    },
    /// The store refuses this caller.
    #[error("no permission to read and write the state in {location}; grant it, then start again")]
    Denied {
        /// File or address of the store.
        location: String,
        /// What was seen.
        #[source]
        source: Option<BoxedSource>,
    },
    /// The store cannot go on until somebody helps: a full disk, a missing folder.
    #[error("the state in {location} cannot be used: {reason}")]
    Failed {
        /// File or address of the store.
        location: String,
        /// What is wrong and what to do, for the user.
        reason: String,
        /// What was seen.
        #[source]
        source: Option<BoxedSource>,
    },
    /// What is stored is not what this program or an older one wrote.
    #[error(
        "{what} is damaged or not a state of kusto-copy; restore it, or start with another lake"
    )]
    Corrupt {
        /// File or entity.
        what: String,
        /// What was seen.
        #[source]
        source: Option<BoxedSource>,
    },
    /// A newer program wrote it.
    #[error(
        "{what} was written by kusto-copy {program} in layout {found}, and this program knows \
         layouts up to {known}; use version {program} or a later one"
    )]
    Newer {
        /// File or entity.
        what: String,
        /// Layout found.
        found: u32,
        /// Newest layout known.
        known: u32,
        /// Version of the program that wrote it.
        program: String,
    },
    /// The writes cannot be one transaction.
    #[error(transparent)]
    Refused(#[from] TransactionError),
    /// The text cannot be a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The value has no JSON form.
    #[error("a value cannot be written as JSON")]
    NotJson {
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Whether a condition did not hold.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// Whether the writes may have happened or may happen still.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Ambiguous { .. })
    }

    /// Whether the same call may succeed later, nothing having been written.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
