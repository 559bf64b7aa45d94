//! Single tables by hand: what each kind of question is for.

use super::model::{Extent, NOW, Row, Table, id};
use super::tests::{BASE, check_ranges, check_rows};
use super::{PlanAnswer, PlanCursor, PlanError, PlanQuestion, PlanRound, PlanStep};
use crate::block::{Block, BlockState};
use crate::limits::Limits;
use crate::vocabulary::{BlockNumber, ContentPart, Slice, TICKS_PER_DAY, Ticks, TimeRange};

fn at(ticks: i64, extent: usize, hash: u32) -> Row {
    Row {
        time: Some(Ticks(BASE + ticks)),
        extent: Some(extent),
        hash,
    }
}

fn days(days: &[i64]) -> Vec<Extent> {
    days.iter()
        .map(|day| Extent {
            created: Ticks(BASE + day * TICKS_PER_DAY),
            row_bytes: 10,
        })
        .collect()
}

fn plan_delta(table: &mut Table, limits: &Limits) -> Vec<Block> {
    let bounds = table.bounds();
    table.plan(PlanCursor::delta(Some(bounds)), None, limits, |_, _, _| {})
}

#[test]
fn a_small_window_costs_two_questions_and_an_empty_one_none() {
    let rows = (0..50)
        .map(|n| at(n * 1_000_000, (n % 2) as usize, 0))
        .collect();
    let mut table = Table {
        rows,
        extents: days(&[0, 0]),
        ..Table::default()
    };
    let blocks = plan_delta(&mut table, &Limits::default());
    assert_eq!((blocks.len(), table.questions), (1, 2));
    assert_eq!(blocks[0].slice, Slice::range(TimeRange::ALL));
    assert_eq!(blocks[0].planned_bytes, 500);

    let mut empty = Table::default();
    assert!(plan_delta(&mut empty, &Limits::default()).is_empty());
    assert_eq!(empty.questions, 0);
}

#[test]
fn a_dense_instant_becomes_a_group_by_extents_and_content() {
    let mut rows: Vec<Row> = (0..20).map(|n| at(5, 0, n)).collect();
    rows.extend((0..6).map(|n| at(5, 1, n)));
    rows.extend((0..3).map(|n| at(5, 2, n)));
    let mut table = Table {
        rows,
        extents: days(&[0, 0, 0]),
        ..Table::default()
    };
    let limits = Limits {
        block_rows: 10,
        ..Limits::default()
    };
    let blocks = plan_delta(&mut table, &limits);
    let parts: Vec<_> = blocks.iter().filter_map(|block| block.slice.part).collect();
    assert_eq!(
        parts,
        [
            ContentPart { parts: 2, index: 0 },
            ContentPart { parts: 2, index: 1 }
        ]
    );
    let others: Vec<_> = blocks
        .iter()
        .filter(|block| block.slice.part.is_none())
        .collect();
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].slice.extents, Some(vec![id(1), id(2)]));
    assert!(
        blocks
            .iter()
            .all(|block| block.group.is_some_and(|group| group.members == 3))
    );
}

#[test]
fn the_streaming_buffer_is_divided_by_content_only() {
    let rows = (0..16)
        .map(|n| Row {
            time: Some(Ticks(BASE)),
            extent: None,
            hash: n,
        })
        .collect();
    let mut table = Table {
        rows,
        ..Table::default()
    };
    let blocks = plan_delta(
        &mut table,
        &Limits {
            block_rows: 4,
            ..Limits::default()
        },
    );
    assert_eq!(blocks.len(), 4);
    assert!(
        blocks
            .iter()
            .all(|block| block.slice.extents.is_none() && block.slice.part.is_some())
    );
    assert!(
        blocks
            .iter()
            .all(|block| block.creation_time == Ticks(BASE))
    );
}

#[test]
fn interleaved_creation_days_make_one_group_and_not_one_for_each_instant() {
    let rows = (0..100).map(|n| at(n / 2, (n % 2) as usize, 0)).collect();
    let mut table = Table {
        rows,
        extents: days(&[0, 3]),
        ..Table::default()
    };
    let blocks = plan_delta(
        &mut table,
        &Limits {
            block_rows: 90,
            ..Limits::default()
        },
    );
    assert_eq!(blocks.len(), 2);
    assert!(
        blocks
            .iter()
            .all(|block| block.group.is_some() && block.planned_rows == 50)
    );
}

