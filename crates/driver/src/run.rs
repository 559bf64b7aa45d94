//! Begins an execution: the job's record, the lease, the databases, the clusters; and ends it:
//! the sign of life, the lease.

use std::sync::Arc;
use std::time::Duration;

use kusto_copy_core::database::Database;
use kusto_copy_core::vocabulary::Millis;
use kusto_copy_staging::Lake;
use kusto_copy_store::Store;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Control;
use crate::catalog::LateCatalog;
use crate::clock::now;
use crate::clusters::Clusters;
use crate::complaint::chain;
use crate::control::ControlRecord;
use crate::cost::{Cost, Meter, Metered};
use crate::effects::Workplace;
use crate::engine::{End, Engine, Pace, Side, Start, opening_due};
use crate::entities::JobEntities;
use crate::error::DriverError;
use crate::heartbeat::Pulse;
use crate::job::{DatabasePair, Job, JobDefinition};
use crate::lease::{JobLease, TERM};
use crate::patient::Patient;
use crate::persist::{JobRecord, StoredDatabase, job_key, lease_key, write_or_read};
use crate::progress::{self, Circumstances};
use crate::report::{JobState, Report};
use crate::step::{StepOutcome, StepReport};

/// How long an execution that is asked to stop waits for answers.
const STOP_GRACE: Duration = Duration::from_secs(7);

#[cfg(test)]
mod tests;

/// What came of an execution.
enum Execution {
    /// It had the job to itself.
    Ended(Box<StepReport>),
    /// Another worker drives the job.
    Busy {
        /// Seconds until its lease ends, unless it goes on.
        seconds: u64,
        /// What finding that out used.
        cost: Cost,
    },
}

/// See [`crate::run`].
pub(crate) async fn run(
    job: Job,
    store: Arc<dyn Store>,
    lake: Arc<dyn Lake>,
    control: Control,
) -> Result<Report, DriverError> {
    match execute(job, store, lake, control, Pace::Loop).await? {
        Execution::Ended(ended) => Ok(ended.report),
        Execution::Busy { seconds, .. } => Err(DriverError::Busy { seconds }),
    }
}

/// See [`crate::step`].
pub(crate) async fn step(
    job: Job,
    store: Arc<dyn Store>,
    lake: Arc<dyn Lake>,
    control: Control,
) -> Result<StepReport, DriverError> {
    let pace = Pace::Step(job.options.style);
    match execute(job, store, lake, control, pace).await? {
        Execution::Ended(report) => Ok(*report),
        Execution::Busy { seconds, cost } => Ok(StepReport {
            report: Report {
                state: JobState::Running,
                at: Some(now()),
                cost: Some(cost),
                ..Report::default()
            },
            outcome: StepOutcome::Busy { seconds },
            work_due: false,
            next_due: None,
            cost,
        }),
    }
}

/// Takes the job's lease, works, leaves a sign of life and gives the lease back.
async fn execute(
    mut job: Job,
    store: Arc<dyn Store>,
    lake: Arc<dyn Lake>,
    control: Control,
    pace: Pace,
) -> Result<Execution, DriverError> {
    let begun = Instant::now();
    let meter = Arc::new(Meter::default());
    let store = Patient::over(store, lease_key()?, TERM);
    let store = Metered::over(store, Arc::clone(&meter));
    // Whose lake it is comes first: nothing else of a job may be touched by another.
    let known = JobEntities::load(store.as_ref()).await?;
    if let Some(record) = &known.job {
        refuse_other_job(record, &job.definition)?;
        // Its databases may be spelt in another case now: what is stored knows them by the first.
        job.definition.clone_from(&record.definition);
    }
    // A process that somebody started says at once what is wrong; so does the first step.
    let clusters = if pace == Pace::Loop || known.job.is_none() {
        let clusters = Clusters::connect(&job, &meter)?;
        clusters.check(&job.definition).await?;
        Some(clusters)
    } else {
        None
    };
    let lease = match JobLease::take(&store).await {
        Ok(lease) => lease,
        Err(DriverError::Busy { seconds }) => {
            let cost = meter.cost();
            return Ok(Execution::Busy { seconds, cost });
        }
        Err(error) => return Err(error),
    };
    let rpo = u64::try_from(job.options.rpo.as_millis()).unwrap_or(u64::MAX);
    let pulse = Pulse::new(known.heartbeat, lease.epoch(), rpo, now());
    let beginning = Beginning {
        job,
        store,
        lake,
        meter,
        pace,
        begun,
        control: known.control,
    };
    let ended = beginning
        .work(known.job, clusters, lease, pulse, control)
        .await?;
    Ok(Execution::Ended(Box::new(ended)))
}

/// What an execution has before its lease.
struct Beginning {
    job: Job,
    store: Arc<dyn Store>,
    lake: Arc<dyn Lake>,
    meter: Arc<Meter>,
    pace: Pace,
    begun: Instant,
    control: ControlRecord,
}

