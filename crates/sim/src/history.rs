//! Histories: a world, workers and what befalls them, run to the end and checked at each step.

use std::collections::BTreeMap;

use kusto_copy_core::limits::{Limits, PlanOrder};
use kusto_copy_core::vocabulary::Millis;

use crate::clock::{Clock, Executor, NATURE, Owner};
use crate::model::faults::Faults;
use crate::model::nature::Batch;
use crate::model::store::{Key, Value};
use crate::model::{Happening, Sim, Times, World};
use crate::worker::{Manner, Worker};

/// When histories begin: a moment in 2026.
pub const START: u64 = 1_780_000_000_000;
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// What a history came to.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Steps of tasks.
    pub steps: u64,
    /// Iterations committed.
    pub iterations: u32,
    /// Rows at the source at the end.
    pub rows: usize,
    /// Workers started.
    pub workers: u32,
    /// Operations at both clusters.
    pub operations: usize,
    /// Why it is stuck, if something is held.
    pub stuck: Option<String>,
    /// How often what was seen.
    pub seen: BTreeMap<(&'static str, &'static str), u64>,
    /// Milliseconds until the last step.
    pub ended: u64,
}

/// A history that runs.
pub struct History {
    /// The world and its clock.
    pub sim: Sim,
    /// How workers work.
    pub manner: Manner,
    executor: Executor,
    /// Steps after which it counts as endless.
    pub most_steps: u64,
}

/// Small limits, so that little data makes many blocks, groups and moves.
#[must_use]
pub fn small_limits() -> Limits {
    Limits {
        block_rows: 12,
        block_bytes: 10_000,
        active_blocks: 40,
        blocks_per_plan: 6,
        group_members: 4,
        extents_per_slice: 3,
        bins: 8,
        slice_rows: 60,
        small_rows: 4,
        failures: 8,
        move_extents: 30,
        sync_move_extents: 2,
        unit_blocks: 4,
        ..Limits::default()
    }
}

/// Service times of a few seconds.
pub const TIMES: Times = Times {
    way: 20,
    query: 40,
    store: 6,
    export: (2_000, 100),
    ingest: (3_000, 100),
    shift: 800,
    jitter: 50,
};

impl History {
    /// A history without faults, chaos or rows.
    #[must_use]
    pub fn quiet(seed: u64) -> Self {
        let clock = Clock::default();
        let executor = Executor::new(clock.clone(), START);
        let sim = Sim::new(clock, World::new(seed, TIMES));
        let manner = Manner {
            limits: small_limits(),
            check_values: false,
            impatient: false,
            retention: None,
            pause: 5_000,
            pacing: None,
            looks_backwards: false,
        };
        Self {
            sim,
            manner,
            executor,
            most_steps: 400_000,
        }
    }

