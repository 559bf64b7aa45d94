//! Addresses of lakes and of state tables in Azure Storage, and what follows from them.
//!
//! Hosts (<https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints>):
//! `ACCOUNT.blob.core.windows.net`, the same under the sovereign clouds' suffixes, and
//! `ACCOUNT.zNN.blob.storage.azure.net` for accounts with a DNS zone. Azurite puts the account
//! into the path: `http://127.0.0.1:PORT/ACCOUNT/…`.

mod host;
mod table;
#[cfg(test)]
mod tests;

use kusto_copy_staging::{ObjectName, Prefix, digest};
use url::Url;

use crate::access::Access;

pub(crate) use host::Host;
pub use table::TableLocation;

/// Letters of the readable part of a scope.
const SCOPE_WORDS: usize = 40;

/// Digits of a scope's hash: 64 bits tell the lakes of one table apart.
const SCOPE_DIGITS: usize = 16;

/// Text that is no usable address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}: {reason}; {remedy}")]
pub struct LocationError {
    /// What was given, without anything that grants access.
    pub text: String,
    /// What it should have been.
    pub wanted: &'static str,
    /// Which rule it breaks.
    pub reason: String,
    /// What to give instead.
    pub remedy: &'static str,
}

/// A container of a storage account, or a folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    host: Host,
    container: String,
    folder: Option<Prefix>,
    hierarchical: bool,
}

/// An address as it was written: where it leads, and the access that it carried.
#[derive(Debug)]
pub struct Addressed<L> {
    /// Where it leads.
    pub location: L,
    /// The shared access signature of its query.
    pub access: Option<Access>,
}

/// Whether text is an address that this crate understands, rather than a path of this machine.
#[must_use]
pub fn is_azure(text: &str) -> bool {
    ["https", "http", "abfss", "abfs"].iter().any(|scheme| {
        text.split_once("://")
            .is_some_and(|(given, _)| given.eq_ignore_ascii_case(scheme))
    })
}

impl Location {
    /// Reads the address of a lake: `https://ACCOUNT.blob.core.windows.net/CONTAINER[/FOLDER]`,
    /// the same with `dfs` for `blob`, `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net[/FOLDER]`,
    /// or Azurite's `http://127.0.0.1:PORT/ACCOUNT/CONTAINER[/FOLDER]`. A query is taken as a
    /// shared access signature.
    ///
    /// # Errors
    /// When it is none of these, with what to write instead. Access in it is not repeated.
    pub fn parse(text: &str) -> Result<Addressed<Self>, LocationError> {
        let refuse = |reason: String| refusal(text, "the address of a lake", reason, LAKE_REMEDY);
        let split = host::split(text, host::Service::Blob).map_err(refuse)?;
        let mut segments = split.path.into_iter();
        let container = segments
            .next()
            .ok_or_else(|| refuse("it names no container".to_owned()))?;
        check_container(&container).map_err(|reason| refuse(reason.to_owned()))?;
        let rest: Vec<String> = segments.collect();
        let folder = match rest.is_empty() {
            true => None,
            false => {
                let folder = Prefix::new(&rest.join("/"));
                Some(folder.map_err(|error| refuse(format!("in its folder, {}", error.reason)))?)
            }
        };
        Ok(Addressed {
            location: Self {
                host: split.host,
                container,
                folder,
                hierarchical: split.hierarchical,
            },
            access: split.access,
        })
    }

    /// The storage account.
    #[must_use]
    pub fn account(&self) -> &str {
        self.host.account()
    }

    /// The container.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The folder in the container, when the address names one.
    #[must_use]
    pub fn folder(&self) -> Option<&Prefix> {
        self.folder.as_ref()
    }

    /// Whether the address was of the `dfs` endpoint, which promises a hierarchical namespace:
    /// folders are things of their own there, and access can be given to one folder.
    #[must_use]
    pub fn is_hierarchical(&self) -> bool {
        self.hierarchical
    }

    #[cfg(test)]
    pub(crate) fn make_hierarchical(&mut self) {
        self.hierarchical = true;
    }

