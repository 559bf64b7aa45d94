//! How the cluster reaches blobs, and what its own identity may use there.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How blobs are reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageAccess {
    /// The rights of the cluster's identity, and of its callers: a key for each storage account,
    /// by the account's name. With one, `;managed_identity=…` and `;impersonate` open that account;
    /// without, they are refused.
    pub identity_keys: BTreeMap<String, AccountKey>,
    /// How often one file is tried before a command fails: storage that is busy, restarts or
    /// cannot be reached is tried again, a refusal is not.
    pub attempts: u32,
    /// Pause before the second attempt; each further one is twice as long.
    pub pause_ms: u64,
    /// How long one attempt may take.
    pub timeout_ms: u64,
}

impl Default for StorageAccess {
    fn default() -> Self {
        Self {
            identity_keys: BTreeMap::new(),
            attempts: 5,
            pause_ms: 250,
            timeout_ms: 300_000,
        }
    }
}

/// The key of a storage account, in base64. `Debug` does not show it, nor does the admin port.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountKey(String);

impl AccountKey {
    /// Wraps a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself: for signing alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AccountKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed() {
        let access = StorageAccess {
            identity_keys: [("a".to_owned(), AccountKey::new("hush"))].into(),
            ..StorageAccess::default()
        };
        let shown = format!("{access:?}");
        assert!(shown.contains("***") && !shown.contains("hush"), "{shown}");
    }
}
