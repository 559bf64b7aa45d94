//! Which tables may wait for the proof that they are idle.
//!
//! Only a cursor query proves that a table's window is empty. Metadata may *postpone* that proof:
//! the window's start stays, so that an error delays rows and never loses them. Since a row's
//! cursor comes later than its commit, a table whose signature changed is proven in every
//! iteration until one whose end was read a while after the change was first seen; and every table
//! is proven at a fixed interval, whatever its signature says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::vocabulary::Millis;

/// What is known of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// Its signature.
    signature: u64,
    /// When that signature was seen first.
    since: Millis,
    /// When the end was read up to which its window was proven empty last, since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proven: Option<Millis>,
}

/// What is known of a database's tables, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Idleness {
    tables: BTreeMap<String, Seen>,
}

impl Idleness {
    /// Whether the proof of a table may wait in an iteration whose end was read at this moment.
    #[must_use]
    pub fn may_wait(&self, table: &str, signature: u64, read_at: Millis, limits: &Limits) -> bool {
        let Some(seen) = self.tables.get(table) else {
            return false;
        };
        let proven = |at: Millis| {
            at.since(seen.since) >= limits.cursor_delay
                && at <= read_at
                && read_at.since(at) < limits.prove_every
        };
        seen.signature == signature && seen.proven.is_some_and(proven)
    }

    /// Takes the answer to a proof: the signature as seen at `now`, after the end was read at
    /// `read_at`, and whether the window was empty.
    pub fn take(
        &mut self,
        table: &str,
        signature: u64,
        read_at: Millis,
        is_empty: bool,
        now: Millis,
    ) {
        let known = self.tables.get(table);
        let same = known.filter(|seen| seen.signature == signature);
        let seen = Seen {
            signature,
            since: same.map_or(now, |seen| seen.since),
            proven: is_empty.then_some(read_at),
        };
        self.tables.insert(table.to_owned(), seen);
    }

    /// Forgets all tables but these.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.tables.retain(|table, _| keep(table));
    }
}

#[cfg(test)]
mod tests {
    use super::Idleness;
    use crate::limits::Limits;
    use crate::vocabulary::Millis;

    const MINUTE: u64 = 60_000;

    fn limits() -> Limits {
        Limits {
            cursor_delay: 5 * MINUTE,
            prove_every: 60 * MINUTE,
            ..Limits::default()
        }
    }

    fn minute(minute: u64) -> Millis {
        Millis(minute * MINUTE)
    }

    #[test]
    fn a_changed_table_is_proven_until_its_rows_must_have_their_cursors() {
        let (mut known, limits) = (Idleness::default(), limits());
        assert!(!known.may_wait("T", 1, minute(0), &limits), "never proven");
        known.take("T", 1, minute(0), true, minute(0));
        // A row committed before the signature was read may get its cursor after that end.
        assert!(!known.may_wait("T", 1, minute(3), &limits));
        known.take("T", 1, minute(3), true, minute(3));
        assert!(!known.may_wait("T", 1, minute(4), &limits));
        known.take("T", 1, minute(5), true, minute(5));
        assert!(known.may_wait("T", 1, minute(6), &limits));
        assert!(!known.may_wait("T", 2, minute(6), &limits), "it changed");
    }

    #[test]
    fn rows_that_were_found_begin_the_proof_anew_and_every_table_is_proven_in_time() {
        let (mut known, limits) = (Idleness::default(), limits());
        known.take("T", 1, minute(0), true, minute(0));
        known.take("T", 1, minute(9), false, minute(9));
        assert!(!known.may_wait("T", 1, minute(10), &limits), "it had rows");
        known.take("T", 1, minute(10), true, minute(10));
        assert!(known.may_wait("T", 1, minute(69), &limits));
        assert!(
            !known.may_wait("T", 1, minute(70), &limits),
            "an hour later"
        );
        assert!(
            !known.may_wait("T", 1, minute(9), &limits),
            "a clock that runs back"
        );
        known.retain(|table| table != "T");
        assert_eq!(known, Idleness::default());
    }
}
