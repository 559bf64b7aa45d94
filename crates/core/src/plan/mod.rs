//! A window divided into blocks, question by question.
//!
//! The window's rows are divided by ingestion time into consecutive half-open ranges that cover
//! everything; where one instant is too dense, or creation days must not mix, by extent; where
//! one extent is too large, by content. Nothing here asks anything: a [`PlanRound`] says what to
//! ask next, takes the answer, and ends in blocks and a [`PlanCursor`] for one transaction.
//!
//! | file | what it holds |
//! |---|---|
//! | `round` | one round: which question is next, when it ends |
//! | `answers` | what an answer means |
//! | `walk` | atoms joined to blocks in plan order |
//! | `slices` | how much of the time axis one question covers |
//! | `atoms` | rows that no cut in time can part |
//! | `group` | a range divided by extents or by content |
//! | `catalog` | creation times and sizes of extents |
//! | `output` | blocks as they are numbered |
//!
//! A round is pure and changes nothing at the source: it may be dropped at any moment and begun
//! again from the stored cursor. Two workers that plan the same cursor may cut differently; the
//! transaction that stores a round is conditional on the cursor, so that one of them wins.

mod answers;
mod atoms;
mod catalog;
mod group;
mod output;
mod round;
mod slices;
mod walk;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use round::PlanRound;

use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::vocabulary::{ExtentId, Instants, Slice, Ticks, TimeRange};

/// Rows and ingestion times of a window (E1, D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Rows with an ingestion time in the window.
    pub rows: u64,
    /// The oldest ingestion time; `None` without rows.
    pub min: Option<Ticks>,
    /// The newest ingestion time; `None` without rows.
    pub max: Option<Ticks>,
}

/// Whether rows without ingestion time are planned already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingRows {
    /// To be asked for: only a backfill has them.
    NotAsked,
    /// Planned, or none of this iteration's business.
    Done,
}

/// What of a window is not planned yet. Stored with the table's head; every stored block lies
/// outside `remaining`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCursor {
    /// The unplanned ingestion times; `None` when the time axis is done. Oldest first moves
    /// `from`, newest first moves `to`.
    pub remaining: Option<TimeRange>,
    /// Rows without ingestion time.
    pub missing: MissingRows,
    /// The window's rows and bounds, once known. They choose widths only: rows outside them
    /// would be planned all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// Rows with an ingestion time in planned blocks, expired ones included.
    pub planned_rows: u64,
    /// Ticks of the next slice; adapts to density and to refused questions. Set without
    /// `bounds` when the question for the bounds came to no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice_ticks: Option<i64>,
    /// Ticks of a bin at least, after a finer one gave too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<i64>,
    /// Ingestion times before this are left out by the user's wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Ticks>,
}

impl PlanCursor {
    /// The whole of a first iteration, or what is not older than the horizon. Rows without
    /// ingestion time are part of it either way.
    #[must_use]
    pub const fn backfill(horizon: Option<Ticks>) -> Self {
        Self {
            remaining: Some(TimeRange {
                from: horizon,
                to: None,
            }),
            missing: MissingRows::NotAsked,
            bounds: None,
            planned_rows: 0,
            slice_ticks: None,
            resolution: None,
            horizon,
        }
    }

    /// The whole of a later iteration, whose rows all have an ingestion time. Bounds that the
    /// proof of change told already are not asked again.
    #[must_use]
    pub const fn delta(bounds: Option<Bounds>) -> Self {
        Self {
            remaining: Some(TimeRange::ALL),
            missing: MissingRows::Done,
            bounds,
            planned_rows: 0,
            slice_ticks: None,
            resolution: None,
            horizon: None,
        }
    }

    /// Whether every row is planned.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.remaining.is_none() && self.missing == MissingRows::Done
    }
}

/// What a round does next.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanStep {
    /// Ask this at the source; the same until it is answered.
    Ask(PlanQuestion),
    /// Store this in one transaction.
    Done(PlanProgress),
}

