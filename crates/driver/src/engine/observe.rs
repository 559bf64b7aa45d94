//! Looks at the clusters: running operations, capacities, commands that nobody waits for.

use std::collections::{BTreeMap, HashSet};

use kusto_copy_core::activity::{ActivityEvent, SlotKind, slot_of};
use kusto_copy_core::block::{BlockState, Sending};
use kusto_copy_core::decide::OperationState;
use kusto_copy_core::poll::Watch;
use kusto_copy_core::slots::{Budget, Capacity, Share};
use kusto_copy_core::vocabulary::{Millis, OperationId};
use kusto_copy_kusto::commands::capacity::Resource;
use kusto_copy_kusto::commands::operations::Outcome;
use kusto_copy_kusto::kql::operations::OperationKind;
use kusto_copy_kusto::{Call, Database};

use super::Engine;
use crate::clock::now;
use crate::effects::says_timeout;
use crate::heartbeat::{Capacities, Reading};
use crate::job::RunOptions;

/// Capacities are read again after so many milliseconds.
const CAPACITY_EVERY: u64 = 180_000;
/// And sooner while work waits for slots.
pub(super) const CAPACITY_WHILE_WAITING: u64 = 5_000;
/// Operations of one look.
const OPERATIONS_OF_A_LOOK: usize = 1_000;
/// Between two looks for ghosts.
const GHOSTS_EVERY: u64 = 10_000;

/// What is watched at the clusters and when.
pub(crate) struct Watcher {
    /// Export slots at the source.
    pub(crate) exports: Budget,
    /// Ingestion slots at the destination.
    pub(crate) ingestions: Budget,
    /// Query slots at the source.
    pub(crate) queries: Budget,
    at_source: Watch,
    at_destination: Watch,
    missing: BTreeMap<OperationId, Millis>,
    capacity_tried: Option<Millis>,
    ghosts_tried: Option<Millis>,
    has_ghosts: bool,
}

impl Watcher {
    pub(super) fn new(options: &RunOptions, known: &Capacities) -> Self {
        // A reading of the future comes from a wrong clock.
        let capacity_tried = known.at.filter(|at| *at <= now());
        let share = |of_total, at_most, when_unknown| Share {
            of_total,
            at_most,
            when_unknown,
        };
        let budget = |share, known: Option<Reading>| {
            let mut budget = Budget::new(share);
            if let (Some(reading), Some(at)) = (known, capacity_tried) {
                let (capacity, ours) = reading.get();
                budget.observe(capacity, ours, at);
            }
            budget
        };
        let (all, most) = (options.share, 0.1);
        Self {
            exports: budget(share(all, options.export_slots, 4), known.exports),
            ingestions: budget(share(all, options.ingestion_slots, 4), known.ingestions),
            queries: budget(share(most, options.query_slots, 4), known.queries),
            at_source: Watch::default(),
            at_destination: Watch::default(),
            missing: BTreeMap::new(),
            capacity_tried,
            ghosts_tried: None,
            has_ghosts: false,
        }
    }

    /// Whether an operation runs that somebody waits for.
    pub(super) fn is_watching(&self) -> bool {
        !self.at_source.is_empty() || !self.at_destination.is_empty()
    }

