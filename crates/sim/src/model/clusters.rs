//! How calls reach the clusters and what commands do there: late, twice, halfway or not at all.

use kusto_copy_core::block::{ExportedFile, ItemLoaded, Mode};
use kusto_copy_core::decide::OperationState;
use kusto_copy_core::vocabulary::{OperationId, Ticks};

use super::destination::{Copied, Extent};
use super::operations::{Command, Operation, Progress};
use super::{Sim, Span, World};
use crate::clock::{NATURE, Owner};
use kusto_copy_core::vocabulary::ActivityId;

/// Why a call came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Refused before anything ran.
    Refused,
    /// Refused for lack of a slot, before anything ran.
    Throttled,
    /// The answer never came.
    Lost,
}

/// A worker's connection to the clusters.
#[derive(Clone)]
pub struct Link {
    /// The world.
    pub sim: Sim,
    /// The worker.
    pub owner: Owner,
}

impl Link {
    /// A query or a short command. `act` is done at most once.
    ///
    /// # Errors
    /// Refused: nothing was done. Lost: it was.
    pub async fn ask<T>(
        &self,
        name: &'static str,
        activity: Option<&ActivityId>,
        act: impl FnOnce(&mut World) -> T,
    ) -> Result<T, Trouble> {
        let from = self.sim.now();
        let (way, own) = {
            let world = &mut *self.sim.world();
            let query = world.times.query;
            (world.times.way, world.vary(query))
        };
        self.sim.happens(&format!("before:{name}"), self.owner);
        self.sim.clock.sleep(way + own).await;
        let answer = {
            let mut world = self.sim.world();
            let odds = world.faults;
            if world.roll(odds.transient) {
                None
            } else {
                let span = Span {
                    name,
                    activity: activity.cloned(),
                    blocks: Vec::new(),
                    from: from + way,
                    to: from + way + own,
                };
                world.span(span);
                let answer = act(&mut world);
                Some((answer, world.roll(odds.lost_short)))
            }
        };
        self.sim.happens(&format!("after:{name}"), self.owner);
        self.sim.clock.sleep(way).await;
        match answer {
            None => Err(Trouble::Refused),
            Some((_, true)) => Err(Trouble::Lost),
            Some((answer, false)) => Ok(answer),
        }
    }

    /// Sends a command that moves rows, once.
    ///
    /// # Errors
    /// Throttled: nothing runs. Lost: nobody knows.
    pub async fn send(
        &self,
        command: Command,
        mode: Mode,
        epoch: u64,
    ) -> Result<OperationId, Trouble> {
        let name = command.name();
        let sim = &self.sim;
        let (way, stale) = {
            let mut world = sim.world();
            let stale = world.store.newest_epoch() > epoch;
            world.checker.sent(&command, stale);
            (world.times.way, stale)
        };
        sim.happens(&format!("before:{name}"), self.owner);
        sim.clock.sleep(way).await;
        let started = self.deliver(command, (!stale).then_some(epoch));
        sim.happens(&format!("after:{name}"), self.owner);
        let Some(id) = started else {
            sim.clock.sleep(60_000).await;
            return Err(Trouble::Lost);
        };
        let ends = {
            let world = sim.look();
            let operation = world.operations.get(&id);
            let throttled =
                operation.is_none_or(|operation| matches!(operation.progress, Progress::Throttled));
            if throttled && (mode == Mode::Sync || id.as_str().ends_with(['0', '2', '4', '6', '8']))
            {
                return Err(Trouble::Throttled);
            }
            operation.map_or(0, |operation| operation.ends)
        };
        if mode == Mode::Sync {
            sim.clock.sleep(ends.saturating_sub(sim.now())).await;
        }
        sim.clock.sleep(way).await;
        let mut world = sim.world();
        let odds = world.faults;
        if world.roll(odds.lost_answer) {
            Err(Trouble::Lost)
        } else {
            Ok(id)
        }
    }

    /// Brings a command to its cluster, unless it is lost or late.
    fn deliver(&self, command: Command, sender: Option<u64>) -> Option<OperationId> {
        let sim = &self.sim;
        let (lost, late, twice) = {
            let mut world = sim.world();
            let odds = world.faults;
            let scripted = world.script.delay.remove(command.name());
            let random = world
                .roll(odds.late)
                .then(|| world.rng.u64(0..=odds.late_by));
            let twice = world
                .roll(odds.twice)
                .then(|| world.rng.u64(0..=odds.late_by / 4));
            (world.roll(odds.never_arrives), scripted.or(random), twice)
        };
        if let Some(delay) = late {
            later(sim, command, delay);
            return None;
        }
        if lost {
            return None;
        }
        if let Some(delay) = twice {
            later(sim, command.clone(), delay);
        }
        Some(start(sim, command, sender))
    }

