//! The trait that every backend keeps, and what its answers hold.

use async_trait::async_trait;

use crate::entity::{Entity, Etag};
use crate::error::StoreError;
use crate::key::{Key, Partition};
use crate::range::RowRange;
use crate::time::StoreTime;
use crate::transaction::Transaction;

/// Answer of [`Store::get`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The entity; `None` when there is none.
    pub entity: Option<Entity>,
    /// The store's clock when it answered.
    pub store_time: StoreTime,
}

/// Where a listing goes on; opaque, and valid only for the same partition and range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation(String);

impl Continuation {
    /// Takes what a backend wants back; a backend's way to make one.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The backend's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Answer of [`Store::list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Entities in the order of their rows. A page may be short, even empty, and not the last.
    pub entities: Vec<Entity>,
    /// Where to go on; `None` alone says that this was the last page.
    pub next: Option<Continuation>,
    /// The store's clock when it answered.
    pub store_time: StoreTime,
}

/// Answer of [`Store::commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// New version of each entity, in the order of the writes; `None` for a deleted one.
    pub etags: Vec<Option<Etag>>,
    /// The store's clock when it answered.
    pub store_time: StoreTime,
}

/// A store of small entities with conditional transactions.
///
/// A future that is dropped before it is ready counts as a lost answer. No backend sends a
/// commit twice on its own.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one entity.
    ///
    /// # Errors
    /// Never [`StoreError::Conflict`] or [`StoreError::Ambiguous`]; safe to repeat.
    async fn get(&self, key: &Key) -> Result<Read, StoreError>;

    /// Reads at most `limit` (1 to 1000, others are brought into that range) entities of a
    /// partition, from the beginning of the range or where an earlier page ended. Pages are not
    /// one snapshot: an entity written meanwhile may or may not be seen, and none is seen twice.
    ///
    /// # Errors
    /// Never [`StoreError::Conflict`] or [`StoreError::Ambiguous`]; safe to repeat.
    async fn list(
        &self,
        partition: &Partition,
        range: &RowRange,
        limit: usize,
        after: Option<&Continuation>,
    ) -> Result<Page, StoreError>;

    /// Writes all of the transaction or nothing. When it returns `Ok`, the writes survive the
    /// loss of the process and of the machine's power.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]: nothing was written. [`StoreError::Ambiguous`]: unknown, look.
    /// Every other error: nothing was written.
    async fn commit(&self, transaction: &Transaction) -> Result<Committed, StoreError>;
}

/// Largest page that [`Store::list`] gives.
pub(crate) const MAX_PAGE: usize = 1_000;

/// Reads all entities of a range, page after page. For ranges that stay small by design.
///
/// # Errors
/// As [`Store::list`].
pub async fn list_all(
    store: &dyn Store,
    partition: &Partition,
    range: &RowRange,
) -> Result<Vec<Entity>, StoreError> {
    let mut entities = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .list(partition, range, MAX_PAGE, after.as_ref())
            .await?;
        entities.extend(page.entities);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(entities),
        }
    }
}
