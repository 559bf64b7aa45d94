//! What each block and table waits for, in words for people.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::activity::{Activity, Phase};
use crate::block::{Block, BlockState, CountCheck};
use crate::vocabulary::Millis;

/// Why something does not go on at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Its schema is being read and its tables are being made.
    Preparation,
    /// Its rows are being planned.
    Plan,
    /// A free export slot.
    ExportSlot,
    /// An export that runs.
    Export,
    /// A count or check at the source.
    Check,
    /// A free ingestion slot, or the other members of its group.
    IngestSlot,
    /// An ingestion that runs.
    Ingestion,
    /// Its turn in the table's next move.
    MoveTurn,
    /// A move that runs.
    Move,
    /// What an abandoned attempt staged is being dropped.
    Cleaning,
    /// A refused start: not before a moment.
    Throttled,
    /// The window is being counted at the source.
    Reconciliation,
    /// The job to be resumed: a person paused it.
    Paused,
    /// Somebody has to look.
    Held,
}

impl Wait {
    /// Plain words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Preparation => "preparing tables",
            Self::Plan => "planning",
            Self::ExportSlot => "waiting for an export slot",
            Self::Export => "exporting",
            Self::Check => "checking at the source",
            Self::IngestSlot => "waiting for an ingestion slot",
            Self::Ingestion => "ingesting",
            Self::MoveTurn => "waiting for the table's move",
            Self::Move => "moving",
            Self::Cleaning => "cleaning up an attempt",
            Self::Throttled => "throttled",
            Self::Reconciliation => "counting at the source",
            Self::Paused => "paused by user",
            Self::Held => "held",
        }
    }

    /// Whether what waits would send something new, which a paused job does not.
    #[must_use]
    pub const fn needs_new_work(self) -> bool {
        match self {
            Self::Preparation
            | Self::Plan
            | Self::ExportSlot
            | Self::IngestSlot
            | Self::MoveTurn
            | Self::Throttled
            | Self::Reconciliation => true,
            Self::Export
            | Self::Check
            | Self::Ingestion
            | Self::Move
            | Self::Cleaning
            | Self::Paused
            | Self::Held => false,
        }
    }
}

/// What an activity waits for, gathered block by block: whoever counts needs not hold them all.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    found: BTreeMap<Wait, (usize, Millis)>,
    has_unfinished: bool,
}

impl Waits {
    /// Takes in a block of the activity that is not folded.
    pub fn add(&mut self, block: &Block, now: Millis) {
        self.has_unfinished |= !block.is_finished();
        if let Some(wait) = of_block(block, now) {
            self.count(wait, block.since);
        }
    }

    fn count(&mut self, wait: Wait, since: Millis) {
        let entry = self.found.entry(wait).or_insert((0, since));
        entry.0 += 1;
        entry.1 = entry.1.min(since);
    }

    /// What the activity with this head waits for and since when, once all its blocks were taken
    /// in: each reason with the number of blocks and the earliest moment. Empty when it is
    /// completed.
    #[must_use]
    pub fn of(mut self, head: &Activity) -> Vec<(Wait, usize, Millis)> {
        if head.held.is_some() {
            self.count(Wait::Held, head.since);
        }
        match head.phase {
            Phase::Starting { .. } => self.count(Wait::Preparation, head.since),
            Phase::Planning { .. } | Phase::Planned { .. } if !head.staging_is_ready() => {
                self.count(Wait::Preparation, head.since);
            }
            Phase::Planning { .. } => self.count(Wait::Plan, head.since),
            Phase::Planned { .. } if !self.has_unfinished => {
                self.count(Wait::Reconciliation, head.since);
            }
            // Nobody waits for their answers, but they may still write what has to be deleted.
            Phase::Completed { .. } if !head.ghosts.is_empty() => {
                self.count(Wait::Cleaning, head.since);
            }
            Phase::Planned { .. } | Phase::Completed { .. } => {}
        }
        self.found
            .into_iter()
            .map(|(wait, (blocks, since))| (wait, blocks, since))
            .collect()
    }
}

fn of_block(block: &Block, now: Millis) -> Option<Wait> {
    let throttled = |at: &Option<Millis>| at.is_some_and(|at| at > now);
    match &block.state {
        BlockState::Planned { not_before } if throttled(not_before) => Some(Wait::Throttled),
        BlockState::Planned { .. } => Some(Wait::ExportSlot),
        BlockState::Replanning => Some(Wait::Plan),
        BlockState::Exporting { .. } => Some(Wait::Export),
        BlockState::Exported {
            count: CountCheck::Differs,
            ..
        } => Some(Wait::Check),
        BlockState::Exported { not_before, .. } if throttled(not_before) => Some(Wait::Throttled),
        BlockState::Exported { .. } => Some(Wait::IngestSlot),
        BlockState::Ingesting { .. } => Some(Wait::Ingestion),
        BlockState::Ingested { .. } => Some(Wait::MoveTurn),
        BlockState::Moving { .. } => Some(Wait::Move),
        BlockState::Abandoning { .. } => Some(Wait::Cleaning),
        BlockState::Held { .. } => Some(Wait::Held),
        BlockState::Moved { .. } | BlockState::Expired => None,
    }
}
