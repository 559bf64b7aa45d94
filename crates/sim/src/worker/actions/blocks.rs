//! Effects of single blocks: export, recount, ingestion, abandoning.

use kusto_copy_core::activity::ActivityEvent;
use kusto_copy_core::block::{
    BlockEvent, BlockState, ExportedFile, Failure, IngestReport, Manifest, ManifestFiles, Mode,
    Sending,
};
use kusto_copy_core::vocabulary::{ActivityId, AttemptTag, BlockNumber, OperationId};

use super::{Handle, Happened, attempt_of, block_of, event, predicate_of, prefix_of, staging_of};
use crate::model::clusters::Trouble;
use crate::model::operations::{Command, Progress};
use crate::worker::Worker;

impl Worker {
    pub(super) async fn export(&self, table: &Handle, number: BlockNumber) -> Happened {
        let Some(block) = block_of(table, number) else {
            return Ok(Vec::new());
        };
        let BlockState::Exporting {
            attempt,
            mode,
            sending: Sending::Intended { .. },
        } = block.state
        else {
            return Ok(Vec::new());
        };
        let of = attempt_of(table, number, attempt);
        let columns = {
            let table = table.borrow();
            table
                .state
                .head
                .phase
                .layout()
                .map_or(0, |layout| layout.schema.columns.len())
        };
        let command = Command::Export {
            prefix: prefix_of(&of),
            of,
            table: table.borrow().state.head.source_table.clone(),
            predicate: predicate_of(table, &block),
            columns,
        };
        match self.send(command, mode).await {
            Ok(operation) if mode == Mode::Sync => Ok(self.exported(number, attempt, &operation)),
            sent => Ok(event(number, self.started(sent, attempt))),
        }
    }

    /// What a send alone tells.
    fn started(&self, sent: Result<OperationId, Trouble>, attempt: u32) -> BlockEvent {
        match sent {
            Ok(operation) => {
                self.wake_poller();
                BlockEvent::Started { attempt, operation }
            }
            Err(Trouble::Throttled | Trouble::Refused) => {
                let until = self.now().plus(self.manner.limits.throttle_pause);
                BlockEvent::NotStarted { attempt, until }
            }
            Err(Trouble::Lost) => BlockEvent::Failed {
                attempt,
                failure: Failure::LostAnswer,
            },
        }
    }

    pub(super) async fn send(&self, command: Command, mode: Mode) -> Result<OperationId, Trouble> {
        self.link.send(command, mode, self.epoch.get()).await
    }

    pub(super) async fn read_export(
        &self,
        table: &Handle,
        id: &ActivityId,
        number: BlockNumber,
        operation: OperationId,
    ) -> Happened {
        let Some(block) = block_of(table, number) else {
            return Ok(Vec::new());
        };
        let BlockState::Exporting { attempt, .. } = block.state else {
            return Ok(Vec::new());
        };
        self.link.ask("details", Some(id), |_| ()).await?;
        Ok(self.exported(number, attempt, &operation))
    }

    fn exported(
        &self,
        number: BlockNumber,
        attempt: u32,
        operation: &OperationId,
    ) -> Vec<ActivityEvent> {
        let progress = self.progress(operation);
        let Progress::Exported(files) = progress else {
            return event(
                number,
                BlockEvent::Failed {
                    attempt,
                    failure: failure_of(&progress),
                },
            );
        };
        let files: Vec<ExportedFile> = files.into_iter().filter(|file| file.rows > 0).collect();
        let manifest = Manifest {
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files: ManifestFiles::Inline(files),
        };
        event(number, BlockEvent::ExportReported { attempt, manifest })
    }

    fn progress(&self, operation: &OperationId) -> Progress {
        let world = self.link.sim.look();
        world
            .operations
            .get(operation)
            .map_or(Progress::Failed, |operation| operation.progress.clone())
    }

    pub(super) async fn check_values(
        &self,
        table: &Handle,
        id: &ActivityId,
        number: BlockNumber,
    ) -> Happened {
        let staging = table.borrow().state.head.staging_generation;
        self.queries.set(self.queries.get() + 1);
        let asked = self.link.ask("values", Some(id), |_| ()).await;
        self.queries.set(self.queries.get() - 1);
        asked?;
        let content = None;
        Ok(event(number, BlockEvent::ValuesPassed { staging, content }))
    }

    pub(super) async fn recount(
        &self,
        table: &Handle,
        id: &ActivityId,
        number: BlockNumber,
    ) -> Happened {
        let Some(block) = block_of(table, number) else {
            return Ok(Vec::new());
        };
        let BlockState::Exported { attempt, .. } = block.state else {
            return Ok(Vec::new());
        };
        let predicate = predicate_of(table, &block);
        let name = table.borrow().state.head.source_table.clone();
        let rows = self
            .link
            .ask("recount", Some(id), move |world| {
                world.source.select(&name, &predicate).len() as u64
            })
            .await?;
        Ok(event(number, BlockEvent::Recounted { attempt, rows }))
    }

