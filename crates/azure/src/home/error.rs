//! Why a home cannot be opened.

use kusto_copy_staging::LakeError;
use kusto_copy_store::KeyError;

use crate::access::AccessError;
use crate::location::LocationError;
use crate::tables::{Table, TableError};
use crate::tokens::IdentityError;

/// A job's home cannot be opened. Each text is what happened, and after the last semicolon what to
/// do.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// An address is none.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The access given is none, or would travel in the open.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The identity of the environment cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A key or a signature opens its own account alone.
    #[error(
        "the key or signature given is that of account `{account}`, which does not open \
         `{address}`; put a shared access signature behind that address, or use an identity of \
         Entra for all"
    )]
    OtherAccount {
        /// What it does not open.
        address: String,
        /// What it opens.
        account: String,
    },
    /// An account of this machine that is not Azurite's own.
    #[error(
        "nothing opens `{address}`; give its account's key, or put a shared access signature \
         behind its address"
    )]
    NoAccess {
        /// What is not opened.
        address: String,
    },
    /// Azurite's services have ports of their own.
    #[error(
        "where the state of `{lake}` rests does not follow from its address; name its table, as \
         http://127.0.0.1:PORT/ACCOUNT/TABLE"
    )]
    StateUnknown {
        /// The lake.
        lake: String,
    },
    /// There is no state table, and none was to be made.
    #[error("no job is stored in this lake: there is no table {table}; start a copy with it first")]
    NoState {
        /// The table.
        table: String,
    },
    /// The lake's containers cannot be used.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The state table cannot be used.
    #[error("the state table {table} cannot be opened; {remedy}")]
    Table {
        /// The table.
        table: String,
        /// What to do.
        remedy: &'static str,
        /// What was seen.
        #[source]
        source: Box<TableError>,
    },
    /// The lake's scope is none: a defect of this program.
    #[error("the lake's name in the state table is not allowed; report this")]
    Scope(#[from] KeyError),
}

impl HomeError {
    pub(super) fn table(table: &Table, source: TableError) -> Self {
        let remedy = match &source {
            TableError::Unreachable(_) | TableError::Lost(_) => "try again later",
            TableError::NoToken(_) if source.is_passing_and_unsent() => "try again later",
            TableError::NoToken(_) => "sign in with `az login`, or give the app a managed identity",
            TableError::Answered(answer) => match answer.status {
                401 | 403 => {
                    "give the identity the role Storage Table Data Contributor, and look at the \
                     account's network rules; a signature needs the table service among its \
                     services and the rights raud"
                }
                408 | 429 | 500..=599 => "try again later",
                _ => "look at the storage account, then start again",
            },
            TableError::Unmade(_) | TableError::Unreadable { .. } => {
                "look at the storage account, then start again"
            }
        };
        Self::Table {
            table: table.address(),
            remedy,
            source: Box::new(source),
        }
    }

    /// Whether the same may succeed later without anybody's help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Lake(error) => error.is_unavailable(),
            Self::Table { source, .. } => match source.as_ref() {
                TableError::Unreachable(_) | TableError::Lost(_) => true,
                TableError::Answered(answer) => {
                    matches!(answer.status, 408 | 429 | 500..=599)
                }
                TableError::NoToken(_) => source.is_passing_and_unsent(),
                TableError::Unmade(_) | TableError::Unreadable { .. } => false,
            },
            Self::Location(_)
            | Self::Access(_)
            | Self::Identity(_)
            | Self::OtherAccount { .. }
            | Self::NoAccess { .. }
            | Self::StateUnknown { .. }
            | Self::NoState { .. }
            | Self::Scope(_) => false,
        }
    }
}
