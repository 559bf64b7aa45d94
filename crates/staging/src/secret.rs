//! Access to storage that must never be seen.

use std::fmt;

/// Text that grants access. It has no way to be printed, compared, stored or cloned by accident:
/// the one way to it is [`Secret::expose`]. A type of our own because that is all it takes.
pub struct Secret(String);

impl Secret {
    /// Hides the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the request that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A storage connection string as a cluster takes it: an address, and what grants access to it
/// (`?<SAS>`, `;managed_identity=…`, `;impersonate`, or nothing for a local folder).
///
/// Printed, it shows the address and hides the rest.
pub struct StorageUri {
    address: String,
    access: Option<Secret>,
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
    pub fn with_access(address: String, access: Secret) -> Self {
        Self {
            address,
            access: Some(access),
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
        let access = self.access.as_ref().map_or("", Secret::expose);
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
        match &self.access {
            None => f.write_str(&self.address),
            Some(access) => write!(f, "{}{access}", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_never_printed_and_still_there() {
        let access = Secret::new("?sv=1&sig=TOPSECRET".to_owned());
        assert!(!format!("{access} {access:?} {access:#?}").contains("TOPSECRET"));
        let uri = StorageUri::with_access("https://a/b/c".to_owned(), access);
        let printed = format!("{uri} {uri:?} {uri:#?}");
        assert!(!printed.contains("TOPSECRET") && printed.contains("https://a/b/c***"));
        assert_eq!(uri.address(), "https://a/b/c");
        assert_eq!(uri.expose(), "https://a/b/c?sv=1&sig=TOPSECRET");
    }
}
