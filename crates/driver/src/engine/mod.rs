//! The loop that advances a job: gather what effects brought back, decide, store the intents,
//! send the effects, wait for the next thing to happen.
//!
//! One task owns all state; effects run beside it and return events. Nothing is sent before the
//! store confirmed the intent. After a conflict or a lost answer of the store the activity is
//! read again: its stored state is the truth, and results that no longer fit are refused by the
//! core.

mod activities;
mod aside;
mod capacity;
mod cut;
mod durations;
mod finish;
mod idle;
mod mark;
mod observe;
mod open;
mod pace;
mod requests;
mod results;
mod slots;
mod stuck;
mod sweep;
mod take_up;
#[cfg(test)]
mod testing;

pub(crate) use open::{Obstacle, opening_due};
pub(crate) use pace::{End, Pace};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kusto_copy_core::activity::{ActivityEvent, ActivityState};
use kusto_copy_core::block::Block;
use kusto_copy_core::decide::{
    Action, Context, Decisions, FreeSlots, Observations, Subject, decide,
};
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber, Millis, Ticks};
use kusto_copy_store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::now;
use crate::control::ControlRecord;
use crate::cost::Meter;
use crate::effects::{self, Outcome, Task, Workplace};
use crate::error::DriverError;
use crate::heartbeat::Pulse;
use crate::job::RunOptions;
use crate::lease::JobLease;
use crate::persist::{StoredActivity, StoredDatabase};
use crate::report::{JobState, Report};
use crate::tally::Counted;
use observe::Watcher;

/// Between two reports at least.
const REPORT_EVERY: u64 = 200;
/// Waits are cut here: the lease has to be renewed and a stop noticed.
const LONGEST_WAIT: u64 = 1_000;
/// Rounds of decisions on one activity before others have their turn.
const ROUNDS: usize = 4;
/// Activities whose changes are stored at once.
const STORED_AT_ONCE: usize = 16;

/// One database of the job and what is at work on it.
pub(crate) struct Side {
    /// Its entities.
    pub(crate) stored: StoredDatabase,
    /// What effects of its tables work with; replaced with each iteration's catalog.
    pub(crate) place: Arc<Workplace>,
    /// Whether this run opened an iteration already (not continuous: one is enough).
    pub(crate) opened: bool,
    /// What stands in the way of its next iteration.
    pub(crate) obstacle: Option<Obstacle>,
}

/// An activity at work.
pub(crate) struct Live {
    pub(crate) stored: StoredActivity,
    pub(crate) side: usize,
    /// When the table's newest extent was made.
    newest: Option<Ticks>,
    check_values: Option<bool>,
    /// Whether the completed iteration's files are deleted while a command may still run.
    files_deleted: bool,
    tag_prefix: String,
}

struct Done {
    activity: ActivityId,
    subject: Subject,
    outcome: Outcome,
}

/// What an execution of a job begins with.
pub(crate) struct Start {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) options: RunOptions,
    pub(crate) lease: JobLease,
    pub(crate) incarnation: String,
    /// The job's name for markers.
    pub(crate) job: String,
    pub(crate) sides: Vec<Side>,
    /// What a person asks.
    pub(crate) control: ControlRecord,
    pub(crate) pulse: Pulse,
    pub(crate) meter: Arc<Meter>,
    pub(crate) pace: Pace,
    /// When the execution began: its budget counts from here.
    pub(crate) begun: Instant,
}

/// An execution of a job.
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) options: RunOptions,
    pub(crate) lease: JobLease,
    pub(crate) incarnation: String,
    pub(crate) job: String,
    pub(crate) sides: Vec<Side>,
    pub(crate) live: BTreeMap<ActivityId, Live>,
    pub(crate) observed: Observations,
    pub(crate) watcher: Watcher,
    pub(crate) pulse: Pulse,
    control: ControlRecord,
    meter: Arc<Meter>,
    pace: Pace,
    begun: Instant,
    /// Whether anything was done but looking.
    worked: bool,
    /// Actions in flight that run queries at the source.
    querying: BTreeSet<Subject>,
    tasks: JoinSet<Done>,
    results: VecDeque<(ActivityId, ActivityEvent)>,
    troubled: BTreeMap<Subject, u32>,
    reported: Millis,
    wake_at: Option<Millis>,
    sweep_pause: Option<Millis>,
    /// The wish to start that was seen last, and the databases that opened an iteration for it.
    started: (Option<String>, BTreeSet<usize>),
    /// Excluded tables that are held while they are tidied: nothing waits for them.
    aside: BTreeSet<ActivityId>,
}