    /// A random history of this seed.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut history = Self::quiet(seed);
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
        let limits = &mut history.manner.limits;
        limits.block_rows = rng.u64(3..20);
        limits.bins = rng.i64(2..16);
        limits.small_rows = rng.u64(0..8);
        limits.move_extents = rng.usize(24..48);
        limits.failures = rng.u32(2..9);
        limits.blocks_per_plan = rng.usize(4..12);
        limits.active_blocks = rng.usize(5..40);
        if rng.bool() {
            limits.plan_order = PlanOrder::NewestFirst;
        }
        history.manner.check_values = rng.bool();
        if rng.u32(0..5) == 0 {
            history.keep_only(2 * DAY);
        }
        history.manner.pause = rng.u64(5_000..5 * MINUTE);
        {
            let mut world = history.sim.world();
            world.faults = Faults::random(&mut rng);
            world.capacity = (rng.u32(1..5), rng.u32(1..5));
            world.file_rows = rng.usize(1..6);
            world.source.result_limit = rng.usize(10..60);
            world.goal.keep_staging = rng.bool();
        }
        let tables: Vec<String> = (0..rng.usize(1..4))
            .map(|number| format!("T{number}"))
            .collect();
        history.populate(&tables, &mut rng);
        let quiet_at = START + rng.u64(5 * MINUTE..40 * MINUTE);
        let (sim, own) = (history.sim.clone(), fastrand::Rng::with_seed(seed ^ 0xa44));
        history
            .sim
            .spawn(NATURE, nature(sim, tables, own, quiet_at));
        let (sim, manner) = (history.sim.clone(), history.manner.clone());
        let own = fastrand::Rng::with_seed(seed ^ 0xc405);
        history
            .sim
            .spawn(NATURE, supervise(sim, manner, own, quiet_at));
        history
    }

    /// The destination keeps rows so many milliseconds; histories last less than a day.
    fn keep_only(&mut self, retention: u64) {
        self.manner.retention = Some(retention);
        let cutoff = Millis(START + DAY - retention).ticks();
        self.sim.world().checker.expired_before = Some(cutoff);
    }

    /// Rows that are there before the copy begins.
    fn populate(&self, tables: &[String], rng: &mut fastrand::Rng) {
        let mut world = self.sim.world();
        for table in tables {
            for _ in 0..rng.usize(0..6) {
                let batch = random_batch(rng, true);
                let ago = rng.u64(0..3 * 24 * 60 * MINUTE);
                world.arrive(table, batch, START - ago);
            }
            let empty = Batch {
                rows: 0,
                apart: 0,
                days_old: 0,
                timed: true,
                streaming: true,
            };
            world.arrive(table, empty, START);
        }
        world.assign_cursors();
    }

    /// A named test's source: one table with batches of rows, their cursors assigned.
    pub fn table(&self, name: &str, batches: &[Batch]) {
        let mut world = self.sim.world();
        for (number, batch) in batches.iter().enumerate() {
            let ago = (batches.len() - number) as u64 * MINUTE;
            world.arrive(name, *batch, START - ago);
        }
        world.assign_cursors();
    }

    /// Calls this at everything that happens.
    pub fn hook(&self, hook: impl FnMut(&Happening, &Sim) + 'static) {
        self.sim.world().script.hook = Some(Box::new(hook));
    }

    /// Wants so many iterations.
    pub fn want(&self, iterations: u32) {
        self.sim.world().goal.iterations = Some(iterations);
    }

    /// Starts a worker now.
    pub fn worker(&self, owner: Owner) {
        Worker::start(&self.sim, owner, self.manner.clone());
    }

    /// Starts a worker after a while.
    pub fn worker_after(&self, milliseconds: u64, owner: Owner, manner: Manner) {
        let sim = self.sim.clone();
        self.sim.spawn(NATURE, async move {
            sim.clock.sleep(milliseconds).await;
            Worker::start(&sim, owner, manner);
        });
    }

    /// Does something after a while.
    pub fn after(&self, milliseconds: u64, act: impl FnOnce(&Sim) + 'static) {
        let sim = self.sim.clone();
        self.sim.spawn(NATURE, async move {
            sim.clock.sleep(milliseconds).await;
            act(&sim);
        });
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// The violated invariants, or that it does not end.
    pub fn run(&mut self) -> Result<Summary, String> {
        let mut steps = 0;
        while self.executor.step() {
            steps += 1;
            {
                let world = self.sim.look();
                if let Some(violation) = world.checker.violations.first() {
                    return Err(violation.clone());
                }
                if let Some(misuse) = world.store.misuse.first() {
                    return Err(format!("the store cannot take {misuse}"));
                }
            }
            if steps > self.most_steps {
                return Err(format!(
                    "(15) no end after {steps} steps: {}",
                    self.standing()
                ));
            }
        }
        let summary = self.summary(steps);
        if summary.stuck.is_none() {
            let mut checker = std::mem::take(&mut self.sim.world().checker);
            let wrong = checker.finished(&self.sim.look());
            if let Some(first) = wrong.first() {
                return Err(first.clone());
            }
            if !self.sim.look().goal.done {
                return Err(format!("(15) ended before its goal: {}", self.standing()));
            }
        }
        Ok(summary)
    }

    fn summary(&self, steps: u64) -> Summary {
        let world = self.sim.look();
        let iterations = match world.store.get(&Key::Database).map(|entity| &entity.value) {
            Some(Value::Database(database)) => database.committed,
            Some(_) | None => 0,
        };
        Summary {
            steps,
            iterations,
            rows: world
                .source
                .tables
                .values()
                .map(|table| table.rows.len())
                .sum(),
            workers: u32::try_from(world.store.newest_epoch()).unwrap_or(u32::MAX),
            operations: world.operations.len(),
            stuck: world.goal.stuck.clone(),
            seen: world.checker.seen.clone(),
            ended: self.sim.now() - START,
        }
    }

    /// Where every table and block stands, for messages.
    #[must_use]
    pub fn standing(&self) -> String {
        let world = self.sim.look();
        let mut lines = vec![format!("at {} ms", self.sim.now() - START)];
        for (key, entity) in world.store.all() {
            match &entity.value {
                Value::Head(head) => {
                    lines.push(format!(
                        "{} {} {} held {:?} ghosts {:?}",
                        head.source_table,
                        head.iteration,
                        head.phase.name(),
                        head.held,
                        head.ghosts
                    ));
                }
                Value::Block(block) => lines.push(format!(
                    "  block {} of {:?} attempts {} failures {} {:?}: {:?}",
                    block.number.0,
                    block.group.map(|group| group.first.0),
                    block.attempts,
                    block.failures,
                    block.last_failure,
                    block.state
                )),
                Value::Database(database) => lines.push(format!("{:?}", database.phase)),
                Value::Lease(_)
                | Value::Table(_)
                | Value::Due(_)
                | Value::Marker
                | Value::Sweep(_) => {
                    lines.push(format!("{key:?}"));
                }
            }
        }
        lines.extend(world.checker.notes.iter().take(5).cloned());
        lines.join("\n")
    }
}

