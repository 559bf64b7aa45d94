//! Random tables, planned and compared with the rows themselves.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::model::{Extent, NOW, Row, Table};
use super::{MissingRows, PlanCursor, PlanProgress, PlanRound};
use crate::block::{Block, BlockState};
use crate::limits::{Limits, PlanOrder};
use crate::vocabulary::{BlockNumber, Instants, Slice, TICKS_PER_DAY, Ticks};

pub(super) const BASE: i64 = 738_000 * TICKS_PER_DAY;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

prop_compose! {
    fn limits()(
        block_rows in 1u64..30,
        block_bytes in prop_oneof![1 => 1u64..2_000, 2 => Just(1u64 << 30)],
        blocks_per_plan in 1usize..14,
        group_members in 1usize..14,
        extents_per_slice in 1usize..5,
        bins in 1i64..20,
        slice_rows in 1u64..200,
        newest in any::<bool>(),
    ) -> Limits {
        let plan_order = if newest { PlanOrder::NewestFirst } else { PlanOrder::OldestFirst };
        Limits {
            block_rows, block_bytes, blocks_per_plan, group_members, extents_per_slice, bins,
            slice_rows, plan_order, ..Limits::default()
        }
    }
}

prop_compose! {
    /// Rows at up to 40 instants in up to seven extents; in the order of time, interleaved, or
    /// all at a few instants; some in the streaming buffer, some without ingestion time.
    fn tables(missing: bool)(
        scale in prop::sample::select(vec![1, 3, 1_000, TICKS_PER_DAY / 3]),
        instants in prop::sample::select(vec![1, 2, 5, 40]),
        ordered in any::<bool>(),
        buffer in prop::sample::select(vec![0u8, 0, 40]),
        extents in prop::collection::vec((0i64..4, 0i64..10, 0u64..60), 1..7),
        rows in prop::collection::vec((0i64..40, 0usize..7, 0u32..64, any::<u8>(), any::<u8>()), 0..120),
    ) -> Table {
        let count = extents.len();
        let extents = extents.into_iter().map(|(day, ticks, row_bytes)| Extent {
            created: Ticks(BASE + day * TICKS_PER_DAY + ticks),
            row_bytes,
        }).collect();
        let rows = rows.into_iter().map(|(time, extent, hash, dice, other)| {
            let extent = extent % count;
            let time = if ordered { extent as i64 * 6 + time % 7 } else { time } % instants;
            Row {
                time: (!missing || other > 30).then_some(Ticks(BASE + time * scale)),
                extent: (dice >= buffer).then_some(extent),
                hash,
            }
        }).collect();
        Table { rows, extents, ..Table::default() }
    }
}

fn created(table: &Table, row: &Row) -> Ticks {
    match (row.extent, row.time) {
        (Some(extent), _) => table.extents[extent].created,
        (None, Some(time)) => time,
        (None, None) => NOW.ticks(),
    }
}

fn owners(blocks: &[Block], row: &Row) -> usize {
    blocks
        .iter()
        .filter(|block| Table::selects(&block.slice, row))
        .count()
}

fn is_wanted(row: &Row, horizon: Option<Ticks>) -> bool {
    row.time
        .is_none_or(|time| horizon.is_none_or(|horizon| time >= horizon))
}

fn check_numbers(blocks: &[Block]) {
    for (index, block) in blocks.iter().enumerate() {
        assert_eq!(block.number.0 as usize, index, "numbers follow each other");
        if let Some(group) = block.group {
            let members = group.first.0..group.first.0 + group.members;
            assert!(
                members.contains(&block.number.0),
                "a member lies in its group"
            );
            for member in members {
                let member = &blocks[member as usize];
                assert_eq!(member.group, Some(group), "a group is complete");
                assert_eq!(member.slice.instants, block.slice.instants);
            }
        } else if block.state != BlockState::Expired {
            assert!(block.slice.extents.is_none() && block.slice.part.is_none());
        }
    }
}