    /// When the next look is due.
    pub(super) fn next_due(&self) -> Option<Millis> {
        let ghosts = self.has_ghosts.then(|| {
            self.ghosts_tried
                .map_or(Millis(0), |tried| tried.plus(GHOSTS_EVERY))
        });
        [
            self.at_source.next_due(),
            self.at_destination.next_due(),
            ghosts,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Engine {
    /// Takes every look that is due.
    pub(super) async fn observe(&mut self, ending: bool) {
        self.watch_operations();
        self.look_at_operations(SlotKind::Export).await;
        self.look_at_operations(SlotKind::Ingest).await;
        if ending {
            // Nothing is sent any more that slots would be needed for.
            self.watcher.has_ghosts = false;
        } else {
            self.look_at_capacity().await;
            self.look_for_ghosts().await;
        }
    }

    fn watch_operations(&mut self) {
        let policy = self.options.limits.poll;
        let mut known = HashSet::new();
        for live in self.live.values() {
            for block in live.stored.state.blocks.values() {
                let (sending, watch) = match &block.state {
                    BlockState::Exporting { sending, .. } => (sending, &mut self.watcher.at_source),
                    BlockState::Ingesting { sending, .. } | BlockState::Moving { sending, .. } => {
                        (sending, &mut self.watcher.at_destination)
                    }
                    BlockState::Planned { .. }
                    | BlockState::Replanning
                    | BlockState::Exported { .. }
                    | BlockState::Ingested { .. }
                    | BlockState::Moved { .. }
                    | BlockState::Abandoning { .. }
                    | BlockState::Expired
                    | BlockState::Held { .. } => continue,
                };
                let Sending::Running { operation, at } = sending else {
                    continue;
                };
                known.insert(operation.clone());
                let terminal = self
                    .observed
                    .operations
                    .get(operation)
                    .is_some_and(|state| *state != OperationState::Pending);
                if !terminal {
                    watch.add(operation.clone(), *at, &policy);
                }
            }
        }
        let operations = &mut self.observed.operations;
        operations.retain(|operation, _| known.contains(operation));
        let waits = |operation: &OperationId| {
            known.contains(operation)
                && operations
                    .get(operation)
                    .is_none_or(|state| *state == OperationState::Pending)
        };
        self.watcher.at_source.retain(waits);
        self.watcher.at_destination.retain(waits);
        self.watcher
            .missing
            .retain(|operation, _| known.contains(operation));
    }

    fn cluster_of(&self, kind: SlotKind) -> Option<Database> {
        let place = &self.sides.first()?.place;
        Some(match kind {
            SlotKind::Export => place.source.clone(),
            SlotKind::Ingest => place.destination.clone(),
        })
    }

    pub(super) fn call(&self, what: &str) -> Call {
        Call::new(
            format!("KC.{}.{what}", self.incarnation),
            format!("kusto-copy job={} {what}", self.incarnation),
        )
    }

    async fn look_at_operations(&mut self, kind: SlotKind) {
        let policy = self.options.limits.poll;
        let watch = match kind {
            SlotKind::Export => &mut self.watcher.at_source,
            SlotKind::Ingest => &mut self.watcher.at_destination,
        };
        let moment = now();
        let due = watch.take_due(moment, &policy, OPERATIONS_OF_A_LOOK);
        let Some(cluster) = self.cluster_of(kind) else {
            return;
        };
        if due.is_empty() {
            return;
        }
        match cluster.operations(&self.call("operations"), &due).await {
            Ok(found) => {
                for operation in &found {
                    self.watcher.missing.remove(&operation.id);
                    let state = state_of(operation);
                    self.observed.operations.insert(operation.id.clone(), state);
                }
                let is_found = |id: &OperationId| found.iter().any(|operation| operation.id == *id);
                let missing: Vec<OperationId> =
                    due.into_iter().filter(|id| !is_found(id)).collect();
                self.look_at_the_log(&cluster, missing, moment).await;
            }
            Err(error) => tracing::warn!(%error, "running operations could not be looked at"),
        }
    }

    /// Operations that the short list does not show: too young to be visible, or older than six
    /// hours. The log is dearer and asked only after they stayed invisible for a while.
    async fn look_at_the_log(
        &mut self,
        cluster: &Database,
        missing: Vec<OperationId>,
        moment: Millis,
    ) {
        let patience = self.options.limits.operation_visibility;
        let mut overdue = Vec::new();
        for id in missing {
            let since = *self.watcher.missing.entry(id.clone()).or_insert(moment);
            if moment.since(since) >= patience {
                overdue.push(id);
            }
        }
        if overdue.is_empty() {
            return;
        }
        let two_weeks = 14 * 24 * 3_600 * 1_000;
        let since = Millis(moment.0.saturating_sub(two_weeks)).ticks();
        match cluster
            .operations_log(&self.call("operations-log"), &overdue, since)
            .await
        {
            Ok(found) => {
                for id in overdue {
                    let state = found
                        .iter()
                        .find(|operation| operation.id == id)
                        .map_or(OperationState::Forgotten, state_of);
                    self.observed.operations.insert(id, state);
                }
            }
            Err(error) => tracing::warn!(%error, "the log of operations could not be read"),
        }
    }

    async fn look_at_capacity(&mut self) {
        let moment = now();
        let used = |kind| {
            self.live
                .values()
                .map(|live| live.stored.state.slots_used(kind))
                .sum::<u32>()
        };
        let (exports, ingestions) = (used(SlotKind::Export), used(SlotKind::Ingest));
        let queries = self.queries();
        let short = self.watcher.exports.free(exports) == 0
            || self.watcher.ingestions.free(ingestions) == 0;
        let every = if short {
            CAPACITY_WHILE_WAITING
        } else {
            CAPACITY_EVERY
        };
        if self.live.is_empty()
            || self
                .watcher
                .capacity_tried
                .is_some_and(|tried| moment.since(tried) < every)
        {
            return;
        }
        self.watcher.capacity_tried = Some(moment);
        self.pulse.record.capacities.at = Some(moment);
        let call = self.call("capacity");
        for kind in [SlotKind::Export, SlotKind::Ingest] {
            let Some(cluster) = self.cluster_of(kind) else {
                return;
            };
            // A role that may not read it is no fault: the configured slots apply then.
            let Ok(resources) = cluster.capacity(&call).await else {
                continue;
            };
            let find = |resource| {
                let found = resources.iter().find(|found| found.is(resource))?;
                let slots = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
                Some(Capacity {
                    total: slots(found.total),
                    remaining: slots(found.remaining),
                })
            };
            let known = &mut self.pulse.record.capacities;
            match kind {
                SlotKind::Export => {
                    if let Some(capacity) = find(Resource::Export) {
                        self.watcher.exports.observe(capacity, exports, moment);
                        known.exports = Some(Reading::new(capacity, exports));
                    }
                    if let Some(capacity) = find(Resource::Query) {
                        self.watcher.queries.observe(capacity, queries, moment);
                        known.queries = Some(Reading::new(capacity, queries));
                    }
                }
                SlotKind::Ingest => {
                    if let Some(capacity) = find(Resource::Ingestion) {
                        self.watcher
                            .ingestions
                            .observe(capacity, ingestions, moment);
                        known.ingestions = Some(Reading::new(capacity, ingestions));
                    }
                }
            }
        }
    }

    /// Commands whose answers were lost may still run and take slots. They ended when no running
    /// operation of their kind is unknown to us; records appear late, so only ghosts older than
    /// that delay are judged.
    async fn look_for_ghosts(&mut self) {
        let moment = now();
        self.watcher.has_ghosts = self
            .live
            .values()
            .any(|live| !live.stored.state.head.ghosts.is_empty());
        let waiting = self
            .watcher
            .ghosts_tried
            .is_some_and(|tried| moment.since(tried) < GHOSTS_EVERY);
        if !self.watcher.has_ghosts || waiting {
            return;
        }
        self.watcher.ghosts_tried = Some(moment);
        for kind in [SlotKind::Export, SlotKind::Ingest] {
            self.look_for_ghosts_of(kind, moment).await;
        }
    }

    async fn look_for_ghosts_of(&mut self, kind: SlotKind, moment: Millis) {
        let up_to = Millis(
            moment
                .0
                .saturating_sub(self.options.limits.operation_visibility),
        );
        let ghosts = |live: &super::Live| {
            let of_kind = live.stored.state.head.ghosts.iter();
            of_kind
                .filter(|ghost| ghost.kind == kind && ghost.at <= up_to)
                .map(|ghost| ghost.at)
                .min()
        };
        let Some(oldest) = self.live.values().filter_map(ghosts).min() else {
            return;
        };
        let (operation_kind, Some(cluster)) = (
            match kind {
                SlotKind::Export => OperationKind::Export,
                SlotKind::Ingest => OperationKind::Ingest,
            },
            self.cluster_of(kind),
        ) else {
            return;
        };
        let too_old = moment.since(oldest) > self.options.limits.operation_timeout;
        let since = Millis(oldest.0.saturating_sub(60_000)).ticks();
        let still = match cluster
            .running_operations(&self.call("ghosts"), operation_kind, since)
            .await
        {
            Ok(running) => {
                let (ours, unnamed) = self.sent_of(kind);
                let unknown = running
                    .iter()
                    .filter(|operation| !ours.contains(&operation.id));
                // Synchronous commands of ours run too, under operations that no answer named.
                unknown.count().saturating_sub(unnamed)
            }
            Err(_) if too_old => 0,
            Err(error) => {
                tracing::warn!(%error, "commands without answer could not be looked for");
                return;
            }
        };
        let still = if too_old { 0 } else { still };
        for live in self.live.values_mut().filter(|live| ghosts(live).is_some()) {
            let gone = ActivityEvent::GhostsGone { kind, up_to, still };
            if let Err(error) = live.stored.apply(gone, moment, &self.options.limits) {
                tracing::debug!(%error, "ghosts were left as they are");
            }
        }
    }
}

impl Engine {
    /// Operations of a kind that blocks wait for, and how many sends have no operation's name
    /// (yet).
    fn sent_of(&self, kind: SlotKind) -> (HashSet<OperationId>, usize) {
        let mut named = HashSet::new();
        let mut unnamed = 0;
        let blocks = self
            .live
            .values()
            .flat_map(|live| live.stored.state.blocks.values());
        for block in blocks.filter(|block| slot_of(&block.state) == Some(kind)) {
            if let BlockState::Exporting { sending, .. } | BlockState::Ingesting { sending, .. } =
                &block.state
            {
                match sending {
                    Sending::Running { operation, .. } => {
                        named.insert(operation.clone());
                    }
                    Sending::Intended { .. } => unnamed += 1,
                }
            }
        }
        (named, unnamed)
    }
}

fn state_of(operation: &kusto_copy_kusto::commands::operations::Operation) -> OperationState {
    match operation.state.outcome() {
        Outcome::Pending => OperationState::Pending,
        Outcome::Completed => OperationState::Completed,
        Outcome::Throttled => OperationState::Throttled,
        Outcome::Failed => OperationState::Failed {
            state: format!("{:?}", operation.state),
            status: operation.status.clone(),
            timed_out: says_timeout(&operation.status),
        },
    }
}
