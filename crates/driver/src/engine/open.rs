//! Opens a database's next iteration: reads its end once for all tables, reads schemas after
//! that, proves which tables have changed, marks those as due.

use std::collections::BTreeSet;
use std::sync::Arc;

use kusto_copy_core::database::{DatabaseEvent, DatabasePhase, DueMarker, TableRecord};
use kusto_copy_core::plan::Bounds;
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Millis, Window};
use kusto_copy_kusto::{Call, Database, KustoError};

use super::idle::Gate;
use super::{Engine, Pace};
use crate::catalog::Catalog;
use crate::clock::now;
use crate::effects::Workplace;
use crate::error::DriverError;
use crate::job::RunOptions;

/// Legs of one query that proves windows.
pub(super) const LEGS: usize = 100;
/// An open iteration's source is identified again after so many milliseconds.
const CHECK_EVERY: u64 = 5 * 60_000;

impl Engine {
    /// When the next iteration of a database is due, in continuous mode.
    pub(super) fn next_opening(&self) -> Option<Millis> {
        let idle = |side: &usize| {
            self.sides[*side].stored.record.open().is_none() && !self.has_live(*side)
        };
        (0..self.sides.len())
            .filter(idle)
            .filter_map(|side| self.due_at(side))
            .min()
            .map(|at| self.opening_pause.map_or(at, |pause| at.max(pause)))
    }

    fn due_at(&self, side: usize) -> Option<Millis> {
        let side = &self.sides[side];
        opening_due(&side.stored.record, &self.options, self.pace, side.opened)
    }

