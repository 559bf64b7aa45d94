//! Faults on demand over any store, for tests.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::{ConflictKind, StoreError};
use crate::key::{Key, Partition};
use crate::range::RowRange;
use crate::store::{Committed, Continuation, Page, Read, Store};
use crate::transaction::Transaction;

/// A call that is about to be made.
#[derive(Debug, Clone, Copy)]
pub enum Call<'a> {
    /// [`Store::get`].
    Get(&'a Key),
    /// [`Store::list`].
    List(&'a Partition),
    /// [`Store::commit`].
    Commit(&'a Transaction),
}

/// What happens to a call. A read that meets any of them is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not done, and the caller knows: [`StoreError::Unavailable`].
    Unavailable,
    /// Done, and the caller does not know: [`StoreError::Ambiguous`].
    AnswerLost,
    /// Not done, and the caller does not know: [`StoreError::Ambiguous`].
    RequestLost,
    /// Not done yet: [`StoreError::Ambiguous`] now, and tried just before the next commit.
    Late,
    /// Not done: [`StoreError::Conflict`], though no condition failed.
    Conflict,
}

/// Chooses the fault of each call, if any.
pub type Chooser = dyn Fn(Call<'_>) -> Option<Fault> + Send + Sync;

/// A store whose calls fail as a chooser says.
pub struct Faulty {
    inner: Arc<dyn Store>,
    choose: Box<Chooser>,
    late: Mutex<Vec<Transaction>>,
}

impl Faulty {
    /// Puts faults over a store.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, choose: Box<Chooser>) -> Self {
        Self {
            inner,
            choose,
            late: Mutex::default(),
        }
    }

    fn check_read(&self, call: Call<'_>) -> Result<(), StoreError> {
        match (self.choose)(call) {
            None => Ok(()),
            Some(_) => Err(unavailable()),
        }
    }

    fn late(&self) -> std::sync::MutexGuard<'_, Vec<Transaction>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        retry_after: None,
        source: None,
    }
}

#[async_trait]
impl Store for Faulty {
    async fn get(&self, key: &Key) -> Result<Read, StoreError> {
        self.check_read(Call::Get(key))?;
        self.inner.get(key).await
    }

    async fn list(
        &self,
        partition: &Partition,
        range: &RowRange,
        limit: usize,
        after: Option<&Continuation>,
    ) -> Result<Page, StoreError> {
        self.check_read(Call::List(partition))?;
        self.inner.list(partition, range, limit, after).await
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Committed, StoreError> {
        let arriving = std::mem::take(&mut *self.late());
        for late in arriving {
            // Nobody waits for its answer any more.
            drop(self.inner.commit(&late).await);
        }
        let ambiguous = StoreError::Ambiguous { source: None };
        match (self.choose)(Call::Commit(transaction)) {
            None => self.inner.commit(transaction).await,
            Some(Fault::Unavailable) => Err(unavailable()),
            Some(Fault::AnswerLost) => {
                self.inner.commit(transaction).await?;
                Err(ambiguous)
            }
            Some(Fault::RequestLost) => Err(ambiguous),
            Some(Fault::Late) => {
                self.late().push(transaction.clone());
                Err(ambiguous)
            }
            Some(Fault::Conflict) => Err(StoreError::Conflict {
                key: transaction
                    .writes()
                    .first()
                    .map(|write| write.key().clone()),
                kind: ConflictKind::Changed,
            }),
        }
    }
}