    /// The states of operations, as the log shows them.
    ///
    /// # Errors
    /// As any query.
    pub async fn operations(
        &self,
        ids: Vec<OperationId>,
        visibility: u64,
    ) -> Result<Vec<(OperationId, OperationState)>, Trouble> {
        let now = self.sim.now();
        self.ask("operations", None, move |world| {
            ids.into_iter()
                .map(|id| {
                    let state = world.state_of(&id, now, visibility);
                    (id, state)
                })
                .collect()
        })
        .await
    }
}

fn later(sim: &Sim, command: Command, delay: u64) {
    let task = sim.clone();
    let id = sim.spawn(NATURE, async move {
        task.clock.wait(task.now() + delay).await;
        start(&task, command, None);
    });
    sim.world().script.late.push(id);
}

/// Starts a command at its cluster and lets it run.
fn start(sim: &Sim, command: Command, sender: Option<u64>) -> OperationId {
    let now = sim.now();
    let name = command.name();
    let (id, ends) = sim.world().begin(command, now, sender);
    if let Some(ends) = ends {
        let (task, own) = (sim.clone(), id.clone());
        sim.spawn(NATURE, async move {
            task.clock.sleep(ends - now).await;
            task.world().finish(&own);
            task.happens(&format!("ended:{name}"), NATURE);
        });
    }
    id
}

impl World {
    fn state_of(&self, id: &OperationId, now: u64, visibility: u64) -> OperationState {
        let failed = |timed_out| OperationState::Failed {
            state: "Failed".to_owned(),
            status: "a fault".to_owned(),
            timed_out,
        };
        match self.operations.get(id) {
            Some(operation) if operation.visible <= now => match operation.progress {
                Progress::Running => OperationState::Pending,
                Progress::Throttled => OperationState::Throttled,
                Progress::Failed => failed(false),
                Progress::TimedOut => failed(true),
                Progress::Exported(_) | Progress::Ingested(_) | Progress::Moved => {
                    OperationState::Completed
                }
            },
            Some(operation) if now < operation.started + visibility => OperationState::Pending,
            Some(_) | None => OperationState::Forgotten,
        }
    }

    /// Starts a command; without an end when there is no slot for it.
    fn begin(
        &mut self,
        command: Command,
        now: u64,
        sender: Option<u64>,
    ) -> (OperationId, Option<u64>) {
        let id = self.new_operation();
        let odds = self.faults;
        if let Some(epoch) = sender {
            self.check_slots(&command, epoch);
        }
        let full = command
            .slot()
            .is_some_and(|kind| self.running(kind) >= self.slots(kind));
        let throttled = full || (command.slot().is_some() && self.roll(odds.throttled));
        let length = match &command {
            Command::Export {
                table,
                predicate,
                columns,
                ..
            } => {
                let rows: Vec<Copied> = self
                    .source
                    .select(table, predicate)
                    .into_iter()
                    .map(|row| Copied {
                        row: row.id,
                        columns: *columns,
                    })
                    .collect();
                let length = self.times.export.0 + self.times.export.1 * rows.len() as u64;
                self.snapshots.insert(id.clone(), rows);
                length
            }
            Command::Ingest { paths, .. } => {
                let rows: usize = paths
                    .iter()
                    .filter_map(|path| self.lake.files.get(path))
                    .map(Vec::len)
                    .sum();
                self.times.ingest.0 + self.times.ingest.1 * rows as u64
            }
            Command::Move { .. } => self.times.shift,
        };
        let length = self.vary(length).max(1);
        let ends = if throttled { now } else { now + length };
        let visible = now + self.rng.u64(0..200);
        let progress = if throttled {
            Progress::Throttled
        } else {
            Progress::Running
        };
        let operation = Operation {
            id: id.clone(),
            command,
            started: now,
            visible,
            ends,
            progress,
            sender,
        };
        self.operations.insert(id.clone(), operation);
        (id, (!throttled).then_some(ends))
    }

    /// A command arrives that its worker believes to have a slot for. The cluster would refuse one
    /// too many, so what the worker sent itself is counted: abandoned commands that still run, too.
    /// Of an earlier worker's commands it may learn a moment too late.
    fn check_slots(&mut self, arriving: &Command, epoch: u64) {
        let running = self.operations.values().filter(|operation| {
            operation.sender == Some(epoch) && matches!(operation.progress, Progress::Running)
        });
        let mut used = (0, 0);
        for command in running
            .map(|operation| &operation.command)
            .chain([arriving])
        {
            match command {
                Command::Export { .. } => used.0 += 1,
                Command::Ingest { .. } => used.1 += 1,
                Command::Move { .. } => {}
            }
        }
        self.checker.slots(used, self.capacity);
    }

