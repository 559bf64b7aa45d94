//! The life of an activity's staging tables.

use super::{Activity, ActivityError, ActivityState, Changes, Phase, Staging, StagingState};
use crate::block::{BlockState, HeldReason};
use crate::plan::PlanCursor;
use crate::vocabulary::{Millis, Ticks};

/// Milliseconds after which a staging table is not used for another iteration: 30 days. Forgotten
/// ones delete themselves at the destination after six times as long, in use or not.
const KEPT_FOR: u64 = 30 * 24 * 3_600_000;

impl Activity {
    /// Whether attempts may be ingested into the staging table.
    #[must_use]
    pub fn staging_is_ready(&self) -> bool {
        let staging = self.staging.as_ref();
        staging.is_some_and(|staging| staging.state == StagingState::Ready)
    }
}

impl ActivityState {
    /// Whether another staging table has to be made and none of the blocks needs the old one any
    /// more.
    #[must_use]
    pub fn needs_staging(&self) -> bool {
        let uses_it = self.blocks.values().any(|block| {
            matches!(
                block.state,
                BlockState::Ingesting { .. }
                    | BlockState::Ingested { .. }
                    | BlockState::Moving { .. }
                    | BlockState::Abandoning { tag: Some(_), .. }
            )
        });
        match self.head.staging.as_ref().map(|staging| staging.state) {
            None | Some(StagingState::Intended) => true,
            Some(StagingState::Ready) => false,
            Some(StagingState::Renewing | StagingState::Lost) => !uses_it,
        }
    }

    pub(super) fn staging_intended(
        &mut self,
        name: String,
        now: Millis,
    ) -> Result<Changes, ActivityError> {
        let Some(layout) = self.head.phase.layout() else {
            return Err(self.unfit("an intended staging table"));
        };
        let fits = !matches!(self.head.phase, Phase::Completed { .. }) && self.needs_staging();
        if !fits {
            return Err(self.unfit("an intended staging table"));
        }
        let schema = layout.schema.fingerprint();
        retire_unless(&mut self.head, |_| false);
        self.head.staging_generation += 1;
        self.head.staging = Some(Staging {
            name,
            schema,
            state: StagingState::Intended,
            made: now,
        });
        Ok(Changes::default())
    }

    pub(super) fn staging_ready(
        &mut self,
        name: &str,
        horizon: Option<Ticks>,
        unit_blocks: u32,
        now: Millis,
    ) -> Result<Changes, ActivityError> {
        let usable = |staging: &&mut Staging| {
            let usable = matches!(staging.state, StagingState::Intended | StagingState::Ready);
            staging.name == name && usable
        };
        if self.head.staging.as_mut().filter(usable).is_none() {
            return Err(self.unfit("a staging table"));
        }
        match &self.head.phase {
            Phase::Starting {
                window,
                bounds,
                layout: Some(layout),
            } => {
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
                self.head.horizon = horizon;
                self.head.unit_blocks = unit_blocks.max(1);
                self.enter(phase, now);
            }
            // Another generation in the middle of an iteration.
            Phase::Planning { .. } | Phase::Planned { .. } => {}
            Phase::Starting { layout: None, .. } | Phase::Completed { .. } => {
                return Err(self.unfit("a staging table"));
            }
        }
        if let Some(staging) = &mut self.head.staging {
            staging.state = StagingState::Ready;
        }
        Ok(Changes::default())
    }

    /// Somebody dropped the staging table. A late word about an earlier one is refused.
    pub(super) fn staging_lost(&mut self, name: &str) -> Result<Changes, ActivityError> {
        match &mut self.head.staging {
            Some(staging) if staging.name == name && staging.state != StagingState::Intended => {
                staging.state = StagingState::Lost;
                Ok(Changes::default())
            }
            Some(_) | None => Err(self.unfit("the loss of a staging table")),
        }
    }

    pub(super) fn staging_dropped(&mut self, name: String) -> Changes {
        self.head.retired_staging.retain(|retired| *retired != name);
        if !self.head.dropped_staging.contains(&name) {
            self.head.dropped_staging.push(name);
        }
        Changes::default()
    }

    pub(super) fn staging_retired(&mut self) -> Result<Changes, ActivityError> {
        if !matches!(self.head.phase, Phase::Completed { .. }) || !self.blocks.is_empty() {
            return Err(self.unfit("the end of its staging table"));
        }
        retire_unless(&mut self.head, |_| false);
        Ok(Changes::default())
    }

    /// The staging table that was kept is not used for another iteration when it is old, or when a
    /// late command of the last one may still fill it.
    pub(super) fn renew_kept_staging(&mut self, now: Millis) {
        let late = self.head.may_come_late;
        let is_young = |staging: &Staging| now.since(staging.made) < KEPT_FOR;
        retire_unless(&mut self.head, |staging| !late && is_young(staging));
    }

    /// A block held for its values is tried again: staging keeps the sizes of values that the
    /// destination had when staging was made, so the user's wider ones need another.
    pub(super) fn renew_staging_after(&mut self, released: &HeldReason) {
        if let (HeldReason::Values { .. }, Some(staging)) = (released, &mut self.head.staging)
            && staging.state == StagingState::Ready
        {
            staging.state = StagingState::Renewing;
        }
    }
}

/// The staging table in use is to be dropped, unless it is still good.
pub(super) fn retire_unless(head: &mut Activity, keep: impl Fn(&Staging) -> bool) {
    if head.staging.as_ref().is_some_and(|staging| !keep(staging)) {
        head.retired_staging
            .extend(head.staging.take().map(|staging| staging.name));
    }
}
