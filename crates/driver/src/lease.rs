//! The job's lease: one worker at a time, fenced by an epoch that only grows.
//!
//! The lease saves work; what keeps rows exact is that every write names the version it replaces
//! and that taking over rewrites the heads of activities under the new epoch. A worker that was
//! stopped and wakes after its lease ended finds that out before it sends anything.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use kusto_copy_store::lease::{Acquisition, Lease, Renewal, acquire, release, renew};
use kusto_copy_store::{Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::DriverError;
use crate::persist::lease_key;

/// How long a lease runs unless renewed.
pub(crate) const TERM: Duration = Duration::from_secs(60);
/// After how long it is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(15);
/// After how long a renewal that failed is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Without a renewal for so long, nothing is sent before the lease was confirmed. Shorter than
/// the term by more than any request to the store takes to arrive.
const TRUSTED_FOR: Duration = Duration::from_secs(45);
/// How long the end of a renewal under way is waited for.
const LAST_RENEWAL: Duration = Duration::from_secs(2);

/// A held lease. A task of its own renews it, so that a long answer of a cluster or many reads
/// of the store do not let it lapse.
pub(crate) struct JobLease {
    store: Arc<dyn Store>,
    epoch: u64,
    holding: Arc<Mutex<Holding>>,
    stop: watch::Sender<bool>,
    renewing: JoinHandle<()>,
    seen: u64,
}

/// What the last answers of the store said.
struct Holding {
    lease: Lease,
    /// When the last renewal that succeeded was sent: the lease runs for its term from then on.
    confirmed: Moment,
    renewals: u64,
    lost: bool,
}

/// A moment by both clocks: the monotonic one may stand still while the machine sleeps, the
/// other may be set back.
#[derive(Clone, Copy)]
struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    fn elapsed(self) -> Duration {
        let wall = self.wall.elapsed().unwrap_or_default();
        self.monotonic.elapsed().max(wall)
    }
}

impl JobLease {
    /// Takes the lease.
    ///
    /// A holder on this very machine whose process is gone cannot come back, so its lease is
    /// ended at once: a killed copier starts again without waiting. Were that wrong (another
    /// process space that looks like ours), the fences would still hold.
    pub(crate) async fn take(store: &Arc<dyn Store>) -> Result<Self, DriverError> {
        let (key, owner) = (lease_key()?, owner());
        let mut sent = Moment::now();
        let mut taken = acquire(store.as_ref(), &key, &owner, TERM).await?;
        if let Acquisition::Busy { holder, .. } = &taken
            && is_dead(holder.owner())
        {
            release(store.as_ref(), holder).await?;
            sent = Moment::now();
            taken = acquire(store.as_ref(), &key, &owner, TERM).await?;
        }
        match taken {
            Acquisition::Acquired(lease) => Ok(Self::hold(Arc::clone(store), lease, sent)),
            Acquisition::Busy { holder, store_time } => {
                let left = holder
                    .expires()
                    .unix_millis()
                    .saturating_sub(store_time.unix_millis());
                Err(DriverError::Busy {
                    seconds: u64::try_from(left / 1_000).unwrap_or(0) + 1,
                })
            }
        }
    }

    fn hold(store: Arc<dyn Store>, lease: Lease, confirmed: Moment) -> Self {
        let epoch = lease.epoch();
        let holding = Arc::new(Mutex::new(Holding {
            lease,
            confirmed,
            renewals: 0,
            lost: false,
        }));
        let (stop, stopped) = watch::channel(false);
        let renewing = tokio::spawn(keep_renewing(
            Arc::clone(&store),
            Arc::clone(&holding),
            stopped,
        ));
        Self {
            store,
            epoch,
            holding,
            stop,
            renewing,
            seen: 0,
        }
    }

