//! Effects of tables: preparation, planning, reconciliation, tidying.

use kusto_copy_core::activity::{
    ActivityEvent, Encoding, Layout, Phase, Reconciling, StagingState,
};
use kusto_copy_core::block::Block;
use kusto_copy_core::plan::{PlanProgress, PlanRound, PlanStep};
use kusto_copy_core::vocabulary::{
    ActivityId, BlockNumber, Instants, Predicate, ScalarType, Slice, TICKS_PER_MILLISECOND,
    TableSchema, Ticks, TimeRange,
};

use super::{Handle, Happened};
use crate::model::clusters::Trouble;
use crate::worker::Worker;

fn schema_of(columns: usize) -> TableSchema {
    TableSchema::new((0..columns).map(|column| (format!("c{column}"), ScalarType::Long)))
}

impl Worker {
    pub(super) async fn prepare(&self, table: &Handle, id: &ActivityId) -> Happened {
        let frozen = {
            let phase = &table.borrow().state.head.phase;
            let starts = matches!(phase, Phase::Starting { .. });
            phase.layout().filter(|_| !starts).cloned()
        };
        if let Some(layout) = frozen {
            let fingerprint = layout.schema.fingerprint();
            return self.prepare_staging(table, id, &fingerprint).await;
        }
        let (source_table, destination_table) = {
            let head = &table.borrow().state.head;
            (head.source_table.clone(), head.destination_table.clone())
        };
        let pinned = self
            .stored_database()
            .and_then(|(database, _)| database.source_id);
        let columns = self
            .link
            .ask("schema", Some(id), move |world| {
                let same = pinned
                    .as_ref()
                    .is_none_or(|pinned| *pinned == world.source.id);
                same.then(|| {
                    world
                        .source
                        .tables
                        .get(&source_table)
                        .map(|table| table.columns)
                })
                .flatten()
            })
            .await?;
        let Some(columns) = columns else {
            let reason = "the source table is gone, or its database is another".to_owned();
            return Ok(vec![ActivityEvent::Held { reason }]);
        };
        self.link
            .ask("create", Some(id), move |world| {
                world
                    .destination
                    .tables
                    .entry(destination_table)
                    .or_default();
            })
            .await?;
        let layout = Layout {
            schema: schema_of(columns),
            encoding: Encoding::Csv,
            retention: self.manner.retention,
        };
        let fingerprint = layout.schema.fingerprint();
        if !self
            .submit(id, vec![ActivityEvent::LayoutRead { layout }])
            .await
        {
            return Ok(Vec::new());
        }
        self.prepare_staging(table, id, &fingerprint).await
    }

    /// Uses the staging table of this schema, or makes one.
    async fn prepare_staging(
        &self,
        table: &Handle,
        id: &ActivityId,
        fingerprint: &str,
    ) -> Happened {
        let staging = table.borrow().state.head.staging.clone();
        let name = match staging.filter(|staging| staging.schema == fingerprint) {
            Some(staging) if staging.state == StagingState::Ready => {
                return Ok(vec![ActivityEvent::StagingReady {
                    name: staging.name,
                    horizon: None,
                }]);
            }
            Some(staging) if staging.state == StagingState::Intended => staging.name,
            Some(_) | None => {
                let name = format!("staging_{id}_{}", self.link.sim.world().fresh());
                if !self
                    .submit(
                        id,
                        vec![ActivityEvent::StagingIntended { name: name.clone() }],
                    )
                    .await
                {
                    return Ok(Vec::new());
                }
                name
            }
        };
        let own = name.clone();
        self.link
            .ask("create", Some(id), move |world| world.create_staging(&own))
            .await?;
        self.link.ask("read back", Some(id), |_| ()).await?;
        Ok(vec![ActivityEvent::StagingReady {
            name,
            horizon: None,
        }])
    }

    fn cutoff(&self, table: &Handle) -> Option<Ticks> {
        let retention = table.borrow().state.head.phase.layout()?.retention?;
        let ticks = i64::try_from(retention)
            .unwrap_or(i64::MAX)
            .saturating_mul(TICKS_PER_MILLISECOND);
        Some(self.now().ticks().saturating_add(-ticks))
    }

    pub(super) async fn plan(&self, table: &Handle, id: &ActivityId) -> Happened {
        let cutoff = self.cutoff(table);
        let round = {
            let head = &table.borrow().state.head;
            let Phase::Planning { cursor, .. } = &head.phase else {
                return Ok(Vec::new());
            };
            PlanRound::new(
                cursor,
                head.next_block,
                cutoff,
                &self.manner.limits,
                self.now(),
            )
        };
        let progress = self.answer(table, id, round).await?;
        Ok(vec![ActivityEvent::Planned { progress }])
    }

