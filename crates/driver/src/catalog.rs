//! Schemas and policies of a pair of databases, read in a few commands however many tables there
//! are, and what follows from them for each table.

use std::collections::{BTreeMap, BTreeSet};

use kusto_copy_core::vocabulary::TableSchema;
use kusto_copy_kusto::commands::owners::{Markers, OwnerMarker};
use kusto_copy_kusto::commands::policies::UpdatePolicy;
use kusto_copy_kusto::commands::preflight::{TableDetails, TableInfo};
use kusto_copy_kusto::kql::encoding::problems;
use kusto_copy_kusto::{Call, Database, KustoError};
use tokio::sync::OnceCell;

/// A catalog that is read when it is first needed: an execution that only goes on with tables
/// whose layout is known needs none.
#[derive(Debug, Default)]
pub(crate) struct LateCatalog {
    read: OnceCell<Catalog>,
    empty: Catalog,
}

impl LateCatalog {
    /// What was read so far, nothing before the first need: for those who have just had it read,
    /// and for what may be missing, such as an order of tables.
    pub(crate) fn known(&self) -> &Catalog {
        self.read.get().unwrap_or(&self.empty)
    }

    /// Reads it unless it was read. The iteration's end must be fixed before.
    pub(crate) async fn get(
        &self,
        source: &Database,
        destination: &Database,
        call: &Call,
    ) -> Result<&Catalog, KustoError> {
        let read = || Catalog::read(source, destination, call);
        self.read.get_or_try_init(read).await
    }
}

impl From<Catalog> for LateCatalog {
    fn from(catalog: Catalog) -> Self {
        Self {
            read: OnceCell::new_with(Some(catalog)),
            empty: Catalog::default(),
        }
    }
}

/// What was read, by table.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// The source's tables.
    pub(crate) source: BTreeMap<String, TableInfo>,
    /// The source's tables in numbers.
    pub(crate) source_details: BTreeMap<String, TableDetails>,
    ingestion_time: BTreeSet<String>,
    row_level_security: BTreeSet<String>,
    views: BTreeSet<String>,
    /// The destination's tables.
    pub(crate) destination: BTreeMap<String, TableInfo>,
    destination_details: BTreeMap<String, TableDetails>,
    destination_row_level_security: BTreeSet<String>,
    destination_views: BTreeSet<String>,
    update_policies: Vec<UpdatePolicy>,
    markers: Markers,
}

impl Catalog {
    /// Reads both sides. Call it after the iteration's end was read: a schema that is older than
    /// the end could miss a column.
    pub(crate) async fn read(
        source: &Database,
        destination: &Database,
        call: &Call,
    ) -> Result<Self, KustoError> {
        let by_name =
            |tables: Vec<TableInfo>| tables.into_iter().map(|t| (t.name.clone(), t)).collect();
        let details_by_name =
            |tables: Vec<TableDetails>| tables.into_iter().map(|t| (t.name.clone(), t)).collect();
        let (schemas, details, with_time, secured, views) = tokio::try_join!(
            source.schemas(call),
            source.tables_details(call),
            source.tables_with_ingestion_time(call),
            source.tables_with_row_level_security(call),
            source.materialized_views(call),
        )?;
        let (to_schemas, to_details, to_secured, to_views, updates, markers) = tokio::try_join!(
            destination.schemas(call),
            destination.tables_details(call),
            destination.tables_with_row_level_security(call),
            destination.materialized_views(call),
            destination.update_policies(call),
            destination.markers(call),
        )?;
        Ok(Self {
            source: by_name(schemas),
            source_details: details_by_name(details),
            ingestion_time: with_time,
            row_level_security: secured,
            views: views.into_iter().map(|view| view.name).collect(),
            destination: by_name(to_schemas),
            destination_details: details_by_name(to_details),
            destination_row_level_security: to_secured,
            destination_views: to_views.into_iter().map(|view| view.name).collect(),
            update_policies: updates,
            markers,
        })
    }

    /// Tables that can be copied: not views, not staging of any job.
    pub(crate) fn source_tables(&self) -> impl Iterator<Item = &str> {
        self.source
            .keys()
            .map(String::as_str)
            .filter(|name| !self.views.contains(*name) && !name.starts_with("kcopy_"))
    }

    /// The table's id at the source, or empty where the cluster does not tell.
    pub(crate) fn table_id(&self, table: &str) -> String {
        self.source_details
            .get(table)
            .and_then(|details| details.id.clone())
            .unwrap_or_default()
    }

    /// Why a table is not the one that was copied so far, if it is another: its rows must not go
    /// on silently under the old window.
    pub(crate) fn another_table(&self, table: &str, pinned: &str) -> Option<String> {
        let found = self.table_id(table);
        let tells = !found.is_empty() && !pinned.is_empty();
        (tells && found != pinned).then(|| {
            format!(
                "source table `{table}` was dropped and created again, or another table was renamed over it, \
                 since it was copied last; exclude it with --tables-exclude, or copy it in a new job"
            )
        })
    }