/// A question to the source about the window being planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanQuestion {
    /// E1: rows and bounds of the window.
    Bounds,
    /// E2: rows by time bin and extent.
    Bins {
        /// The ingestion times.
        range: TimeRange,
        /// Ticks of a bin.
        resolution: i64,
    },
    /// E3: creation times and sizes; a thousand ids at most.
    Extents {
        /// The extents.
        extents: Vec<ExtentId>,
    },
    /// E4, E6: rows by extent.
    ByExtent {
        /// The ingestion times, or the rows without.
        instants: Instants,
    },
    /// E5: rows by content.
    Parts {
        /// The rows to divide.
        slice: Slice,
        /// Into how many parts, a power of two.
        parts: u32,
    },
}

impl PlanQuestion {
    /// The question's name in errors and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bounds => "bounds",
            Self::Bins { .. } => "bins",
            Self::Extents { .. } => "extents",
            Self::ByExtent { .. } => "rows by extent",
            Self::Parts { .. } => "rows by content",
        }
    }
}

/// Rows of one extent in one time bin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinRow {
    /// The extent; `None` for rows in the streaming buffer (the all-zero id).
    pub extent: Option<ExtentId>,
    /// How many rows.
    pub rows: u64,
    /// The oldest ingestion time among them.
    pub min: Ticks,
    /// The newest ingestion time among them.
    pub max: Ticks,
}

/// What the source's metadata say of an extent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtentInfo {
    /// The extent.
    pub extent: ExtentId,
    /// Its newest creation time, which retention goes by.
    pub max_created_on: Ticks,
    /// Its rows.
    pub rows: u64,
    /// Its original size in bytes.
    pub bytes: u64,
}

/// An answer to the question that a round asked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanAnswer {
    /// To `Bounds`.
    Bounds(Bounds),
    /// To `Bins`.
    Bins(Vec<BinRow>),
    /// The query failed by its result limit.
    TooMany,
    /// The query ran into its time limit.
    TimedOut,
    /// To `Extents`. Ids that were merged away meanwhile are absent.
    Extents(Vec<ExtentInfo>),
    /// To `ByExtent`; no extent means the streaming buffer.
    ByExtent(Vec<(Option<ExtentId>, u64)>),
    /// To `Parts`: index and rows; parts without rows may be absent.
    Parts(Vec<(u32, u64)>),
}

impl PlanAnswer {
    /// The answer's name in errors and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bounds(_) => "bounds",
            Self::Bins(_) => "bins",
            Self::TooMany => "too many results",
            Self::TimedOut => "a time-out",
            Self::Extents(_) => "extents",
            Self::ByExtent(_) => "rows by extent",
            Self::Parts(_) => "rows by content",
        }
    }
}

/// What a round ends in: stored in one transaction that is conditional on the old cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanProgress {
    /// The new blocks, numbered without a gap.
    pub blocks: Vec<Block>,
    /// What remains. Without meaning when blocks were planned anew.
    pub cursor: PlanCursor,
    /// Rows of those blocks that are left out as expired.
    pub expired_rows: u64,
}

/// An answer that a round cannot use. The round stays as it was; begin another one later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No question is open.
    #[error("nothing was asked")]
    NothingAsked,
    /// The answer belongs to another question.
    #[error("asked for {question}, answered with {answer}")]
    Mismatch {
        /// What was asked.
        question: &'static str,
        /// What came.
        answer: &'static str,
    },
    /// The answer contradicts the question, so nothing may rest on it.
    #[error("the source's answer contradicts the question for {question}: {what}")]
    Contradiction {
        /// What was asked.
        question: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// The question fails and cannot be made smaller.
    #[error(
        "the source cannot answer the question for {question} ({answer}), and it cannot be made smaller; raise the source's query limits"
    )]
    TooDense {
        /// What was asked.
        question: &'static str,
        /// How it failed.
        answer: &'static str,
    },
}
