//! When to look at running operations: quickly while they are young, at a share of their age
//! later, so that waiting never costs more than that share of an operation's own time.

use std::collections::BTreeMap;

use crate::vocabulary::{Millis, OperationId};

/// Bounds of the waits between two looks at an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollPolicy {
    /// The shortest wait, milliseconds.
    pub min: u64,
    /// The longest wait, milliseconds.
    pub max: u64,
    /// The wait as a share of the operation's age.
    pub share: f64,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self {
            min: 250,
            max: 10_000,
            share: 0.02,
        }
    }
}

impl PollPolicy {
    /// Milliseconds to wait after a look at an operation of this age (milliseconds).
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ages are far below 2^52 ms and the share is not negative"
    )]
    pub fn wait(&self, age: u64) -> u64 {
        ((age as f64 * self.share) as u64).clamp(self.min, self.max)
    }
}

#[derive(Debug, Clone, Copy)]
struct Watched {
    since: Millis,
    due: Millis,
}

/// The running operations of one cluster and when each is due. One request asks for all that
/// are due; those nearly due ride along.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    operations: BTreeMap<OperationId, Watched>,
}

impl Watch {
    /// Watches an operation that runs since then; a known one keeps its schedule.
    pub fn add(&mut self, operation: OperationId, since: Millis, policy: &PollPolicy) {
        self.operations.entry(operation).or_insert(Watched {
            since,
            due: since.plus(policy.min),
        });
    }

    /// Stops watching all but these.
    pub fn retain(&mut self, mut keep: impl FnMut(&OperationId) -> bool) {
        self.operations.retain(|operation, _| keep(operation));
    }

    /// When the next look is due, if anything runs.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.operations.values().map(|watched| watched.due).min()
    }

    /// The operations to ask for now, at most `most`; empty when none is due. Each is due again
    /// after its wait.
    pub fn take_due(&mut self, now: Millis, policy: &PollPolicy, most: usize) -> Vec<OperationId> {
        if self.next_due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for (operation, watched) in &mut self.operations {
            let wait = policy.wait(now.since(watched.since));
            if watched.due <= now.plus(wait / 2) {
                watched.due = now.plus(wait);
                taken.push(operation.clone());
                if taken.len() == most {
                    break;
                }
            }
        }
        taken
    }

    /// How many operations are watched.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing is watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{PollPolicy, Watch};
    use crate::vocabulary::{Millis, OperationId};

    #[test]
    fn young_operations_are_looked_at_often_and_old_ones_by_a_share_of_their_age() {
        let policy = PollPolicy {
            min: 100,
            max: 10_000,
            share: 0.02,
        };
        assert_eq!(policy.wait(0), 100);
        assert_eq!(policy.wait(100_000), 2_000);
        assert_eq!(policy.wait(10_000_000), 10_000);
    }

    #[test]
    fn one_look_takes_what_is_due_and_nearly_due() {
        let policy = PollPolicy {
            min: 100,
            max: 10_000,
            share: 0.02,
        };
        let id = |n: u8| {
            OperationId::parse(&format!("00000000-0000-0000-0000-0000000000{n:02}")).expect("guid")
        };
        let mut watch = Watch::default();
        watch.add(id(1), Millis(0), &policy);
        watch.add(id(2), Millis(30), &policy);
        watch.add(id(3), Millis(99), &policy);
        assert!(watch.take_due(Millis(99), &policy, 10).is_empty());
        assert_eq!(watch.take_due(Millis(100), &policy, 10), vec![id(1), id(2)]);
        assert_eq!(watch.next_due(), Some(Millis(199)));
    }
}
