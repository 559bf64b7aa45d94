//! Blocks are row predicates: which rows of a table a block, a plan or a recount is about.

use serde::{Deserialize, Serialize};

use super::{ExtentId, Ticks, Window};

/// Half-open ingestion times `[from, to)`; `None` is open. Consecutive ranges share their
/// bound, so together they leave no gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first ingestion time inside, or minus infinity.
    pub from: Option<Ticks>,
    /// The first ingestion time outside, or plus infinity.
    pub to: Option<Ticks>,
}

impl TimeRange {
    /// Every ingestion time.
    pub const ALL: Self = Self {
        from: None,
        to: None,
    };

    /// Whether an ingestion time lies inside.
    #[must_use]
    pub fn contains(&self, time: Ticks) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }

    /// Whether no ingestion time lies inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if from >= to)
    }
}

/// Which rows by their ingestion time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instants {
    /// Rows of the cursor window whose ingestion time lies in the range. A range that is open
    /// at both ends still leaves out rows without ingestion time.
    Range(TimeRange),
    /// Rows without ingestion time (the policy was off when they came). No cursor filter
    /// applies to them.
    Missing,
}

/// One part of a division by content hash: rows with `hash & (parts - 1) == index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentPart {
    /// How many parts: a power of two.
    pub parts: u32,
    /// Which of them, from 0.
    pub index: u32,
}

/// A slice of a table's window: instants, narrowed by extents and by content where one instant
/// is too dense or creation days must not mix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// Which ingestion times.
    pub instants: Instants,
    /// Only rows in these extents; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extents: Option<Vec<ExtentId>>,
    /// Only this part by content; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<ContentPart>,
}

impl Slice {
    /// All rows of the window in a range of ingestion times.
    #[must_use]
    pub const fn range(range: TimeRange) -> Self {
        Self {
            instants: Instants::Range(range),
            extents: None,
            part: None,
        }
    }

    /// All rows without ingestion time.
    #[must_use]
    pub const fn missing() -> Self {
        Self {
            instants: Instants::Missing,
            extents: None,
            part: None,
        }
    }
}

/// A slice together with its cursor window: the whole row predicate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Predicate {
    /// The iteration's window of cursor time.
    pub window: Window,
    /// The slice of it.
    pub slice: Slice,
}
