//! Where progress rests: a store of small entities with conditional transactions.
//!
//! The model is that of Azure Table Storage, so that a state written into a local file could rest
//! there unchanged: an entity is a [`Key`] (partition and row), an [`Etag`] and a [`Body`] (one
//! JSON document with its layout version); a [`Transaction`] changes at most 100 entities of one
//! partition, all or none, each under a condition. There is no unconditional write: whoever
//! changes an entity must have seen what it replaces.
//!
//! Every answer carries the store's own clock ([`StoreTime`]), because leases expire by it and
//! not by the clocks of the workers that compete.
//!
//! What could not be stored in Table Storage is refused by every backend alike, when the
//! [`Transaction`] is made and before anything is sent.

mod body;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod entity;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod faulty;
mod key;
mod layout;
pub mod lease;
mod memory;
mod range;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod time;
mod transaction;

pub use body::{Body, MAX_BODY_UNITS};
pub use entity::{Entity, Etag};
pub use error::{BoxedSource, ConflictKind, StoreError};
pub use key::{Key, KeyError, MAX_KEY_CHARS, Partition, Row};
pub use layout::Layout;
pub use memory::MemoryStore;
pub use range::RowRange;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::{Committed, Continuation, Page, Read, Store, list_all};
pub use time::{Clock, ManualClock, StoreTime, SystemClock};
pub use transaction::{
    MAX_TRANSACTION_BYTES, MAX_TRANSACTION_WRITES, Transaction, TransactionError, Write,
};
