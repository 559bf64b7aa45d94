//! The end of an execution that does not wait for what is in flight: no effect outlives the
//! lease, and what was learnt is stored.
//!
//! An effect that is ended here may have been sent: its intent is stored, and whoever comes next
//! looks. What it would have answered is lost, as if the network had lost it.

use std::collections::BTreeSet;
use std::time::Duration;

use kusto_copy_core::activity::ActivityEvent;
use kusto_copy_core::decide::Subject;
use kusto_copy_core::vocabulary::ActivityId;

use super::Engine;
use crate::error::DriverError;

/// How long storing what was learnt may take: the lease is given up after it.
const LAST_STORE: Duration = Duration::from_secs(2);

impl Engine {
    /// Ends every effect, so that none can send anything any more. What came back in time is
    /// kept; queries that were cut off are told as troubles, or nobody would ever see that an
    /// execution is too short for them.
    pub(crate) async fn end_effects(&mut self) {
        self.tasks.abort_all();
        while let Some(done) = self.tasks.join_next().await {
            match done {
                Ok(done) => self.take_in(done),
                Err(error) if error.is_cancelled() => {}
                Err(error) => tracing::error!(%error, "an effect ended without a result"),
            }
        }
        for subject in std::mem::take(&mut self.querying) {
            let told = cut_off(&subject);
            self.results.push_back(told);
        }
        self.observed.in_flight.clear();
    }

    /// Stores what was learnt, as far as the store takes it within moments.
    pub(crate) async fn store_the_rest(&mut self) {
        if tokio::time::timeout(LAST_STORE, self.store_rest())
            .await
            .is_err()
        {
            tracing::warn!("not everything that was learnt could be stored in time");
        }
    }

    async fn store_rest(&mut self) {
        while let Some((activity, event)) = self.results.pop_front() {
            match self.apply(&activity, event).await {
                Ok(_) => {}
                Err(DriverError::TakenOver) => return,
                Err(error) => tracing::warn!(%error, "a last result was lost"),
            }
        }
        let dirty = self.live.iter().filter(|(_, live)| live.stored.is_dirty());
        let dirty: BTreeSet<ActivityId> = dirty.map(|(id, _)| id.clone()).collect();
        for id in dirty {
            match self.flush(&id).await {
                Ok(_) => {}
                Err(DriverError::TakenOver) => return,
                Err(error) => tracing::warn!(%error, "a last change was not stored"),
            }
        }
    }
}

/// A query without an answer. It passes by itself: executions may be longer next time, or the
/// source faster, and the table must not be held for it.
fn cut_off(subject: &Subject) -> (ActivityId, ActivityEvent) {
    let (activity, block) = match subject {
        Subject::Table(activity) | Subject::Move(activity) => (activity, None),
        Subject::Block(activity, number) | Subject::Values(activity, number) => {
            (activity, Some(*number))
        }
    };
    let told = ActivityEvent::Troubled {
        block,
        what: "a query at the source had no answer when the execution ended; if this stays, give \
               executions more time"
            .to_owned(),
        passes: true,
    };
    (activity.clone(), told)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use kusto_copy_core::activity::ActivityEvent;
    use kusto_copy_core::decide::Subject;
    use kusto_copy_store::faulty::{Call, Fault, Faulty};
    use kusto_copy_store::{MemoryStore, Store};

    use super::super::testing;
    use crate::persist::{StoredActivity, lease_key};

    struct AtWork(Arc<AtomicBool>);

    impl Drop for AtWork {
        fn drop(&mut self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn no_effect_outlives_the_lease_and_what_was_learnt_is_stored() {
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let flag = |is| Arc::new(AtomicBool::new(is));
        let (at_work, ends, late) = (flag(true), flag(false), flag(false));
        let lease = lease_key().expect("a key");
        // Says whether an effect was at work when the lease was given up.
        let watch = {
            let (at_work, ends, late) =
                (Arc::clone(&at_work), Arc::clone(&ends), Arc::clone(&late));
            move |call: Call<'_>| -> Option<Fault> {
                let Call::Commit(transaction) = call else {
                    return None;
                };
                let mut writes = transaction.writes().iter();
                if writes.any(|write| *write.key() == lease) && ends.swap(false, Ordering::SeqCst) {
                    late.fetch_or(at_work.load(Ordering::SeqCst), Ordering::SeqCst);
                }
                None
            }
        };
        let store = Faulty::new(Arc::clone(&memory), Box::new(watch));
        let mut options = testing::options();
        options.budget = Some(Duration::ZERO);
        options.grace = Duration::ZERO;
        let mut engine = testing::engine(Arc::new(store), options).await;
        // One table waits for a query; of another something was learnt and is not stored yet.
        let querying = testing::planned(&mut engine, "Queried").await;
        let learnt = testing::planned(&mut engine, "Learnt").await;
        let subject = Subject::Table(querying.clone());
        engine.querying.insert(subject.clone());
        engine.observed.in_flight.insert(subject);
        let guard = AtWork(Arc::clone(&at_work));
        engine.tasks.spawn(async move {
            let _guard = guard;
            std::future::pending().await
        });
        let reason = "a permission is missing".to_owned();
        engine
            .results
            .push_back((learnt.clone(), ActivityEvent::Held { reason }));
        ends.store(true, Ordering::SeqCst);
        testing::drive_cut(engine).await;
        assert!(!at_work.load(Ordering::SeqCst), "the effect was ended");
        assert!(!ends.load(Ordering::SeqCst), "the lease was given up");
        assert!(!late.load(Ordering::SeqCst), "and the effect before it");

        let load = |id| StoredActivity::load(memory.as_ref(), id);
        let found = load(&querying).await.expect("loads").expect("stored");
        let troubles = &found.state.head.troubles;
        assert_eq!(troubles.len(), 1, "{troubles:?}");
        assert_eq!(troubles[0].tries, 0, "it never holds the table");
        assert!(troubles[0].what.contains("no answer"));
        assert!(found.state.head.held.is_none());
        let found = load(&learnt).await.expect("loads").expect("stored");
        assert!(found.state.head.held.is_some());
    }
}
