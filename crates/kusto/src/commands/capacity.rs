//! How many exports, ingestions and queries a cluster runs at once.

use crate::database::Database;
use crate::kql;
use crate::rows::row_struct;
use crate::{Call, KustoError};

row_struct! {
    /// One resource of a cluster (A9).
    pub struct Capacity {
        /// Its name as the cluster spells it; compare with [`Capacity::is`].
        pub resource: String = "Resource",
        /// Slots in all.
        pub total: u64 = "Total",
        /// Slots in use, by anybody.
        pub consumed: u64 = "Consumed",
        /// Slots left.
        pub remaining: u64 = "Remaining",
    }
}

/// A resource that the copier budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Exports to storage.
    Export,
    /// Ingestions.
    Ingestion,
    /// Queries.
    Query,
}

impl Capacity {
    /// Whether this is that resource. Clusters spell `DataExport` and `data-export`, with and
    /// without the plural.
    #[must_use]
    pub fn is(&self, resource: Resource) -> bool {
        let plain: String = self
            .resource
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let plain = plain.trim_end_matches('s');
        match resource {
            Resource::Export => plain == "dataexport" || plain == "export",
            Resource::Ingestion => plain == "ingestion",
            Resource::Query => plain == "query" || plain == "querie",
        }
    }
}

impl Database {
    /// The capacity of the cluster, all resources (A9). A refusal ([`KustoError::Denied`], or
    /// [`KustoError::Permanent`] where the command does not exist) means "unknown".
    ///
    /// # Errors
    /// As any read.
    pub async fn capacity(&self, call: &Call) -> Result<Vec<Capacity>, KustoError> {
        self.rows(call, &kql::operations::capacity()).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Capacity, Resource};

    #[test]
    fn every_spelling_is_recognised() {
        for (spelling, resource) in [
            ("DataExport", Resource::Export),
            ("data-export", Resource::Export),
            ("Ingestions", Resource::Ingestion),
            ("ingestions", Resource::Ingestion),
            ("Queries", Resource::Query),
        ] {
            let capacity = Capacity {
                resource: spelling.to_owned(),
                total: 1,
                consumed: 0,
                remaining: 1,
            };
            assert!(capacity.is(resource), "{spelling}");
        }
        let merge = Capacity {
            resource: "extents-merge".to_owned(),
            total: 1,
            consumed: 0,
            remaining: 1,
        };
        assert!(!merge.is(Resource::Export) && !merge.is(Resource::Ingestion));
    }
}