    /// Whether this is Azurite on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host.is_local()
    }

    /// Whether requests are encrypted. Only Azurite on this machine may go without.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.host.is_encrypted()
    }

    /// Address of the account's blob service.
    #[must_use]
    pub fn service_url(&self) -> Url {
        self.host.url(&[])
    }

    /// Address of the container.
    #[must_use]
    pub fn container_url(&self) -> Url {
        self.host.url(&[&self.container])
    }

    /// The lake's address in its one form: what clusters get and report, and what may be shown.
    #[must_use]
    pub fn address(&self) -> String {
        let base = self.container_url();
        match &self.folder {
            None => base.to_string(),
            Some(folder) => format!("{base}/{folder}"),
        }
    }

    /// Address of what lies at a path of the lake.
    #[must_use]
    pub(crate) fn address_of(&self, path: &str) -> String {
        format!("{}/{path}", self.address())
    }

    /// Name of the blob at a path of the lake.
    #[must_use]
    pub(crate) fn blob(&self, path: &str) -> String {
        match &self.folder {
            None => path.to_owned(),
            Some(folder) => format!("{folder}/{path}"),
        }
    }

    /// The name in the lake of a blob of the container, when it lies in the lake.
    pub(crate) fn name_of(&self, blob: &str) -> Option<ObjectName> {
        let path = match &self.folder {
            None => blob,
            Some(folder) => blob.strip_prefix(folder.as_str())?.strip_prefix('/')?,
        };
        ObjectName::new(path).ok()
    }

    /// The name in the lake of a file at an address, taken literally up to a query or credential.
    pub(crate) fn name_at(&self, reported: &str) -> Option<ObjectName> {
        let end = reported.find(['?', ';']).unwrap_or(reported.len());
        let path = reported[..end].strip_prefix(&self.address())?;
        ObjectName::new(path.strip_prefix('/')?).ok()
    }

    /// What tells this lake's entities apart from other lakes' in one table: letters, digits and
    /// dashes, at most 57, the same for every way to write the address.
    #[must_use]
    pub fn scope(&self) -> String {
        let folder = self.folder.as_ref().map_or("", Prefix::as_str);
        let whole = format!("{}/{}/{folder}", self.account(), self.container);
        let hash = digest(whole.as_bytes());
        let words: String = format!("{} {folder}", self.container)
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() {
                    letter
                } else {
                    '-'
                }
            })
            .take(SCOPE_WORDS)
            .collect();
        format!("{}-{}", words.trim_end_matches('-'), &hash[..SCOPE_DIGITS])
    }

    /// Whether a table is one of the same account: of this cloud, or of this machine's Azurite.
    #[must_use]
    pub(crate) fn is_beside(&self, table: &TableLocation) -> bool {
        let beside = self.default_table(table.table());
        let is_local = self.is_local() && table.is_local() && self.account() == table.account();
        is_local || beside.is_some_and(|beside| beside == *table)
    }

    /// The account's table service, with this table; `None` for Azurite, whose ports differ by
    /// service.
    #[must_use]
    pub fn default_table(&self, table: &str) -> Option<TableLocation> {
        let host = self
            .host
            .sibling(host::Service::Blob, host::Service::Table)?;
        Some(TableLocation::at(host, table))
    }
}

const LAKE_REMEDY: &str =
    "write https://ACCOUNT.blob.core.windows.net/CONTAINER or …/CONTAINER/FOLDER";

fn refusal(
    text: &str,
    wanted: &'static str,
    reason: String,
    remedy: &'static str,
) -> LocationError {
    LocationError {
        text: shown(text),
        wanted,
        reason,
        remedy,
    }
}

/// What may be shown of an address: nothing from a query or a credential on, and no user name or
/// password.
pub(crate) fn shown(text: &str) -> String {
    let end = text.find(['?', ';', '#']).unwrap_or(text.len());
    let text = &text[..end];
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    let user = match rest[..host_end].rfind('@') {
        // The container stands there in abfss://CONTAINER@ACCOUNT.
        Some(at) if !rest[..at].contains(':') && scheme.starts_with("abfs") => 0,
        Some(at) => at + 1,
        None => 0,
    };
    format!("{scheme}://{}", &rest[user..])
}

/// The rule of
/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>.
fn check_container(name: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.len() < 3 || name.len() > 63 {
        return Err("a container's name has 3 to 63 characters");
    }
    if !name.bytes().all(allowed) {
        return Err("a container's name has only lower-case letters, digits and dashes");
    }
    if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        return Err("in a container's name each dash stands between letters or digits");
    }
    Ok(())
}