    /// Makes sure that the lease is ours still: from memory while the last renewal is recent,
    /// else by renewing it now. Asked before anything is sent.
    ///
    /// # Errors
    /// [`DriverError::TakenOver`], or the store's when it cannot tell before the lease ends.
    pub(crate) async fn ensure(&self) -> Result<(), DriverError> {
        while !self.is_trusted()? {
            let Err(error) = renew_once(self.store.as_ref(), &self.holding).await else {
                continue;
            };
            let passing = error.is_unavailable() || error.is_ambiguous();
            if !passing || lock(&self.holding).confirmed.elapsed() >= TERM {
                return Err(error.into());
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        Ok(())
    }

    /// Whether it was renewed since the last call.
    pub(crate) fn was_renewed(&mut self) -> bool {
        let renewals = lock(&self.holding).renewals;
        std::mem::replace(&mut self.seen, renewals) != renewals
    }

    fn is_trusted(&self) -> Result<bool, DriverError> {
        let holding = lock(&self.holding);
        if holding.lost {
            return Err(DriverError::TakenOver);
        }
        Ok(holding.confirmed.elapsed() < TRUSTED_FOR)
    }

    /// Ends it, so that the next worker need not wait.
    pub(crate) async fn give_up(mut self) {
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(LAST_RENEWAL, &mut self.renewing).await;
        if ended.is_err() {
            self.renewing.abort();
        }
        let lease = lock(&self.holding).lease.clone();
        if let Err(error) = release(self.store.as_ref(), &lease).await {
            tracing::debug!(%error, "the lease was left to expire");
        }
    }

    /// The epoch.
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl Drop for JobLease {
    /// An execution that is dropped renews no longer: the lease expires. It is not given up here,
    /// where nobody can wait: requests that were being sent may still arrive, and whoever began at
    /// once would look for them too early, take them for lost and try again for nothing.
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// No code panics while it holds the lock, so a poisoned value is whole.
fn lock(holding: &Mutex<Holding>) -> MutexGuard<'_, Holding> {
    holding.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn keep_renewing(
    store: Arc<dyn Store>,
    holding: Arc<Mutex<Holding>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut wait = RENEW_AFTER;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        wait = match renew_once(store.as_ref(), &holding).await {
            Ok(()) => RENEW_AFTER,
            Err(error) => {
                tracing::warn!(%error, "the lease could not be renewed yet");
                TRY_AGAIN_AFTER
            }
        };
        if lock(&holding).lost {
            return;
        }
    }
}

async fn renew_once(store: &dyn Store, holding: &Mutex<Holding>) -> Result<(), StoreError> {
    let lease = lock(holding).lease.clone();
    let sent = Moment::now();
    let renewal = renew(store, &lease, TERM).await?;
    let mut holding = lock(holding);
    match renewal {
        Renewal::Renewed(renewed) => {
            // After a lost answer the expiry may be that of the renewal before, which was sent
            // at least as long ago as a renewal takes: trust and that together are the term.
            holding.confirmed = sent;
            holding.lease = renewed;
            holding.renewals += 1;
        }
        Renewal::Lost => holding.lost = true,
    }
    Ok(())
}

/// `<process space> <process> <its start> <random>`.
fn owner() -> String {
    let process = std::process::id();
    format!(
        "{} {process} {} {:032x}",
        process_space(),
        started(process).unwrap_or_default(),
        uuid::Uuid::new_v4().as_u128()
    )
}

/// What tells process numbers of one boot and container from those of another; empty where the
/// system does not say.
fn process_space() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}{}", boot.trim(), space.display()).replace(' ', "")
}

/// When a process started, in the system's own count; `None` when there is no such process.
fn started(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

fn is_dead(owner: &str) -> bool {
    let mut words = owner.split(' ');
    let (Some(space), Some(process), Some(start)) = (words.next(), words.next(), words.next())
    else {
        return false;
    };
    let here = process_space();
    if here.is_empty() || space != here || !Path::new("/proc/self/stat").exists() {
        return false;
    }
    process
        .parse()
        .is_ok_and(|process| started(process).as_deref() != Some(start))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use kusto_copy_store::lease::{Acquisition, acquire};
    use kusto_copy_store::{Clock, ManualClock, MemoryStore, Store, StoreTime};
    use tokio::time::Instant;

    use super::{JobLease, TERM, is_dead, lock, owner, process_space};
    use crate::error::DriverError;
    use crate::persist::lease_key;

    /// A lease that its holder last confirmed so long ago that it must ask.
    async fn silent() -> (JobLease, Arc<dyn Store>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(StoreTime::from_unix_millis(1)));
        let clock_of_store: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(clock_of_store));
        let lease = JobLease::take(&store).await.expect("free");
        let past = Instant::now().checked_sub(TERM).expect("a moment");
        lock(&lease.holding).confirmed.monotonic = past;
        clock.advance(TERM);
        (lease, store, clock)
    }

    #[tokio::test]
    async fn after_a_long_silence_the_lease_is_confirmed_before_anything_is_sent() {
        let (mut lease, store, _) = silent().await;
        assert!(!lease.was_renewed());
        lease.ensure().await.expect("nobody else took it");
        assert!(lease.was_renewed(), "asked at the store");
        lease.ensure().await.expect("it is recent");
        assert!(!lease.was_renewed(), "from memory");
        lease.give_up().await;
        let next = JobLease::take(&store).await.expect("it was given up");
        assert_eq!(next.epoch(), 2);
    }

    #[tokio::test]
    async fn a_worker_that_wakes_after_another_took_the_job_stops() {
        let (lease, store, _) = silent().await;
        let key = lease_key().expect("a key");
        let other = acquire(store.as_ref(), &key, "other", Duration::from_secs(9)).await;
        assert!(matches!(other, Ok(Acquisition::Acquired(_))));
        assert!(matches!(lease.ensure().await, Err(DriverError::TakenOver)));
        assert!(matches!(lease.ensure().await, Err(DriverError::TakenOver)));
        // It cannot end the lease of the other.
        lease.give_up().await;
        let next = JobLease::take(&store).await;
        assert!(matches!(next, Err(DriverError::Busy { .. })));
    }

    #[test]
    fn only_a_process_of_this_space_that_is_gone_is_dead() {
        assert!(!is_dead(&owner()), "we live");
        assert!(!is_dead("elsewhere 1 1 x"), "another space is unknown");
        assert!(!is_dead(""), "no words tell nothing");
        if !process_space().is_empty() {
            assert!(
                is_dead(&format!("{} {} 1 x", process_space(), std::process::id())),
                "a number used again"
            );
        }
    }
}
