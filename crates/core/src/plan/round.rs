//! One round of questions: which is next, and what an answer means.

use super::atoms::Share;
use super::catalog::Catalog;
use super::group::{Division, DivisionStep, Member, Sizes};
use super::output::Output;
use super::slices;
use super::walk::{Closed, Move, Question, Walk};
use super::{MissingRows, PlanCursor, PlanProgress, PlanQuestion, PlanStep};
use crate::block::Block;
use crate::limits::{Limits, PlanOrder};
use crate::vocabulary::{BlockNumber, Instants, Millis, Ticks, TimeRange};

/// What a round is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// The next blocks of a window; it may end early.
    Window,
    /// All rows of blocks that are replaced; it may not.
    Replan,
}

/// Rows listed by extent, without their times.
#[derive(Debug)]
pub(super) struct Listing {
    instants: Instants,
    pub(super) shares: Option<Vec<Share>>,
}

/// A division and what it leaves of the time axis.
#[derive(Debug)]
pub(super) struct Dividing {
    pub(super) division: Division,
    rest: Option<TimeRange>,
}

/// A round of questions that ends in one transaction. It lives in memory only: drop it and
/// begin another one whenever something goes wrong.
#[derive(Debug)]
pub struct PlanRound {
    task: Task,
    limits: Limits,
    /// Blocks that the round's transaction can take.
    room: usize,
    pub(super) cursor: PlanCursor,
    pub(super) catalog: Catalog,
    pub(super) output: Output,
    /// The creation time of listed rows whose extent has none to tell.
    pub(super) otherwise: Ticks,
    pub(super) walk: Option<Walk>,
    pub(super) listing: Option<Listing>,
    pub(super) dividing: Option<Dividing>,
    pub(super) waiting: Option<PlanQuestion>,
    finished: bool,
    pub(super) stale: u32,
    pub(super) refused: u32,
    pub(super) was_refused: bool,
    pub(super) seen_rows: u64,
}

impl PlanRound {
    /// A round over what a cursor leaves. Blocks are numbered from `first_number`; those created
    /// before `retention` are planned as expired.
    #[must_use]
    pub fn new(
        cursor: &PlanCursor,
        first_number: BlockNumber,
        retention: Option<Ticks>,
        limits: &Limits,
        now: Millis,
    ) -> Self {
        Self {
            task: Task::Window,
            limits: limits.clone(),
            room: limits.blocks_per_plan.max(1),
            cursor: cursor.clone(),
            catalog: Catalog::default(),
            output: Output::new(first_number, retention, now),
            otherwise: now.ticks(),
            walk: None,
            listing: None,
            dividing: None,
            waiting: None,
            finished: false,
            stale: 0,
            refused: 0,
            was_refused: false,
            seen_rows: 0,
        }
    }

    /// A round that replaces one block without a group by blocks of half its rows, or all
    /// members of one group by a new division of the same instants.
    ///
    /// Rows of a group's instants that were planned as expired beside the group are not counted
    /// again; a merge may have mixed them with younger rows, and then they are copied.
    #[must_use]
    pub fn replan(
        blocks: &[&Block],
        first_number: BlockNumber,
        retention: Option<Ticks>,
        limits: &Limits,
        now: Millis,
    ) -> Self {
        let cursor = PlanCursor {
            remaining: None,
            missing: MissingRows::Done,
            bounds: None,
            planned_rows: 0,
            slice_ticks: None,
            resolution: None,
            horizon: None,
        };
        let mut round = Self::new(&cursor, first_number, retention, limits, now);
        round.task = Task::Replan;
        // The replaced blocks are deleted in the same transaction.
        round.room = round.room.saturating_sub(blocks.len()).max(1);
        let Some(first) = blocks.first() else {
            round.finished = true;
            return round;
        };
        let rows: u64 = blocks.iter().map(|block| block.planned_rows).sum();
        let created = blocks.iter().map(|block| block.creation_time).max();
        round.otherwise = created.unwrap_or(round.otherwise);
        let whole = first.slice.extents.is_none() && first.slice.part.is_none();
        if whole {
            round.limits.block_rows = (rows / 2).clamp(1, limits.block_rows.max(1));
        }
        match first.slice.instants {
            Instants::Range(range) if whole => round.cursor.remaining = Some(range),
            instants @ (Instants::Range(_) | Instants::Missing) => {
                if !whole {
                    round.output.expect(rows);
                }
                round.list_again(instants);
            }
        }
        round
    }