#[test]
fn expired_extents_of_a_shared_time_stay_outside_the_group() {
    let rows = (0..30).map(|n| at(0, (n % 3) as usize, n)).collect();
    let table = Table {
        rows,
        extents: days(&[0, 5, 6]),
        ..Table::default()
    };
    let retention = Some(Ticks(BASE + TICKS_PER_DAY));
    let cursor = PlanCursor::delta(Some(table.bounds()));
    let blocks = table
        .clone()
        .plan(cursor, retention, &Limits::default(), |_, _, _| {});
    let expired: Vec<_> = blocks
        .iter()
        .map(|block| block.state == BlockState::Expired)
        .collect();
    assert_eq!(expired, [true, false, false]);
    assert_eq!(blocks[1].group, blocks[2].group);
    let members: Vec<&Block> = blocks[1..].iter().collect();
    let mut round = PlanRound::replan(&members, BlockNumber(9), retention, &Limits::default(), NOW);
    let again = table.clone().run(&mut round);
    assert_eq!(again.expired_rows, 0, "they are planned already");
    assert_eq!(
        again
            .blocks
            .iter()
            .map(|block| block.planned_rows)
            .sum::<u64>(),
        20
    );
    assert_eq!(again.blocks[0].number, BlockNumber(9));
}

#[test]
fn bounds_that_cannot_be_had_are_done_without() {
    let rows = (0..40).map(|n| at(n * TICKS_PER_DAY, 0, 0)).collect();
    let mut table = Table {
        rows,
        extents: days(&[0]),
        ..Table::default()
    };
    let limits = Limits {
        block_rows: 10,
        ..Limits::default()
    };
    let mut cursor = PlanCursor::delta(None);
    let mut blocks = Vec::new();
    while !cursor.is_done() {
        let first = BlockNumber(u32::try_from(blocks.len()).expect("few"));
        let mut round = PlanRound::new(&cursor, first, None, &limits, NOW);
        if round.step() == PlanStep::Ask(PlanQuestion::Bounds) {
            round.answer(PlanAnswer::TimedOut).expect("it goes on");
        }
        let progress = table.run(&mut round);
        blocks.extend(progress.blocks);
        cursor = progress.cursor;
    }
    check_ranges(&blocks, None);
    check_rows(&table, &blocks);
    assert_eq!(
        blocks.iter().map(|block| block.planned_rows).sum::<u64>(),
        40
    );
    assert!(table.questions < 60, "{} questions", table.questions);
}

#[test]
fn answers_that_do_not_fit_change_nothing() {
    let mut round = PlanRound::new(
        &PlanCursor::delta(None),
        BlockNumber(0),
        None,
        &Limits::default(),
        NOW,
    );
    assert_eq!(
        round.answer(PlanAnswer::TooMany),
        Err(PlanError::NothingAsked)
    );
    let first = round.step();
    let wrong = PlanError::Mismatch {
        question: "bounds",
        answer: "bins",
    };
    assert_eq!(round.answer(PlanAnswer::Bins(Vec::new())), Err(wrong));
    assert_eq!(round.step(), first);
}

#[test]
fn a_source_that_refuses_everything_is_given_up() {
    let table = Table {
        rows: vec![at(0, 0, 0), at(TICKS_PER_DAY, 0, 0)],
        extents: days(&[0]),
        ..Table::default()
    };
    let cursor = PlanCursor::delta(Some(table.bounds()));
    let mut round = PlanRound::new(&cursor, BlockNumber(0), None, &Limits::default(), NOW);
    let refused = (0..1_000).find_map(|_| {
        assert!(matches!(
            round.step(),
            PlanStep::Ask(PlanQuestion::Bins { .. })
        ));
        round.answer(PlanAnswer::TooMany).err()
    });
    assert!(matches!(
        refused,
        Some(PlanError::TooDense {
            question: "bins",
            ..
        })
    ));
}
