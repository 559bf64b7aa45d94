use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::faulty::{Call, Fault, Faulty};
use crate::key::{Partition, Row};
use crate::memory::MemoryStore;
use crate::time::{Clock, ManualClock};

const TERM: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

fn lease_key() -> Key {
    Key::new(
        Partition::encode("job").expect("a partition"),
        Row::encode("lease").expect("a row"),
    )
}

fn clock_and_store() -> (Arc<ManualClock>, MemoryStore) {
    let start = StoreTime::from_unix_millis(1_700_000_000_000);
    let clock = Arc::new(ManualClock::at(start));
    let store = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    (clock, store)
}

async fn acquired(store: &dyn Store, owner: &str) -> Lease {
    match acquire(store, &lease_key(), owner, TERM).await {
        Ok(Acquisition::Acquired(lease)) => lease,
        other => panic!("{owner} did not acquire: {other:?}"),
    }
}

#[tokio::test]
async fn held_lease_is_busy_until_it_expires() {
    let (clock, store) = clock_and_store();
    let first = acquired(&store, "a").await;
    assert_eq!(first.epoch(), 1);
    clock.advance(TERM - SECOND);
    let busy = acquire(&store, &lease_key(), "b", TERM).await;
    assert!(matches!(busy, Ok(Acquisition::Busy { holder, .. }) if holder == first));
    clock.advance(SECOND);
    let second = acquired(&store, "b").await;
    assert_eq!(second.epoch(), 2);
    let stale = renew(&store, &first, TERM).await.expect("an answer");
    assert_eq!(stale, Renewal::Lost);
    release(&store, &first).await.expect("an answer");
    let renewed = renew(&store, &second, TERM).await.expect("an answer");
    assert!(matches!(renewed, Renewal::Renewed(lease) if lease.epoch() == 2));
}

#[tokio::test]
async fn released_lease_is_free_and_its_epoch_grows_on() {
    let (_clock, store) = clock_and_store();
    let first = acquired(&store, "a").await;
    release(&store, &first).await.expect("a release");
    release(&store, &first).await.expect("a second release");
    assert_eq!(acquired(&store, "b").await.epoch(), 2);
}

#[tokio::test]
async fn expired_lease_that_nobody_took_is_renewed() {
    let (clock, store) = clock_and_store();
    let lease = acquired(&store, "a").await;
    clock.advance(TERM * 2);
    let now = clock.now();
    assert!(!lease.runs_at(now));
    let renewed = renew(&store, &lease, TERM).await.expect("an answer");
    assert!(matches!(renewed, Renewal::Renewed(lease) if lease.expires() == now.plus(TERM)));
}

#[tokio::test]
async fn expiry_far_ahead_counts_as_expired() {
    let (clock, store) = clock_and_store();
    let right = clock.now();
    clock.set(right.plus(LONGEST_TERM));
    acquired(&store, "a").await;
    clock.set(right);
    assert_eq!(acquired(&store, "b").await.epoch(), 2);
}

#[tokio::test]
async fn term_is_cut_to_the_longest() {
    let (clock, store) = clock_and_store();
    let answer = acquire(&store, &lease_key(), "a", LONGEST_TERM * 9).await;
    let expected = clock.now().plus(LONGEST_TERM);
    assert!(matches!(answer, Ok(Acquisition::Acquired(lease)) if lease.expires() == expected));
}

/// Puts the faults, one a commit, over the store.
fn with_faults<const N: usize>(store: &MemoryStore, faults: [Fault; N]) -> Faulty {
    let script = Mutex::new(faults.into_iter());
    Faulty::new(
        Arc::new(store.clone()),
        Box::new(move |call| match call {
            Call::Commit(_) => script.lock().ok()?.next(),
            Call::Get(_) | Call::List(_) => None,
        }),
    )
}

#[tokio::test]
async fn lost_answers_are_resolved_by_looking() {
    let (clock, store) = clock_and_store();
    let faulty = with_faults(&store, [Fault::AnswerLost, Fault::AnswerLost]);
    let lease = acquired(&faulty, "a").await;
    assert_eq!(lease.epoch(), 1);
    clock.advance(SECOND);
    let renewed = renew(&faulty, &lease, TERM).await.expect("an answer");
    let expected = clock.now().plus(TERM);
    assert!(matches!(renewed, Renewal::Renewed(lease) if lease.expires() == expected));
}

#[tokio::test]
async fn lost_and_late_requests_give_no_lease_that_is_not_stored() {
    let (_clock, store) = clock_and_store();
    let faulty = with_faults(&store, [Fault::RequestLost, Fault::Late]);
    for _ in 0..2 {
        let answer = acquire(&faulty, &lease_key(), "a", TERM).await;
        assert!(answer.is_err_and(|error| error.is_ambiguous()));
    }
    // The late request arrives before this commit, which then fails and finds its own lease.
    assert_eq!(acquired(&faulty, "a").await.epoch(), 1);
}

