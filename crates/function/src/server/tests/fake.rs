//! A runner that plays jobs as it is told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use kusto_copy_driver::complaint::Complaint;
use kusto_copy_driver::{Cost, Report, Request, StepOutcome, StepReport, TableReport};
use tokio::sync::{Notify, watch};

use crate::runner::Runner;
use crate::settings::{JobSettings, Time};

/// What a job's step does.
#[derive(Debug, Clone)]
pub(super) enum Play {
    /// Comes back with this, and whether work is due.
    Ends(StepOutcome, bool),
    /// Fails.
    Fails,
    /// Breaks off.
    Panics,
    /// Waits for [`Fake::release`].
    Waits,
    /// Never comes back.
    Hangs,
}

/// The runner.
#[derive(Default)]
pub(super) struct Fake {
    plays: Mutex<BTreeMap<String, Play>>,
    steps: Mutex<Vec<(String, Time)>>,
    requests: Mutex<Vec<(String, Request)>>,
    /// Told when a waiting step has begun.
    pub(super) begun: Notify,
    /// Lets a waiting step end.
    pub(super) release: Notify,
    /// Told when a waiting step has ended.
    pub(super) ended: Notify,
    /// Steps that came back.
    pub(super) complete: AtomicU64,
}

impl Fake {
    pub(super) fn play(&self, job: &str, play: Play) {
        let mut plays = self.plays.lock().expect("no test panicked");
        plays.insert(job.to_owned(), play);
    }

    fn of(&self, job: &str) -> Play {
        let plays = self.plays.lock().expect("no test panicked");
        plays
            .get(job)
            .cloned()
            .unwrap_or(Play::Ends(StepOutcome::Worked, false))
    }

    /// The steps so far, by name.
    pub(super) fn steps(&self) -> Vec<(String, Time)> {
        let mut steps = self.steps.lock().expect("no test panicked").clone();
        steps.sort_by(|(one, _), (other, _)| one.cmp(other));
        steps
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.steps().into_iter().map(|(name, _)| name).collect()
    }

    pub(super) fn requests(&self) -> Vec<(String, Request)> {
        self.requests.lock().expect("no test panicked").clone()
    }
}

fn complaint() -> Complaint {
    Complaint::new("the cluster refuses us").remedy("grant the database role `user`")
}

pub(super) fn report() -> Report {
    Report {
        lag_ms: Some(35_000),
        rpo_ms: 300_000,
        tables: vec![TableReport {
            database: "A".to_owned(),
            table: "T".to_owned(),
            state: "held".to_owned(),
            rows: 0,
            blocks: 0,
            bytes: 0,
            rows_planned: 0,
            rows_moved: 0,
            percent: None,
            blocks_by_state: BTreeMap::new(),
            waits: Vec::new(),
            error: Some("two columns differ".to_owned()),
            notes: Vec::new(),
        }],
        ..Report::default()
    }
}

#[async_trait]
impl Runner for Fake {
    async fn step(
        &self,
        job: &JobSettings,
        time: Time,
        _: watch::Receiver<bool>,
    ) -> Result<StepReport, Complaint> {
        let step = (job.name.clone(), time);
        self.steps.lock().expect("no test panicked").push(step);
        let (outcome, work_due) = match self.of(&job.name) {
            Play::Ends(outcome, work_due) => (outcome, work_due),
            Play::Fails => return Err(complaint()),
            Play::Panics => panic!("as played"),
            Play::Hangs => std::future::pending().await,
            Play::Waits => {
                self.begun.notify_one();
                self.release.notified().await;
                self.ended.notify_one();
                (StepOutcome::Worked, false)
            }
        };
        self.complete.fetch_add(1, Ordering::SeqCst);
        Ok(StepReport {
            report: report(),
            outcome,
            work_due,
            next_due: None,
            cost: Cost {
                store_reads: 4,
                store_commits: 3,
                kusto_queries: 2,
                kusto_commands: 1,
                blocks_moved: 7,
                rows_moved: 700,
            },
        })
    }

    async fn status(&self, job: &JobSettings) -> Result<Option<Report>, Complaint> {
        match self.of(&job.name) {
            Play::Fails => Err(complaint()),
            Play::Panics => panic!("as played"),
            Play::Hangs => std::future::pending().await,
            Play::Waits => Ok(None),
            Play::Ends(..) => Ok(Some(report())),
        }
    }

    async fn request(&self, job: &JobSettings, request: Request) -> Result<bool, Complaint> {
        match self.of(&job.name) {
            Play::Fails => Err(complaint()),
            Play::Waits => Ok(false),
            Play::Hangs => std::future::pending().await,
            Play::Ends(..) | Play::Panics => {
                let request = (job.name.clone(), request);
                self.requests
                    .lock()
                    .expect("no test panicked")
                    .push(request);
                Ok(true)
            }
        }
    }
}
