//! Marks the tables that are due in an open iteration: all in their first, later those whose
//! window a cursor query shows not to be empty. A table that cannot be copied as it is found is
//! marked with the reason and begins held: the others go on.
//!
//! Markers are inserted as answers come, so that whoever is cut off goes on where it stood.

use std::collections::BTreeSet;
use std::sync::Arc;

use kusto_copy_core::database::{DatabaseEvent, DueMarker, TableRecord};
use kusto_copy_core::plan::Bounds;
use kusto_copy_core::vocabulary::{ActivityId, Cursor, Window};
use kusto_copy_kusto::commands::changes::WindowBounds;
use kusto_copy_kusto::{Call, Database, KustoError};
use tokio::task::JoinSet;

use super::Engine;
use super::idle::{Gate, LEGS};
use crate::complaint::TOLD;
use crate::error::DriverError;

/// Queries that prove windows at once.
const CHUNKS_AT_ONCE: usize = 4;
/// Names in one message.
const NAMES: usize = 5;

/// A table, the window that is due if it is not empty, and what was found there.
type Proof = (String, Window);
type Answers = Result<Vec<Result<WindowBounds, KustoError>>, KustoError>;

/// What becomes of a table in an iteration.
enum Finding {
    /// It is due.
    Due(Option<Bounds>),
    /// It cannot be copied as it is: why, with the remedy.
    Problem(String),
}

impl Engine {
    /// The tables of this job that the source has, by the user's lists.
    pub(super) fn chosen(&self, side: usize) -> Vec<String> {
        let catalog = self.sides[side].place.catalog.known();
        let tables = catalog.source_tables();
        tables
            .filter(|name| self.options.chooses(name))
            .map(str::to_owned)
            .collect()
    }

