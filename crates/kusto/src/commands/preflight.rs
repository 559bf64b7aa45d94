//! What a database is and holds, before anything is copied: one command each, however many
//! tables there are.

use kusto_copy_core::vocabulary::{TableSchema, Ticks};

use crate::client::Cluster;
use crate::database::Database;
use crate::kql;
use crate::rows::{Bytes, FromRow, JsonText, ReadError, Row, row_struct};
use crate::schema_text::{self, SchemaTextError};
use crate::{Call, KustoError};

row_struct! {
    /// The service behind an address (A1).
    pub struct Version {
        /// The product's version.
        pub product_version: String = "ProductVersion",
        /// `Engine`; anything else is not a query endpoint.
        pub service_type: String = "ServiceType",
    }
}

row_struct! {
    /// The context database (A2). A database dropped and created again under its name has
    /// another `id`, and unrelated cursors.
    pub struct Identity {
        /// The name; a guid on Fabric.
        pub name: String = "DatabaseName",
        /// The name for people, where it differs.
        pub pretty_name: Option<String> = "PrettyName",
        /// The identity, unique for ever.
        pub id: String = "DatabaseId",
        /// Changes with every change of data or schema.
        pub version: Option<String> = "Version",
        /// `ReadWrite`, or `ReadOnlyFollowing` on a follower.
        pub access_mode: Option<String> = "DatabaseAccessMode",
        /// Whether we may read tables with the restricted view access policy.
        pub unrestricted_viewer: Option<bool> = "CurrentUserIsUnrestrictedViewer",
    }
}

/// A table and its columns (A3).
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// The table's name.
    pub name: String,
    /// Its columns, or why they cannot be understood (an unknown type).
    pub schema: Result<TableSchema, SchemaTextError>,
    /// Its folder, for people.
    pub folder: String,
    /// Its documentation, for people.
    pub docstring: String,
}

impl FromRow for TableInfo {
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError> {
        let schema: String = row.get("Schema")?;
        Ok(Self {
            name: row.get("TableName")?,
            schema: schema_text::parse(&schema),
            folder: row.get::<Option<String>>("Folder")?.unwrap_or_default(),
            docstring: row.get::<Option<String>>("DocString")?.unwrap_or_default(),
        })
    }
}

row_struct! {
    /// A table's identity, effective policies and rough sizes (A5). The sizes are cached for up
    /// to 15 minutes: for plans and progress, never for a decision.
    pub struct TableDetails {
        /// The table's name.
        pub name: String = "TableName",
        /// Its identity: a table dropped and created again is another one.
        pub id: Option<String> = "TableId",
        /// Extents, roughly.
        pub extents: Option<u64> = "TotalExtents",
        /// Rows, roughly.
        pub rows: Option<u64> = "TotalRowCount",
        /// Original bytes, roughly.
        pub original_bytes: Option<Bytes> = "TotalOriginalSize",
        /// The effective retention policy.
        pub retention: Option<JsonText> = "RetentionPolicy",
        /// The effective merge policy.
        pub merge: Option<JsonText> = "MergePolicy",
        /// The effective streaming policy; enabled means that rows may be in no extent yet.
        pub streaming: Option<JsonText> = "StreamingIngestionPolicy",
        /// The oldest extent's creation.
        pub oldest: Option<Ticks> = "MinExtentsCreationTime",
        /// The newest extent's creation.
        pub newest: Option<Ticks> = "MaxExtentsCreationTime",
    }
}

impl TableDetails {
    /// Whether streaming ingestion is on, so that extents alone do not tell of all rows.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.streaming
            .as_ref()
            .and_then(|policy| policy.0.get("IsEnabled"))
            .and_then(serde_json::Value::as_bool)
            .unwrap_or(false)
    }

    /// How long rows are kept (ticks), where the retention policy says so.
    #[must_use]
    pub fn soft_delete_period(&self) -> Option<i64> {
        let text = self
            .retention
            .as_ref()?
            .0
            .get("SoftDeletePeriod")?
            .as_str()?;
        crate::wire::time::parse_timespan(text)
    }
}