/// Distinct ranges follow each other without a gap from the horizon to the open end.
pub(super) fn check_ranges(blocks: &[Block], horizon: Option<Ticks>) {
    let ranges = blocks
        .iter()
        .filter_map(|block| match block.slice.instants {
            Instants::Range(range) => Some((range.from.map_or(i64::MIN, |t| t.0), range.to)),
            Instants::Missing => None,
        });
    let mut sorted: Vec<_> = ranges.collect();
    sorted.sort_by_key(|(from, _)| *from);
    sorted.dedup();
    if let (Some((from, _)), Some((_, to))) = (sorted.first(), sorted.last()) {
        assert_eq!(
            *from,
            horizon.map_or(i64::MIN, |t| t.0),
            "the first range is open below"
        );
        assert_eq!(*to, None, "the last range is open above");
    }
    for pair in sorted.windows(2) {
        assert_eq!(
            pair[0].1,
            Some(Ticks(pair[1].0)),
            "ranges share their bounds"
        );
    }
}

pub(super) fn check_rows(table: &Table, blocks: &[Block]) {
    for block in blocks {
        let rows = table.in_slice(&block.slice);
        assert!(block.planned_rows > 0, "no block is empty");
        assert_eq!(rows.len() as u64, block.planned_rows, "{block:?}");
        let newest = rows
            .iter()
            .map(|row| created(table, row))
            .max()
            .expect("rows");
        if block.slice.part.is_some() {
            assert!(block.creation_time >= newest);
        } else {
            assert_eq!(block.creation_time, newest, "{block:?}");
        }
    }
}

/// What a group of these instants would need without growing any member; an upper bound.
fn needed_members(table: &Table, instants: Instants, limits: &Limits) -> u64 {
    let rows = table.in_slice(&Slice {
        instants,
        extents: None,
        part: None,
    });
    let bytes: u64 = rows
        .iter()
        .filter_map(|row| Some(table.extents[row.extent?].row_bytes + 1))
        .sum();
    let extents: BTreeSet<_> = rows.iter().filter_map(|row| row.extent).collect();
    let days: BTreeSet<_> = rows.iter().map(|row| created(table, row).day()).collect();
    let by_size = 2 * (rows.len() as u64 / limits.block_rows) + 2 * (bytes / limits.block_bytes);
    by_size + 2 * (extents.len() + days.len()) as u64 + 2
}

fn check_limits(table: &Table, blocks: &[Block], limits: &Limits) {
    for block in blocks
        .iter()
        .filter(|block| block.state != BlockState::Expired)
    {
        let instants = block.slice.instants;
        let everything = table.in_slice(&Slice {
            instants,
            extents: None,
            part: None,
        });
        let rows = table.in_slice(&block.slice);
        let unnamed = everything.iter().any(|row| row.extent.is_none());
        let members = limits.group_members.min(limits.blocks_per_plan) as u64;
        let grows = needed_members(table, instants, limits) > members;
        if let Some(group) = block.group {
            assert!(u64::from(group.members) <= members, "a group stays small");
        }
        // Content that no division parts: every row falls into the same half.
        let alike = rows.iter().all(|row| row.hash & 1 == rows[0].hash & 1);
        let soft = grows || block.slice.part.is_some() || alike;
        assert!(block.planned_rows <= limits.block_rows || soft, "{block:?}");
        assert!(
            block.planned_bytes <= limits.block_bytes || soft || unnamed,
            "{block:?}"
        );
        let named = block.slice.extents.as_ref().map_or(0, Vec::len);
        assert!(named <= limits.extents_per_slice, "{block:?}");
        let days: BTreeSet<_> = rows.iter().map(|row| created(table, row).day()).collect();
        assert!(days.len() == 1 || unnamed || grows, "{block:?}");
    }
}