    /// How many milliseconds the destination keeps rows, if the table exists and it is less than
    /// the unlimited default.
    pub(crate) fn retention(&self, table: &str) -> Option<u64> {
        const UNLIMITED_TICKS: i64 = 36_500 * 86_400 * 10_000_000;
        let ticks = self.destination_details.get(table)?.soft_delete_period()?;
        (ticks < UNLIMITED_TICKS).then(|| u64::try_from(ticks / 10_000).unwrap_or(u64::MAX))
    }

    /// Whether staging made from this destination table inherits row-level security.
    pub(crate) fn destination_is_secured(&self, table: &str) -> bool {
        self.destination_row_level_security.contains(table)
    }

    /// Who owns a destination table, if it is marked.
    pub(crate) fn owner(&self, table: &str) -> Option<&OwnerMarker> {
        self.markers
            .owners
            .iter()
            .find(|owner| owner.table == table)
    }

    /// Why reads of a source table would be incomplete or impossible, if they would.
    pub(crate) fn source_problem(&self, table: &str, force: bool) -> Option<String> {
        let info = self.source.get(table)?;
        let schema = match &info.schema {
            Ok(schema) => schema,
            Err(error) => return Some(format!("its schema cannot be read: {error}")),
        };
        if let Some(problem) = problems(table, schema).first() {
            return Some(format!(
                "{problem}; rename it at the source, or exclude the table"
            ));
        }
        if !self.ingestion_time.contains(table) {
            return Some(
                "its ingestion-time policy is off, so no cursor bounds its rows; turn it on with \
                 `.alter table ['…'] policy ingestiontime true`, or exclude the table"
                    .to_owned(),
            );
        }
        if self.row_level_security.contains(table) && !force {
            return Some(
                "row-level security is on, so a read may miss rows; turn it off, exclude the table, or \
                 accept what is visible with --force"
                    .to_owned(),
            );
        }
        None
    }

    /// Why a destination table cannot take the copy, if it cannot.
    pub(crate) fn destination_problem(
        &self,
        table: &str,
        schema: &TableSchema,
        copied: &BTreeSet<&str>,
    ) -> Option<String> {
        if self.destination_views.contains(table) {
            return Some(format!(
                "`{table}` is a materialized view at the destination; rename or drop it"
            ));
        }
        if let Some(problem) = derivation_problem(&self.update_policies, table, copied) {
            return Some(problem);
        }
        let existing = self.destination.get(table)?.schema.as_ref().ok()?;
        schema.columns.iter().find_map(|column| {
            let found = existing.column(&column.name)?;
            (found != column.ty).then(|| {
                format!(
                    "column `{}` is {} at the source and {} in the destination table; rename or drop the \
                     destination table or column",
                    column.name,
                    column.ty.name(),
                    found.name()
                )
            })
        })
    }
}

/// Why rows that arrive at this table would be derived into a copied table as well, directly or
/// over tables that are not copied.
fn derivation_problem(
    policies: &[UpdatePolicy],
    table: &str,
    copied: &BTreeSet<&str>,
) -> Option<String> {
    if let Some(policy) = policies.iter().find(|policy| policy.may_fire_on_staging()) {
        return Some(format!(
            "the update policy of `{}` at the destination has the source `{}`, a pattern that staging \
             tables fit too, so it would derive rows twice; disable the policy or narrow its pattern",
            policy.target, policy.source
        ));
    }
    let mut reached = BTreeSet::from([table]);
    let mut open = vec![table];
    while let Some(from) = open.pop() {
        for policy in policies.iter().filter(|policy| policy.fires_on(from)) {
            let target = policy.target.as_str();
            if copied.contains(target) {
                return Some(format!(
                    "an update policy at the destination derives `{target}` from it and that table is \
                     copied too, so its rows would be doubled; disable the policy, or exclude one of the \
                     two tables"
                ));
            }
            if reached.insert(target) {
                open.push(target);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(source: &str, target: &str) -> UpdatePolicy {
        UpdatePolicy {
            target: target.to_owned(),
            source: source.to_owned(),
            source_is_pattern: source.contains('*'),
            enabled: true,
            transactional: false,
        }
    }

    #[test]
    fn rows_are_not_derived_into_a_copied_table() {
        let copied = BTreeSet::from(["Raw1", "Clean", "Daily"]);
        let problem =
            |policies: &[UpdatePolicy], table| derivation_problem(policies, table, &copied);
        let pattern = [policy("Raw*", "Clean")];
        assert!(problem(&pattern, "Raw1").is_some_and(|text| text.contains("`Clean`")));
        assert_eq!(problem(&pattern, "Daily"), None);
        let over_another = [policy("Between", "Daily"), policy("Raw1", "Between")];
        assert!(problem(&over_another, "Raw1").is_some_and(|text| text.contains("`Daily`")));
        assert_eq!(problem(&over_another, "Clean"), None);
        let elsewhere = [
            policy("Raw1", "Audit"),
            policy("Audit", "Other"),
            policy("Other", "Audit"),
        ];
        assert_eq!(problem(&elsewhere, "Raw1"), None);
    }

    #[test]
    fn rows_are_not_derived_while_they_are_staged() {
        let problem = derivation_problem(&[policy("*", "Audit")], "T", &BTreeSet::from(["T"]));
        assert!(problem.is_some_and(|text| text.contains("staging")));
    }
}