impl Engine {
    pub(crate) fn new(start: Start) -> Self {
        let watcher = Watcher::new(&start.options, &start.pulse.record.capacities);
        Self {
            store: start.store,
            options: start.options,
            lease: start.lease,
            incarnation: start.incarnation,
            job: start.job,
            sides: start.sides,
            live: BTreeMap::new(),
            observed: Observations::default(),
            watcher,
            pulse: start.pulse,
            control: start.control,
            meter: start.meter,
            pace: start.pace,
            begun: start.begun,
            worked: false,
            querying: BTreeSet::new(),
            tasks: JoinSet::new(),
            results: VecDeque::new(),
            troubled: BTreeMap::new(),
            reported: Millis(0),
            wake_at: None,
            sweep_pause: None,
            started: (None, BTreeSet::new()),
            aside: BTreeSet::new(),
        }
    }

    /// Works until the execution has come to its end.
    pub(crate) async fn work(
        &mut self,
        progress: &watch::Sender<Report>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<End, DriverError> {
        // However small the budget is, what can be sent at once is sent.
        let mut is_first = true;
        loop {
            let ending = *stop.borrow() || (!is_first && self.is_out_of_budget());
            is_first = false;
            self.keep().await?;
            self.gather()?;
            self.absorb().await?;
            if !ending {
                self.sweep().await?;
                self.open_iterations().await?;
                self.answer_requests().await?;
            }
            // After activities were taken to work: what runs of theirs is looked at before
            // anything is decided.
            self.observe(ending).await;
            let acted = self.advance(ending).await?;
            self.worked |= acted;
            self.finish_tables().await?;
            // Tables that finished leave room for others.
            let acted = acted || (!ending && self.may_take_up());
            self.report(progress, JobState::Running, false);
            if let Some(end) = self.verdict(ending, acted) {
                let stopped = *stop.borrow();
                if let Some(error) = self.take_failure(ending, stopped) {
                    return Err(error);
                }
                self.report(progress, end.state, true);
                return Ok(end);
            }
            self.wait(stop, acted).await?;
        }
    }

    /// When even what is in flight is not waited for any longer.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let budget = self.options.budget?;
        self.begun.checked_add(budget + self.options.grace)
    }

    pub(super) fn is_out_of_budget(&self) -> bool {
        let budget = self.options.budget;
        budget.is_some_and(|budget| self.begun.elapsed() >= budget)
    }

    /// Decides for every activity and acts, some at a time: their intents are stored at once, and
    /// each one's effects are sent once its own are stored. Whether anything was decided.
    async fn advance(&mut self, ending: bool) -> Result<bool, DriverError> {
        let ids = self.in_order();
        let unfinished = |live: &Live| live.stored.state.unfinished().count();
        let mut active: usize = self.live.values().map(unfinished).sum();
        let mut free = self.free_slots();
        let mut acted = false;
        self.wake_at = None;
        for ids in ids.chunks(STORED_AT_ONCE) {
            let mut decided = Vec::new();
            for id in ids {
                let before = self.live.get(id).map_or(0, unfinished);
                let decisions = self.decide_and_apply(id, &mut free, active, ending);
                let actions = decisions.await?;
                acted |= actions.is_some();
                let after = self.live.get(id).map_or(0, unfinished);
                active = (active + after).saturating_sub(before);
                decided.push((id, actions.unwrap_or_default()));
            }
            let stored = self.flush_all(ids).await?;
            decided.retain(|(id, actions)| !actions.is_empty() && stored.contains(id));
            if !decided.is_empty() {
                self.lease.ensure().await?;
            }
            for (id, actions) in decided {
                for action in actions {
                    self.spawn(id, action);
                }
            }
        }
        Ok(acted)
    }

    /// Decides for an activity and applies what needs no effect, until there is something to send:
    /// that is to be sent once the changes are stored. `None` when nothing was decided.
    async fn decide_and_apply(
        &mut self,
        id: &ActivityId,
        free: &mut FreeSlots,
        active: usize,
        ending: bool,
    ) -> Result<Option<Vec<Action>>, DriverError> {
        let mut acted = None;
        for _ in 0..ROUNDS {
            let decisions = self.decide(id, free, active, ending);
            if let Some(at) = decisions.wake_at {
                self.wake_at = Some(self.wake_at.map_or(at, |before| before.min(at)));
            }
            if decisions.events.is_empty() && decisions.actions.is_empty() {
                break;
            }
            acted = Some(Vec::new());
            for event in decisions.events {
                if !self.apply(id, event).await? {
                    // The activity was read again: what was decided on its old state is void.
                    return Ok(acted);
                }
            }
            if !decisions.actions.is_empty() {
                return Ok(Some(decisions.actions));
            }
        }
        Ok(acted)
    }

