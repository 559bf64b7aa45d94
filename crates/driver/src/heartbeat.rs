//! The sign of life that executions leave, with the history of the last day and what the next
//! execution need not ask the clusters again.

use std::collections::BTreeMap;

use kusto_copy_core::slots::Capacity;
use kusto_copy_core::vocabulary::Millis;
use kusto_copy_store::{Etag, Store, StoreError, Transaction};
use serde::{Deserialize, Serialize};

use crate::persist::{heartbeat_key, put, read};
use crate::report::{Heartbeat, Sample};

/// One sample stands for so many milliseconds.
const GRAIN: u64 = 5 * 60_000;
/// Samples kept: a day and an hour.
const SAMPLES: usize = 300;
/// A long execution leaves a sign after so many milliseconds.
const BEAT_EVERY: u64 = 2 * 60_000;
/// Tries of a write that meets other writes or lost answers.
const TRIES: usize = 3;

/// What is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeartbeatRecord {
    /// The sign itself; `None` only in memory, before the first.
    #[serde(default)]
    pub(crate) beat: Option<Heartbeat>,
    /// The objective of the execution that wrote it.
    #[serde(default)]
    pub(crate) rpo_ms: u64,
    /// Rows copied since the job began.
    #[serde(default)]
    pub(crate) rows: u64,
    /// Lag and rows, oldest first.
    #[serde(default)]
    pub(crate) history: Vec<Sample>,
    /// When the identity of each source database was compared last.
    #[serde(default)]
    pub(crate) checked: BTreeMap<String, Millis>,
    /// The last readings of the clusters' capacities.
    #[serde(default)]
    pub(crate) capacities: Capacities,
}

/// The last readings of the clusters' capacities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capacities {
    /// When.
    #[serde(default)]
    pub(crate) at: Option<Millis>,
    /// Exports at the source.
    #[serde(default)]
    pub(crate) exports: Option<Reading>,
    /// Queries at the source.
    #[serde(default)]
    pub(crate) queries: Option<Reading>,
    /// Ingestions at the destination.
    #[serde(default)]
    pub(crate) ingestions: Option<Reading>,
}

/// What `.show capacity` said of one resource, and how much of it we used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    total: u32,
    remaining: u32,
    ours: u32,
}

impl Reading {
    /// A reading while `ours` slots were in use by us.
    pub(crate) const fn new(capacity: Capacity, ours: u32) -> Self {
        Self {
            total: capacity.total,
            remaining: capacity.remaining,
            ours,
        }
    }

    /// The capacity, and how many slots were ours then.
    pub(crate) const fn get(self) -> (Capacity, u32) {
        let capacity = Capacity {
            total: self.total,
            remaining: self.remaining,
        };
        (capacity, self.ours)
    }
}

/// The heartbeat as this execution knows it.
pub(crate) struct Pulse {
    /// What will be written next.
    pub(crate) record: HeartbeatRecord,
    /// Rows copied before this execution.
    pub(crate) rows_before: u64,
    etag: Option<Etag>,
    epoch: u64,
    steps: u64,
    written: Millis,
}

impl Pulse {
    /// Goes on from what the last execution left.
    pub(crate) fn new(
        found: Option<(HeartbeatRecord, Etag)>,
        epoch: u64,
        rpo_ms: u64,
        now: Millis,
    ) -> Self {
        let (mut record, etag) = found.map_or((HeartbeatRecord::default(), None), |found| {
            (found.0, Some(found.1))
        });
        let steps = record.beat.as_ref().map_or(0, |beat| beat.steps) + 1;
        record.rpo_ms = rpo_ms;
        Self {
            rows_before: record.rows,
            record,
            etag,
            epoch,
            steps,
            written: now,
        }
    }

    /// Keeps a sample of this moment: one for each five minutes, with the largest lag of them.
    pub(crate) fn sample(&mut self, at: Millis, lag_ms: Option<u64>, rows: u64) {
        self.record.rows = rows;
        let history = &mut self.record.history;
        match history.last_mut() {
            Some(last) if last.at.0 / GRAIN == at.0 / GRAIN => {
                *last = Sample {
                    at,
                    lag_ms: last.lag_ms.max(lag_ms),
                    rows,
                };
            }
            Some(_) | None => history.push(Sample { at, lag_ms, rows }),
        }
        let beyond = history.len().saturating_sub(SAMPLES);
        history.drain(..beyond);
    }

