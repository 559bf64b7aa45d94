//! What a round knows of extents: creation times and sizes.

use std::collections::{BTreeMap, BTreeSet};

use super::ExtentInfo;
use super::atoms::Share;
use crate::vocabulary::{ExtentId, Ticks};

/// Ids in one question for extents.
const IDS: usize = 1_000;

/// A share with what its extent tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weighed {
    /// The extent, if a predicate can name it.
    pub(super) extent: Option<ExtentId>,
    /// How many rows.
    pub(super) rows: u64,
    /// Their part of the extent's original size.
    pub(super) bytes: u64,
    /// When the extent was created, by its newest rows.
    pub(super) created: Ticks,
}

/// The extents asked for so far in a round.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    /// `None`: it vanishes faster than it can be asked for, so it is treated as rows without
    /// a nameable extent.
    known: BTreeMap<ExtentId, Option<ExtentInfo>>,
    names_nothing: bool,
    rows: u64,
    bytes: u64,
}

impl Catalog {
    /// The extents of these shares that were never asked for, as many as one question holds.
    pub(super) fn unknown<'a>(&self, shares: impl Iterator<Item = &'a Share>) -> Vec<ExtentId> {
        let mut unknown = BTreeSet::new();
        for extent in shares.filter_map(|share| share.extent.as_ref()) {
            if unknown.len() == IDS {
                break;
            }
            if !self.known.contains_key(extent) {
                unknown.insert(extent.clone());
            }
        }
        unknown.into_iter().collect()
    }

    /// Takes in what the metadata say.
    pub(super) fn learn(&mut self, extents: Vec<ExtentInfo>) {
        for info in extents {
            self.rows = self.rows.saturating_add(info.rows);
            self.bytes = self.bytes.saturating_add(info.bytes);
            self.known.insert(info.extent.clone(), Some(info));
        }
    }

    /// Treats an extent as not nameable from now on.
    pub(super) fn give_up(&mut self, extent: ExtentId) {
        self.known.insert(extent, None);
    }

    /// Those of these extents that nothing is known of.
    pub(super) fn absent(&self, asked: &[ExtentId]) -> Vec<ExtentId> {
        let absent = |extent: &&ExtentId| !self.known.contains_key(*extent);
        asked.iter().filter(absent).cloned().collect()
    }

    /// Treats every extent as not nameable from now on.
    pub(super) fn stop_naming(&mut self) {
        self.names_nothing = true;
    }

    /// A share with its size and creation time: of its extent, or else the average row's size
    /// and its own newest time.
    pub(super) fn weigh(&self, share: &Share) -> Weighed {
        let info = share
            .extent
            .as_ref()
            .and_then(|extent| self.known.get(extent)?.as_ref());
        let (extent, created, rows, bytes) = match info {
            Some(info) => (
                share.extent.clone().filter(|_| !self.names_nothing),
                info.max_created_on,
                info.rows,
                info.bytes,
            ),
            None => (None, share.newest, self.rows, self.bytes),
        };
        Weighed {
            extent,
            rows: share.rows,
            bytes: proportion(bytes, share.rows, rows),
            created,
        }
    }
}

/// `whole * part / of`, rounded up; zero when nothing is known.
pub(super) fn proportion(whole: u64, part: u64, of: u64) -> u64 {
    if of == 0 {
        return 0;
    }
    let exact = (u128::from(whole) * u128::from(part)).div_ceil(u128::from(of));
    u64::try_from(exact).unwrap_or(u64::MAX)
}
