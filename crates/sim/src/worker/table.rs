//! One table's loop: what happened is applied and stored, then decided, then the decision's
//! intents are stored, and only then its actions begin.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kusto_copy_core::activity::{ActivityEvent, ActivityState, Changes, Phase};
use kusto_copy_core::block::BlockState;
use kusto_copy_core::decide::{Action, Context, Decisions, Subject, decide};
use kusto_copy_core::vocabulary::{ActivityId, AttemptTag, BlockNumber, Millis};

use super::Worker;
use super::pacing::until_turn;
use super::persist::Refusal;
use crate::clock::TaskId;
use crate::model::store::{Key, Value, Write};

/// Writes beside the head in one transaction, at most before it is committed.
const WRITES: usize = 55;

/// The job's incarnation in tags.
const INCARNATION: &str = "0badcafe";

/// A table as a worker holds it.
pub(super) struct Table {
    pub(super) state: ActivityState,
    pub(super) etag: u64,
    inbox: Vec<Item>,
    pub(super) task: TaskId,
    hungry: bool,
    pub(super) reported: bool,
    pub(super) idle: bool,
    pub(super) since: u64,
}

impl Table {
    /// Whether no loop drives the table.
    pub(super) fn rests(table: &Rc<RefCell<Self>>) -> bool {
        let table = table.borrow();
        table.task == 0 || table.idle
    }
}

/// Something for a table's loop.
#[derive(Default)]
pub(super) struct Item {
    /// What happened.
    pub(super) events: Vec<ActivityEvent>,
    /// The action that ended.
    pub(super) finished: Option<Subject>,
    /// Who waits until it is stored.
    pub(super) reply: Option<Rc<Reply>>,
}

/// Tells an action whether its events were stored.
#[derive(Default)]
pub(super) struct Reply {
    stored: Cell<Option<bool>>,
    task: Cell<TaskId>,
}

impl Worker {
    /// Loads an activity and claims it.
    pub(super) async fn load(&self, id: &ActivityId) -> Option<Rc<RefCell<Table>>> {
        let known = self.shared.borrow().tables.get(id).cloned();
        if known.is_some() {
            return known;
        }
        let way = self.link.sim.look().times.store;
        self.link.sim.clock.sleep(way).await;
        let (state, etag) = self.stored_table(id)?;
        let table = Table {
            state,
            etag,
            inbox: Vec::new(),
            task: 0,
            hungry: false,
            reported: false,
            idle: false,
            since: self.link.sim.now(),
        };
        let table = Rc::new(RefCell::new(table));
        let mut events = vec![ActivityEvent::Claimed {
            epoch: self.epoch.get(),
        }];
        let held = {
            let table = table.borrow();
            let block_held = table
                .state
                .blocks
                .values()
                .any(|block| matches!(block.state, BlockState::Held { .. }));
            table.state.head.held.is_some() || block_held
        };
        if held {
            events.push(ActivityEvent::Released);
        }
        self.record(&table, events, Vec::new()).await?;
        self.shared
            .borrow_mut()
            .tables
            .insert(id.clone(), Rc::clone(&table));
        Some(table)
    }

    fn stored_table(&self, id: &ActivityId) -> Option<(ActivityState, u64)> {
        let world = self.link.sim.look();
        let entity = world.store.get(&Key::Head(id.clone()))?;
        let head = entity.value.head()?;
        let mut state = ActivityState {
            head: head.clone(),
            blocks: std::collections::BTreeMap::new(),
        };
        for (key, entity) in world.store.from(Key::Block(id.clone(), BlockNumber(0))) {
            let (Key::Block(of, number), Value::Block(block)) = (key, &entity.value) else {
                break;
            };
            if of != id {
                break;
            }
            state.blocks.insert(*number, (**block).clone());
        }
        Some((state, entity.etag))
    }

    /// Applies events and stores what changed, with other writes of the partition. Returns which
    /// events fitted; `None` when the worker lost its lease.
    pub(super) async fn record(
        &self,
        table: &Rc<RefCell<Table>>,
        events: Vec<ActivityEvent>,
        extra: Vec<Write>,
    ) -> Option<Vec<bool>> {
        let mut fitted = Vec::new();
        let mut changes = Changes::default();
        let (mut any, mut extra) = (!extra.is_empty(), extra);
        for event in events {
            let now = self.now();
            let applied = table
                .borrow_mut()
                .state
                .apply(event, now, &self.manner.limits);
            fitted.push(applied.is_ok());
            if let Ok(changed) = applied {
                any = true;
                changes.merge(changed);
            }
            if changes.written.len() + changes.deleted.len() > WRITES {
                let writes = writes(
                    &table.borrow(),
                    &std::mem::take(&mut changes),
                    std::mem::take(&mut extra),
                );
                self.commit_table(table, writes).await?;
                any = false;
            }
        }
        if any {
            let writes = writes(&table.borrow(), &changes, extra);
            self.commit_table(table, writes).await?;
        }
        Some(fitted)
    }

