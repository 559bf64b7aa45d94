//! Addresses with access to storage, which must never be seen.

use std::fmt;

/// A storage connection string as a cluster takes it: an address, and what grants access to it
/// (`?<SAS>`, `;managed_identity=…`, `;impersonate`, or nothing for a local folder).
///
/// Printed, it shows the address and hides the rest. It cannot be cloned, compared or stored; the
/// one way to the access is [`StorageUri::expose`], whose text the cluster's client hides again
/// until it stands in the command.
pub struct StorageUri {
    address: String,
    access: Option<String>,
}

impl StorageUri {
    /// An address that needs no access of its own.
    #[must_use]
    pub fn plain(address: String) -> Self {
        Self {
            address,
            access: None,
        }
    }

    /// An address with what follows it in the connection string, its `?` or `;` included.
    #[must_use]
    pub fn with_access(address: String, access: &str) -> Self {
        Self {
            address,
            access: Some(access.to_owned()),
        }
    }

    /// The address without access: what a cluster reports, and what may be logged.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The whole connection string, for a command's obfuscated literal (`h'…'`) alone.
    #[must_use]
    pub fn expose(&self) -> String {
        let access = self.access.as_deref().unwrap_or_default();
        format!("{}{access}", self.address)
    }
}

impl fmt::Debug for StorageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for StorageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)?;
        match &self.access {
            None => Ok(()),
            Some(_) => f.write_str("***"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_never_printed_and_still_there() {
        let uri = StorageUri::with_access("https://a/b/c".to_owned(), "?sv=1&sig=TOPSECRET");
        let printed = format!("{uri} {uri:?} {uri:#?}");
        assert!(!printed.contains("TOPSECRET") && printed.contains("https://a/b/c***"));
        assert_eq!(uri.address(), "https://a/b/c");
        assert_eq!(uri.expose(), "https://a/b/c?sv=1&sig=TOPSECRET");
        let plain = StorageUri::plain("file:///a".to_owned());
        assert_eq!(format!("{plain} {plain:?}"), "file:///a file:///a");
    }
}
