//! Storage connection strings, which may carry a key or a signature.

use std::fmt;

/// A storage connection string. `Debug` and `Display` show only what precedes the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct StorageUri(String);

impl StorageUri {
    /// Wraps a connection string as it stood in the command.
    pub fn new(text: impl Into<String>) -> Self {
        StorageUri(text.into())
    }

    /// The whole text, credentials included: for the storage client alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The location without credentials: what precedes the first `?` or `;`.
    pub fn location(&self) -> &str {
        let end = self.0.find(['?', ';']).unwrap_or(self.0.len());
        &self.0[..end]
    }

    /// What follows the location: empty, or `?signature` or `;key`.
    pub fn credentials(&self) -> &str {
        &self.0[self.location().len()..]
    }
}

impl fmt::Display for StorageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.location())
    }
}

impl fmt::Debug for StorageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = if self.credentials().is_empty() {
            ""
        } else {
            "***"
        };
        write!(f, "StorageUri({}{hidden})", self.location())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_form_of_printing_shows_the_credentials() {
        for text in [
            "https://a.blob/c?sig=hush",
            "https://a.blob/c;hush",
            "abfss://c@a;sharedkey=hush",
        ] {
            let uri = StorageUri::new(text);
            assert!(!format!("{uri:?} {uri}").contains("hush"));
            assert_eq!(
                format!("{}{}", uri.location(), uri.credentials()),
                uri.expose()
            );
        }
    }
}