    pub(super) async fn ingest(
        &self,
        table: &Handle,
        id: &ActivityId,
        number: BlockNumber,
    ) -> Happened {
        let Some(block) = block_of(table, number) else {
            return Ok(Vec::new());
        };
        let BlockState::Ingesting {
            attempt,
            manifest,
            tag,
            mode,
            sending: Sending::Intended { .. },
        } = &block.state
        else {
            return Ok(Vec::new());
        };
        let command = Command::Ingest {
            of: attempt_of(table, number, *attempt),
            staging: staging_of(table),
            paths: files_of(manifest)
                .into_iter()
                .map(|file| file.path)
                .collect(),
            tag: tag.as_str().to_owned(),
            creation: block.creation_time,
        };
        match self.send(command, *mode).await {
            Ok(operation) if *mode == Mode::Sync => {
                self.ingested(table, id, number, *attempt, &operation).await
            }
            sent => Ok(event(number, self.started(sent, *attempt))),
        }
    }

    pub(super) async fn read_ingest(
        &self,
        table: &Handle,
        id: &ActivityId,
        number: BlockNumber,
        operation: OperationId,
    ) -> Happened {
        let Some(block) = block_of(table, number) else {
            return Ok(Vec::new());
        };
        let BlockState::Ingesting { attempt, .. } = block.state else {
            return Ok(Vec::new());
        };
        self.link.ask("details", Some(id), |_| ()).await?;
        self.ingested(table, id, number, attempt, &operation).await
    }

    async fn ingested(
        &self,
        table: &Handle,
        id: &ActivityId,
        number: BlockNumber,
        attempt: u32,
        operation: &OperationId,
    ) -> Happened {
        let progress = self.progress(operation);
        let Progress::Ingested(items) = progress else {
            return Ok(event(
                number,
                BlockEvent::Failed {
                    attempt,
                    failure: failure_of(&progress),
                },
            ));
        };
        let Some(block) = block_of(table, number) else {
            return Ok(Vec::new());
        };
        let BlockState::Ingesting { tag, manifest, .. } = &block.state else {
            return Ok(Vec::new());
        };
        let (staging, tag) = (staging_of(table), tag.as_str().to_owned());
        // The result of a synchronous command is in no log: the look is tried until it answers.
        let staged = loop {
            let (staging, tag) = (staging.clone(), tag.clone());
            let look = self.link.ask("staged", Some(id), move |world| {
                world.destination.tagged(&staging, &tag)
            });
            match look.await {
                Ok(staged) => break staged,
                Err(_) => self.link.sim.clock.sleep(500).await,
            }
        };
        let report = IngestReport { items, staged };
        Ok(event(
            number,
            BlockEvent::IngestReported {
                attempt,
                files: files_of(manifest),
                report,
            },
        ))
    }

    pub(super) async fn drop_staged(
        &self,
        table: &Handle,
        id: &ActivityId,
        number: BlockNumber,
        tag: AttemptTag,
    ) -> Happened {
        let Some(block) = block_of(table, number) else {
            return Ok(Vec::new());
        };
        let BlockState::Abandoning { attempt, .. } = block.state else {
            return Ok(Vec::new());
        };
        let (staging, own) = (staging_of(table), tag.as_str().to_owned());
        self.link
            .ask("drop", Some(id), move |world| {
                world.drop_staged(&staging, &own)
            })
            .await?;
        let (staging, own) = (staging_of(table), tag.as_str().to_owned());
        let name = staging.clone();
        let (left, exists) = self
            .link
            .ask("staged", Some(id), move |world| {
                let left = world.destination.tagged(&staging, &own).extents.len();
                (left, world.destination.tables.contains_key(&staging))
            })
            .await?;
        if left > 0 {
            return Err(Trouble::Refused);
        }
        let mut events = event(number, BlockEvent::NothingStaged { attempt });
        if !exists {
            events.push(ActivityEvent::StagingLost { name });
        }
        Ok(events)
    }
}

fn files_of(manifest: &Manifest) -> Vec<ExportedFile> {
    match &manifest.files {
        ManifestFiles::Inline(files) => files.clone(),
        ManifestFiles::Stored { .. } => Vec::new(),
    }
}

fn failure_of(progress: &Progress) -> Failure {
    match progress {
        Progress::TimedOut => Failure::TimedOut,
        Progress::Running
        | Progress::Throttled
        | Progress::Failed
        | Progress::Exported(_)
        | Progress::Ingested(_)
        | Progress::Moved => Failure::Operation {
            state: "Failed".to_owned(),
            status: "a fault".to_owned(),
        },
    }
}
