//! The statements.

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

use super::open::sqlite_error;
use crate::body::Body;
use crate::entity::{Entity, Etag};
use crate::error::{ConflictKind, StoreError};
use crate::key::{Key, Partition, Row};
use crate::range::RowRange;
use crate::store::Continuation;
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

/// Text that is not an etag of ours, in our own spelling, matches no version.
fn version(etag: &Etag) -> i64 {
    let text = etag.as_str();
    let version: Option<i64> = text.parse().ok();
    version
        .filter(|version| version.to_string() == text)
        .unwrap_or(-1)
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

/// Writes everything or nothing. Only a failure of the last statement can leave it open which.
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
    open.commit()
        .map_err(|source| commit_error(location, source))?;
    Ok(etags)
}

/// The log counts from the transaction's last page on. A full disk keeps it from being whole, so
/// nothing was written; of every other failure nobody knows.
fn commit_error(location: &str, source: rusqlite::Error) -> StoreError {
    if source.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        return sqlite_error(location, source);
    }
    StoreError::Ambiguous {
        source: Some(source.into()),
    }
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

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// A disk fills up in the last statement: before it all changes are in memory. Who took that
    /// for an open question would look, find nothing, and write again without end.
    #[test]
    fn a_full_disk_is_told_and_other_failures_of_the_last_statement_are_open() {
        let failure = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            commit_error("state.sqlite", error)
        };
        let error = failure(ffi::SQLITE_FULL);
        assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
        assert!(error.to_string().contains("free some space"), "{error}");
        for code in [ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_BUSY] {
            let error = failure(code);
            assert!(error.is_ambiguous(), "{code}: {error:?}");
        }
    }
}
