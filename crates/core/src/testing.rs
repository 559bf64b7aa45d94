//! What the tests of several modules begin with.

use crate::activity::{ActivityState, Encoding, Layout, Phase, Staging, StagingState};
use crate::block::{
    Block, BlockState, CountCheck, ExportedFile, Group, Manifest, ManifestFiles, Sending,
};
use crate::vocabulary::{
    AttemptTag, BlockNumber, Cursor, ExtentId, Millis, OperationId, Slice, TableSchema, Ticks,
    TimeRange, Window,
};

/// When everything happens.
pub(crate) const NOW: Millis = Millis(1_000_000);

pub(crate) fn operation() -> OperationId {
    OperationId::parse("00000000-0000-0000-0000-000000000001").expect("a guid")
}

pub(crate) fn extent(number: usize) -> ExtentId {
    ExtentId::parse(&format!("00000000-0000-0000-0000-{number:012x}")).expect("a guid")
}

pub(crate) fn tag() -> AttemptTag {
    AttemptTag::new("kc-1-2-", 7)
}

/// One file of ten rows.
pub(crate) fn file() -> ExportedFile {
    ExportedFile {
        path: "f".to_owned(),
        rows: 10,
        bytes: 5,
    }
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        files: ManifestFiles::Inline(vec![file()]),
        rows: 10,
        bytes: 5,
    }
}

pub(crate) fn intended() -> Sending {
    Sending::Intended { epoch: 1, at: NOW }
}

pub(crate) fn running() -> Sending {
    Sending::Running {
        operation: operation(),
        at: NOW,
    }
}

pub(crate) fn exported(count: CountCheck) -> BlockState {
    BlockState::Exported {
        attempt: 1,
        manifest: manifest(),
        count,
        not_before: None,
    }
}

/// Staged in so many extents.
pub(crate) fn ingested(extents: usize) -> BlockState {
    BlockState::Ingested {
        attempt: 1,
        manifest: manifest(),
        tag: tag(),
        extents: (0..extents).map(extent).collect(),
        not_before: None,
    }
}

pub(crate) fn moving(sending: Sending) -> BlockState {
    BlockState::Moving {
        attempt: 1,
        rows: 10,
        bytes: 5,
        tag: tag(),
        extents: vec![extent(0)],
        sending,
        sends: 1,
    }
}

/// A block without a group, in its first attempt.
pub(crate) fn block(number: u32, state: BlockState) -> Block {
    let slice = Slice::range(TimeRange::ALL);
    let planned = Block::planned(BlockNumber(number), slice, 10, 100, Ticks(1), NOW);
    Block {
        attempts: 1,
        state,
        ..planned
    }
}

/// The same as one of the two members of a group, 0 and 1.
pub(crate) fn member(number: u32, state: BlockState) -> Block {
    let group = Group {
        first: BlockNumber(0),
        members: 2,
    };
    Block {
        group: Some(group),
        ..block(number, state)
    }
}

pub(crate) fn layout() -> Layout {
    let columns = Vec::new();
    Layout {
        schema: TableSchema { columns },
        encoding: Encoding::Csv,
        retention: None,
    }
}

/// A table in its first iteration, with a ready staging table `s`, in this phase.
pub(crate) fn activity(phase: impl FnOnce(Window, Layout) -> Phase) -> ActivityState {
    let window = Window {
        after: None,
        up_to: Cursor("1".to_owned()),
    };
    let mut state = ActivityState::begin("a", "T", "b", "T", 1, window.clone(), None, 1, NOW);
    state.head.staging = Some(Staging {
        name: "s".to_owned(),
        schema: layout().schema.fingerprint(),
        state: StagingState::Ready,
        made: NOW,
    });
    state.head.phase = phase(window, layout());
    state
}

/// A table whose rows are all planned, in these blocks.
pub(crate) fn table(blocks: Vec<Block>) -> ActivityState {
    let mut state = activity(|window, layout| Phase::Planned {
        window,
        layout,
        reconciled: None,
    });
    for block in blocks {
        state.head.next_block = BlockNumber(block.number.0 + 1);
        state.head.counters.blocks_planned += 1;
        state.head.counters.rows_planned += block.planned_rows;
        state.blocks.insert(block.number, block);
    }
    state
}