    async fn commit_table(&self, table: &Rc<RefCell<Table>>, mut writes: Vec<Write>) -> Option<()> {
        loop {
            match self.commit(writes.clone()).await {
                Ok(etag) => {
                    let mut table = table.borrow_mut();
                    table.etag = etag;
                    table.since = self.link.sim.now();
                    return Some(());
                }
                Err(Refusal::Down) => self.link.sim.clock.sleep(500).await,
                // Nobody else writes an activity but a worker that took it over.
                Err(Refusal::Conflict) => {
                    self.leave();
                    return None;
                }
            }
            if self.lost.get() {
                return None;
            }
            if let Some(Write::Replace(_, _, etag)) = writes.first_mut() {
                *etag = table.borrow().etag;
            }
        }
    }

    /// Puts something into a table's inbox and wakes its loop.
    pub(super) fn post(&self, id: &ActivityId, item: Item) {
        let shared = self.shared.borrow();
        let Some(table) = shared.tables.get(id) else {
            return;
        };
        table.borrow_mut().inbox.push(item);
        self.link.sim.clock.notify(table.borrow().task);
    }

    /// Stores events and waits until that is done; false when they did not fit.
    pub(super) async fn submit(&self, id: &ActivityId, events: Vec<ActivityEvent>) -> bool {
        let reply = Rc::new(Reply::default());
        reply.task.set(self.link.sim.clock.current());
        self.post(
            id,
            Item {
                events,
                finished: None,
                reply: Some(Rc::clone(&reply)),
            },
        );
        while reply.stored.get().is_none() {
            if self.lost.get() {
                return false;
            }
            self.link.sim.clock.wait(self.link.sim.now() + 10_000).await;
        }
        reply.stored.get().unwrap_or(false)
    }

    pub(super) fn wake_table(&self, id: &ActivityId) {
        let shared = self.shared.borrow();
        if let Some(table) = shared.tables.get(id) {
            self.link.sim.clock.notify(table.borrow().task);
        }
    }

    /// Wakes tables that had no free slot.
    pub(super) fn wake_hungry(&self, but: &ActivityId) {
        let shared = self.shared.borrow();
        for (id, table) in &shared.tables {
            if id != but && table.borrow().hungry {
                self.link.sim.clock.notify(table.borrow().task);
            }
        }
    }

    /// Drives a table until its iteration is completed and tidy.
    pub(super) async fn drive(self: Rc<Self>, table: Rc<RefCell<Table>>) {
        let id = table.borrow().state.head.id.clone();
        while !self.lost.get() {
            let Some(finished) = self.take_in(&table).await else {
                return;
            };
            if self.settle(&table).await {
                self.wake_hungry(&id);
                table.borrow_mut().idle = true;
                self.wake_main();
                return;
            }
            let decisions = self.decide(&table);
            let wake_at = decisions.wake_at;
            let acted = !decisions.actions.is_empty() || !decisions.events.is_empty();
            if !self.carry_out(&table, decisions).await {
                return;
            }
            if finished {
                self.wake_hungry(&id);
            }
            if !acted || !table.borrow().inbox.is_empty() {
                let now = self.link.sim.now();
                let until = wake_at
                    .map_or(now + 60_000, |at| at.0.min(now + 60_000))
                    .max(now + 1);
                if table.borrow().inbox.is_empty() {
                    self.link.sim.clock.wait(until).await;
                }
            }
        }
    }

    /// Applies and stores what is in the inbox; whether an action ended.
    async fn take_in(&self, table: &Rc<RefCell<Table>>) -> Option<bool> {
        let items = std::mem::take(&mut table.borrow_mut().inbox);
        let mut finished = false;
        let counts: Vec<usize> = items.iter().map(|item| item.events.len()).collect();
        let mut items = items;
        let events: Vec<ActivityEvent> = items
            .iter_mut()
            .flat_map(|item| std::mem::take(&mut item.events))
            .collect();
        let extra = self.sweeps_of(&table.borrow(), &events);
        let fitted = self.record(table, events, extra).await?;
        let mut fitted = fitted.into_iter();
        for (item, count) in items.into_iter().zip(counts) {
            let all = fitted.by_ref().take(count).filter(|one| !one).count() == 0;
            if let Some(subject) = item.finished {
                self.shared.borrow_mut().observed.in_flight.remove(&subject);
                finished = true;
            }
            if let Some(reply) = item.reply {
                reply.stored.set(Some(all));
                self.link.sim.clock.notify(reply.task.get());
            }
        }
        Some(finished)
    }

    /// Files and staging tables that a late command may make again are deleted once more later.
    fn sweeps_of(&self, table: &Table, events: &[ActivityEvent]) -> Vec<Write> {
        let id = &table.state.head.id;
        let due = self.link.sim.now() + self.manner.limits.operation_timeout;
        let sweep = |what: String| Write::Put(Key::Sweep(id.clone(), what), Value::Sweep(due));
        events
            .iter()
            .filter_map(|event| {
                if let ActivityEvent::StagingDropped { name } = event {
                    Some(sweep(format!("table:{name}")))
                } else if let ActivityEvent::Reconciled { .. } = event {
                    Some(sweep(format!("files:{id}/{}/", table.state.head.iteration)))
                } else {
                    None
                }
            })
            .collect()
    }

