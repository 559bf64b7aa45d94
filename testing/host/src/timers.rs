//! Timer functions: singleton, catch-up after an overrun, past-due runs after a crash.

use chrono::Utc;

use crate::handle::Handle;
use crate::invocation::{Invocation, Outcome, new_id};
use crate::journal::locked;
use crate::package::{Function, Trigger};
use crate::payload::{self, Tick};
use crate::schedule::{Schedule, a_day_after};

impl Handle {
    /// One run under the timer's singleton lock.
    pub(crate) async fn fire(&self, function: &Function, tick: Tick) -> Invocation {
        let lock = self.0.options.storage.lock_of(&function.name);
        let running = match lock.running.try_lock() {
            Ok(running) => running,
            Err(_) => {
                if std::mem::replace(&mut *locked(&lock.waiting), true) {
                    return Invocation::new(&function.name, "", Outcome::Collapsed);
                }
                let waiting = Waiting(&lock.waiting);
                let running = lock.running.lock().await;
                drop(waiting);
                running
            }
        };
        let invocation = self.fire_past_lock(function, tick, 0).await;
        drop(running);
        invocation
    }

    /// One run, whatever else runs.
    pub(crate) async fn fire_past_lock(
        &self,
        function: &Function,
        tick: Tick,
        worker: usize,
    ) -> Invocation {
        let Trigger::Timer {
            name,
            schedule,
            monitored,
        } = &function.trigger
        else {
            let reason = Outcome::Failed("it has no timer".to_owned());
            return Invocation::new(&function.name, "", reason);
        };
        let storage = &self.0.options.storage;
        let started = Utc::now();
        let times = monitored.then(|| storage.times(&function.name));
        let id = new_id();
        let data = payload::timer(&function.name, name, &tick, times, started);
        storage.begin(&function.name);
        let call = payload::post(&function.name, &id, &data, tick.chunked);
        let invocation = self.invoke(function, &id, call, worker).await;
        if !self.is_gone() {
            storage.end(&function.name, started, schedule.next(Utc::now()));
        }
        invocation
    }
}

/// Gives the place of the one that waits back, also when its caller stops waiting.
struct Waiting<'a>(&'a std::sync::Mutex<bool>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *locked(self.0) = false;
    }
}

/// Fires by the schedule, for as long as the host runs.
pub(crate) async fn run(handle: Handle, function: Function) {
    let Trigger::Timer {
        schedule,
        monitored,
        ..
    } = function.trigger.clone()
    else {
        return;
    };
    let storage = &handle.0.options.storage;
    if monitored && storage.is_past_due(&function.name, Utc::now()) {
        let tick = Tick {
            past_due: true,
            ..Tick::default()
        };
        handle.fire(&function, tick).await;
    }
    let mut due = first(&schedule);
    loop {
        storage.expect(&function.name, Some(due));
        let wait = (due - Utc::now()).to_std().unwrap_or_default();
        tokio::time::sleep(wait).await;
        handle.fire(&function, Tick::default()).await;
        let now = Utc::now();
        due = schedule
            .after_run(due, now)
            .unwrap_or_else(|| a_day_after(now));
    }
}

fn first(schedule: &Schedule) -> chrono::DateTime<Utc> {
    let now = Utc::now();
    schedule.next(now).unwrap_or_else(|| a_day_after(now))
}