    /// Names of a user's list that the source does not have.
    pub(super) fn absent<'a>(&self, side: usize, list: &'a [String]) -> Vec<&'a str> {
        let catalog = self.sides[side].place.catalog.known();
        let known: BTreeSet<&str> = catalog.source_tables().collect();
        let names = list.iter().map(String::as_str);
        names.filter(|name| !known.contains(name)).collect()
    }

    /// Marks every table that is due, then lets the iteration run.
    pub(super) async fn mark(&mut self, side: usize) -> Result<(), DriverError> {
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
        place.catalog(&self.call("open.catalog")).await?;
        let chosen = self.chosen(side);
        self.note_missing(side, iteration, &chosen).await?;
        let (due, mut proofs) = self.sort_out(side, chosen, iteration, &end);
        self.insert_markers(side, iteration, due).await?;
        let mut gate = self.postpone(side, &mut proofs).await;
        self.leave_out_proven(side, iteration, &mut proofs, gate.as_mut())
            .await;
        self.prove(side, iteration, proofs, gate.as_mut()).await?;
        self.sides[side]
            .stored
            .apply(store.as_ref(), DatabaseEvent::Marked)
            .await?;
        if let Some(gate) = gate {
            self.keep_idleness(side, gate).await;
        }
        Ok(())
    }

    /// Tables that were copied and that the source has no more: told, and refused when none is
    /// left, since that is rather a wrong database or a lost permission than a wish.
    async fn note_missing(
        &mut self,
        side: usize,
        iteration: u32,
        chosen: &[String],
    ) -> Result<(), DriverError> {
        let present: BTreeSet<&str> = chosen.iter().map(String::as_str).collect();
        let database = &self.sides[side].stored;
        let records = database.tables.values();
        let mut missing: Vec<TableRecord> = records
            .filter(|record| self.options.chooses(&record.source_table))
            .filter(|record| !present.contains(record.source_table.as_str()))
            .cloned()
            .collect();
        missing.sort_by(|a, b| a.source_table.cmp(&b.source_table));
        if missing.is_empty() && database.tables.values().all(|t| t.missing_since.is_none()) {
            return Ok(());
        }
        let source = &database.record.source;
        let names = listed(missing.iter().map(|record| record.source_table.as_str()));
        if chosen.is_empty() && !missing.is_empty() {
            return Err(DriverError::Preflight {
                what: format!(
                    "source database `{source}` has none of the job's tables any more: {names}"
                ),
                remedy: "restore them, see that this principal may view them, or exclude those \
                         that are gone for good"
                    .to_owned(),
            });
        }
        if !missing.is_empty() {
            tracing::warn!(database = %source, "the source has no more: {names}");
        }
        let returned = database.tables.values().filter(|record| {
            record.missing_since.is_some() && present.contains(record.source_table.as_str())
        });
        let returned = returned.cloned().map(|record| TableRecord {
            missing_since: None,
            ..record
        });
        let gone = missing.into_iter().filter(|r| r.missing_since.is_none());
        let gone = gone.map(|record| TableRecord {
            missing_since: Some(iteration),
            ..record
        });
        let changed: Vec<TableRecord> = returned.chain(gone).collect();
        let store = Arc::clone(&self.store);
        let database = &mut self.sides[side].stored;
        database.keep_tables(store.as_ref(), changed).await?;
        Ok(())
    }

    /// Tables that are due or held without being asked, and those whose windows are to be proven.
    /// Left out are those that have a marker: of this iteration from a worker that was cut off, or
    /// of an older window that comes first since they were excluded for a while.
    fn sort_out(
        &self,
        side: usize,
        chosen: Vec<String>,
        iteration: u32,
        end: &Cursor,
    ) -> (Vec<(TableRecord, DueMarker)>, Vec<Proof>) {
        let (mut due, mut proofs) = (Vec::new(), Vec::new());
        for table in chosen {
            let id = self.activity_of(side, &table);
            if self.sides[side].stored.due.contains_key(&id) {
                continue;
            }
            let window = Window {
                after: self
                    .record_of(side, &table)
                    .and_then(|record| record.completed_to.clone()),
                up_to: end.clone(),
            };
            if let Some(problem) = self.problem_of(side, &table) {
                let finding = Finding::Problem(problem);
                due.push(self.marking(side, &table, iteration, window, finding));
            } else if window.after.is_none() {
                let finding = Finding::Due(None);
                due.push(self.marking(side, &table, iteration, window, finding));
            } else {
                proofs.push((table, window));
            }
        }
        (due, proofs)
    }

    fn activity_of(&self, side: usize, table: &str) -> ActivityId {
        ActivityId::of(&self.sides[side].stored.record.source, table)
    }

    fn record_of(&self, side: usize, table: &str) -> Option<&TableRecord> {
        let id = self.activity_of(side, table);
        self.sides[side].stored.tables.get(&id)
    }

    /// Why a table must not go on, idle or not: rows that arrive while its ingestion-time policy
    /// is off have no cursor, so that its window would stay empty for ever.
    fn problem_of(&self, side: usize, table: &str) -> Option<String> {
        let catalog = self.sides[side].place.catalog.known();
        let pinned = self.record_of(side, table);
        pinned
            .and_then(|record| catalog.another_table(table, &record.table_id))
            .or_else(|| catalog.source_problem(table, self.options.force_incomplete_reads))
    }

    async fn insert_markers(
        &mut self,
        side: usize,
        iteration: u32,
        due: Vec<(TableRecord, DueMarker)>,
    ) -> Result<(), DriverError> {
        for (table, marker) in &due {
            if let Some(problem) = &marker.problem {
                tracing::warn!(target: TOLD, table = %table.source_table, iteration, "held: {problem}");
            }
        }
        let store = Arc::clone(&self.store);
        let database = &mut self.sides[side].stored;
        Ok(database.mark_due(store.as_ref(), due).await?)
    }

    /// Asks which windows are not empty, a few queries at once, and marks as answers come.
    async fn prove(
        &mut self,
        side: usize,
        iteration: u32,
        proofs: Vec<Proof>,
        mut gate: Option<&mut Gate>,
    ) -> Result<(), DriverError> {
        let source = self.sides[side].place.source.clone();
        let call = self.call("open.windows");
        let keep = proofs.len() > LEGS;
        let mut chunks = proofs.chunks(LEGS);
        let mut asked = JoinSet::new();
        let mut failed = None;
        loop {
            while failed.is_none()
                && asked.len() < CHUNKS_AT_ONCE
                && let Some(chunk) = chunks.next()
            {
                asked.spawn(ask(source.clone(), call.clone(), chunk.to_vec()));
            }
            let Some(joined) = asked.join_next().await else {
                break;
            };
            let (chunk, answers) = joined.map_err(|error| DriverError::Internal {
                what: format!("a proof of idleness did not end: {error}"),
            })?;
            match answers {
                Err(error) => failed = failed.or(Some(error)),
                Ok(answers) => {
                    self.lease.ensure().await?;
                    let gate = gate.as_deref_mut();
                    let idle = self.take_answers(side, iteration, &chunk, answers, gate);
                    let idle = idle.await?;
                    if keep {
                        self.keep_proven(side, iteration, &idle).await;
                    }
                }
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Marks what a query found; the names of the tables that it proved idle.
    async fn take_answers(
        &mut self,
        side: usize,
        iteration: u32,
        chunk: &[Proof],
        answers: Vec<Result<WindowBounds, KustoError>>,
        mut gate: Option<&mut Gate>,
    ) -> Result<Vec<String>, DriverError> {
        let (mut due, mut idle) = (Vec::new(), Vec::new());
        for ((table, window), answer) in chunk.iter().zip(answers) {
            let finding = match answer {
                Err(error) => Finding::Problem(format!(
                    "its window cannot be counted: {error}; {}",
                    error.remedy()
                )),
                Ok(found) => {
                    let is_empty = found.rows == 0;
                    let gate = gate.as_deref_mut();
                    let limits = &self.options.limits;
                    let grew = gate.is_some_and(|gate| gate.take(table, is_empty, limits));
                    match (is_empty, grew) {
                        (true, true) => Finding::Problem(MOVED_IN.to_owned()),
                        (true, false) => {
                            idle.push(table.clone());
                            continue;
                        }
                        (false, _) => Finding::Due(Some(Bounds {
                            rows: found.rows,
                            min: found.first,
                            max: found.last,
                        })),
                    }
                }
            };
            due.push(self.marking(side, table, iteration, window.clone(), finding));
        }
        self.insert_markers(side, iteration, due).await?;
        Ok(idle)
    }

    fn marking(
        &self,
        side: usize,
        table: &str,
        iteration: u32,
        window: Window,
        finding: Finding,
    ) -> (TableRecord, DueMarker) {
        let activity = self.activity_of(side, table);
        let catalog = self.sides[side].place.catalog.known();
        let known = self.record_of(side, table).cloned();
        let record = known
            .unwrap_or_else(|| TableRecord::new(activity.clone(), table, catalog.table_id(table)));
        let details = catalog.source_details.get(table);
        let (bounds, problem) = match finding {
            Finding::Due(bounds) => (bounds, None),
            Finding::Problem(problem) => (None, Some(problem)),
        };
        let marker = DueMarker {
            activity,
            iteration,
            source_table: table.to_owned(),
            destination_table: record.destination_table.clone(),
            window,
            bounds,
            newest: details.and_then(|details| details.newest),
            table_id: Some(record.table_id.clone()),
            problem,
        };
        (record, marker)
    }
}

const MOVED_IN: &str = "the table has more rows than before though none was ingested: extents \
                        were moved into it, or it was renamed; such rows have no place after the \
                        last copied cursor. Copy the table in a new job, exclude it, or retry it \
                        to go on without them";

async fn ask(source: Database, call: Call, chunk: Vec<Proof>) -> (Vec<Proof>, Answers) {
    let legs: Vec<(&str, &Window)> = chunk.iter().map(|(t, w)| (t.as_str(), w)).collect();
    let answers = source.windows(&call, &legs).await;
    (chunk, answers)
}

/// A few names, and how many more there are.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let some = names[..names.len().min(NAMES)].join("`, `");
    match names.len().saturating_sub(NAMES) {
        0 => format!("`{some}`"),
        more => format!("`{some}` and {more} more"),
    }
}
