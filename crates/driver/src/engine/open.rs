//! Opens a database's next iteration: reads its end once for all tables, reads schemas after
//! that, has the tables marked that are due.
//!
//! What stands in the way of one database keeps no other from going on.

use std::collections::BTreeSet;
use std::sync::Arc;

use kusto_copy_core::database::{DatabaseEvent, DatabasePhase};
use kusto_copy_core::vocabulary::{Cursor, Millis};
use kusto_copy_kusto::commands::cursor::CursorReading;
use kusto_copy_kusto::{Call, Database, KustoError};

use super::{Engine, Pace};
use crate::catalog::{Catalog, LateCatalog};
use crate::clock::now;
use crate::complaint::{TOLD, chain};
use crate::effects::Workplace;
use crate::error::DriverError;
use crate::job::RunOptions;

/// An open iteration's source is identified again after so many milliseconds.
const CHECK_EVERY: u64 = 5 * 60_000;
/// A database that was refused is tried again after so many milliseconds.
const REFUSED_PAUSE: u64 = 60_000;
/// Tables that the end is read with at most, one after another.
const CURSOR_TABLES: usize = 3;

/// Why a database's iteration is not opened for a while.
#[derive(Debug)]
pub(crate) struct Obstacle {
    /// Until when.
    until: Millis,
    /// What it is; `None` once the execution has ended with it.
    error: Option<DriverError>,
    /// Whether it passes by itself, or a person has to look at it.
    passes: bool,
}

impl Engine {
    /// When the next iteration of a database is due, in continuous mode.
    pub(super) fn next_opening(&self) -> Option<Millis> {
        let idle = |side: &usize| {
            self.sides[*side].stored.record.open().is_none() && !self.has_live(*side)
        };
        let at = |side: usize| {
            let at = self.due_at(side)?;
            let obstacle = self.sides[side].obstacle.as_ref();
            Some(obstacle.map_or(at, |obstacle| at.max(obstacle.until)))
        };
        (0..self.sides.len()).filter(idle).filter_map(at).min()
    }

    fn due_at(&self, side: usize) -> Option<Millis> {
        let side = &self.sides[side];
        opening_due(&side.stored.record, &self.options, self.pace, side.opened)
    }

    /// Opens iterations that are due and takes their tables to work. Where a cluster fails or
    /// something must be corrected first, that database is asked again later; whatever else is
    /// open goes on meanwhile.
    pub(super) async fn open_iterations(&mut self) -> Result<(), DriverError> {
        for side in 0..self.sides.len() {
            if self.is_obstructed(side) {
                continue;
            }
            match self.open_iteration(side).await {
                // Nothing was tried that could show it to be gone.
                Ok(()) if self.is_paused() || self.sides[side].stored.record.open().is_none() => {}
                Ok(()) => {
                    self.sides[side].obstacle = None;
                    self.tell(side, None).await?;
                }
                Err(error) => self.obstruct(side, error).await?,
            }
        }
        Ok(())
    }

    /// Whether a database is not asked now. A person who asks for an iteration may have corrected
    /// what was refused.
    fn is_obstructed(&self, side: usize) -> bool {
        let obstacle = self.sides[side].obstacle.as_ref();
        let waits = obstacle.is_some_and(|obstacle| now() < obstacle.until);
        waits && !(self.is_refused(side) && self.is_asked_to_start(side))
    }

    /// Keeps an error of one database apart from the others. Those of the store and of this
    /// program are everybody's.
    async fn obstruct(&mut self, side: usize, error: DriverError) -> Result<(), DriverError> {
        let passes = match &error {
            DriverError::Kusto(error) => error.is_passing(),
            DriverError::Preflight { .. } => false,
            DriverError::NotARun
            | DriverError::Store(_)
            | DriverError::Lake(_)
            | DriverError::Name(_)
            | DriverError::OtherJob { .. }
            | DriverError::Busy { .. }
            | DriverError::TakenOver
            | DriverError::Internal { .. } => return Err(error),
        };
        let (pause, words) = if passes {
            (self.options.limits.retry_pause, None)
        } else {
            let remedy = error.remedy().unwrap_or_default();
            (REFUSED_PAUSE, Some(format!("{}; {remedy}", chain(&error))))
        };
        let database = &self.sides[side].stored.record.source;
        if passes {
            tracing::warn!(%database, %error, "the iteration could not be opened yet");
        } else {
            tracing::warn!(target: TOLD, %database, %error, "the iteration could not be opened yet");
        }
        let error = if passes || self.sides.len() == 1 {
            error
        } else {
            of_database(&self.sides[side].stored.record.source, error)
        };
        let side_now = &mut self.sides[side];
        // Schemas and the source's identity are read anew then.
        if matches!(side_now.stored.record.phase, DatabasePhase::Opening { .. }) {
            side_now.opened = false;
        }
        side_now.obstacle = Some(Obstacle {
            until: now().plus(pause),
            error: Some(error),
            passes,
        });
        match words {
            Some(words) => self.tell(side, Some(words)).await,
            None => Ok(()),
        }
    }