    /// Opens iterations that are due and takes their tables to work. A cluster that fails for the
    /// moment is asked again later: what was open goes on meanwhile.
    pub(super) async fn open_iterations(&mut self) -> Result<(), DriverError> {
        if self.opening_pause.is_some_and(|until| now() < until) {
            return Ok(());
        }
        for side in 0..self.sides.len() {
            match self.open_iteration(side).await {
                Err(DriverError::Kusto(error)) if error.is_passing() => {
                    tracing::warn!(%error, "the iteration could not be opened yet");
                    self.opening_pause = Some(now().plus(self.options.limits.retry_pause));
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn open_iteration(&mut self, side: usize) -> Result<(), DriverError> {
        let record = &self.sides[side].stored.record;
        let asked = self.control.start_now.is_some();
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

    pub(super) fn has_live(&self, side: usize) -> bool {
        let mut tidy = self.sides[side].stored.tidy.keys();
        tidy.any(|id| !self.is_aside(side, id)) || self.live.values().any(|live| live.side == side)
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
            self.read_catalog(side).await?;
            let chosen = self.chosen(side)?;
            if chosen.is_empty() {
                return Err(DriverError::Preflight {
                    what: format!(
                        "source database `{}` has no table to copy",
                        place.source.name()
                    ),
                    remedy: "create one, or check --tables-include and --tables-exclude".to_owned(),
                });
            }
            self.refuse_tables(side, &chosen)?;
        }
        let call = self.open_call("cursor");
        // Before the cursor: what is committed up to it is at least as new as this moment.
        let read_at = now();
        let known = self.sides[side].stored.tables.values().next();
        let read = match (known, &after) {
            (Some(table), Some(after)) => {
                match place
                    .source
                    .cursor_end(&call, &table.source_table, Some(after))
                    .await
                {
                    // The table is gone; its absence is told when tables are marked.
                    Err(KustoError::NotFound { .. }) => {
                        place.source.cursor_end_short(&call).await?
                    }
                    read => read?,
                }
            }
            (None, _) | (_, None) => place.source.cursor_end_short(&call).await?,
        };
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

    async fn read_catalog(&mut self, side: usize) -> Result<(), DriverError> {
        let place = &self.sides[side].place;
        let catalog = Catalog::read(
            &place.source,
            &place.destination,
            &self.open_call("catalog"),
        )
        .await?;
        self.sides[side].place = Arc::new(place.with_catalog(catalog));
        Ok(())
    }

    /// The tables of this job by the user's lists.
    fn chosen(&self, side: usize) -> Result<Vec<String>, DriverError> {
        let catalog = self.sides[side].place.catalog.known();
        let known: BTreeSet<&str> = catalog.source_tables().collect();
        let lists = self
            .options
            .tables_include
            .iter()
            .chain(&self.options.tables_exclude);
        let missing: Vec<&str> = lists
            .map(String::as_str)
            .filter(|table| !known.contains(table))
            .collect();
        if self.sides.len() == 1 && !missing.is_empty() {
            return Err(DriverError::Preflight {
                what: format!(
                    "source database `{}` has no table `{}`",
                    self.sides[side].stored.record.source,
                    missing.join("`, `")
                ),
                remedy: "check the spelling; table names are case-sensitive".to_owned(),
            });
        }
        Ok(known
            .into_iter()
            .filter(|name| self.options.chooses(name))
            .map(str::to_owned)
            .collect())
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

    fn record_of(&self, side: usize, table: &str) -> Option<&TableRecord> {
        let database = &self.sides[side].stored;
        database
            .tables
            .get(&ActivityId::of(&database.record.source, table))
    }

    /// Whether a table has an older window to complete first: it was excluded for a while. The
    /// window up to this iteration's end follows on it.
    fn is_behind(&self, side: usize, table: &str, iteration: u32) -> bool {
        let database = &self.sides[side].stored;
        let id = ActivityId::of(&database.record.source, table);
        let due = database.due.get(&id);
        due.is_some_and(|due| due.marker.iteration < iteration)
    }

    /// A table dropped and created again, or renamed over, is another table: its window must not
    /// go on silently.
    fn refuse_another_table(&self, side: usize, table: &str) -> Result<(), DriverError> {
        let found = self.sides[side].place.catalog.known().table_id(table);
        match self.record_of(side, table) {
            Some(record) if record.table_id != found => Err(DriverError::Preflight {
                what: format!(
                    "source table `{table}` was dropped and created again, or another table was renamed over \
                     it, since the last iteration"
                ),
                remedy: "exclude it with --tables-exclude, or copy it in a new job".to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Marks every table that is due: all in its first iteration, later those whose window a
    /// cursor query shows not to be empty.
    async fn mark(&mut self, side: usize) -> Result<(), DriverError> {
        let Some((iteration, end)) = self.sides[side]
            .stored
            .record
            .open()
            .map(|(n, end)| (n, end.clone()))
        else {
            return Ok(());
        };
        let store = Arc::clone(&self.store);
        self.sides[side].stored.know_tables(store.as_ref()).await?;
        let place = Arc::clone(&self.sides[side].place);
        place.catalog(&self.open_call("catalog")).await?;
        let chosen = self.chosen(side)?;
        let mut due = Vec::new();
        let mut proofs: Vec<(String, Window)> = Vec::new();
        for table in chosen {
            self.refuse_another_table(side, &table)?;
            if self.is_behind(side, &table, iteration) {
                continue;
            }
            let after = self
                .record_of(side, &table)
                .and_then(|record| record.completed_to.clone());
            let window = Window {
                after,
                up_to: end.clone(),
            };
            if window.after.is_none() {
                due.push(self.marking(side, table, iteration, window, None));
            } else {
                proofs.push((table, window));
            }
        }
        let mut gate = self.postpone(side, &mut proofs).await;
        for (table, window, bounds) in self.prove(side, proofs, gate.as_mut()).await? {
            due.push(self.marking(side, table, iteration, window, Some(bounds)));
        }
        self.sides[side]
            .stored
            .mark_due(self.store.as_ref(), due)
            .await?;
        self.sides[side]
            .stored
            .apply(self.store.as_ref(), DatabaseEvent::Marked)
            .await?;
        if let Some(gate) = gate {
            self.keep_idleness(side, gate).await;
        }
        Ok(())
    }

    /// The tables whose windows are not empty, with their rows and bounds.
    async fn prove(
        &self,
        side: usize,
        proofs: Vec<(String, Window)>,
        mut gate: Option<&mut Gate>,
    ) -> Result<Vec<(String, Window, Bounds)>, DriverError> {
        let source = &self.sides[side].place.source;
        let call = self.open_call("windows");
        let mut changed = Vec::new();
        for chunk in proofs.chunks(LEGS) {
            let legs: Vec<(&str, &Window)> = chunk.iter().map(|(t, w)| (t.as_str(), w)).collect();
            let answers = source.windows(&call, &legs).await?;
            for ((table, window), answer) in chunk.iter().zip(answers) {
                let found = answer?;
                if let Some(gate) = &mut gate {
                    gate.take(table, found.rows == 0);
                }
                if found.rows > 0 {
                    let bounds = Bounds {
                        rows: found.rows,
                        min: found.first,
                        max: found.last,
                    };
                    changed.push((table.clone(), window.clone(), bounds));
                }
            }
        }
        Ok(changed)
    }

    fn marking(
        &self,
        side: usize,
        table: String,
        iteration: u32,
        window: Window,
        bounds: Option<Bounds>,
    ) -> (TableRecord, DueMarker) {
        let activity = ActivityId::of(&self.sides[side].stored.record.source, &table);
        let record = self
            .record_of(side, &table)
            .cloned()
            .unwrap_or_else(|| TableRecord {
                activity: activity.clone(),
                source_table: table.clone(),
                destination_table: table.clone(),
                table_id: self.sides[side].place.catalog.known().table_id(&table),
                completed_to: None::<Cursor>,
                rows_copied: 0,
                blocks_copied: 0,
                bytes_copied: 0,
                last_iteration: 0,
                last_rows: 0,
                has_staging: false,
                missing_since: None,
            });
        let details = &self.sides[side].place.catalog.known().source_details;
        let newest = details.get(&table).and_then(|details| details.newest);
        let marker = DueMarker {
            activity,
            iteration,
            source_table: table,
            destination_table: record.destination_table.clone(),
            window,
            bounds,
            newest,
            table_id: None,
            problem: None,
        };
        (record, marker)
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
