//! When an execution ends, and what is left to do then.

use kusto_copy_core::vocabulary::Millis;

use super::capacity::CAPACITY_WHILE_WAITING;
use super::{Engine, stuck};
use crate::clock::now;
use crate::job::Style;
use crate::progress;
use crate::report::JobState;
use crate::step::StepOutcome;

/// A step of [`Style::Throughput`] stays for what is due within so many milliseconds.
const STAY_FOR: u64 = 10_000;

/// How long an execution goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Until the job is complete, stuck or stopped: one long-lived process.
    Loop,
    /// Until nothing is due that is worth staying for.
    Step(Style),
}

/// What an execution has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// The job's state.
    pub(crate) state: JobState,
    /// What the execution did.
    pub(crate) outcome: StepOutcome,
    /// Whether another execution would find something to do at once.
    pub(crate) work_due: bool,
    /// When the next one finds something to do.
    pub(crate) next_due: Option<Millis>,
}

impl Engine {
    /// What the execution has come to, once nothing is in flight.
    pub(super) fn verdict(&self, ending: bool, acted: bool) -> Option<End> {
        if !self.tasks.is_empty() {
            return None;
        }
        if ending {
            return Some(self.cut());
        }
        if acted {
            return None;
        }
        match self.pace {
            Pace::Loop => self.end_of_loop(),
            Pace::Step(style) => self.end_of_step(style),
        }
    }

    /// The end of an execution that was stopped or used its budget, whatever is in flight.
    pub(crate) fn cut(&self) -> End {
        let due = self.next_moment();
        let paused = self.is_paused();
        let work_due =
            !paused && (self.is_at_work() || self.next_opening().is_some_and(|at| at <= now()));
        End {
            state: match self.pace {
                Pace::Loop => JobState::Stopped,
                Pace::Step(_) => self.state(),
            },
            outcome: if paused {
                StepOutcome::Paused
            } else {
                StepOutcome::Worked
            },
            work_due,
            next_due: if work_due { Some(now()) } else { due },
        }
    }

    /// Whether something is left to do. That commands without an answer have ended is learnt when
    /// somebody works again: their table keeps its marker until then.
    pub(super) fn is_at_work(&self) -> bool {
        let keep = self.options.continuous;
        let rests = |live: &super::Live| live.rests(keep);
        self.has_reachable()
            || !self.live.values().all(rests)
            || (0..self.sides.len()).any(|side| {
                self.sides[side].stored.record.open().is_some() && !self.is_refused(side)
            })
    }

    fn state(&self) -> JobState {
        if self.is_at_work() {
            JobState::Running
        } else {
            progress::state_at_rest(self.sides.iter().map(|side| &side.stored.record))
        }
    }

    pub(super) fn is_stuck(&self) -> bool {
        let states = || self.live.values().map(|live| &live.stored.state);
        let waits = self.watcher.is_watching() || self.wake_at.is_some();
        // A table that nobody looked at may go on, unless blocks that are held leave it no room.
        let others = self.has_reachable() && self.has_room_for_blocks();
        !waits && !others && stuck::all(states, self.options.limits.active_blocks)
    }

    fn end_of_loop(&self) -> Option<End> {
        let waits = self.watcher.is_watching() || self.wake_at.is_some();
        let all_refused = (0..self.sides.len()).all(|side| self.is_refused(side));
        let goes_on = self.options.continuous && !(all_refused && self.live.is_empty());
        if waits || goes_on {
            return None;
        }
        let end = |state, outcome| {
            Some(End {
                state,
                outcome,
                work_due: false,
                next_due: None,
            })
        };
        let opened = |side: usize| self.sides[side].opened || self.is_refused(side);
        if !self.is_at_work() && (0..self.sides.len()).all(opened) {
            return end(JobState::Complete, StepOutcome::Worked);
        }
        if self.is_stuck() {
            return end(JobState::Failed, StepOutcome::Held);
        }
        None
    }

    fn end_of_step(&self, style: Style) -> Option<End> {
        let moment = now();
        let due = self.next_moment();
        let end = |state, outcome| {
            Some(End {
                state,
                outcome,
                work_due: false,
                next_due: due,
            })
        };
        let stays = style == Style::Throughput;
        if self.is_paused() {
            let watches = self.watcher.is_watching();
            return if stays && watches {
                None
            } else {
                end(self.state(), StepOutcome::Paused)
            };
        }
        if due.is_some_and(|at| at <= moment) {
            return None;
        }
        if !self.is_at_work() {
            let soon = due.is_some_and(|at| at.since(moment) <= STAY_FOR);
            return if stays && soon {
                None
            } else {
                end(self.state(), self.outcome())
            };
        }
        if self.is_stuck() {
            return end(JobState::Failed, StepOutcome::Held);
        }
        let worth = self.watcher.is_watching() || due.is_none_or(|at| at.since(moment) <= STAY_FOR);
        if stays && worth {
            return None;
        }
        // With no moment foreseen, slots that others use are waited for.
        let next_due = due.or_else(|| Some(moment.plus(CAPACITY_WHILE_WAITING)));
        Some(End {
            state: JobState::Running,
            outcome: self.outcome(),
            work_due: false,
            next_due,
        })
    }

    fn outcome(&self) -> StepOutcome {
        if self.worked {
            StepOutcome::Worked
        } else {
            StepOutcome::Idle
        }
    }

    /// The next moment at which something is due by itself.
    pub(super) fn next_moment(&self) -> Option<Millis> {
        let opening = if self.is_paused() {
            None
        } else {
            self.next_opening()
        };
        let (looks, sweep) = (self.watcher.next_due(), self.next_sweep());
        [self.wake_at, looks, opening, sweep]
            .into_iter()
            .flatten()
            .min()
    }
}
