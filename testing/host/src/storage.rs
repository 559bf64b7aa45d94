//! What the host keeps in its storage account: queues, and when timers ran. Here in memory; two
//! hosts that share a value are two hosts of one app, and a host that is started again with the
//! value of one that crashed finds what that one left.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::journal::locked;

/// When a timer ran last and runs next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) last: Option<DateTime<Utc>>,
    pub(crate) next: Option<DateTime<Utc>>,
}

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its id, the same at every delivery.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Deliveries so far.
    pub dequeue_count: u32,
    /// When it came.
    #[serde(serialize_with = "as_text")]
    pub inserted: DateTime<Utc>,
    /// Nobody gets it before.
    #[serde(serialize_with = "as_text")]
    pub visible: DateTime<Utc>,
    /// Of the last delivery.
    #[serde(skip)]
    pub(crate) receipt: String,
}

fn as_text<S: serde::Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(time)
}

impl Message {
    pub(crate) fn new(text: String, now: DateTime<Utc>) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            text,
            dequeue_count: 0,
            inserted: now,
            visible: now,
            receipt: String::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct TimerStatus {
    last: Option<DateTime<Utc>>,
    next: Option<DateTime<Utc>>,
    /// A run began whose end was never written.
    unfinished: bool,
}

#[derive(Debug, Default)]
struct Content {
    queues: BTreeMap<String, VecDeque<Message>>,
    timers: BTreeMap<String, TimerStatus>,
    locks: BTreeMap<String, Arc<TimerLock>>,
}

/// The singleton lock of a timer. Not fencing: the stand-in can fire past it, as two hosts have
/// been seen to.
#[derive(Debug, Default)]
pub(crate) struct TimerLock {
    pub(crate) running: tokio::sync::Mutex<()>,
    /// Somebody waits already; whoever comes now is collapsed into that run.
    pub(crate) waiting: Mutex<bool>,
}

/// A storage account in memory. Clones are the same account.
#[derive(Debug, Clone, Default)]
pub struct Storage(Arc<Mutex<Content>>);

impl Storage {
    /// Adds a message.
    pub fn enqueue(&self, queue: &str, text: String, now: DateTime<Utc>) {
        let mut content = locked(&self.0);
        let queue = content.queues.entry(queue.to_owned()).or_default();
        queue.push_back(Message::new(text, now));
    }

    /// The messages of a queue, hidden ones included, oldest first.
    #[must_use]
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        let content = locked(&self.0);
        let queue = content.queues.get(queue);
        queue.into_iter().flatten().cloned().collect()
    }

    /// Names of the queues that were ever used.
    #[must_use]
    pub fn queues(&self) -> Vec<String> {
        locked(&self.0).queues.keys().cloned().collect()
    }

    /// Takes the first visible message and hides it for ten minutes, as the host does while it
    /// works on it.
    pub(crate) fn receive(&self, queue: &str, now: DateTime<Utc>) -> Option<Message> {
        let mut content = locked(&self.0);
        let message = content
            .queues
            .get_mut(queue)?
            .iter_mut()
            .find(|message| message.visible <= now)?;
        message.dequeue_count += 1;
        message.visible = now + TimeDelta::minutes(10);
        message.receipt = uuid::Uuid::new_v4().to_string();
        Some(message.clone())
    }

    /// Deletes a message, if nobody received it since.
    pub(crate) fn delete(&self, queue: &str, message: &Message) {
        if let Some(queue) = locked(&self.0).queues.get_mut(queue) {
            queue.retain(|other| other.id != message.id || other.receipt != message.receipt);
        }
    }

