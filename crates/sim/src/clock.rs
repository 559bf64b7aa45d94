//! Simulated time: tasks that sleep, and the executor that wakes them in order.
//!
//! A task is a future whose only way to wait is [`Clock::sleep`] or [`Clock::wait`]. Killing its
//! owner drops it between two waits: every wait is a crash point. Freezing its owner makes it
//! sleep on while the world goes on without it: a stale worker.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Names a task.
pub type TaskId = u64;
/// Whose a task is: a worker's number, or [`NATURE`].
pub type Owner = u32;
/// The owner of what no worker does: clusters, arrivals, chaos.
pub const NATURE: Owner = 0;

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Inner {
    now: u64,
    current: TaskId,
    wanted: u64,
    next_task: TaskId,
    notified: HashSet<TaskId>,
    spawned: Vec<(TaskId, Owner, Boxed)>,
    wakes: Vec<TaskId>,
    killed: Vec<Owner>,
    frozen: Vec<(Owner, u64)>,
    alive: BTreeMap<Owner, usize>,
}

/// A handle to simulated time.
#[derive(Clone, Default)]
pub struct Clock(Rc<RefCell<Inner>>);

impl Clock {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.borrow().now
    }

    /// The task that runs now.
    #[must_use]
    pub fn current(&self) -> TaskId {
        self.0.borrow().current
    }

    /// Starts a task now.
    pub fn spawn(&self, owner: Owner, task: impl Future<Output = ()> + 'static) -> TaskId {
        let mut inner = self.0.borrow_mut();
        inner.next_task += 1;
        let id = inner.next_task;
        *inner.alive.entry(owner).or_default() += 1;
        inner.spawned.push((id, owner, Box::pin(task)));
        id
    }

    /// Ends a wait of a task early, or its next one at once.
    pub fn notify(&self, task: TaskId) {
        let mut inner = self.0.borrow_mut();
        inner.notified.insert(task);
        inner.wakes.push(task);
    }

    /// Drops every task of an owner at its last wait.
    pub fn kill(&self, owner: Owner) {
        self.0.borrow_mut().killed.push(owner);
    }

    /// Lets no task of an owner run before a moment.
    pub fn freeze(&self, owner: Owner, until: u64) {
        self.0.borrow_mut().frozen.push((owner, until));
    }

    /// Whether an owner has tasks left.
    #[must_use]
    pub fn is_alive(&self, owner: Owner) -> bool {
        self.0
            .borrow()
            .alive
            .get(&owner)
            .is_some_and(|tasks| *tasks > 0)
    }

    /// Sleeps so many milliseconds.
    #[must_use]
    pub fn sleep(&self, milliseconds: u64) -> Sleep {
        Sleep {
            clock: self.clone(),
            until: self.now() + milliseconds,
            early: false,
        }
    }

    /// Sleeps until a moment or a notification.
    #[must_use]
    pub fn wait(&self, until: u64) -> Sleep {
        Sleep {
            clock: self.clone(),
            until,
            early: true,
        }
    }
}

/// A sleep of a task.
pub struct Sleep {
    clock: Clock,
    until: u64,
    early: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.clock.0.borrow_mut();
        let current = inner.current;
        if inner.now >= self.until || (self.early && inner.notified.contains(&current)) {
            if self.early {
                inner.notified.remove(&current);
            }
            return Poll::Ready(());
        }
        inner.wanted = self.until;
        Poll::Pending
    }
}

struct Task {
    owner: Owner,
    wake_at: u64,
    future: Boxed,
}

/// Runs tasks in the order of their wake-up times.
#[derive(Default)]
pub struct Executor {
    clock: Clock,
    tasks: HashMap<TaskId, Task>,
    queue: BinaryHeap<Reverse<(u64, u64, TaskId)>>,
    pushes: u64,
    frozen: HashMap<Owner, u64>,
}

impl Executor {
    /// An executor whose time begins at this moment.
    #[must_use]
    pub fn new(clock: Clock, now: u64) -> Self {
        clock.0.borrow_mut().now = now;
        Self {
            clock,
            ..Self::default()
        }
    }

