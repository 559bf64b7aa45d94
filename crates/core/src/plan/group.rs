//! A range that time cannot divide, divided by extents, and by content where one extent is too
//! large or rows have no extent that a predicate could name.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Weighed, proportion};
use super::{PlanError, PlanQuestion};
use crate::vocabulary::{ContentPart, ExtentId, Instants, Slice, Ticks};

/// Parts that one division by content makes at most: each part reads every column once.
const PARTS: u32 = 32;

/// How large members and groups may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Rows of a block.
    pub(super) rows: u64,
    /// Bytes of a block.
    pub(super) bytes: u64,
    /// Extents that one predicate names.
    pub(super) extents: usize,
    /// Members of a group.
    pub(super) members: usize,
}

impl Sizes {
    /// Whether so much fits one block.
    pub(super) const fn fit(&self, rows: u64, bytes: u64) -> bool {
        rows <= self.rows && bytes <= self.bytes
    }

    const fn grown(self, scale: u64) -> Self {
        Self {
            rows: self.rows.saturating_mul(scale),
            bytes: self.bytes.saturating_mul(scale),
            ..self
        }
    }

    /// The power of two of parts that brings so much below the size, as far as allowed.
    fn parts(&self, rows: u64, bytes: u64) -> u32 {
        let needed = rows
            .div_ceil(self.rows.max(1))
            .max(bytes.div_ceil(self.bytes.max(1)))
            .min(rows);
        let allowed = u32::try_from(self.members).unwrap_or(PARTS).clamp(1, PARTS);
        let needed = u32::try_from(needed).unwrap_or(PARTS).clamp(1, PARTS);
        let parts = needed.next_power_of_two();
        if parts <= allowed {
            parts
        } else {
            1 << allowed.ilog2()
        }
    }
}

/// A block to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) extents: Option<Vec<ExtentId>>,
    pub(super) part: Option<ContentPart>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) created: Ticks,
}

/// What a division needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DivisionStep {
    /// Rows by content.
    Ask(PlanQuestion),
    /// The members, none without rows.
    Members(Vec<Member>),
}

/// What came of a count by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// It was taken.
    Taken,
    /// The extent's rows are not those planned: it was merged, or lost rows, since.
    Vanished,
}

/// Shares that become one block.
#[derive(Debug, Clone)]
struct Bundle {
    /// `None`: everything, without naming extents.
    extents: Option<Vec<ExtentId>>,
    parts: u32,
    rows: u64,
    bytes: u64,
    created: Ticks,
}

impl Bundle {
    fn of(share: &Weighed, parts: u32) -> Self {
        Self {
            extents: Some(share.extent.iter().cloned().collect()),
            parts,
            rows: share.rows,
            bytes: share.bytes,
            created: share.created,
        }
    }

    fn add(&mut self, share: &Weighed) {
        if let Some(extents) = &mut self.extents {
            extents.extend(share.extent.iter().cloned());
        }
        self.rows = self.rows.saturating_add(share.rows);
        self.bytes = self.bytes.saturating_add(share.bytes);
        self.created = self.created.max(share.created);
    }

    fn takes(&self, share: &Weighed, sizes: &Sizes, mix_days: bool) -> bool {
        let fits = sizes.fit(
            self.rows.saturating_add(share.rows),
            self.bytes.saturating_add(share.bytes),
        );
        let named = self.extents.as_ref().map_or(0, Vec::len);
        let same_day = self.created.day() == share.created.day();
        self.parts == 1 && fits && named < sizes.extents && (mix_days || same_day)
    }

    fn slice(&self, instants: Instants) -> Slice {
        Slice {
            instants,
            extents: self.extents.clone(),
            part: None,
        }
    }
}

/// One range, or the rows without ingestion time, on its way to a group.
#[derive(Debug, Clone)]
pub(super) struct Division {
    instants: Instants,
    bundles: Vec<Bundle>,
    counted: BTreeMap<usize, Vec<(u32, u64)>>,
}

impl Division {
    /// A division of these shares; `expires` tells rows that will not be copied.
    pub(super) fn new(
        instants: Instants,
        shares: Vec<Weighed>,
        sizes: Sizes,
        expires: impl Fn(Ticks) -> bool,
    ) -> Self {
        Self {
            instants,
            bundles: bundles(shares, sizes, expires),
            counted: BTreeMap::new(),
        }
    }

    /// The rows' instants.
    pub(super) const fn instants(&self) -> Instants {
        self.instants
    }

    /// Blocks that it makes at most.
    pub(super) fn most(&self) -> usize {
        self.bundles
            .iter()
            .map(|bundle| bundle.parts as usize)
            .sum()
    }

    /// The next question, or the members.
    pub(super) fn next(&self) -> DivisionStep {
        let open = self
            .bundles
            .iter()
            .enumerate()
            .find(|(index, bundle)| bundle.parts > 1 && !self.counted.contains_key(index));
        match open {
            Some((_, bundle)) => DivisionStep::Ask(PlanQuestion::Parts {
                slice: bundle.slice(self.instants),
                parts: bundle.parts,
            }),
            None => DivisionStep::Members(self.members()),
        }
    }

