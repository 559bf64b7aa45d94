//! Begins a run: the lease, the job's record, the clusters, the databases.

use std::sync::Arc;

use kusto_copy_kusto::{
    Call, Cluster, ClusterUri, Credentials, NoCredentials, Secret, Settings, StaticToken,
};
use kusto_copy_staging::Lake;
use kusto_copy_store::Store;
use uuid::Uuid;

use crate::Control;
use crate::catalog::Catalog;
use crate::clock::now;
use crate::effects::Workplace;
use crate::engine::{Engine, Side};
use crate::error::DriverError;
use crate::job::{DatabasePair, JobDefinition, RunOptions};
use crate::lease::JobLease;
use crate::persist::{JobRecord, StoredActivity, StoredDatabase, job_key, read, write_or_read};
use crate::report::{JobState, Report};

/// The clusters of a job, reachable and of the right kind.
pub(crate) struct Clusters {
    source: Cluster,
    destination: Cluster,
}

impl Clusters {
    /// Connects to both and makes sure that each is a query endpoint and knows its databases.
    async fn connect(
        definition: &JobDefinition,
        options: &RunOptions,
    ) -> Result<Self, DriverError> {
        let source = cluster(&definition.source, options)?;
        let destination = cluster(&definition.destination, options)?;
        let call = Call::new("KC.connect", "kusto-copy connect");
        tokio::try_join!(source.version(&call), destination.version(&call))?;
        for pair in &definition.databases {
            source.database(&pair.source).identity(&call).await?;
            destination
                .database(&pair.destination)
                .identity(&call)
                .await?;
        }
        Ok(Self {
            source,
            destination,
        })
    }
}

fn cluster(uri: &str, options: &RunOptions) -> Result<Cluster, DriverError> {
    let (uri, _) = ClusterUri::parse(uri).map_err(|error| DriverError::Preflight {
        what: error.to_string(),
        remedy:
            "give the query endpoint, for example https://mycluster.westeurope.kusto.windows.net"
                .to_owned(),
    })?;
    let credentials: Arc<dyn Credentials> = match std::env::var(StaticToken::VARIABLE) {
        Ok(token) => Arc::new(StaticToken::new(Secret::new(token))),
        Err(_) => Arc::new(NoCredentials),
    };
    let settings = Settings {
        allow_row_level_security: options.force_incomplete_reads,
        ..Settings::default()
    };
    Cluster::connect(uri, credentials, settings).map_err(|error| DriverError::Preflight {
        what: error.to_string(),
        remedy: "correct what the message names, then start again".to_owned(),
    })
}

/// See [`crate::run`].
pub(crate) async fn run(
    definition: JobDefinition,
    options: RunOptions,
    store: Arc<dyn Store>,
    lake: Arc<dyn Lake>,
    control: Control,
) -> Result<Report, DriverError> {
    // Whose lake it is comes first: nothing else of a job may be touched by another.
    let known = read::<JobRecord>(store.as_ref(), &job_key()?).await?;
    if let Some((record, _)) = &known {
        refuse_other_job(record, &definition)?;
    }
    let clusters = Clusters::connect(&definition, &options).await?;
    let lease = JobLease::take(store.as_ref()).await?;
    let epoch = lease.epoch();
    let begun = begin(
        known.map(|(record, _)| record),
        &definition,
        &clusters,
        &options,
        &store,
        &lake,
        epoch,
    );
    let (record, sides) = match begun.await {
        Ok(begun) => begun,
        Err(error) => {
            lease.give_up(store.as_ref()).await;
            return Err(error);
        }
    };
    let job = format!("{} to {}", definition.source, definition.destination);
    let mut engine = Engine::new(
        Arc::clone(&store),
        options,
        lease,
        record.incarnation,
        job,
        sides,
    );
    let mut stop = control.stop.clone();
    let worked = engine.work(&control.progress, &mut stop).await;
    engine.lease.give_up(store.as_ref()).await;
    worked?;
    Ok(control.progress.borrow().clone())
}