    /// Runs one task until its next wait; false when no task is left.
    pub fn step(&mut self) -> bool {
        self.take_requests();
        while let Some(Reverse((at, _, id))) = self.queue.pop() {
            let Some(task) = self.tasks.get_mut(&id) else {
                continue;
            };
            if task.wake_at != at {
                continue;
            }
            if let Some(until) = self.frozen.get(&task.owner).copied()
                && until > at
            {
                self.push(id, until);
                continue;
            }
            self.run(id, at);
            return true;
        }
        false
    }

    fn run(&mut self, id: TaskId, at: u64) {
        {
            let mut inner = self.clock.0.borrow_mut();
            inner.now = inner.now.max(at);
            inner.current = id;
        }
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        let owner = task.owner;
        let polled = task
            .future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(()) => {
                self.tasks.remove(&id);
                self.ended(owner);
            }
            Poll::Pending => {
                let wanted = self.clock.0.borrow().wanted;
                self.push(id, wanted);
            }
        }
        self.take_requests();
    }

    fn push(&mut self, id: TaskId, at: u64) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.wake_at = at;
            self.pushes += 1;
            self.queue.push(Reverse((at, self.pushes, id)));
        }
    }

    fn ended(&self, owner: Owner) {
        if let Some(tasks) = self.clock.0.borrow_mut().alive.get_mut(&owner) {
            *tasks -= 1;
        }
    }

    fn take_requests(&mut self) {
        loop {
            let (spawned, wakes, killed, frozen, now) = {
                let mut inner = self.clock.0.borrow_mut();
                (
                    std::mem::take(&mut inner.spawned),
                    std::mem::take(&mut inner.wakes),
                    std::mem::take(&mut inner.killed),
                    std::mem::take(&mut inner.frozen),
                    inner.now,
                )
            };
            if spawned.is_empty() && wakes.is_empty() && killed.is_empty() && frozen.is_empty() {
                return;
            }
            for (id, owner, future) in spawned {
                self.tasks.insert(
                    id,
                    Task {
                        owner,
                        wake_at: now,
                        future,
                    },
                );
                self.push(id, now);
            }
            for id in wakes {
                if self.tasks.get(&id).is_some_and(|task| task.wake_at > now) {
                    self.push(id, now);
                }
            }
            self.frozen.extend(frozen);
            for owner in killed {
                let dead: Vec<TaskId> = self
                    .tasks
                    .iter()
                    .filter(|(_, task)| task.owner == owner)
                    .map(|(id, _)| *id)
                    .collect();
                for id in dead {
                    self.tasks.remove(&id);
                    self.ended(owner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_run_in_the_order_of_time_and_the_killed_run_no_more() {
        let clock = Clock::default();
        let mut executor = Executor::new(clock.clone(), 1_000);
        let seen = Rc::new(RefCell::new(Vec::new()));
        for (owner, first, second) in [(1, 30, 30), (2, 10, 40), (3, 20, 5)] {
            let (own, seen) = (clock.clone(), Rc::clone(&seen));
            clock.spawn(owner, async move {
                own.sleep(first).await;
                seen.borrow_mut().push((owner, own.now()));
                if owner == 2 {
                    own.kill(1);
                    own.freeze(3, 5_000);
                }
                own.sleep(second).await;
                seen.borrow_mut().push((owner, own.now()));
            });
        }
        while executor.step() {}
        assert_eq!(
            *seen.borrow(),
            [(2, 1_010), (2, 1_050), (3, 5_000), (3, 5_005)]
        );
        assert!(!clock.is_alive(1));
    }

    #[test]
    fn a_notification_ends_a_wait_but_not_a_sleep() {
        let clock = Clock::default();
        let mut executor = Executor::new(clock.clone(), 0);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let (own, out) = (clock.clone(), Rc::clone(&seen));
        let task = clock.spawn(1, async move {
            own.sleep(10).await;
            out.borrow_mut().push(own.now());
            own.wait(100).await;
            out.borrow_mut().push(own.now());
        });
        let own = clock.clone();
        clock.spawn(2, async move {
            own.sleep(5).await;
            own.notify(task);
        });
        while executor.step() {}
        assert_eq!(
            *seen.borrow(),
            [10, 10],
            "the notification waited for the next wait"
        );
    }
}
