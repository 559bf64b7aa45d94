//! The lake: files by path, each with the rows in it.

use std::collections::BTreeMap;

use super::destination::Copied;

/// Exported files and ledger objects.
#[derive(Debug, Clone, Default)]
pub struct Lake {
    /// Rows of exported files.
    pub files: BTreeMap<String, Vec<Copied>>,
    /// Ledger objects: name and rows of the unit that they tell of.
    pub ledger: BTreeMap<String, u64>,
}

impl Lake {
    /// Deletes what lies under a prefix.
    pub fn delete_prefix(&mut self, prefix: &str) {
        self.files.retain(|path, _| !path.starts_with(prefix));
    }
}
