//! A zero-delay list schedule: the same operations on the same slots, each begun the moment that
//! its predecessors have ended and a slot is free. What a run takes beyond it, orchestration added.

use std::collections::BTreeMap;

use kusto_copy_core::vocabulary::ActivityId;

use crate::model::Span;

/// Names of questions and commands that come before a table's exports.
const BEFORE: &[&str] = &[
    "schema",
    "create",
    "read back",
    "bounds",
    "bins",
    "extents",
    "rows by extent",
    "rows by content",
];

/// What a schedule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Exports, ingestions and moves alone, as if planning and looking took no time.
    DataOnly,
    /// Also the queries and commands without which they could not begin or be proven.
    Everything,
}

/// Slots of a kind: when each is free.
struct Slots(Vec<u64>);

impl Slots {
    fn new(slots: u32) -> Self {
        Self(vec![0; slots.max(1) as usize])
    }

    /// Runs something from `ready` on in the slot that is free first; returns its end.
    fn run(&mut self, ready: u64, length: u64) -> u64 {
        let mut end = ready + length;
        if let Some(free) = self.0.iter_mut().min() {
            end = ready.max(*free) + length;
            *free = end;
        }
        end
    }
}

const fn length(span: &Span) -> u64 {
    span.to.saturating_sub(span.from)
}

type BlockOf = (ActivityId, u32);

/// The makespan of the schedule, milliseconds from its begin. `look` is the time of one query
/// that proves an operation's result.
#[must_use]
pub fn makespan(spans: &[Span], slots: (u32, u32), counted: Counted, look: u64) -> u64 {
    let everything = counted == Counted::Everything;
    let look = if everything { look } else { 0 };
    let begin: u64 = spans
        .iter()
        .filter(|span| everything && matches!(span.name, "cursor" | "changes"))
        .map(length)
        .sum();
    let exported = exports(spans, slots.0, begin, everything);
    let ingested = ingestions(spans, slots.1, &exported, look);
    let mut ends = moves(spans, &ingested, look);
    if everything {
        for span in spans.iter().filter(|span| span.name == "reconcile") {
            if let Some(end) = span.activity.as_ref().and_then(|id| ends.get_mut(id)) {
                *end += length(span);
            }
        }
    }
    ends.into_values().max().unwrap_or(begin)
}

/// When each block's export ends: planned first, then by slots in the order of the run.
fn exports(spans: &[Span], slots: u32, begin: u64, everything: bool) -> BTreeMap<BlockOf, u64> {
    let mut ready = Vec::new();
    for span in spans.iter().filter(|span| span.name == "export") {
        let before: u64 = spans
            .iter()
            .filter(|other| {
                everything
                    && other.activity == span.activity
                    && BEFORE.contains(&other.name)
                    && other.to <= span.from
            })
            .map(length)
            .sum();
        ready.push((begin + before, span.from, span));
    }
    ready.sort_by_key(|(_, from, _)| *from);
    let mut free = Slots::new(slots);
    let mut ends = BTreeMap::new();
    for (ready, _, span) in ready {
        let end = free.run(ready, length(span));
        for key in keys(span) {
            ends.insert(key, end);
        }
    }
    ends
}

fn keys(span: &Span) -> impl Iterator<Item = BlockOf> + '_ {
    let id = span.activity.as_ref();
    span.blocks
        .iter()
        .filter_map(move |block| Some((id?.clone(), *block)))
}

fn ingestions(
    spans: &[Span],
    slots: u32,
    exported: &BTreeMap<BlockOf, u64>,
    look: u64,
) -> BTreeMap<BlockOf, u64> {
    let mut ready: Vec<(u64, &Span)> = spans
        .iter()
        .filter(|span| span.name == "ingest")
        .filter_map(|span| {
            let key = keys(span).next()?;
            Some((exported.get(&key)? + look, span))
        })
        .collect();
    ready.sort_by_key(|(_, span)| span.from);
    let mut free = Slots::new(slots);
    let mut ends = BTreeMap::new();
    for (ready, span) in ready {
        let end = free.run(ready, length(span));
        for key in keys(span) {
            ends.insert(key, end + 2 * look);
        }
    }
    ends
}

/// When each activity's last move ends; one move of a table at a time.
fn moves(
    spans: &[Span],
    ingested: &BTreeMap<BlockOf, u64>,
    look: u64,
) -> BTreeMap<ActivityId, u64> {
    let mut ready: Vec<(u64, &Span)> = spans
        .iter()
        .filter(|span| span.name == "move")
        .map(|span| {
            let last = keys(span)
                .filter_map(|key| ingested.get(&key).copied())
                .max();
            (last.unwrap_or(0), span)
        })
        .collect();
    ready.sort_by_key(|(ready, span)| (*ready, span.from));
    let mut ends: BTreeMap<ActivityId, u64> = BTreeMap::new();
    for (ready, span) in ready {
        let Some(id) = &span.activity else { continue };
        let end = ends.entry(id.clone()).or_default();
        *end = (*end).max(ready) + length(span) + 2 * look;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &'static str, block: u32, from: u64, to: u64) -> Span {
        Span {
            name,
            activity: Some(ActivityId::of("db", "T")),
            blocks: vec![block],
            from,
            to,
        }
    }

    #[test]
    fn blocks_wait_for_slots_and_nothing_else() {
        // Three blocks on one export slot and two ingestion slots, with pauses in between.
        let spans: Vec<Span> = (0..3)
            .flat_map(|block| {
                let at = u64::from(block) * 100;
                [
                    span("export", block, at, at + 10),
                    span("ingest", block, at + 50, at + 65),
                    span("move", block, at + 90, at + 92),
                ]
            })
            .collect();
        // The last export ends at 30, its ingestion at 45, its move at 47.
        assert_eq!(makespan(&spans, (1, 2), Counted::DataOnly, 5), 47);
        // With one ingestion slot: 10 + 15 + 15 + 15 + 2.
        assert_eq!(makespan(&spans, (1, 1), Counted::DataOnly, 5), 57);
    }

    #[test]
    fn questions_before_exports_count_when_everything_does() {
        let mut spans = vec![span("schema", 0, 0, 4), span("bins", 0, 10, 16)];
        spans.extend([
            span("export", 0, 20, 30),
            span("ingest", 0, 30, 45),
            span("move", 0, 50, 52),
        ]);
        assert_eq!(makespan(&spans, (1, 1), Counted::DataOnly, 5), 27);
        assert_eq!(
            makespan(&spans, (1, 1), Counted::Everything, 5),
            4 + 6 + 10 + 5 + 15 + 10 + 2 + 10
        );
    }
}
