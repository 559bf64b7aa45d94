//! Changes of a database under its lock: appends, moves, drops, replacements, schema.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::database::{CommitRecord, Database, Function};
use super::extent::{Extent, NewExtent, Segment, distinct, size_of};
use super::{ColumnId, CursorSlot, Mapping, Policies, Table};
use crate::error::KustoError;

/// What a commit needs from outside the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitSettings {
    /// The time, in ticks.
    pub(crate) now: i64,
    /// How long the commit waits for its cursor value, in ticks.
    pub(crate) cursor_lag: i64,
}

/// An extent that changed its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MovedExtent {
    /// Id before.
    pub(crate) original: Uuid,
    /// Id now.
    pub(crate) result: Uuid,
}

/// A change in progress. All rows of one transaction share one ingestion time and one cursor.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    database: &'a mut Database,
    settings: CommitSettings,
    before: Before,
    stamp: Option<Stamp>,
    changed: bool,
    commits: Vec<CommitRecord>,
}

/// What is put back when a transaction fails; shared, so taking it is cheap.
#[derive(Debug)]
struct Before {
    tables: BTreeMap<String, Arc<Table>>,
    functions: BTreeMap<String, Arc<Function>>,
    policies: Policies,
    mappings: BTreeMap<(String, String), Mapping>,
}

#[derive(Clone, Debug)]
struct Stamp {
    ingestion_time: i64,
    cursor: CursorSlot,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(database: &'a mut Database, settings: CommitSettings) -> Self {
        let before = Before {
            tables: database.tables.clone(),
            functions: database.functions.clone(),
            policies: database.policies.clone(),
            mappings: database.mappings.clone(),
        };
        Self {
            database,
            settings,
            before,
            stamp: None,
            changed: false,
            commits: Vec::new(),
        }
    }

    pub(super) fn finish(self) {
        if self.changed {
            self.database.version += 1;
        }
        self.database.commits.extend(self.commits);
    }

    pub(super) fn undo(self) {
        self.database.tables = self.before.tables;
        self.database.functions = self.before.functions;
        self.database.policies = self.before.policies;
        self.database.mappings = self.before.mappings;
    }

    /// The database as it stands inside this transaction.
    pub(crate) fn database(&self) -> &Database {
        self.database
    }

    /// The database for changes of functions, policies and mappings.
    pub(crate) fn database_mut(&mut self) -> &mut Database {
        self.changed = true;
        self.database
    }

    /// The time of this transaction, in ticks.
    pub(crate) fn now(&self) -> i64 {
        self.settings.now
    }

    /// The table for a change.
    ///
    /// # Errors
    /// Kusto's answer for a missing table.
    pub(crate) fn table_mut(&mut self, name: &str) -> Result<&mut Table, KustoError> {
        self.changed = true;
        match self.database.tables.get_mut(name) {
            Some(table) => Ok(Arc::make_mut(table)),
            None => Err(KustoError::table_not_found(&self.database.name, name)),
        }
    }

    /// Adds or replaces a table.
    pub(crate) fn put_table(&mut self, table: Table) {
        self.changed = true;
        self.database
            .tables
            .insert(table.name.clone(), Arc::new(table));
    }

    /// Takes a table out.
    pub(crate) fn remove_table(&mut self, name: &str) -> Option<Arc<Table>> {
        self.changed = true;
        self.database.tables.remove(name)
    }

    /// Ingestion time and cursor of this transaction's rows; unique in the database.
    fn stamp(&mut self) -> Stamp {
        if let Some(stamp) = &self.stamp {
            return stamp.clone();
        }
        let ingestion_time = self.settings.now.max(self.database.last_stamp + 1);
        self.database.last_stamp = ingestion_time;
        let stamp = Stamp {
            ingestion_time,
            cursor: self
                .database
                .cursors
                .reserve(self.settings.now, self.settings.cursor_lag),
        };
        self.stamp = Some(stamp.clone());
        stamp
    }

