//! How events change an activity: the one place where a table's phases and counters move.

use super::{
    Activity, ActivityError, ActivityEvent, ActivityState, Changes, Counters, Ghost, Layout, Phase,
    SlotKind, Staging, StagingState,
};
use crate::block::{Block, BlockEvent, BlockState, Failure, HeldReason, transition};
use crate::limits::Limits;
use crate::plan::{PlanCursor, PlanProgress};
use crate::vocabulary::{BlockNumber, Millis, Ticks};

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
        match event {
            ActivityEvent::Begun {
                iteration,
                window,
                bounds,
            } => {
                if !self.blocks.is_empty()
                    || !matches!(self.head.phase, Phase::Completed { .. })
                    || iteration <= self.head.iteration
                {
                    return Err(self.unfit("the beginning of an iteration"));
                }
                self.head.iteration = iteration;
                self.head.next_block = BlockNumber(0);
                self.head.horizon = None;
                self.head.held = None;
                self.head.counters = Counters::default();
                self.head.notes.clear();
                self.enter(
                    Phase::Starting {
                        window,
                        bounds,
                        layout: None,
                    },
                    now,
                );
                Ok(Changes::default())
            }
            ActivityEvent::Claimed { epoch } => {
                if epoch < self.head.epoch {
                    return Err(self.unfit("a claim by an older worker"));
                }
                self.head.epoch = epoch;
                Ok(Changes::default())
            }
            ActivityEvent::LayoutRead { layout } => self.layout_read(layout),
            ActivityEvent::StagingIntended { name } => self.staging_intended(name),
            ActivityEvent::StagingReady { name, horizon } => {
                self.staging_ready(&name, horizon, now)
            }
            ActivityEvent::StagingRetired => self.staging_retired(),
            ActivityEvent::StagingDropped { name } => {
                self.head.retired_staging.retain(|retired| *retired != name);
                Ok(Changes::default())
            }
            ActivityEvent::Planned { progress } => self.planned(progress, now),
            ActivityEvent::Replanned { removed, progress } => self.replanned(&removed, progress),
            ActivityEvent::Block { number, event } => self.block_event(number, event, now, limits),
            ActivityEvent::Reconciled { source_rows } => self.reconciled(source_rows, now),
            ActivityEvent::Folded { blocks } => self.folded(blocks),
            ActivityEvent::GhostsGone { kind, up_to, still } => {
                remove_ghosts(&mut self.head.ghosts, kind, up_to, still);
                Ok(Changes::default())
            }
            ActivityEvent::Held { reason } => {
                self.head.held = Some(reason);
                Ok(Changes::default())
            }
            ActivityEvent::Released => self.released(now, limits),
        }
    }

    fn unfit(&self, event: &'static str) -> ActivityError {
        ActivityError::Phase {
            phase: self.head.phase.name(),
            event,
        }
    }

    fn enter(&mut self, phase: Phase, now: Millis) {
        self.head.phase = phase;
        self.head.since = now;
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

    fn staging_intended(&mut self, name: String) -> Result<Changes, ActivityError> {
        let Phase::Starting {
            layout: Some(layout),
            ..
        } = &self.head.phase
        else {
            return Err(self.unfit("an intended staging table"));
        };
        let schema = layout.schema.fingerprint();
        retire_unless(&mut self.head, |_| false);
        self.head.staging_generation += 1;
        self.head.staging = Some(Staging {
            name,
            schema,
            state: StagingState::Intended,
        });
        Ok(Changes::default())
    }

    fn staging_retired(&mut self) -> Result<Changes, ActivityError> {
        if !matches!(self.head.phase, Phase::Completed { .. }) || !self.blocks.is_empty() {
            return Err(self.unfit("the end of its staging table"));
        }
        retire_unless(&mut self.head, |_| false);
        Ok(Changes::default())
    }

    fn staging_ready(
        &mut self,
        name: &str,
        horizon: Option<Ticks>,
        now: Millis,
    ) -> Result<Changes, ActivityError> {
        let Phase::Starting {
            window,
            bounds,
            layout: Some(layout),
        } = &self.head.phase
        else {
            return Err(self.unfit("a staging table"));
        };
        let horizon = horizon.filter(|_| window.after.is_none());
        let cursor = if window.after.is_none() {
            PlanCursor::backfill(horizon)
        } else {
            PlanCursor::delta(*bounds)
        };
        let phase = Phase::Planning {
            window: window.clone(),
            layout: layout.clone(),
            cursor,
        };
        match &mut self.head.staging {
            Some(staging) if staging.name == name => staging.state = StagingState::Ready,
            Some(_) | None => return Err(self.unfit("a staging table")),
        }
        self.head.horizon = horizon;
        self.enter(phase, now);
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
        let mut changes = Changes::default();
        for number in removed {
            if let Some(block) = self.blocks.remove(number) {
                // A failure count that started anew with each plan would never reach its limit.
                for new in &mut progress.blocks {
                    new.failures = new.failures.max(block.failures);
                }
                self.head.counters.blocks_planned -= 1;
                self.head.counters.rows_planned -= block.planned_rows;
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
        let next = transition(block, event, now, limits)?;
        if let Some(ghost) = ghost_left_by(block, &next) {
            self.head.ghosts.push(ghost);
        }
        if next.planned_rows != block.planned_rows {
            self.head.notes.push(format!(
                "block {}: {} rows were planned and {} found by a recount",
                number.0, block.planned_rows, next.planned_rows
            ));
            let counters = &mut self.head.counters;
            counters.rows_planned = counters.rows_planned - block.planned_rows + next.planned_rows;
        }
        let mut changes = Changes::default();
        changes.written.insert(number);
        let fails_its_group = matches!(next.state, BlockState::Replanning) && next.group.is_some();
        if let (false, BlockState::Moved { rows, bytes, .. }) = (block.is_finished(), &next.state) {
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
            if let Some(ghost) = ghost_left_by(block, &next) {
                self.head.ghosts.push(ghost);
            }
            self.blocks.insert(number, next);
            changes.written.insert(number);
        }
        Ok(changes)
    }

    fn reconciled(&mut self, source_rows: u64, now: Millis) -> Result<Changes, ActivityError> {
        let Phase::Planned { window, layout } = &self.head.phase else {
            return Err(self.unfit("a reconciliation"));
        };
        if self.unfinished().next().is_some() {
            return Err(self.unfit("a reconciliation"));
        }
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
        if source_rows < copied {
            self.head.notes.push(format!(
                "the source holds {source_rows} rows in the window now, {copied} were copied: retention or \
                 deletes since"
            ));
        }
        let phase = Phase::Completed {
            window: window.clone(),
            layout: layout.clone(),
            at: now,
        };
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
            .filter(|block| is_releasable(&block.state))
            .map(|block| block.number)
            .collect();
        let mut changes = Changes::default();
        for number in held {
            changes.merge(self.block_event(number, BlockEvent::Released, now, limits)?);
        }
        Ok(changes)
    }
}

fn is_releasable(state: &BlockState) -> bool {
    matches!(state, BlockState::Held { reason, .. } if *reason != HeldReason::MoveLost)
}

fn retire_unless(head: &mut Activity, keep: impl Fn(&Staging) -> bool) {
    if head.staging.as_ref().is_some_and(|staging| !keep(staging)) {
        head.retired_staging
            .extend(head.staging.take().map(|staging| staging.name));
    }
}

/// A command that nobody waits for any longer but that may still run.
fn ghost_left_by(before: &Block, after: &Block) -> Option<Ghost> {
    let (kind, sending) = match &before.state {
        BlockState::Exporting { sending, .. } => (SlotKind::Export, sending),
        BlockState::Ingesting { sending, .. } => (SlotKind::Ingest, sending),
        BlockState::Planned { .. }
        | BlockState::Replanning
        | BlockState::Exported { .. }
        | BlockState::Ingested { .. }
        | BlockState::Moving { .. }
        | BlockState::Moved { .. }
        | BlockState::Abandoning { .. }
        | BlockState::Expired
        | BlockState::Held { .. } => return None,
    };
    let left = !matches!(
        after.state,
        BlockState::Exporting { .. }
            | BlockState::Ingesting { .. }
            | BlockState::Exported { .. }
            | BlockState::Ingested { .. }
    );
    let unknown = match &after.last_failure {
        // A count that fails while its export still runs is that of the values' check.
        Some(
            Failure::LostAnswer
            | Failure::OperationForgotten
            | Failure::Group
            | Failure::Count { .. },
        ) => true,
        Some(
            Failure::Operation { .. }
            | Failure::TimedOut
            | Failure::Refused { .. }
            | Failure::Staged { .. }
            | Failure::Files
            | Failure::IngestErrors
            | Failure::Fingerprint,
        )
        | None => false,
    };
    let failed_now = after.failures > before.failures || after.last_failure == Some(Failure::Group);
    (left && unknown && failed_now).then(|| Ghost {
        kind,
        at: sending.at(),
    })
}

fn remove_ghosts(ghosts: &mut Vec<Ghost>, kind: SlotKind, up_to: Millis, still: usize) {
    let mut old = ghosts
        .iter()
        .filter(|ghost| ghost.kind == kind && ghost.at <= up_to)
        .count();
    ghosts.retain(|ghost| {
        let removable = ghost.kind == kind && ghost.at <= up_to && old > still;
        old -= usize::from(removable);
        !removable
    });
}
