//! A table as a list of rows that answers a planner's questions by looking at each.

use std::collections::BTreeMap;

use super::{
    BinRow, Bounds, ExtentInfo, PlanAnswer, PlanCursor, PlanProgress, PlanQuestion, PlanRound,
    PlanStep,
};
use crate::block::Block;
use crate::limits::Limits;
use crate::vocabulary::{BlockNumber, ExtentId, Instants, Millis, Slice, Ticks, TimeRange};

/// When every round of the tests takes place.
pub(super) const NOW: Millis = Millis(1_700_000_000_000);

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) time: Option<Ticks>,
    /// `None`: in the streaming buffer.
    pub(super) extent: Option<usize>,
    pub(super) hash: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Extent {
    pub(super) created: Ticks,
    pub(super) row_bytes: u64,
}

/// The source, and how badly it behaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    pub(super) extents: Vec<Extent>,
    /// Refuses bins wider than a tick at every n-th question up to the hundredth; 0 never.
    pub(super) refuses: usize,
    /// Merges two extents before every n-th question; 0 never.
    pub(super) merges: usize,
    pub(super) questions: usize,
}

pub(super) fn id(extent: usize) -> ExtentId {
    ExtentId::parse(&format!("{extent:08x}-0000-4000-8000-00000000000a")).expect("a guid")
}

impl Table {
    pub(super) fn selects(slice: &Slice, row: &Row) -> bool {
        let instant = match (&slice.instants, row.time) {
            (Instants::Range(range), Some(time)) => range.contains(time),
            (Instants::Missing, None) => true,
            (Instants::Range(_), None) | (Instants::Missing, Some(_)) => false,
        };
        let extent = slice.extents.as_ref().is_none_or(|extents| {
            row.extent
                .is_some_and(|extent| extents.contains(&id(extent)))
        });
        let part = slice
            .part
            .is_none_or(|part| row.hash & (part.parts - 1) == part.index);
        instant && extent && part
    }

    pub(super) fn in_slice(&self, slice: &Slice) -> Vec<&Row> {
        self.rows
            .iter()
            .filter(|row| Self::selects(slice, row))
            .collect()
    }

    pub(super) fn bounds(&self) -> Bounds {
        let times = || self.rows.iter().filter_map(|row| row.time);
        Bounds {
            rows: times().count() as u64,
            min: times().min(),
            max: times().max(),
        }
    }

    /// Merges the extents of the first row in an extent and of the last such row.
    fn merge(&mut self) {
        let mut held = self.rows.iter().filter_map(|row| row.extent);
        let (Some(first), Some(last)) = (held.next(), held.next_back()) else {
            return;
        };
        let merged = self.extents.len();
        self.extents.push(Extent {
            created: self.extents[first].created.max(self.extents[last].created),
            row_bytes: self.extents[first].row_bytes,
        });
        for row in &mut self.rows {
            if row.extent == Some(first) || row.extent == Some(last) {
                row.extent = Some(merged);
            }
        }
    }

    fn bins(&self, range: TimeRange, resolution: i64) -> PlanAnswer {
        let mut bins: BTreeMap<(i64, Option<usize>), BinRow> = BTreeMap::new();
        for row in self.in_slice(&Slice::range(range)) {
            let Some(time) = row.time else { continue };
            let key = (time.0.div_euclid(resolution), row.extent);
            let bin = bins.entry(key).or_insert_with(|| BinRow {
                extent: row.extent.map(id),
                rows: 0,
                min: time,
                max: time,
            });
            bin.rows += 1;
            bin.min = bin.min.min(time);
            bin.max = bin.max.max(time);
        }
        PlanAnswer::Bins(bins.into_values().collect())
    }

    pub(super) fn answer(&mut self, question: &PlanQuestion) -> PlanAnswer {
        self.questions += 1;
        if self.merges > 0 && self.questions.is_multiple_of(self.merges) {
            self.merge();
        }
        match question {
            PlanQuestion::Bounds => PlanAnswer::Bounds(self.bounds()),
            PlanQuestion::Bins { range, resolution } => {
                assert!(*resolution >= 1, "bins have a width");
                let tick = matches!(range, TimeRange { from: Some(from), to: Some(to) } if to.0 - from.0 < 2);
                let refuses = self.refuses > 0
                    && self.questions <= 100
                    && self.questions.is_multiple_of(self.refuses);
                if !tick && refuses {
                    return match self.questions % 2 {
                        0 => PlanAnswer::TooMany,
                        _ => PlanAnswer::TimedOut,
                    };
                }
                self.bins(*range, *resolution)
            }
            PlanQuestion::Extents { extents } => {
                assert!((1..=1_000).contains(&extents.len()), "a list of some ids");
                let rows = |extent| {
                    self.rows
                        .iter()
                        .filter(|row| row.extent == Some(extent))
                        .count() as u64
                };
                let found = self
                    .extents
                    .iter()
                    .enumerate()
                    .filter(|(extent, _)| rows(*extent) > 0 && extents.contains(&id(*extent)));
                PlanAnswer::Extents(
                    found
                        .map(|(extent, info)| ExtentInfo {
                            extent: id(extent),
                            max_created_on: info.created,
                            rows: rows(extent),
                            bytes: rows(extent) * info.row_bytes,
                        })
                        .collect(),
                )
            }
            PlanQuestion::ByExtent { instants } => {
                let slice = Slice {
                    instants: *instants,
                    extents: None,
                    part: None,
                };
                let mut counts: BTreeMap<Option<usize>, u64> = BTreeMap::new();
                for row in self.in_slice(&slice) {
                    *counts.entry(row.extent).or_default() += 1;
                }
                let named = counts
                    .into_iter()
                    .map(|(extent, rows)| (extent.map(id), rows));
                PlanAnswer::ByExtent(named.collect())
            }
            PlanQuestion::Parts { slice, parts } => {
                assert!(parts.is_power_of_two() && (2..=32).contains(parts), "parts");
                let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
                for row in self.in_slice(slice) {
                    *counts.entry(row.hash & (parts - 1)).or_default() += 1;
                }
                PlanAnswer::Parts(counts.into_iter().collect())
            }
        }
    }

    /// Answers a round to its end.
    pub(super) fn run(&mut self, round: &mut PlanRound) -> PlanProgress {
        let begun = self.questions;
        loop {
            match round.step() {
                PlanStep::Done(progress) => return progress,
                PlanStep::Ask(question) => {
                    assert!(self.questions - begun < 2_000, "a round ends: {question:?}");
                    let answer = self.answer(&question);
                    round.answer(answer).expect("a consistent answer");
                }
            }
        }
    }

    /// Plans all of a cursor, checking each round as it ends.
    pub(super) fn plan(
        &mut self,
        mut cursor: PlanCursor,
        retention: Option<Ticks>,
        limits: &Limits,
        mut after_round: impl FnMut(&Self, &[Block], &PlanProgress),
    ) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        for _ in 0..1_000 {
            if cursor.is_done() {
                return blocks;
            }
            let first = BlockNumber(u32::try_from(blocks.len()).expect("few blocks"));
            let mut round = PlanRound::new(&cursor, first, retention, limits, NOW);
            let progress = self.run(&mut round);
            assert_ne!(cursor, progress.cursor, "a round moves the cursor");
            blocks.extend(progress.blocks.iter().cloned());
            after_round(self, &blocks, &progress);
            cursor = progress.cursor;
        }
        panic!("planning does not end");
    }
}
