//! Decisions a second and memory with a million blocks tracked, ten thousand of them active.
//!
//! Finished blocks are folded into counters, so what a worker holds grows with active blocks:
//! a thousand tables of a thousand blocks each, 990 folded and ten exporting.

use std::collections::BTreeMap;
use std::time::Instant;

use kusto_copy_core::activity::{ActivityState, Counters, Encoding, Layout, Phase};
use kusto_copy_core::block::{Block, BlockState, Mode, Sending};
use kusto_copy_core::decide::{Context, FreeSlots, Observations, decide};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{
    BlockNumber, Cursor, Millis, OperationId, ScalarType, Slice, TableSchema, Ticks, TimeRange,
    Window,
};

const TABLES: u32 = 1_000;
const BLOCKS: u32 = 1_000;
const ACTIVE: u32 = 10;

/// Bytes of this process in memory, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1_024)
}

fn table(number: u32) -> ActivityState {
    let window = Window {
        after: None,
        up_to: Cursor("638000000000000001".to_owned()),
    };
    let schema = TableSchema::new((0..10).map(|column| (format!("c{column}"), ScalarType::Long)));
    let layout = Layout {
        schema,
        encoding: Encoding::Csv,
        retention: None,
    };
    let name = format!("Table{number}");
    let mut state = ActivityState::begin(
        "db",
        &name,
        "db",
        &name,
        1,
        window.clone(),
        None,
        1,
        Millis(0),
    );
    state.head.phase = Phase::Planned {
        window,
        layout,
        reconciled: None,
    };
    state.head.next_block = BlockNumber(BLOCKS);
    state.head.counters = Counters {
        blocks_planned: u64::from(BLOCKS),
        blocks_folded: u64::from(BLOCKS - ACTIVE),
        blocks_moved: u64::from(BLOCKS - ACTIVE),
        ..Counters::default()
    };
    state.blocks = (BLOCKS - ACTIVE..BLOCKS)
        .map(|block| (BlockNumber(block), active(number, block)))
        .collect();
    state
}

fn active(table: u32, number: u32) -> Block {
    let from = Ticks(i64::from(number) * 1_000);
    let slice = Slice::range(TimeRange {
        from: Some(from),
        to: Some(from.saturating_add(1_000)),
    });
    let mut block = Block::planned(
        BlockNumber(number),
        slice,
        16_000_000,
        1 << 30,
        from,
        Millis(0),
    );
    block.attempts = 1;
    let text = format!("{table:08x}-0000-4000-8000-{number:012x}");
    if let Ok(operation) = OperationId::parse(&text) {
        let sending = Sending::Running {
            operation,
            at: Millis(0),
        };
        block.state = BlockState::Exporting {
            attempt: 1,
            mode: Mode::Async,
            sending,
        };
    }
    block
}

/// Measures and prints.
pub(super) fn print() {
    let before = resident();
    let tables: BTreeMap<u32, ActivityState> =
        (0..TABLES).map(|number| (number, table(number))).collect();
    let after = resident();
    let (limits, observed) = (Limits::default(), Observations::default());
    let rounds = 200;
    let begun = Instant::now();
    let mut decided = 0_u64;
    for round in 0..rounds {
        for state in tables.values() {
            let context = Context {
                observed: &observed,
                check_values: false,
                tag_prefix: "kc-0badcafe-",
                epoch: 1,
                begin_work: true,
                keep_staging: true,
                active_blocks: (TABLES * ACTIVE) as usize,
                now: Millis(round),
                limits: &limits,
            };
            let mut slots = FreeSlots {
                exports: 0,
                ingestions: 0,
                queries: 0,
            };
            let decisions = decide(state, &context, &mut slots, &mut || 0);
            decided += 1 + decisions.actions.len() as u64;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let rates = (
        decided as f64 / seconds,
        (decided * u64::from(ACTIVE)) as f64 / seconds,
    );
    println!(
        "{} blocks tracked, {} active, in {TABLES} tables: {:.0} decisions of tables a second ({:.0} of blocks)",
        TABLES * BLOCKS,
        TABLES * ACTIVE,
        rates.0,
        rates.1
    );
    match (before, after) {
        (Some(before), Some(after)) => println!(
            "memory: {:.1} MiB resident, {:.1} MiB of it for the tracked blocks",
            after as f64 / 1_048_576.0,
            after.saturating_sub(before) as f64 / 1_048_576.0
        ),
        (Some(_) | None, _) => println!("memory: this system does not tell"),
    }
}
