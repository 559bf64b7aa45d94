//! A and B: what a database is and holds.

use super::{Text, Writer};

/// A policy that `.show table * policy` shows for all tables at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TablePolicy {
    /// Hidden ingestion time of every row (A6).
    IngestionTime,
    /// Reads replaced by a query (A6b).
    RowLevelSecurity,
    /// Reads for unrestricted viewers only (A6c).
    RestrictedViewAccess,
    /// Functions that fill a table from another (B1).
    Update,
    /// Tags that are dropped by age (B2).
    ExtentTagsRetention,
}

impl TablePolicy {
    const ALL: [Self; 5] = [
        Self::IngestionTime,
        Self::RowLevelSecurity,
        Self::RestrictedViewAccess,
        Self::Update,
        Self::ExtentTagsRetention,
    ];

    /// All of them.
    #[must_use]
    pub const fn all() -> [Self; 5] {
        Self::ALL
    }

    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::IngestionTime => (
                "ingestiontime",
                "the ingestion-time policies",
                "ShowTableStarPolicyIngestionTime",
            ),
            Self::RowLevelSecurity => (
                "row_level_security",
                "the row-level security policies",
                "ShowTableStarPolicyRowLevelSecurity",
            ),
            Self::RestrictedViewAccess => (
                "restricted_view_access",
                "the restricted-view policies",
                "ShowTableStarPolicyRestrictedViewAccess",
            ),
            Self::Update => ("update", "the update policies", "ShowTableStarPolicyUpdate"),
            Self::ExtentTagsRetention => (
                "extent_tags_retention",
                "the tag-retention policies",
                "ShowTableStarPolicyExtentTagsRetention",
            ),
        }
    }
}

/// A1.
#[must_use]
pub fn version() -> Text {
    Writer::new()
        .words(".show version | project ProductVersion, ServiceType, BuildTime")
        .show("its version", "ShowVersion")
}

/// A2, D1.
#[must_use]
pub fn identity() -> Text {
    Writer::new()
        .words(
            ".show database identity\n| project DatabaseName, PrettyName, DatabaseId, Version, \
             DatabaseAccessMode, CurrentUserIsUnrestrictedViewer, InTransitionTo",
        )
        .show("the database's identity", "ShowDatabaseIdentity")
}

/// A3.
#[must_use]
pub fn schemas(database: &str) -> Text {
    Writer::new()
        .words(".show database ")
        .name(database)
        .words(" cslschema\n| project TableName, Schema, Folder, DocString")
        .show("the schemas of all tables", "ShowDatabaseCslSchema")
}

/// The one-table form of A3, documented.
#[must_use]
pub fn table_schema(table: &str) -> Text {
    Writer::new()
        .words(".show table ")
        .name(table)
        .words(" cslschema")
        .show("a table's schema", "ShowTableCslSchema")
}

/// A5.
#[must_use]
pub fn tables_details() -> Text {
    Writer::new()
        .words(".show tables details")
        .words(DETAILS)
        .show("the details of all tables", "ShowTablesDetails")
}

const DETAILS: &str = "\n| project TableName, TableId, TotalExtents, TotalRowCount, \
     TotalOriginalSize, RetentionPolicy, MergePolicy, ShardingPolicy, StreamingIngestionPolicy, \
     MinExtentsCreationTime, MaxExtentsCreationTime";

/// H2.
#[must_use]
pub fn tables_details_of(tables: &[&str]) -> Text {
    let mut w = Writer::new();
    w.words(".show tables (").list(", ", tables, |w, table| {
        w.name(table);
    });
    w.words(") details")
        .words(DETAILS)
        .show("the details of tables", "ShowTablesDetails")
}

/// A6, A6b, A6c, B1, B2.
#[must_use]
pub fn table_policies(policy: TablePolicy) -> Text {
    let (word, what, kind) = policy.words();
    Writer::new()
        .words(".show table * policy ")
        .words(word)
        .words(" | project EntityName, Policy")
        .show(what, kind)
}

/// A7.
#[must_use]
pub fn materialized_views() -> Text {
    Writer::new()
        .words(".show materialized-views | project Name, SourceTable, IsEnabled, IsHealthy")
        .show("the materialized views", "ShowMaterializedViews")
}

/// A8.
#[must_use]
pub fn functions() -> Text {
    Writer::new()
        .words(".show functions | project Name")
        .show("the stored functions", "ShowFunctions")
}

/// B4.
#[must_use]
pub fn encoding_policy(table: &str) -> Text {
    Writer::new()
        .words(".show table ")
        .name(table)
        .words(" policy encoding | project EntityName, Policy")
        .show("a table's encoding policy", "ShowTablePolicyEncoding")
}
