//! The store of the driver over a table.

use std::fmt;

use async_trait::async_trait;
use kusto_copy_staging::digest;
use kusto_copy_store::{
    Committed, ConflictKind, Continuation, Entity, Etag, Key, KeyError, MAX_KEY_CHARS, Page,
    Partition, Read, Row, RowRange, Store, StoreError, Transaction, Write,
};

use super::batch::{Change, Operation};
use super::client::{ABSENT, Next, Properties, Table, quote};
use super::entity;
use super::failure::{ServiceError, TableError};

/// Largest page that the service gives.
const MAX_PAGE: usize = 1_000;

/// Longest scope, so that most partitions stay readable behind it.
const MAX_SCOPE_CHARS: usize = 128;

/// Stands between the scope and the partition, as it does between the parts of a key.
const SEPARATOR: char = '!';

/// A store in a table that several jobs may share: each has its own scope, which stands in front
/// of all its partitions.
///
/// The version of an entity is the service's ETag, which is the moment of the write with seven
/// digits (`docs/decisions/0006-azure-clients.md` says why that is unique enough).
///
/// A commit is one request, sent once. If its answer is lost, the caller looks for its own nonce;
/// if the request arrives twice, or an hour late from a worker that has lost its lease, its own
/// conditions (no such entity yet, or exactly this version) no longer hold and nothing changes.
/// Only a lone insert would hold again once its entity is deleted, here as in every store: whoever
/// deletes entities inserts them together with a replace, under keys that are used once.
#[derive(Clone)]
pub struct AzureTableStore {
    table: Table,
    scope: String,
}

impl fmt::Debug for AzureTableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "AzureTableStore({} {})",
            self.table.address(),
            self.scope
        )
    }
}

impl AzureTableStore {
    /// The entities of one scope. The table must exist: see [`Table::create_if_missing`].
    ///
    /// # Errors
    /// When the scope is empty or longer than 128 characters once encoded as a key.
    pub fn new(table: Table, scope: &str) -> Result<Self, KeyError> {
        let scope = Partition::encode(scope)?.as_str().to_owned();
        if scope.len() > MAX_SCOPE_CHARS {
            let chars = scope.len();
            return Err(KeyError::TooLong { chars });
        }
        Ok(Self { table, scope })
    }

    /// `PartitionKey` of a partition. Every program that reads the table must agree about it.
    ///
    /// No partition's first part is empty, so the hash of one that is too long with the scope in
    /// front can be taken for no other partition.
    fn partition_key(&self, partition: &Partition) -> String {
        let (scope, partition) = (&self.scope, partition.as_str());
        let whole = format!("{scope}{SEPARATOR}{partition}");
        if whole.len() <= MAX_KEY_CHARS {
            return whole;
        }
        let hash = digest(partition.as_bytes());
        format!("{scope}{SEPARATOR}{SEPARATOR}{hash}")
    }

    fn operation(&self, write: &Write) -> Operation {
        let key = write.key();
        let partition = self.partition_key(&key.partition);
        let names = (partition.as_str(), key.row.as_str());
        let body = write
            .body()
            .map(|body| entity::write(names.0, names.1, body));
        match write {
            Write::Insert { .. } => self.table.operation(Change::Insert, names, None, body),
            Write::Replace { if_match, .. } => {
                let version = Some(if_match.as_str());
                self.table.operation(Change::Replace, names, version, body)
            }
            Write::Delete { if_match, .. } => {
                let version = Some(if_match.as_str());
                self.table.operation(Change::Delete, names, version, body)
            }
        }
    }

    fn entity(&self, partition: &Partition, stored: &Properties) -> Result<Entity, StoreError> {
        let corrupt = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Corrupt {
            what: format!("an entity in {}", self.table.address()),
            source: Some(source),
        };
        let stored = entity::read(stored).map_err(|odd| corrupt(Box::new(odd)))?;
        let row = Row::from_encoded(&stored.row).map_err(|error| corrupt(Box::new(error)))?;
        Ok(Entity {
            key: Key::new(partition.clone(), row),
            etag: Etag::from_stored(stored.etag),
            body: stored.body,
        })
    }

    /// What a failed read is to the driver.
    fn read_error(&self, error: TableError) -> StoreError {
        match error {
            TableError::Answered(answer) => self.refusal(answer),
            _ if error.is_passing_and_unsent() => unavailable(error),
            TableError::Unreachable(_) | TableError::Lost(_) => unavailable(error),
            TableError::NoToken(_) | TableError::Unmade(_) | TableError::Unreadable { .. } => {
                self.failed(error)
            }
        }
    }

    /// What a failed commit is to the driver. Whatever does not say for certain that nothing was
    /// written counts as unknown.
    fn commit_error(&self, error: TableError, transaction: &Transaction) -> StoreError {
        match error {
            TableError::Answered(answer) => match answer.status {
                409 if answer.is("EntityAlreadyExists") => {
                    conflict(&answer, transaction, ConflictKind::AlreadyExists)
                }
                412 => conflict(&answer, transaction, ConflictKind::Changed),
                404 if ABSENT.iter().any(|code| answer.is(code)) => {
                    conflict(&answer, transaction, ConflictKind::Missing)
                }
                // An operation that the service says has timed out or failed may have been done
                // all the same; and "busy" comes from the front end as from the partition.
                408 | 500..=599 => StoreError::Ambiguous {
                    source: Some(answer.into()),
                },
                _ => self.refusal(answer),
            },
            _ if error.is_passing_and_unsent() => unavailable(error),
            TableError::Unreachable(_) | TableError::NoToken(_) | TableError::Unmade(_) => {
                self.failed(error)
            }
            TableError::Lost(_) | TableError::Unreadable { .. } => StoreError::Ambiguous {
                source: Some(error.into()),
            },
        }
    }