#[tokio::test]
async fn late_renewal_does_not_end_the_lease() {
    let (clock, store) = clock_and_store();
    let lease = acquired(&store, "a").await;
    let faulty = with_faults(&store, [Fault::Late]);
    clock.advance(SECOND);
    let open = renew(&faulty, &lease, TERM).await;
    assert!(open.is_err_and(|error| error.is_ambiguous()));
    // It arrives before this one, which then fails and finds the later end.
    let renewed = renew(&faulty, &lease, TERM).await.expect("an answer");
    let expected = clock.now().plus(TERM);
    assert!(matches!(renewed, Renewal::Renewed(lease) if lease.expires() == expected));
}

/// However often a renewal is lost, nobody is told that the lease runs on when it does not.
#[tokio::test]
async fn lost_renewals_do_not_prolong_the_lease() {
    let (clock, store) = clock_and_store();
    let lease = acquired(&store, "a").await;
    let faulty = with_faults(&store, [Fault::RequestLost; 3]);
    for _ in 0..3 {
        clock.advance(TERM / 2);
        let open = renew(&faulty, &lease, TERM).await;
        assert!(open.is_err_and(|error| error.is_ambiguous()));
    }
    let other = acquired(&store, "b").await;
    assert_eq!(other.epoch(), 2);
    let lost = renew(&faulty, &lease, TERM).await.expect("an answer");
    assert_eq!(lost, Renewal::Lost);
}

#[derive(Debug, Clone)]
enum Step {
    Acquire(usize),
    Renew(usize),
    Release(usize),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_usize).prop_map(Step::Acquire),
        4 => (0..2_usize).prop_map(Step::Renew),
        1 => (0..2_usize).prop_map(Step::Release),
        4 => (0..40_u64).prop_map(Step::Advance),
    ]
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some(Fault::Unavailable)),
        1 => Just(Some(Fault::AnswerLost)),
        1 => Just(Some(Fault::RequestLost)),
        1 => Just(Some(Fault::Late)),
        1 => Just(Some(Fault::Conflict)),
    ]
}

/// What one of the two workers believes, and how often it began anew.
#[derive(Default)]
struct Worker {
    lease: Option<Lease>,
    births: u32,
}

async fn take(store: &dyn Store, worker: &mut Worker, name: usize, step: &Step) {
    match (step, worker.lease.clone()) {
        (Step::Acquire(_), _) => {
            let owner = format!("{name}-{}", worker.births);
            let answer = acquire(store, &lease_key(), &owner, TERM).await;
            if let Ok(Acquisition::Acquired(lease)) = answer {
                assert_eq!(lease.owner(), owner);
                worker.lease = Some(lease);
            }
        }
        (Step::Renew(_), Some(lease)) => match renew(store, &lease, TERM).await {
            Ok(Renewal::Renewed(lease)) => worker.lease = Some(lease),
            Ok(Renewal::Lost) => {
                *worker = Worker {
                    lease: None,
                    births: worker.births + 1,
                }
            }
            Err(_) => {}
        },
        (Step::Release(_), Some(lease)) => {
            // Whatever the answer, a worker that lets go does not believe in it any more.
            drop(release(store, &lease).await);
            *worker = Worker {
                lease: None,
                births: worker.births + 1,
            };
        }
        (Step::Renew(_) | Step::Release(_) | Step::Advance(_), _) => {}
    }
}

async fn stored_epoch(store: &MemoryStore) -> u64 {
    let seen = look(store, &lease_key()).await.expect("a read");
    seen.stored.map_or(0, |(record, _)| record.epoch)
}

async fn compete(steps: Vec<Step>, faults: Vec<Option<Fault>>) {
    let (clock, store) = clock_and_store();
    let script = Mutex::new(faults.into_iter());
    let faulty = Faulty::new(
        Arc::new(store.clone()),
        Box::new(move |call| match call {
            Call::Commit(_) => script.lock().ok()?.next().flatten(),
            Call::Get(_) | Call::List(_) => None,
        }),
    );
    let mut workers = [Worker::default(), Worker::default()];
    let mut owners: BTreeMap<u64, String> = BTreeMap::new();
    let mut newest = 0;
    for step in steps {
        match step {
            Step::Acquire(name) | Step::Renew(name) | Step::Release(name) => {
                take(&faulty, &mut workers[name], name, &step).await;
            }
            Step::Advance(seconds) => clock.advance(Duration::from_secs(seconds)),
        }
        let epoch = stored_epoch(&store).await;
        assert!(epoch >= newest, "the epoch fell from {newest} to {epoch}");
        newest = epoch;
        let mut running = 0;
        for lease in workers.iter().filter_map(|worker| worker.lease.as_ref()) {
            let owner = owners
                .entry(lease.epoch())
                .or_insert_with(|| lease.owner.clone());
            assert_eq!(
                owner,
                lease.owner(),
                "epoch {} has two owners",
                lease.epoch()
            );
            running += usize::from(lease.runs_at(clock.now()));
        }
        assert!(running < 2, "two leases run at once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn two_workers_never_hold_at_once(
        steps in prop::collection::vec(step(), 1..60),
        faults in prop::collection::vec(fault(), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(compete(steps, faults));
    }
}