fn check_round(
    table: &Table,
    blocks: &[Block],
    progress: &PlanProgress,
    horizon: Option<Ticks>,
    limits: &Limits,
) {
    assert!(
        progress.blocks.len() <= limits.blocks_per_plan,
        "one transaction takes them"
    );
    let expired = progress
        .blocks
        .iter()
        .filter(|block| block.state == BlockState::Expired);
    assert_eq!(
        progress.expired_rows,
        expired.map(|block| block.planned_rows).sum::<u64>()
    );
    for row in table.rows.iter().filter(|row| is_wanted(row, horizon)) {
        let unplanned = match row.time {
            Some(time) => progress
                .cursor
                .remaining
                .is_some_and(|range| range.contains(time)),
            None => progress.cursor.missing == MissingRows::NotAsked,
        };
        assert_eq!(owners(blocks, row) + usize::from(unplanned), 1, "{row:?}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_row_is_in_one_block_that_fits(
        mut table in tables(true),
        limits in limits(),
        refuses in prop::sample::select(vec![0usize, 0, 2, 3]),
        horizon in prop::option::of(0i64..20),
        oldest in prop::option::of(0i64..4),
    ) {
        table.refuses = refuses;
        let horizon = horizon.map(|ticks| Ticks(BASE + ticks));
        let retention = oldest.map(|day| Ticks(BASE + day * TICKS_PER_DAY));
        let mut rounds = 0;
        let blocks = table.clone().plan(PlanCursor::backfill(horizon), retention, &limits, |table, blocks, progress| {
            rounds += 1;
            check_round(table, blocks, progress, horizon, &limits);
        });
        for row in &table.rows {
            prop_assert_eq!(owners(&blocks, row), usize::from(is_wanted(row, horizon)));
        }
        for block in &blocks {
            let expired = retention.is_some_and(|oldest| block.creation_time < oldest);
            prop_assert_eq!(expired, block.state == BlockState::Expired);
        }
        prop_assert!(rounds <= blocks.len() + 2, "{} rounds for {} blocks", rounds, blocks.len());
        check_numbers(&blocks);
        check_ranges(&blocks, horizon);
        check_rows(&table, &blocks);
        if retention.is_none() {
            check_limits(&table, &blocks, &limits);
        }
    }

    #[test]
    fn questions_grow_with_blocks_and_not_with_the_span(table in tables(false), limits in limits()) {
        let mut asked = table.clone();
        let bounds = table.bounds();
        let mut rounds = 0;
        let blocks = asked.plan(PlanCursor::delta(Some(bounds)), None, &limits, |_, _, _| rounds += 1);
        if table.rows.is_empty() {
            prop_assert_eq!(asked.questions, 0);
        }
        let most = 3 + 8 * blocks.len() + 14 * rounds;
        prop_assert!(asked.questions <= most, "{} questions for {} blocks", asked.questions, blocks.len());
    }

    #[test]
    fn a_new_plan_covers_the_same_rows(
        table in tables(true),
        limits in limits(),
        pick in any::<prop::sample::Index>(),
    ) {
        let blocks = table.clone().plan(PlanCursor::backfill(None), None, &limits, |_, _, _| {});
        prop_assume!(!blocks.is_empty());
        let picked = &blocks[pick.index(blocks.len())];
        let replaced: Vec<&Block> = match picked.group {
            None => vec![picked],
            Some(_) => blocks.iter().filter(|block| block.group == picked.group).collect(),
        };
        let mut round = PlanRound::replan(&replaced, BlockNumber(0), None, &limits, NOW);
        let new = table.clone().run(&mut round).blocks;
        for row in &table.rows {
            let before = replaced.iter().filter(|block| Table::selects(&block.slice, row)).count();
            prop_assert_eq!(owners(&new, row), before);
        }
        prop_assert!(new.len() <= limits.blocks_per_plan.saturating_sub(replaced.len()).max(1));
        check_numbers(&new);
        check_rows(&table, &new);
    }

    #[test]
    fn merges_meanwhile_are_covered_or_noticed(
        mut table in tables(true),
        limits in limits(),
        merges in 1usize..6,
        oldest in prop::option::of(0i64..4),
    ) {
        table.merges = merges;
        let retention = oldest.map(|day| Ticks(BASE + day * TICKS_PER_DAY));
        let blocks = table.plan(PlanCursor::backfill(None), retention, &limits, |_, _, _| {});
        check_numbers(&blocks);
        check_ranges(&blocks, None);
        for row in &table.rows {
            let instants: Vec<_> = blocks.iter().filter(|block| {
                Table::selects(&Slice { extents: None, part: None, ..block.slice.clone() }, row)
            }).collect();
            prop_assert!(!instants.is_empty(), "its time is covered");
            let counted = |block: &&&Block| table.in_slice(&block.slice).len() as u64 == block.planned_rows;
            let live = instants.iter().filter(|block| block.state != BlockState::Expired);
            if live.clone().count() == instants.len() && instants.iter().all(|block| counted(&block)) {
                prop_assert_eq!(owners(&blocks, row), 1, "counts that agree mean each row once");
            }
        }
    }
}