    /// Keeps in the database's record why it cannot go on, for reports.
    async fn tell(&mut self, side: usize, held: Option<String>) -> Result<(), DriverError> {
        let store = Arc::clone(&self.store);
        let database = &mut self.sides[side].stored;
        Ok(database.tell(store.as_ref(), held).await?)
    }

    /// Whether a database needs a person before its next iteration.
    pub(super) fn is_refused(&self, side: usize) -> bool {
        let obstacle = self.sides[side].obstacle.as_ref();
        obstacle.is_some_and(|obstacle| !obstacle.passes)
    }

    /// Whether a table waits to be taken to work in a database that was not refused.
    pub(super) fn has_reachable(&self) -> bool {
        let mut sides = (0..self.sides.len()).filter(|side| !self.is_refused(*side));
        sides.any(|side| self.waiting(side).next().is_some())
    }

    /// What an execution fails with: with what was refused once nothing else is left to go on
    /// with; with what passes if nothing at all could be done for it.
    pub(super) fn take_failure(&mut self, ending: bool, stopped: bool) -> Option<DriverError> {
        let is_left = self.is_at_work() && !self.is_stuck();
        if !ending
            && !is_left
            && let Some(error) = self.take_error(false)
        {
            return Some(error);
        }
        let nothing_done = !self.worked && self.live.is_empty();
        if stopped || self.is_paused() || !nothing_done {
            return None;
        }
        self.take_error(true)
    }

    fn take_error(&mut self, passes: bool) -> Option<DriverError> {
        let obstacles = self
            .sides
            .iter_mut()
            .filter_map(|side| side.obstacle.as_mut());
        let mut those = obstacles.filter(|obstacle| obstacle.passes == passes);
        those.find_map(|obstacle| obstacle.error.take())
    }

    async fn open_iteration(&mut self, side: usize) -> Result<(), DriverError> {
        let record = &self.sides[side].stored.record;
        let asked = self.is_asked_to_start(side);
        let due = asked || self.due_at(side).is_some_and(|at| at <= now());
        let idle = record.phase == DatabasePhase::Idle;
        if !self.sides[side].opened && !idle {
            self.resume(side).await?;
        } else if idle && due && !self.is_paused() && !self.has_live(side) {
            self.read_end(side).await?;
        }
        if matches!(
            self.sides[side].stored.record.phase,
            DatabasePhase::Opening { .. }
        ) {
            if self.is_paused() {
                return Ok(());
            }
            self.mark(side).await?;
        }
        self.take_up(side).await
    }

    /// Whether an iteration is still copied or tidied. Commands without an answer that may still
    /// run are not waited for.
    pub(super) fn has_live(&self, side: usize) -> bool {
        let keep = self.options.continuous;
        let rests = |id| self.live.get(id).is_some_and(|live| live.rests(keep));
        let mut tidy = self.sides[side].stored.tidy.keys();
        let mut live = self.live.values();
        tidy.any(|id| !self.is_aside(side, id) && !rests(id))
            || live.any(|live| live.side == side && !live.rests(keep))
    }

    fn open_call(&self, what: &str) -> Call {
        Call::new(
            format!("KC.{}.open.{what}", self.incarnation),
            format!("kusto-copy job={} open {what}", self.incarnation),
        )
    }