    /// What to do next: the same question until it is answered.
    pub fn step(&mut self) -> PlanStep {
        if self.waiting.is_none() {
            self.waiting = self.advance();
        }
        match &self.waiting {
            Some(question) => PlanStep::Ask(question.clone()),
            None => PlanStep::Done(PlanProgress {
                blocks: self.output.blocks.clone(),
                cursor: self.cursor.clone(),
                expired_rows: self.output.expired_rows,
            }),
        }
    }

    /// Goes on without the source until a question is needed; `None` at the end.
    fn advance(&mut self) -> Option<PlanQuestion> {
        while !self.finished {
            let question = if self.dividing.is_some() {
                self.divide()
            } else if self.listing.is_some() {
                self.list()
            } else if self.walk.is_some() {
                self.walk()
            } else {
                self.begin()
            };
            if question.is_some() {
                return question;
            }
        }
        None
    }

    fn begin(&mut self) -> Option<PlanQuestion> {
        let window = self.task == Task::Window;
        let missing_is_next = self.cursor.missing == MissingRows::NotAsked
            && (self.limits.plan_order == PlanOrder::OldestFirst
                || self.cursor.remaining.is_none());
        if window && !self.output.blocks.is_empty() {
            self.finish();
        } else if missing_is_next {
            self.list_again(Instants::Missing);
        } else if let Some(remaining) = self.cursor.remaining {
            let known = self.cursor.bounds;
            if window && known.is_none() && self.cursor.slice_ticks.is_none() {
                return Some(PlanQuestion::Bounds);
            }
            if known.is_some_and(|bounds| bounds.rows == 0) {
                self.cursor.remaining = None;
            } else {
                self.walk = Some(Walk::new(remaining, self.limits.plan_order));
            }
        } else {
            self.finish();
        }
        None
    }

    fn walk(&mut self) -> Option<PlanQuestion> {
        let planned = self.output.blocks.len();
        if self.task == Task::Window && planned >= self.room {
            self.finish();
            return None;
        }
        let squash = self.task == Task::Replan && planned + 1 >= self.room;
        let may_stop = self.task == Task::Window && planned > 0;
        let sizes = self.sizes();
        let walk = self.walk.as_mut()?;
        match walk.next(&self.catalog, &sizes, &self.limits, squash) {
            // Questions for more of the axis wait until these blocks are stored.
            Move::Slice(_) | Move::Ask(Question { advances: true, .. }) if may_stop => {
                self.finish()
            }
            Move::Slice(unasked) => self.open_slice(unasked),
            Move::Ask(Question {
                range, resolution, ..
            }) => {
                return Some(PlanQuestion::Bins { range, resolution });
            }
            Move::Know(extents) => return Some(PlanQuestion::Extents { extents }),
            Move::Close(closed) => self.close(closed, &sizes, squash),
            Move::End => {
                self.cursor.remaining = None;
                self.walk = None;
            }
        }
        None
    }

    fn open_slice(&mut self, unasked: TimeRange) {
        let (slice, resolution) = match self.task {
            // Its rows are near a block's: the extents alone, and their exact bounds, first.
            Task::Replan => (unasked, slices::ONE_BIN),
            Task::Window => {
                // The last slice closed no block.
                if self.walk.as_ref().is_some_and(Walk::has_asked) {
                    let width = self.cursor.slice_ticks;
                    self.cursor.slice_ticks = width.map(|ticks| ticks.saturating_mul(2));
                }
                let now = self.output.now();
                slices::next_slice(unasked, &mut self.cursor, &self.limits, now)
            }
        };
        if let Some(walk) = &mut self.walk {
            walk.open_slice(slice, resolution);
        }
    }

    pub(super) fn list_again(&mut self, instants: Instants) {
        self.listing = Some(Listing {
            instants,
            shares: None,
        });
    }

