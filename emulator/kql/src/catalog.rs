//! What a query sees of the cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use kusto_emulator_values::{Schema, Table};

/// Hidden column: time of ingestion, ticks; null if the policy was off.
pub const INGESTION_TIME: &str = "$IngestionTime";
/// Hidden column: id of the row's extent, guid text.
pub const EXTENT_ID: &str = "$ExtentId";
/// Hidden column: tags of the row's extent, JSON array text.
pub const EXTENT_TAGS: &str = "$ExtentTags";
/// Hidden column: cursor value of the row's commit; null while it has none.
pub const CURSOR: &str = "$Cursor";
/// The hidden columns in the order in which they follow the user's columns.
pub const HIDDEN: [&str; 4] = [INGESTION_TIME, EXTENT_ID, EXTENT_TAGS, CURSOR];

/// A table to scan.
#[derive(Clone)]
pub struct TableSource {
    /// The user's columns.
    pub schema: Schema,
    /// Rows. Its Arrow schema is the user's columns in their Arrow forms, then [`HIDDEN`].
    pub provider: Arc<dyn TableProvider>,
}

impl fmt::Debug for TableSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TableSource")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// A function of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFunction {
    /// Name.
    pub name: String,
    /// `(a:long, T:(x:long))`, with the parentheses.
    pub parameters: String,
    /// `{ … }`, with the braces.
    pub body: String,
}

/// What a query reads from the cluster. Calls come from a blocking thread; they may read files.
pub trait Catalog: Send + Sync {
    /// The table of this exact name; database none is the context database.
    fn table(&self, database: Option<&str>, name: &str) -> Option<TableSource>;

    /// All tables that `union` means by a wildcard such as `T*`, by name.
    fn tables_matching(&self, database: Option<&str>, wildcard: &str)
    -> Vec<(String, TableSource)>;

    /// The stored function of this exact name.
    fn function(&self, database: Option<&str>, name: &str) -> Option<StoredFunction>;

    /// The context database's current cursor.
    fn cursor_current(&self) -> i64;

    /// Reads what `externaldata` names.
    ///
    /// # Errors
    /// One sentence: the storage cannot be read or the format is not known.
    fn external_data(
        &self,
        uris: &[String],
        schema: &Schema,
        properties: &BTreeMap<String, String>,
    ) -> Result<Table, String>;
}
