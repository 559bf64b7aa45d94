//! Atoms joined to blocks, in plan order.

use std::collections::{BTreeMap, VecDeque};

use super::atoms::{Atom, Share};
use super::catalog::{Catalog, Weighed};
use super::group::Sizes;
use super::slices;
use crate::limits::{Limits, PlanOrder};
use crate::vocabulary::{ExtentId, Ticks, TimeRange};

/// A piece of the time axis whose rows are known, or have to be asked for.
#[derive(Debug, Clone)]
pub(super) enum Segment {
    Atom(Atom),
    Ask(Question),
}

/// A question for bins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) range: TimeRange,
    pub(super) resolution: i64,
    /// Whether it opens a new stretch of the axis; otherwise it looks closer at an atom.
    pub(super) advances: bool,
}

/// What a walk needs or has found.
#[derive(Debug)]
pub(super) enum Move {
    /// A slice of this unasked rest.
    Slice(TimeRange),
    /// Bins.
    Ask(Question),
    /// Creation times.
    Know(Vec<ExtentId>),
    /// The rows of a block or of a group, and what remains beyond them.
    Close(Closed),
    /// Nothing is left.
    End,
}

/// The rows of one range, complete.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) range: TimeRange,
    pub(super) rest: Option<TimeRange>,
    pub(super) run: Run,
}

/// The part of a day in a run.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    rows: u64,
    bytes: u64,
    extents: usize,
}