row_struct! {
    /// A materialized view (A7): never a source of a copy.
    pub struct MaterializedView {
        /// The view's name.
        pub name: String = "Name",
        /// The table that it is made from.
        pub source_table: String = "SourceTable",
        /// Whether it is enabled.
        pub enabled: Option<bool> = "IsEnabled",
    }
}

row_struct! {
    struct FunctionName {
        name: String = "Name",
    }
}

impl Cluster {
    /// Which service answers (A1). Ask it first: it tells a wrong address and the ingestion
    /// endpoint from a query endpoint.
    ///
    /// # Errors
    /// As any read; [`KustoError::Protocol`] with the remedy for the ingestion endpoint.
    pub async fn version(&self, call: &Call) -> Result<Version, KustoError> {
        let text = kql::preflight::version();
        let database = self.database("NetDefaultDB");
        let version: Version = database.one(call, &text).await?;
        if version.service_type.eq_ignore_ascii_case("engine") {
            return Ok(version);
        }
        Err(database.protocol(
            call,
            &text,
            format!(
                "this is the `{}` service, not the query endpoint; leave out `ingest-` in the \
                 cluster's address",
                version.service_type
            ),
        ))
    }
}

impl Database {
    /// The database's identity and change counter (A2, D1).
    ///
    /// # Errors
    /// As any read; [`KustoError::NotFound`] when there is no such database.
    pub async fn identity(&self, call: &Call) -> Result<Identity, KustoError> {
        self.one(call, &kql::preflight::identity()).await
    }

    /// All tables with their columns (A3).
    ///
    /// # Errors
    /// As any read.
    pub async fn schemas(&self, call: &Call) -> Result<Vec<TableInfo>, KustoError> {
        self.rows(call, &kql::preflight::schemas(self.name())).await
    }

    /// One table's columns; `None` when there is no such table.
    ///
    /// # Errors
    /// As any read; [`KustoError::Protocol`] when the columns cannot be understood.
    pub async fn table_schema(
        &self,
        call: &Call,
        table: &str,
    ) -> Result<Option<TableSchema>, KustoError> {
        let text = kql::preflight::table_schema(table);
        let found: Vec<TableInfo> = match self.rows(call, &text).await {
            Ok(found) => found,
            Err(KustoError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        match found.into_iter().find(|info| info.name == table) {
            None => Ok(None),
            Some(info) => match info.schema {
                Ok(schema) => Ok(Some(schema)),
                Err(problem) => Err(self.protocol(call, &text, problem.to_string())),
            },
        }
    }

    /// Identity, policies and rough sizes of all tables (A5).
    ///
    /// # Errors
    /// As any read.
    pub async fn tables_details(&self, call: &Call) -> Result<Vec<TableDetails>, KustoError> {
        self.rows(call, &kql::preflight::tables_details()).await
    }

    /// The same of these tables alone (H2).
    ///
    /// # Errors
    /// As any read; [`KustoError::NotFound`] when one of them does not exist.
    pub async fn tables_details_of(
        &self,
        call: &Call,
        tables: &[&str],
    ) -> Result<Vec<TableDetails>, KustoError> {
        self.rows(call, &kql::preflight::tables_details_of(tables))
            .await
    }

    /// All materialized views (A7).
    ///
    /// # Errors
    /// As any read.
    pub async fn materialized_views(
        &self,
        call: &Call,
    ) -> Result<Vec<MaterializedView>, KustoError> {
        self.rows(call, &kql::preflight::materialized_views()).await
    }

    /// The names of all stored functions (A8): one named as a table shadows it.
    ///
    /// # Errors
    /// As any read.
    pub async fn functions(&self, call: &Call) -> Result<Vec<String>, KustoError> {
        let found: Vec<FunctionName> = self.rows(call, &kql::preflight::functions()).await?;
        Ok(found.into_iter().map(|function| function.name).collect())
    }
}
