//! The policies that Kusto has and this cluster stores.

/// A policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyKind {
    /// When the table itself is dropped.
    AutoDelete,
    /// How much data is hot.
    Caching,
    /// How columns are stored; carries `MaxValueSize`.
    Encoding,
    /// How long tags with a prefix are kept.
    ExtentTagsRetention,
    /// How queued ingestion is batched.
    IngestionBatching,
    /// Whether rows get an ingestion time.
    IngestionTime,
    /// Which managed identities may do what.
    ManagedIdentity,
    /// Whether and how extents merge.
    Merge,
    /// How extents are partitioned.
    Partitioning,
    /// Who may read the table at all.
    RestrictedViewAccess,
    /// How long data is kept.
    Retention,
    /// Which rows a reader sees.
    RowLevelSecurity,
    /// How rows are ordered in an extent.
    RowOrder,
    /// How ingested data is cut into extents.
    Sharding,
    /// Whether the table takes streaming ingestion.
    StreamingIngestion,
    /// What is derived from new data.
    Update,
}

impl PolicyKind {
    /// All policies, by name.
    pub const ALL: [PolicyKind; 16] = [
        PolicyKind::AutoDelete,
        PolicyKind::Caching,
        PolicyKind::Encoding,
        PolicyKind::ExtentTagsRetention,
        PolicyKind::IngestionBatching,
        PolicyKind::IngestionTime,
        PolicyKind::ManagedIdentity,
        PolicyKind::Merge,
        PolicyKind::Partitioning,
        PolicyKind::RestrictedViewAccess,
        PolicyKind::Retention,
        PolicyKind::RowLevelSecurity,
        PolicyKind::RowOrder,
        PolicyKind::Sharding,
        PolicyKind::StreamingIngestion,
        PolicyKind::Update,
    ];

    /// The policy's name in commands.
    pub fn name(self) -> &'static str {
        match self {
            PolicyKind::AutoDelete => "auto_delete",
            PolicyKind::Caching => "caching",
            PolicyKind::Encoding => "encoding",
            PolicyKind::ExtentTagsRetention => "extent_tags_retention",
            PolicyKind::IngestionBatching => "ingestionbatching",
            PolicyKind::IngestionTime => "ingestiontime",
            PolicyKind::ManagedIdentity => "managed_identity",
            PolicyKind::Merge => "merge",
            PolicyKind::Partitioning => "partitioning",
            PolicyKind::RestrictedViewAccess => "restricted_view_access",
            PolicyKind::Retention => "retention",
            PolicyKind::RowLevelSecurity => "row_level_security",
            PolicyKind::RowOrder => "roworder",
            PolicyKind::Sharding => "sharding",
            PolicyKind::StreamingIngestion => "streamingingestion",
            PolicyKind::Update => "update",
        }
    }

    /// The policy as the `PolicyName` column shows it.
    pub fn display_name(self) -> String {
        format!("{}Policy", self.grammar_name())
    }

    /// The policy's part of a command's kind.
    pub(crate) fn grammar_name(self) -> &'static str {
        match self {
            PolicyKind::AutoDelete => "AutoDelete",
            PolicyKind::Caching => "Caching",
            PolicyKind::Encoding => "Encoding",
            PolicyKind::ExtentTagsRetention => "ExtentTagsRetention",
            PolicyKind::IngestionBatching => "IngestionBatching",
            PolicyKind::IngestionTime => "IngestionTime",
            PolicyKind::ManagedIdentity => "ManagedIdentity",
            PolicyKind::Merge => "Merge",
            PolicyKind::Partitioning => "Partitioning",
            PolicyKind::RestrictedViewAccess => "RestrictedViewAccess",
            PolicyKind::Retention => "Retention",
            PolicyKind::RowLevelSecurity => "RowLevelSecurity",
            PolicyKind::RowOrder => "RowOrder",
            PolicyKind::Sharding => "Sharding",
            PolicyKind::StreamingIngestion => "StreamingIngestion",
            PolicyKind::Update => "Update",
        }
    }

    /// The policy of this name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}