    /// An iteration was open already: its end stands, if the source is still the one that it was
    /// read from. That is asked every few minutes, however many executions there are.
    async fn resume(&mut self, side: usize) -> Result<(), DriverError> {
        let name = self.sides[side].stored.record.source.clone();
        self.forget_catalog(side);
        let checked = self.pulse.record.checked.get(&name);
        if checked.is_some_and(|at| now().since(*at) < CHECK_EVERY) {
            self.sides[side].opened = true;
            return Ok(());
        }
        let identity = self.sides[side]
            .place
            .source
            .identity(&self.open_call("identity"))
            .await?;
        let checked = self.sides[side].stored.record.check_source(&identity.id);
        checked.map_err(|error| DriverError::Preflight {
            what: error.to_string(),
            remedy: "start a new job in an empty lake".to_owned(),
        })?;
        self.pulse.record.checked.insert(name, now());
        self.sides[side].opened = true;
        Ok(())
    }

    /// Reads the end once for all tables of the database. Without a stored end it may be read
    /// again; once stored it never is. Schemas are read after it, or a column that came in between
    /// would be missed; before a job's first iteration they are read earlier too, so that what
    /// cannot be copied is refused before anything is done.
    async fn read_end(&mut self, side: usize) -> Result<(), DriverError> {
        let store = Arc::clone(&self.store);
        self.sides[side].stored.know_tables(store.as_ref()).await?;
        let place = Arc::clone(&self.sides[side].place);
        let identity = place.source.identity(&self.open_call("identity")).await?;
        refuse_access_modes(
            &place,
            &identity,
            &self.options,
            &self.open_call("identity"),
        )
        .await?;
        let after = self.sides[side].stored.record.committed_end.clone();
        if after.is_none() {
            self.refuse_first(side).await?;
        }
        // Before the cursor: what is committed up to it is at least as new as this moment.
        let read_at = now();
        let read = self.read_cursor(side, after.as_ref()).await?;
        // What was read before this end must not outlive it, whatever fails from here on.
        self.forget_catalog(side);
        // Until the schemas are read after this end, the iteration counts as one to resume.
        self.sides[side].opened = false;
        let event = DatabaseEvent::CursorRead {
            source_id: identity.id,
            cursor_end: read.cursor,
            read_at,
        };
        self.sides[side]
            .stored
            .apply(self.store.as_ref(), event)
            .await?;
        self.read_catalog(side).await?;
        let name = self.sides[side].stored.record.source.clone();
        self.pulse.record.checked.insert(name, read_at);
        self.sides[side].opened = true;
        Ok(())
    }

    /// Reads the cursor with a table of the job, since it may stand still for a query without
    /// one. A table that is gone, or refuses cursors, must not stop the job: it is told when
    /// tables are marked.
    async fn read_cursor(
        &self,
        side: usize,
        after: Option<&Cursor>,
    ) -> Result<CursorReading, DriverError> {
        let call = self.open_call("cursor");
        let side = &self.sides[side];
        let source = &side.place.source;
        if let Some(after) = after {
            let known = side.stored.tables.values();
            let mut tables: Vec<_> = known
                .filter(|table| table.missing_since.is_none())
                .filter(|table| self.options.chooses(&table.source_table))
                .collect();
            // Those that changed last first.
            tables.sort_by_key(|table| std::cmp::Reverse(table.last_iteration));
            for table in tables.into_iter().take(CURSOR_TABLES) {
                let name = &table.source_table;
                match source.cursor_end(&call, name, Some(after)).await {
                    Err(error @ (KustoError::NotFound { .. } | KustoError::Permanent { .. })) => {
                        tracing::warn!(table = %name, %error, "the end is read with another table")
                    }
                    read => return Ok(read?),
                }
            }
        }
        Ok(source.cursor_end_short(&call).await?)
    }

    /// Before a job's first iteration: refuses lists and tables that cannot be right.
    async fn refuse_first(&mut self, side: usize) -> Result<(), DriverError> {
        self.read_catalog(side).await?;
        let source = &self.sides[side].stored.record.source;
        let mut missing = self.absent(side, &self.options.tables_include);
        // A mistyped one would change the order in silence. Tables that are made later can be given
        // priority later.
        missing.extend(self.absent(side, &self.options.priority));
        // With several databases a name may be another's.
        if self.sides.len() == 1 && !missing.is_empty() {
            let names = missing.join("`, `");
            return Err(DriverError::Preflight {
                what: format!("source database `{source}` has no table `{names}`"),
                remedy: "check the spelling; table names are case-sensitive".to_owned(),
            });
        }
        let missing = self.absent(side, &self.options.tables_exclude);
        if self.sides.len() == 1 && !missing.is_empty() {
            let names = missing.join("`, `");
            tracing::warn!(database = %source, "no table to exclude is named `{names}`");
        }
        let chosen = self.chosen(side);
        if chosen.is_empty() {
            return Err(DriverError::Preflight {
                what: format!("source database `{source}` has no table to copy"),
                remedy: "create one, or check --tables-include and --tables-exclude".to_owned(),
            });
        }
        self.refuse_tables(side, &chosen)
    }

