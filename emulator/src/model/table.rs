//! Tables: columns, policies, mappings and extents.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kusto_emulator_values::{Column, ScalarType};
use serde_json::Value;
use uuid::Uuid;

use super::{Extent, Policies};
use crate::error::KustoError;

/// Identity of a column inside its table: survives renames, never used again after a drop.
pub(crate) type ColumnId = u32;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableColumn {
    /// Identity inside the table.
    pub(crate) id: ColumnId,
    /// Name, case-sensitive.
    pub(crate) name: String,
    /// Type; it never changes.
    pub(crate) ty: ScalarType,
    /// Description.
    pub(crate) docstring: String,
}

/// An ingestion mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Name, case-sensitive.
    pub(crate) name: String,
    /// Kind in lower case: `csv`, `json`, `parquet`, ….
    pub(crate) kind: String,
    /// The mapping as JSON text.
    pub(crate) text: String,
    /// When it was last written, in ticks.
    pub(crate) last_updated_on: i64,
}

/// A table. Held behind an `Arc` and copied on write, so that readers keep what they saw.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Identity: a table dropped and created again is another one.
    pub(crate) id: Uuid,
    /// Name, case-sensitive.
    pub(crate) name: String,
    /// Columns in order.
    pub(crate) columns: Vec<TableColumn>,
    /// Folder shown in tools.
    pub(crate) folder: String,
    /// Description.
    pub(crate) docstring: String,
    /// Hidden from `.show tables` unless asked for.
    pub(crate) hidden: bool,
    /// Policies of the table itself, by name in lower case.
    pub(crate) policies: Policies,
    /// Mappings by kind and name.
    pub(crate) mappings: BTreeMap<(String, String), Mapping>,
    /// Extents, oldest first.
    pub(crate) extents: Vec<Arc<Extent>>,
    next_column: ColumnId,
}

impl Table {
    /// A new, empty table.
    pub(crate) fn new(name: &str, columns: &[Column]) -> Self {
        let mut table = Self {
            id: Uuid::new_v4(),
            name: name.to_owned(),
            columns: Vec::with_capacity(columns.len()),
            folder: String::new(),
            docstring: String::new(),
            hidden: false,
            policies: Policies::new(),
            mappings: BTreeMap::new(),
            extents: Vec::new(),
            next_column: 0,
        };
        for column in columns {
            table.add_column(column);
        }
        table
    }

    /// Columns as name and type.
    pub(crate) fn schema(&self) -> Vec<Column> {
        self.columns
            .iter()
            .map(|column| Column {
                name: column.name.clone(),
                ty: column.ty,
            })
            .collect()
    }

    /// The column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Appends a column; the rows that exist have nothing there.
    pub(crate) fn add_column(&mut self, column: &Column) {
        self.columns.push(TableColumn {
            id: self.next_column,
            name: column.name.clone(),
            ty: column.ty,
            docstring: String::new(),
        });
        self.next_column += 1;
    }

    /// Adds the columns that are missing (`.create-merge`, `.alter-merge`).
    ///
    /// # Errors
    /// A column that exists with another type; nothing is changed then.
    pub(crate) fn merge_columns(&mut self, columns: &[Column]) -> Result<(), KustoError> {
        for column in columns {
            if let Some(held) = self.column(&column.name)
                && held.ty != column.ty
            {
                return Err(column_type_conflict(
                    &self.name,
                    &column.name,
                    held.ty,
                    column.ty,
                ));
            }
        }
        for column in columns {
            if self.column(&column.name).is_none() {
                self.add_column(column);
            }
        }
        Ok(())
    }

    /// Makes these the only columns, in this order (`.alter table`); what is left out is dropped.
    ///
    /// # Errors
    /// A column that exists with another type; nothing is changed then.
    pub(crate) fn replace_columns(&mut self, columns: &[Column]) -> Result<(), KustoError> {
        let mut changed = self.clone();
        changed.merge_columns(columns)?;
        changed.columns = columns
            .iter()
            .filter_map(|wanted| changed.column(&wanted.name).cloned())
            .collect();
        *self = changed;
        Ok(())
    }

    /// Whether new rows get an ingestion time: on unless the policy says otherwise.
    pub(crate) fn stamps_ingestion_time(&self) -> bool {
        self.policies
            .get("ingestiontime")
            .and_then(|policy| policy.get("IsEnabled"))
            .and_then(Value::as_bool)
            .unwrap_or(true)
    }

    /// Whether only unrestricted viewers may query it.
    pub(crate) fn is_restricted(&self) -> bool {
        match self.policies.get("restricted_view_access") {
            Some(Value::Bool(restricted)) => *restricted,
            Some(policy) => policy
                .get("IsEnabled")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            None => false,
        }
    }

    /// The enabled row-level-security query, if there is one.
    pub(crate) fn row_level_security(&self) -> Option<&str> {
        let policy = self.policies.get("row_level_security")?;
        policy
            .get("IsEnabled")?
            .as_bool()?
            .then(|| policy.get("Query").and_then(Value::as_str).unwrap_or(""))
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.extents.iter().map(|extent| extent.rows).sum()
    }

    /// The extent of this id.
    pub(crate) fn extent(&self, id: Uuid) -> Option<&Arc<Extent>> {
        self.extents.iter().find(|extent| extent.id == id)
    }

    /// Takes the extents with these ids out, in the table's order.
    pub(super) fn take_extents(&mut self, ids: &HashSet<Uuid>) -> Vec<Arc<Extent>> {
        let (taken, kept) = std::mem::take(&mut self.extents)
            .into_iter()
            .partition(|extent| ids.contains(&extent.id));
        self.extents = kept;
        taken
    }
}

fn column_type_conflict(
    table: &str,
    column: &str,
    held: ScalarType,
    wanted: ScalarType,
) -> KustoError {
    KustoError::bad_request(
        "BadRequest_EntityTypeConflict",
        format!(
            "Column '{column}' of table '{table}' has type '{}' and cannot become '{}': Kusto \
             cannot change a column's type in place.",
            held.name(),
            wanted.name()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, ty: ScalarType) -> Column {
        Column {
            name: name.to_owned(),
            ty,
        }
    }

    #[test]
    fn merging_adds_columns_at_the_end_and_keeps_ids() {
        let mut table = Table::new("T", &[column("a", ScalarType::Long)]);
        table
            .merge_columns(&[column("b", ScalarType::Int), column("a", ScalarType::Long)])
            .expect("no type conflict");
        let names: Vec<_> = table
            .columns
            .iter()
            .map(|c| (c.id, c.name.as_str()))
            .collect();
        assert_eq!(names, [(0, "a"), (1, "b")]);
    }

    #[test]
    fn a_type_conflict_changes_nothing() {
        let mut table = Table::new("T", &[column("a", ScalarType::Long)]);
        let refused =
            table.merge_columns(&[column("b", ScalarType::Int), column("a", ScalarType::Real)]);
        assert!(refused.is_err());
        assert_eq!(table.columns.len(), 1);
    }

    #[test]
    fn a_column_dropped_and_added_again_is_another_one() {
        let mut table = Table::new(
            "T",
            &[column("a", ScalarType::Long), column("b", ScalarType::Int)],
        );
        table
            .replace_columns(&[column("b", ScalarType::Int)])
            .expect("no type conflict");
        table
            .replace_columns(&[column("b", ScalarType::Int), column("a", ScalarType::Long)])
            .expect("no type conflict");
        assert_eq!(table.column("a").map(|c| c.id), Some(2));
    }
}