    /// After a failed delivery: visible again at `visible`, or moved to the poison queue.
    pub(crate) fn give_back(
        &self,
        queue: &str,
        message: &Message,
        max_dequeue_count: u32,
        visible: DateTime<Utc>,
    ) {
        let mut content = locked(&self.0);
        let Some(messages) = content.queues.get_mut(queue) else {
            return;
        };
        let Some(place) = messages
            .iter()
            .position(|other| other.id == message.id && other.receipt == message.receipt)
        else {
            return;
        };
        if message.dequeue_count < max_dequeue_count {
            messages[place].visible = visible;
        } else if let Some(poison) = messages.remove(place) {
            let queue = content.queues.entry(format!("{queue}-poison")).or_default();
            queue.push_back(poison);
        }
    }

    /// Makes everything hidden visible: a lock ran out, as after a crash of the host.
    pub(crate) fn reveal(&self, now: DateTime<Utc>) {
        for message in locked(&self.0).queues.values_mut().flatten() {
            message.visible = message.visible.min(now);
        }
    }

    pub(crate) fn lock_of(&self, timer: &str) -> Arc<TimerLock> {
        let mut content = locked(&self.0);
        Arc::clone(content.locks.entry(timer.to_owned()).or_default())
    }

    pub(crate) fn times(&self, timer: &str) -> Times {
        let status = self.status(timer);
        Times {
            last: status.last,
            next: status.next,
        }
    }

    fn status(&self, timer: &str) -> TimerStatus {
        let content = locked(&self.0);
        content.timers.get(timer).copied().unwrap_or_default()
    }

    /// Whether the timer should have fired already, or its last run never ended.
    pub(crate) fn is_past_due(&self, timer: &str, now: DateTime<Utc>) -> bool {
        let status = self.status(timer);
        status.unfinished || status.next.is_some_and(|next| next < now)
    }

    pub(crate) fn expect(&self, timer: &str, next: Option<DateTime<Utc>>) {
        let mut content = locked(&self.0);
        content.timers.entry(timer.to_owned()).or_default().next = next;
    }

    pub(crate) fn begin(&self, timer: &str) {
        let mut content = locked(&self.0);
        let status = content.timers.entry(timer.to_owned()).or_default();
        status.unfinished = true;
    }

    /// After the run, failed or not: a crash before leaves the timer past due.
    pub(crate) fn end(&self, timer: &str, started: DateTime<Utc>, next: Option<DateTime<Utc>>) {
        let mut content = locked(&self.0);
        content.timers.insert(
            timer.to_owned(),
            TimerStatus {
                last: Some(started),
                next,
                unfinished: false,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-02T03:04:05Z".parse().expect("a time")
    }

    #[test]
    fn a_failed_message_comes_back_until_it_is_poison() {
        let storage = Storage::default();
        storage.enqueue("work", "a".to_owned(), now());
        for delivery in 1..=2 {
            let message = storage.receive("work", now()).expect("it is visible");
            assert_eq!(message.dequeue_count, delivery);
            assert_eq!(storage.receive("work", now()), None, "it is hidden");
            storage.give_back("work", &message, 2, now());
        }
        assert_eq!(storage.receive("work", now()), None);
        assert_eq!(storage.messages("work-poison").len(), 1);
    }

    #[test]
    fn a_late_delete_does_not_touch_the_next_delivery() {
        let storage = Storage::default();
        storage.enqueue("work", "a".to_owned(), now());
        let first = storage.receive("work", now()).expect("it is visible");
        storage.reveal(now());
        let second = storage.receive("work", now()).expect("it is visible again");
        assert_eq!(first.id, second.id);
        storage.delete("work", &first);
        assert_eq!(storage.messages("work").len(), 1);
        storage.delete("work", &second);
        assert!(storage.messages("work").is_empty());
    }

    #[test]
    fn a_run_without_an_end_leaves_the_timer_past_due() {
        let storage = Storage::default();
        assert!(!storage.is_past_due("advance", now()), "it never ran");
        storage.begin("advance");
        assert!(storage.is_past_due("advance", now()));
        storage.end("advance", now(), Some(now() + TimeDelta::minutes(1)));
        assert!(!storage.is_past_due("advance", now()));
        assert!(storage.is_past_due("advance", now() + TimeDelta::minutes(2)));
    }
}