    /// Activities by the user's priority, then by their newest window.
    fn in_order(&self) -> Vec<ActivityId> {
        let rank = |live: &Live| self.rank(&live.stored.state.head.source_table);
        let mut ids: Vec<(usize, std::cmp::Reverse<Option<i64>>, ActivityId)> = self
            .live
            .iter()
            .map(|(id, live)| {
                let newest = live.newest.map(|ticks| ticks.0);
                (rank(live), std::cmp::Reverse(newest), id.clone())
            })
            .collect();
        ids.sort();
        ids.into_iter().map(|(_, _, id)| id).collect()
    }

    fn decide(
        &mut self,
        id: &ActivityId,
        free: &mut FreeSlots,
        active_blocks: usize,
        ending: bool,
    ) -> Decisions {
        let verify = self.options.limits.verify;
        let Some(live) = self.live.get_mut(id) else {
            return Decisions::default();
        };
        if live.check_values.is_none() {
            live.check_values = live
                .stored
                .state
                .head
                .phase
                .layout()
                .map(|layout| effects::needs_value_check(layout, verify));
        }
        let context = Context {
            observed: &self.observed,
            check_values: live.check_values.unwrap_or(true),
            tag_prefix: &live.tag_prefix,
            epoch: self.lease.epoch(),
            begin_work: !ending && self.control.paused.is_none(),
            keep_staging: self.options.continuous,
            active_blocks,
            now: now(),
            limits: &self.options.limits,
        };
        decide(&live.stored.state, &context, free, &mut || {
            Uuid::new_v4().as_u128()
        })
    }

    fn spawn(&mut self, id: &ActivityId, action: Action) {
        let Some(live) = self.live.get(id) else {
            return;
        };
        let subject = action.subject(id);
        if !self.observed.in_flight.insert(subject.clone()) {
            return;
        }
        if action.is_query() {
            self.querying.insert(subject.clone());
        }
        let task = Task {
            blocks: blocks_of(&action, &live.stored.state),
            head: live.stored.state.head.clone(),
            action,
            now: now(),
            table_id: self.sides[live.side].stored.table_id(id),
        };
        for block in &task.blocks {
            self.observed
                .still_staged
                .remove(&(id.clone(), block.number));
        }
        let place = Arc::clone(&self.sides[live.side].place);
        let activity = id.clone();
        self.tasks.spawn(async move {
            let outcome = effects::execute(place, task).await;
            Done {
                activity,
                subject,
                outcome,
            }
        });
    }

    /// Waits for an effect's result, a moment to act at, or the wish to stop.
    async fn wait(
        &mut self,
        stop: &mut watch::Receiver<bool>,
        acted: bool,
    ) -> Result<(), DriverError> {
        if acted && self.tasks.is_empty() {
            return Ok(());
        }
        let moment = now();
        let wait = self
            .next_moment()
            .map_or(LONGEST_WAIT, |at| at.since(moment))
            .clamp(1, LONGEST_WAIT);
        let stopping = *stop.borrow();
        tokio::select! {
            done = self.tasks.join_next(), if !self.tasks.is_empty() => {
                if let Some(done) = done {
                    self.joined(done)?;
                }
            }
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            _ = stop.changed(), if !stopping => {}
        }
        Ok(())
    }

    /// What is at work, as reports see it.
    fn counted(&self, now: Millis) -> impl Iterator<Item = Counted<'_>> {
        let states = self.live.values().map(|live| &live.stored.state);
        states.map(move |state| Counted::of(state, now))
    }

    pub(crate) fn report(&mut self, progress: &watch::Sender<Report>, state: JobState, last: bool) {
        let moment = now();
        if last || moment.since(self.reported) >= REPORT_EVERY {
            self.reported = moment;
            let sides = self.sides.iter().map(|side| &side.stored);
            let report = crate::progress::report(sides, self.counted(moment), state, moment);
            progress.send_replace(self.circumstances().add_to(report));
        }
    }
}

fn blocks_of(action: &Action, state: &ActivityState) -> Vec<Block> {
    let numbers: Vec<BlockNumber> = match action {
        Action::Replan { blocks }
        | Action::Move { blocks }
        | Action::ReadMove { blocks, .. }
        | Action::LookMove { blocks }
        | Action::Fold { blocks } => blocks.clone(),
        Action::Export { block }
        | Action::ReadExport { block, .. }
        | Action::CheckValues { block }
        | Action::Recount { block }
        | Action::Ingest { block }
        | Action::ReadIngest { block, .. }
        | Action::DropStaged { block, .. } => vec![*block],
        Action::Prepare | Action::Plan | Action::Reconcile | Action::DropStaging { .. } => {
            Vec::new()
        }
    };
    numbers
        .iter()
        .filter_map(|number| state.blocks.get(number))
        .cloned()
        .collect()
}