    fn refusal(&self, answer: ServiceError) -> StoreError {
        match answer.status {
            401 | 403 => StoreError::Denied {
                location: self.table.address(),
                source: Some(answer.into()),
            },
            _ if answer.is_transient() => StoreError::Unavailable {
                retry_after: answer.retry_after,
                source: Some(answer.into()),
            },
            _ => self.failed(answer.into()),
        }
    }

    fn failed(&self, error: TableError) -> StoreError {
        let reason = match &error {
            TableError::NoToken(_) => {
                "no token was given for it; sign in (az login) or give the app an identity"
            }
            TableError::Answered(answer) if answer.is("TableNotFound") => {
                "there is no such table; check its address, or run the copy first"
            }
            TableError::Answered(answer) if answer.is("TableBeingDeleted") => {
                "the table is being deleted; wait a minute or name another one"
            }
            TableError::Answered(_) => {
                "the table service refused what it was asked; look at the account, and report \
                 this if it stays"
            }
            TableError::Unreadable { .. } => {
                "the table service does not answer as documented; check the address"
            }
            TableError::Unmade(_) | TableError::Unreachable(_) | TableError::Lost(_) => {
                "no request can be made to it; check the address and what authorises it"
            }
        };
        StoreError::Failed {
            location: self.table.address(),
            reason: reason.to_owned(),
            source: Some(error.into()),
        }
    }
}

fn unavailable(error: TableError) -> StoreError {
    StoreError::Unavailable {
        retry_after: None,
        source: Some(error.into()),
    }
}

fn conflict(answer: &ServiceError, transaction: &Transaction, kind: ConflictKind) -> StoreError {
    let writes = transaction.writes();
    let at = match writes {
        [_] => Some(0),
        _ => answer.operation,
    };
    let key = at
        .and_then(|at| writes.get(at))
        .map(|write| write.key().clone());
    StoreError::Conflict { key, kind }
}

/// Whether a write goes through only in the case that it names. Text that the service never gave
/// is no entity's version, and some of it would be every entity's.
fn is_conditional(write: &Write) -> bool {
    match write {
        Write::Insert { .. } => true,
        Write::Replace { if_match, .. } | Write::Delete { if_match, .. } => {
            entity::is_version(if_match.as_str())
        }
    }
}

fn filter(partition: &str, range: &RowRange) -> String {
    let mut filter = format!("PartitionKey eq '{}'", quote(partition));
    for (bound, operator) in [(range.from(), "ge"), (range.to(), "lt")] {
        if let Some(bound) = bound {
            filter.push_str(&format!(" and RowKey {operator} '{}'", quote(bound)));
        }
    }
    filter
}

/// The service's words come from headers, which hold no line break.
fn continuation(next: Next) -> Continuation {
    let text = match next.row {
        Some(row) => format!("{}\n{row}", next.partition),
        None => next.partition,
    };
    Continuation::from_stored(text)
}

fn next(continuation: &Continuation) -> Next {
    let text = continuation.as_str();
    let (partition, row) = match text.split_once('\n') {
        Some((partition, row)) => (partition, Some(row.to_owned())),
        None => (text, None),
    };
    Next {
        partition: partition.to_owned(),
        row,
    }
}

#[async_trait]
impl Store for AzureTableStore {
    async fn get(&self, key: &Key) -> Result<Read, StoreError> {
        let partition = self.partition_key(&key.partition);
        let answer = self
            .table
            .get(&partition, key.row.as_str())
            .await
            .map_err(|error| self.read_error(error))?;
        let entity = match &answer.what {
            Some(stored) => Some(self.entity(&key.partition, stored)?),
            None => None,
        };
        Ok(Read {
            entity,
            store_time: answer.time,
        })
    }

    async fn list(
        &self,
        partition: &Partition,
        range: &RowRange,
        limit: usize,
        after: Option<&Continuation>,
    ) -> Result<Page, StoreError> {
        let filter = filter(&self.partition_key(partition), range);
        let limit = limit.clamp(1, MAX_PAGE);
        let answer = self
            .table
            .list(&filter, limit, after.map(next).as_ref())
            .await
            .map_err(|error| self.read_error(error))?;
        let listed = answer.what.entities.iter();
        Ok(Page {
            entities: listed
                .map(|stored| self.entity(partition, stored))
                .collect::<Result<_, _>>()?,
            next: answer.what.next.map(continuation),
            store_time: answer.time,
        })
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Committed, StoreError> {
        if let Some(write) = transaction.writes().iter().find(|one| !is_conditional(one)) {
            return Err(StoreError::Conflict {
                key: Some(write.key().clone()),
                kind: ConflictKind::Changed,
            });
        }
        let operations: Vec<Operation> = transaction
            .writes()
            .iter()
            .map(|write| self.operation(write))
            .collect();
        let answer = self
            .table
            .change(&operations)
            .await
            .map_err(|error| self.commit_error(error, transaction))?;
        let etags = answer.what.into_iter();
        Ok(Committed {
            etags: etags.map(|etag| etag.map(Etag::from_stored)).collect(),
            store_time: answer.time,
        })
    }
}