    /// Appends extents to a table and returns their ids in order. Extents without rows are left out.
    ///
    /// # Errors
    /// A missing table, or batches whose columns do not fit it.
    pub(crate) fn append(
        &mut self,
        name: &str,
        extents: Vec<NewExtent>,
    ) -> Result<Vec<Uuid>, KustoError> {
        let table = Arc::clone(self.database.table(name)?);
        let columns: Arc<[ColumnId]> = table.columns.iter().map(|column| column.id).collect();
        let stamp = table.stamps_ingestion_time().then(|| self.stamp());
        let mut made = Vec::with_capacity(extents.len());
        for new in extents.into_iter().filter(|new| new.rows() > 0) {
            check_width(&table, &new)?;
            made.push(Arc::new(self.extent_of(new, &columns, stamp.as_ref())));
        }
        let ids = made.iter().map(|extent| extent.id).collect();
        self.record(&table, "append", &made, stamp);
        drop(table);
        self.table_mut(name)?.extents.extend(made);
        Ok(ids)
    }

    fn extent_of(
        &self,
        new: NewExtent,
        columns: &Arc<[ColumnId]>,
        stamp: Option<&Stamp>,
    ) -> Extent {
        let created_on = new.created_on.unwrap_or(self.settings.now);
        let rows = new.rows();
        Extent {
            id: Uuid::new_v4(),
            tags: distinct(new.tags),
            min_created_on: created_on,
            max_created_on: created_on,
            rows,
            original_size: size_of(&new.batches),
            segments: vec![Arc::new(Segment {
                columns: Arc::clone(columns),
                batches: new.batches.into(),
                rows,
                ingestion_time: stamp.map(|stamp| stamp.ingestion_time),
                cursor: stamp.map(|stamp| stamp.cursor.clone()),
            })],
        }
    }

    fn record(
        &mut self,
        table: &Table,
        kind: &'static str,
        extents: &[Arc<Extent>],
        stamp: Option<Stamp>,
    ) {
        if extents.is_empty() {
            return;
        }
        self.commits.push(CommitRecord {
            table: table.name.clone(),
            table_id: table.id,
            kind,
            rows: extents.iter().map(|extent| extent.rows).sum(),
            committed_on: stamp
                .as_ref()
                .map_or(self.settings.now, |stamp| stamp.ingestion_time),
            extents: extents.iter().map(|extent| extent.id).collect(),
            cursor: stamp.map(|stamp| stamp.cursor),
        });
    }

    /// Moves extents from one table to another, under new ids, tags and creation times kept. With
    /// `new_ingestion_time` the rows get this transaction's time and cursor, otherwise they keep
    /// theirs (and cursor readers of the destination may miss them, as documented).
    ///
    /// # Errors
    /// A missing table or extent, or a source column that the destination lacks or has with
    /// another type.
    pub(crate) fn move_extents(
        &mut self,
        from: &str,
        to: &str,
        ids: &[Uuid],
        new_ingestion_time: bool,
    ) -> Result<Vec<MovedExtent>, KustoError> {
        let source = Arc::clone(self.database.table(from)?);
        let destination = Arc::clone(self.database.table(to)?);
        let columns = corresponding_columns(&source, &destination)?;
        let taken = self.take(from, ids)?;
        let stamp =
            (new_ingestion_time && destination.stamps_ingestion_time()).then(|| self.stamp());
        let mut moved = Vec::with_capacity(taken.len());
        let mut made = Vec::with_capacity(taken.len());
        for extent in taken {
            let mut reborn = extent.reborn();
            reborn.segments = extent
                .segments
                .iter()
                .map(|segment| {
                    Arc::new(moved_segment(
                        segment,
                        &columns,
                        new_ingestion_time,
                        stamp.as_ref(),
                    ))
                })
                .collect();
            moved.push(MovedExtent {
                original: extent.id,
                result: reborn.id,
            });
            made.push(Arc::new(reborn));
        }
        drop(source);
        self.record(&destination, "move", &made, stamp);
        drop(destination);
        self.table_mut(to)?.extents.extend(made);
        Ok(moved)
    }