/// Consecutive atoms that become one block, or one group.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    shares: BTreeMap<Option<ExtentId>, (Share, Weighed)>,
    days: BTreeMap<i64, Load>,
    lowest: Option<Ticks>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Run {
    fn of(atom: &Atom, catalog: &Catalog) -> Self {
        let mut run = Self::default();
        run.add(atom, catalog);
        run
    }

    fn add(&mut self, atom: &Atom, catalog: &Catalog) {
        self.lowest = Some(self.lowest.map_or(atom.min, |lowest| lowest.min(atom.min)));
        for share in &atom.shares {
            let weighed = catalog.weigh(share);
            let load = self.days.entry(weighed.created.day()).or_default();
            load.rows = load.rows.saturating_add(weighed.rows);
            load.bytes = load.bytes.saturating_add(weighed.bytes);
            self.rows = self.rows.saturating_add(weighed.rows);
            self.bytes = self.bytes.saturating_add(weighed.bytes);
            if let Some((kept, sum)) = self.shares.get_mut(&share.extent) {
                kept.rows = kept.rows.saturating_add(share.rows);
                kept.newest = kept.newest.max(share.newest);
                sum.rows = sum.rows.saturating_add(weighed.rows);
                sum.bytes = sum.bytes.saturating_add(weighed.bytes);
                sum.created = sum.created.max(weighed.created);
            } else {
                load.extents += 1;
                self.shares
                    .insert(share.extent.clone(), (share.clone(), weighed));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// Whether creation days mix.
    fn is_mixed(&self) -> bool {
        self.days.len() > 1
    }

    /// Whether some of its rows have no extent that a predicate can name.
    fn has_unnamed(&self) -> bool {
        self.shares
            .values()
            .any(|(_, weighed)| weighed.extent.is_none())
    }

    /// Whether one block cannot hold it.
    pub(super) fn needs_division(&self, sizes: &Sizes) -> bool {
        self.is_mixed() || !sizes.fit(self.rows, self.bytes)
    }

    /// The newest creation time.
    pub(super) fn created(&self) -> Option<Ticks> {
        self.shares
            .values()
            .map(|(_, weighed)| weighed.created)
            .max()
    }

    /// Its rows by extent.
    pub(super) fn into_shares(self) -> Vec<Weighed> {
        self.shares
            .into_values()
            .map(|(_, weighed)| weighed)
            .collect()
    }

    /// Whether another run may follow in the same block or group. Groups are joined so that
    /// interleaved days do not end in a group for each atom; and kept near the size of a block,
    /// since one merge spoils a whole group.
    fn takes(&self, next: &Self, sizes: &Sizes) -> bool {
        if self.is_empty() {
            return true;
        }
        let rows = self.rows.saturating_add(next.rows);
        let bytes = self.bytes.saturating_add(next.bytes);
        if !self.is_mixed() {
            return self.days.keys().eq(next.days.keys()) && sizes.fit(rows, bytes);
        }
        if self.has_unnamed() || next.has_unnamed() {
            return false;
        }
        let small = self.rows < sizes.rows / 2;
        let its_day = next.days.keys().all(|day| self.days.contains_key(day));
        let joins = next.is_mixed() || (small && its_day);
        if !joins {
            return false;
        }
        let days = next
            .days
            .keys()
            .filter(|day| !self.days.contains_key(*day))
            .count();
        if self.days.len() + days > sizes.members {
            let room = sizes.members.div_ceil(2);
            let many = u64::try_from(room).unwrap_or(u64::MAX);
            let names = self.shares.len() + next.shares.len();
            return rows <= sizes.rows.saturating_mul(many)
                && bytes <= sizes.bytes.saturating_mul(many)
                && names <= sizes.extents.saturating_mul(room);
        }
        next.days.iter().all(|(day, load)| {
            let have = self.days.get(day).copied().unwrap_or_default();
            let new = next.shares.values().filter(|(share, weighed)| {
                weighed.created.day() == *day && !self.shares.contains_key(&share.extent)
            });
            sizes.fit(
                have.rows.saturating_add(load.rows),
                have.bytes.saturating_add(load.bytes),
            ) && have.extents + new.count() <= sizes.extents
        })
    }
}

/// A walk along the time axis from where blocks end.
#[derive(Debug)]
pub(super) struct Walk {
    order: PlanOrder,
    queue: VecDeque<Segment>,
    unasked: Option<TimeRange>,
    /// Where the run in progress begins, up to the end of the axis.
    open: TimeRange,
    run: Run,
    asked: bool,
}

impl Walk {
    pub(super) fn new(remaining: TimeRange, order: PlanOrder) -> Self {
        Self {
            order,
            queue: VecDeque::new(),
            unasked: Some(remaining),
            open: remaining,
            run: Run::default(),
            asked: false,
        }
    }

    /// Whether a slice was asked for.
    pub(super) const fn has_asked(&self) -> bool {
        self.asked
    }

    /// Whether its first question opens a new stretch of the axis.
    pub(super) fn first_advances(&self) -> bool {
        matches!(self.queue.front(), Some(Segment::Ask(question)) if question.advances)
    }

    /// Takes a slice off the unasked rest, to be asked next.
    pub(super) fn open_slice(&mut self, slice: TimeRange, resolution: i64) {
        self.asked = true;
        self.unasked = self
            .unasked
            .and_then(|unasked| slices::beyond(unasked, slice, self.order));
        self.queue.push_back(Segment::Ask(Question {
            range: slice,
            resolution,
            advances: true,
        }));
    }

    /// Puts what is known of the first question in its place. `parts` are given oldest first.
    pub(super) fn answered(&mut self, parts: Vec<Segment>) {
        self.queue.pop_front();
        match self.order {
            PlanOrder::OldestFirst => parts
                .into_iter()
                .rev()
                .for_each(|part| self.queue.push_front(part)),
            PlanOrder::NewestFirst => parts
                .into_iter()
                .for_each(|part| self.queue.push_front(part)),
        }
    }

    /// The next move. With `squash` everything left becomes one block.
    pub(super) fn next(
        &mut self,
        catalog: &Catalog,
        sizes: &Sizes,
        limits: &Limits,
        squash: bool,
    ) -> Move {
        loop {
            let atom = match self.queue.front() {
                Some(Segment::Ask(question)) => return Move::Ask(*question),
                Some(Segment::Atom(atom)) => atom,
                None => return self.at_the_end(),
            };
            let divisible = atom.width() > 1 && !squash;
            if divisible && atom.rows() > sizes.rows {
                self.look_closer(limits);
                continue;
            }
            if !catalog.unknown(atom.shares.iter()).is_empty() {
                return Move::Know(catalog.unknown(self.shares()));
            }
            let next = Run::of(atom, catalog);
            let apart = next.bytes > sizes.bytes || (next.is_mixed() && next.has_unnamed());
            if divisible && apart {
                self.look_closer(limits);
            } else if squash || self.run.takes(&next, sizes) {
                self.run.add(atom, catalog);
                self.queue.pop_front();
            } else {
                let cut = match self.order {
                    PlanOrder::OldestFirst => atom.min,
                    PlanOrder::NewestFirst => self.run.lowest.unwrap_or(atom.min),
                };
                return Move::Close(self.close(Some(cut)));
            }
        }
    }

    fn shares(&self) -> impl Iterator<Item = &Share> {
        self.queue.iter().flat_map(|segment| match segment {
            Segment::Atom(atom) => atom.shares.as_slice(),
            Segment::Ask(_) => &[],
        })
    }

    /// Replaces the first atom by a question for finer bins of just it.
    fn look_closer(&mut self, limits: &Limits) {
        if let Some(Segment::Atom(atom)) = self.queue.pop_front() {
            self.queue.push_front(Segment::Ask(Question {
                range: atom.range(),
                resolution: slices::finer(atom.width(), limits),
                advances: false,
            }));
        }
    }

    fn at_the_end(&mut self) -> Move {
        match self.unasked {
            Some(unasked) => Move::Slice(unasked),
            None if self.run.is_empty() => Move::End,
            None => Move::Close(self.close(None)),
        }
    }

    fn close(&mut self, cut: Option<Ticks>) -> Closed {
        let run = std::mem::take(&mut self.run);
        let all = self.open;
        let (range, rest) = match (cut, self.order) {
            (None, _) => (all, None),
            (Some(_), PlanOrder::OldestFirst) => (
                TimeRange { to: cut, ..all },
                Some(TimeRange { from: cut, ..all }),
            ),
            (Some(_), PlanOrder::NewestFirst) => (
                TimeRange { from: cut, ..all },
                Some(TimeRange { to: cut, ..all }),
            ),
        };
        self.open = rest.unwrap_or(all);
        Closed { range, rest, run }
    }
}
