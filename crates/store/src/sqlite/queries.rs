//! The statements.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::open::sqlite_error;
use crate::body::Body;
use crate::error::{ConflictKind, StoreError};
use crate::key::{Key, Partition, Row};
use crate::range::RowRange;
use crate::store::{Continuation, Entity, Etag};
use crate::transaction::{Transaction, Write};

/// A row of the table, before its texts are checked.
struct Stored {
    row: String,
    etag: i64,
    layout: u32,
    program: String,
    json: String,
}

impl Stored {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            row: row.get("row")?,
            etag: row.get("etag")?,
            layout: row.get("layout")?,
            program: row.get("program")?,
            json: row.get("json")?,
        })
    }

    fn entity(self, location: &str, partition: &Partition) -> Result<Entity, StoreError> {
        let row = Row::from_encoded(&self.row).map_err(|source| StoreError::Corrupt {
            what: location.to_owned(),
            source: Some(Box::new(source)),
        })?;
        Ok(Entity {
            key: Key::new(partition.clone(), row),
            etag: etag(self.etag),
            body: Body::from_stored(self.layout, self.program, self.json),
        })
    }
}

fn etag(version: i64) -> Etag {
    Etag::from_stored(version.to_string())
}

/// Text that is not an etag of ours matches no version.
fn version(etag: &Etag) -> i64 {
    etag.as_str().parse().unwrap_or(-1)
}

pub(super) fn get(
    connection: &Connection,
    location: &str,
    key: &Key,
) -> Result<Option<Entity>, StoreError> {
    let failed = |source| sqlite_error(location, source);
    let mut statement = connection
        .prepare_cached(
            "SELECT row, etag, layout, program, json FROM entity WHERE partition = ?1 AND row = ?2",
        )
        .map_err(failed)?;
    statement
        .query_row([key.partition.as_str(), key.row.as_str()], Stored::read)
        .optional()
        .map_err(failed)?
        .map(|stored| stored.entity(location, &key.partition))
        .transpose()
}

pub(super) fn list(
    connection: &Connection,
    location: &str,
    partition: &Partition,
    range: &RowRange,
    limit: usize,
    after: Option<&Continuation>,
) -> Result<(Vec<Entity>, Option<Continuation>), StoreError> {
    let failed = |source| sqlite_error(location, source);
    let mut statement = connection
        .prepare_cached(
            "SELECT row, etag, layout, program, json FROM entity
             WHERE partition = ?1 AND row >= ?2 AND (?3 IS NULL OR row < ?3)
               AND row > ?4
             ORDER BY row LIMIT ?5",
        )
        .map_err(failed)?;
    // One more than asked for tells whether there is a next page. Every row is greater than ''.
    let rows = statement
        .query_map(
            params![
                partition.as_str(),
                range.from().unwrap_or(""),
                range.to(),
                after.map_or("", Continuation::as_str),
                i64::try_from(limit + 1).unwrap_or(i64::MAX),
            ],
            Stored::read,
        )
        .map_err(failed)?;
    let mut entities = Vec::new();
    for stored in rows {
        entities.push(stored.map_err(failed)?.entity(location, partition)?);
    }
    let more = entities.len() > limit;
    entities.truncate(limit);
    let next = entities
        .last()
        .filter(|_| more)
        .map(|last| Continuation::from_stored(last.key.row.as_str().to_owned()));
    Ok((entities, next))
}

/// Writes everything or nothing. Only a failure of the last statement leaves it open which.
pub(super) fn commit(
    connection: &mut Connection,
    location: &str,
    transaction: &Transaction,
) -> Result<Vec<Option<Etag>>, StoreError> {
    let failed = |source| sqlite_error(location, source);
    let open = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let sequence: i64 = open
        .query_row(
            "UPDATE sequence SET value = value + 1 RETURNING value",
            [],
            |row| row.get(0),
        )
        .map_err(failed)?;
    let mut etags = Vec::with_capacity(transaction.writes().len());
    for write in transaction.writes() {
        let done = execute(&open, write, sequence).map_err(failed)?;
        if !done {
            let kind = conflict_kind(&open, write).map_err(failed)?;
            return Err(StoreError::Conflict {
                key: Some(write.key().clone()),
                kind,
            });
        }
        etags.push(write.body().map(|_| etag(sequence)));
    }
    open.commit().map_err(|source| StoreError::Ambiguous {
        source: Some(source.into()),
    })?;
    Ok(etags)
}

/// Whether the write's condition held.
fn execute(connection: &Connection, write: &Write, sequence: i64) -> rusqlite::Result<bool> {
    let key = write.key();
    let (partition, row) = (key.partition.as_str(), key.row.as_str());
    let changed = match write {
        Write::Insert { body, .. } => connection
            .prepare_cached(
                "INSERT INTO entity (partition, row, etag, layout, program, json)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                partition,
                row,
                sequence,
                body.layout(),
                body.program(),
                body.json()
            ])?,
        Write::Replace { body, if_match, .. } => connection
            .prepare_cached(
                "UPDATE entity SET etag = ?4, layout = ?5, program = ?6, json = ?7
                 WHERE partition = ?1 AND row = ?2 AND etag = ?3",
            )?
            .execute(params![
                partition,
                row,
                version(if_match),
                sequence,
                body.layout(),
                body.program(),
                body.json()
            ])?,
        Write::Delete { if_match, .. } => connection
            .prepare_cached("DELETE FROM entity WHERE partition = ?1 AND row = ?2 AND etag = ?3")?
            .execute(params![partition, row, version(if_match)])?,
    };
    Ok(changed > 0)
}

fn conflict_kind(connection: &Connection, write: &Write) -> rusqlite::Result<ConflictKind> {
    let key = write.key();
    let exists = connection
        .prepare_cached("SELECT 1 FROM entity WHERE partition = ?1 AND row = ?2")?
        .exists([key.partition.as_str(), key.row.as_str()])?;
    Ok(match (write, exists) {
        (Write::Insert { .. }, _) => ConflictKind::AlreadyExists,
        (Write::Replace { .. } | Write::Delete { .. }, true) => ConflictKind::Changed,
        (Write::Replace { .. } | Write::Delete { .. }, false) => ConflictKind::Missing,
    })
}
