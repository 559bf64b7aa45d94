//! What may go wrong between us and a cluster, told apart by what the caller may do next.

use std::fmt;
use std::time::Duration;

/// What is known of a failed request: for logs, for people and for Microsoft's support.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The cluster's host and port.
    pub cluster: String,
    /// What was asked, in a few words (`export`, `the schemas of all tables`).
    pub what: &'static str,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// Kusto's error code, for example `BadRequest_DatabaseNotExist`.
    pub code: Option<String>,
    /// The service's or the transport's text, without secrets.
    pub message: String,
    /// The service's id of this activity (`x-ms-activity-id`).
    pub activity_id: Option<String>,
    /// Our id of this request (`x-ms-client-request-id`).
    pub request_id: String,
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message.trim_end())?;
        let mut separator = " (";
        let mut note = |f: &mut fmt::Formatter<'_>, label: &str, value: &str| {
            let written = write!(f, "{separator}{label}{value}");
            separator = ", ";
            written
        };
        if let Some(code) = &self.code {
            note(f, "", code)?;
        }
        if let Some(status) = self.status {
            note(f, "HTTP ", &status.to_string())?;
        }
        if let Some(activity) = &self.activity_id {
            note(f, "activity ", activity)?;
        }
        note(f, "request ", &self.request_id)?;
        f.write_str(")")
    }
}

/// What became of a command whose request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was never sent, or refused before it was run. The same intent may be sent again.
    NotExecuted,
    /// The cluster said that it failed. It may have left something behind (files, staged
    /// extents): look before the next attempt.
    Failed,
    /// Nobody knows: the answer was lost. Never send it again; look at what it did.
    Unknown,
}

/// A request that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KustoError {
    /// The cluster has no slot or rate left; nothing was run.
    #[error("cluster {} is busy: {}: {details}", details.cluster, details.what)]
    Throttled {
        /// How long the cluster asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// The particulars.
        details: Box<Details>,
    },
    /// A passing fault. `fate` tells whether anything may have been run.
    #[error("cluster {} failed for the moment: {}: {details}", details.cluster, details.what)]
    Transient {
        /// What became of the command.
        fate: Fate,
        /// The particulars.
        details: Box<Details>,
    },
    /// The same request can never succeed.
    #[error("cluster {} refused: {}: {details}", details.cluster, details.what)]
    Permanent {
        /// The particulars.
        details: Box<Details>,
    },
    /// A database, table or other entity does not exist, or is not visible to us.
    #[error("cluster {} does not know an entity: {}: {details}", details.cluster, details.what)]
    NotFound {
        /// The particulars.
        details: Box<Details>,
    },
    /// Not authenticated, or not allowed.
    #[error("cluster {} denied access: {}: {details}", details.cluster, details.what)]
    Denied {
        /// The particulars.
        details: Box<Details>,
    },
    /// No token could be obtained: the cluster was not asked. It may pass (the identity service
    /// is away for a minute) or not (nobody is signed in): whoever asks again has to count.
    #[error("no token could be obtained for cluster {}: {}", details.cluster, details.message)]
    NoToken {
        /// The particulars.
        details: Box<Details>,
    },
    /// The command was sent and its answer lost: a timeout, a broken connection, a gateway's
    /// 504. It may have run, may be running, or may never run.
    #[error("the answer of cluster {} was lost: {}: {details}", details.cluster, details.what)]
    Ambiguous {
        /// The particulars.
        details: Box<Details>,
    },
    /// The answer is not what the protocol promises.
    #[error("cluster {} answered what cannot be understood: {}: {details}", details.cluster, details.what)]
    Protocol {
        /// The particulars.
        details: Box<Details>,
    },
    /// The cluster could not be reached at all: a wrong name or port, no network, bad TLS.
    #[error("cluster {} cannot be reached: {details}", details.cluster)]
    Unreachable {
        /// The particulars.
        details: Box<Details>,
    },
}

impl KustoError {
    /// The particulars.
    #[must_use]
    pub fn details(&self) -> &Details {
        match self {
            Self::Throttled { details, .. }
            | Self::Transient { details, .. }
            | Self::Permanent { details }
            | Self::NotFound { details }
            | Self::Denied { details }
            | Self::NoToken { details }
            | Self::Ambiguous { details }
            | Self::Protocol { details }
            | Self::Unreachable { details } => details,
        }
    }

    /// What became of the command: the one question of whoever sends an effect once.
    #[must_use]
    pub fn fate(&self) -> Fate {
        match self {
            Self::Throttled { .. }
            | Self::Denied { .. }
            | Self::NoToken { .. }
            | Self::Unreachable { .. } => Fate::NotExecuted,
            Self::Transient { fate, .. } => *fate,
            Self::Permanent { .. } | Self::NotFound { .. } => Fate::Failed,
            Self::Ambiguous { .. } | Self::Protocol { .. } => Fate::Unknown,
        }
    }

    /// Whether the same read may succeed later without anybody's help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Throttled { .. }
            | Self::Transient { .. }
            | Self::Ambiguous { .. }
            | Self::Unreachable { .. } => true,
            Self::Permanent { .. }
            | Self::NotFound { .. }
            | Self::Denied { .. }
            | Self::NoToken { .. }
            | Self::Protocol { .. } => false,
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => {
                "wait, or lower the slots that kusto-copy takes of this cluster"
            }
            Self::Transient { .. } => "run it again; if it stays, look at the cluster's health",
            Self::Permanent { .. } => "correct what the message names, then run it again",
            Self::NotFound { .. } => {
                "check the spelling of the database and table (tables' names are case-sensitive) and \
                 that this principal may see them"
            }
            Self::Denied { .. } => {
                "sign in, or have an administrator grant the role: Database User at the source, \
                 Database Admin at the destination"
            }
            Self::NoToken { .. } => {
                "sign in with `az login`, or give this app or machine a managed identity and check \
                 that its service answers"
            }
            Self::Ambiguous { .. } => "run it again: what the lost command did is looked up first",
            Self::Protocol { .. } => {
                "check that the address is a Kusto query endpoint, not a proxy or the ingestion \
                 endpoint"
            }
            Self::Unreachable { .. } => {
                "check the cluster's address and port, that it is running, and the network"
            }
        }
    }
}