    /// Whether a long execution should leave a sign now.
    pub(crate) const fn is_due(&self, now: Millis) -> bool {
        now.since(self.written) >= BEAT_EVERY
    }

    /// Writes the sign. It informs only: a failure is logged, and a sign of a newer worker stays.
    pub(crate) async fn beat(
        &mut self,
        store: &dyn Store,
        outcome: &str,
        next_due: Option<Millis>,
        error: Option<String>,
        now: Millis,
    ) {
        self.written = now;
        self.record.beat = Some(Heartbeat {
            at: now,
            epoch: self.epoch,
            outcome: outcome.to_owned(),
            steps: self.steps,
            next_due,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            error,
        });
        if let Err(error) = self.write(store).await {
            tracing::warn!(%error, "the heartbeat could not be written");
        }
    }

    async fn write(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let key = heartbeat_key()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let write = put(key.clone(), &self.record, self.etag.as_ref())?;
            match store.commit(&Transaction::new(vec![write])?).await {
                Ok(committed) => {
                    self.etag = committed.etags.into_iter().next().flatten();
                    return Ok(());
                }
                Err(error) if (error.is_conflict() || error.is_ambiguous()) && tries < TRIES => {
                    let found: Option<(HeartbeatRecord, Etag)> = read(store, &key).await?;
                    let newer = |found: &HeartbeatRecord| {
                        found.beat.as_ref().map_or(0, |beat| beat.epoch) > self.epoch
                    };
                    if found.as_ref().is_some_and(|(found, _)| newer(found)) {
                        return Ok(());
                    }
                    self.etag = found.map(|(_, etag)| etag);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kusto_copy_core::vocabulary::Millis;
    use kusto_copy_store::faulty::{Call, Fault, Faulty};
    use kusto_copy_store::{MemoryStore, Store};

    use super::{GRAIN, HeartbeatRecord, Pulse, SAMPLES};
    use crate::persist::{heartbeat_key, read};

    async fn stored(store: &dyn Store) -> HeartbeatRecord {
        let key = heartbeat_key().expect("a key");
        let found = read(store, &key).await.expect("readable");
        found.expect("written").0
    }

    #[test]
    fn history_keeps_a_day_at_five_minutes_and_the_largest_lag_of_each() {
        let mut pulse = Pulse::new(None, 1, 300_000, Millis(0));
        for minute in 0..3_000 {
            let lag = if minute % 5 == 2 { 9 } else { 1 };
            pulse.sample(Millis(minute * 60_000), Some(lag), minute);
        }
        let history = &pulse.record.history;
        assert_eq!(history.len(), SAMPLES);
        let (first, last) = (history[0], history[SAMPLES - 1]);
        assert!(last.at.since(first.at) >= 24 * 3_600_000);
        assert!(history.iter().all(|sample| sample.lag_ms == Some(9)));
        assert!(history.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert_eq!((last.rows, last.at.0 / GRAIN), (2_999, 599));
        let text = serde_json::to_string(&pulse.record).expect("JSON");
        assert!(
            text.len() < 32 * 1024,
            "one property holds it: {}",
            text.len()
        );
    }

    #[tokio::test]
    async fn a_lost_answer_leaves_one_sign_and_a_newer_worker_s_sign_stays() {
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::default());
        for fault in [Fault::AnswerLost, Fault::RequestLost] {
            let first = std::sync::atomic::AtomicBool::new(true);
            let choose = move |call: Call<'_>| {
                let commit = matches!(call, Call::Commit(_));
                (commit && first.swap(false, std::sync::atomic::Ordering::SeqCst)).then_some(fault)
            };
            let faulty = Faulty::new(Arc::clone(&memory), Box::new(choose));
            let mut pulse = Pulse::new(None, 5, 1, Millis(0));
            pulse.beat(&faulty, "worked", None, None, Millis(7)).await;
            let beat = stored(memory.as_ref()).await.beat.expect("a sign");
            assert_eq!((beat.epoch, beat.at), (5, Millis(7)), "{fault:?}");
        }
        let mut stale = Pulse::new(None, 4, 1, Millis(0));
        stale
            .beat(memory.as_ref(), "worked", None, None, Millis(99))
            .await;
        let beat = stored(memory.as_ref()).await.beat.expect("a sign");
        assert_eq!((beat.epoch, beat.at), (5, Millis(7)));
    }
}
