//! What can go wrong with the lake, told apart by what the caller must do next.

use std::time::Duration;

use crate::name::{NameError, ObjectName, Prefix};

/// The cause below an error.
pub type BoxedSource = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the lake. Every call may be repeated after any of them.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The text that should name a lake does not.
    #[error("`{text}` is not a lake: {reason}")]
    Location {
        /// What was given, without its secret.
        text: String,
        /// What is wrong and what to give instead.
        reason: String,
    },
    /// The lake refuses this caller.
    #[error("no permission for {what} in the lake; grant it, then start again")]
    Denied {
        /// File, folder or address.
        what: String,
        /// What was seen.
        #[source]
        source: Option<BoxedSource>,
    },
    /// The lake may answer later.
    #[error("the lake is busy or cannot be reached; try again later")]
    Unavailable {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
        /// What was seen.
        #[source]
        source: Option<BoxedSource>,
    },
    /// The lake cannot go on until somebody helps: a full disk, a folder that is a file.
    #[error("{what} cannot be used: {reason}")]
    Failed {
        /// File, folder or address.
        what: String,
        /// What is wrong and what to do, for the user.
        reason: String,
        /// What was seen.
        #[source]
        source: Option<BoxedSource>,
    },
    /// A cluster reported a file that does not lie where it was told to write.
    #[error("the reported file `{reported}` does not lie under `{under}` in the lake")]
    NotOurs {
        /// What the cluster said, without its query and credentials.
        reported: String,
        /// Where it should lie.
        under: Prefix,
    },
    /// An object larger than [`crate::MAX_OBJECT_BYTES`].
    #[error("object `{name}` has {bytes} bytes, more than an object of the lake may have")]
    TooLarge {
        /// Which object.
        name: ObjectName,
        /// How many bytes.
        bytes: u64,
    },
    /// A link where a folder or file of ours should be: it could lead out of the lake.
    #[error("`{path}` is a link; the lake must hold real folders and files, so remove the link")]
    Link {
        /// Path of the link.
        path: String,
    },
    /// Text that is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl LakeError {
    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