impl Beginning {
    async fn work(
        self,
        known: Option<JobRecord>,
        clusters: Option<Clusters>,
        lease: JobLease,
        mut pulse: Pulse,
        control: Control,
    ) -> Result<StepReport, DriverError> {
        let store = Arc::clone(&self.store);
        let begun = match self.databases(&lease).await {
            Ok(databases) => {
                if let Some(rest) = self.at_rest(&databases) {
                    let rested = self.rest(databases, rest, &mut pulse, &control).await;
                    lease.give_up().await;
                    return Ok(rested.at_cost(self.meter.cost()));
                }
                // Reading may have taken longer than the lease: what another took is not claimed.
                match lease.ensure().await {
                    Ok(()) => self.begin(known, clusters, databases, lease.epoch()).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        match begun {
            Ok((incarnation, sides)) => {
                let definition = &self.job.definition;
                let engine = Engine::new(Start {
                    store,
                    lease,
                    incarnation,
                    job: format!("{} to {}", definition.source, definition.destination),
                    sides,
                    control: self.control,
                    pulse,
                    meter: Arc::clone(&self.meter),
                    pace: self.pace,
                    begun: self.begun,
                    options: self.job.options,
                });
                drive(engine, control, &self.meter).await
            }
            Err(error) => {
                failed(&mut pulse, store.as_ref(), &error).await;
                lease.give_up().await;
                Err(error)
            }
        }
    }

    async fn databases(&self, lease: &JobLease) -> Result<Vec<StoredDatabase>, DriverError> {
        let mut databases = Vec::new();
        for pair in &self.job.definition.databases {
            let (source, destination) = (&pair.source, &pair.destination);
            let store = self.store.as_ref();
            let epoch = lease.epoch();
            // The end of a job needs every table, and a process shows them all.
            let found = if self.pace == Pace::Loop || !self.job.options.continuous {
                StoredDatabase::load(store, source, destination, epoch).await?
            } else {
                StoredDatabase::load_markers(store, source, destination, epoch).await?
            };
            databases.push(found);
        }
        Ok(databases)
    }

    /// When a step has nothing to do: why, and when the next one has.
    fn at_rest(&self, databases: &[StoredDatabase]) -> Option<(StepOutcome, Option<Millis>)> {
        let (options, moment) = (&self.job.options, now());
        let at_rest = |database: &StoredDatabase| database.is_at_rest(options, moment);
        let rests = self.pace != Pace::Loop && databases.iter().all(at_rest);
        if !rests {
            return None;
        }
        if self.control.paused.is_some() {
            return Some((StepOutcome::Paused, None));
        }
        let due = |record: &Database| opening_due(record, &self.job.options, self.pace, false);
        let next = databases
            .iter()
            .flat_map(|database| [due(&database.record), database.next_sweep()])
            .flatten()
            .min();
        let is_due = self.control.has_requests() || next.is_some_and(|at| at <= moment);
        (!is_due).then_some((StepOutcome::Idle, next))
    }

    /// A step without work: the sign of life is all it leaves.
    async fn rest(
        &self,
        databases: Vec<StoredDatabase>,
        (outcome, next_due): (StepOutcome, Option<Millis>),
        pulse: &mut Pulse,
        control: &Control,
    ) -> StepReport {
        let moment = now();
        let lag = progress::lag(databases.iter().map(|database| &database.record), moment);
        let rows = pulse.record.rows;
        pulse.sample(moment, lag, rows);
        pulse
            .beat(self.store.as_ref(), outcome.name(), next_due, None, moment)
            .await;
        let state = progress::state_at_rest(databases.iter().map(|found| &found.record));
        let circumstances = Circumstances {
            paused: self.control.paused,
            pulse: Some(&pulse.record),
            cost: Some(self.meter.cost()),
        };
        let report = progress::report(databases.iter(), std::iter::empty(), state, moment);
        let report = circumstances.add_to(report);
        control.progress.send_replace(report.clone());
        StepReport {
            report,
            outcome,
            work_due: false,
            next_due,
            cost: self.meter.cost(),
        }
    }

    /// The job's incarnation and its databases, claimed under the lease's epoch.
    async fn begin(
        &self,
        known: Option<JobRecord>,
        clusters: Option<Clusters>,
        databases: Vec<StoredDatabase>,
        epoch: u64,
    ) -> Result<(String, Vec<Side>), DriverError> {
        let clusters = match clusters {
            Some(clusters) => clusters,
            None => Clusters::connect(&self.job, &self.meter)?,
        };
        let definition = &self.job.definition;
        let record = match known {
            Some(record) => record,
            None => {
                let record = JobRecord {
                    definition: definition.clone(),
                    incarnation: format!("{:08x}", Uuid::new_v4().as_fields().0),
                };
                write_or_read(self.store.as_ref(), &job_key()?, record, None)
                    .await?
                    .0
            }
        };
        refuse_other_job(&record, definition)?;
        let mut sides = Vec::new();
        for (pair, mut stored) in definition.databases.iter().zip(databases) {
            stored.claim(self.store.as_ref(), epoch).await?;
            sides.push(Side {
                stored,
                place: Arc::new(self.place(&clusters, pair, &record)),
                opened: false,
                obstacle: None,
            });
        }
        Ok((record.incarnation, sides))
    }

    fn place(&self, clusters: &Clusters, pair: &DatabasePair, record: &JobRecord) -> Workplace {
        let options = &self.job.options;
        let moment = now();
        let horizon = options.backfill_horizon.map(|horizon| {
            let milliseconds = u64::try_from(horizon.as_millis()).unwrap_or(u64::MAX);
            Millis(moment.0.saturating_sub(milliseconds)).ticks()
        });
        let definition = &record.definition;
        Workplace {
            source: clusters.source.database(&pair.source),
            destination: clusters.destination.database(&pair.destination),
            lake: Arc::clone(&self.lake),
            catalog: Arc::new(LateCatalog::default()),
            looks: Arc::default(),
            job: format!("{} to {}", definition.source, definition.destination),
            incarnation: record.incarnation.clone(),
            limits: options.limits.clone(),
            horizon,
            adopt_destination: options.adopt_destination,
            force_incomplete_reads: options.force_incomplete_reads,
        }
    }
}

/// Works until the end, or until what is in flight is not waited for any longer: its answers
/// count as lost then, and whoever comes next looks. Nothing is sent any more when the lease is
/// given up.
pub(crate) async fn drive(
    mut engine: Engine,
    control: Control,
    meter: &Meter,
) -> Result<StepReport, DriverError> {
    let mut stop = control.stop.clone();
    let overdue = overdue(engine.deadline(), control.stop.clone());
    let worked = tokio::select! {
        worked = engine.work(&control.progress, &mut stop) => Some(worked),
        () = overdue => None,
    };
    let end = match worked {
        Some(Ok(end)) => end,
        None => {
            tracing::info!("what is in flight is left to the next execution");
            engine.end_effects().await;
            engine.store_the_rest().await;
            engine.cut()
        }
        Some(Err(error)) => {
            engine.end_effects().await;
            if !matches!(error, DriverError::TakenOver) {
                engine.store_the_rest().await;
            }
            let store = Arc::clone(&engine.store);
            failed(&mut engine.pulse, store.as_ref(), &error).await;
            engine.report(&control.progress, JobState::Failed, true);
            engine.lease.give_up().await;
            return Err(error);
        }
    };
    let End {
        state,
        outcome,
        work_due,
        next_due,
    } = end;
    engine.beat(outcome.name(), next_due, None, now()).await;
    engine.report(&control.progress, state, true);
    engine.lease.give_up().await;
    let report = control.progress.borrow().clone();
    let ended = StepReport {
        report,
        outcome,
        work_due,
        next_due,
        cost: meter.cost(),
    };
    Ok(ended.at_cost(meter.cost()))
}

async fn overdue(deadline: Option<Instant>, mut stop: watch::Receiver<bool>) {
    let budget = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let stopped = async {
        // An error means that nobody can ask any more.
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        () = budget => {}
        () = stopped => {}
    }
}

/// The sign of an execution that failed. A worker that was taken over leaves none.
async fn failed(pulse: &mut Pulse, store: &dyn Store, error: &DriverError) {
    if matches!(error, DriverError::TakenOver) {
        return;
    }
    pulse
        .beat(store, "failed", None, Some(chain(error)), now())
        .await;
}

/// Whether these are the same databases: their names have no case (facts §9).
fn same_databases(stored: &[DatabasePair], asked: &[DatabasePair]) -> bool {
    let same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
    stored.len() == asked.len()
        && stored.iter().zip(asked).all(|(stored, asked)| {
            same(&stored.source, &asked.source) && same(&stored.destination, &asked.destination)
        })
}

fn refuse_other_job(record: &JobRecord, definition: &JobDefinition) -> Result<(), DriverError> {
    let stored = &record.definition;
    let difference = if stored.source != definition.source {
        format!("it copies from cluster {}", stored.source)
    } else if stored.destination != definition.destination {
        format!("it copies to cluster {}", stored.destination)
    } else if !same_databases(&stored.databases, &definition.databases) {
        let pair = |pair: &DatabasePair| format!("{} to {}", pair.source, pair.destination);
        let pairs: Vec<String> = stored.databases.iter().map(pair).collect();
        format!("it copies database {}", pairs.join(", "))
    } else {
        return Ok(());
    };
    Err(DriverError::OtherJob { difference })
}
