//! Looks at the clusters: running operations, commands that nobody waits for.

use std::collections::{BTreeMap, HashMap, HashSet};

use kusto_copy_core::activity::{ActivityEvent, SlotKind, slot_of};
use kusto_copy_core::block::{BlockState, Sending};
use kusto_copy_core::decide::OperationState;
use kusto_copy_core::poll::{PollPolicy, Watch};
use kusto_copy_core::slots::{Budget, Share};
use kusto_copy_core::vocabulary::{Millis, OperationId, TICKS_PER_MILLISECOND};
use kusto_copy_kusto::commands::operations::{Operation, Outcome};
use kusto_copy_kusto::kql::operations::OperationKind;
use kusto_copy_kusto::{Call, Database};

use super::Engine;
use super::capacity::Slots;
use super::durations::{Durations, Work};
use crate::clock::now;
use crate::effects::says_timeout;
use crate::heartbeat::{Capacities, Reading};
use crate::job::RunOptions;

/// Operations of one look.
const OPERATIONS_OF_A_LOOK: usize = 1_000;
/// Between two looks for ghosts.
const GHOSTS_EVERY: u64 = 10_000;

/// What is watched at the clusters and when.
pub(crate) struct Watcher {
    /// Export slots at the source.
    pub(crate) exports: Slots,
    /// Ingestion slots at the destination.
    pub(crate) ingestions: Slots,
    /// Query slots at the source.
    pub(crate) queries: Slots,
    at_source: Watch,
    at_destination: Watch,
    /// What running operations work on, and how long those before them took.
    works: HashMap<OperationId, Work>,
    durations: Durations,
    missing: BTreeMap<OperationId, Millis>,
    pub(super) capacity_tried: Option<Millis>,
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
            Slots::new(Budget::new(share), known.zip(capacity_tried))
        };
        let (all, most) = (options.share, 0.1);
        Self {
            exports: budget(share(all, options.export_slots, 4), known.exports),
            ingestions: budget(share(all, options.ingestion_slots, 4), known.ingestions),
            queries: budget(share(most, options.query_slots, 4), known.queries),
            at_source: Watch::default(),
            at_destination: Watch::default(),
            works: HashMap::new(),
            durations: Durations::default(),
            missing: BTreeMap::new(),
            capacity_tried,
            ghosts_tried: None,
            has_ghosts: false,
        }
    }

    /// Watches an operation that runs since a moment; nobody looks at it before those like it
    /// would have ended.
    fn watch(
        &mut self,
        operation: &OperationId,
        since: Millis,
        work: Option<Work>,
        policy: &PollPolicy,
    ) {
        let quiet = work
            .as_ref()
            .map_or(0, |work| self.durations.quiet_for(work));
        let at_source = work
            .as_ref()
            .is_some_and(|work| work.kind == SlotKind::Export);
        let watch = if at_source {
            &mut self.at_source
        } else {
            &mut self.at_destination
        };
        let first = PollPolicy {
            min: policy.min.max(quiet),
            ..*policy
        };
        watch.add(operation.clone(), since, &first);
        if let Some(work) = work {
            self.works.entry(operation.clone()).or_insert(work);
        }
    }

    /// Learns from an operation how long such ones take.
    fn learn(&mut self, operation: &Operation) {
        let Some(work) = self.works.get(&operation.id) else {
            return;
        };
        match (operation.state.outcome(), took(operation)) {
            (Outcome::Completed, Some(took)) => self.durations.took(work, took),
            (Outcome::Completed, None) | (Outcome::Pending, _) => {}
            (Outcome::Throttled | Outcome::Failed, _) => self.durations.failed(work.kind),
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
        for (id, live) in &self.live {
            for block in live.stored.state.blocks.values() {
                let (sending, work) = match &block.state {
                    BlockState::Exporting { sending, .. } => {
                        (sending, Some((SlotKind::Export, block.planned_rows)))
                    }
                    BlockState::Ingesting {
                        sending, manifest, ..
                    } => (sending, Some((SlotKind::Ingest, manifest.rows))),
                    BlockState::Moving { sending, .. } => (sending, None),
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
                let terminal = self
                    .observed
                    .operations
                    .get(operation)
                    .is_some_and(|state| *state != OperationState::Pending);
                if known.insert(operation.clone()) && !terminal {
                    let work = work.map(|(kind, rows)| Work {
                        activity: id.clone(),
                        kind,
                        rows,
                    });
                    self.watcher.watch(operation, *at, work, &policy);
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
        let watcher = &mut self.watcher;
        watcher.at_source.retain(waits);
        watcher.at_destination.retain(waits);
        watcher.works.retain(|operation, _| waits(operation));
        watcher
            .missing
            .retain(|operation, _| known.contains(operation));
        watcher.durations.retain(|id| self.live.contains_key(id));
    }

    pub(super) fn cluster_of(&self, kind: SlotKind) -> Option<Database> {
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
                    self.watcher.learn(operation);
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

/// Milliseconds that an operation took by its cluster's own clock, where it tells.
fn took(operation: &Operation) -> Option<u64> {
    let ticks = operation.updated?.0.checked_sub(operation.started?.0)?;
    u64::try_from(ticks / TICKS_PER_MILLISECOND).ok()
}

fn state_of(operation: &Operation) -> OperationState {
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
