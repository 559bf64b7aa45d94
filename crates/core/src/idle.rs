//! Which tables may wait for the proof that they are idle.
//!
//! Only a cursor query proves that a table's window is empty. Metadata may *postpone* that proof:
//! the window's start stays, so that an error delays rows and never loses them. Since a row's
//! cursor comes later than its commit, a table whose signature changed is proven in every
//! iteration until one whose end was read a while after the change was first seen; and every table
//! is proven at a fixed interval, whatever its signature says.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

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
    /// Its rows by metadata when no row was left without its cursor; `None` once rows came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled: Option<u64>,
}

/// A table's extents as metadata tell of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extents {
    /// Differs whenever anything of them differs.
    pub signature: u64,
    /// Their rows.
    pub rows: u64,
}

/// What is known of a database's tables, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Idleness {
    tables: BTreeMap<String, Seen>,
}

impl Idleness {
    /// Whether the proof of a table may wait in an iteration whose end was read at this moment.
    /// The longest wait differs by table, so that not all are proven in the same iteration.
    #[must_use]
    pub fn may_wait(&self, table: &str, signature: u64, read_at: Millis, limits: &Limits) -> bool {
        let Some(seen) = self.tables.get(table) else {
            return false;
        };
        let proven = |at: Millis| {
            at.since(seen.since) >= limits.cursor_delay
                && at <= read_at
                && read_at.since(at) < longest_wait(table, limits)
        };
        seen.signature == signature && seen.proven.is_some_and(proven)
    }

    /// Takes the answer to a proof: the extents as seen at `now`, after the end was read at
    /// `read_at`, and whether the window was empty. Tells whether rows came that no cursor shows:
    /// between two moments at which every row had its cursor, all windows were empty and the rows
    /// became more. Extents were moved in then, or the table was renamed.
    pub fn take(
        &mut self,
        table: &str,
        extents: Extents,
        read_at: Millis,
        is_empty: bool,
        now: Millis,
        limits: &Limits,
    ) -> bool {
        let known = self.tables.get(table);
        let same = known.filter(|seen| seen.signature == extents.signature);
        let since = same.map_or(now, |seen| seen.since);
        let before = known.and_then(|seen| seen.settled).filter(|_| is_empty);
        let is_settled = is_empty && since.plus(limits.cursor_delay) <= read_at;
        let seen = Seen {
            signature: extents.signature,
            since,
            proven: is_empty.then_some(read_at),
            settled: if is_settled {
                Some(extents.rows)
            } else {
                before
            },
        };
        self.tables.insert(table.to_owned(), seen);
        is_settled && before.is_some_and(|before| extents.rows > before)
    }

    /// Forgets all tables but these.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.tables.retain(|table, _| keep(table));
    }
}

/// Between half of the interval and all of it.
fn longest_wait(table: &str, limits: &Limits) -> u64 {
    let mut hasher = DefaultHasher::new();
    table.hash(&mut hasher);
    let half = limits.prove_every / 2;
    limits.prove_every - hasher.finish() % half.max(1)
}

#[cfg(test)]
mod tests {
    use super::{Extents, Idleness, longest_wait};
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

    fn take(known: &mut Idleness, signature: u64, minute: u64, is_empty: bool) {
        let extents = Extents { signature, rows: 1 };
        let at = self::minute(minute);
        assert!(!known.take("T", extents, at, is_empty, at, &limits()));
    }

    #[test]
    fn a_changed_table_is_proven_until_its_rows_must_have_their_cursors() {
        let (mut known, limits) = (Idleness::default(), limits());
        assert!(!known.may_wait("T", 1, minute(0), &limits), "never proven");
        take(&mut known, 1, 0, true);
        // A row committed before the signature was read may get its cursor after that end.
        assert!(!known.may_wait("T", 1, minute(3), &limits));
        take(&mut known, 1, 3, true);
        assert!(!known.may_wait("T", 1, minute(4), &limits));
        take(&mut known, 1, 5, true);
        assert!(known.may_wait("T", 1, minute(6), &limits));
        assert!(!known.may_wait("T", 2, minute(6), &limits), "it changed");
    }

    #[test]
    fn rows_that_were_found_begin_the_proof_anew_and_every_table_is_proven_in_time() {
        let (mut known, limits) = (Idleness::default(), limits());
        take(&mut known, 1, 0, true);
        take(&mut known, 1, 9, false);
        assert!(!known.may_wait("T", 1, minute(10), &limits), "it had rows");
        take(&mut known, 1, 10, true);
        assert!(known.may_wait("T", 1, minute(39), &limits));
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

    #[test]
    fn tables_are_not_all_proven_in_the_same_iteration() {
        let limits = limits();
        let waits: Vec<u64> = (0..100)
            .map(|number| longest_wait(&format!("T{number}"), &limits) / MINUTE)
            .collect();
        assert!(waits.iter().all(|wait| (30..=60).contains(wait)));
        let late = waits.iter().filter(|wait| **wait >= 45).count();
        assert!((20..80).contains(&late), "{late} of a hundred");
    }

    #[test]
    fn rows_that_no_cursor_shows_are_told_once() {
        let mut known = Idleness::default();
        let mut at = |rows, minute, empty| {
            let extents = Extents {
                signature: rows,
                rows,
            };
            let moment = self::minute(minute);
            known.take("T", extents, moment, empty, moment, &limits())
        };
        assert!(!at(10, 0, true) && !at(10, 5, true), "settled");
        // More rows: at first they may lack their cursor.
        assert!(!at(30, 6, true) && !at(30, 10, true));
        assert!(at(30, 11, true), "they never came by a cursor");
        assert!(!at(30, 12, true), "told once");
        // These came by a cursor.
        assert!(!at(40, 13, true) && !at(40, 14, false));
        assert!(!at(40, 18, true) && !at(40, 30, true));
        // Fewer rows, by retention, and then again more.
        assert!(!at(35, 31, true) && !at(35, 40, true));
        assert!(!at(36, 41, true) && at(36, 50, true));
    }
}
