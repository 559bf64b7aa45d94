//! A progress store: small entities, conditional transactions within one partition.

use std::collections::{BTreeMap, BTreeSet};

use kusto_copy_core::activity::Activity;
use kusto_copy_core::block::Block;
use kusto_copy_core::database::{Database, DueMarker, TableRecord};
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber};

/// What one transaction may touch.
pub const ENTITIES: usize = 100;

/// Names an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The job's lease.
    Lease,
    /// The database.
    Database,
    /// A table's record.
    Table(ActivityId),
    /// A table that is due.
    Due(ActivityId),
    /// A table that is to be tidied.
    Tidy(ActivityId),
    /// An activity's head.
    Head(ActivityId),
    /// A block.
    Block(ActivityId, BlockNumber),
    /// Something of an activity that is deleted once more later.
    Sweep(ActivityId, String),
}

impl Key {
    fn partition(&self) -> Option<&ActivityId> {
        match self {
            Self::Lease | Self::Database | Self::Table(_) | Self::Due(_) | Self::Tidy(_) => None,
            Self::Head(id) | Self::Block(id, _) | Self::Sweep(id, _) => Some(id),
        }
    }
}

/// The job's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its holder.
    pub owner: u32,
    /// Only grows.
    pub epoch: u64,
    /// When it ends.
    pub expires: u64,
}

/// What an entity holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A lease.
    Lease(Lease),
    /// A database.
    Database(Database),
    /// A table's record.
    Table(TableRecord),
    /// A due table.
    Due(DueMarker),
    /// A marker without content.
    Marker,
    /// A head.
    Head(Box<Activity>),
    /// A block.
    Block(Box<Block>),
    /// Not to be swept before.
    Sweep(u64),
}

/// A stored entity.
#[derive(Debug, Clone)]
pub struct Entity {
    /// Its version.
    pub etag: u64,
    /// The nonce of the transaction that wrote it.
    pub nonce: u64,
    /// What it holds.
    pub value: Value,
}

/// One write of a transaction.
#[derive(Debug, Clone)]
pub enum Write {
    /// Of an entity that does not exist.
    Insert(Key, Value),
    /// Of an entity of this version.
    Replace(Key, Value, u64),
    /// Of an entity, whatever its version; another write of the transaction fences it.
    Put(Key, Value),
    /// Whatever its version; another write of the transaction fences it.
    Delete(Key),
}

impl Value {
    /// The lease, if it is one.
    #[must_use]
    pub const fn lease(&self) -> Option<&Lease> {
        if let Self::Lease(lease) = self {
            Some(lease)
        } else {
            None
        }
    }

    /// The database, if it is one.
    #[must_use]
    pub const fn database(&self) -> Option<&Database> {
        if let Self::Database(database) = self {
            Some(database)
        } else {
            None
        }
    }

    /// The table's record, if it is one.
    #[must_use]
    pub const fn table(&self) -> Option<&TableRecord> {
        if let Self::Table(record) = self {
            Some(record)
        } else {
            None
        }
    }

    /// The head, if it is one.
    #[must_use]
    pub fn head(&self) -> Option<&Activity> {
        if let Self::Head(head) = self {
            Some(head)
        } else {
            None
        }
    }
}

impl Write {
    /// What is written, if something is.
    #[must_use]
    pub const fn value(&self) -> Option<&Value> {
        match self {
            Self::Insert(_, value) | Self::Replace(_, value, _) | Self::Put(_, value) => {
                Some(value)
            }
            Self::Delete(_) => None,
        }
    }

    /// The entity that it is about.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Insert(key, _)
            | Self::Replace(key, _, _)
            | Self::Put(key, _)
            | Self::Delete(key) => key,
        }
    }
}

/// A condition did not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict;

/// The store.
#[derive(Debug, Clone, Default)]
pub struct Store {
    entities: BTreeMap<Key, Entity>,
    versions: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Writes that no store could take, as text.
    pub misuse: Vec<String>,
}

impl Store {
    /// An entity.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Entity> {
        self.entities.get(key)
    }

    /// Entities from a key on, in order.
    pub fn from(&self, key: Key) -> impl Iterator<Item = (&Key, &Entity)> {
        self.entities.range(key..)
    }

    /// All entities.
    pub fn all(&self) -> impl Iterator<Item = (&Key, &Entity)> {
        self.entities.iter()
    }

    /// The epoch of the newest holder of the lease.
    #[must_use]
    pub fn newest_epoch(&self) -> u64 {
        match self.get(&Key::Lease).map(|entity| &entity.value) {
            Some(Value::Lease(lease)) => lease.epoch,
            Some(_) | None => 0,
        }
    }

    /// Commits all writes or none; the version of the first is returned.
    ///
    /// # Errors
    /// When a condition does not hold.
    pub fn commit(&mut self, writes: &[Write], nonce: u64) -> Result<u64, Conflict> {
        let partitions: BTreeSet<_> = writes.iter().map(|write| write.key().partition()).collect();
        let keys: BTreeSet<_> = writes.iter().map(Write::key).collect();
        if partitions.len() != 1 || keys.len() != writes.len() || writes.len() > ENTITIES {
            self.misuse.push(format!(
                "{} writes of {} keys in {} partitions",
                writes.len(),
                keys.len(),
                partitions.len()
            ));
        }
        let holds = writes.iter().all(|write| match write {
            Write::Insert(key, _) => !self.entities.contains_key(key),
            Write::Replace(key, _, etag) => {
                self.entities.get(key).is_some_and(|old| old.etag == *etag)
            }
            Write::Put(..) | Write::Delete(_) => true,
        });
        if !holds {
            return Err(Conflict);
        }
        self.versions += 1;
        self.commits += 1;
        for write in writes {
            match write {
                Write::Insert(key, value)
                | Write::Replace(key, value, _)
                | Write::Put(key, value) => {
                    let entity = Entity {
                        etag: self.versions,
                        nonce,
                        value: value.clone(),
                    };
                    self.entities.insert(key.clone(), entity);
                }
                Write::Delete(key) => {
                    self.entities.remove(key);
                }
            }
        }
        Ok(self.versions)
    }
}