    /// Schemas and policies are read anew when they are needed next.
    pub(super) fn forget_catalog(&mut self, side: usize) {
        let place = &self.sides[side].place;
        self.sides[side].place = Arc::new(place.with_catalog(LateCatalog::default()));
    }

    async fn read_catalog(&mut self, side: usize) -> Result<(), DriverError> {
        let place = &self.sides[side].place;
        let catalog = Catalog::read(
            &place.source,
            &place.destination,
            &self.open_call("catalog"),
        )
        .await?;
        self.sides[side].place = Arc::new(place.with_catalog(catalog.into()));
        Ok(())
    }

    /// Refuses what cannot be copied exactly, all tables at once, before any data moves.
    fn refuse_tables(&self, side: usize, chosen: &[String]) -> Result<(), DriverError> {
        let catalog = self.sides[side].place.catalog.known();
        let copied: BTreeSet<&str> = chosen.iter().map(String::as_str).collect();
        let mut problems = Vec::new();
        for table in chosen {
            let problem = catalog
                .source_problem(table, self.options.force_incomplete_reads)
                .or_else(|| {
                    let schema = catalog.source.get(table)?.schema.as_ref().ok()?;
                    catalog.destination_problem(table, schema, &copied)
                });
            problems.extend(problem.map(|problem| format!("table `{table}`: {problem}")));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(DriverError::Preflight {
            what: format!("nothing was copied: {}", problems.join("; ")),
            remedy: "correct these, then start again".to_owned(),
        })
    }
}

/// What was refused, with the name of its database.
fn of_database(database: &str, error: DriverError) -> DriverError {
    let text = chain(&error);
    if text.contains(&format!("`{database}`")) {
        return error;
    }
    DriverError::Preflight {
        what: format!("database '{database}' cannot be copied: {text}"),
        remedy: error.remedy().unwrap_or_default(),
    }
}

/// When the next iteration of a database is due; `None` while nothing but a person starts one.
pub(crate) fn opening_due(
    record: &kusto_copy_core::database::Database,
    options: &RunOptions,
    pace: Pace,
    opened: bool,
) -> Option<Millis> {
    if options.continuous {
        let rpo = u64::try_from(options.rpo.as_millis()).unwrap_or(u64::MAX);
        // The next end is read early enough for the copy to be done within the objective.
        let at = |read_at: Millis| read_at.plus(rpo / 2);
        return Some(record.committed_read_at.map_or(Millis(0), at));
    }
    // One process copies once; of many steps the first.
    let due = match pace {
        Pace::Loop => !opened,
        Pace::Step(_) => record.committed == 0,
    };
    due.then_some(Millis(0))
}

/// Followers and read-only databases are refused: a follower's cursors are undocumented, and
/// nothing can be written into a read-only destination.
async fn refuse_access_modes(
    place: &Workplace,
    source: &kusto_copy_kusto::commands::preflight::Identity,
    options: &RunOptions,
    call: &Call,
) -> Result<(), DriverError> {
    let follows = source.access_mode.as_deref() == Some("ReadOnlyFollowing");
    if follows && !options.force_incomplete_reads {
        return Err(DriverError::Preflight {
            what: format!(
                "source database `{}` is a follower, whose view lags",
                source.name
            ),
            remedy: "copy from the leader cluster, or accept the lag with --force".to_owned(),
        });
    }
    let destination: &Database = &place.destination;
    let identity = destination.identity(call).await?;
    match identity.access_mode.as_deref() {
        Some("ReadWrite") | None => Ok(()),
        Some(mode) => Err(DriverError::Preflight {
            what: format!(
                "destination database `{}` cannot be written: it is {mode}",
                identity.name
            ),
            remedy: "give a database that is ReadWrite".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
