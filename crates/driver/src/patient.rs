//! A store that is away for a while: asked again until the lease could end.
//!
//! [`StoreError::Unavailable`] says that nothing was written, so the same call may be made again;
//! every other error is passed on. Once the lease may have ended nobody may go on: the error is
//! passed on then, and whoever starts the job again resumes it.
//!
//! One lost answer is passed on at once, since whoever looks finds out. While one after the other
//! is lost (a service that is too busy to commit and not too busy to read), each waits longer, or
//! writing and looking would take turns without a pause.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kusto_copy_store::{
    Committed, Continuation, Key, Page, Partition, Read, RowRange, Store, StoreError, Transaction,
    Write,
};
use tokio::time::Instant;

/// How long a store is waited for before the lease is held.
const AT_FIRST: Duration = Duration::from_secs(20);
/// Before the lease's end nothing is begun any more for so long.
const MARGIN: Duration = Duration::from_secs(5);
/// The first pause between two calls; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A store that is patient while a lease is held.
pub(crate) struct Patient {
    inner: Arc<dyn Store>,
    lease: Key,
    term: Duration,
    until: Mutex<Instant>,
    /// Commits in a row whose answer was lost.
    lost: AtomicU32,
}

impl Patient {
    /// Puts patience over a store. Each time that the lease is stored, under this key, there is
    /// time until its term ends.
    pub(crate) fn over(inner: Arc<dyn Store>, lease: Key, term: Duration) -> Arc<dyn Store> {
        Arc::new(Self {
            inner,
            lease,
            term,
            until: Mutex::new(Instant::now() + AT_FIRST),
            lost: AtomicU32::new(0),
        })
    }

    /// Asks until there is an answer or no time left.
    async fn ask<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match call().await {
                Err(error) if error.is_unavailable() => error,
                answer => return answer,
            };
            let asked = if let StoreError::Unavailable { retry_after, .. } = &error {
                retry_after.unwrap_or_default()
            } else {
                Duration::ZERO
            };
            let jitter = Duration::from_millis(fastrand::u64(0..50));
            let wait = pause.max(asked) + jitter;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() + wait + MARGIN > until {
                return Err(error);
            }
            tracing::warn!(%error, "the state store is asked again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts a lost answer, and waits when those before it were lost too.
    async fn rest(&self) {
        let before = self.lost.fetch_add(1, Ordering::Relaxed);
        let Some(doublings) = before.checked_sub(1) else {
            return;
        };
        let pause = (FIRST_PAUSE * 2_u32.pow(doublings.min(6))).min(LONGEST_PAUSE);
        tracing::warn!(lost = before + 1, "the state store's answers are lost");
        tokio::time::sleep(pause).await;
    }
}

#[async_trait]
impl Store for Patient {
    async fn get(&self, key: &Key) -> Result<Read, StoreError> {
        self.ask(|| self.inner.get(key)).await
    }

    async fn list(
        &self,
        partition: &Partition,
        range: &RowRange,
        limit: usize,
        after: Option<&Continuation>,
    ) -> Result<Page, StoreError> {
        self.ask(|| self.inner.list(partition, range, limit, after))
            .await
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Committed, StoreError> {
        let mut begun = Instant::now();
        let committed = self
            .ask(|| {
                begun = Instant::now();
                self.inner.commit(transaction)
            })
            .await;
        match &committed {
            Err(error) if error.is_ambiguous() => self.rest().await,
            Ok(_) | Err(_) => self.lost.store(0, Ordering::Relaxed),
        }
        let committed = committed?;
        let writes = transaction.writes();
        let lease = |write: &Write| *write.key() == self.lease && write.body().is_some();
        if writes.iter().any(lease) {
            // The lease's end counts from before its write was sent.
            *self.until.lock().unwrap_or_else(PoisonError::into_inner) = begun + self.term;
        }
        Ok(committed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use kusto_copy_store::faulty::{Fault, Faulty};
    use kusto_copy_store::{MemoryStore, SystemClock};

    use super::*;
    use crate::persist::{job_key, lease_key, put, read};

    const TERM: Duration = Duration::from_secs(60);

    /// A store of which this many calls find it away, from a call on.
    fn away(from: u64, calls: u64) -> (Arc<dyn Store>, Arc<AtomicU64>) {
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        let choose = move |_: kusto_copy_store::faulty::Call<'_>| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            (from..from.saturating_add(calls))
                .contains(&number)
                .then_some(Fault::Unavailable)
        };
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)));
        let faulty: Arc<dyn Store> = Arc::new(Faulty::new(memory, Box::new(choose)));
        let lease = lease_key().expect("a key");
        (Patient::over(faulty, lease, TERM), asked)
    }

    async fn write(store: &dyn Store, key: &Key) -> Result<Committed, StoreError> {
        let write = put(key.clone(), &"x", None)?;
        store.commit(&Transaction::new(vec![write])?).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_for_a_moment_is_asked_again() {
        let (store, asked) = away(0, 5);
        let key = job_key().expect("a key");
        write(store.as_ref(), &key).await.expect("is written");
        assert_eq!(asked.load(Ordering::Relaxed), 6);
        let found = read::<String>(store.as_ref(), &key).await.expect("reads");
        assert_eq!(found.map(|(text, _)| text), Some("x".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_beyond_the_end_of_the_lease() {
        let (store, _) = away(1, u64::MAX);
        let lease = lease_key().expect("a key");
        write(store.as_ref(), &lease).await.expect("is written");
        let begun = Instant::now();
        let key = job_key().expect("a key");
        let ended = write(store.as_ref(), &key).await;
        assert!(ended.is_err_and(|error| error.is_unavailable()));
        let waited = begun.elapsed();
        assert!(waited > AT_FIRST, "the lease gives more time: {waited:?}");
        assert!(
            waited < TERM - MARGIN,
            "and no more than its own: {waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_are_lost_one_after_the_other_are_waited_for() {
        let lost = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let lose = Arc::clone(&lost);
        let choose = move |_: kusto_copy_store::faulty::Call<'_>| {
            lose.load(Ordering::Relaxed).then_some(Fault::RequestLost)
        };
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)));
        let faulty: Arc<dyn Store> = Arc::new(Faulty::new(memory, Box::new(choose)));
        let store = Patient::over(faulty, lease_key().expect("a key"), TERM);
        let key = job_key().expect("a key");
        let mut waited = Vec::new();
        for _ in 0..4 {
            let begun = Instant::now();
            let ended = write(store.as_ref(), &key).await;
            assert!(ended.is_err_and(|error| error.is_ambiguous()));
            waited.push(begun.elapsed());
        }
        let expected = [0, 100, 200, 400];
        for (waited, millis) in waited.into_iter().zip(expected) {
            // The timer's own step is a millisecond.
            let more = waited.checked_sub(Duration::from_millis(millis));
            assert!(more.is_some_and(|more| more.as_millis() < 10), "{waited:?}");
        }
        lost.store(false, Ordering::Relaxed);
        write(store.as_ref(), &key).await.expect("is written");
        lost.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        let ended = write(store.as_ref(), &key).await;
        assert!(ended.is_err_and(|error| error.is_ambiguous()));
        assert_eq!(begun.elapsed(), Duration::ZERO, "the first of a row");
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_is_told_at_once() {
        let (store, asked) = away(9, 0);
        let key = job_key().expect("a key");
        write(store.as_ref(), &key).await.expect("is written");
        let again = write(store.as_ref(), &key).await;
        assert!(again.is_err_and(|error| error.is_conflict()));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
