//! How events change an activity: the one place where a table's phases and counters move.

use std::collections::BTreeSet;

use super::ghosts::{Left, left_by, remove_ghosts};
use super::staging::retire_unless;
use super::trouble::over;
use super::{
    ActivityError, ActivityEvent, ActivityState, Changes, Counters, Layout, Phase, Reconciling,
};
use crate::block::{Block, BlockEvent, BlockState, Failure, transition};
use crate::limits::Limits;
use crate::plan::PlanProgress;
use crate::vocabulary::{BlockNumber, Millis};

/// Notes of an iteration at most: they rest in one entity.
const NOTES: usize = 40;

impl ActivityState {
    /// Applies an event; the state changes only when the event fits.
    ///
    /// # Errors
    /// When the event does not fit: a late answer, or a defect.
    pub fn apply(
        &mut self,
        event: ActivityEvent,
        now: Millis,
        limits: &Limits,
    ) -> Result<Changes, ActivityError> {
        let over = over(&event);
        let changes = self.changed_by(event, now, limits)?;
        self.forget_troubles(over);
        Ok(changes)
    }

    fn changed_by(
        &mut self,
        event: ActivityEvent,
        now: Millis,
        limits: &Limits,
    ) -> Result<Changes, ActivityError> {
        match event {
            ActivityEvent::Begun {
                iteration,
                window,
                bounds,
            } => {
                let starting = Phase::Starting {
                    window,
                    bounds,
                    layout: None,
                };
                self.begun(iteration, starting, now)
            }
            ActivityEvent::Claimed { epoch } => {
                if epoch < self.head.epoch {
                    return Err(self.unfit("a claim by an older worker"));
                }
                self.head.epoch = epoch;
                Ok(Changes::default())
            }
            ActivityEvent::LayoutRead { layout } => self.layout_read(layout),
            ActivityEvent::StagingIntended { name } => self.staging_intended(name, now),
            ActivityEvent::StagingReady { name, horizon } => {
                self.staging_ready(&name, horizon, limits.unit_blocks, now)
            }
            ActivityEvent::StagingLost { name } => self.staging_lost(&name),
            ActivityEvent::StagingRetired => self.staging_retired(),
            ActivityEvent::StagingDropped { name } => Ok(self.staging_dropped(name)),
            ActivityEvent::Planned { progress } => self.planned(progress, now),
            ActivityEvent::Replanned { removed, progress } => self.replanned(&removed, progress),
            ActivityEvent::Block { number, event } => self.block_event(number, event, now, limits),
            ActivityEvent::ReconciledInPart { so_far } => self.reconciled_in_part(so_far),
            ActivityEvent::Reconciled { source_rows } => self.reconciled(source_rows, now),
            ActivityEvent::Folded { blocks } => self.folded(blocks),
            ActivityEvent::GhostsGone { kind, up_to, still } => {
                remove_ghosts(&mut self.head.ghosts, kind, up_to, still);
                Ok(Changes::default())
            }
            ActivityEvent::Troubled {
                block,
                what,
                passes,
            } => {
                self.troubled(block, what, passes, now, limits);
                Ok(Changes::default())
            }
            ActivityEvent::Held { reason } => {
                self.head.held = Some(reason);
                Ok(Changes::default())
            }
            ActivityEvent::Released => self.released(now, limits),
        }
    }

