//! What a query sees: one snapshot of each database it touches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kusto_emulator_kql::{Catalog, StoredFunction, TableSource};
use kusto_emulator_values::{Schema, Table as Values};

use super::provider::{ExtentsProvider, Refused};
use crate::engine::Engine;
use crate::error::KustoError;
use crate::model::{DatabaseSnapshot, Table};

/// Tables that stand in for the database's own of the same name: an update policy's query sees only
/// the new rows of its source.
pub(crate) type Overrides = BTreeMap<String, Arc<Table>>;

/// The cluster as one query sees it.
pub(crate) struct QueryCatalog {
    engine: Arc<Engine>,
    context: Arc<DatabaseSnapshot>,
    others: Mutex<BTreeMap<String, Arc<DatabaseSnapshot>>>,
    now: i64,
    overrides: Overrides,
    reads_restricted: bool,
    blocks_row_level_security: bool,
    refused: Refused,
}

impl QueryCatalog {
    /// A catalog with a snapshot of the context database at `now` (ticks).
    ///
    /// # Errors
    /// The database does not exist.
    pub(crate) fn new(
        engine: &Arc<Engine>,
        database: &str,
        now: i64,
        overrides: Overrides,
        blocks_row_level_security: bool,
    ) -> Result<Self, KustoError> {
        Ok(Self {
            context: Arc::new(context_snapshot(engine, database, now)?),
            engine: Arc::clone(engine),
            others: Mutex::new(BTreeMap::new()),
            now,
            // An update policy's query never reads restricted tables, whoever ingests.
            reads_restricted: overrides.is_empty(),
            overrides,
            blocks_row_level_security,
            refused: Refused::default(),
        })
    }

    /// The refusal that the query met, if it met one.
    pub(crate) fn refused(&self) -> Option<&KustoError> {
        self.refused.get()
    }

    fn snapshot(&self, database: Option<&str>) -> Option<Arc<DatabaseSnapshot>> {
        let Some(name) = database else {
            return Some(Arc::clone(&self.context));
        };
        let handle = self.engine.database(name).ok()?;
        if handle.name() == self.context.name {
            return Some(Arc::clone(&self.context));
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = others
            .entry(handle.name().to_owned())
            .or_insert_with(|| Arc::new(handle.snapshot(self.now)));
        Some(Arc::clone(snapshot))
    }

    fn source(&self, snapshot: &DatabaseSnapshot, table: &Arc<Table>) -> TableSource {
        let settings = self.engine.settings();
        TableSource {
            schema: table.schema(),
            provider: Arc::new(ExtentsProvider::new(
                Arc::clone(table),
                snapshot.cursor,
                settings.rows_without_ingestion_time,
                self.refusal(table, self.reads_restricted && settings.unrestricted_viewer),
                Arc::clone(&self.refused),
            )),
        }
    }

    /// Why the table cannot be read by this caller.
    fn refusal(&self, table: &Table, unrestricted_viewer: bool) -> Option<KustoError> {
        if table.is_restricted() && !unrestricted_viewer {
            return Some(KustoError::forbidden(format!(
                "Access to table '{}' is restricted: the caller is not an UnrestrictedViewer.",
                table.name
            )));
        }
        table.row_level_security()?;
        Some(match self.blocks_row_level_security {
            true => KustoError::bad_request(
                "General_BadRequest",
                format!(
                    "The request is blocked by 'request_block_row_level_security': table '{}' has \
                     a row level security policy.",
                    table.name
                ),
            ),
            false => KustoError::unsupported(format!(
                "A query of table '{}', which has an enabled row level security policy,",
                table.name
            )),
        })
    }
}

impl Catalog for QueryCatalog {
    fn table(&self, database: Option<&str>, name: &str) -> Option<TableSource> {
        let snapshot = self.snapshot(database)?;
        let is_context = snapshot.name == self.context.name;
        let table = match self.overrides.get(name) {
            Some(table) if is_context => table,
            Some(_) | None => snapshot.tables.get(name)?,
        };
        Some(self.source(&snapshot, table))
    }

    fn tables_matching(
        &self,
        database: Option<&str>,
        wildcard: &str,
    ) -> Vec<(String, TableSource)> {
        let Some(snapshot) = self.snapshot(database) else {
            return Vec::new();
        };
        snapshot
            .tables
            .values()
            // Restricted tables are left out of wildcards for everyone.
            .filter(|table| matches_wildcard(wildcard, &table.name) && !table.is_restricted())
            .map(|table| (table.name.clone(), self.source(&snapshot, table)))
            .collect()
    }

    fn function(&self, database: Option<&str>, name: &str) -> Option<StoredFunction> {
        let snapshot = self.snapshot(database)?;
        let function = snapshot.functions.get(name)?;
        Some(StoredFunction {
            name: function.name.clone(),
            parameters: function.parameters.clone(),
            body: function.body.clone(),
        })
    }

    fn cursor_current(&self) -> i64 {
        self.context.cursor
    }

    fn external_data(
        &self,
        uris: &[String],
        schema: &Schema,
        properties: &BTreeMap<String, String>,
    ) -> Result<Values, String> {
        crate::commands::read_external(&self.engine.storage(), uris, schema, properties).map_err(
            |refused| {
                let message = refused.message.clone();
                // Only the first refusal is told; a later one says no more.
                let _ = self.refused.set(refused);
                message
            },
        )
    }
}

/// The context database; requests that name none, or the one that SDKs name by default, see an empty
/// one where it does not exist.
fn context_snapshot(
    engine: &Engine,
    database: &str,
    now: i64,
) -> Result<DatabaseSnapshot, KustoError> {
    match engine.database(database) {
        Ok(handle) => Ok(handle.snapshot(now)),
        Err(_) if database.is_empty() || database.eq_ignore_ascii_case(DEFAULT_DATABASE) => {
            Ok(DatabaseSnapshot {
                name: DEFAULT_DATABASE.to_owned(),
                cursor: now,
                tables: BTreeMap::new(),
                functions: BTreeMap::new(),
            })
        }
        Err(missing) => Err(missing),
    }
}

/// The database that SDKs name when their user names none.
const DEFAULT_DATABASE: &str = "NetDefaultDB";

/// Whether a name fits a wildcard, `*` for any text.
pub(crate) fn matches_wildcard(wildcard: &str, name: &str) -> bool {
    let mut parts = wildcard.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_whole_names() {
        let cases = [
            ("*", "T", true),
            ("T*", "Table", true),
            ("T*", "aT", false),
            ("*e", "Table", true),
            ("T*l*", "Table", true),
            ("Ta", "Table", false),
            ("a*a", "a", false),
        ];
        for (wildcard, name, expected) in cases {
            assert_eq!(
                matches_wildcard(wildcard, name),
                expected,
                "{wildcard} {name}"
            );
        }
    }
}
