//! Reading the state of jobs for those who look: few jobs at once, and a job's once for all who
//! wait for it. A state of many blocks takes memory while it is read, and a page that many people
//! keep open must not take it many times.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kusto_copy_driver::Report;
use kusto_copy_driver::complaint::Complaint;
use tokio::sync::Semaphore;

/// Jobs whose state is read at the same time at most.
const AT_ONCE: usize = 8;

/// What came of reading a job's state: `None` when nothing was stored yet.
pub(crate) type Read = Result<Option<Arc<Report>>, Complaint>;

/// The readings of all jobs.
pub(crate) struct Readings {
    few: Semaphore,
    jobs: Mutex<BTreeMap<String, Arc<Shared>>>,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            few: Semaphore::new(AT_ONCE),
            jobs: Mutex::default(),
        }
    }
}

impl Readings {
    /// What reading the job's state comes to. The reading began after this was called, so it
    /// shows whatever was stored before.
    pub(crate) async fn read(&self, job: &str, read: impl Future<Output = Read>) -> Read {
        let shared = {
            let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(jobs.entry(job.to_owned()).or_default())
        };
        let read = async {
            // The semaphore is never closed.
            let _permit = self.few.acquire().await;
            read.await
        };
        shared.read(read).await
    }
}

/// One job's reading, for all who ask at the same time.
#[derive(Default)]
struct Shared {
    /// Those who ask now.
    asking: AtomicUsize,
    /// Readings that were begun so far.
    begun: AtomicU64,
    /// The last reading and its number, while others wait who may take it.
    last: tokio::sync::Mutex<Option<(u64, Read)>>,
}

impl Shared {
    async fn read(&self, read: impl Future<Output = Read>) -> Read {
        let before = self.begun.load(Ordering::SeqCst);
        let _asking = Asking::of(&self.asking);
        let mut last = self.last.lock().await;
        let (number, read) = match last.take() {
            Some((number, read)) if number > before => (number, read),
            Some(_) | None => {
                let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
                (number, read.await)
            }
        };
        if self.asking.load(Ordering::SeqCst) > 1 {
            *last = Some((number, read.clone()));
        }
        read
    }
}

/// Counts somebody for as long as it lives: who asks may give up at any moment.
struct Asking<'a>(&'a AtomicUsize);

impl<'a> Asking<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn rows(iteration: u32) -> Read {
        Ok(Some(Arc::new(Report {
            iteration,
            ..Report::default()
        })))
    }

    /// Polls once; the tests decide when a reading ends.
    fn poll<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> Option<F::Output> {
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_asks_while_it_is_read_shares_the_next_reading() {
        let readings = Readings::default();
        let (end, ended) = tokio::sync::oneshot::channel::<Read>();
        let mut first =
            Box::pin(readings.read("a", async { ended.await.expect("the test ends it") }));
        assert!(poll(&mut first).is_none());
        let mut second = Box::pin(readings.read("a", async { rows(2) }));
        let mut third = Box::pin(readings.read("a", async { rows(3) }));
        assert!(poll(&mut second).is_none() && poll(&mut third).is_none());
        end.send(rows(1)).expect("it is waited for");
        assert_eq!(poll(&mut first), Some(rows(1)));
        // What the first began before they asked may lack what they want to see.
        assert_eq!(poll(&mut second), Some(rows(2)));
        assert_eq!(poll(&mut third), Some(rows(2)), "it was read once more");
        // Nobody waited any more: nothing is kept for the next.
        drop((first, second, third));
        let mut fourth = Box::pin(readings.read("a", async { rows(4) }));
        assert_eq!(poll(&mut fourth), Some(rows(4)));
    }

    #[test]
    fn who_gives_up_holds_nobody_back() {
        let readings = Readings::default();
        let mut first = Box::pin(readings.read("a", std::future::pending()));
        assert!(poll(&mut first).is_none());
        let mut second = Box::pin(readings.read("a", async { rows(2) }));
        assert!(poll(&mut second).is_none());
        drop(first);
        assert_eq!(poll(&mut second), Some(rows(2)));
    }

    #[test]
    fn few_jobs_are_read_at_once() {
        let readings = Readings::default();
        let names: Vec<String> = (0..AT_ONCE).map(|job| job.to_string()).collect();
        let mut reading: Vec<_> = names
            .iter()
            .map(|job| Box::pin(readings.read(job, std::future::pending())))
            .collect();
        for one in &mut reading {
            assert!(poll(one).is_none());
        }
        let mut other = Box::pin(readings.read("other", async { rows(1) }));
        assert!(poll(&mut other).is_none(), "there are enough at work");
        reading.pop();
        assert_eq!(poll(&mut other), Some(rows(1)));
    }
}