    /// Takes extents out of a table and returns them.
    ///
    /// # Errors
    /// A missing table or extent; nothing is taken then.
    pub(crate) fn take(
        &mut self,
        table: &str,
        ids: &[Uuid],
    ) -> Result<Vec<Arc<Extent>>, KustoError> {
        let wanted: HashSet<Uuid> = ids.iter().copied().collect();
        let held = self.database.table(table)?;
        if let Some(missing) = ids.iter().find(|id| held.extent(**id).is_none()) {
            return Err(KustoError::entity_not_found(
                "BadRequest_ExtentNotFound",
                &format!("Extent '{missing}' was not found in table '{table}'."),
            ));
        }
        Ok(self.table_mut(table)?.take_extents(&wanted))
    }

    /// Replaces extents by changed copies under new ids (tag changes): same rows, same times.
    ///
    /// # Errors
    /// As for [`Self::take`].
    pub(crate) fn recreate(
        &mut self,
        table: &str,
        ids: &[Uuid],
        change: impl Fn(&mut Extent),
    ) -> Result<Vec<MovedExtent>, KustoError> {
        let taken = self.take(table, ids)?;
        let held = self.table_mut(table)?;
        let mut moved = Vec::with_capacity(taken.len());
        for extent in taken {
            let mut reborn = extent.reborn();
            change(&mut reborn);
            moved.push(MovedExtent {
                original: extent.id,
                result: reborn.id,
            });
            held.extents.push(Arc::new(reborn));
        }
        Ok(moved)
    }

    /// Puts finished extents into a table as they are (merges).
    pub(super) fn insert(
        &mut self,
        table: &str,
        extents: Vec<Arc<Extent>>,
    ) -> Result<(), KustoError> {
        self.table_mut(table)?.extents.extend(extents);
        Ok(())
    }
}

fn check_width(table: &Table, new: &NewExtent) -> Result<(), KustoError> {
    let width = table.columns.len();
    match new
        .batches
        .iter()
        .find(|batch| batch.num_columns() != width)
    {
        Some(batch) => Err(KustoError::service(format!(
            "Rows with {} columns were appended to table '{}', which has {width}.",
            batch.num_columns(),
            table.name
        ))),
        None => Ok(()),
    }
}

/// For each column of the source its column in the destination.
fn corresponding_columns(
    source: &Table,
    destination: &Table,
) -> Result<BTreeMap<ColumnId, ColumnId>, KustoError> {
    source
        .columns
        .iter()
        .map(|column| match destination.column(&column.name) {
            Some(held) if held.ty == column.ty => Ok((column.id, held.id)),
            Some(_) | None => Err(KustoError::bad_request(
                "BadRequest_SchemaMismatch",
                format!(
                    "Cannot move extents: column '{}:{}' of table '{}' does not exist with this \
                     name and type in table '{}'.",
                    column.name,
                    column.ty.name(),
                    source.name,
                    destination.name
                ),
            )),
        })
        .collect()
}

/// A column that the source has dropped maps to this id, which no table ever gives out.
const DROPPED: ColumnId = ColumnId::MAX;

fn moved_segment(
    segment: &Segment,
    columns: &BTreeMap<ColumnId, ColumnId>,
    new_ingestion_time: bool,
    stamp: Option<&Stamp>,
) -> Segment {
    Segment {
        columns: segment
            .columns
            .iter()
            .map(|id| columns.get(id).copied().unwrap_or(DROPPED))
            .collect(),
        batches: Arc::clone(&segment.batches),
        rows: segment.rows,
        ingestion_time: match stamp {
            Some(stamp) => Some(stamp.ingestion_time),
            None if new_ingestion_time => None,
            None => segment.ingestion_time,
        },
        cursor: match stamp {
            Some(stamp) => Some(stamp.cursor.clone()),
            None if new_ingestion_time => None,
            None => segment.cursor.clone(),
        },
    }
}