fn random_batch(rng: &mut fastrand::Rng, old: bool) -> Batch {
    let apart = [0, 0, 1, 7, 10_000, 60_000_000];
    Batch {
        rows: rng.usize(1..30),
        apart: apart.get(rng.usize(0..apart.len())).copied().unwrap_or(0),
        days_old: if rng.u32(0..4) == 0 { rng.i64(0..4) } else { 0 },
        timed: !old || rng.u32(0..6) > 0,
        streaming: rng.u32(0..6) == 0,
    }
}

/// Arrivals, merges and deletes until it is quiet; then the goal is set.
async fn nature(sim: Sim, mut tables: Vec<String>, mut rng: fastrand::Rng, quiet_at: u64) {
    while sim.now() < quiet_at {
        sim.clock.sleep(rng.u64(1_000..60_000)).await;
        let now = sim.now();
        let Some(table) = tables.get(rng.usize(0..tables.len())).cloned() else {
            return;
        };
        let mut world = sim.world();
        match rng.u32(0..14) {
            0..=2 => {
                let batch = random_batch(&mut rng, false);
                world.arrive(&table, batch, now);
            }
            3..=5 => world.assign_cursors(),
            6 | 7 => world.merge_source(&table),
            8 | 9 => world.merge_destination(&table),
            10 => world.flush(&table, now),
            11 => world.delete_rows(&table, rng.usize(1..5)),
            12 => world.add_column(&table),
            _ => {
                if tables.len() < 5 {
                    let name = format!("N{}", tables.len());
                    let batch = random_batch(&mut rng, false);
                    world.arrive(&name, batch, now);
                    tables.push(name);
                }
            }
        }
    }
    sim.clock.sleep(30_000).await;
    let mut world = sim.world();
    world.assign_cursors();
    world.faults = Faults::default();
    let open = match world.store.get(&Key::Database).map(|entity| &entity.value) {
        Some(Value::Database(database)) => database.committed,
        Some(_) | None => 0,
    };
    world.goal.iterations = Some(open + 2);
}

/// Starts workers, kills and freezes them, lets two work at once; until it is quiet.
async fn supervise(sim: Sim, manner: Manner, mut rng: fastrand::Rng, quiet_at: u64) {
    let mut newest: Owner = 0;
    let mut asleep = false;
    let mut restarts = 0;
    loop {
        let stuck = {
            let world = sim.look();
            if world.goal.done {
                return;
            }
            world.goal.stuck.is_some()
        };
        let gone = newest == 0 || asleep || !sim.clock.is_alive(newest);
        if gone {
            if stuck {
                restarts += 1;
                if restarts > 6 {
                    return;
                }
                sim.world().goal.stuck = None;
            }
            newest += 1;
            asleep = false;
            Worker::start(&sim, newest, manner.clone());
        }
        sim.clock.sleep(rng.u64(1_000..90_000)).await;
        if sim.now() > quiet_at {
            continue;
        }
        match rng.u32(0..8) {
            0 | 1 => sim.clock.kill(newest),
            2 => {
                let until = sim.now() + rng.u64(1..60) * MINUTE;
                sim.clock.freeze(newest, until);
                asleep = true;
            }
            3 => {
                newest += 1;
                Worker::start(
                    &sim,
                    newest,
                    Manner {
                        impatient: true,
                        ..manner.clone()
                    },
                );
            }
            _ => {}
        }
    }
}