    pub(super) async fn replan(
        &self,
        table: &Handle,
        id: &ActivityId,
        removed: Vec<BlockNumber>,
    ) -> Happened {
        let cutoff = self.cutoff(table);
        let round = {
            let table = table.borrow();
            let blocks: Vec<&Block> = removed
                .iter()
                .filter_map(|number| table.state.blocks.get(number))
                .collect();
            let first = table.state.head.next_block;
            PlanRound::replan(&blocks, first, cutoff, &self.manner.limits, self.now())
        };
        let progress = self.answer(table, id, round).await?;
        Ok(vec![ActivityEvent::Replanned { removed, progress }])
    }

    /// Asks what a round asks until it is done.
    async fn answer(
        &self,
        table: &Handle,
        id: &ActivityId,
        mut round: PlanRound,
    ) -> Result<PlanProgress, Trouble> {
        loop {
            let question = match round.step() {
                PlanStep::Done(progress) => return Ok(progress),
                PlanStep::Ask(question) => question,
            };
            let (name, window) = {
                let head = &table.borrow().state.head;
                (head.source_table.clone(), head.phase.window().clone())
            };
            let asked = question.clone();
            self.queries.set(self.queries.get() + 1);
            let answer = self
                .link
                .ask(question.name(), Some(id), move |world| {
                    world.source.plan(&name, &window, &asked)
                })
                .await;
            self.queries.set(self.queries.get() - 1);
            if let Err(error) = round.answer(answer?) {
                self.link.sim.world().checker.note(format!("plan: {error}"));
                return Err(Trouble::Refused);
            }
        }
    }

    /// Counts rows without ingestion time first, then all others: a part an action.
    pub(super) async fn reconcile(&self, table: &Handle, id: &ActivityId) -> Happened {
        let (name, window, reconciled) = {
            let head = &table.borrow().state.head;
            let Phase::Planned {
                window, reconciled, ..
            } = &head.phase
            else {
                return Ok(Vec::new());
            };
            (head.source_table.clone(), window.clone(), *reconciled)
        };
        let backfill = window.after.is_none();
        let slice = match reconciled {
            None => Slice {
                instants: Instants::Missing,
                extents: None,
                part: None,
            },
            Some(_) => Slice::range(TimeRange::ALL),
        };
        let asked = reconciled.is_some() || backfill;
        let rows = if asked {
            self.link
                .ask("reconcile", Some(id), move |world| {
                    let predicate = Predicate { window, slice };
                    world.source.select(&name, &predicate).len() as u64
                })
                .await?
        } else {
            0
        };
        Ok(vec![match reconciled {
            None => ActivityEvent::ReconciledInPart {
                so_far: Reconciling { rows, up_to: None },
            },
            Some(so_far) => ActivityEvent::Reconciled {
                source_rows: so_far.rows + rows,
            },
        }])
    }

    pub(super) async fn fold(
        &self,
        table: &Handle,
        id: &ActivityId,
        blocks: Vec<BlockNumber>,
    ) -> Happened {
        let (name, iteration, tags, prefixes, rows) = {
            let table = table.borrow();
            let head = &table.state.head;
            let tags: Vec<String> = table
                .state
                .tags_to_drop(&blocks)
                .iter()
                .map(|tag| tag.as_str().to_owned())
                .collect();
            let prefixes: Vec<String> = blocks
                .iter()
                .map(|block| format!("{id}/{}/{}/", head.iteration, block.0))
                .collect();
            let rows = blocks
                .iter()
                .filter_map(|number| table.state.blocks.get(number));
            let rows: u64 = rows.map(|block| block.planned_rows).sum();
            (
                head.destination_table.clone(),
                head.iteration,
                tags,
                prefixes,
                rows,
            )
        };
        if !tags.is_empty() {
            self.link
                .ask("drop tags", Some(id), move |world| {
                    world.drop_tags(&name, &tags)
                })
                .await?;
        }
        let first = blocks
            .first()
            .map_or(0, |block| block.0 / self.manner.limits.unit_blocks);
        let ledger = format!("{id}/{iteration}/{first}");
        self.link
            .ask("ledger", Some(id), move |world| {
                world.lake.ledger.entry(ledger).or_insert(rows);
                for prefix in &prefixes {
                    world.delete_files(prefix);
                }
            })
            .await?;
        Ok(vec![ActivityEvent::Folded { blocks }])
    }

    pub(super) async fn drop_staging(&self, id: &ActivityId, name: String) -> Happened {
        let own = name.clone();
        self.link
            .ask("drop staging", Some(id), move |world| {
                world.drop_staging(&own)
            })
            .await?;
        Ok(vec![ActivityEvent::StagingDropped { name }])
    }
}