    /// Ends a running command with its effect.
    fn finish(&mut self, id: &OperationId) {
        let Some(operation) = self.operations.get(id).cloned() else {
            return;
        };
        let odds = self.faults;
        let name = operation.command.name();
        let told = self.script.fail.get_mut(name).is_some_and(|left| {
            let any = *left > 0;
            *left = left.saturating_sub(1);
            any
        });
        let fails = told || self.roll(odds.fails);
        let times_out = !fails && self.roll(odds.times_out);
        let bad = if fails {
            Some(Progress::Failed)
        } else if times_out {
            Some(Progress::TimedOut)
        } else {
            None
        };
        let blocks = match &operation.command {
            Command::Export { of, .. } | Command::Ingest { of, .. } => vec![of.block.0],
            Command::Move { of, .. } => of.iter().map(|attempt| attempt.block.0).collect(),
        };
        self.span(Span {
            name,
            activity: operation.command.activity().cloned(),
            blocks,
            from: operation.started,
            to: operation.ends,
        });
        let progress = match operation.command {
            Command::Export { prefix, .. } => self.finish_export(id, &prefix, bad),
            Command::Ingest {
                staging,
                paths,
                tag,
                creation,
                ..
            } => self.finish_ingest(&staging, &paths, &tag, creation, bad),
            Command::Move {
                staging,
                table,
                extents,
                ..
            } => self.finish_move(&staging, &table, &extents, bad),
        };
        let forgotten = self.roll(odds.forgets);
        if let Some(operation) = self.operations.get_mut(id) {
            operation.progress = progress;
            if forgotten {
                operation.visible = u64::MAX;
            }
        }
    }

    fn finish_export(&mut self, id: &OperationId, prefix: &str, bad: Option<Progress>) -> Progress {
        let rows = self.snapshots.remove(id).unwrap_or_default();
        let mut files = Vec::new();
        let odds = self.faults;
        if bad.is_none() && self.roll(odds.no_files) {
            return Progress::Exported(files);
        }
        for (number, part) in rows.chunks(self.file_rows.max(1)).enumerate() {
            if bad.is_some() && self.rng.bool() {
                continue;
            }
            let path = format!("{prefix}{id}_{number}.csv");
            let bytes = part.len() as u64 * 100;
            files.push(ExportedFile {
                path: path.clone(),
                rows: part.len() as u64,
                bytes,
            });
            self.lake.files.insert(path, part.to_vec());
        }
        if bad.is_none() && self.rng.u32(0..8) == 0 {
            let path = format!("{prefix}{id}_empty.csv");
            files.push(ExportedFile {
                path: path.clone(),
                rows: 0,
                bytes: 0,
            });
            self.lake.files.insert(path, Vec::new());
        }
        bad.unwrap_or(Progress::Exported(files))
    }

    fn finish_ingest(
        &mut self,
        staging: &str,
        paths: &[String],
        tag: &str,
        created: Ticks,
        bad: Option<Progress>,
    ) -> Progress {
        let there = paths.iter().all(|path| self.lake.files.contains_key(path));
        if !there || !self.destination.tables.contains_key(staging) {
            return Progress::Failed;
        }
        let mut loaded = paths.to_vec();
        let odds = self.faults;
        if loaded.len() > 1 && self.roll(odds.file_twice) {
            loaded[1] = loaded[0].clone();
        }
        let mut items = Vec::new();
        for path in loaded {
            if bad.is_some() && self.rng.bool() {
                continue;
            }
            let rows = self.lake.files.get(&path).cloned().unwrap_or_default();
            let size = rows.len().div_ceil(self.extents_of_file).max(1);
            let parts: Vec<Vec<Copied>> = if rows.is_empty() {
                vec![Vec::new()]
            } else {
                rows.chunks(size).map(<[_]>::to_vec).collect()
            };
            for part in parts {
                let extent = self.new_extent();
                items.push(ItemLoaded {
                    extent: extent.clone(),
                    paths: vec![path.clone()],
                    has_errors: false,
                });
                let tags = [tag.to_owned()].into();
                if let Some(table) = self.destination.tables.get_mut(staging) {
                    table.insert(
                        extent,
                        Extent {
                            rows: part,
                            tags,
                            created,
                        },
                    );
                }
            }
        }
        bad.unwrap_or(Progress::Ingested(items))
    }

    fn finish_move(
        &mut self,
        staging: &str,
        table: &str,
        extents: &[kusto_copy_core::vocabulary::ExtentId],
        bad: Option<Progress>,
    ) -> Progress {
        if bad.is_some() {
            return Progress::Failed;
        }
        let before = self.destination.present(staging, extents);
        if !self.destination.move_extents(staging, table, extents) {
            return Progress::Failed;
        }
        self.checker.moved(table, &before, &self.destination);
        Progress::Moved
    }
}