    pub(super) fn unfit(&self, event: &'static str) -> ActivityError {
        ActivityError::Phase {
            phase: self.head.phase.name(),
            event,
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Millis) {
        self.head.phase = phase;
        self.head.since = now;
    }

    fn begun(
        &mut self,
        iteration: u32,
        starting: Phase,
        now: Millis,
    ) -> Result<Changes, ActivityError> {
        if !self.may_begin() || iteration <= self.head.iteration {
            return Err(self.unfit("the beginning of an iteration"));
        }
        self.head.iteration = iteration;
        self.head.next_block = BlockNumber(0);
        self.head.horizon = None;
        self.head.held = None;
        self.head.counters = Counters::default();
        self.head.notes.clear();
        self.renew_kept_staging(now);
        self.head.may_come_late = false;
        self.head.dropped_staging.clear();
        self.enter(starting, now);
        Ok(Changes::default())
    }

    fn layout_read(&mut self, read: Layout) -> Result<Changes, ActivityError> {
        let Phase::Starting { layout, .. } = &mut self.head.phase else {
            return Err(self.unfit("a schema"));
        };
        let fingerprint = read.schema.fingerprint();
        *layout = Some(read);
        retire_unless(&mut self.head, |staging| staging.schema == fingerprint);
        Ok(Changes::default())
    }

    fn planned(&mut self, progress: PlanProgress, now: Millis) -> Result<Changes, ActivityError> {
        let Phase::Planning {
            window,
            layout,
            cursor,
        } = &mut self.head.phase
        else {
            return Err(self.unfit("a plan"));
        };
        let done = progress.cursor.is_done();
        *cursor = progress.cursor.clone();
        let next = done.then(|| Phase::Planned {
            window: window.clone(),
            layout: layout.clone(),
            reconciled: None,
        });
        let changes = self.insert(progress);
        if let Some(next) = next {
            self.enter(next, now);
        }
        Ok(changes)
    }

    fn insert(&mut self, progress: PlanProgress) -> Changes {
        let mut changes = Changes::default();
        for block in progress.blocks {
            self.head.next_block = BlockNumber(self.head.next_block.0.max(block.number.0 + 1));
            self.head.counters.blocks_planned += 1;
            self.head.counters.rows_planned += block.planned_rows;
            if matches!(block.state, BlockState::Expired) {
                self.head.counters.rows_expired += block.planned_rows;
            }
            changes.written.insert(block.number);
            self.blocks.insert(block.number, block);
        }
        changes
    }

    fn replanned(
        &mut self,
        removed: &[BlockNumber],
        mut progress: PlanProgress,
    ) -> Result<Changes, ActivityError> {
        let all_waiting = removed.iter().all(|number| {
            self.blocks
                .get(number)
                .is_some_and(|block| matches!(block.state, BlockState::Replanning))
        });
        let whole_groups = removed
            .iter()
            .filter_map(|number| self.blocks.get(number)?.group)
            .all(|group| {
                (group.first.0..group.first.0 + group.members)
                    .all(|number| removed.contains(&BlockNumber(number)))
            });
        if removed.is_empty() || !all_waiting || !whole_groups {
            return Err(self.unfit("a new plan of blocks"));
        }
        // Every block was counted when it was planned and a recount corrects the count, so the
        // counts hold what is taken away. Where they do not, the stored state is broken: to go on
        // with a guess would hide that.
        let removed: BTreeSet<&BlockNumber> = removed.iter().collect();
        let gone = removed.iter().filter_map(|number| self.blocks.get(number));
        let (blocks, rows) = gone.fold((0, 0_u64), |(blocks, rows), block| {
            (blocks + 1, rows.saturating_add(block.planned_rows))
        });
        let counters = &mut self.head.counters;
        let left = counters.blocks_planned.checked_sub(blocks);
        let Some((blocks, rows)) = left.zip(counters.rows_planned.checked_sub(rows)) else {
            return Err(self.unfit("a new plan of more than was planned"));
        };
        (counters.blocks_planned, counters.rows_planned) = (blocks, rows);
        let mut changes = Changes::default();
        for number in removed {
            if let Some(block) = self.blocks.remove(number) {
                // A failure count that started anew with each plan would never reach its limit.
                for new in &mut progress.blocks {
                    new.failures = new.failures.max(block.failures);
                    new.lost = new.lost.max(block.lost);
                }
                changes.deleted.insert(*number);
            }
        }
        changes.merge(self.insert(progress));
        Ok(changes)
    }

    fn block_event(
        &mut self,
        number: BlockNumber,
        event: BlockEvent,
        now: Millis,
        limits: &Limits,
    ) -> Result<Changes, ActivityError> {
        let Some(block) = self.blocks.get(&number) else {
            return Err(ActivityError::NoBlock { number: number.0 });
        };
        let released = match (&event, &block.state) {
            (BlockEvent::Released, BlockState::Held { reason, .. }) => Some(reason.clone()),
            _ => None,
        };
        let next = transition(block, event, now, limits)?;
        // As for a new plan: what a recount corrects was counted.
        let others = self
            .head
            .counters
            .rows_planned
            .checked_sub(block.planned_rows);
        let rows_planned = if next.planned_rows == block.planned_rows {
            self.head.counters.rows_planned
        } else {
            others
                .and_then(|others| others.checked_add(next.planned_rows))
                .ok_or_else(|| self.unfit("a recount of more than was planned"))?
        };
        let (left, planned, was_finished) = (
            left_by(block, &next),
            block.planned_rows,
            block.is_finished(),
        );
        self.haunted(left);
        if let Some(reason) = released {
            self.renew_staging_after(&reason);
        }
        if next.planned_rows != planned {
            self.note(format!(
                "block {}: {planned} rows were planned and {} found by a recount",
                number.0, next.planned_rows
            ));
            self.head.counters.rows_planned = rows_planned;
        }
        let mut changes = Changes::default();
        changes.written.insert(number);
        let fails_its_group = matches!(next.state, BlockState::Replanning) && next.group.is_some();
        if let (false, BlockState::Moved { rows, bytes, .. }) = (was_finished, &next.state) {
            self.head.counters.blocks_moved += 1;
            self.head.counters.rows_moved += rows;
            self.head.counters.bytes_moved += bytes;
        }
        let group = next.group;
        self.blocks.insert(number, next);
        if let (true, Some(group)) = (fails_its_group, group) {
            changes.merge(self.fail_group(group, now, limits)?);
        }
        Ok(changes)
    }

    /// A member of a group must be planned anew: so must all others. None of them can be beyond
    /// its export, since none is ingested before all are verified.
    fn fail_group(
        &mut self,
        group: crate::block::Group,
        now: Millis,
        limits: &Limits,
    ) -> Result<Changes, ActivityError> {
        let mut changes = Changes::default();
        for number in (group.first.0..group.first.0 + group.members).map(BlockNumber) {
            let Some(block) = self.blocks.get(&number) else {
                continue;
            };
            let next = match &block.state {
                BlockState::Planned { .. } => Block {
                    state: BlockState::Replanning,
                    since: now,
                    ..block.clone()
                },
                BlockState::Exporting { attempt, .. } | BlockState::Exported { attempt, .. } => {
                    let failed = BlockEvent::Failed {
                        attempt: *attempt,
                        failure: Failure::Group,
                    };
                    transition(block, failed, now, limits)?
                }
                BlockState::Replanning
                | BlockState::Ingesting { .. }
                | BlockState::Ingested { .. }
                | BlockState::Moving { .. }
                | BlockState::Moved { .. }
                | BlockState::Abandoning { .. }
                | BlockState::Expired
                | BlockState::Held { .. } => continue,
            };
            self.haunted(left_by(block, &next));
            self.blocks.insert(number, next);
            changes.written.insert(number);
        }
        Ok(changes)
    }

    /// A command may still run, or be sent yet by a worker that was taken over: it counts
    /// against the slots. What it leaves is looked for once more later, and so is what one leaves
    /// that is said to have failed.
    fn haunted(&mut self, left: Left) {
        match left {
            Left::Nothing => return,
            Left::Late => {}
            Left::Running(ghost) => self.head.ghosts.push(ghost),
        }
        self.head.may_come_late = true;
    }

    fn note(&mut self, note: String) {
        let notes = &mut self.head.notes;
        if notes.len() < NOTES {
            notes.push(note);
        } else if notes.len() == NOTES {
            notes.push("further notes are left out".to_owned());
        }
    }

    fn reconciled_in_part(&mut self, so_far: Reconciling) -> Result<Changes, ActivityError> {
        let unfinished = self.unfinished().next().is_some();
        match &mut self.head.phase {
            Phase::Planned { reconciled, .. } if !unfinished => *reconciled = Some(so_far),
            Phase::Starting { .. }
            | Phase::Planning { .. }
            | Phase::Planned { .. }
            | Phase::Completed { .. } => return Err(self.unfit("a reconciliation")),
        }
        Ok(Changes::default())
    }

    fn reconciled(&mut self, source_rows: u64, now: Millis) -> Result<Changes, ActivityError> {
        let unfinished = self.unfinished().next().is_some();
        let Phase::Planned {
            window,
            layout,
            reconciled,
        } = &mut self.head.phase
        else {
            return Err(self.unfit("a reconciliation"));
        };
        if unfinished {
            return Err(self.unfit("a reconciliation"));
        }
        // Another try counts everything again.
        *reconciled = None;
        let (window, layout) = (window.clone(), layout.clone());
        let copied = self.head.counters.rows_moved + self.head.counters.rows_expired;
        self.head.counters.rows_reconciled = source_rows;
        if source_rows > copied {
            self.head.held = Some(format!(
                "the source holds {source_rows} rows in the window and {copied} were copied; rows may have \
                 entered it by moved extents or a renamed table: compare the tables, then retry or start \
                 the table afresh"
            ));
            return Ok(Changes::default());
        }
        let phase = Phase::Completed {
            window,
            layout,
            at: now,
        };
        if source_rows < copied {
            self.note(format!(
                "the source holds {source_rows} rows in the window now, {copied} were copied: retention or \
                 deletes since"
            ));
        }
        self.enter(phase, now);
        Ok(Changes::default())
    }

    fn folded(&mut self, blocks: Vec<BlockNumber>) -> Result<Changes, ActivityError> {
        let all_finished = blocks
            .iter()
            .all(|number| self.blocks.get(number).is_some_and(Block::is_finished));
        if !all_finished {
            return Err(self.unfit("folding"));
        }
        let mut changes = Changes::default();
        for number in blocks {
            self.blocks.remove(&number);
            self.head.counters.blocks_folded += 1;
            changes.deleted.insert(number);
        }
        Ok(changes)
    }

    fn released(&mut self, now: Millis, limits: &Limits) -> Result<Changes, ActivityError> {
        self.head.held = None;
        let held: Vec<BlockNumber> = self
            .blocks
            .values()
            .filter(|block| block.is_releasable())
            .map(|block| block.number)
            .collect();
        let mut changes = Changes::default();
        for number in held {
            changes.merge(self.block_event(number, BlockEvent::Released, now, limits)?);
        }
        Ok(changes)
    }
}
