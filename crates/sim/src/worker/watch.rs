//! Looks at running operations, at capacities and for commands that nobody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kusto_copy_core::activity::{ActivityEvent, ActivityState, SlotKind};
use kusto_copy_core::block::{BlockState, Sending};
use kusto_copy_core::decide::OperationState;
use kusto_copy_core::vocabulary::{ActivityId, Millis, OperationId};

use super::Worker;
use super::pacing::until_turn;
use super::table::{Item, Table};
use crate::model::operations::Progress;

/// The operations that an activity's blocks wait for.
fn awaited(state: &ActivityState) -> Vec<(OperationId, Millis)> {
    let running = |sending: &Sending| match sending {
        Sending::Running { operation, at } => Some((operation.clone(), *at)),
        Sending::Intended { .. } => None,
    };
    state
        .blocks
        .values()
        .filter_map(|block| match &block.state {
            BlockState::Exporting { sending, .. }
            | BlockState::Ingesting { sending, .. }
            | BlockState::Moving { sending, .. } => running(sending),
            BlockState::Planned { .. }
            | BlockState::Replanning
            | BlockState::Exported { .. }
            | BlockState::Ingested { .. }
            | BlockState::Moved { .. }
            | BlockState::Abandoning { .. }
            | BlockState::Expired
            | BlockState::Held { .. } => None,
        })
        .collect()
}

impl Worker {
    fn awaited_operations(&self) -> BTreeMap<OperationId, (ActivityId, Millis)> {
        let shared = self.shared.borrow();
        shared
            .tables
            .iter()
            .flat_map(|(id, table)| {
                awaited(&table.borrow().state)
                    .into_iter()
                    .map(|(operation, at)| (operation, (id.clone(), at)))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Looks at operations as they fall due.
    pub(super) async fn poll(self: Rc<Self>) {
        let limits = &self.manner.limits;
        while !self.lost.get() {
            let waiting = self.awaited_operations();
            let due = {
                let mut shared = self.shared.borrow_mut();
                let Looks { watch, observed } = split(&mut shared);
                watch.retain(|operation| waiting.contains_key(operation));
                for (operation, (_, at)) in &waiting {
                    // What is known to have ended needs no further look.
                    let open = observed
                        .operations
                        .get(operation)
                        .is_none_or(|state| matches!(state, OperationState::Pending));
                    if open {
                        watch.add(operation.clone(), *at, &limits.poll);
                    }
                }
                watch.retain(|operation| {
                    observed
                        .operations
                        .get(operation)
                        .is_none_or(|state| matches!(state, OperationState::Pending))
                });
                watch.take_due(self.now(), &limits.poll, 500)
            };
            if due.is_empty() {
                let next = self
                    .shared
                    .borrow()
                    .watch
                    .next_due()
                    .map_or(u64::MAX, |due| due.0);
                let now = self.link.sim.now();
                let next = next.clamp(now + 1, now + 60_000);
                self.link.sim.clock.wait(next).await;
                continue;
            }
            let states = self.link.operations(due, limits.operation_visibility).await;
            let turn = self
                .manner
                .pacing
                .map_or(0, |pacing| until_turn(self.link.sim.now(), pacing.look));
            self.link.sim.clock.sleep(turn).await;
            let mut wake = BTreeSet::new();
            for (operation, state) in states.unwrap_or_default() {
                if state != OperationState::Pending
                    && let Some((activity, _)) = waiting.get(&operation)
                {
                    wake.insert(activity.clone());
                }
                self.shared
                    .borrow_mut()
                    .observed
                    .operations
                    .insert(operation, state);
            }
            for activity in wake {
                self.wake_table(&activity);
            }
        }
    }

    /// Reads capacities and settles commands that nobody waits for, now and then.
    pub(super) async fn look_around(self: Rc<Self>) {
        while !self.lost.get() {
            self.settle_ghosts().await;
            self.link.sim.clock.sleep(30_000).await;
            if self.lost.get() {
                return;
            }
            self.read_capacity().await;
        }
    }

    async fn settle_ghosts(&self) {
        let haunted: Vec<(ActivityId, BTreeSet<OperationId>)> = {
            let shared = self.shared.borrow();
            shared
                .tables
                .iter()
                .filter(|(_, table)| !table.borrow().state.head.ghosts.is_empty())
                .map(|(id, table)| {
                    let waiting = awaited(&table.borrow().state);
                    (
                        id.clone(),
                        waiting
                            .into_iter()
                            .map(|(operation, _)| operation)
                            .collect(),
                    )
                })
                .collect()
        };
        for (id, waiting) in haunted {
            let asked = self.now();
            let own = id.clone();
            let counts = self
                .link
                .ask("ghosts", Some(&id), move |world| {
                    [SlotKind::Export, SlotKind::Ingest].map(|kind| {
                        let still = world.operations.values().filter(|operation| {
                            matches!(operation.progress, Progress::Running)
                                && operation.command.slot() == Some(kind)
                                && operation.command.activity() == Some(&own)
                                && !waiting.contains(&operation.id)
                        });
                        (kind, still.count())
                    })
                })
                .await;
            let Ok(counts) = counts else { continue };
            let visibility = self.manner.limits.operation_visibility;
            let up_to = Millis(asked.0.saturating_sub(visibility));
            let events: Vec<ActivityEvent> = counts
                .into_iter()
                .map(|(kind, still)| ActivityEvent::GhostsGone { kind, up_to, still })
                .collect();
            let idle = {
                let shared = self.shared.borrow();
                let rests = |table: &&_| Table::rests(table);
                shared.tables.get(&id).filter(rests).cloned()
            };
            match idle {
                Some(table) => {
                    if self.record(&table, events, Vec::new()).await.is_none() {
                        return;
                    }
                    self.wake_hungry(&id);
                }
                None => self.post(
                    &id,
                    Item {
                        events,
                        ..Item::default()
                    },
                ),
            }
        }
    }
}

struct Looks<'a> {
    watch: &'a mut kusto_copy_core::poll::Watch,
    observed: &'a mut kusto_copy_core::decide::Observations,
}

const fn split(shared: &mut super::Shared) -> Looks<'_> {
    Looks {
        watch: &mut shared.watch,
        observed: &mut shared.observed,
    }
}
