//! What a cluster is given to reach staged files.
//!
//! Rights: Kusto documents "read, write, and list" for a signature to export with, and "write" in
//! the table of the same page; adding and creating are what a write becomes in Blob Storage.
//! Deleting is not among them. For ingesting one named blob it reads that blob.

use std::str::FromStr;

use azure_core::time::{self, OffsetDateTime};
use azure_storage_common::models::UserDelegationKey;
use azure_storage_sas::{SasBuilder, SasProtocol};
use kusto_copy_staging::{ObjectName, Prefix};
use uuid::Uuid;

use super::Staging;
use crate::location::Location;

/// How far our clock, or the service's, may be ahead.
pub(super) const CLOCK_SKEW: time::Duration = time::Duration::minutes(15);

/// How clusters are given access to staged files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StagingAccess {
    /// A short-lived shared access signature in each command.
    Sas,
    /// The cluster's own managed identity: the object id of a user-assigned one, or `system`.
    /// Both clusters need a managed identity policy, and the identity the role Storage Blob Data
    /// Contributor (source) or Storage Blob Data Reader (destination).
    ManagedIdentity(String),
    /// The identity that sends the command, with the same roles.
    Impersonate,
}

/// Text that names no [`StagingAccess`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write `sas`, `impersonate`, `managed-identity=system` or `managed-identity=<object id>`")]
pub struct StagingAccessError;

impl FromStr for StagingAccess {
    type Err = StagingAccessError;

    fn from_str(text: &str) -> Result<Self, StagingAccessError> {
        match text {
            "sas" => Ok(Self::Sas),
            "impersonate" => Ok(Self::Impersonate),
            _ => match text.strip_prefix("managed-identity=") {
                Some("system") => Ok(Self::ManagedIdentity("system".to_owned())),
                // In its one form, so that nothing else gets into a connection string.
                Some(id) => Uuid::try_parse(id)
                    .map(|id| Self::ManagedIdentity(id.to_string()))
                    .map_err(|_| StagingAccessError),
                None => Err(StagingAccessError),
            },
        }
    }
}

/// When a signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: OffsetDateTime,
    pub(super) expiry: OffsetDateTime,
}

/// What all grants of a lake have in common.
#[derive(Debug)]
pub(super) struct Terms {
    access: StagingAccess,
    lifetime: time::Duration,
}

impl Terms {
    pub(super) fn new(staging: Staging) -> Self {
        let seconds = i64::try_from(staging.sas_lifetime.as_secs()).unwrap_or(i64::MAX);
        Self {
            access: staging.access,
            lifetime: time::Duration::seconds(seconds),
        }
    }

    pub(super) fn lifetime(&self) -> time::Duration {
        self.lifetime
    }

    /// What follows an address when the cluster shows its own identity.
    pub(super) fn fixed(&self) -> Option<String> {
        match &self.access {
            StagingAccess::Sas => None,
            StagingAccess::ManagedIdentity(id) => Some(format!(";managed_identity={id}")),
            StagingAccess::Impersonate => Some(";impersonate".to_owned()),
        }
    }

    pub(super) fn window(&self, now: OffsetDateTime) -> Window {
        Window {
            start: now.saturating_sub(CLOCK_SKEW),
            expiry: now.saturating_add(self.lifetime),
        }
    }
}

/// What a cluster is to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// Write files below a prefix.
    Export(&'a Prefix),
    /// Read one file.
    Ingest(&'a ObjectName),
}

/// What it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    Write,
    Read,
}

impl Rights {
    /// In the order that a signature demands.
    pub(super) fn letters(self) -> &'static str {
        match self {
            Self::Write => "racwl",
            Self::Read => "r",
        }
    }
}

impl Purpose<'_> {
    pub(super) fn rights(self) -> Rights {
        match self {
            Self::Export(_) => Rights::Write,
            Self::Ingest(_) => Rights::Read,
        }
    }
}

/// What a signature opens, the smallest thing that holds what is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Area {
    /// The container: without a hierarchical namespace there is nothing between it and a blob.
    Container,
    /// One folder of it.
    Folder(String),
    /// One blob of it.
    Blob(String),
}

impl Area {
    pub(super) fn of(location: &Location, purpose: Purpose<'_>) -> Self {
        match purpose {
            Purpose::Export(prefix) if location.is_hierarchical() => {
                Self::Folder(location.blob(prefix.as_str()))
            }
            Purpose::Export(_) => Self::Container,
            Purpose::Ingest(name) => Self::Blob(location.blob(name.as_str())),
        }
    }
}

/// What a signature says.
#[derive(Debug)]
pub(super) struct Grant<'a> {
    pub(super) account: &'a str,
    pub(super) container: &'a str,
    pub(super) area: Area,
    pub(super) rights: Rights,
    pub(super) window: Window,
    /// Whether it holds for encrypted requests alone.
    pub(super) encrypted: bool,
}

/// A grant as the query of an address, signed with a key that the service delegated to us.
pub(super) fn delegate(grant: &Grant<'_>, key: &UserDelegationKey) -> azure_core::Result<String> {
    let mut builder =
        SasBuilder::new(grant.account, key, grant.window.expiry)?.start(grant.window.start);
    if grant.encrypted {
        builder = builder.protocol(SasProtocol::Https);
    }
    // The rights of a container and of a folder are set on types of their own, alike.
    macro_rules! with_rights {
        ($builder:expr) => {
            match grant.rights {
                Rights::Write => $builder.read().add().create().write().list().build(),
                Rights::Read => $builder.read().build(),
            }
        };
    }
    Ok(match &grant.area {
        Area::Container => with_rights!(builder.container(grant.container)),
        Area::Folder(folder) => with_rights!(builder.directory(grant.container, folder)),
        Area::Blob(blob) => {
            let builder = builder.blob(grant.container, blob).read();
            match grant.rights {
                Rights::Write => builder.add().create().write().build(),
                Rights::Read => builder.build(),
            }
        }
    })
}