    fn close(&mut self, closed: Closed, sizes: &Sizes, squash: bool) {
        let Closed { range, rest, run } = closed;
        let instants = Instants::Range(range);
        let Some(created) = run.created() else {
            self.cursor.remaining = rest;
            return;
        };
        if squash || !run.needs_division(sizes) {
            let (rows, bytes) = (run.rows, run.bytes);
            let member = Member {
                extents: None,
                part: None,
                rows,
                bytes,
                created,
            };
            self.commit(instants, vec![member], rest);
            return;
        }
        let expires = |created| self.output.expires(created);
        let division = Division::new(instants, run.into_shares(), *sizes, expires);
        self.dividing = Some(Dividing { division, rest });
    }

    fn divide(&mut self) -> Option<PlanQuestion> {
        let dividing = self.dividing.as_ref()?;
        let planned = self.output.blocks.len();
        if self.task == Task::Window
            && planned > 0
            && planned + dividing.division.most() > self.room
        {
            // A group is never split over rounds: the next round begins with it.
            self.finish();
            return None;
        }
        match dividing.division.next() {
            DivisionStep::Ask(question) => Some(question),
            DivisionStep::Members(members) => {
                let dividing = self.dividing.take()?;
                self.commit(dividing.division.instants(), members, dividing.rest);
                None
            }
        }
    }

    fn commit(&mut self, instants: Instants, members: Vec<Member>, rest: Option<TimeRange>) {
        let rows: u64 = members.iter().map(|member| member.rows).sum();
        self.output.push(instants, members);
        match (self.task, instants) {
            (Task::Window, Instants::Missing) => self.cursor.missing = MissingRows::Done,
            (Task::Window | Task::Replan, Instants::Range(_)) => {
                self.cursor.planned_rows += rows;
                self.cursor.remaining = rest;
            }
            (Task::Replan, Instants::Missing) => {}
        }
    }

    fn list(&mut self) -> Option<PlanQuestion> {
        let listing = self.listing.as_ref()?;
        let instants = listing.instants;
        let Some(shares) = &listing.shares else {
            return Some(PlanQuestion::ByExtent { instants });
        };
        let extents = self.catalog.unknown(shares.iter());
        if !extents.is_empty() {
            return Some(PlanQuestion::Extents { extents });
        }
        let weighed: Vec<_> = shares
            .iter()
            .map(|share| self.catalog.weigh(share))
            .collect();
        self.listing = None;
        let expires = |created| self.output.expires(created);
        let division = Division::new(instants, weighed, self.sizes(), expires);
        self.dividing = Some(Dividing {
            division,
            rest: None,
        });
        None
    }

    fn sizes(&self) -> Sizes {
        let room = match self.task {
            Task::Window => self.room,
            // What follows the group needs a place too.
            Task::Replan => self.room.saturating_sub(self.output.blocks.len() + 1),
        };
        Sizes {
            rows: self.limits.block_rows.max(1),
            bytes: self.limits.block_bytes.max(1),
            extents: self.limits.extents_per_slice.max(1),
            members: self.limits.group_members.min(room).max(1),
        }
    }

    /// Ends the round at the last cut and sets the width of the next one's first slice.
    fn finish(&mut self) {
        self.finished = true;
        let planned = self.output.blocks.len();
        let (Task::Window, Some(_), Some(ticks)) = (self.task, &self.walk, self.cursor.slice_ticks)
        else {
            return;
        };
        let roomy = planned.saturating_mul(2) <= self.room
            && self.seen_rows.saturating_mul(2) <= self.limits.slice_rows;
        let full = planned >= self.room || self.dividing.is_some();
        if full {
            let (Some(first), Some(last)) = (self.output.blocks.first(), self.output.blocks.last())
            else {
                return;
            };
            if let (Instants::Range(a), Instants::Range(b)) =
                (first.slice.instants, last.slice.instants)
            {
                let used = match self.limits.plan_order {
                    PlanOrder::OldestFirst => TimeRange {
                        from: a.from,
                        to: b.to,
                    },
                    PlanOrder::NewestFirst => TimeRange {
                        from: b.from,
                        to: a.to,
                    },
                };
                let used = slices::width(used, &self.cursor, self.output.now());
                self.cursor.slice_ticks = Some(used.min(ticks));
            }
        } else if roomy && !self.was_refused {
            self.cursor.slice_ticks = Some(ticks.saturating_mul(2));
        }
    }
}