    /// Takes the rows of the parts asked for last.
    ///
    /// # Errors
    /// When an index is not one of the parts, or comes twice.
    pub(super) fn count(&mut self, parts: Vec<(u32, u64)>) -> Result<Counted, PlanError> {
        let open = self
            .bundles
            .iter_mut()
            .enumerate()
            .find(|(index, bundle)| bundle.parts > 1 && !self.counted.contains_key(index));
        let Some((index, bundle)) = open else {
            return Err(PlanError::NothingAsked);
        };
        let distinct: BTreeSet<u32> = parts.iter().map(|(part, _)| *part).collect();
        if distinct.len() != parts.len() || distinct.iter().any(|part| *part >= bundle.parts) {
            return Err(PlanError::Contradiction {
                question: "rows by content",
                what: "a part comes twice or was not asked for",
            });
        }
        let rows: u64 = parts.iter().map(|(_, rows)| *rows).sum();
        if bundle.extents.is_some() && rows != bundle.rows {
            return Ok(Counted::Vanished);
        }
        if bundle.extents.is_none() {
            // No extent is named, so a merge changes nothing and the newest count is the truth.
            bundle.bytes = proportion(bundle.bytes, rows, bundle.rows);
            bundle.rows = rows;
        }
        self.counted.insert(index, parts);
        Ok(Counted::Taken)
    }

    fn members(&self) -> Vec<Member> {
        let mut members = Vec::new();
        for (index, bundle) in self.bundles.iter().enumerate() {
            let all = (None, bundle.rows);
            let mut parts: Vec<(Option<ContentPart>, u64)> = match self.counted.get(&index) {
                None => vec![all],
                Some(counted) => counted
                    .iter()
                    .filter(|(_, rows)| *rows > 0)
                    .map(|(part, rows)| {
                        let part = ContentPart {
                            parts: bundle.parts,
                            index: *part,
                        };
                        (Some(part), *rows)
                    })
                    .collect(),
            };
            if parts.len() == 1 {
                parts = vec![all];
            }
            members.extend(parts.into_iter().map(|(part, rows)| Member {
                extents: bundle.extents.clone(),
                part,
                rows,
                bytes: proportion(bundle.bytes, rows, bundle.rows),
                created: bundle.created,
            }));
        }
        if let [only] = members.as_mut_slice() {
            // All of the range's extents: the range itself says it, and outlives merges.
            only.extents = None;
        }
        members
    }
}

fn bundles(shares: Vec<Weighed>, sizes: Sizes, expires: impl Fn(Ticks) -> bool) -> Vec<Bundle> {
    let gone = shares.iter().all(|share| expires(share.created));
    let unnamed = shares.iter().any(|share| share.extent.is_none());
    if gone {
        return whole(&shares, |_, _| 1);
    }
    let by_content = |rows, bytes| sizes.parts(rows, bytes);
    if unnamed {
        return whole(&shares, by_content);
    }
    let (old, mut live): (Vec<_>, Vec<_>) = shares
        .iter()
        .cloned()
        .partition(|share| expires(share.created));
    let unlimited = sizes.grown(u64::MAX);
    let old = fill(&old, &unlimited, true);
    let Some(members) = sizes
        .members
        .checked_sub(old.len())
        .filter(|left| *left > 0)
    else {
        return whole(&shares, by_content);
    };
    live.sort_by(|a, b| (a.created, &a.extent).cmp(&(b.created, &b.extent)));
    match pack(&live, Sizes { members, ..sizes }) {
        Some(live) => old.into_iter().chain(live).collect(),
        None => whole(&shares, by_content),
    }
}

/// Everything in one bundle that names no extent.
fn whole(shares: &[Weighed], parts: impl Fn(u64, u64) -> u32) -> Vec<Bundle> {
    let Some((first, others)) = shares.split_first() else {
        return Vec::new();
    };
    let mut bundle = Bundle::of(first, 1);
    others.iter().for_each(|share| bundle.add(share));
    bundle.extents = None;
    bundle.parts = parts(bundle.rows, bundle.bytes);
    vec![bundle]
}

/// Bundles of whole days while the group has room for them; then larger ones; then bundles of
/// several days. `None` when even the extents' names are too many.
fn pack(live: &[Weighed], sizes: Sizes) -> Option<Vec<Bundle>> {
    let days: BTreeSet<i64> = live.iter().map(|share| share.created.day()).collect();
    let largest = u64::BITS - 1;
    for mix_days in [false, true] {
        if !mix_days && days.len() > sizes.members {
            continue;
        }
        for doubled in 0..=largest {
            let grown = sizes.grown(1 << doubled);
            let bundles = fill(live, &grown, mix_days);
            let members: usize = bundles.iter().map(|bundle| bundle.parts as usize).sum();
            if members <= sizes.members {
                return Some(bundles);
            }
            // Larger blocks change nothing once nothing is divided by its size.
            let (rows, bytes) = live.iter().fold((0u64, 0u64), |(rows, bytes), share| {
                (
                    rows.saturating_add(share.rows),
                    bytes.saturating_add(share.bytes),
                )
            });
            if grown.fit(rows, bytes) {
                break;
            }
        }
    }
    None
}

fn fill(shares: &[Weighed], sizes: &Sizes, mix_days: bool) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::new();
    for share in shares {
        let parts = if sizes.fit(share.rows, share.bytes) {
            1
        } else {
            sizes.parts(share.rows, share.bytes)
        };
        match bundles.last_mut() {
            Some(last) if parts == 1 && last.takes(share, sizes, mix_days) => last.add(share),
            _ => bundles.push(Bundle::of(share, parts)),
        }
    }
    bundles
}