    fn decide(&self, table: &Rc<RefCell<Table>>) -> Decisions {
        let active_blocks = self.active_blocks();
        let mut slots = self.free_slots();
        let shared = self.shared.borrow();
        let mut table = table.borrow_mut();
        let prefix = AttemptTag::prefix(INCARNATION, &table.state.head.id);
        let context = Context {
            observed: &shared.observed,
            check_values: self.manner.check_values,
            tag_prefix: &prefix,
            epoch: self.epoch.get(),
            begin_work: true,
            keep_staging: self.keeps_staging(),
            active_blocks,
            now: self.now(),
            limits: &self.manner.limits,
        };
        let mut random = || self.link.sim.world().rng.u128(..);
        let mut decisions = decide(&table.state, &context, &mut slots, &mut random);
        table.hungry = slots.exports == 0
            || slots.ingestions == 0
            || slots.queries == 0
            || active_blocks >= self.manner.limits.active_blocks;
        if let Some(pacing) = self.manner.pacing {
            let now = self.link.sim.now();
            let turn = |action: &Action| until_turn(now, pacing.of(action));
            if let Some(wait) = decisions
                .actions
                .iter()
                .map(turn)
                .filter(|wait| *wait > 0)
                .min()
            {
                let waiting: Vec<Action> = decisions
                    .actions
                    .extract_if(.., |action| turn(action) > 0)
                    .collect();
                decisions
                    .events
                    .retain(|event| !waiting.iter().any(|action| intends(action, event)));
                let at = Millis(now + wait);
                decisions.wake_at = Some(decisions.wake_at.map_or(at, |before| before.min(at)));
            }
        }
        decisions
    }

    pub(super) fn keeps_staging(&self) -> bool {
        self.link.sim.look().goal.keep_staging && !self.last_tidy.get()
    }

    /// Stores the intents, then begins the actions.
    async fn carry_out(self: &Rc<Self>, table: &Rc<RefCell<Table>>, decisions: Decisions) -> bool {
        let id = table.borrow().state.head.id.clone();
        for action in &decisions.actions {
            self.shared
                .borrow_mut()
                .observed
                .in_flight
                .insert(action.subject(&id));
        }
        if self
            .record(table, decisions.events, Vec::new())
            .await
            .is_none()
        {
            return false;
        }
        for action in decisions.actions {
            let (own, table, id) = (Rc::clone(self), Rc::clone(table), id.clone());
            self.link.sim.spawn(self.link.owner, async move {
                let subject = action.subject(&id);
                let events = own.act(&table, &id, action).await;
                let events = events.unwrap_or_else(|_| {
                    let until = own.now().plus(own.manner.limits.retry_pause);
                    own.shared
                        .borrow_mut()
                        .observed
                        .pauses
                        .insert(subject.clone(), until);
                    Vec::new()
                });
                own.post(
                    &id,
                    Item {
                        events,
                        finished: Some(subject),
                        reply: None,
                    },
                );
            });
        }
        true
    }

    /// Tells the database of a completed table, and whether nothing is left to do.
    async fn settle(&self, table: &Rc<RefCell<Table>>) -> bool {
        let completed = matches!(table.borrow().state.head.phase, Phase::Completed { .. });
        if completed && !table.borrow().reported {
            let interval = self.manner.pacing.map_or(0, |pacing| pacing.finish);
            let turn = until_turn(self.link.sim.now(), interval);
            self.link.sim.clock.sleep(turn).await;
            if !self.report_completed(table).await {
                return true;
            }
            table.borrow_mut().reported = true;
            self.wake_main();
        }
        let tidy = table.borrow().state.is_tidy(self.keeps_staging());
        tidy && table.borrow().inbox.is_empty()
    }
}

/// Whether an event is the intent of an action.
fn intends(action: &Action, event: &ActivityEvent) -> bool {
    let ActivityEvent::Block { number, .. } = event else {
        return false;
    };
    if let Action::Export { block } | Action::Ingest { block } = action {
        block == number
    } else {
        matches!(action, Action::Move { blocks } if blocks.contains(number))
    }
}

fn writes(table: &Table, changes: &Changes, extra: Vec<Write>) -> Vec<Write> {
    let id = &table.state.head.id;
    let head = Value::Head(Box::new(table.state.head.clone()));
    let mut writes = vec![Write::Replace(Key::Head(id.clone()), head, table.etag)];
    for number in &changes.written {
        if let Some(block) = table.state.blocks.get(number) {
            writes.push(Write::Put(
                Key::Block(id.clone(), *number),
                Value::Block(Box::new(block.clone())),
            ));
        }
    }
    for number in &changes.deleted {
        writes.push(Write::Delete(Key::Block(id.clone(), *number)));
    }
    writes.extend(extra);
    writes
}