/// The job's record and its databases, claimed under the lease's epoch.
async fn begin(
    known: Option<JobRecord>,
    definition: &JobDefinition,
    clusters: &Clusters,
    options: &RunOptions,
    store: &Arc<dyn Store>,
    lake: &Arc<dyn Lake>,
    epoch: u64,
) -> Result<(JobRecord, Vec<Side>), DriverError> {
    let record = match known {
        Some(record) => record,
        None => {
            let record = JobRecord {
                definition: definition.clone(),
                incarnation: format!("{:08x}", Uuid::new_v4().as_fields().0),
            };
            write_or_read(store.as_ref(), &job_key()?, record, None)
                .await?
                .0
        }
    };
    refuse_other_job(&record, definition)?;
    let mut sides = Vec::new();
    for pair in &definition.databases {
        sides.push(side(clusters, pair, &record, options, store, lake, epoch).await?);
    }
    Ok((record, sides))
}

fn refuse_other_job(record: &JobRecord, definition: &JobDefinition) -> Result<(), DriverError> {
    let stored = &record.definition;
    let difference = if stored.source != definition.source {
        format!("it copies from cluster {}", stored.source)
    } else if stored.destination != definition.destination {
        format!("it copies to cluster {}", stored.destination)
    } else if stored.databases != definition.databases {
        let pair = |pair: &DatabasePair| format!("{} to {}", pair.source, pair.destination);
        let pairs: Vec<String> = stored.databases.iter().map(pair).collect();
        format!("it copies database {}", pairs.join(", "))
    } else {
        return Ok(());
    };
    Err(DriverError::OtherJob { difference })
}

async fn side(
    clusters: &Clusters,
    pair: &DatabasePair,
    record: &JobRecord,
    options: &RunOptions,
    store: &Arc<dyn Store>,
    lake: &Arc<dyn Lake>,
    epoch: u64,
) -> Result<Side, DriverError> {
    let mut stored =
        StoredDatabase::load(store.as_ref(), &pair.source, &pair.destination, epoch).await?;
    stored.claim(store.as_ref(), epoch).await?;
    let moment = now();
    let horizon = options.backfill_horizon.map(|horizon| {
        let milliseconds = u64::try_from(horizon.as_millis()).unwrap_or(u64::MAX);
        kusto_copy_core::vocabulary::Millis(moment.0.saturating_sub(milliseconds)).ticks()
    });
    let place = Workplace {
        source: clusters.source.database(&pair.source),
        destination: clusters.destination.database(&pair.destination),
        lake: Arc::clone(lake),
        catalog: Arc::new(Catalog::default()),
        job: format!(
            "{} to {}",
            record.definition.source, record.definition.destination
        ),
        incarnation: record.incarnation.clone(),
        limits: options.limits.clone(),
        horizon,
        adopt_destination: options.adopt_destination,
        force_incomplete_reads: options.force_incomplete_reads,
    };
    Ok(Side {
        stored,
        place: Arc::new(place),
        opened: false,
    })
}

/// See [`crate::status`].
pub(crate) async fn status(store: Arc<dyn Store>) -> Result<Report, DriverError> {
    let Some((record, _)) = read::<JobRecord>(store.as_ref(), &job_key()?).await? else {
        return Err(DriverError::NotARun);
    };
    let mut databases = Vec::new();
    let mut live = Vec::new();
    for pair in &record.definition.databases {
        let stored =
            StoredDatabase::load(store.as_ref(), &pair.source, &pair.destination, 0).await?;
        for activity in stored.due.keys().chain(stored.tidy.keys()) {
            if let Some(found) = StoredActivity::load(store.as_ref(), activity).await? {
                live.push(found.state);
            }
        }
        databases.push(stored);
    }
    let open = databases
        .iter()
        .any(|database| database.record.open().is_some())
        || !live.is_empty();
    let copied = databases
        .iter()
        .any(|database| database.record.committed > 0);
    let state = match (open, copied) {
        (true, _) => JobState::Running,
        (false, true) => JobState::Complete,
        (false, false) => JobState::New,
    };
    Ok(crate::progress::report(
        databases.iter(),
        live.iter(),
        state,
        now(),
    ))
}
