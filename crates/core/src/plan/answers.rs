//! What an answer means to a round.

use std::collections::BTreeSet;

use super::atoms::{Atom, Share, atoms};
use super::group::Counted;
use super::round::PlanRound;
use super::slices;
use super::walk::{Question, Segment};
use super::{BinRow, Bounds, ExtentInfo, PlanAnswer, PlanError, PlanQuestion};
use crate::vocabulary::{ExtentId, TimeRange};

/// How often a round begins again because extents were merged away while it asked.
const STALE: u32 = 3;

/// Questions that may fail one after another: more than it takes to halve the time axis down
/// to one tick, from both of its open ends.
const REFUSED: u32 = 130;

impl PlanRound {
    /// Takes the answer to the question asked last.
    ///
    /// # Errors
    /// When nothing was asked, when the answer belongs to another question or contradicts it,
    /// and when a question fails that cannot be made smaller. The question stays open.
    pub fn answer(&mut self, answer: PlanAnswer) -> Result<(), PlanError> {
        let question = self.waiting.clone().ok_or(PlanError::NothingAsked)?;
        let failed = matches!(answer, PlanAnswer::TooMany | PlanAnswer::TimedOut);
        match (&question, answer) {
            (PlanQuestion::Bounds, PlanAnswer::Bounds(bounds)) => self.take_bounds(bounds)?,
            (PlanQuestion::Bounds, PlanAnswer::TimedOut | PlanAnswer::TooMany) => {
                self.cursor.slice_ticks = Some(slices::FIRST_WIDTH);
            }
            (PlanQuestion::Bins { range, .. }, PlanAnswer::Bins(rows)) => {
                self.take_bins(*range, rows)?;
            }
            (PlanQuestion::Bins { range, resolution }, PlanAnswer::TooMany) => {
                self.halve(*range, *resolution, "too many results")?;
                if *resolution != slices::ONE_BIN {
                    self.cursor.resolution = Some(*resolution);
                }
            }
            (PlanQuestion::Bins { range, resolution }, PlanAnswer::TimedOut) => {
                self.halve(*range, *resolution, "a time-out")?;
            }
            (PlanQuestion::Extents { extents }, PlanAnswer::Extents(infos)) => {
                self.take_extents(extents, infos)?;
            }
            (PlanQuestion::ByExtent { .. }, PlanAnswer::ByExtent(rows)) => self.take_listing(rows),
            (PlanQuestion::Parts { .. }, PlanAnswer::Parts(parts)) => self.take_parts(parts)?,
            (question, answer) if failed => {
                return Err(PlanError::TooDense {
                    question: question.name(),
                    answer: answer.name(),
                });
            }
            (question, answer) => {
                return Err(PlanError::Mismatch {
                    question: question.name(),
                    answer: answer.name(),
                });
            }
        }
        self.refused = if failed { self.refused + 1 } else { 0 };
        self.was_refused |= failed;
        self.waiting = None;
        Ok(())
    }

    fn take_bins(&mut self, range: TimeRange, rows: Vec<BinRow>) -> Result<(), PlanError> {
        let found = atoms(range, rows)?;
        let Some(walk) = &mut self.walk else {
            return Err(PlanError::NothingAsked);
        };
        if walk.first_advances() {
            let rows: u64 = found.iter().map(Atom::rows).sum();
            self.seen_rows = self.seen_rows.saturating_add(rows);
        }
        walk.answered(found.into_iter().map(Segment::Atom).collect());
        Ok(())
    }

    fn take_bounds(&mut self, bounds: Bounds) -> Result<(), PlanError> {
        let ordered = match (bounds.min, bounds.max) {
            (Some(min), Some(max)) => min <= max,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !ordered {
            return Err(PlanError::Contradiction {
                question: "bounds",
                what: "the oldest and the newest time do not fit",
            });
        }
        self.cursor.bounds = Some(bounds);
        Ok(())
    }

    fn halve(
        &mut self,
        range: TimeRange,
        resolution: i64,
        answer: &'static str,
    ) -> Result<(), PlanError> {
        let now = self.output.now();
        let halves = slices::halves(range, &self.cursor, now).filter(|_| self.refused < REFUSED);
        let (Some((older, newer)), Some(walk)) = (halves, &mut self.walk) else {
            return Err(PlanError::TooDense {
                question: "bins",
                answer,
            });
        };
        let advances = walk.first_advances();
        let half = |range| {
            Segment::Ask(Question {
                range,
                resolution,
                advances,
            })
        };
        walk.answered(vec![half(older), half(newer)]);
        if advances {
            let width = slices::width(range, &self.cursor, now);
            self.cursor.slice_ticks = Some((width / 2).max(1));
        }
        Ok(())
    }

    fn take_extents(
        &mut self,
        asked: &[ExtentId],
        infos: Vec<ExtentInfo>,
    ) -> Result<(), PlanError> {
        let ids: BTreeSet<_> = asked.iter().collect();
        if infos.iter().any(|info| !ids.contains(&info.extent)) {
            return Err(PlanError::Contradiction {
                question: "extents",
                what: "an extent was not asked for",
            });
        }
        self.catalog.learn(infos);
        let vanished = self.catalog.absent(asked);
        if vanished.is_empty() {
            return Ok(());
        }
        self.stale += 1;
        if self.stale > STALE {
            vanished
                .into_iter()
                .for_each(|extent| self.catalog.give_up(extent));
        } else {
            self.ask_again();
        }
        Ok(())
    }

    fn take_listing(&mut self, rows: Vec<(Option<ExtentId>, u64)>) {
        let Some(listing) = &mut self.listing else {
            return;
        };
        let newest = self.otherwise;
        let shares = rows.into_iter().filter(|(_, rows)| *rows > 0);
        listing.shares = Some(
            shares
                .map(|(extent, rows)| Share {
                    extent,
                    rows,
                    newest,
                })
                .collect(),
        );
    }

    fn take_parts(&mut self, parts: Vec<(u32, u64)>) -> Result<(), PlanError> {
        let Some(dividing) = &mut self.dividing else {
            return Err(PlanError::NothingAsked);
        };
        if dividing.division.count(parts)? == Counted::Vanished {
            self.stale += 1;
            if self.stale > STALE {
                self.catalog.stop_naming();
            }
            self.ask_again();
        }
        Ok(())
    }

    /// Extents were merged away: asks again from the last cut, with what is known of others.
    /// After too many times they are treated as rows whose extent cannot be named.
    fn ask_again(&mut self) {
        let dividing = self.dividing.take();
        match (&mut self.listing, dividing, &self.walk) {
            (Some(listing), _, _) => listing.shares = None,
            (None, Some(dividing), None) => self.list_again(dividing.division.instants()),
            (None, _, _) => self.walk = None,
        }
    }
}
